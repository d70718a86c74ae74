"""The privacy office of a simulated tenant: requests go their whole way, packages are opened, stores come back old.

office = Office.of(tenant)
request = office.complete("erasure", "email:anna")       submitted, looked at, approved and run
office.package(office.complete("access", "email:bob"))   what the person is given, by file name
"""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from gateway.flows import rights
from gateway.flows.admin import create_client
from gateway.flows.context import Caller, Role
from gateway.flows.messages import Identifier
from gateway.flows.query_consent import query_consent
from gateway.flows.requests import ConsentQuery, ResolveRequest, RightsSubmission
from gateway.flows.resolve import ask, resolve, resolve_all
from gateway.flows.run_rights import run_approved
from gateway.flows.steps.requests import outside_id, request_id
from gateway.flows.views import ConsentState, ProfileView, RequestView
from gateway.identifiers.model import HashedIdentifier
from gateway.rights.model import Action, RequestKind, State
from gateway.rights.receipt import ErasureReceipt
from tests.flows.rigs import store_of
from tests.simulator import MATCHING, TenantSimulator, raw

PASSPORT = "id_document_checked"
_LOOKED_AT = frozenset({RequestKind.ACCESS, RequestKind.ERASURE, RequestKind.PORTABILITY})


@dataclass(frozen=True, slots=True)
class Office:
    """The officer of one tenant."""

    tenant: TenantSimulator
    officer: Caller

    @classmethod
    def of(cls, tenant: TenantSimulator) -> Office:
        """A tenant's office, with an officer of its own."""
        row, _ = create_client(
            tenant.gateway,
            tenant.tenant_id,
            name="officer",
            role=Role.DPO,
            channel="office",
            client_class="trusted",
            outcomes=True,
        )
        officer = Caller(tenant.tenant_id, row.client_id, row.name, Role.DPO, "office", "trusted", outcomes=True)
        return cls(tenant, officer)

    def submit(
        self,
        kind: str,
        *labels: str,
        digests: Sequence[str] = (),
        proof: str = PASSPORT,
        jurisdiction: str = "DE",
        purposes: tuple[str, ...] = (),
        received_at: int | None = None,
        client: str = "",
        reference: str = "",
    ) -> RequestView:
        """A request of the person with these identifiers; those of `digests` come as UID2 digests of their e-mail."""
        tenant = self.tenant
        tenant.labels.update([*labels, *digests])
        named: list[Identifier] = [raw(label) for label in labels]
        named += [HashedIdentifier("email", sha256(raw(one).value.encode()).digest(), "uid2") for one in digests]
        moment = tenant.clock.now() if received_at is None else received_at
        submission = RightsSubmission(RequestKind(kind), tuple(named), jurisdiction, proof, moment, purposes)
        caller = tenant.callers[client] if client else self.officer
        return rights.submit(tenant.gateway, caller, submission, reference)

    def act(self, request: str, action: Action, **options: Any) -> RequestView:
        """One action of the officer."""
        return rights.act(self.tenant.gateway, self.officer, request, action, **options)

    def approve(self, request: str, *, include_hanging: bool = False) -> RequestView:
        """Look at what the run will do, where that is asked for, and approve it -> the view before the approval."""
        view = rights.show(self.tenant.gateway, self.officer, request)
        if view.request.kind in _LOOKED_AT:
            view = self.act(request, Action.PREFLIGHT)
        self.act(request, Action.APPROVE, include_hanging=include_hanging)
        return view

    def run(self) -> dict[str, State]:
        """Run what is approved -> what became of each."""
        done = run_approved(self.tenant.gateway, self.officer)
        return {outside_id(stored.request): stored.request.state for stored in done}

    def complete(self, kind: str, *labels: str, include_hanging: bool = False, **options: Any) -> str:
        """A request from its submission to its end -> its id."""
        request = self.submit(kind, *labels, **options).id
        self.approve(request, include_hanging=include_hanging)
        assert self.run()[request] is State.COMPLETED
        return request

    def state_of(self, request: str) -> State:
        """Where a request stands."""
        return rights.show(self.tenant.gateway, self.officer, request).request.state

    def package(self, request: str) -> dict[str, str]:
        """The export: text by file name."""
        raw_zip = rights.package(self.tenant.gateway, self.officer, request)
        with zipfile.ZipFile(io.BytesIO(raw_zip)) as archive:
            return {name: archive.read(name).decode() for name in archive.namelist()}

    def export(self, kind: str, *labels: str, **options: Any) -> dict[str, Any]:
        """A new export request's content as JSON."""
        content: dict[str, Any] = json.loads(self.package(self.complete(kind, *labels, **options))["export.json"])
        return content

    def receipt(self, request: str) -> ErasureReceipt:
        """The receipt of a completed request."""
        return rights.receipt(self.tenant.gateway, self.officer, request)

    def subjects(self, request: str) -> int:
        """How many identifiers the store still names with a request."""
        with self.tenant.reading() as unit:
            return len(unit.rights.subjects(request_id(request)))

    def counts(self) -> Mapping[str, int]:
        """Rows of every table that can hold somebody's data."""
        tables = (
            *("pseudonym", "profile", "membership", "record", "link", "ledger", "decision"),
            *("change", "disclosure", "outward_id"),
        )
        return {table: self.tenant.counted(table) for table in tables}


def look_up(
    tenant: TenantSimulator, client: str, *labels: str, purpose: str = MATCHING, jurisdiction: str | None = "DE"
) -> ProfileView:
    """What `client` is told about the profile of these identifiers."""
    tenant.labels.update(labels)
    request = ResolveRequest(tuple(raw(label) for label in labels), purpose, jurisdiction)
    return resolve(tenant.gateway, tenant.callers[client], request)


def asked(
    tenant: TenantSimulator,
    client: str,
    *labels: str,
    purpose: str = MATCHING,
    as_of: int | None = None,
    known_at: int | None = None,
    jurisdiction: str | None = "DE",
) -> ConsentState:
    """What `client` is told about the consents of these identifiers."""
    query = ConsentQuery(tuple(raw(label) for label in labels), purpose, as_of, known_at, jurisdiction)
    return query_consent(tenant.gateway, tenant.callers[client], query)


@contextmanager
def put_back_afterwards(tenant: TenantSimulator) -> Iterator[None]:
    """The SQLite store as it is now takes the place of what it becomes inside the block: an old backup is restored."""
    store = store_of(tenant.gateway)
    kept = store.with_suffix(".kept")
    _settle(tenant, store)
    shutil.copy(store, kept)
    yield
    _settle(tenant, store)
    kept.replace(store)


def _settle(tenant: TenantSimulator, store: Path) -> None:
    """Bring everything into the one file."""
    with tenant.gateway.storage.session(write=False) as session:
        session.rollback()
        session.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    tenant.gateway.storage.engine.dispose()
    for suffix in ("-wal", "-shm"):
        store.with_name(store.name + suffix).unlink(missing_ok=True)


def look_up_id(
    tenant: TenantSimulator, client: str, *ids: str, purpose: str = MATCHING, jurisdiction: str | None = "DE"
) -> list[ProfileView]:
    """What `client` is told about the profiles that these ids of its name, in one transaction."""
    caller = tenant.callers[client]
    requests = [ResolveRequest((), purpose, jurisdiction, profile_id=one) for one in ids]
    return resolve_all(tenant.gateway, caller, [ask(tenant.gateway, caller, one) for one in requests])
