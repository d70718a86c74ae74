"""What `plan` says of a batch: kinds of changes, the ids that live on, what settles, what loads the evidence."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import pytest

from gateway.policy.model import KindRule
from gateway.profiles.closure import LinkRow
from gateway.profiles.engine import Plan, plan
from gateway.profiles.model import Change, Evidence
from gateway.profiles.neighborhood import Neighborhood
from tests.properties.evidence_store import EvidenceStore, rule
from tests.unit.profiles.evidence import C1, C2, C3, D1, E1, E2, E3, P1, P2, S1, public, store, trusted


@dataclass(slots=True)
class WatchedStore(EvidenceStore):
    """A store that notes whose evidence was loaded."""

    walked: list[int] = field(default_factory=list)

    def links_around(self, identifiers: Collection[int], *, trusted_only: bool) -> list[LinkRow]:
        """Note them, and answer."""
        self.walked += identifiers
        return EvidenceStore.links_around(self, identifiers, trusted_only=trusted_only)


def watched(*records: Evidence, **limits: KindRule) -> WatchedStore:
    """A watched store with these records in it."""
    made = store(**limits)
    watching = WatchedStore(made.rules, made.kinds)
    for record in records:
        watching.step([record])
    watching.walked.clear()
    return watching


def kinds(changes: list[Change]) -> list[str]:
    """The kinds of the changes, sorted."""
    return sorted(change.kind for change in changes)


class TestChanges:
    def test_created_extended_merged(self) -> None:
        kept = store()
        (created,) = kept.step([trusted(1, E1, P1)])
        assert (created.kind, created.added) == ("created", (E1, P1))
        (extended,) = kept.step([trusted(2, P1, C1)])
        assert (extended.kind, extended.profile_id, extended.added) == ("extended", created.profile_id, (C1,))
        (other,) = kept.step([trusted(3, E2)])
        (merged,) = kept.step([trusted(4, E2, C1)])
        assert (merged.kind, merged.profile_id, merged.others) == ("merged", created.profile_id, (other.profile_id,))
        assert merged.added == (E2,)

    def test_a_record_of_one_profile_changes_nothing_and_loads_nothing(self) -> None:
        kept = watched(trusted(1, E1, P1, C1))
        assert kept.step([trusted(2, C1, E1), trusted(3, P1)]) == []
        assert kept.walked == []

    def test_a_plain_merge_loads_no_evidence(self) -> None:
        kept = watched(trusted(1, E1), trusted(2, E2), trusted(3, E3))
        assert kinds(kept.step([trusted(4, E1, E2), trusted(5, E2, E3, P1)])) == ["merged"]
        assert kept.walked == []

    def test_the_older_profile_survives_even_if_it_is_smaller(self) -> None:
        kept = store()
        (first,) = kept.step([trusted(1, E1)])
        kept.step([trusted(2, E2, P1, P2, C1, C2)])
        (merged,) = kept.step([trusted(3, E1, E2)])
        assert merged.profile_id == first.profile_id
        assert merged.added == (E2, P1, P2, C1, C2)

    def test_the_largest_part_keeps_the_id_on_a_split(self) -> None:
        kept = store()
        (first,) = kept.step([trusted(1, E1, P1), trusted(2, P1, E2), trusted(3, E2, C1, C2)])
        changes = kept.step(removed=[2])
        kept.check()
        split, part = sorted(changes, key=lambda change: change.profile_id)
        assert (split.kind, split.profile_id, split.removed) == ("split", first.profile_id, (E1, P1))
        assert (part.kind, part.others, part.added) == ("split", (first.profile_id,), (E1, P1))

    def test_a_profile_that_loses_all_its_evidence_is_dissolved(self) -> None:
        kept = store()
        (first,) = kept.step([trusted(1, E1, P1)])
        (gone,) = kept.step(removed=[1])
        assert (gone.kind, gone.profile_id, gone.removed) == ("dissolved", first.profile_id, (E1, P1))
        assert kept.profiles == {}

    def test_a_replaced_record_is_one_change(self) -> None:
        kept = store()
        kept.step([trusted(1, E1, P1)])
        (change,) = kept.step([trusted(2, E1, P2)], removed=[1])
        kept.check()
        assert (change.added, change.removed) == ((P2,), (P1,))

    def test_a_merge_in_the_batch_that_takes_the_old_link_away(self) -> None:
        """Found by the property test: the merge was planned apart from the removal, and the two contradicted."""
        kept = store()
        kept.step([trusted(1, E1, P1)])
        kept.step([trusted(2, C1, D1)])
        kept.step([trusted(3, D1, P1)], removed=[1, 2])
        kept.check()
        assert kept.components() == {frozenset({D1, P1})}


class TestLimits:
    def test_a_cut_is_marked_and_goes_when_its_reason_goes(self) -> None:
        kept = store(email=rule("email", per_profile=1))
        kept.step([trusted(1, P1, E1)])
        kept.step([trusted(2, P1, E2)])
        assert kept.cuts == {(2, E2)}
        kept.step(removed=[1])
        kept.check()
        assert kept.cuts == set()
        assert kept.components() == {frozenset({P1, E2})}

    def test_earlier_evidence_that_comes_late_moves_the_cut(self) -> None:
        kept = store(email=rule("email", per_profile=1))
        kept.step([trusted(1, P1, E1, at=5), trusted(2, P1, E2, at=7)])
        kept.step([trusted(3, P1, E2, at=1)])
        kept.check()
        assert kept.cuts == {(1, E1)}

    def test_one_too_many_demotes_and_splits(self) -> None:
        kept = store(phone=rule("phone", shared_above=2))
        kept.step([trusted(1, E1, P1), trusted(2, E2, P1)])
        changes = kept.step([trusted(3, E3, P1)])
        kept.check()
        assert kept.demoted == {P1}
        assert "split" in kinds(changes)
        assert kept.components() == {frozenset({E1}), frozenset({E2}), frozenset({E3})}

    def test_a_demoted_identifier_links_again_when_too_many_have_gone(self) -> None:
        kept = store(phone=rule("phone", shared_above=2))
        kept.step([trusted(number, email, P1) for number, email in enumerate((E1, E2, E3), start=1)])
        changes = kept.step(removed=[2])
        kept.check()
        assert kept.demoted == set()
        assert kept.components() == {frozenset({E1, E3, P1})}
        assert kinds(changes) == ["dissolved", "merged"]

    def test_demoted_identifiers_are_not_walked_through(self) -> None:
        """However many people share one, a change of one of them loads nothing of the others."""
        office = [trusted(number, number, P1) for number in (E1, E2, E3)]
        kept = watched(*office, phone=rule("phone", shared_above=2, per_profile=1))
        kept.step([trusted(9, E1, P2)])
        kept.check()
        assert not {E2, E3, P1}.intersection(kept.walked)


class TestLeaves:
    """Found by the property test: records that seemed to change nothing moved what hangs."""

    def test_a_trusted_record_of_a_leaf_alone_takes_it_out(self) -> None:
        kept = store()
        kept.step([trusted(1, E1), public(2, E1, C1), public(3, E1, C2)])
        kept.step([trusted(4, C1, C2)])
        kept.check()
        assert kept.components() == {frozenset({E1}), frozenset({C1, C2})}

    def test_a_trusted_record_of_a_leaf_and_a_person_settles(self) -> None:
        kept = watched(trusted(1, E1), public(2, E1, C1))
        assert kept.step([trusted(3, E1, C1)]) == []
        assert kept.walked == []
        kept.check()

    def test_an_older_public_record_takes_the_room(self) -> None:
        kept = store(cookie=rule("cookie", per_profile=2))
        kept.step([trusted(1, E1), public(2, E1, C1, at=9), public(3, E1, C2, at=3), public(4, E1, C3, at=5)])
        kept.step([public(5, C1, at=1)])
        kept.check()
        assert kept.components() == {frozenset({E1, C1, C2}), frozenset({C3})}

    def test_a_page_view_of_a_known_cookie_settles(self) -> None:
        kept = watched(trusted(1, E1), public(2, E1, C1, S1))
        assert kept.step([public(3, C1), public(4, C1, S1)]) == []
        assert kept.walked == []
        kept.check()

    def test_a_record_that_names_a_leaf_beside_another_person_frees_it(self) -> None:
        kept = store()
        kept.step([trusted(1, E1), trusted(2, E2), public(3, E1, C1)])
        (split, part) = sorted(kept.step([public(4, E2, C1)]), key=lambda change: len(change.added))
        assert (split.kind, split.removed) == ("split", (C1,))
        assert part.added == (C1,)


class TestRows:
    """What a profile's row remembers, so that the next change need not load the evidence."""

    def test_regimes_are_those_of_all_its_records(self) -> None:
        kept = store()
        kept.step([trusted(1, E1, regime="gdpr")])
        kept.step([trusted(2, E1, regime="ccpa")])
        kept.step([trusted(3, E2, regime="uk_gdpr"), trusted(4, E1, E2, regime="gdpr")])
        (row,) = kept.profiles.values()
        assert row.regimes == {"gdpr", "ccpa", "uk_gdpr"}

    def test_regimes_go_with_their_records(self) -> None:
        kept = store()
        kept.step([trusted(1, E1, P1, regime="gdpr"), trusted(2, E1, regime="ccpa")])
        kept.step(removed=[2])
        (row,) = kept.profiles.values()
        assert row.regimes == {"gdpr"}

    def test_public_evidence_and_neighbors_make_a_profile_irregular(self) -> None:
        kept = store(email=rule("email", per_profile=1))
        kept.step([trusted(1, E1, P1)])
        assert [(row.irregular, row.outside) for row in kept.profiles.values()] == [(False, 0)]
        kept.step([trusted(2, P1, E2)])
        assert sorted((row.irregular, row.outside) for row in kept.profiles.values()) == [(True, 1), (True, 1)]

    @pytest.mark.parametrize("trust", [True, False])
    def test_a_settled_record_updates_the_row(self, trust: bool) -> None:  # noqa: FBT001 - parametrized
        kept = store()
        kept.step([trusted(1, E1, P1)])
        kept.step([trusted(2, E1, regime="ccpa")._replace(trusted=trust)])
        (row,) = kept.profiles.values()
        assert row.irregular is not trust
        assert row.regimes == {"gdpr", "ccpa"}


def test_members_after_a_plan() -> None:
    near = Neighborhood({}, home={1: 7, 2: 7, 3: 8}, members={7: [1, 2], 8: [3]})
    planned = Plan(moved={3: 7, 4: 7, 2: 9}, homeless=set())
    arrivals = planned.arrivals()
    assert arrivals == {7: [3, 4], 9: [2]}
    assert planned.members_after(near, 7, arrivals) == [1, 3, 4]
    assert planned.members_after(near, 9, arrivals) == [2]
    planned.homeless.add(1)
    assert planned.members_after(near, 7, arrivals) == [3, 4]


def test_an_empty_batch_plans_nothing() -> None:
    kept = store()
    assert plan(Neighborhood(kept.rules), [], {}, kept, lambda: 1) == Plan()
