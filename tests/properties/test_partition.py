"""The partition: kept incrementally it equals the whole recomputation, whatever comes, in whatever order."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gateway.policy.model import KindRule
from gateway.profiles.model import Evidence, Partition
from gateway.profiles.partition import partition
from gateway.profiles.values import Values
from tests.properties.evidence_store import KINDS, EvidenceStore, rule
from tests.properties.tape import Tape

EXAMPLES = max(1_000, settings().max_examples)
LONG = settings(max_examples=20_000)


@dataclass(frozen=True, slots=True)
class World:
    """Kinds with their limits, identifiers with their kinds, and batches of records to add and places to remove."""

    rules: dict[str, KindRule]
    kinds: dict[int, str]
    steps: tuple[tuple[tuple[Evidence, ...], tuple[int, ...]], ...]

    @property
    def records(self) -> list[Evidence]:
        """All records that are ever added."""
        return [record for added, _ in self.steps for record in added]

    def store(self) -> EvidenceStore:
        """An empty store for this world."""
        return EvidenceStore(self.rules, self.kinds)

    def whole(self, records: Sequence[Evidence]) -> Partition:
        """The partition of `records`."""
        return partition(records, {one: self.rules[name] for one, name in self.kinds.items()})


def world_of(tape: bytes, *, limits: bool, public: bool, removals: bool) -> World:
    """A few identifiers, so that records meet often, and batches as far as the tape goes."""
    choose = Tape(tape)
    names = sorted(KINDS)
    kinds = {one: names[choose.below(len(names))] for one in range(1, 4 + choose.below(6))}
    if limits:
        rules = {name: rule(name, per_profile=1 + choose.below(3), shared_above=1 + choose.below(3)) for name in names}
    else:
        rules = {name: rule(name) for name in names}
    steps: list[tuple[tuple[Evidence, ...], tuple[int, ...]]] = []
    numbers = itertools.count(1)
    while choose:
        added: list[Evidence] = []
        for number in itertools.islice(numbers, choose.below(4)):
            trusted = not public or choose.below(2) == 0
            observed_at, regime = choose.below(10), "gk"[choose.below(2)]
            identifiers = choose.several(sorted(kinds), 1 + choose.below(4))
            content = sha256(f"{number} {identifiers}".encode()).digest()[:16]
            values, forms = digests(identifiers, kinds, choose)
            added.append(Evidence(number, trusted, observed_at, content, identifiers, (regime,), values, forms))
        places = choose.several(range(40), max(0, choose.below(5) - 2)) if removals else ()
        steps.append((tuple(added), places))
    return World(rules, kinds, tuple(steps))


def digests(
    identifiers: Sequence[int], kinds: Mapping[int, str], choose: Tape
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Which identifiers of a record are digests of one value, and whose forms; () and () for one that came hashed."""
    if choose.below(2):
        return (), ()
    values = list(range(len(identifiers)))
    for one, other in itertools.combinations(values, 2):
        if kinds[identifiers[one]] == kinds[identifiers[other]] and choose.below(2):
            values[other] = values[one]
    return tuple(values), tuple(1 + choose.below(3) for _ in values)


def values_of(records: Sequence[Evidence]) -> Values:
    """Which identifiers the records call one."""
    values = Values()
    for record in records:
        for several in record.several():
            values.unite(several)
    return values


def worlds(*, limits: bool = True, public: bool = True, removals: bool = True) -> st.SearchStrategy[World]:
    """Worlds with narrow limits, trusted and public records, and removals, unless these are switched off."""
    return st.binary(min_size=60, max_size=180).map(
        lambda tape: world_of(tape, limits=limits, public=public, removals=removals)
    )


def run(world: World) -> None:
    """Take all steps, and check after each."""
    store = world.store()
    for added, places in world.steps:
        standing = sorted(store.records)
        removed = {standing[place % len(standing)] for place in places} if standing else ()
        store.step(added, removed)
        store.check()


@settings(max_examples=EXAMPLES)
@given(worlds())
def test_incremental_equals_whole(world: World) -> None:
    run(world)


