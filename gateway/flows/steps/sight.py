"""What a transaction has read around the identifiers that callers ask for.

Each row is read once: whoever asks for many names them all first, in one call, and afterwards one by one, from memory.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

from gateway.consent.ledger import LedgerView
from gateway.profiles.model import Member, Profile
from gateway.storage.records import SeenRecord, StoredLink, ViewRow
from gateway.storage.unit_of_work import UnitOfWork


class Sight:
    """Ledger facts, records, demotions and profiles as this transaction sees them."""

    def __init__(self, unit: UnitOfWork) -> None:
        self.ledger = LedgerView()
        self._unit = unit
        self._heard: set[int] = set()
        self._asserting: dict[int, set[int]] = {}
        self._records: dict[int, SeenRecord] = {}
        self._links: dict[int, list[StoredLink]] = {}
        self._checked: dict[str, set[int]] = defaultdict(set)
        self._shared: dict[str, set[int]] = defaultdict(set)
        self._homes: dict[str, dict[int, int | None]] = defaultdict(dict)
        self._profiles: dict[int, tuple[list[Member], Profile | None]] = {}

    def hear(self, identifiers: Iterable[int]) -> None:
        """Have the ledger's facts of these identifiers in `ledger`."""
        missing = set(identifiers) - self._heard
        self._heard |= missing
        for fact in self._unit.ledger.facts(missing):
            self.ledger.add(fact)

    def sent_by(self, channel: str, identifiers: Collection[int]) -> set[int]:
        """Which of `identifiers` a record of this channel asserts."""
        self._meet(identifiers)
        return {
            one for one in identifiers if any(self._records[row].channel == channel for row in self._asserting[one])
        }

    def records(self, graph: str, identifiers: Collection[int]) -> dict[int, list[ViewRow]]:
        """Active records of `graph` that assert any of `identifiers` -> all their linking links."""
        self._meet(identifiers)
        around = set().union(*(self._asserting[one] for one in identifiers))
        active = sorted(one for one in around if self._records[one].active and self._records[one].graph == graph)
        missing = [one for one in active if one not in self._links]
        self._links.update({one: [] for one in missing})
        for link in self._unit.records.links(missing):
            self._links[link.record_id].append(link)
        return {one: rows for one in active if (rows := [*self._view(one)])}

    def shared(self, graph: str, identifiers: Collection[int]) -> set[int]:
        """Which of `identifiers` trusted records have demoted in `graph`."""
        missing = set(identifiers) - self._checked[graph]
        self._checked[graph] |= missing
        if missing:
            self._shared[graph] |= self._unit.profiles.demotions(graph, missing)[0]
        return self._shared[graph].intersection(identifiers)

    def homes(self, graph: str, identifiers: Collection[int]) -> set[int]:
        """The profiles of `identifiers` in `graph`."""
        known = self._homes[graph]
        missing = [one for one in identifiers if one not in known]
        known.update(dict.fromkeys(missing))
        known.update(self._unit.profiles.home_of(graph, missing))
        return {home for one in identifiers if (home := known[one]) is not None}

    def profiles(self, profile_ids: Collection[int]) -> dict[int, tuple[list[Member], Profile | None]]:
        """Profile ids -> their members and rows; None for one that has just been merged away."""
        missing = [one for one in profile_ids if one not in self._profiles]
        members, rows = self._unit.profiles.load(missing)
        there = {row.profile_id: row for row in rows}
        self._profiles.update({one: ([], there.get(one)) for one in missing})
        for member in members:
            self._profiles[member.profile_id][0].append(member)
        return {one: self._profiles[one] for one in profile_ids}

    def _meet(self, identifiers: Collection[int]) -> None:
        """Know all records that assert these identifiers."""
        missing = [one for one in identifiers if one not in self._asserting]
        self._asserting.update({one: set() for one in missing})
        for identifier, record_id in self._unit.records.asserting(missing):
            self._asserting[identifier].add(record_id)
        unseen = set().union(*(self._asserting[one] for one in missing)) - self._records.keys()
        self._records.update({row.record_id: row for row in self._unit.records.seen(unseen)})

    def _view(self, record_id: int) -> Iterable[ViewRow]:
        row = self._records[record_id]
        for link in self._links[record_id]:
            if link.linking:
                yield ViewRow(
                    record_id,
                    link.identifier_id,
                    link.kind,
                    link.value,
                    link.cut,
                    row.regimes,
                    row.channel,
                    row.observed_at,
                )
