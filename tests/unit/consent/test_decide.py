"""Permit or refusal, and why: the state of each identifier, each regime's rule, and what a merge may widen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from gateway.consent.decide import Candidate, Subject, decide, narrow
from gateway.consent.ledger import LedgerView
from gateway.consent.model import (
    ANY_PURPOSE,
    NO_STATE,
    RESTRICTIVE,
    Decision,
    EventKind,
    Fact,
    MergePermit,
    Permit,
    Reason,
    Refusal,
)
from gateway.kernel.clock import DAY
from gateway.policy.model import DEVICE_ACCESS, ConsentRule, PolicySet
from tests.unit.consent.facts import CCPA, GDPR, GERMANY, NOW, POLICIES, PURPOSE, UK, fact, grant, ledger

EMAIL, PHONE, COOKIE, DEVICE, CAR = 1, 2, 3, 4, 5
SCOPES = {EMAIL: "person", PHONE: "person", COOKIE: "device", DEVICE: "device", CAR: "thing"}


def subject(*identifiers: int) -> Subject:
    """The subject of a record of these identifiers."""
    return Subject({one: SCOPES[one] for one in identifiers})


def decided(
    view: LedgerView,
    *identifiers: int,
    regimes: Sequence[str] = GDPR,
    now: int = NOW,
    purpose: str = PURPOSE,
    policies: PolicySet = POLICIES,
) -> Decision:
    """The decision about a record of these identifiers."""
    return decide(policies, regimes, purpose, subject(*identifiers), view, now)


def permit(decision: Decision) -> Permit:
    """The permit that this is."""
    assert isinstance(decision, Permit), decision
    return decision


def refusal(decision: Decision) -> tuple[str, Reason]:
    """Rule and reason of the refusal that this is."""
    assert isinstance(decision, Refusal), decision
    return decision.rule, decision.reason


def sides(merge: MergePermit) -> tuple[list[int], list[int]]:
    """The profiles kept, and those dropped."""
    return sorted(merge.profiles), sorted(merge.dropped)


def with_rule(regime: str, **changes: object) -> PolicySet:
    """The shipped policies, with this regime's rule for the matching purpose changed."""
    old: Mapping[str, tuple[ConsentRule, ...]] = POLICIES.regimes[regime].consent
    rules = tuple(replace(rule, **changes) for rule in old[PURPOSE])  # type: ignore[arg-type]  # fields by name
    changed = replace(POLICIES.regimes[regime], consent={**old, PURPOSE: rules})
    return replace(POLICIES, regimes={**POLICIES.regimes, regime: changed})


class TestDenyByDefault:
    def test_silence_is_no(self) -> None:
        assert refusal(decided(ledger(), EMAIL)) == ("gdpr.consent.identity_resolution", Reason.NO_CONSENT)

    def test_a_grant_on_one_person_identifier_covers_the_record(self) -> None:
        given = grant(PHONE)
        found = permit(decided(ledger(given), EMAIL, PHONE, COOKIE))
        assert (found.rule, found.reason) == ("gdpr.consent.identity_resolution", Reason.GRANTED)
        assert found.basis == (given.position,)
        assert found.regimes == GDPR

    def test_a_grant_for_another_purpose_does_not(self) -> None:
        other = fact(EMAIL, EventKind.GRANT, purpose="analytics")
        assert refusal(decided(ledger(other), EMAIL))[1] is Reason.NO_CONSENT

    def test_nor_one_on_another_basis(self) -> None:
        contract = fact(EMAIL, EventKind.GRANT, basis="contract")
        assert refusal(decided(ledger(contract), EMAIL))[1] is Reason.NO_CONSENT

    def test_nor_one_that_nobody_verified(self) -> None:
        assert refusal(decided(ledger(grant(EMAIL, verified=False)), EMAIL))[1] is Reason.NO_CONSENT

    def test_a_grant_on_a_device_covers_devices_alone(self) -> None:
        view = ledger(grant(COOKIE, verified=False))
        assert permit(decided(view, COOKIE, DEVICE)).reason is Reason.GRANTED
        assert refusal(decided(view, COOKIE, EMAIL))[1] is Reason.NO_CONSENT

    def test_opting_in_is_a_grant(self) -> None:
        assert permit(decided(ledger(fact(EMAIL, EventKind.OPT_IN)), EMAIL)).reason is Reason.GRANTED


