"""The evidence around a change: how far the walk goes, and what it brings home."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.profiles.closure import Closure, connected
from gateway.profiles.model import Evidence
from gateway.profiles.neighborhood import Neighborhood
from tests.properties.evidence_store import EvidenceStore, rule
from tests.unit.profiles.evidence import C1, C2, D1, E1, E2, E3, P1, P2, public, store, trusted


def walk(
    kept: EvidenceStore,
    *seeds: int,
    added: Sequence[Evidence] = (),
    removed: Mapping[int, tuple[int, ...]] | None = None,
) -> Closure:
    """The closure from `seeds`, of a neighborhood that knows them."""
    near = Neighborhood(kept.rules)
    gone = removed or {}
    known = {*seeds}.union(*(record.identifiers for record in added), *gone.values())
    near.learn_kinds({one: kept.kinds[one] for one in known})
    near.learn(*kept.homes(known))
    near.demoted, near.demoted_public = kept.demotions(known)
    return connected(seeds, added, gone, near, kept)


def numbers(closure: Closure) -> list[int]:
    """Ids of the records found."""
    return sorted(record.record_id for record in closure.records)


def test_it_reaches_everything_connected_and_nothing_else() -> None:
    kept = store()
    kept.step([trusted(1, E1, P1), trusted(2, P1, C1), trusted(3, C1, E2), trusted(4, E3, P2)])
    assert numbers(walk(kept, E1)) == [1, 2, 3]
    assert walk(kept, E1).identifiers() == {E1, P1, C1, E2}


def test_it_goes_on_through_public_records_cuts_and_new_records() -> None:
    kept = store(email=rule("email", per_profile=1))
    kept.step([trusted(1, E1, P1), public(2, P1, C1), trusted(3, P1, E2), trusted(4, E3, P2)])
    closure = walk(kept, C1, added=[trusted(9, E2, P2)])
    assert numbers(closure) == [1, 2, 3, 4, 9]
    assert closure.cuts[3, E2]
    assert not closure.cuts[3, P1]
    assert closure.added == {9}


def test_a_removed_record_is_not_among_them_but_its_identifiers_are_seeds() -> None:
    kept = store()
    kept.step([trusted(1, E1, P1), trusted(2, P1, C1), trusted(3, E1, D1)])
    closure = walk(kept, removed={1: (E1, P1)})
    assert numbers(closure) == [2, 3]
    assert closure.identifiers() == {E1, P1, C1, D1}


def test_records_come_with_their_identifiers_in_their_own_order() -> None:
    kept = store()
    kept.step([trusted(1, C1, P1, E1, D1)])
    (record,) = walk(kept, D1).records
    assert record == trusted(1, C1, P1, E1, D1)._replace(values=(0, 1, 2, 3), forms=(1, 1, 1, 1))


def test_a_demoted_identifier_is_met_but_not_walked_through() -> None:
    kept = store(phone=rule("phone", shared_above=2))
    kept.step([trusted(number, number, P1) for number in (E1, E2, E3)])
    closure = walk(kept, E1)
    assert numbers(closure) == [E1]
    assert closure.demoted == {P1}


def test_what_public_records_demoted_is_walked_through_trusted_ones_alone() -> None:
    kept = store(cookie=rule("cookie", shared_above=1))
    kept.step([public(1, E1, C1), public(2, E2, C1), trusted(3, C1, D1)])
    closure = walk(kept, D1)
    assert numbers(closure) == [3]
    assert closure.demoted_public == {C1}


def test_an_identifier_under_its_limit_again_is_walked_through() -> None:
    kept = store(phone=rule("phone", shared_above=2))
    kept.step([trusted(number, number, P1) for number in (E1, E2, E3)])
    closure = walk(kept, removed={E1: (E1, P1)})
    assert numbers(closure) == [E2, E3]
    assert closure.demoted == frozenset()


def test_one_still_above_its_limit_is_not() -> None:
    kept = store(phone=rule("phone", shared_above=1))
    kept.step([trusted(number, number, P1) for number in (E1, E2, E3)])
    closure = walk(kept, removed={E1: (E1, P1)})
    assert numbers(closure) == []
    assert closure.demoted == {P1}


def test_surroundings_of_a_component() -> None:
    kept = store()
    kept.step([trusted(1, E1, P1, regime="gdpr"), public(2, P1, C1), trusted(3, C2, E2, regime="ccpa")])
    closure = walk(kept, E1, added=[trusted(9, E1, C2, regime="ccpa")])
    kinds = {one: kept.rules[name] for one, name in kept.kinds.items()}
    assert closure.surroundings({E1, P1}, kinds) == (2, True, False, frozenset({"gdpr", "ccpa"}), [9])
    assert closure.surroundings({E2}, kinds) == (1, False, False, frozenset({"ccpa"}), [])
