"""Within expiry: what has expired goes (GDPR Art. 5(1)(e)). One transaction, in the order of an erasure's cascade:

    1 consents     what an expired identifier permits goes; what it restricts stays, for its return   (DESIGN section 4)
    2 basis        records that rested on such a permission alone are decided anew; those refused are retracted
    3 evidence     links go, and records that nothing else links; the others stay without them
    4 partition    profiles split or end; each channel is told of the profiles whose identifiers it sent
    5 identifiers  pseudonyms without a restriction, and what nothing names any more

Nobody asked to be erased: there is no tombstone, profiles keep their ids, and the log's openings stay for the profiles
that live on. What a profile leaves of whom nobody is left is forgotten with it.

A restriction stays as it was said, also where a later permission had overruled it for some purpose: the permission has
expired and the restriction has not.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gateway.audit.entries import EntryKind
from gateway.consent.ledger import LedgerView, standing
from gateway.flows.context import Caller, Gateway
from gateway.flows.steps.aged import Aged
from gateway.flows.steps.depart import NOTICE, Departure, bequeath, plan_departure
from gateway.flows.steps.entries import Scribe
from gateway.flows.steps.hear import Hearing
from gateway.flows.steps.journal import journal_events
from gateway.flows.steps.load import Surroundings
from gateway.flows.steps.loosen import decide_again, write_again
from gateway.flows.steps.reach import Held
from gateway.flows.steps.record import apply_plan, count_restrictive, partition_entries, write_events
from gateway.policy.model import PolicySet
from gateway.storage.disclosures import ChangeRow
from gateway.storage.ledger import LedgerRow
from gateway.storage.records import RecordRow, StoredLink
from gateway.storage.unit_of_work import UnitOfWork

EXPIRED = "expired"
"""How the feed calls it: of this profile, something that the channel sent has expired."""

RULE = "retention.expire"


@dataclass(frozen=True, slots=True)
class _Word:
    """What became of the consents: how many `rows` went; events of which others keep a part, from their old position to
    their new one; on whom those stand; identifiers that keep a restriction.
    """

    rows: int
    positions: frozenset[int]
    moved: Mapping[int, int]
    others: Mapping[int, frozenset[int]]
    restricted: frozenset[int]


@dataclass(slots=True)
class _Leaving:
    """What goes of the evidence: `whole` records, `parted` ones that stay without some link, `retracted` ones."""

    whole: list[Held] = field(default_factory=list)
    parted: list[Held] = field(default_factory=list)
    retracted: list[Held] = field(default_factory=list)


def lapse(gateway: Gateway, unit: UnitOfWork, caller: Caller, found: Aged) -> Counter[str]:
    """Carry out the expiry of what was found -> what went, as counts."""
    scribe = replace(Scribe.of(caller, gateway.policies.digest, gateway.clock.now()), rule=RULE)
    links = list(found.leaving(gateway.policies))
    word = _expire_consents(gateway.policies, unit, scribe, found.kinds)
    leaving = _leaving(unit, found, links)
    leaving.retracted = _without_basis(gateway, unit, word, leaving, found.kinds)
    _take_away(unit, leaving, links, scribe.now)
    departure = _departure(leaving, links, found.kinds)
    plan_departure(gateway, unit, departure, successors=False)
    gone = _forgotten(unit, leaving, found.kinds, word.restricted)
    counts = Counter(
        records_deleted=len(leaving.whole),
        records_retracted=len(leaving.retracted) + len(departure.baseless),
        links=len(links),
        profiles_ended=sum(len(_dissolved(departure, graph)) for graph in departure.plans),
        consents=word.rows,
        restrictions_kept=len(word.restricted),
    )
    around, hearing = _write(gateway, unit, scribe, caller, departure, counts)
    _forget_history(unit, departure, gone)
    unit.profiles.forget_demotions({*found.kinds, *gone})
    unit.identifiers.delete(gone)
    journal_events(gateway, unit, around, hearing.events)
    return counts


def _expire_consents(policies: PolicySet, unit: UnitOfWork, scribe: Scribe, expired: Collection[int]) -> _Word:
    """An entry of the log stands for all rows of its event: what is to stay of one is written again, as a new entry."""
    ledger = LedgerView(unit.ledger.facts(expired))
    kept = {(one, fact.position) for one in expired for fact in standing(ledger.facts(one), policies.purposes)}
    own = {(one, fact.position) for one in expired for fact in ledger.facts(one)}
    positions = {position for _, position in own - kept}
    again: dict[int, list[LedgerRow]] = defaultdict(list)
    for row in unit.ledger.rows_at(positions):
        if row.identifier_id not in expired or (row.identifier_id, row.position) in kept:
            again[row.position].append(row)
    unit.ledger.erase(positions)
    unit.log.erase_openings(positions)
    moved = write_again(unit, scribe, again)
    others = {at: frozenset(row.identifier_id for row in rows).difference(expired) for at, rows in again.items()}
    return _Word(len(own - kept), frozenset(positions), moved, others, frozenset(one for one, _ in kept))


def _leaving(unit: UnitOfWork, found: Aged, links: Sequence[StoredLink]) -> _Leaving:
    """A record stays while it has an identifier left that links."""
    going = {(link.record_id, link.identifier_id) for link in links}
    leaving = _Leaving()
    for row in sorted(unit.records.get(found.links)):
        everything = found.links[row.record_id]
        left = [link for link in everything if (link.record_id, link.identifier_id) not in going]
        if any(link.linking for link in left):
            leaving.parted.append(Held(row, everything, frozenset(link.identifier_id for link in left)))
        else:
            leaving.whole.append(Held(row, everything, frozenset()))
    return leaving


def _without_basis(
    gateway: Gateway, unit: UnitOfWork, word: _Word, leaving: _Leaving, expired: Collection[int]
) -> list[Held]:
    """Records in force that rested on a permission which nobody in them has any more, and that are refused without it.

    The others rest on the same event, where it stands now.
    """
    others = {one for several in word.others.values() for one in several}
    known = {*unit.records.of(others, active_only=True), *(one.row.record_id for one in leaving.parted)}
    known -= {one.row.record_id for one in leaving.whole}
    rows = [row for row in sorted(unit.records.get(known)) if row.active and not word.positions.isdisjoint(_basis(row))]
    speaking: dict[int, set[int]] = defaultdict(set)
    persons: dict[int, set[int]] = defaultdict(set)
    for link in unit.records.links([row.record_id for row in rows]):
        if link.identifier_id not in expired:
            speaking[link.record_id].add(link.identifier_id)
            if gateway.policies.kinds[link.kind].scope == "person":
                persons[link.record_id].add(link.identifier_id)
    bases: dict[int, Sequence[int]] = {}
    doubtful: list[RecordRow] = []
    for row in rows:
        covering = persons[row.record_id] or speaking[row.record_id]
        lost = [
            at for at in word.positions.intersection(_basis(row)) if word.others.get(at, _NOBODY).isdisjoint(covering)
        ]
        if lost:
            doubtful.append(row)
        else:
            bases[row.record_id] = sorted(word.moved.get(at, at) for at in _basis(row))
    unit.records.rest_on(bases)
    return decide_again(gateway, unit, doubtful, expired)


_NOBODY: frozenset[int] = frozenset()


def _basis(row: RecordRow) -> list[int]:
    return [int(at) for at in row.basis.split()]


def _take_away(unit: UnitOfWork, leaving: _Leaving, links: Sequence[StoredLink], now: int) -> None:
    whole = {one.row.record_id for one in leaving.whole}
    unit.records.detach([(link.record_id, link.identifier_id) for link in links if link.record_id not in whole])
    unit.records.delete(whole)
    unit.records.retract([one.row.record_id for one in leaving.retracted], now)


def _departure(leaving: _Leaving, links: Sequence[StoredLink], expired: Collection[int]) -> Departure:
    """What the partition loses. Records that only lose what never linked are no part of it."""
    retracted = {one.row.record_id for one in leaving.retracted}
    touched = {link.record_id for link in links if link.linking}
    parted = [one for one in leaving.parted if one.row.record_id in touched and one.row.record_id not in retracted]
    return Departure(set(expired), [*leaving.whole, *leaving.retracted], parted)


def _forgotten(unit: UnitOfWork, leaving: _Leaving, expired: Collection[int], restricted: Collection[int]) -> set[int]:
    """What has expired, unless it is restricted, and what stood beside it and nothing names any more."""
    beside = {link.identifier_id for one in [*leaving.whole, *leaving.parted] for link in one.links}.difference(expired)
    beside -= unit.records.asserted(beside)
    beside -= {fact.identifier_id for fact in unit.ledger.facts(beside)}
    return beside.union(expired).difference(restricted)


def _dissolved(departure: Departure, graph: str) -> set[int]:
    _, planned = departure.plans[graph]
    return {change.profile_id for change in planned.changes if change.kind == "dissolved"}


def _write(
    gateway: Gateway, unit: UnitOfWork, scribe: Scribe, caller: Caller, departure: Departure, counts: Mapping[str, int]
) -> tuple[Surroundings, Hearing]:
    """The partition with its entries, a notice for each channel and profile, and one entry that counts it all.

    -> what others inherited by it, still to be journaled.
    """
    around, hearing = bequeath(gateway, unit, scribe, departure)
    base = unit.log.lock().size
    entries = [scribe.consent(event) for event in hearing.events]
    plans = {graph: planned for graph, (_, planned) in departure.plans.items()}
    rows = partition_entries(scribe, plans, {}, base + len(entries), entries)
    for graph, (near, planned) in departure.plans.items():
        apply_plan(unit, graph, near, planned, base)
    for channel, profile in _told(departure):
        rows.append(ChangeRow(base + len(entries), profile, EXPIRED, "profile", scribe.now))
        entries.append(replace(scribe, channel=channel).write(EntryKind.IDENTIFIERS_EXPIRED, RULE, {"step": NOTICE}))
    entries.append(scribe.write(EntryKind.IDENTIFIERS_EXPIRED, RULE, {"step": "run", **counts}))
    unit.log.append(entries, restrictions=count_restrictive(hearing.events))
    write_events(unit, caller, hearing.events, base, scribe.now)
    unit.disclosures.add_changes(rows)
    return around, hearing


def _told(departure: Departure) -> Iterator[tuple[str, int]]:
    """(channel, profile) for each profile that loses an identifier which the channel had sent."""
    known: set[tuple[str, int]] = set()
    for row, links, _ in [*departure.whole, *departure.parted]:
        if row.graph in departure.plans:
            home = departure.plans[row.graph][0].home
            known |= {(row.channel, home[one]) for one, *_ in links if one in departure.erased and one in home}
    yield from sorted(known)


def _forget_history(unit: UnitOfWork, departure: Departure, gone: Collection[int]) -> None:
    """Of profiles of whom nobody is left: to whom they were shown, and what could open entries about them alone."""
    ended = {
        profile
        for graph, (near, _) in departure.plans.items()
        for profile in _dissolved(departure, graph)
        if set(near.members[profile]) <= set(gone)
    }
    shown = {row.position for row in unit.disclosures.disclosures_of(ended)}
    unit.disclosures.erase_disclosures(ended)
    rows = unit.disclosures.changes_at({row.position for row in unit.disclosures.changes_of(ended)})
    living = unit.profiles.living({row.profile_id for row in rows})
    shared = {row.position for row in rows if row.profile_id in living}
    unit.log.erase_openings(shown | ({row.position for row in rows} - shared))