class TestRestrictions:
    @pytest.mark.parametrize("kind", sorted(RESTRICTIVE - NO_STATE - {EventKind.EXPIRE}))
    @pytest.mark.parametrize("regimes", [GDPR, CCPA])
    @pytest.mark.parametrize("where", [PHONE, COOKIE])
    def test_one_on_any_identifier_refuses(self, kind: EventKind, regimes: tuple[str, ...], where: int) -> None:
        view = ledger(grant(EMAIL), fact(where, kind))
        rule, reason = refusal(decided(view, EMAIL, where, regimes=regimes))
        assert rule == f"ledger.{kind}"
        assert reason not in (Reason.NO_CONSENT, Reason.NO_RULE)

    def test_one_about_every_purpose_refuses_each(self) -> None:
        view = ledger(grant(EMAIL, days_ago=2), fact(EMAIL, EventKind.OBJECT, purpose=ANY_PURPOSE))
        assert refusal(decided(view, EMAIL)) == ("ledger.object", Reason.OBJECTED)

    def test_nobody_need_be_verified_to_say_no(self) -> None:
        view = ledger(grant(EMAIL, days_ago=2), fact(EMAIL, EventKind.WITHDRAW, verified=False))
        assert refusal(decided(view, EMAIL))[1] is Reason.WITHDRAWN

    def test_an_expiry_leaves_silence(self) -> None:
        view = ledger(grant(EMAIL, days_ago=2), fact(EMAIL, EventKind.EXPIRE))
        assert refusal(decided(view, EMAIL)) == ("gdpr.consent.identity_resolution", Reason.NO_CONSENT)
        assert permit(decided(view, EMAIL, regimes=CCPA)).reason is Reason.NOT_OPTED_OUT


class TestAllowByDefault:
    def test_silence_is_yes(self) -> None:
        found = permit(decided(ledger(), EMAIL, regimes=CCPA))
        assert (found.reason, found.basis, found.expires_at) == (Reason.NOT_OPTED_OUT, (), None)

    def test_until_somebody_opts_out(self) -> None:
        view = ledger(fact(EMAIL, EventKind.OPT_OUT))
        assert refusal(decided(view, EMAIL, regimes=CCPA)) == ("ledger.opt_out", Reason.OPTED_OUT)


class TestTime:
    def test_a_consent_ends_with_its_rule(self) -> None:
        rule = POLICIES.regimes["gdpr"].rule(PURPOSE, NOW)
        assert rule is not None
        days = rule.consent_lifetime_days
        assert days is not None
        given = grant(EMAIL, days_ago=days - 1)
        assert permit(decided(ledger(given), EMAIL)).expires_at == NOW + DAY
        assert refusal(decided(ledger(given), EMAIL, now=NOW + DAY))[1] is Reason.EXPIRED
        assert permit(decided(ledger(given), EMAIL, now=NOW + DAY - 1)).reason is Reason.GRANTED

    def test_or_with_its_own_end_if_that_is_earlier(self) -> None:
        given = grant(EMAIL, expires_at=NOW + 5)
        assert permit(decided(ledger(given), EMAIL)).expires_at == NOW + 5
        assert refusal(decided(ledger(given), EMAIL, now=NOW + 5))[1] is Reason.EXPIRED

    def test_the_one_that_lasts_longest_is_the_basis(self) -> None:
        short, long = grant(EMAIL, expires_at=NOW + 5), grant(PHONE, expires_at=NOW + 9)
        found = permit(decided(ledger(short, long), EMAIL, PHONE))
        assert (found.basis, found.expires_at) == ((long.position,), NOW + 9)

    def test_a_rule_that_is_not_in_force_is_none(self) -> None:
        for changes in ({"effective_from": NOW + 1}, {"effective_to": NOW}):
            policies = with_rule("gdpr", **changes)
            found = refusal(decided(ledger(grant(EMAIL)), EMAIL, policies=policies))
            assert found == ("gdpr.identity_resolution", Reason.NO_RULE)
        for changes in ({"effective_from": NOW}, {"effective_to": NOW + 1}):
            permit(decided(ledger(grant(EMAIL)), EMAIL, policies=with_rule("gdpr", **changes)))

    def test_a_lifetime_without_end(self) -> None:
        policies = with_rule("gdpr", consent_lifetime_days=None)
        assert permit(decided(ledger(grant(EMAIL, days_ago=4000)), EMAIL, policies=policies)).expires_at is None


