"""The shipped policies say of consent what the laws say: dates, special categories, ages, and what signals do."""

from __future__ import annotations

import pytest

from gateway.consent.signals.us_layouts import LAYOUTS
from gateway.kernel.clock import day_of, parse_instant
from gateway.policy.loader import load
from gateway.policy.model import ConsentRule, PolicySet, Regime, RightsRule
from tests.unit.policy.policy_files import SHIPPED


@pytest.fixture(scope="module")
def policies() -> PolicySet:
    return load(SHIPPED)


def test_jurisdictions(policies: PolicySet) -> None:
    assert len(policies.regimes["gdpr"].jurisdictions) == 27 + 3
    assert policies.regimes_for("NO") == ("eprivacy", "gdpr")  # Norway, which YAML 1.1 would have read as false
    assert policies.regimes_for("GB") == ("eprivacy", "uk_gdpr")
    assert policies.regimes_for("US-CA") == ("ccpa",)
    assert policies.regimes_for("US-NY") == policies.regimes_for(None) == ("default", "eprivacy")
    states = {code for code in policies.regimes_by_jurisdiction if code.startswith("US-")}
    assert len(states) == 16
    alone = {code for code in policies.regimes_by_jurisdiction if len(policies.regimes_for(code)) == 1}
    assert alone == {"CH", "CA-QC", "BR", *states}


def test_graphs_and_the_purposes_that_build_them(policies: PolicySet) -> None:
    assert policies.graphs == ("fraud_prevention", "identity_resolution")
    assert {name for name, purpose in policies.purposes.items() if purpose.matches} == set(policies.graphs)
    assert {name for name, purpose in policies.purposes.items() if purpose.graph == "fraud_prevention"} == {
        "fraud_prevention",
        "security",
    }


def test_every_rule_has_its_citation_and_its_dates(policies: PolicySet) -> None:
    for regime in policies.regimes.values():
        assert regime.consent.keys() == policies.purposes.keys()
        rules: list[ConsentRule | RightsRule] = [rule for rows in regime.consent.values() for rule in rows]
        for rule in [*rules, *regime.rights.values()]:
            assert any(character.isdigit() for character in rule.citation), rule.id
            assert rule.effective_to is None or rule.effective_from < rule.effective_to, rule.id


def test_rules_follow_each_other_without_a_gap_and_the_last_has_no_end(policies: PolicySet) -> None:
    for regime in policies.regimes.values():
        for rules in regime.consent.values():
            assert [rule.effective_to for rule in rules[:-1]] == [rule.effective_from for rule in rules[1:]]
            assert rules[-1].effective_to is None


BEGINNINGS = {
    "gdpr": "2018-05-25",
    "uk_gdpr": "2021-01-01",
    "ch_fadp": "2023-09-01",
    "ccpa": "2023-01-01",
    "va_vcdpa": "2023-01-01",
    "co_cpa": "2023-07-01",
    "ct_ctdpa": "2023-07-01",
    "ut_ucpa": "2023-12-31",
    "wa_mhmda": "2024-03-31",
    "tx_tdpsa": "2024-07-01",
    "or_ocpa": "2024-07-01",
    "mt_mcdpa": "2024-10-01",
    "ia_icdpa": "2025-01-01",
    "de_dpdpa": "2025-01-01",
    "ne_ndpa": "2025-01-01",
    "nh_nhpa": "2025-01-01",
    "nj_njdpa": "2025-01-15",
    "mn_mcdpa": "2025-07-31",
    "md_modpa": "2025-10-01",
    "qc_law25": "2023-09-22",
    "lgpd": "2020-09-18",
}


def test_each_law_begins_with_its_own_day(policies: PolicySet) -> None:
    assert BEGINNINGS.keys() | {"default", "eprivacy"} == policies.regimes.keys()
    for name, day in BEGINNINGS.items():
        assert {day_of(rules[0].effective_from) for rules in policies.regimes[name].consent.values()} == {day}


def test_europe_refuses_without_a_basis(policies: PolicySet) -> None:
    for regime in ("gdpr", "uk_gdpr", "default", "lgpd"):
        for purpose, rules in policies.regimes[regime].consent.items():
            balanced = {"legitimate_interest" in rule.legal_bases for rule in rules}
            assert {rule.default for rule in rules} == {"deny"}
            assert balanced == {purpose in {"fraud_prevention", "security"}}


SPECIAL_CATEGORIES = {
    "explicit_consent": {"gdpr", "uk_gdpr", "ch_fadp", "qc_law25", "lgpd", "default"},
    "opt_in": {
        *("va_vcdpa", "co_cpa", "ct_ctdpa", "tx_tdpsa", "or_ocpa", "mt_mcdpa"),
        *("de_dpdpa", "nj_njdpa", "nh_nhpa", "mn_mcdpa", "ne_ndpa"),
    },
    "limit_use": {"ccpa"},
    "opt_out": {"ut_ucpa", "ia_icdpa"},
    "strictly_necessary": {"md_modpa"},
    "separate_consent": {"wa_mhmda"},
}


