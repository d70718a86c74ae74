"""Stored records that no longer have a basis leave the partition: consent tightened, or spoke up again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import NamedTuple

from gateway.consent.decide import Subject, decide
from gateway.consent.ledger import LedgerView
from gateway.consent.model import Decision, Refusal
from gateway.flows.steps.stored import subject_of
from gateway.kernel.ids import draw
from gateway.policy.model import PolicySet
from gateway.profiles.engine import Plan, plan
from gateway.profiles.model import Evidence
from gateway.profiles.neighborhood import Neighborhood
from gateway.storage.records import RecordRow, StoredLink
from gateway.storage.unit_of_work import UnitOfWork

Retracted = dict[str, dict[int, tuple[int, ...]]]
"""Graph -> record -> the identifiers by which it linked."""


def retract(
    policies: PolicySet,
    unit: UnitOfWork,
    ledger: LedgerView,
    near: dict[str, Neighborhood],
    tightened: Collection[int],
    now: int,
) -> Retracted:
    """Decide all active records with a tightened identifier again -> those that are refused now, by graph.

    `ledger` and `near` are extended by what these records need.
    """
    review = _Review(policies, unit, ledger, near, now)
    return review.refused(unit.records.of(tightened, active_only=True))


def plan_until_settled(
    policies: PolicySet,
    unit: UnitOfWork,
    ledger: LedgerView,
    near: dict[str, Neighborhood],
    graph: str,
    *,
    added: Sequence[Evidence],
    removed: dict[int, tuple[int, ...]],
    now: int,
    refuse: Callable[[AbstractSet[int]], Collection[int]] = lambda _: (),
    erased: Collection[int] = (),
) -> tuple[Plan, set[int]]:
    """Plan a change of one graph -> the plan, and stored records that leave besides. Identifiers that are shared no
    longer speak again for the records that assert them: these are decided anew, until none is refused.

    `removed` is extended; `refuse` takes identifiers that are shared no longer and tells which new records they refuse;
    `erased` speak for nobody.
    """
    reader = unit.profiles.reader(graph)
    speaking: set[int] = set()
    left: set[int] = set()
    while True:
        planned = plan(near[graph], added, removed, reader, lambda: draw(1)[0])
        back = {one for one, shared in planned.demoted.items() if not shared} - speaking
        if not back:
            return planned, left
        speaking |= back
        review = _Review(policies, unit, ledger, near, now, graph, frozenset(speaking), frozenset(erased))
        refused = review.refused(unit.records.of(back, active_only=True)).get(graph, {})
        removed.update({one: linking for one, linking in refused.items() if one not in removed})
        left |= refused.keys()
        gone = left.union(refuse(speaking))
        added = [one for one in added if one.record_id not in gone]


class Reviewed(NamedTuple):
    """A stored record with its links, and what is decided on it now."""

    row: RecordRow
    links: Sequence[StoredLink]
    decision: Decision


def review(
    policies: PolicySet,
    unit: UnitOfWork,
    ledger: LedgerView,
    near: dict[str, Neighborhood],
    record_ids: Collection[int],
    now: int,
) -> list[Reviewed]:
    """Decide stored records again; `ledger` and `near` are extended by what they need."""
    return _Review(policies, unit, ledger, near, now).decided(record_ids)


def refused_of(reviewed: Iterable[Reviewed]) -> Retracted:
    """Of reviewed records those that are refused, by graph."""
    found: Retracted = {}
    for row, links, decision in reviewed:
        if isinstance(decision, Refusal):
            linking = tuple(link.identifier_id for link in links if link.linking)
            found.setdefault(row.graph, {})[row.record_id] = linking
    return found


@dataclass(frozen=True, slots=True)
class _Review:
    """Stored records decided again: of all graphs, or of the one in which `speaking` are shared no longer."""

    policies: PolicySet
    unit: UnitOfWork
    ledger: LedgerView
    near: dict[str, Neighborhood]
    now: int
    graph: str = ""
    speaking: frozenset[int] = frozenset()
    erased: frozenset[int] = frozenset()

    def decided(self, record_ids: Collection[int]) -> list[Reviewed]:
        """These records with what is decided on each now."""
        rows = [row for row in self.unit.records.get(record_ids) if self.graph in ("", row.graph)]
        links = self.unit.records.links_of([row.record_id for row in rows])
        kinds = {link.identifier_id: link.kind for several in links.values() for link in several}
        for fact in self.unit.ledger.facts([one for one in kinds if not self.ledger.facts(one)]):
            self.ledger.add(fact)
        for graph in sorted({row.graph for row in rows}):
            extend(self.policies, self.unit, self.near, graph, kinds)
        return [Reviewed(row, links[row.record_id], self._decision(row, links[row.record_id])) for row in rows]

    def refused(self, record_ids: Collection[int]) -> Retracted:
        """Which of these records are refused now, by graph."""
        return refused_of(self.decided(record_ids))

    def _decision(self, row: RecordRow, links: Sequence[StoredLink]) -> Decision:
        subject = self._subject(row.graph, row.channel, links)
        return decide(self.policies, row.regimes.split(), row.purpose, subject, self.ledger, self.now)

    def _subject(self, graph: str, channel: str, links: Sequence[StoredLink]) -> Subject:
        silent = (self.near[graph].demoted - self.speaking) | self.erased
        return subject_of(self.policies, channel, links, silent)


def extend(
    policies: PolicySet, unit: UnitOfWork, near: dict[str, Neighborhood], graph: str, kinds: dict[int, str]
) -> None:
    """Make sure homes and demotions of these identifiers are known in `near[graph]`."""
    neighborhood = near.setdefault(graph, Neighborhood(policies.kinds))
    neighborhood.learn_kinds(kinds)
    missing = [one for one in kinds if one not in neighborhood.home]
    reader = unit.profiles.reader(graph)
    members, profiles = reader.homes(missing)
    neighborhood.learn(members, profiles)
    by_trusted, by_public = reader.demotions(missing)
    neighborhood.demoted |= by_trusted
    neighborhood.demoted_public |= by_public
