"""What the store knows around a batch, read in a fixed number of statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.consent.authority import LEDGER_SCOPES
from gateway.consent.decide import Subject
from gateway.consent.ledger import LedgerView
from gateway.flows.context import Gateway
from gateway.flows.steps.prepare import Item
from gateway.identifiers.model import Pseudonym
from gateway.kernel.ids import draw
from gateway.policy.model import KindRule
from gateway.profiles.neighborhood import Neighborhood
from gateway.storage.identifiers import StoredIdentifier
from gateway.storage.records import KnownRecord
from gateway.storage.unit_of_work import UnitOfWork


@dataclass(slots=True)
class Batch:
    """A batch at work: items, what the store knew when it began, and what the steps add."""

    items: list[Item]
    now: int
    restrictions: int
    batch_id: int
    ledger: LedgerView
    near: dict[str, Neighborhood]
    known: dict[bytes, KnownRecord]
    rules: dict[int, KindRule]
    new: dict[int, StoredIdentifier]
    loaded: set[int]
    used: set[int] = field(default_factory=set)

    def subject(self, graph: str, identifiers: Sequence[int]) -> Subject:
        """The identifiers that speak for the record's person: not shared, not of a household."""
        shared = self.near[graph].demoted
        return Subject(
            {
                one: self.rules[one].scope
                for one in identifiers
                if self.rules[one].scope in LEDGER_SCOPES and one not in shared
            }
        )


def load(gateway: Gateway, unit: UnitOfWork, items: list[Item]) -> Batch:
    """Read everything the decisions need. Identifiers that are new get surrogate ids, written only if used."""
    head = unit.log.head()
    found = unit.identifiers.find({one.token for item in items for one in item.pseudonyms})
    fresh = _number(items, found)
    new = {row.identifier_id: row for row in fresh}
    rules: dict[int, KindRule] = {}
    for item in items:
        item.ids = tuple([found[one.token] for one in item.pseudonyms])
        rules.update(zip(item.ids, item.rules, strict=True))
    stored = rules.keys() - new.keys()
    near = {graph: neighborhood(gateway, unit, graph, stored, rules) for graph in sorted({one.graph for one in items})}
    members = stored.union(*(one.home.keys() for one in near.values()))
    for one in near.values():
        rules.update(one.kinds)
    return Batch(
        items=items,
        now=gateway.clock.now(),
        restrictions=head.restrictions,
        batch_id=draw(1)[0],
        ledger=LedgerView(unit.ledger.facts(members)),
        near=near,
        known=unit.records.find([item.token for item in items]),
        rules=rules,
        new=new,
        loaded=members | new.keys(),
    )


def _number(items: Sequence[Item], found: dict[bytes, int]) -> list[StoredIdentifier]:
    """Give ids to pseudonyms that are not in `found`, which is extended."""
    unknown: dict[bytes, Pseudonym] = {}
    for item in items:
        for one in item.pseudonyms:
            if one.token not in found:
                unknown.setdefault(one.token, one)
    ids = draw(len(unknown))
    fresh = [
        StoredIdentifier(one.token, number, one.kind, one.namespace)
        for number, one in zip(ids, unknown.values(), strict=True)
    ]
    found.update({row.token: row.identifier_id for row in fresh})
    return fresh


def neighborhood(
    gateway: Gateway, unit: UnitOfWork, graph: str, stored: set[int], rules: dict[int, KindRule]
) -> Neighborhood:
    """Homes, whole profiles and demotions of stored identifiers in one graph."""
    near = Neighborhood(gateway.policies.kinds, kinds=dict(rules))
    reader = unit.profiles.reader(graph)
    members, profiles = reader.homes(stored)
    near.learn(members, profiles)
    near.demoted, near.demoted_public = reader.demotions(stored)
    return near
