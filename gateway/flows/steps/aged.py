"""Within expiry: whose time is over (`retention_days` in policies/identifiers.yaml). Reads only.

An identifier is as old as the last record that asserts it; one that no record asserts, as the last consent event about
it. The digests of one value are as old as the youngest of them. What screens stays for as long as the value that it was
formed from, which it does not keep young. A restriction in force has no age: what is kept for it alone is left alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from gateway.consent.ledger import LedgerView, standing
from gateway.flows.context import Gateway
from gateway.kernel.clock import DAY
from gateway.policy.model import PolicySet
from gateway.profiles.values import Values
from gateway.storage.records import StoredLink
from gateway.storage.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Aged:
    """Identifiers whose time is over, with their kinds; all `links` of the records that assert them, by record; which
    of them are `values`.
    """

    kinds: Mapping[int, str]
    links: Mapping[int, list[StoredLink]]
    values: Values

    def leaving(self, policies: PolicySet) -> Iterator[StoredLink]:
        """The links that go: to what has expired, and to what screens by a value that has."""
        for links in self.links.values():
            gone = {link.value for link in links if link.identifier_id in self.kinds}
            for link in links:
                screens = policies.kinds[link.kind].scope == "screen"
                if link.identifier_id in self.kinds or (screens and link.value in gone):
                    yield link

    def counted(self, policies: PolicySet, among: Collection[int]) -> Mapping[str, int]:
        """How many identifiers of each kind have expired, of those whose first digest is `among` these."""
        counts: dict[str, int] = defaultdict(int)
        for one, kind in sorted(self.kinds.items()):
            if policies.kinds[kind].scope != "screen" and self.values.of(one) == one and one in among:
                counts[kind] += 1
        return counts


def old_ones(gateway: Gateway, unit: UnitOfWork, identifiers: Collection[int]) -> dict[int, str]:
    """Those of `identifiers` that are older than their kind may become, each for itself -> their kinds."""
    seen = unit.retention.last_seen(identifiers)
    old = {one: kind for one, (kind, moment) in seen.items() if _is_over(gateway, kind, moment)}
    stated = unit.retention.last_stated([one for one in identifiers if one not in seen])
    alone = {row.identifier_id: row.kind for row in unit.identifiers.describe(stated)}
    spoken = {one: kind for one, kind in alone.items() if _is_over(gateway, kind, stated[one])}
    ledger = LedgerView(unit.ledger.facts(spoken))
    for one, kind in spoken.items():
        facts = ledger.facts(one)
        if len(standing(facts, gateway.policies.purposes)) < len(facts):
            old[one] = kind
    return old


def _is_over(gateway: Gateway, kind: str, moment: int) -> bool:
    rule = gateway.policies.kinds.get(kind)
    days = None if rule is None else rule.retention_days
    return days is not None and moment < gateway.clock.now() - days * DAY


def aged(gateway: Gateway, unit: UnitOfWork, candidates: Collection[int]) -> Aged:
    """Candidates -> those of them that have expired, with the other digests of their values."""
    links, values = _around(gateway.policies, unit, candidates)
    several: dict[int, set[int]] = defaultdict(set)
    for one in {link.identifier_id for found in links.values() for link in found}.union(candidates):
        several[values.of(one)].add(one)
    groups = [several[place] for place in {values.of(one) for one in candidates}]
    old = old_ones(gateway, unit, {one for group in groups for one in group})
    kinds = {one: old[one] for group in groups if group <= old.keys() for one in group}
    for one in _held_by_values(gateway.policies, links, kinds):
        kinds.pop(one, None)
    asserting = {record: found for record, found in links.items() if any(link.identifier_id in kinds for link in found)}
    return Aged(kinds, asserting, values)


def _around(
    policies: PolicySet, unit: UnitOfWork, candidates: Collection[int]
) -> tuple[dict[int, list[StoredLink]], Values]:
    """(All links of the records that assert a candidate, or a digest of a candidate's value; which digests are one)"""
    links: dict[int, list[StoredLink]] = defaultdict(list)
    values = Values()
    known: set[int] = set()
    frontier = set(candidates)
    while frontier:
        known |= frontier
        for link in unit.records.links(set(unit.records.of(frontier)) - links.keys()):
            links[link.record_id].append(link)
        found = [link for several in links.values() for link in several]
        linking = [link for link in found if policies.kinds[link.kind].scope != "screen"]
        values = Values.said(((link.record_id, link.value, link.kind), link.identifier_id) for link in linking)
        theirs = {values.of(one) for one in known}
        frontier = {link.identifier_id for link in linking if values.of(link.identifier_id) in theirs} - known
    return links, values


def _held_by_values(policies: PolicySet, links: Mapping[int, list[StoredLink]], expired: Collection[int]) -> set[int]:
    """What screens by a value that has not expired."""
    held: set[int] = set()
    for several in links.values():
        screens = [link for link in several if policies.kinds[link.kind].scope == "screen"]
        if screens:
            left = {link.value for link in several if link not in screens and link.identifier_id not in expired}
            held |= {link.identifier_id for link in screens if link.value in left}
    return held
