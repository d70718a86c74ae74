"""Age gates: what a minor needs, what a birthday changes, and that it never widens anything by itself."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from gateway.consent.decide import Subject, decide
from gateway.consent.ledger import LedgerView
from gateway.consent.model import Decision, EventKind, Fact, Permit, Reason, Refusal
from gateway.kernel.clock import DAY, years_after
from tests.unit.consent.facts import CCPA, GDPR, NOW, POLICIES, PURPOSE, fact, grant, ledger, minor

CHILD, PARENTS_PHONE = 1, 2
SOON = NOW + 100 * DAY


def given(basis: str, *, at: int = NOW - DAY, purpose: str = PURPOSE, one: int = CHILD) -> Fact:
    """A grant on this legal basis."""
    return fact(one, EventKind.GRANT, basis=basis, purpose=purpose)._replace(occurred_at=at)


def decided(view: LedgerView, regimes: Sequence[str] = GDPR, *, purpose: str = PURPOSE, now: int = NOW) -> Decision:
    """The decision about a record of the child."""
    return decide(POLICIES, regimes, purpose, Subject({CHILD: "person"}), view, now)


def reason(decision: Decision) -> Reason:
    """Why, either way."""
    return decision.reason


class TestUnderAGate:
    def test_only_its_bases_count(self) -> None:
        """GDPR Art. 8: the consent of the holder of parental responsibility."""
        child = minor(CHILD, 16, until=SOON)
        assert decided(ledger(child)) == Refusal(PURPOSE, GDPR, "gdpr.consent.identity_resolution", Reason.MINOR)
        assert reason(decided(ledger(child, given("consent")))) is Reason.MINOR
        own, parents = given("consent"), given("parental_consent")
        found = decided(ledger(child, own, parents))
        assert isinstance(found, Permit)
        assert (found.basis, found.expires_at) == ((parents.position,), SOON)

    def test_a_parents_consent_is_none_of_an_adult(self) -> None:
        assert reason(decided(ledger(given("parental_consent")))) is Reason.NO_CONSENT

    def test_a_gate_may_be_closed_to_everybody(self) -> None:
        purpose = "dynamic_pricing"
        bases = ("consent", "explicit_consent", "parental_consent")
        view = ledger(minor(CHILD, 18, until=SOON), *(given(basis, purpose=purpose) for basis in bases))
        assert reason(decided(view, purpose=purpose)) is Reason.MINOR

    def test_whoever_of_the_identifiers_says_it(self) -> None:
        view = ledger(grant(CHILD), minor(PARENTS_PHONE, 16, until=SOON))
        subject = Subject({CHILD: "person", PARENTS_PHONE: "person"})
        assert isinstance(decided(view), Permit)
        assert reason(decide(POLICIES, GDPR, PURPOSE, subject, view, NOW)) is Reason.MINOR

    def test_a_parent_who_refuses_is_heard(self) -> None:
        view = ledger(minor(CHILD, 16, until=SOON), given("parental_consent"), fact(CHILD, EventKind.OBJECT))
        assert reason(decided(view)) is Reason.OBJECTED

    def test_a_purpose_without_a_gate_asks_nothing_more(self) -> None:
        view = ledger(minor(CHILD, 13, until=SOON))
        assert isinstance(decided(view, CCPA, purpose="fraud_prevention"), Permit)


class TestBirthday:
    """A birthday never widens anything without a new act of the person."""

    CHILD = minor(CHILD, 16, until=SOON)

    def test_a_consent_given_before_it_does_not_begin_to_count(self) -> None:
        view = ledger(self.CHILD, given("consent"))
        assert reason(decided(view, now=SOON - 1)) is Reason.MINOR
        assert reason(decided(view, now=SOON)) is Reason.NO_CONSENT

    def test_and_the_parents_consent_ends(self) -> None:
        view = ledger(self.CHILD, given("parental_consent"))
        assert isinstance(decided(view, now=SOON - 1), Permit)
        assert reason(decided(view, now=SOON)) is Reason.NO_CONSENT

    def test_a_new_act_counts(self) -> None:
        view = ledger(self.CHILD, given("consent", at=SOON))
        found = decided(view, now=SOON + 1)
        assert isinstance(found, Permit)
        assert found.reason is Reason.GRANTED


class TestAllowedByDefault:
    """California: the sale of data of consumers under 16 needs an opt-in (Civ. Code 1798.120(c); 11 CCR 7070, 7071)."""

    AT_13, AT_16 = SOON, years_after(SOON, 3)

    def sale(self, now: int, *bases_at: tuple[str, int]) -> Reason:
        """Why data of somebody who reaches 13 soon may be sold or not at this time."""
        acts = [given(basis, at=at, purpose="sale") for basis, at in bases_at]
        return reason(decided(ledger(minor(CHILD, 13, until=self.AT_13), *acts), CCPA, purpose="sale", now=now))

    def test_of_an_adult_it_is_until_they_opt_out(self) -> None:
        assert reason(decided(ledger(), CCPA, purpose="sale")) is Reason.NOT_OPTED_OUT

    def test_of_a_minor_it_is_not(self) -> None:
        for now in (NOW, self.AT_13, self.AT_16 - 1):
            assert self.sale(now) is Reason.MINOR

    def test_nor_of_whoever_was_one_until_they_act(self) -> None:
        assert self.sale(self.AT_16) is Reason.NO_CONSENT
        assert self.sale(years_after(self.AT_16, 9)) is Reason.NO_CONSENT
        assert self.sale(self.AT_16 + 1, ("consent", self.AT_16)) is Reason.GRANTED

    @pytest.mark.parametrize(
        ("basis", "at", "until"),
        [
            ("parental_consent", NOW, AT_13),
            ("consent", NOW, NOW),
            ("consent", AT_13, None),
            ("parental_consent", AT_13, AT_13),
        ],
        ids=["the parents", "the child", "the teenager", "the parents of the teenager"],
    )
    def test_a_grant_must_have_been_good_enough_ever_since(self, basis: str, at: int, until: int | None) -> None:
        for now in (NOW, self.AT_13 - 1, self.AT_13, self.AT_16 - 1, self.AT_16, years_after(self.AT_16, 1)):
            if now >= at:
                counts = until is None or now < until
                assert (self.sale(now, (basis, at)) is Reason.GRANTED) == counts

    def test_an_opt_out_stays_one(self) -> None:
        out = fact(CHILD, EventKind.OPT_OUT, purpose="sale")
        view = ledger(minor(CHILD, 16, until=SOON), out, given("consent", at=out.occurred_at, purpose="sale"))
        assert reason(decided(view, CCPA, purpose="sale")) is Reason.OPTED_OUT
