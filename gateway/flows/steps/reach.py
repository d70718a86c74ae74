"""Whom a request reaches: from the identifiers proved in it, over links of trusted clients made before it arrived.

What other links attach is shown for the officer to include or leave; somebody else's profile is never among it. An
identifier that several people share (demoted, asserted by another profile, or a household's) is never walked through
and stays for the others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.consent.authority import LEDGER_SCOPES
from gateway.flows.context import Gateway
from gateway.policy.model import PolicySet
from gateway.profiles.values import Values
from gateway.storage.identifiers import StoredIdentifier
from gateway.storage.records import RecordRow, StoredLink
from gateway.storage.unit_of_work import UnitOfWork

_ALWAYS = 1 << 62


class Held(NamedTuple):
    """A record that asserts the person, and of whom else it speaks: `foreign` is empty where it is theirs alone."""

    row: RecordRow
    links: list[StoredLink]
    foreign: frozenset[int]


@dataclass(slots=True)
class Reach:
    """The person as the store knows them.

    `identifiers` are theirs alone, `proved` those of them that the request proved; `staying` are theirs too, but
    another profile asserts them as well; `hanging` is what only public or later links attach; `shared` is everything
    that stays for others: `staying`, what several people share, and what else their records assert. `records` are
    theirs, `profiles` those that are nobody else's.
    """

    identifiers: dict[int, StoredIdentifier] = field(default_factory=dict)
    proved: set[int] = field(default_factory=set)
    staying: dict[int, StoredIdentifier] = field(default_factory=dict)
    hanging: dict[int, StoredIdentifier] = field(default_factory=dict)
    shared: dict[int, StoredIdentifier] = field(default_factory=dict)
    records: list[Held] = field(default_factory=list)
    profiles: set[int] = field(default_factory=set)


def reach(
    gateway: Gateway, unit: UnitOfWork, tokens: Sequence[bytes], received_at: int, *, include_hanging: bool
) -> Reach:
    """Pseudonym tokens proved in a request that came at `received_at` -> whom it reaches."""
    named = {row.identifier_id: row for row in unit.identifiers.describe(unit.identifiers.find(tokens).values())}
    speaking = {one for one, row in named.items() if gateway.policies.kinds[row.kind].scope in LEDGER_SCOPES}
    start = speaking - demoted(gateway, unit, speaking)
    theirs = _walk(gateway, unit, start, received_at)
    later = _walk(gateway, unit, theirs, _ALWAYS)
    profiles, leaves = _profiles(gateway, unit, theirs, later)
    hanging = (later | leaves) - theirs
    if include_hanging:
        theirs |= hanging
        hanging = set()
    staying = _staying(gateway, unit, theirs) - start
    theirs -= staying
    proved = start & theirs
    held = records_about(gateway, unit, theirs, proved, staying)
    records = [one for one in held if not _speaks_of_another(gateway.policies, one)]
    beside = {link.identifier_id for one in records for link in one.links}
    shared = (beside | staying | named.keys()) - theirs - hanging
    kinds = gateway.policies.kinds
    shared -= {link.identifier_id for one in records for link in one.links if kinds[link.kind].scope == "screen"}
    rows = {row.identifier_id: row for row in unit.identifiers.describe(theirs | hanging | shared)}
    return Reach(
        identifiers={one: rows[one] for one in theirs},
        proved=proved,
        staying={one: rows[one] for one in staying},
        hanging={one: rows[one] for one in hanging},
        shared={one: rows[one] for one in shared},
        records=records,
        profiles=profiles,
    )


def values_in(records: Iterable[Held]) -> Values:
    """Which identifiers these records say are one."""
    return Values.said(((row.record_id, link.value), link.identifier_id) for row, links, _ in records for link in links)


def demoted(gateway: Gateway, unit: UnitOfWork, identifiers: Collection[int]) -> set[int]:
    """Which of `identifiers` trusted records assert beside so many people that they link nobody, in any graph."""
    return {one for graph in gateway.policies.graphs for one in unit.profiles.demotions(graph, identifiers)[0]}


def records_about(
    gateway: Gateway, unit: UnitOfWork, theirs: Collection[int], proved: Collection[int], staying: Collection[int]
) -> list[Held]:
    """Every record that asserts one of `theirs`, in a fixed order.

    Whom else a record names is `foreign`: had a trusted link in force joined them, they would be among `theirs`. A
    record without force that names what the person proved is theirs alone.
    """
    rows = sorted(unit.records.get(unit.records.of(theirs)))
    links = _links(unit, [row.record_id for row in rows])
    kinds = {link.identifier_id: link.kind for several in links.values() for link in several}
    others = {one for one, kind in kinds.items() if gateway.policies.kinds[kind].scope in LEDGER_SCOPES}
    others -= {*theirs, *staying}
    others -= demoted(gateway, unit, others)
    held = []
    for row in rows:
        named = {link.identifier_id for link in links[row.record_id]}
        retracted = row.trusted and not row.active and not named.isdisjoint(proved)
        foreign = frozenset() if retracted else frozenset(named & others)
        if not any(link.linking for link in links[row.record_id] if link.identifier_id in foreign):
            foreign = frozenset()
        held.append(Held(row, links[row.record_id], foreign))
    return held


def _speaks_of_another(policies: PolicySet, held: Held) -> bool:
    """Whether a record names another person, and not only a device that hangs on this one."""
    return any(policies.kinds[link.kind].scope == "person" for link in held.links if link.identifier_id in held.foreign)


def _walk(gateway: Gateway, unit: UnitOfWork, start: Collection[int], until: int) -> set[int]:
    """Identifiers connected by active links of trusted clients that were there at `until`."""
    theirs = set(start)
    frontier = set(start)
    while frontier:
        rows = unit.records.get(unit.records.of(frontier, active_only=True))
        trusted = [row.record_id for row in rows if row.trusted and row.received_at <= until]
        reached: set[int] = set()
        for links in _links(unit, trusted).values():
            joined = {link.identifier_id for link in links if link.linking and not link.cut}
            if not joined.isdisjoint(frontier):
                reached |= joined
        reached -= theirs
        reached -= demoted(gateway, unit, reached)
        theirs |= reached
        frontier = reached
    return theirs


def _profiles(
    gateway: Gateway, unit: UnitOfWork, theirs: Collection[int], later: Collection[int]
) -> tuple[set[int], set[int]]:
    """(profiles of `theirs` in which no trusted record and no person identifier is of anybody else, who hangs there)"""
    profiles: set[int] = set()
    leaves: set[int] = set()
    for graph in gateway.policies.graphs:
        members, _ = unit.profiles.load(set(unit.profiles.home_of(graph, theirs).values()))
        strangers = {member.identifier_id for member in members} - set(later)
        trusted = {
            row.record_id for row in unit.records.get(unit.records.of(strangers, active_only=True)) if row.trusted
        }
        asserted = {link.identifier_id for link in unit.records.links(trusted) if link.linking and not link.cut}
        persons = {member.identifier_id for member in members if gateway.policies.kinds[member.kind].scope == "person"}
        others = {member.profile_id for member in members if member.identifier_id in strangers & (asserted | persons)}
        own = [member for member in members if member.profile_id not in others]
        profiles |= {member.profile_id for member in own}
        leaves |= {member.identifier_id for member in own}
    return profiles, leaves


def _staying(gateway: Gateway, unit: UnitOfWork, theirs: Collection[int]) -> set[int]:
    """Those of `theirs` that a record asserts beside another person, to whom a limit kept it from joining them."""
    rows = unit.records.get(unit.records.of(theirs, active_only=True))
    records = _links(unit, [row.record_id for row in rows if row.trusted]).values()
    parted = [[link for link in links if link.linking] for links in records if any(link.cut for link in links)]
    others = {link.identifier_id for named in parted for link in named} - set(theirs)
    others -= demoted(gateway, unit, others)
    return {
        link.identifier_id
        for named in parted
        if not others.isdisjoint(link.identifier_id for link in named)
        for link in named
        if link.identifier_id in theirs
    }


def _links(unit: UnitOfWork, records: Collection[int]) -> dict[int, list[StoredLink]]:
    links: dict[int, list[StoredLink]] = {one: [] for one in records}
    for link in unit.records.links(records):
        links[link.record_id].append(link)
    return links