class TestWhatStandsBehind:
    """A permission ends, and what it had overruled stands again; a weaker one takes nothing from a stronger."""

    NO = fact(EMAIL, EventKind.OPT_OUT, days_ago=9)

    def test_an_earlier_refusal_when_an_expiry_is_stated(self) -> None:
        view = ledger(self.NO, fact(EMAIL, EventKind.OPT_IN, days_ago=5), fact(EMAIL, EventKind.EXPIRE, days_ago=1))
        assert refusal(decided(view, EMAIL, regimes=CCPA)) == ("ledger.opt_out", Reason.OPTED_OUT)

    def test_an_earlier_refusal_when_the_permission_has_ended(self) -> None:
        view = ledger(self.NO, fact(EMAIL, EventKind.OPT_IN, days_ago=5, expires_at=NOW + DAY))
        assert permit(decided(view, EMAIL, regimes=CCPA)).expires_at == NOW + DAY
        assert refusal(decided(view, EMAIL, regimes=CCPA, now=NOW + DAY)) == ("ledger.opt_out", Reason.OPTED_OUT)

    def test_on_any_identifier_whatever_the_others_permit(self) -> None:
        view = ledger(
            grant(EMAIL), fact(COOKIE, EventKind.DENY, days_ago=9), fact(COOKIE, EventKind.OPT_IN, expires_at=NOW + DAY)
        )
        assert permit(decided(view, EMAIL, COOKIE)).expires_at == NOW + DAY
        assert refusal(decided(view, EMAIL, COOKIE, now=NOW + DAY)) == ("ledger.deny", Reason.DENIED)

    def test_nothing_where_nobody_had_refused(self) -> None:
        view = ledger(fact(EMAIL, EventKind.OPT_IN, days_ago=5, expires_at=NOW + DAY))
        assert permit(decided(view, EMAIL, regimes=CCPA, now=NOW + DAY)).reason is Reason.NOT_OPTED_OUT

    def test_a_stronger_basis_behind_a_later_weaker_one(self) -> None:
        explicit = fact(EMAIL, EventKind.GRANT, days_ago=5, purpose="health_care", basis="explicit_consent")
        banner = fact(EMAIL, EventKind.GRANT, days_ago=1, purpose="health_care")
        assert permit(decided(ledger(explicit, banner), EMAIL, purpose="health_care")).basis == (explicit.position,)
        withdrawn = fact(EMAIL, EventKind.WITHDRAW, days_ago=3, purpose="health_care")
        assert (
            refusal(decided(ledger(explicit, withdrawn, banner), EMAIL, purpose="health_care"))[1] is Reason.NO_CONSENT
        )


class TestRegimes:
    def test_every_one_must_permit(self) -> None:
        assert refusal(decided(ledger(), EMAIL, regimes=(*CCPA, *GDPR)))[1] is Reason.NO_CONSENT
        found = permit(decided(ledger(grant(EMAIL)), EMAIL, regimes=(*GDPR, *UK, *CCPA)))
        assert (found.reason, found.regimes) == (Reason.GRANTED, ("gdpr", "uk_gdpr", "ccpa"))
        assert len(found.basis) == 1

    def test_the_earliest_end_counts(self) -> None:
        policies = with_rule("uk_gdpr", consent_lifetime_days=10)
        for regimes in ((*GDPR, *UK), (*UK, *GDPR), (*UK, *CCPA)):
            found = permit(decided(ledger(grant(EMAIL)), EMAIL, regimes=regimes, policies=policies))
            assert found.expires_at == NOW + 9 * DAY

    def test_without_a_regime_nothing_is_permitted(self) -> None:
        assert refusal(decided(ledger(grant(EMAIL)), EMAIL, regimes=())) == ("no_regime", Reason.NO_RULE)

    def test_a_purpose_without_a_rule_is_refused(self) -> None:
        assert refusal(decided(ledger(grant(EMAIL)), EMAIL, purpose="unheard_of"))[1] is Reason.NO_RULE


