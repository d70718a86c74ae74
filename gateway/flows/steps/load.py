"""What the store knows around a batch, read in a fixed number of statements.

`surroundings` reads what decisions need: identifiers, demotions, ledger facts. Profiles are looked up by `approach`
alone, after the decision, for those it is about.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from gateway.consent.authority import LEDGER_SCOPES
from gateway.consent.decide import Subject
from gateway.consent.ledger import LedgerView
from gateway.consent.model import PERMISSIVE
from gateway.consent.notices import Notice, NoticeBook
from gateway.flows.context import Gateway
from gateway.flows.messages import ConsentAssertion
from gateway.flows.steps.name import recognize
from gateway.flows.steps.prepare import Item, Named
from gateway.identifiers.model import Pseudonym
from gateway.kernel.ids import draw
from gateway.policy.model import KindRule
from gateway.profiles.neighborhood import Neighborhood
from gateway.profiles.values import Values
from gateway.storage.identifiers import StoredIdentifier
from gateway.storage.records import KnownRecord
from gateway.storage.unit_of_work import UnitOfWork

_SEVERAL_FORMS: Final = frozenset({"email", "phone", "compact"})
"""Normalizers of kinds whose values platforms hash in more than one form."""


@dataclass(slots=True)
class Surroundings:
    """What the store knows about named people, and what the steps add.

    `new` are identifiers it did not know, with the ids they get if used; `loaded` those whose facts are in `ledger`;
    `moved`: tokens of older chains of keys that were seen again -> newest; `older`: those that new identifiers would
    have had; `buried`: tokens of tombstones.
    """

    now: int
    restrictions: int
    ledger: LedgerView
    near: dict[str, Neighborhood]
    rules: dict[int, KindRule]
    new: dict[int, StoredIdentifier]
    loaded: set[int]
    moved: dict[bytes, bytes] = field(default_factory=dict)
    older: dict[bytes, bytes] = field(default_factory=dict)
    buried: dict[bytes, bytes] = field(default_factory=dict)
    channel: str = ""
    notices: NoticeBook = field(default_factory=NoticeBook)

    def subject(self, graph: str, identifiers: Sequence[int], speaking: Collection[int] = ()) -> Subject:
        """The identifiers that speak for the record's person: not shared (but for `speaking`), not of a household."""
        shared = self.near[graph].demoted.difference(speaking)
        return Subject(
            {
                one: self.rules[one].speaks_as
                for one in identifiers
                if self.rules[one].scope in LEDGER_SCOPES and one not in shared
            },
            self.channel,
        )


@dataclass(slots=True)
class Batch:
    """A batch of records at work, with its surroundings."""

    items: list[Item]
    batch_id: int
    tenant_id: int
    around: Surroundings
    known: dict[bytes, KnownRecord]


def load(gateway: Gateway, unit: UnitOfWork, items: list[Item], channel: str) -> Batch:
    """Read everything the decisions of a batch of records of `channel` need."""
    stated = [consent for item in items for consent in item.record.consents]
    around = surroundings(gateway, unit, items, sorted({one.graph for one in items}), channel, stated)
    return Batch(items, draw(1)[0], unit.tenant_id, around, unit.records.find([item.token for item in items]))


def surroundings(
    gateway: Gateway,
    unit: UnitOfWork,
    people: Sequence[Named],
    graphs: Sequence[str],
    channel: str = "",
    stated: Iterable[ConsentAssertion] = (),
) -> Surroundings:
    """Look people up by their pseudonyms. Identifiers that are new get surrogate ids, written only if used.

    `channel` is where decisions are for; `stated` names the notices that are looked up.
    """
    head = unit.log.head()
    pseudonyms = [one for person in people for one in person.pseudonyms]
    found, moved = recognize(gateway, unit, pseudonyms)
    new = {row.identifier_id: row for row in _number(people, found)}
    rules: dict[int, KindRule] = {}
    for person in people:
        person.ids = tuple([found[one.token] for one in person.pseudonyms])
        rules.update(zip(person.ids, person.rules, strict=True))
    stored = rules.keys() - new.keys()
    near: dict[str, Neighborhood] = {}
    for graph in graphs:
        demoted, demoted_public = unit.profiles.demotions(graph, stored)
        near[graph] = Neighborhood(
            gateway.policies.kinds, kinds=dict(rules), demoted=demoted, demoted_public=demoted_public
        )
    return Surroundings(
        now=gateway.clock.now(),
        restrictions=head.restrictions,
        ledger=LedgerView(unit.ledger.facts(stored)),
        near=near,
        rules=rules,
        new=new,
        loaded=set(rules),
        moved=moved,
        older={older: one.token for one in pseudonyms if found[one.token] in new for older in one.tokens[1:]},
        channel=channel,
        notices=_notices(unit, stated),
    )


def _notices(unit: UnitOfWork, stated: Iterable[ConsentAssertion]) -> NoticeBook:
    if not any(one.notice and one.kind in PERMISSIVE for one in stated):
        return NoticeBook()
    return NoticeBook(
        Notice(row.notice, row.version, frozenset(row.purposes.split()), row.in_force_from, row.in_force_to)
        for row in unit.notices.versions()
    )


def approach(unit: UnitOfWork, around: Surroundings, identifiers: Mapping[str, Collection[int]]) -> None:
    """After the decision: the profiles of these identifiers (by graph), whole, with all members' ledger facts."""
    for graph, concerned in identifiers.items():
        near = around.near[graph]
        wanted = [one for one in concerned if one not in around.new and one not in near.home]
        near.learn(*unit.profiles.reader(graph).homes(wanted))
        around.rules.update({one: near.kinds[one] for one in near.home})
    members = {one for near in around.near.values() for one in near.home} - around.loaded
    around.loaded |= members
    for fact in unit.ledger.facts(members):
        around.ledger.add(fact)


def same_values(unit: UnitOfWork, around: Surroundings, identifiers: Collection[int]) -> dict[int, set[int]]:
    """Identifiers -> the other digests that records in force call the same value; their facts are loaded."""
    asked = [one for one in identifiers if one not in around.new and around.rules[one].normalizer in _SEVERAL_FORMS]
    links = unit.records.links(unit.records.of(asked, active_only=True))
    values = Values.said(((link.record_id, link.value), link.identifier_id) for link in links if link.linking)
    groups: dict[int, set[int]] = {}
    for link in links:
        groups.setdefault(values.of(link.identifier_id), set()).add(link.identifier_id)
    mates = {one: groups.get(values.of(one), set()) - {one} for one in asked}
    for one, several in mates.items():
        around.rules.update(dict.fromkeys(several, around.rules[one]))
    strangers = {one for several in mates.values() for one in several} - around.loaded
    around.loaded |= strangers
    for fact in unit.ledger.facts(strangers):
        around.ledger.add(fact)
    return mates


def _number(items: Sequence[Named], found: dict[bytes, int]) -> list[StoredIdentifier]:
    """Give ids to pseudonyms that are not in `found`, which is extended."""
    unknown: dict[bytes, Pseudonym] = {}
    for item in items:
        for one in item.pseudonyms:
            if one.token not in found:
                unknown.setdefault(one.token, one)
    ids = draw(len(unknown))
    fresh = [
        StoredIdentifier(one.token, number, one.kind, one.namespace, one.chains[0])
        for number, one in zip(ids, unknown.values(), strict=True)
    ]
    found.update({row.token: row.identifier_id for row in fresh})
    return fresh