def test_special_categories_are_treated_as_each_law_does(policies: PolicySet) -> None:
    special = [name for name, purpose in policies.purposes.items() if purpose.special]
    assert special == ["health_care", "health_research", "health_sale"]
    treated = {
        name: {rule.special for purpose in special for rule in regime.consent[purpose]}
        for name, regime in policies.regimes.items()
        if regime.subjects == "everyone"
    }
    assert treated == {name: {how} for how, names in SPECIAL_CATEGORIES.items() for name in names}


def test_health_data_are_never_sold_where_the_law_says_so(policies: PolicySet) -> None:
    sales = {name: regime.consent["health_sale"][-1] for name, regime in policies.regimes.items()}
    assert {name for name, rule in sales.items() if rule.default == "deny" and not rule.legal_bases} == {
        *("md_modpa", "lgpd", "default"),
    }
    authorized = sales["wa_mhmda"]
    assert (authorized.legal_bases, authorized.consent_lifetime_days) == (frozenset({"signed_authorization"}), 365)


UNIVERSAL_OPT_OUT = {
    "ccpa": "2023-01-01",
    "co_cpa": "2024-07-01",
    "ct_ctdpa": "2025-01-01",
    "tx_tdpsa": "2025-01-01",
    "mt_mcdpa": "2025-01-01",
    "ne_ndpa": "2025-01-01",
    "nh_nhpa": "2025-01-01",
    "nj_njdpa": "2025-07-15",
    "mn_mcdpa": "2025-07-31",
    "md_modpa": "2025-10-01",
    "de_dpdpa": "2026-01-01",
    "or_ocpa": "2026-01-01",
}


@pytest.mark.parametrize("purpose", ["targeted_advertising", "sale", "sharing"])
def test_universal_opt_out_signals_bind_where_and_since_the_law_says_so(policies: PolicySet, purpose: str) -> None:
    states = {name: regime for name, regime in policies.regimes.items() if _american(regime)}
    assert len(states) == 16
    since = {
        name: day_of(next(rule.effective_from for rule in regime.consent[purpose] if "gpc" in rule.signals))
        for name, regime in states.items()
        if "gpc" in regime.consent[purpose][-1].signals
    }
    assert since == UNIVERSAL_OPT_OUT
    for regime in states.values():
        for rule in regime.consent[purpose]:
            assert rule.signals.keys() >= {"gpp", "usp"}


def test_no_signal_but_a_tc_string_gives_consent_and_none_in_america(policies: PolicySet) -> None:
    for regime in policies.regimes.values():
        for rule in (rule for rules in regime.consent.values() for rule in rules):
            giving = {signal for signal, effect in rule.signals.items() if effect == "consent"}
            assert giving <= (set() if _american(regime) else {"tcf", "tcfca"})


OWN, PARENT = frozenset({"consent"}), frozenset({"parental_consent"})
NEVER: frozenset[str] = frozenset()


def test_children_under_thirteen_need_a_parent_in_america(policies: PolicySet) -> None:
    for regime in filter(_american, policies.regimes.values()):
        for purpose in policies.purposes.keys() - {"fraud_prevention", "security", "child_directed"}:
            for rule in regime.consent[purpose]:
                never = rule.default == "deny" and not rule.legal_bases
                assert never or _needed(rule, 12) in (PARENT, NEVER), rule.id


def test_a_service_for_children_needs_a_parent_everywhere(policies: PolicySet) -> None:
    for regime in policies.regimes.values():
        if regime.subjects == "everyone":
            rules = regime.consent["child_directed"]
            assert {(rule.default, rule.legal_bases) for rule in rules} == {("deny", PARENT)}


# Regime, day: the ages (years) at which the sale of a teenager's data needs more, and what.
TEENAGERS = [
    ("ccpa", "2023-01-01", (13, 15), OWN),
    ("co_cpa", "2025-10-01", (13, 17), OWN),
    ("ct_ctdpa", "2023-07-01", (13, 15), OWN),
    ("ct_ctdpa", "2024-10-01", (13, 17), OWN),
    ("ct_ctdpa", "2026-07-01", (0, 17), NEVER),
    ("or_ocpa", "2024-07-01", (13, 15), OWN),
    ("or_ocpa", "2026-01-01", (0, 15), NEVER),
    ("mt_mcdpa", "2024-10-01", (13, 15), OWN),
    ("mt_mcdpa", "2025-10-01", (13, 17), OWN),
    ("de_dpdpa", "2025-01-01", (13, 17), OWN),
    ("nj_njdpa", "2025-01-15", (13, 16), OWN),
    ("nh_nhpa", "2025-01-01", (13, 15), OWN),
    ("mn_mcdpa", "2025-07-31", (13, 16), OWN),
    ("md_modpa", "2025-10-01", (0, 17), NEVER),
    ("default", "2018-05-25", (0, 17), NEVER),
]


