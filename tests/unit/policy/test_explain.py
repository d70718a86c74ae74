"""What `explain` tells a person, and when a rule is in force."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.kernel.clock import DAY, parse_instant
from gateway.kernel.errors import InvalidInput
from gateway.policy.effective import rule_in_force
from gateway.policy.explain import explain
from gateway.policy.loader import load
from gateway.policy.model import PolicySet
from tests.unit.policy.policy_files import SHIPPED, copy_to, edit

NOW = parse_instant("2026-11-24T16:00:00Z")


@pytest.fixture(scope="module")
def policies() -> PolicySet:
    return load(SHIPPED)


def test_a_purpose_that_needs_consent(policies: PolicySet) -> None:
    told = explain(policies, "gdpr", "identity_resolution", NOW)
    assert (told.rule, told.default, told.legal_bases) == ("gdpr.consent.identity_resolution", "deny", ("consent",))
    assert (told.consent_lifetime_days, told.effective_from, told.effective_to) == (730, "2018-05-25", None)
    assert told.in_force
    assert told.policy == policies.digest
    assert told.sentence == (
        "GDPR (Regulation (EU) 2016/679): identity resolution is refused without a valid basis (consent); "
        f"a consent counts for 730 days; under the age of 16 it needs parental consent ({told.citation})."
    )


def test_two_bases_are_both_named(policies: PolicySet) -> None:
    assert "(consent or legitimate interest)" in explain(policies, "uk_gdpr", "security", NOW).sentence


def test_a_purpose_that_is_allowed_until_an_opt_out(policies: PolicySet) -> None:
    told = explain(policies, "ccpa", "sale", NOW)
    assert told.sentence == (
        "CCPA (California): sale is allowed until the person opts out, objects or restricts; under the age of 13 it "
        "needs parental consent; under the age of 16 it needs consent; GPC, GPP, USP opt out of it; after a no, it may "
        f"be asked again after 365 days ({told.citation})."
    )
    assert (told.signals, told.special) == ({"gpc": "opt_out", "gpp": "opt_out", "usp": "opt_out"}, None)
    assert told.age_gates == {13: ("parental_consent",), 16: ("consent",)}


def test_a_gate_that_nothing_opens(policies: PolicySet) -> None:
    assert "under the age of 18 it is refused" in explain(policies, "md_modpa", "sale", NOW).sentence


def test_a_consent_that_another_purpose_is_asked_for(policies: PolicySet) -> None:
    told = explain(policies, "eprivacy", "analytics", NOW)
    assert told.asks == "device_access"
    assert "is refused without a valid basis (consent) for device access" in told.sentence


def test_a_special_category_and_its_assessment_are_told(policies: PolicySet) -> None:
    assert explain(policies, "gdpr", "health_care", NOW).special == "explicit_consent"
    assert explain(policies, "gdpr", "security", NOW).balancing_test is not None


def test_of_two_rules_that_is_told_which_is_in_force(policies: PolicySet) -> None:
    before, after = (
        explain(policies, "co_cpa", "sale", parse_instant(f"{day}T00:00:00Z")) for day in ("2024-06-30", "2024-07-01")
    )
    assert (before.effective_to, "gpc" in before.signals) == ("2024-06-30", False)
    assert (after.effective_from, "gpc" in after.signals) == ("2024-07-01", True)


def test_a_rule_that_has_not_begun(policies: PolicySet) -> None:
    told = explain(policies, "gdpr", "sale", parse_instant("2018-05-24T23:59:59.999Z"))
    assert not told.in_force
    assert "is refused until 2018-05-25, when this rule begins" in told.sentence


def test_a_rule_holds_through_its_last_day(tmp_path: Path) -> None:
    directory = copy_to(tmp_path / "policies")
    edit(directory, "gdpr.yaml", "effective_to: null", "effective_to: 2026-11-24")
    policies = load(directory)
    during = explain(policies, "gdpr", "identity_resolution", parse_instant("2026-11-24T23:59:59.999Z"))
    assert (during.in_force, during.effective_to) == (True, "2026-11-24")
    after = explain(policies, "gdpr", "identity_resolution", parse_instant("2026-11-25T00:00:00Z"))
    assert not after.in_force
    assert "is refused, because this rule ended with 2026-11-24" in after.sentence


def test_a_consent_without_a_lifetime(tmp_path: Path) -> None:
    directory = copy_to(tmp_path / "policies")
    edit(directory, "gdpr.yaml", "consent_lifetime_days: 730", "consent_lifetime_days: null")
    told = explain(load(directory), "gdpr", "identity_resolution", NOW)
    assert told.consent_lifetime_days is None
    assert "counts for" not in told.sentence


def test_a_purpose_that_is_forbidden_altogether(tmp_path: Path) -> None:
    directory = copy_to(tmp_path / "policies")
    edit(directory, "gdpr.yaml", "legal_bases: [consent]", "legal_bases: []")
    assert "is always refused" in explain(load(directory), "gdpr", "identity_resolution", NOW).sentence


@pytest.mark.parametrize(("regime", "purpose", "field"), [("cpra", "sale", "regime"), ("ccpa", "luck", "purpose")])
def test_an_unknown_name_lists_the_known_ones(policies: PolicySet, regime: str, purpose: str, field: str) -> None:
    with pytest.raises(InvalidInput, match=r"known: .*, ") as caught:
        explain(policies, regime, purpose, NOW)
    assert (caught.value.field, caught.value.rule) == (field, "unknown")
    assert "luck" not in str(caught.value)


def test_a_rule_is_in_force_from_its_first_moment_until_before_its_end(policies: PolicySet) -> None:
    rule = replace(policies.regimes["ccpa"].rights["access"], effective_from=10 * DAY, effective_to=20 * DAY)
    moments = (10 * DAY - 1, 10 * DAY, 20 * DAY - 1, 20 * DAY)
    assert [rule_in_force(rule, now) for now in moments] == [False, True, True, False]
    assert rule_in_force(replace(rule, effective_to=None), 10_000 * DAY)
