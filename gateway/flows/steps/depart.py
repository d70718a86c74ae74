"""Within the cascade: the person's records leave the partition.

Records that are theirs alone go; those that speak of somebody else too lose the person and stay. A profile whose
larger part is erased ends, and what hung on it gets a new one: the id that recipients knew names nobody from then on.
Each channel that knew an ended profile is told by an entry of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

from gateway.audit.entries import EntryKind
from gateway.consent.ledger import LedgerView
from gateway.flows.context import Caller, Gateway
from gateway.flows.steps.entries import Scribe
from gateway.flows.steps.hear import Hearing
from gateway.flows.steps.link import inherit
from gateway.flows.steps.load import Surroundings
from gateway.flows.steps.reach import Held
from gateway.flows.steps.record import apply_plan, change_rows, write_events
from gateway.flows.steps.retract import plan_until_settled
from gateway.kernel.ids import draw
from gateway.profiles.engine import Plan
from gateway.profiles.model import Change, Evidence
from gateway.profiles.neighborhood import Neighborhood
from gateway.storage.disclosures import ChangeRow
from gateway.storage.records import RecordRow, StoredLink
from gateway.storage.unit_of_work import UnitOfWork

CASCADE = "cascade"
NOTICE = "notice"
"""Steps in the entries that tell of ended profiles: the officer reads the one, each channel the other."""


@dataclass(slots=True)
class Departure:
    """What leaves: whole records, and records out of which `erased` identifiers go. `baseless` are others' records that
    an identifier refuses which the person no longer shares: they stay, out of the partition.
    """

    erased: set[int]
    whole: list[Held]
    parted: list[Held]
    plans: dict[str, tuple[Neighborhood, Plan]] = field(default_factory=dict)
    ended: set[int] = field(default_factory=set)
    baseless: set[int] = field(default_factory=set)

    def take_whole(self, records: Sequence[Held]) -> None:
        """These go as a whole, also where only the person was to go out of them."""
        taken = {one.row.record_id for one in records}
        self.parted = [one for one in self.parted if one.row.record_id not in taken]
        self.whole += records


def plan_departure(gateway: Gateway, unit: UnitOfWork, departure: Departure, *, successors: bool = True) -> None:
    """What leaving does to the partition of each graph, into `departure.plans`.

    Without `successors` a profile keeps its id however many leave: nobody asked to be forgotten.
    """
    active = [held for held in [*departure.whole, *departure.parted] if held.row.active]
    for graph in sorted({held.row.graph for held in active}):
        removed: dict[int, tuple[int, ...]] = {}
        added: list[Evidence] = []
        kinds: dict[int, str] = {}
        for row, links, foreign in (held for held in active if held.row.graph == graph):
            linking = [link for link in links if link.linking]
            kinds.update((link.identifier_id, link.kind) for link in linking)
            removed[row.record_id] = tuple(link.identifier_id for link in linking)
            if foreign:
                added.append(_evidence(row, linking).without(departure.erased))
        near = Neighborhood(gateway.policies.kinds)
        near.learn_kinds(kinds)
        reader = unit.profiles.reader(graph)
        near.learn(*reader.homes(kinds))
        near.demoted, near.demoted_public = reader.demotions(kinds)
        planned, baseless = plan_until_settled(
            gateway.policies,
            unit,
            LedgerView(),
            {graph: near},
            graph,
            added=added,
            removed=removed,
            now=gateway.clock.now(),
            erased=departure.erased,
        )
        departure.baseless |= baseless
        for one in added:
            if one.record_id not in baseless:
                for identifier in one.identifiers:
                    planned.cuts.setdefault((one.record_id, identifier), False)
        if successors:
            _end(near, planned, departure.erased)
        departure.plans[graph] = near, planned
        departure.ended |= planned.ended


def _evidence(row: RecordRow, links: Sequence[StoredLink]) -> Evidence:
    return Evidence(
        row.record_id,
        row.trusted,
        row.observed_at,
        row.content,
        tuple(link.identifier_id for link in links),
        tuple(row.regimes.split()),
        tuple(link.value for link in links),
        tuple(link.forms for link in links),
    )


def _end(near: Neighborhood, planned: Plan, erased: Collection[int]) -> None:
    """Profiles that lose at least half of their members end; what is left of them becomes a new profile."""
    arrivals = planned.arrivals()
    for profile in {near.home[one] for one in erased if one in near.home} - planned.ended:
        left = planned.members_after(near, profile, arrivals)
        gone = tuple(one for one in near.members[profile] if one in erased)
        if len(gone) < len(left):
            continue
        successor = draw(1)[0]
        planned.moved.update(dict.fromkeys(left, successor))
        row = planned.profiles.pop(profile, near.profiles[profile])
        planned.profiles[successor] = replace(row, profile_id=successor, age=-1)
        planned.ended.add(profile)
        absorbed = tuple(one for change in planned.changes if change.profile_id == profile for one in change.others)
        planned.changes = [change for change in planned.changes if change.profile_id != profile]
        planned.changes.append(Change("dissolved", profile, (), (), gone))
        planned.changes.append(Change("merged" if absorbed else "created", successor, absorbed, tuple(left), ()))


def bequeath(gateway: Gateway, unit: UnitOfWork, scribe: Scribe, departure: Departure) -> tuple[Surroundings, Hearing]:
    """Others inherit what binds the profiles they come into, and records without a basis leave -> what was heard, and
    around whom.
    """
    around = Surroundings(scribe.now, 0, LedgerView(), {}, {}, {}, set())
    hearing = Hearing(around.ledger, around.rules, around.now)
    for near, planned in departure.plans.values():
        inherit(gateway, unit, around, hearing, planned, near)
    unit.records.retract(departure.baseless, scribe.now)
    return around, hearing


def write_departure(gateway: Gateway, unit: UnitOfWork, scribe: Scribe, departure: Departure, rights: Caller) -> None:
    """Apply the plans, with entries that say nothing of the person; others inherit what binds their new profiles."""
    _, hearing = bequeath(gateway, unit, scribe, departure)
    base = unit.log.lock().size
    entries = [scribe.consent(event) for event in hearing.events]
    rows: list[ChangeRow] = []
    for graph, (near, planned) in departure.plans.items():
        for change in planned.changes:
            if change.kind != "dissolved":
                rows += change_rows(base + len(entries), change.kind, change.profile_id, change.others, scribe.now)
            entries.append(scribe.bare_change(graph, change))
        apply_plan(unit, graph, near, planned, base)
    for step, channel, profiles in _told(scribe, departure):
        rows += [ChangeRow(base + len(entries), one, "erased", "erased", scribe.now) for one in sorted(profiles)]
        facts: dict[str, str | int] = {"step": step, "profiles": len(profiles)}
        entries.append(replace(scribe, channel=channel).write(EntryKind.RIGHT_STEP, "rights.erasure", facts))
    unit.log.append(entries, restrictions=1)
    write_events(unit, rights, hearing.events, base, scribe.now)
    unit.disclosures.add_changes(rows)


def _told(scribe: Scribe, departure: Departure) -> Iterator[tuple[str, str, set[int]]]:
    """(step, channel, ended profiles) of the entries that tell of the end."""
    yield CASCADE, scribe.channel, departure.ended
    known: dict[str, set[int]] = defaultdict(set)
    for row, links, _ in [*departure.whole, *departure.parted]:
        if row.graph in departure.plans:
            near, _ = departure.plans[row.graph]
            known[row.channel] |= {near.home[link.identifier_id] for link in links if link.identifier_id in near.home}
    for channel, profiles in sorted(known.items()):
        if ended := profiles & departure.ended:
            yield NOTICE, channel, ended