@settings(max_examples=EXAMPLES // 4)
@given(worlds(public=False))
def test_incremental_equals_whole_among_trusted_records(world: World) -> None:
    run(world)


@settings(max_examples=EXAMPLES // 4)
@given(worlds(limits=False))
def test_incremental_equals_whole_without_limits(world: World) -> None:
    run(world)


@pytest.mark.fuzz
@LONG
@given(worlds())
def test_incremental_equals_whole_for_long(world: World) -> None:
    run(world)


@settings(max_examples=EXAMPLES // 2)
@given(worlds(removals=False), st.integers(), st.integers(1, 5))
def test_order_and_batching_do_not_matter(world: World, seed: int, size: int) -> None:
    records = world.records
    right = world.whole(records)
    shuffled = random.Random(seed).sample(records, len(records))
    store = world.store()
    for start in range(0, len(shuffled), size):
        store.step(shuffled[start : start + size])
    assert store.components() == {frozenset(group) for group in right.groups().values()}
    assert store.cuts == right.cuts
    assert store.demoted == right.demoted
    assert store.demoted_public == right.demoted_public
    again = world.whole(shuffled)
    assert again.cuts == right.cuts
    assert sorted(map(sorted, again.groups().values())) == sorted(map(sorted, right.groups().values()))


@given(worlds(removals=False))
def test_taking_everything_away_leaves_nothing(world: World) -> None:
    store = world.store()
    for added, _ in world.steps:
        store.step(added)
    store.step((), list(store.records))
    store.check()
    assert not any([store.home, store.profiles, store.cuts, store.demoted, store.demoted_public])


@given(worlds(removals=False))
def test_ids_do_not_count(world: World) -> None:
    """Other surrogate ids for identifiers and records, in another order of size: the same partition."""
    renamed = [
        record._replace(record_id=-record.record_id, identifiers=tuple(100 - one for one in record.identifiers))
        for record in world.records
    ]
    other = replace(world, kinds={100 - one: name for one, name in world.kinds.items()})
    right, again = world.whole(world.records), other.whole(renamed)
    assert {frozenset(100 - one for one in group) for group in again.groups().values()} == {
        frozenset(group) for group in right.groups().values()
    }
    assert {(-record, 100 - one) for record, one in again.cuts} == right.cuts
    assert {100 - one for one in again.demoted} == right.demoted


@given(worlds(limits=False, public=False, removals=False))
def test_without_limits_trusted_records_make_the_components_that_scipy_finds(world: World) -> None:
    edges = [(record.identifiers[0], other) for record in world.records for other in record.identifiers]
    size = max(world.kinds) + 1
    rows, columns = np.array(edges, dtype=np.int64).reshape(-1, 2).T
    _, labels = connected_components(coo_array((np.ones(len(edges)), (rows, columns)), shape=(size, size)))
    found: dict[int, set[int]] = {}
    for one in {one for edge in edges for one in edge}:
        found.setdefault(int(labels[one]), set()).add(one)
    groups = world.whole(world.records).groups()
    assert sorted(map(sorted, groups.values())) == sorted(map(sorted, found.values()))


@settings(max_examples=EXAMPLES // 2)
@given(worlds(removals=False))
def test_public_records_join_no_two_and_move_nobody(world: World) -> None:
    """Between trusted identifiers they change nothing, and a person whom only they name stands alone."""
    found = world.whole(world.records)
    trusted = world.whole([record for record in world.records if record.trusted])
    known = trusted.component.keys()
    left = {frozenset(group & known) for group in map(set, found.groups().values())} - {frozenset()}
    assert left == {frozenset(group) for group in trusted.groups().values()}
    assert found.cuts == trusted.cuts
    values = values_of(world.records)
    for group in found.groups().values():
        persons = {one for one in group if world.rules[world.kinds[one]].scope == "person"}
        for one in persons - known:
            same = {other for other in persons if values.of(other) == values.of(one)}
            assert same == persons or same & known


@settings(max_examples=EXAMPLES // 2)
@given(worlds(removals=False))
def test_no_profile_breaks_a_limit_and_no_demoted_identifier_links(world: World) -> None:
    """Several digests that records call one value count once."""
    found = world.whole(world.records)
    values = values_of(world.records)
    for group in found.groups().values():
        for name, limits in world.rules.items():
            assert len({values.of(one) for one in group if world.kinds[one] == name}) <= limits.per_profile
    assert found.demoted.isdisjoint(found.component)
    everyone = {one for record in world.records for one in record.identifiers}
    assert everyone == found.component.keys() | found.demoted | found.demoted_public
