"""Journey: an approved access or portability request is run (GDPR Art. 15, 20; Cal. Civ. Code 1798.110).

The person's records, consents, links, disclosures and requests become a ZIP of JSON, CSV and a readable page. What the
person supplied in the request stands with its own text; every other identifier by kind, channels and dates. Ids are
made for this export alone. The package is sealed, kept for the policy's days, and erased with the person. Nothing of a
record that speaks of another person, or of a profile that is somebody else's, is in it.
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from gateway.audit.entries import EntryKind
from gateway.consent.model import PERMISSIVE, EventKind
from gateway.flows.context import Caller, Gateway, check_store
from gateway.flows.steps.ancestry import Ancestry, ancestry, trail
from gateway.flows.steps.entries import Scribe
from gateway.flows.steps.name import until_fresh
from gateway.flows.steps.preflight import whom
from gateway.flows.steps.reach import Reach, values_in
from gateway.flows.steps.requests import (
    StoredRequest,
    completed,
    note_step,
    outside_id,
    read,
    subjects_of,
    with_request,
    write,
)
from gateway.flows.steps.signals import signal_context
from gateway.flows.steps.subjects import texts_of
from gateway.identifiers.sealing import seal, unseal
from gateway.kernel.clock import DAY, day_of
from gateway.matching.exact import RULE
from gateway.rights.export import (
    ConsentRow,
    DisclosureRow,
    IdentifierRow,
    LinkRow,
    RecordRow,
    RequestRow,
    SubjectExport,
)
from gateway.rights.model import RequestKind, RightsRequest, State
from gateway.rights.package import build_package
from gateway.rights.verification import proves
from gateway.storage.identifiers import StoredIdentifier
from gateway.storage.ledger import LedgerRow
from gateway.storage.rights import SubjectRow
from gateway.storage.tenants import TenantStore
from gateway.storage.unit_of_work import UnitOfWork

PORTABLE_BASES = frozenset({"consent", "explicit_consent", "separate_consent", "parental_consent", "contract"})
PORTABLE_BASES = frozenset({"consent", "contract"})
"""Portability reaches only what rests on consent or contract (GDPR Art. 20(1)(a))."""


def export(gateway: Gateway, caller: Caller, request_id: int) -> StoredRequest:
    """Run a request that is running -> the completed request; its package can be fetched until it expires.

    Raises Unavailable when consents keep changing under it.
    """
    return until_fresh(lambda: _export(gateway, caller, request_id))


def _export(gateway: Gateway, caller: Caller, request_id: int) -> StoredRequest:
    with gateway.storage.begin(caller.tenant_id, write=True, partition=False) as unit:
        check_store(gateway, unit, merging=False)
        stored = read(unit, request_id, lock=True)
        if stored.request.state is not State.RUNNING:
            return stored
        now = gateway.clock.now()
        restrictions = unit.log.head().restrictions
        content = _collect(gateway, unit, stored, now)
        keys = gateway.keys.tenant(caller.tenant_id)
        sealed = seal(keys, f"package {outside_id(stored.request)}", build_package(content))
        unit.log.lock_unchanged(restrictions)
        days = gateway.policies.retention.export_package_days
        unit.rights.put_package(request_id, sealed, now + days * DAY)
        done = completed(stored.request, now)
        counts = {
            "pseudonym": len(content.identifiers),
            "record": len(content.records),
            "ledger": len(content.consents),
        }
        stored = replace(with_request(stored, done), counts=counts)
        write(unit, stored)
        scribe = Scribe.of(caller, gateway.policies.digest, now)
        note_step(unit, scribe, done, "receipt")
        disclosed = {"request": outside_id(done)}
        unit.log.append([scribe.write(EntryKind.DISCLOSURE_MADE, f"rights.{done.kind.value}", {}, disclosed)])
        unit.rights.forget_texts(request_id)
        unit.commit()
    return stored


def _collect(gateway: Gateway, unit: UnitOfWork, stored: StoredRequest, now: int) -> SubjectExport:
    who = whom(gateway, unit, stored)
    portable = stored.request.kind is RequestKind.PORTABILITY
    events = unit.ledger.rows(who.identifiers)
    if portable:
        events = [event for event in events if event.basis in PORTABLE_BASES]
        who = _portable(who, {event.position for event in events if event.kind in PERMISSIVE})
    past = Ancestry() if portable else _past(gateway, unit, who)
    salt = os.urandom(16)
    values = values_in(who.records)
    names = {one: _name(salt, values.of(one)) for one in {**who.identifiers, **who.shared}}
    return SubjectExport(
        controller=gateway.controller,
        regime=stored.request.regime,
        request=outside_id(stored.request),
        made_at=now,
        purposes={name: purpose.description for name, purpose in gateway.policies.purposes.items()},
        identifiers=_identifiers(gateway, unit, stored, who, names),
        records=_records(who, names),
        consents=_consents(events, _signals(gateway, unit, events), names),
        links=_links(who, past),
        requests=_requests(gateway, unit, stored, who),
        disclosures=_disclosures(unit, who, past),
    )


def _portable(who: Reach, grants: AbstractSet[int]) -> Reach:
    """What rests on consent or contract: those records, the identifiers in them and what the request proved."""
    records = [held for held in who.records if not grants.isdisjoint(map(int, held.row.basis.split()))]
    named = {link.identifier_id for held in records for link in held.links} | who.proved
    identifiers = {one: row for one, row in who.identifiers.items() if one in named}
    shared = {one: row for one, row in who.shared.items() if one in named}
    return replace(who, records=records, identifiers=identifiers, shared=shared)


def _past(gateway: Gateway, unit: UnitOfWork, who: Reach) -> Ancestry:
    homes = {one for graph in gateway.policies.graphs for one in unit.profiles.home_of(graph, who.identifiers).values()}
    begin = trail(unit, homes, [held.row.record_id for held in who.records], who.identifiers)
    return ancestry(unit, homes, begin, who.identifiers)


def _name(salt: bytes, identifier: int) -> str:
    return hashlib.blake2s(identifier.to_bytes(8, "big"), key=salt, digest_size=6).hexdigest()


def _identifiers(
    gateway: Gateway, unit: UnitOfWork, stored: StoredRequest, who: Reach, names: dict[int, str]
) -> tuple[IdentifierRow, ...]:
    """The person's own, and what their records name besides."""
    subjects = unit.rights.subjects(stored.request.id)
    texts = texts_of(gateway, unit.tenant_id, stored.request, subjects)
    seen: dict[int, list[tuple[str, int]]] = defaultdict(list)
    for row, links, _ in who.records:
        for link in links:
            seen[link.identifier_id].append((row.channel, row.observed_at))
    beside = {one: row for one, row in who.shared.items() if one in seen}
    values: dict[str, list[StoredIdentifier]] = defaultdict(list)
    for one, identifier in {**who.identifiers, **beside}.items():
        values[names[one]].append(identifier)
    rows = []
    for name, digests in values.items():
        sent = [each for one in digests for each in seen[one.identifier_id]]
        rows.append(
            IdentifierRow(
                id=name,
                kind=digests[0].kind,
                channels=tuple(sorted({channel for channel, _ in sent})),
                first_seen=min((at for _, at in sent), default=stored.request.received_at),
                last_seen=max((at for _, at in sent), default=stored.request.received_at),
                supplied=next((texts[one.token] for one in digests if one.token in texts), ""),
            )
        )
    return tuple(rows)