class TestDeviceAccess:
    """Directive 2002/58/EC Art. 5(3): whatever is done with what is read from a device, reading it needs a consent."""

    RULE = ("eprivacy.consent.device_access", Reason.NO_DEVICE_ACCESS)

    def access(self, identifier: int, *, days_ago: float = 1, verified: bool = True) -> Fact:
        """A consent to reading the device."""
        kind = EventKind.GRANT
        return fact(identifier, kind, purpose=DEVICE_ACCESS, days_ago=days_ago, verified=verified)

    def test_a_record_without_a_device_needs_none(self) -> None:
        assert permit(decided(ledger(grant(EMAIL)), EMAIL, regimes=GERMANY)).regimes == GERMANY

    def test_nor_what_stands_for_a_thing_and_was_not_read_from_it(self) -> None:
        permit(decided(ledger(grant(EMAIL)), EMAIL, CAR, regimes=GERMANY))

    def test_one_with_a_device_needs_it_beside_the_consent_to_the_purpose(self) -> None:
        given, access = grant(EMAIL), self.access(COOKIE, verified=False)
        assert refusal(decided(ledger(given), EMAIL, COOKIE, regimes=GERMANY)) == self.RULE
        assert refusal(decided(ledger(access), EMAIL, COOKIE, regimes=GERMANY))[1] is Reason.NO_CONSENT
        found = permit(decided(ledger(given, access), EMAIL, COOKIE, regimes=GERMANY))
        assert found.basis == (given.position, access.position)

    def test_on_any_device_of_the_record_or_a_verified_person(self) -> None:
        given = grant(EMAIL)
        for access, enough in (
            (self.access(DEVICE, verified=False), True),
            (self.access(EMAIL), True),
            (self.access(EMAIL, verified=False), False),
            (self.access(PHONE), False),
        ):
            found = decided(ledger(given, access), EMAIL, COOKIE, DEVICE, regimes=GERMANY)
            assert isinstance(found, Permit) == enough

    @pytest.mark.parametrize("where", [EMAIL, COOKIE, DEVICE])
    def test_denied_anywhere_it_is_denied(self, where: int) -> None:
        denied = fact(where, EventKind.DENY, purpose=DEVICE_ACCESS)
        view = ledger(grant(EMAIL), self.access(COOKIE, days_ago=2), denied)
        assert refusal(decided(view, EMAIL, COOKIE, DEVICE, regimes=GERMANY)) == ("ledger.deny", Reason.DENIED)
        assert isinstance(decided(view, EMAIL, regimes=GDPR), Permit)

    def test_it_ends_with_its_own_rule(self) -> None:
        rule = POLICIES.regimes["eprivacy"].rule(PURPOSE, NOW)
        assert rule is not None
        assert rule.consent_lifetime_days is not None
        access = self.access(COOKIE, days_ago=rule.consent_lifetime_days - 1)
        view = ledger(grant(EMAIL, days_ago=2), access)
        assert permit(decided(view, EMAIL, COOKIE, regimes=GERMANY)).expires_at == NOW + DAY
        assert refusal(decided(view, EMAIL, COOKIE, regimes=GERMANY, now=NOW + DAY))[1] is Reason.EXPIRED

    def test_what_keeps_a_service_secure_needs_none(self) -> None:
        interest = fact(EMAIL, EventKind.GRANT, purpose="security", basis="legitimate_interest")
        permit(decided(ledger(interest), EMAIL, COOKIE, regimes=GERMANY, purpose="security"))

    def test_outside_of_europe_nobody_asks(self) -> None:
        permit(decided(ledger(), EMAIL, COOKIE, regimes=CCPA))


