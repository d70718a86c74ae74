"""Journey: an approved opt-out, objection or restriction is run (GDPR Art. 18, 21; 11 CCR 7026, 7027).

The request becomes ledger events on every identifier of the person; links without a basis go; the journal has it
before the commit. Somebody the store does not know is remembered all the same.
"""

from __future__ import annotations

from dataclasses import replace

from gateway.consent.model import ANY_PURPOSE, EventKind
from gateway.flows.context import Caller, Gateway, check_store
from gateway.flows.messages import ConsentAssertion
from gateway.flows.record_consent import write_hearing
from gateway.flows.steps.entries import Scribe
from gateway.flows.steps.hear import Hearing
from gateway.flows.steps.journal import JournaledAct, remember, write_acts
from gateway.flows.steps.load import surroundings
from gateway.flows.steps.name import as_stored, hidden, somebody
from gateway.flows.steps.preflight import whom
from gateway.flows.steps.prepare import Named
from gateway.flows.steps.requests import (
    StoredRequest,
    acted_on,
    completed,
    note_step,
    read,
    with_request,
    write,
)
from gateway.identifiers.keys import KeyPurpose
from gateway.rights.model import RequestKind, State
from gateway.storage.tombstones import ERASED
from gateway.storage.unit_of_work import UnitOfWork

OPT_OUT_PURPOSES = ("sale", "sharing", "targeted_advertising")
"""What an opt-out covers when it names no purpose (Cal. Civ. Code 1798.120, 1798.135)."""

_EVENTS = {
    RequestKind.OPT_OUT: EventKind.OPT_OUT,
    RequestKind.OBJECTION: EventKind.OBJECT,
    RequestKind.RESTRICTION: EventKind.RESTRICT,
}


def restrict(gateway: Gateway, caller: Caller, request_id: int) -> StoredRequest:
    """Run a request that is running -> the completed request."""
    with gateway.storage.begin(caller.tenant_id, write=True) as unit:
        check_store(gateway, unit, merging=False)
        stored = read(unit, request_id, lock=True)
        if stored.request.state is not State.RUNNING:
            return stored
        person = _person(gateway, unit, stored)
        people = [_without_erased(gateway, unit, stored, person)]
        around = surroundings(gateway, unit, people, gateway.policies.graphs)
        hearing = Hearing(around.ledger, around.rules, around.now)
        for assertion in _assertions(stored):
            hearing.bind(assertion, people[0].ids, (stored.request.regime,))
        retracted = write_hearing(gateway, caller, unit, around, hearing)
        counts = {
            "ledger": sum(len(event.identifiers) for event in hearing.events),
            "record": sum(len(records) for records in retracted.values()),
        }
        done = completed(stored.request, around.now)
        stored = replace(with_request(stored, done), counts=counts)
        write(unit, stored)
        note_step(unit, Scribe.of(caller, gateway.policies.digest, around.now), done, "receipt")
        unit.rights.forget_texts(request_id)
        unit.commit()
    return stored


def _person(gateway: Gateway, unit: UnitOfWork, stored: StoredRequest) -> Named:
    """Everything the request reaches, and the identifiers of the request the store does not know yet."""
    who = whom(gateway, unit, stored)
    others = {row.token for row in who.shared.values()}
    named = [one for one in acted_on(gateway, unit, stored) if others.isdisjoint(one.tokens)]
    known = {token for one in named for token in one.tokens}
    theirs = [row for row in [*who.identifiers.values(), *who.staying.values()] if row.token not in known]
    return somebody(gateway, [*named, *(as_stored(unit, row) for row in theirs)])


def _without_erased(gateway: Gateway, unit: UnitOfWork, stored: StoredRequest, person: Named) -> Named:
    """Who was erased stays out of the store: their restriction is remembered beside the tombstone, for their return."""
    key = gateway.keys.tenant(unit.tenant_id).hmac(KeyPurpose.SUPPRESS)
    buried = {one.token: hidden(key, one) for one in person.pseudonyms}
    standing = unit.tombstones.find([one for several in buried.values() for one in several], gateway.clock.now())
    erased = {token: stone.chain for token, several in standing.items() for stone in several if stone.scope == ERASED}
    if not erased:
        return person
    acts: list[JournaledAct] = [
        {
            "tokens": sorted(token.hex() for token in erased),
            "derived": False,
            "kind": str(one.kind),
            "purpose": one.purpose,
            "occurred_at": one.occurred_at,
            "regimes": stored.request.regime,
            "known": {token.hex(): (chain, 0) for token, chain in erased.items()},
        }
        for one in _assertions(stored)
    ]
    write_acts(gateway, unit, acts)
    remember(gateway, unit, acts, ())
    return somebody(gateway, [one for one in person.pseudonyms if erased.keys().isdisjoint(buried[one.token])])


def _assertions(stored: StoredRequest) -> list[ConsentAssertion]:
    request = stored.request
    kind = _EVENTS[request.kind]
    everything = OPT_OUT_PURPOSES if request.kind is RequestKind.OPT_OUT else (ANY_PURPOSE,)
    purposes = request.purposes or everything
    return [
        ConsentAssertion(kind, purpose, request.received_at, "", f"rights.{request.kind.value}") for purpose in purposes
    ]
