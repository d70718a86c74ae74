"""The erasure's cascade (GDPR Art. 17, CCPA 1798.105): one transaction, all tables, from the journal's entry.

The entry is made first and written to the journal; applying it is the same act whether the run goes through, is
resumed after a crash, or is replayed on a restored backup. What stays: tombstones, the log without openings, and the
request's accountability half.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TypedDict

from gateway.audit.entries import EntryKind
from gateway.flows.context import Gateway
from gateway.flows.steps.entries import Scribe
from gateway.flows.steps.reach import Reach
from gateway.identifiers.keys import KeyPurpose
from gateway.identifiers.pseudonyms import tombstone_token
from gateway.kernel.clock import DAY
from gateway.kernel.ids import draw
from gateway.profiles.engine import Plan, plan
from gateway.profiles.neighborhood import Neighborhood
from gateway.storage.disclosures import ChangeRow
from gateway.storage.log import Entry
from gateway.storage.records import StoredLink
from gateway.storage.tombstones import ERASED, Tombstone
from gateway.storage.unit_of_work import UnitOfWork

Counts = dict[str, int]


class ErasureEntry(TypedDict):
    """An erasure in the journal: hex tombstone tokens of all identifiers erased, and which of them stay as tombstones."""

    type: str
    request: str
    regime: str
    tokens: list[str]
    tombstones: list[tuple[str, int | None]]
    erased_at: int


def erasure_entry(
    gateway: Gateway, tenant_id: int, request_id: int, regime: str, who: Reach, proved: Sequence[tuple[bytes, str]]
) -> ErasureEntry:
    """What will be erased, as the journal keeps it. `proved` are (token, kind) of the request itself."""
    key = gateway.keys.tenant(tenant_id).hmac(KeyPurpose.SUPPRESS)
    now = gateway.clock.now()
    kinds = {row.token: row.kind for row in who.identifiers.values()}
    shared = {row.token for row in who.shared.values()}
    kinds.update({token: kind for token, kind in proved if token not in shared})
    tombstones: list[tuple[str, int | None]] = []
    for token, kind in sorted(kinds.items()):
        if gateway.policies.kinds[kind].tombstoned:
            days = gateway.policies.retention.tombstone_days.get(kind)
            tombstones.append((tombstone_token(key, token).hex(), None if days is None else now + days * DAY))
    return {
        "type": "erasure",
        "request": f"{request_id:x}",
        "regime": regime,
        "tokens": [tombstone_token(key, token).hex() for token in sorted(kinds)],
        "tombstones": tombstones,
        "erased_at": now,
    }


def apply_erasure(
    gateway: Gateway, unit: UnitOfWork, scribe: Scribe, entry: ErasureEntry, identifiers: Collection[int]
) -> Counts:
    """Erase `identifiers` (those of the entry that the store holds) from every table -> rows per table."""
    erased = set(identifiers)
    counts: Counts = {}
    tokens = [row.token for row in unit.identifiers.describe(erased)]
    records = unit.records.of(erased)
    links = unit.records.links(records)
    profiles = {home for graph in gateway.policies.graphs for home in unit.profiles.home_of(graph, erased).values()}
    plans = _plans(gateway, unit, records, links)
    positions = _positions(unit, profiles)
    ledger = unit.ledger.positions(erased)
    counts["tombstone"] = len(entry["tombstones"])
    unit.tombstones.put(_tombstones(gateway, unit, entry))
    counts["record"], counts["link"] = unit.records.delete(records)
    counts["membership"] = sum(len(planned.homeless) for _, planned in plans.values())
    counts["profile"] = _write_partition(unit, scribe, plans, profiles)
    counts["ledger"] = unit.ledger.erase(ledger)
    counts["log_opening"] = unit.log.erase_openings({*positions, *ledger})
    counts["change"] = unit.disclosures.erase_changes(profiles)
    counts["disclosure"] = unit.disclosures.erase_disclosures(profiles)
    counts["demotion"] = unit.profiles.forget_demotions(erased)
    orphans = {link.identifier_id for link in links} - erased
    orphans -= unit.records.asserted(orphans)
    orphans -= {fact.identifier_id for fact in unit.ledger.facts(orphans)}
    counts["pseudonym"] = unit.identifiers.delete(erased | orphans)
    about = unit.rights.requests_about(tokens)
    counts["right_package"] = unit.rights.drop_packages(about)
    counts["right_subject"] = unit.rights.forget_tokens(tokens)
    return counts


def _plans(
    gateway: Gateway, unit: UnitOfWork, records: Sequence[int], links: Sequence[StoredLink]
) -> dict[str, tuple[Neighborhood, Plan]]:
    """What leaving of these records does to the partition of each graph."""
    plans: dict[str, tuple[Neighborhood, Plan]] = {}
    active = {row.record_id: row.graph for row in unit.records.get(records) if row.active}
    for graph in sorted(set(active.values())):
        removed: dict[int, tuple[int, ...]] = {}
        kinds: dict[int, str] = {}
        for link in links:
            if link.linking and active.get(link.record_id) == graph:
                removed[link.record_id] = (*removed.get(link.record_id, ()), link.identifier_id)
                kinds[link.identifier_id] = link.kind
        near = Neighborhood(gateway.policies.kinds)
        near.learn_kinds(kinds)
        reader = unit.profiles.reader(graph)
        near.learn(*reader.homes(kinds))
        near.demoted, near.demoted_public = reader.demotions(kinds)
        plans[graph] = near, plan(near, [], removed, reader, lambda: draw(1)[0])
    return plans


def _write_partition(
    unit: UnitOfWork, scribe: Scribe, plans: Mapping[str, tuple[Neighborhood, Plan]], profiles: Collection[int]
) -> int:
    """Apply the plans with entries that say nothing of the erased -> how many profiles ended."""
    base = unit.log.lock().size
    entries: list[Entry] = []
    rows: list[ChangeRow] = []
    ended: set[int] = set()
    for graph, (near, planned) in plans.items():
        for change in planned.changes:
            if change.profile_id not in profiles and change.kind != "dissolved":
                rows.append(ChangeRow(base + len(entries), change.profile_id, change.kind, "part", scribe.now))
            entries.append(scribe.bare_change(graph, change))
        kinds = [(one, near.kinds[one].name) for one in planned.moved]
        unit.profiles.apply(graph, planned, kinds, base)
        ended |= planned.ended
    for profile in sorted(ended & set(profiles)):
        rows.append(ChangeRow(base + len(entries), profile, "erased", "erased", scribe.now))
    entries.append(scribe.write(EntryKind.RIGHT_STEP, "rights.erasure", {"step": "cascade", "profiles": len(ended)}))
    unit.log.append(entries, restrictions=1)
    unit.disclosures.add_changes(rows)
    return len(ended)


def _positions(unit: UnitOfWork, profiles: set[int]) -> set[int]:
    """Entries about these profiles, those that merged into them, and those they were split from or into."""
    positions: set[int] = set()
    absorbed = set(profiles)
    frontier = set(profiles)
    while frontier:
        rows = unit.disclosures.changes_of(frontier)
        positions.update(row.position for row in rows)
        beside = unit.disclosures.changes_at({row.position for row in rows})
        frontier = {row.profile_id for row in beside if row.role == "absorbed"} - absorbed
        absorbed |= frontier
    profiles |= absorbed
    positions.update(row.position for row in unit.disclosures.disclosures_of(profiles))
    return positions


def _tombstones(gateway: Gateway, unit: UnitOfWork, entry: ErasureEntry) -> list[Tombstone]:
    chain = gateway.keys.tenant(unit.tenant_id).chain
    return [
        Tombstone(
            bytes.fromhex(token),
            chain,
            entry["regime"],
            ERASED,
            "erasure",
            int(entry["request"], 16),
            entry["erased_at"],
            ends_at,
        )
        for token, ends_at in entry["tombstones"]
    ]