def test_a_rule_may_ask_for_the_consent_to_another_purpose() -> None:
    policies = with_rule("gdpr", asks="analytics")
    asked = fact(EMAIL, EventKind.GRANT, purpose="analytics")
    assert permit(decided(ledger(asked), EMAIL, policies=policies)).basis == (asked.position,)
    assert isinstance(decided(ledger(grant(EMAIL)), EMAIL, policies=policies), Refusal)
    view = ledger(asked, fact(EMAIL, EventKind.OBJECT))
    assert refusal(decided(view, EMAIL, policies=policies))[1] is Reason.OBJECTED


def test_what_was_said_to_one_channel_counts_there_alone() -> None:
    view = ledger(fact(COOKIE, EventKind.GRANT, site="shop"), fact(DEVICE, EventKind.DENY, site="app"))
    found = {
        channel: isinstance(
            decide(POLICIES, GDPR, PURPOSE, replace(subject(*asked), channel=channel), view, NOW), Permit
        )
        for channel, asked in (("shop", (COOKIE, DEVICE)), ("app", (COOKIE, DEVICE)), ("other", (COOKIE,)))
    }
    assert found == {"shop": True, "app": False, "other": False}


class TestNarrow:
    """A record's permit -> what it may be linked with: never more than both sides permit."""

    def merge(
        self, view: LedgerView, *candidates: Candidate, regimes: Sequence[str] = GDPR, by: int = EMAIL
    ) -> MergePermit:
        """The merge permit of a record of one identifier."""
        given = permit(decided(view, by, regimes=regimes))
        return narrow(given, subject(by), candidates, POLICIES, view, NOW)

    def profile(self, number: int, *members: int, regimes: Sequence[str] = GDPR) -> Candidate:
        """A profile of these members."""
        return Candidate(number, {one: SCOPES[one] for one in members}, frozenset(regimes))

    def test_a_profile_without_a_word_against_it_is_kept(self) -> None:
        merge = self.merge(ledger(grant(EMAIL)), self.profile(7, EMAIL, PHONE, COOKIE))
        assert sides(merge) == ([7], [])

    def test_one_with_a_member_who_refuses_is_dropped(self) -> None:
        view = ledger(grant(EMAIL), fact(PHONE, EventKind.OBJECT))
        merge = self.merge(view, self.profile(7, EMAIL, PHONE), self.profile(8, COOKIE))
        assert sides(merge) == ([8], [7])

    def test_the_regimes_of_both_sides_count(self) -> None:
        silent = ledger()
        european = self.profile(7, PHONE, regimes=GDPR)
        merge = self.merge(silent, european, self.profile(8, COOKIE, regimes=CCPA), regimes=CCPA)
        assert sides(merge) == ([8], [7])
        asked = self.merge(ledger(grant(PHONE)), european, regimes=CCPA)
        assert asked.profiles == {7}

    def test_a_profile_under_fewer_regimes_without_strangers_needs_no_second_decision(self) -> None:
        merge = self.merge(ledger(grant(EMAIL)), self.profile(7, EMAIL, regimes=()))
        assert merge.profiles == {7}

    def test_the_permit_goes_along(self) -> None:
        merge = self.merge(ledger(grant(EMAIL)))
        assert merge.permit.purpose == PURPOSE
        assert not merge.profiles | merge.dropped


def test_only_this_package_makes_permits() -> None:
    forged = object()
    with pytest.raises(TypeError, match=r"gateway\.consent"):
        Permit(PURPOSE, GDPR, "rule", Reason.GRANTED, (), None, forged)  # type: ignore[arg-type]  # the point
    real = permit(decided(ledger(grant(EMAIL)), EMAIL))
    with pytest.raises(TypeError, match=r"gateway\.consent"):
        MergePermit(real, frozenset(), frozenset(), forged)  # type: ignore[arg-type]  # the point
    assert "mint" not in repr(real)
