"""Facts folded to the state that stands: the latest act wins, the restrictive one at the same moment."""

from __future__ import annotations

import pytest

from gateway.consent.ledger import LedgerView, binding, fold
from gateway.consent.model import ANY_PURPOSE, PROFILE_WIDE, RESTRICTIVE, EventKind
from tests.unit.consent.facts import PURPOSE, fact, grant, ledger

A, B = 1, 2


def test_silence() -> None:
    assert fold([], PURPOSE) is None
    assert ledger().state(A, PURPOSE) is None
    assert fold([fact(A, EventKind.GRANT, purpose="analytics")], PURPOSE) is None


@pytest.mark.parametrize("kind", sorted(RESTRICTIVE - {EventKind.RESTRICT}))
def test_the_later_act_wins(kind: EventKind) -> None:
    early, late = grant(A, days_ago=3), fact(A, kind, days_ago=2)
    assert fold([early, late], PURPOSE) is late
    again = grant(A, days_ago=1)
    assert fold([early, late, again], PURPOSE) is again


def test_it_is_when_it_happened_that_counts_not_when_it_was_recorded() -> None:
    """A grant that is recorded late never beats a restriction after it."""
    withdrawn, late = fact(A, EventKind.WITHDRAW, days_ago=1), grant(A, days_ago=2)
    assert late.position > withdrawn.position
    assert fold([withdrawn, late], PURPOSE) is withdrawn


@pytest.mark.parametrize("kind", sorted(RESTRICTIVE))
def test_at_the_same_moment_the_restrictive_one_wins(kind: EventKind) -> None:
    restrictive, permissive = fact(A, kind), grant(A)
    assert fold([restrictive, permissive], PURPOSE) is restrictive
    assert fold([permissive, restrictive], PURPOSE) is restrictive


def test_of_two_alike_the_later_recorded() -> None:
    first, second = grant(A), grant(A)
    assert fold([second, first], PURPOSE) is second


def test_one_about_every_purpose_is_about_each() -> None:
    every = fact(A, EventKind.OBJECT, purpose=ANY_PURPOSE, days_ago=1)
    assert fold([grant(A, days_ago=2), every], PURPOSE) is every
    later = grant(A, days_ago=0.5)
    assert fold([every, later], PURPOSE) is later
    assert fold([every, later], "analytics") is every


class TestRestriction:
    """GDPR Art. 18: it stands beside the other events until it is lifted, or the person consents later (Art. 18(2))."""

    def test_it_stands_over_an_earlier_consent_and_a_later_one_ends_it(self) -> None:
        early, restricted, late = grant(A, days_ago=3), fact(A, EventKind.RESTRICT, days_ago=2), grant(A, days_ago=1)
        assert fold([early, restricted], PURPOSE) is restricted
        assert fold([early, restricted, late], PURPOSE) is late

    def test_ended_by_a_consent_it_does_not_come_back_when_that_is_withdrawn(self) -> None:
        """Found by the property test of inheritance."""
        events = [
            fact(A, kind, days_ago=age)
            for age, kind in ((3, EventKind.RESTRICT), (2, EventKind.GRANT), (1, EventKind.WITHDRAW))
        ]
        assert fold(events, PURPOSE) is events[2]

    def test_lifted_it_gives_back_what_stood_before(self) -> None:
        early, restricted = grant(A, days_ago=3), fact(A, EventKind.RESTRICT, days_ago=2)
        lifted = fact(A, EventKind.UNRESTRICT, days_ago=1)
        assert fold([early, restricted, lifted], PURPOSE) is early
        assert fold([restricted, lifted], PURPOSE) is None

    def test_lifting_lifts_nothing_else(self) -> None:
        withdrawn, lifted = fact(A, EventKind.WITHDRAW, days_ago=2), fact(A, EventKind.UNRESTRICT, days_ago=1)
        assert fold([withdrawn, lifted], PURPOSE) is withdrawn

    def test_restricted_again(self) -> None:
        events = [
            fact(A, kind, days_ago=age)
            for age, kind in ((3, EventKind.RESTRICT), (2, EventKind.UNRESTRICT), (1, EventKind.RESTRICT))
        ]
        assert fold(events, PURPOSE) is events[2]

    def test_at_the_same_moment_it_is_not_lifted(self) -> None:
        restricted, lifted = fact(A, EventKind.RESTRICT), fact(A, EventKind.UNRESTRICT)
        assert fold([restricted, lifted], PURPOSE) is restricted