def _records(who: Reach, names: dict[int, str]) -> tuple[RecordRow, ...]:
    return tuple(
        RecordRow(
            channel=row.channel,
            observed_at=row.observed_at,
            purpose=row.purpose,
            rule=row.rule,
            identifiers=tuple(dict.fromkeys(names[one.identifier_id] for one in links if one.identifier_id in names)),
        )
        for row, links, _ in who.records
    )


def _signals(gateway: Gateway, unit: UnitOfWork, events: Sequence[LedgerRow]) -> dict[int, str]:
    """The strings that were received, by the position of the event that says so."""
    keys = gateway.keys.tenant(unit.tenant_id)
    tokens = {row.position: row.basis for row in events if row.kind == EventKind.SIGNAL}
    return {
        at: unseal(keys, signal_context(tokens[at]), sealed).decode()
        for at, sealed in unit.ledger.signals(tokens).items()
    }


def _consents(events: Sequence[LedgerRow], signals: Mapping[int, str], names: dict[int, str]) -> tuple[ConsentRow, ...]:
    """One row for each event and identifier, however many digests of it the event stands on."""
    named = {(row.position, names[row.identifier_id]): row for row in events if row.identifier_id in names}
    return tuple(
        ConsentRow(
            kind=row.kind,
            purpose=row.purpose,
            day=day_of(row.occurred_at),
            channel=row.channel,
            legal_basis="" if row.kind == EventKind.SIGNAL else row.basis,
            method=row.method,
            notice=row.notice,
            identifier=name,
            signal=signals.get(row.position, ""),
        )
        for (_, name), row in named.items()
    )


def _links(who: Reach, past: Ancestry) -> tuple[LinkRow, ...]:
    """Changes whose entries name one of the person's identifiers, with the kinds of those."""
    kinds = {at: sorted({who.identifiers[one].kind for one in named}) for at, named in past.named.items() if named}
    events = {row.position: (row.made_at, row.kind) for row in past.rows}
    return tuple(
        LinkRow(when=events[at][0], event=events[at][1], rule=RULE, kinds=tuple(several))
        for at, several in sorted(kinds.items())
    )


def _requests(gateway: Gateway, unit: UnitOfWork, stored: StoredRequest, who: Reach) -> tuple[RequestRow, ...]:
    """The person's requests, this one among them; not those in which somebody else merely named them."""
    tokens = {identifier.token for identifier in who.identifiers.values()}
    tokens |= {row.token for row in subjects_of(gateway, unit, stored)}
    requests = [read(unit, one).request for one in unit.rights.requests_about(tokens)]
    return tuple(
        RequestRow(
            id=outside_id(one),
            kind=one.kind.value,
            state=one.state.value,
            received_at=one.received_at,
            due_at=one.due_at,
            completed_at=one.completed_at,
        )
        for one in requests
        if _is_theirs(one, unit.rights.subjects(one.id), tokens)
    )


def _is_theirs(request: RightsRequest, subjects: Sequence[SubjectRow], tokens: AbstractSet[bytes]) -> bool:
    theirs = [row for row in subjects if row.token in tokens]
    return len(theirs) == len(subjects) or any(proves(request.proof, row.kind) for row in theirs)


def _disclosures(unit: UnitOfWork, who: Reach, past: Ancestry) -> tuple[DisclosureRow, ...]:
    """To whom the person's profiles were shown: those that ended, the living ones since they hold the person."""
    since = dict.fromkeys(past.ended, 0)
    for row in sorted(past.rows):
        if row.profile_id in who.profiles and past.named[row.position]:
            since.setdefault(row.profile_id, row.position)
    rows = [row for row in unit.disclosures.disclosures_of(since) if row.position >= since[row.profile_id]]
    names = {client.client_id: client.name for client in TenantStore(unit.session).clients(unit.tenant_id)}
    return tuple(
        DisclosureRow(recipient=names.get(row.client_id, "a former client"), when=row.made_at, purpose=row.purpose)
        for row in rows
    )
