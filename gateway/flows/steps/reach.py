"""Whom a request reaches: from the identifiers proved in it, over links of trusted clients made before it arrived.

What hangs on other links is shown for the officer to include or leave. A shared (demoted) identifier is never walked
through and stays for the others.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from gateway.flows.context import Gateway
from gateway.storage.identifiers import StoredIdentifier
from gateway.storage.records import RecordRow, StoredLink
from gateway.storage.unit_of_work import UnitOfWork


@dataclass(slots=True)
class Reach:
    """The person as the store knows them.

    `identifiers` are theirs, `hanging` what only public or later links attach, `shared` what they share with others
    (per identifier its kind), `records` every record that asserts one of theirs, `profiles` the profiles they are.
    """

    identifiers: dict[int, StoredIdentifier] = field(default_factory=dict)
    hanging: dict[int, StoredIdentifier] = field(default_factory=dict)
    shared: dict[int, StoredIdentifier] = field(default_factory=dict)
    records: list[RecordRow] = field(default_factory=list)
    links: dict[int, list[StoredLink]] = field(default_factory=dict)
    profiles: set[int] = field(default_factory=set)


def reach(
    gateway: Gateway, unit: UnitOfWork, tokens: Sequence[bytes], received_at: int, *, include_hanging: bool
) -> Reach:
    """Pseudonym tokens proved in a request that came at `received_at` -> whom it reaches."""
    proved = set(unit.identifiers.find(tokens).values())
    shared = {one for graph in gateway.policies.graphs for one in unit.profiles.demotions(graph, proved)[0]}
    theirs = _walk(gateway, unit, proved - shared, received_at)
    homes = {graph: unit.profiles.home_of(graph, theirs) for graph in gateway.policies.graphs}
    profiles = {home for graph in homes.values() for home in graph.values()}
    members, _ = unit.profiles.load(profiles)
    hanging = {member.identifier_id for member in members} - theirs
    if include_hanging:
        theirs |= hanging
        hanging = set()
    return _describe(unit, theirs, hanging, shared, profiles)


def _walk(gateway: Gateway, unit: UnitOfWork, start: Collection[int], received_at: int) -> set[int]:
    """Identifiers connected by active links of trusted clients that were there when the request came."""
    theirs = set(start)
    frontier = set(start)
    while frontier:
        rows = unit.records.get(unit.records.of(frontier, active_only=True))
        trusted = {row.record_id: row.graph for row in rows if row.trusted and row.received_at <= received_at}
        links = [link for link in unit.records.links(trusted) if link.linking and not link.cut]
        reached = {link.identifier_id for link in links} - theirs
        for graph in gateway.policies.graphs:
            reached -= unit.profiles.demotions(graph, reached)[0]
        theirs |= reached
        frontier = reached
    return theirs


def _describe(unit: UnitOfWork, theirs: set[int], hanging: set[int], shared: set[int], profiles: set[int]) -> Reach:
    records = unit.records.get(unit.records.of(theirs))
    links: dict[int, list[StoredLink]] = {}
    for link in unit.records.links([row.record_id for row in records]):
        links.setdefault(link.record_id, []).append(link)
    beside = {link.identifier_id for several in links.values() for link in several} - theirs - hanging
    rows = {row.identifier_id: row for row in unit.identifiers.describe(theirs | hanging | shared | beside)}
    return Reach(
        identifiers={one: rows[one] for one in theirs},
        hanging={one: rows[one] for one in hanging},
        shared={one: rows[one] for one in shared | beside if one in rows},
        records=sorted(records),
        links=links,
        profiles=profiles,
    )