class TestBinding:
    """What binds the whole person, also where something else decides for the identifier itself."""

    @pytest.mark.parametrize("kind", sorted(EventKind))
    def test_objections_opt_outs_and_restrictions_bind(self, kind: EventKind) -> None:
        said = fact(A, kind)
        assert binding([said], PURPOSE) == ([said] if kind in PROFILE_WIDE else [])

    def test_a_restriction_hides_no_refusal(self) -> None:
        """Found by the property test: lifted on one identifier, it left an opt-out that others had not inherited."""
        refused, restricted = fact(A, EventKind.OPT_OUT, days_ago=1), fact(A, EventKind.RESTRICT, days_ago=2)
        assert binding([refused, restricted], PURPOSE) == [refused, restricted]
        lifted = fact(A, EventKind.UNRESTRICT, days_ago=0.5)
        assert binding([refused, restricted, lifted], PURPOSE) == [refused]

    def test_a_withdrawal_hides_no_refusal(self) -> None:
        refused, withdrawn = fact(A, EventKind.OBJECT, days_ago=2), fact(A, EventKind.WITHDRAW, days_ago=1)
        assert binding([refused, withdrawn], PURPOSE) == [refused]

    def test_a_later_consent_ends_both(self) -> None:
        events = [fact(A, EventKind.OPT_OUT, days_ago=3), fact(A, EventKind.RESTRICT, days_ago=2)]
        assert binding([*events, grant(A, days_ago=1)], PURPOSE) == []
        assert binding([*events, grant(A, days_ago=2)], PURPOSE) == [events[1]]
        assert binding([*events, fact(A, EventKind.GRANT, purpose="analytics", days_ago=1)], PURPOSE) == events

    def test_of_several_the_latest(self) -> None:
        events = [fact(A, EventKind.OPT_OUT, days_ago=age) for age in (3, 1, 2)]
        assert binding(events, PURPOSE) == [events[1]]

    def test_in_a_view(self) -> None:
        view = ledger(fact(A, EventKind.OPT_OUT), fact(B, EventKind.WITHDRAW))
        assert view.binding(A, PURPOSE) == view.facts(A)
        assert view.binding(A, "analytics") == []
        assert view.binding(B, PURPOSE) == []
        assert view.binding(99, PURPOSE) == []


class TestView:
    def test_identifiers_are_kept_apart(self) -> None:
        view = ledger(grant(A), fact(B, EventKind.DENY))
        states = [view.state(one, PURPOSE) for one in (A, B)]
        assert [state.kind for state in states if state] == [EventKind.GRANT, EventKind.DENY]

    def test_a_new_fact_is_folded_in(self) -> None:
        view = ledger(grant(A, days_ago=2))
        assert view.state(A, PURPOSE) == view.facts(A)[0]
        withdrawn = fact(A, EventKind.WITHDRAW, days_ago=1)
        view.add(withdrawn)
        assert view.state(A, PURPOSE) is withdrawn

    def test_silence_is_not_kept_over_a_new_fact(self) -> None:
        view = LedgerView()
        assert view.state(A, PURPOSE) is None
        view.add(grant(A))
        assert view.state(A, PURPOSE) is not None

    def test_events_are_idempotent_by_content(self) -> None:
        view = ledger(fact(A, EventKind.OPT_OUT, purpose="sale"))
        at = view.facts(A)[0].occurred_at
        assert view.holds(A, EventKind.OPT_OUT, "sale", at)
        assert not view.holds(A, EventKind.OPT_OUT, "sale", at + 1)
        assert not view.holds(A, EventKind.OPT_OUT, "sharing", at)
        assert not view.holds(A, EventKind.OBJECT, "sale", at)
        assert not view.holds(B, EventKind.OPT_OUT, "sale", at)

    def test_one_about_every_purpose_holds_each(self) -> None:
        view = ledger(fact(A, EventKind.OBJECT, purpose=ANY_PURPOSE))
        at = view.facts(A)[0].occurred_at
        assert view.holds(A, EventKind.OBJECT, PURPOSE, at)
        assert view.holds(A, EventKind.OBJECT, ANY_PURPOSE, at)

    def test_who_has_had_a_restriction_that_binds_the_person(self) -> None:
        view = LedgerView(fact(one, kind) for one, kind in enumerate(EventKind))
        assert view.person_wide == {one for one, kind in enumerate(EventKind) if kind in PROFILE_WIDE}
