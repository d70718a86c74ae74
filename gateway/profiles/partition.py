"""The partition as a pure function of the permitted records (DESIGN section 5).

The order of events:
  1. demote: an identifier that trusted records assert beside more persons than its kind allows links nobody;
  2. join: trusted records in the order (observed_at, record hash) unite their identifiers, unless a kind's cap per
     profile would break: then that one edge is cut (a constrained Kruskal);
  3. hang: an identifier that only public records assert hangs on the one component that the stronger identifiers
     beside it agree on, on none if they do not. Person identifiers never hang: a public record joins no two people.

Order, batching and surrogate ids do not matter. Ingest maintains the same answer incrementally (`engine`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from gateway.policy.model import KindRule
from gateway.profiles.model import Evidence, Partition


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
    forest = _Forest(kinds)
    cuts = _join(trusted, forest, by_trusted)
    component = {identifier: forest.find(identifier) for identifier in forest.parent}
    _hang(public, kinds, component, by_trusted | by_public)
    return Partition(component, frozenset(cuts), frozenset(by_trusted), frozenset(by_public - by_trusted))


def shared(records: Iterable[Evidence], kinds: Mapping[int, KindRule]) -> set[int]:
    """Records, all trusted or all public -> the identifiers asserted beside more persons than their kind allows."""
    beside: dict[int, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for record in records:
        persons = [(kinds[other].name, other) for other in record.identifiers if kinds[other].scope == "person"]
        for identifier in record.identifiers:
            for kind, other in persons:
                if other != identifier:
                    beside[identifier][kind].add(other)
    return {
        identifier
        for identifier, by_kind in beside.items()
        if max(map(len, by_kind.values())) > kinds[identifier].shared_above
    }


class _Forest:
    """Union-find that knows how many identifiers of each kind a component holds."""

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


def _join(records: Iterable[Evidence], forest: _Forest, shared: Collection[int]) -> set[tuple[int, int]]:
    cuts: set[tuple[int, int]] = set()
    for record in records:
        linking = [identifier for identifier in record.identifiers if identifier not in shared]
        for identifier in linking:
            forest.add(identifier)
        for identifier in linking[1:]:
            if not forest.unite(linking[0], identifier):
                cuts.add((record.record_id, identifier))
    return cuts


def _hang(
    records: Sequence[Evidence], kinds: Mapping[int, KindRule], component: dict[int, int], shared: Collection[int]
) -> None:
    """Give every identifier of public records its component; weaker ones hang on what the stronger ones agree on."""
    asserted: dict[int, list[Evidence]] = defaultdict(list)
    for record in records:
        for identifier in record.identifiers:
            if identifier not in component and identifier not in shared:
                asserted[identifier].append(record)
    held: Counter[tuple[int, str]] = Counter((label, kinds[one].name) for one, label in component.items())
    by_rank: dict[int, list[int]] = defaultdict(list)
    for identifier in asserted:
        by_rank[kinds[identifier].rank].append(identifier)
    for rank in sorted(by_rank):
        placed = dict.fromkeys(by_rank[rank], -1)
        for identifier in sorted(placed, key=lambda one: asserted[one][0].order):
            votes = {
                found.pop()
                for record in asserted[identifier]
                if len(found := _stronger(record, rank, kinds, component, shared)) == 1
            }
            label = votes.pop() if len(votes) == 1 and kinds[identifier].scope != "person" else identifier
            slot = (label, kinds[identifier].name)
            if label != identifier and held[slot] >= kinds[identifier].per_profile:
                label = identifier
            else:
                held[slot] += 1
            placed[identifier] = label
        component.update(placed)


def _stronger(
    record: Evidence, rank: int, kinds: Mapping[int, KindRule], component: Mapping[int, int], shared: Collection[int]
) -> set[int]:
    return {
        component[other]
        for other in record.identifiers
        if kinds[other].rank < rank and other in component and other not in shared
    }
