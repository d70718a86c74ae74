"""The partition as a pure function of the permitted records (DESIGN section 5).

The order of events:
  1. demote: an identifier that trusted records assert beside more persons than its kind allows links nobody;
  2. join: digests that a trusted record formed from one value are one identifier. Then trusted records in the order
     (observed_at, record hash) unite their identifiers, unless a kind's cap per profile would break: then that one edge
     is cut (a constrained Kruskal). Caps count identifiers, not digests;
  3. hang: an identifier that only public records assert hangs on the one component that the stronger identifiers
     beside it agree on, on none if they do not. Person identifiers never hang: a public record joins no two people. It
     may say that a digest nobody else placed is of the same value as another.

Several forms of one value never count as several persons beside an identifier: persons are counted within one form.

Order, batching and surrogate ids do not matter. Ingest maintains the same answer incrementally (`engine`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import reduce
from operator import or_
from typing import NamedTuple

from gateway.policy.model import KindRule
from gateway.profiles.model import Evidence, Partition
from gateway.profiles.values import Values


def partition(
    evidence: Iterable[Evidence],
    kinds: Mapping[int, KindRule],
    demoted: Collection[int] = (),
    demoted_public: Collection[int] = (),
) -> Partition:
    """Permitted records and the kind of each identifier -> the partition.

    `demoted` and `demoted_public` are identifiers known to be demoted, among trusted and among public records, by
    evidence outside the set (used on connected sets).
    """
    records = sorted(evidence, key=lambda record: record.order)
    trusted = [record for record in records if record.trusted]
    public = [record for record in records if not record.trusted]
    by_trusted = set(demoted) | shared(trusted, kinds)
    by_public = set(demoted_public) | shared(public, kinds)
    component, cuts, values = _join(trusted, kinds, by_trusted)
    _hang(public, kinds, component, values, by_trusted | by_public)
    return Partition(component, frozenset(cuts), frozenset(by_trusted), frozenset(by_public - by_trusted))


def shared(records: Iterable[Evidence], kinds: Mapping[int, KindRule]) -> set[int]:
    """Records, all trusted or all public -> the identifiers asserted beside more persons than their kind allows."""
    beside: dict[int, dict[str, dict[int, int]]] = defaultdict(lambda: defaultdict(dict))
    for record in records:
        values = record.values or range(len(record.identifiers))
        forms = record.forms or (1,) * len(record.identifiers)
        persons = [
            (kinds[other].name, other, value, form)
            for other, value, form in zip(record.identifiers, values, forms, strict=True)
            if kinds[other].scope == "person"
        ]
        for identifier, own in zip(record.identifiers, values, strict=True):
            for kind, other, value, form in persons:
                if value != own and other != identifier:
                    known = beside[identifier][kind]
                    known[other] = known.get(other, 0) | form
    return {
        identifier
        for identifier, by_kind in beside.items()
        if any(_are_more(others.values(), kinds[identifier].shared_above) for others in by_kind.values())
    }


def _are_more(forms: Collection[int], limit: int) -> bool:
    """Whether digests with these forms are of more than `limit` values for certain."""
    if len(forms) <= limit:
        return False
    every = reduce(or_, forms)
    bits = [1 << place for place in range(every.bit_length())]
    return any(sum(1 for one in forms if one & bit) > limit for bit in bits)


class _Forest:
    """Union-find over values that knows how many of each kind a component holds."""

    def __init__(self, kinds: Mapping[int, KindRule]) -> None:
        self.kinds = kinds
        self.parent: dict[int, int] = {}
        self.counts: dict[int, Counter[str]] = {}
        self.caps: dict[str, int] = {}

    def add(self, identifier: int) -> None:
        if identifier not in self.parent:
            kind = self.kinds[identifier]
            self.parent[identifier] = identifier
            self.counts[identifier] = Counter([kind.name])
            self.caps[kind.name] = kind.per_profile

    def find(self, identifier: int) -> int:
        parent = self.parent
        root = identifier
        while parent[root] != root:
            root = parent[root]
        while parent[identifier] != root:
            parent[identifier], identifier = root, parent[identifier]
        return root

    def unite(self, one: int, other: int) -> bool:
        """Join the two components; False, and nothing is done, when a cap would break."""
        one, other = self.find(one), self.find(other)
        if one == other:
            return True
        if sum(self.counts[one].values()) < sum(self.counts[other].values()):
            one, other = other, one
        for kind, count in self.counts[other].items():
            if self.counts[one][kind] + count > self.caps[kind]:
                return False
        self.parent[other] = one
        self.counts[one].update(self.counts.pop(other))
        return True


def _join(
    records: Sequence[Evidence], kinds: Mapping[int, KindRule], shared: Collection[int]
) -> tuple[dict[int, int], set[tuple[int, int]], Values]:
    """Trusted records in order -> (identifier -> label of its component, edges cut, which identifiers are one)."""
    values = Values()
    for record in records:
        for several in record.several():
            values.unite([one for one in several if one not in shared])
    forest = _Forest(kinds)
    linked: dict[int, int] = {}
    cuts: set[tuple[int, int]] = set()
    for record in records:
        linking = [identifier for identifier in record.identifiers if identifier not in shared]
        for identifier in linking:
            linked[identifier] = values.of(identifier)
            forest.add(linked[identifier])
        for identifier in linking[1:]:
            if not forest.unite(linked[linking[0]], linked[identifier]):
                cuts.add((record.record_id, identifier))
    return {identifier: forest.find(value) for identifier, value in linked.items()}, cuts, values


def _hang(
    records: Sequence[Evidence],
    kinds: Mapping[int, KindRule],
    component: dict[int, int],
    values: Values,
    shared: Collection[int],
) -> None:
    """Give every identifier of public records its component; weaker ones hang on what the stronger ones agree on."""
    held = {(label, kinds[one].name, values.of(one)) for one, label in component.items()}
    slots = Counter((label, kind) for label, kind, _ in held)
    by_rank: dict[int, list[_Leaf]] = defaultdict(list)
    for leaf in _leaves(records, component, shared):
        by_rank[kinds[leaf.identifiers[0]].rank].append(leaf)
    for rank in sorted(by_rank):
        placed: dict[int, int] = {}
        for leaf in sorted(by_rank[rank], key=lambda leaf: leaf.records[0].order):
            rule = kinds[leaf.identifiers[0]]
            votes = leaf.same or {
                found.pop()
                for record in leaf.records
                if len(found := _stronger(record, rank, kinds, component, shared)) == 1
            }
            alone = len(votes) != 1 or (rule.scope == "person" and not leaf.same)
            label = leaf.identifiers[0] if alone else next(iter(votes))
            if not leaf.same:
                if not alone and slots[label, rule.name] >= rule.per_profile:
                    label = leaf.identifiers[0]
                slots[label, rule.name] += 1
            placed.update(dict.fromkeys(leaf.identifiers, label))
        component.update(placed)


class _Leaf(NamedTuple):
    """A value that no trusted record places: its digests, the public records that assert them in order, and the
    components of what these records call the same value.
    """

    identifiers: list[int]
    records: list[Evidence]
    same: set[int]


def _leaves(records: Sequence[Evidence], component: Mapping[int, int], shared: Collection[int]) -> list[_Leaf]:
    values = Values()
    mates: dict[int, set[int]] = defaultdict(set)
    asserted: dict[int, list[Evidence]] = defaultdict(list)
    for record in records:
        for identifier in record.identifiers:
            if identifier not in component and identifier not in shared:
                asserted[identifier].append(record)
        for several in record.several():
            loose = [one for one in several if one not in component and one not in shared]
            values.unite(loose)
            for one in loose:
                mates[one] |= {component[other] for other in several if other in component and other not in shared}
    groups: dict[int, list[int]] = defaultdict(list)
    for identifier in asserted:
        groups[values.of(identifier)].append(identifier)
    leaves = []
    for identifiers in groups.values():
        around = {id(one): one for each in identifiers for one in asserted[each]}.values()
        same = set[int]().union(*(mates[each] for each in identifiers))
        leaves.append(_Leaf(identifiers, sorted(around, key=lambda record: record.order), same))
    return leaves


def _stronger(
    record: Evidence, rank: int, kinds: Mapping[int, KindRule], component: Mapping[int, int], shared: Collection[int]
) -> set[int]:
    return {
        component[other]
        for other in record.identifiers
        if kinds[other].rank < rank and other in component and other not in shared
    }
