"""The shipped policies say what the laws say of periods and holidays; kinds, classes and retention are as designed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from gateway.kernel.clock import parse_instant
from gateway.policy.loader import load
from gateway.policy.model import Period, PolicySet
from tests.unit.policy.policy_files import SHIPPED

MONTH, TWO_MONTHS = Period(months=1), Period(months=2)
PROVED = ("access", "erasure", "portability")
UNPROVED = ("opt_out", "objection", "restriction")
TEN, FIFTEEN, DAYS_45 = Period(business_days=10), Period(business_days=15), Period(days=45)
MONDAY, THURSDAY = 0, 3
YEARS = (2026, 2027, 2028)


@pytest.fixture(scope="module")
def policies() -> PolicySet:
    return load(SHIPPED)


@pytest.mark.parametrize(
    ("regime", "request_kind", "expected"),
    [
        *(
            ("gdpr", kind, (None, MONTH, TWO_MONTHS, "required", False))
            for kind in ("access", "erasure", "portability", "objection", "restriction")
        ),
        ("gdpr", "opt_out", (None, MONTH, None, "forbidden", False)),
        *(
            ("uk_gdpr", kind, (None, MONTH, TWO_MONTHS, "required", True))
            for kind in ("access", "erasure", "portability", "objection", "restriction")
        ),
        ("uk_gdpr", "opt_out", (None, MONTH, None, "forbidden", False)),
        *(("ccpa", kind, (TEN, DAYS_45, DAYS_45, "required", False)) for kind in PROVED),
        *(("ccpa", kind, (None, FIFTEEN, None, "forbidden", False)) for kind in UNPROVED),
        *(("ia_icdpa", kind, (None, Period(days=90), DAYS_45, "required", False)) for kind in PROVED),
        *(("wa_mhmda", kind, (None, DAYS_45, DAYS_45, "required", False)) for kind in PROVED),
        *(("ct_ctdpa", kind, (None, Period(days=15), None, "forbidden", False)) for kind in UNPROVED),
        ("qc_law25", "access", (None, Period(days=30), None, "required", False)),
        ("ch_fadp", "access", (None, Period(days=30), None, "required", False)),
        ("lgpd", "access", (None, Period(days=15), None, "required", False)),
    ],
)
def test_clocks_of_rights(
    policies: PolicySet,
    regime: str,
    request_kind: str,
    expected: tuple[Period | None, Period, Period | None, str, bool],
) -> None:
    rule = policies.regimes[regime].rights[request_kind]
    assert (rule.regime, rule.request) == (regime, request_kind)
    assert (rule.acknowledge, rule.answer, rule.extension, rule.verification, rule.verification_pauses) == expected


def test_states_without_a_clock_of_their_own_give_45_days_and_45_more(policies: PolicySet) -> None:
    states = {name for name, law in policies.regimes.items() if any(code[:3] == "US-" for code in law.jurisdictions)}
    for name in states - {"ccpa", "ia_icdpa"}:
        for kind in PROVED:
            rule = policies.regimes[name].rights[kind]
            assert (rule.acknowledge, rule.answer, rule.extension) == (None, DAYS_45, DAYS_45), rule.id


def test_the_default_gives_the_shortest_clock_of_all(policies: PolicySet) -> None:
    for regime in policies.regimes.values():
        for kind, rule in regime.rights.items():
            answer = policies.regimes["default"].rights[kind].answer
            period = rule.answer
            assert answer.days <= (period.days or period.business_days or 28 * period.months), rule.id


def test_holidays_are_listed_where_a_clock_counts_them(policies: PolicySet) -> None:
    assert {name for name, regime in policies.regimes.items() if regime.holidays} == {"gdpr", "uk_gdpr", "ccpa"}


def test_the_uk_clock_began_with_the_act_of_2025(policies: PolicySet) -> None:
    rule = policies.regimes["uk_gdpr"].rights["access"]
    assert rule.effective_from == parse_instant("2026-02-05T00:00:00Z")


def test_holidays_of_england_and_wales(policies: PolicySet) -> None:
    assert policies.regimes["uk_gdpr"].holidays == {day.isoformat() for year in YEARS for day in _england(year)}


def test_holidays_of_california(policies: PolicySet) -> None:
    assert policies.regimes["ccpa"].holidays == {day.isoformat() for year in YEARS for day in _california(year)}


def test_holidays_of_the_union_are_those_of_every_member_state(policies: PolicySet) -> None:
    assert policies.regimes["gdpr"].holidays == {f"{year}-{day}" for year in YEARS for day in ("01-01", "12-25")}


NAMED_IN_DESIGN = frozenset(
    {
        *("email", "phone", "customer_id", "account_id", "device_id", "maid", "ctvid", "cookie", "session_id", "ip"),
        *("loyalty_id", "payment_fingerprint", "national_id", "vin", "household_id"),
        *("platform_id", "social_id", "patient_id"),
    }
)
SCREENS = frozenset({"drop_phone", "drop_ndz", "drop_name_vin"})


def test_every_kind_of_the_design_is_declared_and_no_other(policies: PolicySet) -> None:
    kinds = policies.kinds
    assert kinds.keys() == NAMED_IN_DESIGN | SCREENS
    assert {name for name, rule in kinds.items() if rule.scope == "screen"} == SCREENS
    assert {name for name, rule in kinds.items() if rule.scope == "household"} == {"ip", "household_id"}
    assert all(rule.per_profile and rule.shared_above for rule in kinds.values())


def test_what_a_browser_or_a_network_gives_out_is_kept_for_a_time_only(policies: PolicySet) -> None:
    days = {name: rule.retention_days for name, rule in policies.kinds.items()}
    assert (days["session_id"], days["ip"], days["cookie"], days["maid"]) == (30, 90, 395, 395)
    assert {name for name, kept in days.items() if kept is None} == {
        *("customer_id", "account_id", "loyalty_id", "national_id", "patient_id", "household_id"),
    }


def test_kinds(policies: PolicySet) -> None:
    kinds = policies.kinds
    assert {kind.name for kind in kinds.values() if kind.namespaced} == {"platform_id", "social_id", "patient_id"}
    assert {kind.name for kind in kinds.values() if not kind.may_link} == {
        *("ip", "household_id"),
        *("drop_phone", "drop_ndz", "drop_name_vin"),
    }
    assert all(kind.rank == 0 for kind in kinds.values() if kind.scope == "person")
    assert {name: kinds[name].rank for name in ("maid", "ctvid", "device_id", "cookie", "session_id", "ip")} == {
        "maid": 1,
        "ctvid": 1,
        "device_id": 1,
        "cookie": 2,
        "session_id": 3,
        "ip": 4,
    }
    assert not {"ip", "household_id", "session_id", "cookie", "vin"} & {k.name for k in kinds.values() if k.tombstoned}
    assert kinds["email"].tombstoned


@pytest.mark.parametrize(
    "junk", ["", "null", "NULL", "Null", "undefined", "none", "None", "n/a", "N/A", "UNKNOWN", "0"]
)
def test_junk_is_denied_for_every_kind(policies: PolicySet, junk: str) -> None:
    assert all(kind.denies(junk) for kind in policies.kinds.values())


@pytest.mark.parametrize(
    ("kind", "junk"),
    [
        ("email", "test@test.com"),
        ("email", "test@example.com"),
        ("email", "noemail@anything.example"),
        ("phone", "+10000000000"),
        ("phone", "0000000000"),
        ("device_id", "0" * 32),
        ("maid", "0" * 32),
        ("ctvid", "0" * 32),
    ],
)
def test_junk_of_one_kind(policies: PolicySet, kind: str, junk: str) -> None:
    assert policies.kinds[kind].denies(junk)


def test_what_only_resembles_junk_is_taken(policies: PolicySet) -> None:
    kinds = policies.kinds
    assert not kinds["email"].denies("mynoemail@shop.example")
    assert not kinds["email"].denies("noemail.jones@shop.example")
    assert not kinds["customer_id"].denies("noemail@anything.example")
    assert not kinds["phone"].denies("+14155550100")


def test_classes_of_clients(policies: PolicySet) -> None:
    trusted, public = policies.classes["trusted"], policies.classes["public"]
    assert (trusted.grants_for, trusted.verified) == (frozenset({"person", "device"}), True)
    assert (public.grants_for, public.verified) == (frozenset({"device"}), False)
    assert trusted.jurisdictions is trusted.purposes is public.jurisdictions is public.purposes is None
    assert trusted.event_kinds is trusted.legal_bases is None
    assert public.event_kinds == frozenset({"grant", "opt_in"})
    assert public.legal_bases == frozenset({"consent"})


def test_retention(policies: PolicySet) -> None:
    longest_two_years = (date(2029, 3, 1) - date(2027, 3, 1)).days
    assert policies.retention.accountability_days >= longest_two_years
    assert dict(policies.retention.tombstone_days) == {"phone": 1095}


def _nth(year: int, month: int, weekday: int, nth: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))


def _last_monday(year: int, month: int) -> date:
    end = date(year, month + 1, 1) - timedelta(days=1)
    return end - timedelta(days=end.weekday())


def _easter(year: int) -> date:
    """Easter Sunday by the anonymous Gregorian computus (Meeus, Jones, Butcher)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    r = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * r) // 451
    month, day = divmod(h + r - 7 * m + 114, 31)
    return date(year, month, day + 1)


