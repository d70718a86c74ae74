"""Journey: what another policy set would change, before it is put in force. Writes nothing.

Every record in force is decided for every purpose under both sets, as the ledger stands: what one permits and the other
does not is counted. Records that were refused are not kept, so whom the new set would let in is known only for purposes
of records that are there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from gateway.consent.decide import decide
from gateway.consent.ledger import LedgerView
from gateway.consent.model import Permit
from gateway.flows.context import Caller, Gateway, Role, check_store
from gateway.flows.steps.stored import subject_of
from gateway.policy.model import PolicySet
from gateway.storage.records import RecordRow, StoredLink
from gateway.storage.unit_of_work import UnitOfWork

RUN: Final = 1_000

Way = Literal["narrowed", "widened"]


@dataclass(slots=True)
class Moved:
    """What changes for one purpose: profiles, each once, records in force, and their links (several digests of a value
    are one).
    """

    profiles: set[int] = field(default_factory=set, repr=False)
    records: int = 0
    links: int = 0

    @property
    def subjects(self) -> int:
        """How many people it concerns, as far as profiles tell them apart."""
        return len(self.profiles)


@dataclass(frozen=True, slots=True)
class Simulated:
    """How many records were looked at, and what changes by purpose, in each way."""

    records: int
    moves: Mapping[tuple[str, Way], Moved]


def simulate(
    gateway: Gateway,
    caller: Caller,
    old: PolicySet,
    new: PolicySet,
    *,
    looked_at: Callable[[int], object] = lambda _: None,
) -> Simulated:
    """Two policy sets -> what putting the second in place of the first would change for the caller's tenant.

    `looked_at` is told how many records more. Needs the role dpo or admin. Raises BehindJournal and Unavailable.
    """
    caller.require(Role.DPO, Role.ADMIN)
    moves: dict[tuple[str, Way], Moved] = defaultdict(Moved)
    count = last = 0
    while True:
        with gateway.storage.begin(caller.tenant_id, write=False) as unit:
            check_store(gateway, unit, merging=False)
            run = unit.records.after(last, RUN)
            if not run:
                return Simulated(count, dict(sorted(moves.items())))
            for links, homes, decided in _decided(gateway, unit, run, (old, new)):
                for purpose, (before, after) in decided.items():
                    if before != after:
                        moved = moves[purpose, "widened" if after else "narrowed"]
                        moved.profiles |= homes
                        moved.records += 1
                        moved.links += len({link.value for link in links if link.linking})
        last, count = run[-1], count + len(run)
        looked_at(len(run))


_Case = tuple[Sequence[StoredLink], set[int], Mapping[str, tuple[bool, bool]]]


def _decided(
    gateway: Gateway, unit: UnitOfWork, run: Collection[int], sets: tuple[PolicySet, PolicySet]
) -> Iterator[_Case]:
    """Records -> each with its links, its profiles, and whether each set permits each purpose."""
    now = gateway.clock.now()
    rows = unit.records.get(run)
    links = unit.records.links_of([row.record_id for row in rows])
    ids = {link.identifier_id for several in links.values() for link in several}
    ledger = LedgerView(unit.ledger.facts(ids))
    silent = {graph: unit.profiles.demotions(graph, ids)[0] for graph in {row.graph for row in rows}}
    home = {graph: unit.profiles.home_of(graph, ids) for graph in silent}
    purposes = [one for one in sets[0].purposes if one in sets[1].purposes]
    for row in rows:
        speaking = [link for link in links[row.record_id] if link.identifier_id not in silent[row.graph]]
        decided: dict[str, tuple[bool, bool]] = {}
        for purpose in purposes:
            if sets[0].purposes[purpose].graph == row.graph:
                before, after = (_permits(one, row, speaking, purpose, ledger, now) for one in sets)
                decided[purpose] = before, after
        homes = {home[row.graph][one.identifier_id] for one in speaking if one.identifier_id in home[row.graph]}
        yield links[row.record_id], homes, decided


def _permits(
    policies: PolicySet, row: RecordRow, links: Sequence[StoredLink], purpose: str, ledger: LedgerView, now: int
) -> bool:
    subject = subject_of(policies, row.channel, links)
    return isinstance(decide(policies, row.regimes.split(), purpose, subject, ledger, now), Permit)
