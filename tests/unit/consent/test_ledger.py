"""Facts folded to the state that stands: the latest act wins, the restrictive one at the same moment."""

from __future__ import annotations

import pytest

from gateway.consent.ledger import LedgerView, age_of, binding, fold, standing, under
from gateway.consent.model import ANY_PURPOSE, NO_STATE, PERMISSIVE, PROFILE_WIDE, RESTRICTIVE, EventKind
from gateway.kernel.clock import DAY
from tests.unit.consent.facts import NOW, PURPOSE, fact, grant, ledger, minor

A, B = 1, 2
SHOP, APP = "shop", "app"


def test_silence() -> None:
    assert fold([], PURPOSE) is None
    assert ledger().state(A, PURPOSE) is None
    assert fold([fact(A, EventKind.GRANT, purpose="analytics")], PURPOSE) is None


@pytest.mark.parametrize("kind", sorted(RESTRICTIVE - NO_STATE - {EventKind.RESTRICT}))
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


@pytest.mark.parametrize("kind", sorted(RESTRICTIVE - NO_STATE))
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


@pytest.mark.parametrize("kind", sorted(NO_STATE))
def test_an_age_and_a_received_signal_are_no_word_on_a_purpose(kind: EventKind) -> None:
    noted = fact(A, kind, purpose=ANY_PURPOSE, basis=under(16))
    assert fold([noted], PURPOSE) is None
    given = grant(A, days_ago=2)
    assert fold([given, noted], PURPOSE) is given


class TestExpiry:
    @pytest.mark.parametrize("kind", sorted(PERMISSIVE))
    def test_it_ends_a_permission(self, kind: EventKind) -> None:
        given, ended = fact(A, kind, days_ago=2), fact(A, EventKind.EXPIRE, days_ago=1)
        assert fold([given, ended], PURPOSE) is ended
        again = fact(A, kind, days_ago=0.5)
        assert fold([given, ended, again], PURPOSE) is again

    @pytest.mark.parametrize("kind", sorted(RESTRICTIVE - NO_STATE - {EventKind.EXPIRE}))
    def test_and_never_a_restriction(self, kind: EventKind) -> None:
        said, ended = fact(A, kind, days_ago=2), fact(A, EventKind.EXPIRE, days_ago=1)
        assert fold([said, ended], PURPOSE) is said
        assert binding([said, ended], PURPOSE) == binding([said], PURPOSE)

    def test_where_there_is_none_there_is_silence(self) -> None:
        assert fold([fact(A, EventKind.EXPIRE)], PURPOSE) is None

    def test_it_says_nothing_when_the_permission_it_ended_is_gone(self) -> None:
        given, ended = grant(A, days_ago=2), fact(A, EventKind.EXPIRE, days_ago=1)
        assert standing([given, ended], [PURPOSE]) == set()


class TestSites:
    """What holds for one channel counts there alone (TCF: service-specific strings)."""

    HERE = fact(A, EventKind.GRANT, days_ago=2, site=SHOP)

    def test_it_counts_at_its_channel_alone(self) -> None:
        assert fold([self.HERE], PURPOSE, SHOP) is self.HERE
        assert fold([self.HERE], PURPOSE, APP) is None
        assert fold([self.HERE], PURPOSE) is None

    def test_what_holds_everywhere_counts_there_too(self) -> None:
        withdrawn = fact(A, EventKind.WITHDRAW, days_ago=1)
        assert fold([self.HERE, withdrawn], PURPOSE, SHOP) is withdrawn
        earlier = fact(A, EventKind.DENY, days_ago=3)
        assert fold([self.HERE, earlier], PURPOSE, SHOP) is self.HERE
        assert fold([self.HERE, earlier], PURPOSE, APP) is earlier

    def test_a_view_keeps_the_channels_apart(self) -> None:
        denied = fact(A, EventKind.DENY, days_ago=1, site=APP)
        view = ledger(self.HERE, denied, grant(B))
        assert [view.state(A, PURPOSE, at) for at in (SHOP, APP, "", SHOP)] == [self.HERE, denied, None, self.HERE]
        assert view.state(B, PURPOSE, SHOP) is view.state(B, PURPOSE, APP) is view.facts(B)[0]

    def test_it_binds_nobody_elsewhere(self) -> None:
        assert binding([fact(A, EventKind.OPT_OUT, site=SHOP)], PURPOSE) == []

    def test_a_refusal_of_one_site_stays_when_its_identifier_expires(self) -> None:
        denied = fact(A, EventKind.DENY, site=SHOP)
        assert standing([denied, grant(A, days_ago=3)], [PURPOSE]) == {denied}

    def test_the_same_event_of_another_site_is_another(self) -> None:
        view = ledger(self.HERE)
        assert view.holds(A, self.HERE)
        assert not view.holds(A, self.HERE._replace(site=APP))
        assert not view.holds(A, self.HERE._replace(site=""))


class TestAges:
    def test_spelled(self) -> None:
        assert under(16) == "under:16"
        assert age_of(under(13)) == 13

    def test_whoever_of_the_identifiers_reaches_an_age_last_counts(self) -> None:
        view = ledger(minor(A, 16, until=NOW + 5 * DAY), minor(B, 16, until=NOW + 7 * DAY), minor(B, 13, until=NOW))
        assert view.ages([A]) == {16: NOW + 5 * DAY}
        assert view.ages([A, B]) == {16: NOW + 7 * DAY, 13: NOW}
        assert view.ages([99]) == {}
        assert ledger(grant(A)).ages([A]) == {}

    def test_only_a_later_birthday_is_news(self) -> None:
        known = minor(A, 16, until=NOW + 5 * DAY)
        view = ledger(known)
        assert view.holds(A, known._replace(occurred_at=NOW))
        assert view.holds(A, known._replace(expires_at=NOW + 4 * DAY))
        assert not view.holds(A, known._replace(expires_at=NOW + 6 * DAY))
        assert not view.holds(A, known._replace(basis=under(13)))
        assert not view.holds(B, known)


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
    def test_objections_opt_outs_restrictions_and_ages_bind(self, kind: EventKind) -> None:
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

    def test_a_consent_makes_nobody_older(self) -> None:
        child = minor(A, 16, until=NOW + DAY)
        assert binding([child, grant(A)], PURPOSE) == [child]

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
        said = view.facts(A)[0]
        assert view.holds(A, said._replace(position=said.position + 1, derived=True))
        assert not view.holds(A, said._replace(occurred_at=said.occurred_at + 1))
        assert not view.holds(A, said._replace(purpose="sharing"))
        assert not view.holds(A, said._replace(kind=EventKind.OBJECT))
        assert not view.holds(B, said)

    def test_a_signal_is_received_once_whenever_it_is_seen(self) -> None:
        received = fact(A, EventKind.SIGNAL, purpose=ANY_PURPOSE, basis="token")
        view = ledger(received)
        assert view.holds(A, received._replace(occurred_at=NOW))
        assert not view.holds(A, received._replace(basis="another"))

    def test_one_about_every_purpose_holds_each(self) -> None:
        view = ledger(fact(A, EventKind.OBJECT, purpose=ANY_PURPOSE))
        said = view.facts(A)[0]
        assert view.holds(A, said._replace(purpose=PURPOSE))
        assert view.holds(A, said)

    def test_who_has_had_a_restriction_that_binds_the_person(self) -> None:
        view = LedgerView(fact(one, kind) for one, kind in enumerate(EventKind))
        assert view.person_wide == {one for one, kind in enumerate(EventKind) if kind in PROFILE_WIDE}
