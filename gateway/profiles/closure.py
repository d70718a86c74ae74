"""The connected evidence around a change: every record that can have a say in it.

Demoted identifiers are not walked through: they link nobody, and only the removal of a record can restore one,
which is counted before the walk begins.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from gateway.policy.model import KindRule
from gateway.profiles.model import Evidence, Member, Profile
from gateway.profiles.neighborhood import Neighborhood
from gateway.profiles.partition import shared


class LinkRow(NamedTuple):
    """One stored link: a record's assertion of one linkable identifier."""

    record_id: int
    identifier_id: int
    kind: str
    ordinal: int
    value: int
    forms: int
    cut: bool
    trusted: bool
    observed_at: int
    tiebreak: bytes
    regimes: str


class ClosureReader(Protocol):
    """What the walk asks of the store. Each call is a fixed number of statements."""

    def links_around(self, identifiers: Collection[int], *, trusted_only: bool) -> list[LinkRow]:
        """All links of all active records that assert any of `identifiers`."""
        ...

    def homes(self, identifiers: Collection[int]) -> tuple[list[Member], list[Profile]]:
        """The profiles of `identifiers`, each with all its members."""
        ...

    def demotions(self, identifiers: Collection[int]) -> tuple[set[int], set[int]]:
        """Which of `identifiers` are demoted by trusted, and by public records."""
        ...


@dataclass(slots=True)
class Closure:
    """Connected evidence as it will stand after the change, with today's cuts and outside demotions."""

    records: list[Evidence]
    cuts: dict[tuple[int, int], bool] = field(default_factory=dict)
    demoted: frozenset[int] = frozenset()
    demoted_public: frozenset[int] = frozenset()
    touched: set[int] = field(default_factory=set)  # identifiers met on the way, also of removed records
    added: set[int] = field(default_factory=set)  # records that are new
    _beside: dict[int, list[Evidence]] = field(default_factory=dict)

    def identifiers(self) -> set[int]:
        """All identifiers concerned."""
        return self.touched.union(*(record.identifiers for record in self.records))

    def surroundings(
        self, members: Collection[int], kinds: Mapping[int, KindRule]
    ) -> tuple[int, bool, bool, frozenset[str], list[int]]:
        """Members of one component -> (identifiers beside it, touched by the public?, `Profile.hanging`, regimes, new
        records).
        """
        if not self._beside:
            for record in self.records:
                for identifier in record.identifiers:
                    self._beside.setdefault(identifier, []).append(record)
        touching = {record.record_id: record for one in members for record in self._beside.get(one, ())}.values()
        outside = {one for record in touching for one in record.identifiers}.difference(members)
        regimes = frozenset(regime for record in touching for regime in record.regimes)
        new = sorted(record.record_id for record in touching if record.record_id in self.added)
        public = any(not record.trusted for record in touching)
        placed = {one for record in touching if record.trusted for one in record.identifiers}
        several = {one for record in touching for digests in record.several() for one in digests}
        hanging = public and any(kinds[one].scope == "person" or one in several for one in {*members} - placed)
        return len(outside), public, hanging, regimes, new


def connected(
    seeds: Collection[int],
    added: Sequence[Evidence],
    removed: Mapping[int, tuple[int, ...]],
    near: Neighborhood,
    reader: ClosureReader,
) -> Closure:
    """Walk the stored and the added evidence outward from `seeds` and from the identifiers of `removed` records."""
    lost = {one for identifiers in removed.values() for one in identifiers}
    _learn_demotions(lost, near, reader)
    demoted, demoted_public = set(near.demoted), set(near.demoted_public)
    _restore(lost, removed, near, reader, demoted, trusted=True)
    _restore(lost, removed, near, reader, demoted_public, trusted=False)
    by_identifier: dict[int, list[Evidence]] = defaultdict(list)
    for record in added:
        for identifier in record.identifiers:
            by_identifier[identifier].append(record)
    rows: dict[tuple[int, int], LinkRow] = {}
    fresh: dict[int, Evidence] = {}
    seen: set[int] = set()
    frontier = set(seeds) | lost
    while frontier:
        seen |= frontier
        met = frontier - lost
        by_trusted, by_public = _learn_demotions(met, near, reader)
        demoted |= by_trusted
        demoted_public |= by_public
        homeless = {one for one in frontier if one not in near.home}
        if homeless:
            near.learn(*reader.homes(homeless))
        walk = {one for one in frontier if one not in demoted and one not in demoted_public}
        half = {one for one in frontier if one not in demoted and one in demoted_public}
        found = reader.links_around(walk, trusted_only=False) if walk else []
        found += reader.links_around(half, trusted_only=True) if half else []
        rows.update({(row.record_id, row.identifier_id): row for row in found})
        near.learn_kinds({row.identifier_id: row.kind for row in found})
        beside = [record for one in walk for record in by_identifier.get(one, ())]
        beside += [record for one in half for record in by_identifier.get(one, ()) if record.trusted]
        fresh.update({record.record_id: record for record in beside})
        reached = {row.identifier_id for row in found}.union(*(record.identifiers for record in beside))
        frontier = reached - seen
    stored = [record for record in evidence_of(rows.values()) if record.record_id not in removed]
    cuts = {key: row.cut for key, row in rows.items() if key[0] not in removed}
    return Closure([*stored, *fresh.values()], cuts, frozenset(demoted), frozenset(demoted_public), seen, set(fresh))


def _restore(
    lost: Collection[int],
    removed: Mapping[int, tuple[int, ...]],
    near: Neighborhood,
    reader: ClosureReader,
    demoted: set[int],
    *,
    trusted: bool,
) -> None:
    """Take identifiers out of `demoted` that fall back under their limit without the removed records."""
    doubtful = demoted.intersection(lost)
    if doubtful:
        rows = reader.links_around(doubtful, trusted_only=trusted)
        near.learn_kinds({row.identifier_id: row.kind for row in rows})
        left = [record for record in evidence_of(rows) if record.trusted == trusted and record.record_id not in removed]
        demoted.difference_update(doubtful - shared(left, near.kinds))


def _learn_demotions(
    identifiers: Collection[int], near: Neighborhood, reader: ClosureReader
) -> tuple[set[int], set[int]]:
    """Load which identifiers are demoted into `near` -> the same two sets."""
    if not identifiers:
        return set(), set()
    by_trusted, by_public = reader.demotions(identifiers)
    near.demoted |= by_trusted
    near.demoted_public |= by_public
    return by_trusted, by_public


def evidence_of(rows: Iterable[LinkRow]) -> list[Evidence]:
    """Links -> the records they are of."""
    by_record: dict[int, list[LinkRow]] = defaultdict(list)
    for row in rows:
        by_record[row.record_id].append(row)
    records = []
    for record_id, links in by_record.items():
        links.sort(key=lambda row: row.ordinal)
        one = links[0]
        records.append(
            Evidence(
                record_id,
                one.trusted,
                one.observed_at,
                one.tiebreak,
                tuple([row.identifier_id for row in links]),
                tuple(one.regimes.split()),
                tuple([row.value for row in links]),
                tuple([row.forms for row in links]),
            )
        )
    return records