@pytest.mark.parametrize(("regime", "since", "ages", "needed"), TEENAGERS)
def test_the_data_of_teenagers(
    policies: PolicySet, regime: str, since: str, ages: tuple[int, int], needed: frozenset[str]
) -> None:
    youngest, oldest = ages
    for purpose in ("sale", "targeted_advertising"):
        rule = policies.regimes[regime].rule(purpose, parse_instant(f"{since}T00:00:00Z"))
        assert rule is not None
        assert {_needed(rule, age) for age in range(youngest, oldest + 1)} == {needed}
        assert _needed(rule, oldest + 1) is None
        assert youngest == 0 or _needed(rule, youngest - 1) == PARENT


@pytest.mark.parametrize(("regime", "age"), [("gdpr", 16), ("uk_gdpr", 13), ("qc_law25", 14), ("lgpd", 12)])
def test_the_age_of_consent(policies: PolicySet, regime: str, age: int) -> None:
    rule = policies.regimes[regime].consent["identity_resolution"][-1]
    assert _needed(rule, age - 1) == PARENT
    assert _needed(rule, age) is None


def test_no_law_is_stricter_than_the_default(policies: PolicySet) -> None:
    now = parse_instant("2026-11-29T00:00:00Z")
    for regime in policies.regimes.values():
        for purpose in policies.purposes:
            strictest, rule = policies.regimes["default"].rule(purpose, now), regime.rule(purpose, now)
            assert strictest is not None
            assert rule is not None
            assert strictest.default == "deny"
            assert not strictest.legal_bases or rule.default == "allow" or rule.legal_bases
            assert not strictest.legal_bases or _oldest(strictest, NEVER) >= _oldest(rule, NEVER), rule.id
            assert {"gpc", "gpp", "usp"} & strictest.signals.keys() >= {"gpc", "gpp", "usp"} & rule.signals.keys() or (
                not strictest.legal_bases
            ), rule.id


def test_each_section_of_the_gpp_says_which_places_are_health_and_which_are_children(policies: PolicySet) -> None:
    lengths: dict[str, dict[str, int]] = {"SensitiveDataProcessing": {}, "KnownChildSensitiveDataConsents": {}}
    for layout in LAYOUTS.values():
        for field in (*(field for core in layout.cores.values() for field in core), *layout.segment):
            if field.name in lengths:
                known = lengths[field.name]
                known[layout.name] = max(known.get(layout.name, 0), field.length or 1)
    sensitive, children = lengths.values()
    mapped = {section: max(places) for section, places in policies.signals.gpp_sensitive.items()}
    assert mapped.keys() == sensitive.keys()
    assert all(place <= sensitive[section] for section, place in mapped.items())
    assert {section: sorted(places) for section, places in policies.signals.gpp_children.items()} == {
        section: list(range(1, length + 1)) for section, length in children.items()
    }


def test_every_opt_out_field_of_the_gpp_is_mapped(policies: PolicySet) -> None:
    fields = {field.name for layout in LAYOUTS.values() for core in layout.cores.values() for field in core}
    assert policies.signals.gpp_opt_outs.keys() == {name for name in fields if name.endswith("OptOut")}


def test_health_and_children_stand_where_the_specifications_say(policies: PolicySet) -> None:
    health = {section: set(places) for section, places in policies.signals.gpp_sensitive.items()}
    assert {section: places for section, places in health.items() if places != {3}} == {
        "usnat": {3, 13},
        "usca": {8},
        "usut": {5},
    }
    ages = {section: list(places.values()) for section, places in policies.signals.gpp_children.items()}
    assert (ages["usnat"], ages["usca"], ages["usva"]) == ([16, 13, 18], [16, 16], [13])
    assert (ages["usct"], ages["usfl"]) == ([13, 16, 16], [13, 16, 18])
    assert (ages["usde"], ages["usnj"]) == ([13, 16, 16, 18, 18], [13, 16, 16, 17, 17])


def _american(regime: Regime) -> bool:
    return any(code.startswith("US-") for code in regime.jurisdictions)


def _needed(rule: ConsentRule, age: int) -> frozenset[str] | None:
    """What somebody of an age (years) needs beside the rule itself: the bases of the first gate above that age."""
    return next((gate.legal_bases for gate in rule.age_gates if age < gate.under), None)


def _oldest(rule: ConsentRule, bases: frozenset[str]) -> int:
    """The oldest age under which only `bases` count, 0 where no gate asks for them."""
    return max((gate.under for gate in rule.age_gates if gate.legal_bases == bases), default=0)
