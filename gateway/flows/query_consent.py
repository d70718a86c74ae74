"""Journey: what the ledger says about a purpose, now or as it was known at a moment in the past."""

from __future__ import annotations

from gateway.consent.authority import LEDGER_SCOPES
from gateway.consent.decide import Subject, decide
from gateway.consent.ledger import LedgerView
from gateway.consent.model import RESTRICTIVE, Fact, Permit
from gateway.flows.context import Caller, Gateway, Role, check_store
from gateway.flows.record_consent import check_purpose
from gateway.flows.requests import ConsentQuery
from gateway.flows.steps.name import name, recognize, until_fresh
from gateway.flows.steps.prepare import Names, digest_all
from gateway.flows.views import ConsentState, IdentifierConsent


def query_consent(gateway: Gateway, caller: Caller, query: ConsentQuery) -> ConsentState:
    """Identifiers and a purpose -> what is decided for them, and the deciding event of each.

    A channel gets answers only for identifiers it has sent itself; others look as if the ledger were silent.
    Raises InvalidInput for an unknown purpose or identifiers that break a rule.
    """
    caller.require(Role.CHANNEL, Role.DPO)
    check_purpose(gateway.policies, query.purpose)
    names = digest_all(query.identifiers, gateway.policies, query.jurisdiction)
    now = gateway.clock.now()
    as_of = now if query.as_of is None else query.as_of
    known_at = now if query.known_at is None else query.known_at
    found, visible, ledger = until_fresh(lambda: _known(gateway, caller, names, as_of, known_at))
    ids = [found.get(one.token, 0) for one in names.pseudonyms]
    scopes = {
        one if one in visible else -place: rule.speaks_as
        for place, (one, rule) in enumerate(zip(ids, names.rules, strict=True), start=1)
        if rule.scope in LEDGER_SCOPES
    }
    regimes = gateway.policies.regimes_for(query.jurisdiction)
    decision = decide(gateway.policies, regimes, query.purpose, Subject(scopes, caller.channel), ledger, as_of)
    rows: dict[int, tuple[tuple[bool, int, int], IdentifierConsent]] = {}
    for place, one, rule in zip(names.values, ids, names.rules, strict=True):
        fact = ledger.state(one, query.purpose, caller.channel) if one in visible else None
        known = rows.get(place)
        if known is None or (fact is not None and _weight(fact) > known[0]):
            rows[place] = _weight(fact), _answer(place, rule.name, fact)
    return ConsentState(
        purpose=query.purpose,
        permitted=isinstance(decision, Permit),
        rule=decision.rule,
        reason=str(decision.reason),
        regimes=decision.regimes,
        as_of=as_of,
        known_at=known_at,
        identifiers=tuple(answer for _, answer in rows.values()),
    )


def _known(
    gateway: Gateway, caller: Caller, names: Names, as_of: int, known_at: int
) -> tuple[dict[bytes, int], set[int], LedgerView]:
    """(Tokens -> ids, ids that the caller may ask about, what the ledger said of these)."""
    name(gateway, caller.tenant_id, [names])
    with gateway.storage.begin(caller.tenant_id, write=False) as unit:
        check_store(gateway, unit, merging=False)
        found, _ = recognize(gateway, unit, names.pseudonyms)
        visible = set(found.values())
        if caller.role is Role.CHANNEL:
            visible = unit.records.sent_by(caller.channel, visible) | unit.ledger.stated_by(caller.channel, visible)
        return found, visible, LedgerView(unit.ledger.facts_at(visible, as_of, known_at))


def _weight(fact: Fact | None) -> tuple[bool, int, int]:
    """Of what stands on several digests of one value, what restricts decides, then what the person did last."""
    return (False, -1, -1) if fact is None else (fact.kind in RESTRICTIVE, fact.occurred_at, fact.position)


def _answer(place: int, kind: str, fact: Fact | None) -> IdentifierConsent:
    return IdentifierConsent(
        place=place,
        kind=kind,
        event="" if fact is None else str(fact.kind),
        occurred_at=None if fact is None else fact.occurred_at,
        position=None if fact is None else fact.position,
        derived=fact is not None and fact.derived,
    )