def _england(year: int) -> Iterator[date]:
    easter = _easter(year)
    yield from (easter - timedelta(days=2), easter + timedelta(days=1))
    yield from (_nth(year, 5, MONDAY, 1), _last_monday(year, 5), _last_monday(year, 8))
    taken: set[date] = set()
    for day in (date(year, 1, 1), date(year, 12, 25), date(year, 12, 26)):
        substitute = day
        while substitute.weekday() >= 5 or substitute in taken:
            substitute += timedelta(days=1)
        taken.add(substitute)
    yield from taken


def _california(year: int) -> Iterator[date]:
    """Gov. Code 19853: a Sunday moves to Monday, Veterans Day on a Saturday to Friday, other Saturdays fall away."""
    thanksgiving = _nth(year, 11, THURSDAY, 4)
    yield from (_nth(year, 1, MONDAY, 3), _nth(year, 2, MONDAY, 3), _last_monday(year, 5), _nth(year, 9, MONDAY, 1))
    yield from (thanksgiving, thanksgiving + timedelta(days=1))
    for month, day in ((1, 1), (3, 31), (7, 4), (11, 11), (12, 25)):
        holiday = date(year, month, day)
        if holiday.weekday() == 6:
            yield holiday + timedelta(days=1)
        elif holiday.weekday() < 5:
            yield holiday
        elif month == 11:
            yield holiday - timedelta(days=1)
