"""Tier (a): a permitted record matches the profiles that hold one of its identifiers."""

from __future__ import annotations

import pytest

from gateway.consent.decide import Subject, decide
from gateway.consent.model import Permit, Refusal
from gateway.matching.exact import RULE, match
from tests.unit.consent.facts import CCPA, GDPR, NOW, POLICIES, PURPOSE, ledger

HOME = {1: 70, 2: 70, 3: 80}


@pytest.fixture
def permit() -> Permit:
    """A permit for anybody who has not opted out."""
    decision = decide(POLICIES, CCPA, PURPOSE, Subject({1: "person"}), ledger(), NOW)
    assert isinstance(decision, Permit)
    return decision


def test_it_names_the_profiles_and_what_was_found_in_each(permit: Permit) -> None:
    verdict = match(permit, (2, 9, 3, 1), HOME, frozenset())
    assert verdict.evidence == {70: (2, 1), 80: (3,)}
    assert (verdict.tier, verdict.rule, verdict.score) == ("a", RULE, 1.0)


def test_new_identifiers_touch_no_profile(permit: Permit) -> None:
    assert match(permit, (8, 9), HOME, frozenset()).evidence == {}


def test_what_many_share_touches_none(permit: Permit) -> None:
    assert match(permit, (1, 3), HOME, {3}).evidence == {70: (1,)}


def test_the_door_opens_to_a_permit_alone() -> None:
    refusal = decide(POLICIES, GDPR, PURPOSE, Subject({1: "person"}), ledger(), NOW)
    assert isinstance(refusal, Refusal)
    with pytest.raises(TypeError, match="permit"):
        match(refusal, (1,), HOME, frozenset())  # type: ignore[arg-type]  # the point
