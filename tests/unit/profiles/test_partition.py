"""What links, what is demoted, what a limit cuts and what hangs: each rule of the partition on its own."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from tests.properties.evidence_store import rule
from tests.unit.profiles.evidence import (
    C1,
    C2,
    C3,
    D1,
    D2,
    E1,
    E2,
    E3,
    P1,
    P2,
    S1,
    found,
    groups,
    public,
    rules,
    trusted,
)


def test_nothing_comes_of_nothing() -> None:
    assert groups() == []


def test_one_record_is_one_profile_and_a_shared_identifier_joins_two() -> None:
    assert groups(trusted(1, E1, P1), trusted(2, E2)) == [[E1, P1], [E2]]
    assert groups(trusted(1, E1, P1), trusted(2, E2, P1)) == [[E1, E2, P1]]


class TestDemotion:
    """More persons of one kind beside an identifier than its kind allows: it links nobody."""

    LIMITS = rules(phone=rule("phone", shared_above=2), cookie=rule("cookie", shared_above=1))

    def test_up_to_the_limit_it_links(self) -> None:
        assert groups(trusted(1, E1, P1), trusted(2, E2, P1), limits=self.LIMITS) == [[E1, E2, P1]]

    def test_above_the_limit_it_links_nobody_and_has_no_profile(self) -> None:
        office = [trusted(number, email, P1) for number, email in enumerate((E1, E2, E3), start=1)]
        result = found(*office, limits=self.LIMITS)
        assert result.demoted == {P1}
        assert sorted(map(sorted, result.groups().values())) == [[E1], [E2], [E3]]
        assert result.cuts == frozenset()

    def test_the_same_person_twice_counts_once(self) -> None:
        again = [trusted(number, E1, P1) for number in range(1, 6)]
        assert found(*again, limits=self.LIMITS).demoted == frozenset()

    def test_persons_are_counted_by_kind_and_devices_not_at_all(self) -> None:
        record = trusted(1, P1, E1, E2, P2, D1, D2, C2, C3)
        assert found(record, limits=self.LIMITS).demoted == {C2, C3}

    def test_an_identifier_does_not_count_itself(self) -> None:
        limits = rules(email=rule("email", shared_above=1))
        assert found(trusted(1, E1, E2), limits=limits).demoted == frozenset()
        assert found(trusted(1, E1, E2, E3), limits=limits).demoted == {E1, E2, E3}

    def test_public_records_demote_among_themselves_alone(self) -> None:
        shared = [public(number, email, C1) for number, email in enumerate((E1, E2), start=1)]
        result = found(*shared, trusted(5, E3, C1), limits=self.LIMITS)
        assert not result.demoted
        assert result.demoted_public == {C1}
        assert result.component[C1] == result.component[E3]

    def test_what_trusted_records_demote_public_ones_do_not_demote_again(self) -> None:
        shared = [trusted(1, E1, C1), trusted(2, E2, C1), public(3, E1, C1), public(4, E2, C1)]
        result = found(*shared, limits=self.LIMITS)
        assert result.demoted == {C1}
        assert not result.demoted_public

    def test_records_that_rest_on_a_demoted_identifier_still_link_the_rest(self) -> None:
        office = [trusted(number, P1, email) for number, email in enumerate((E1, E2, E3), start=1)]
        assert groups(*office, trusted(4, P1, D1, E1), limits=self.LIMITS) == [[E1, D1], [E2], [E3]]


class TestCuts:
    """A constrained Kruskal: the earlier evidence wins, and the edge that would break a limit is cut."""

    LIMITS = rules(email=rule("email", per_profile=2), cookie=rule("cookie", per_profile=1))

    def test_the_latest_edge_is_cut(self) -> None:
        records = [trusted(number, P1, email) for number, email in enumerate((E1, E2, E3), start=1)]
        result = found(*records, limits=self.LIMITS)
        assert result.cuts == {(3, E3)}
        assert sorted(map(sorted, result.groups().values())) == [[E1, E2, P1], [E3]]

    def test_observed_at_decides_not_the_order_of_arrival(self) -> None:
        records = [trusted(1, P1, E1, at=9), trusted(2, P1, E2, at=2), trusted(3, P1, E3, at=1)]
        for several in itertools.permutations(records):
            assert found(*several, limits=self.LIMITS).cuts == {(1, E1)}

    def test_at_the_same_moment_the_hash_of_the_record_decides(self) -> None:
        records = [trusted(number, P1, email, at=5) for number, email in ((7, E1), (8, E2), (6, E3))]
        for several in itertools.permutations(records):
            assert found(*several, limits=self.LIMITS).cuts == {(8, E2)}

    def test_two_profiles_too_large_together_stay_apart(self) -> None:
        result = found(trusted(1, E1, E2), trusted(2, E3, D1), trusted(3, E1, D1), limits=self.LIMITS)
        assert result.cuts == {(3, D1)}
        assert sorted(map(sorted, result.groups().values())) == [[E1, E2], [E3, D1]]

    def test_the_rest_of_the_record_still_links(self) -> None:
        result = found(trusted(1, E1, C1), trusted(2, E1, C2, P1), limits=self.LIMITS)
        assert result.cuts == {(2, C2)}
        assert sorted(map(sorted, result.groups().values())) == [[E1, P1, C1], [C2]]

    def test_every_record_that_says_it_again_is_cut_again(self) -> None:
        result = found(trusted(1, E1, C1), trusted(2, E1, C2), trusted(3, E1, C2), limits=self.LIMITS)
        assert result.cuts == {(2, C2), (3, C2)}


class TestHanging:
    """Public records hang weaker identifiers on stronger ones, and join no two."""

    def test_a_leaf_hangs_on_the_one_profile_its_record_touches(self) -> None:
        assert groups(trusted(1, E1, P1), public(2, E1, C1)) == [[E1, P1, C1]]

    def test_it_hangs_on_none_when_its_records_touch_two(self) -> None:
        one, two = trusted(1, E1), trusted(2, E2)
        assert groups(one, two, public(3, E1, C1), public(4, E2, C1)) == [[E1], [E2], [C1]]
        assert groups(one, two, public(3, E1, C1, E2)) == [[E1], [E2], [C1]]

    @pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
    def test_it_joins_no_two_profiles_whatever_came_first(self, order: tuple[int, ...]) -> None:
        one, two, three = order
        records = [trusted(1, E1, at=one), trusted(2, E2, at=two), public(3, E1, E2, at=three)]
        assert groups(*records) == [[E1], [E2]]

    def test_two_profiles_that_a_trusted_record_joins_count_as_one(self) -> None:
        records = [trusted(1, E1), trusted(2, E2), public(3, E1, C1), public(4, E2, C1)]
        assert groups(*records, trusted(5, E1, E2)) == [[E1, E2, C1]]

    def test_persons_never_hang(self) -> None:
        assert groups(trusted(1, E1), public(2, E1, P1)) == [[E1], [P1]]
        weaker = rules(phone=replace(rule("phone"), rank=1))
        assert groups(trusted(1, E1), public(2, E1, P1), limits=weaker) == [[E1], [P1]]

    def test_without_a_stronger_one_it_stands_alone_and_weaker_ones_hang_on_it(self) -> None:
        assert groups(public(1, C1, S1)) == [[C1, S1]]
        assert groups(public(1, C1, C2)) == [[C1], [C2]]

    def test_leaves_hang_on_leaves(self) -> None:
        assert groups(trusted(1, E1), public(2, E1, D1), public(3, D1, C1), public(4, C1, S1)) == [[E1, D1, C1, S1]]

    def test_what_a_trusted_record_names_alone_hangs_no_longer(self) -> None:
        assert groups(trusted(1, E1), public(2, E1, C1), trusted(3, C1)) == [[E1], [C1]]

    def test_a_trusted_link_stands_whatever_public_records_say(self) -> None:
        assert groups(trusted(1, E1, C1), trusted(2, E2), public(3, E2, C1)) == [[E1, C1], [E2]]

    def test_room_goes_to_the_leaf_that_was_observed_first(self) -> None:
        limits = rules(cookie=rule("cookie", per_profile=2))
        records = [trusted(1, E1), public(2, E1, C1, at=9), public(3, E1, C2, at=3), public(4, E1, C3, at=5)]
        assert groups(*records, limits=limits) == [[E1, C2, C3], [C1]]
        assert groups(*records, public(5, C1, at=1), limits=limits) == [[E1, C1, C2], [C3]]

    def test_trusted_links_take_the_room_first(self) -> None:
        limits = rules(cookie=rule("cookie", per_profile=1))
        assert groups(public(1, E1, C1), trusted(2, E1, C2), limits=limits) == [[E1, C2], [C1]]

    def test_a_demoted_identifier_hangs_nowhere_and_nothing_hangs_on_it(self) -> None:
        limits = rules(device=rule("device", shared_above=1))
        shared = [public(1, E1, D1), public(2, E2, D1)]
        result = found(*shared, public(3, D1, C1), limits=limits)
        assert result.demoted_public == {D1}
        assert sorted(map(sorted, result.groups().values())) == [[E1], [E2], [C1]]
