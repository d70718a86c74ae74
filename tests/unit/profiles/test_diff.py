"""Components get names: the older id survives a merge, the largest part keeps it on a split."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from gateway.profiles.diff import Named, components_of, name_components
from gateway.profiles.model import Partition, Profile


def named(components: Sequence[set[int]], old: Mapping[int, int], ages: Mapping[int, int] | None = None) -> list[Named]:
    """Name these components; fresh ids begin at 100, a profile's age is its id unless `ages` says otherwise."""
    profiles = {
        one: Profile(one, (ages or {}).get(one, one), frozenset(), irregular=False, outside=0) for one in old.values()
    }
    ids = itertools.count(100)
    return name_components([frozenset(one) for one in components], old, profiles, lambda: next(ids))


def test_a_new_component_gets_a_fresh_id() -> None:
    assert named([{1, 2}], {}) == [Named(100, frozenset({1, 2}), (), None)]


def test_an_unchanged_component_keeps_its_id() -> None:
    assert named([{1, 2}], {1: 7, 2: 7}) == [Named(7, frozenset({1, 2}), (), None)]


def test_the_older_survives_a_merge_and_the_others_end_in_it_by_age() -> None:
    (merged,) = named([{1, 2, 3}], {1: 7, 2: 8, 3: 9}, ages={7: 30, 8: 10, 9: 20})
    assert (merged.profile_id, merged.absorbed) == (8, (9, 7))


def test_of_one_age_the_lower_id_survives() -> None:
    (merged,) = named([{1, 2}], {1: 8, 2: 7}, ages={7: 5, 8: 5})
    assert (merged.profile_id, merged.absorbed) == (7, (8,))


def test_the_largest_part_keeps_the_id_and_the_others_name_their_parent() -> None:
    small, large = named([{1}, {2, 3}], {1: 7, 2: 7, 3: 7})
    assert small == Named(100, frozenset({1}), (), 7)
    assert large == Named(7, frozenset({2, 3}), (), None)


def test_of_equal_parts_the_first_keeps_it() -> None:
    first, second = named([{1}, {2}], {1: 7, 2: 7})
    assert (first.profile_id, second.profile_id, second.parent) == (7, 100, 7)


def test_size_is_counted_by_what_came_from_the_profile() -> None:
    """New identifiers do not make a part larger."""
    first, second = named([{1, 10, 11, 12}, {2, 3}], {1: 7, 2: 7, 3: 7})
    assert (first.profile_id, first.parent) == (100, 7)
    assert second.profile_id == 7


def test_two_profiles_that_swap_members_both_live() -> None:
    first, second = named([{1, 2, 5}, {3, 4, 6}], {1: 7, 2: 7, 3: 8, 4: 8, 5: 8, 6: 7})
    assert (first.profile_id, second.profile_id) == (7, 8)
    assert (first.absorbed, second.absorbed) == ((), ())


def test_components_in_a_fixed_order() -> None:
    found = Partition({5: 1, 1: 9, 2: 9, 4: 1, 3: 3}, frozenset(), frozenset(), frozenset())
    assert components_of(found) == [{1, 2}, {3}, {4, 5}]
