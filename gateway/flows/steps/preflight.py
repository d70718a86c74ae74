"""What running a request will do, found out by doing it and rolling back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from gateway.flows.context import Gateway, check_store
from gateway.flows.steps.cascade import Counts, apply_erasure, erasure_entry
from gateway.flows.steps.entries import Scribe
from gateway.flows.steps.reach import Held, Reach, reach, values_in
from gateway.flows.steps.requests import StoredRequest, acted_on, read
from gateway.rights.cascade import Preflight
from gateway.rights.model import RequestKind
from gateway.storage.identifiers import StoredIdentifier
from gateway.storage.unit_of_work import UnitOfWork


def preflight(gateway: Gateway, tenant_id: int, request_id: int) -> dict[str, object]:
    """A request -> the figures of `gateway.rights.cascade.Preflight`; nothing is changed."""
    with gateway.storage.begin(tenant_id, write=True) as unit:
        check_store(gateway, unit, merging=False)
        stored = read(unit, request_id)
        who = whom(gateway, unit, stored)
        if stored.request.kind is RequestKind.ERASURE:
            counts = _erasure(gateway, unit, stored, who)
        else:
            counts = _holdings(unit, who)
    regimes = {regime for held in who.records for regime in held.row.regimes.split()}
    return Preflight(
        tables=counts,
        profiles=len(who.profiles),
        shared=Counter(row.kind for row in _one_a_value(who.records, who.shared)),
        untrusted_links=len(_one_a_value(who.records, who.hanging)),
        backup_days=gateway.policies.retention.backups_days,
        jurisdictions=tuple(sorted(regimes)),
    ).as_json()


def _one_a_value(records: Sequence[Held], rows: Mapping[int, StoredIdentifier]) -> Sequence[StoredIdentifier]:
    values = values_in(records)
    return [*{values.of(one): row for one, row in rows.items()}.values()]


def whom(gateway: Gateway, unit: UnitOfWork, stored: StoredRequest) -> Reach:
    """The person a stored request is about, by the identifiers it may act on."""
    tokens = [token for one in acted_on(gateway, unit, stored) for token in one.tokens]
    return reach(gateway, unit, tokens, stored.request.received_at, include_hanging=stored.include_hanging)


def _erasure(gateway: Gateway, unit: UnitOfWork, stored: StoredRequest, who: Reach) -> Counts:
    proved = acted_on(gateway, unit, stored)
    entry, found = erasure_entry(gateway, unit.tenant_id, stored.request.id, stored.request.regime, who, proved)
    scribe = Scribe("system", "preflight", gateway.policies.digest, gateway.clock.now())
    named = [token for one in proved for token in one.tokens]
    return apply_erasure(gateway, unit, scribe, entry, found, named)


def _holdings(unit: UnitOfWork, who: Reach) -> Counts:
    return {
        "pseudonym": len(_one_a_value(who.records, who.identifiers)),
        "record": len(who.records),
        "link": sum(len(held.links) for held in who.records),
        "ledger": len(unit.ledger.positions(who.identifiers)),
        "disclosure": len(unit.disclosures.disclosures_of(who.profiles)),
    }
