"""Journey: an approved access or portability request is run (GDPR Art. 15, 20; Cal. Civ. Code 1798.110).

The person's records, consents, links, disclosures and requests become a ZIP of JSON, CSV and a readable page. What the
person supplied in the request stands with its own text; every other identifier by kind, channels and dates. Ids are
made for this export alone. The package is sealed, kept for the policy's days, and erased with the person.
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from dataclasses import replace

from gateway.audit.entries import EntryKind
from gateway.flows.context import Caller, Gateway, check_store
from gateway.flows.steps.entries import Scribe
from gateway.flows.steps.preflight import whom
from gateway.flows.steps.reach import Reach
from gateway.flows.steps.requests import (
    StoredRequest,
    note_step,
    outside_id,
    read,
    texts_of,
    with_request,
    write,
)
from gateway.identifiers.sealing import seal
from gateway.kernel.clock import DAY, day_of
from gateway.rights.export import (
    ConsentRow,
    DisclosureRow,
    IdentifierRow,
    LinkRow,
    RecordRow,
    RequestRow,
    SubjectExport,
)
from gateway.rights.model import RequestKind, State
from gateway.rights.package import build_package
from gateway.storage.tenants import TenantStore
from gateway.storage.unit_of_work import UnitOfWork

PORTABLE_BASES = frozenset({"consent", "contract"})
"""Portability reaches only what rests on consent or contract (GDPR Art. 20(1)(a))."""


def export(gateway: Gateway, caller: Caller, request_id: int) -> StoredRequest:
    """Run a request that is running -> the completed request; its package can be fetched until it expires."""
    with gateway.storage.begin(caller.tenant_id, write=True, partition=False) as unit:
        check_store(gateway, unit, merging=True)
        stored = read(unit, request_id, lock=True)
        if stored.request.state is not State.RUNNING:
            return stored
        now = gateway.clock.now()
        restrictions = unit.log.head().restrictions
        who = whom(gateway, unit, stored)
        content = _collect(gateway, unit, stored, who, now)
        keys = gateway.keys.tenant(caller.tenant_id)
        sealed = seal(keys, f"package {outside_id(stored.request)}", build_package(content))
        unit.log.lock_unchanged(restrictions)
        days = gateway.policies.retention.export_package_days
        unit.rights.put_package(request_id, sealed, now + days * DAY)
        done = replace(stored.request, state=State.COMPLETED, completed_at=now)
        counts = {
            "pseudonym": len(content.identifiers),
            "record": len(content.records),
            "ledger": len(content.consents),
        }
        stored = replace(with_request(stored, done), counts=counts)
        write(unit, stored)
        scribe = Scribe.of(caller, gateway.policies.digest, now)
        note_step(unit, scribe, done, "receipt")
        disclosed = {"request": outside_id(done), "profiles": [f"{one:x}" for one in sorted(who.profiles)]}
        unit.log.append([scribe.write(EntryKind.DISCLOSURE_MADE, f"rights.{done.kind.value}", {}, disclosed)])
        unit.commit()
    return stored


def _collect(gateway: Gateway, unit: UnitOfWork, stored: StoredRequest, who: Reach, now: int) -> SubjectExport:
    salt = os.urandom(16)
    names = {one: _name(salt, one) for one in who.identifiers}
    portable = stored.request.kind is RequestKind.PORTABILITY
    return SubjectExport(
        controller=gateway.controller,
        regime=stored.request.regime,
        request=outside_id(stored.request),
        made_at=now,
        purposes={name: purpose.description for name, purpose in gateway.policies.purposes.items()},
        identifiers=_identifiers(gateway, unit, stored, who, names),
        records=_records(who, names, portable=portable),
        consents=_consents(unit, who, names),
        links=() if portable else _links(unit, who),
        requests=_requests(unit, who),
        disclosures=() if portable else _disclosures(unit, who),
    )


def _name(salt: bytes, identifier: int) -> str:
    return hashlib.blake2s(identifier.to_bytes(8, "big"), key=salt, digest_size=6).hexdigest()


def _identifiers(
    gateway: Gateway, unit: UnitOfWork, stored: StoredRequest, who: Reach, names: dict[int, str]
) -> tuple[IdentifierRow, ...]:
    subjects = unit.rights.subjects(stored.request.id)
    texts = texts_of(gateway, unit.tenant_id, stored.request, subjects)
    seen: dict[int, list[tuple[str, int]]] = defaultdict(list)
    for row in who.records:
        for link in who.links[row.record_id]:
            seen[link.identifier_id].append((row.channel, row.observed_at))
    return tuple(
        IdentifierRow(
            id=names[one],
            kind=identifier.kind,
            channels=tuple(sorted({channel for channel, _ in seen[one]})),
            first_seen=min((at for _, at in seen[one]), default=stored.request.received_at),
            last_seen=max((at for _, at in seen[one]), default=stored.request.received_at),
            supplied=texts.get(identifier.token, ""),
        )
        for one, identifier in who.identifiers.items()
    )


def _records(who: Reach, names: dict[int, str], *, portable: bool) -> tuple[RecordRow, ...]:
    return tuple(
        RecordRow(
            channel=row.channel,
            observed_at=row.observed_at,
            purpose=row.purpose,
            rule=row.rule,
            identifiers=tuple(
                names[link.identifier_id] for link in who.links[row.record_id] if link.identifier_id in names
            ),
        )
        for row in who.records
        if not portable or row.basis
    )


def _consents(unit: UnitOfWork, who: Reach, names: dict[int, str]) -> tuple[ConsentRow, ...]:
    return tuple(
        ConsentRow(
            kind=row.kind,
            purpose=row.purpose,
            day=day_of(row.occurred_at),
            channel=row.channel,
            legal_basis=row.basis,
            method=row.method,
            notice=row.notice,
            identifier=names[row.identifier_id],
        )
        for row in unit.ledger.rows(who.identifiers)
    )


def _links(unit: UnitOfWork, who: Reach) -> tuple[LinkRow, ...]:
    kinds = tuple(sorted({identifier.kind for identifier in who.identifiers.values()}))
    rows = unit.disclosures.changes_of(who.profiles)
    return tuple(LinkRow(when=row.made_at, event=row.kind, rule="exact_identifier.v1", kinds=kinds) for row in rows)


def _requests(unit: UnitOfWork, who: Reach) -> tuple[RequestRow, ...]:
    tokens = [identifier.token for identifier in who.identifiers.values()]
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
    )


def _disclosures(unit: UnitOfWork, who: Reach) -> tuple[DisclosureRow, ...]:
    rows = unit.disclosures.disclosures_of(who.profiles)
    names = {client.client_id: client.name for client in TenantStore(unit.session).clients(unit.tenant_id)}
    return tuple(
        DisclosureRow(recipient=names.get(row.client_id, "a former client"), when=row.made_at, purpose=row.purpose)
        for row in rows
    )
