"""The clocks: months by Regulation 1182/71, business and calendar days, extensions, pauses."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.kernel.clock import DAY, HOUR, format_instant
from gateway.policy.model import Period, RightsRule
from gateway.rights.clocks import acknowledge_by, due
from tests.unit.rights.samples import CALIFORNIA, CALIFORNIA_OPT_OUT, GDPR, at, rule

NONE: frozenset[str] = frozenset()
BUSINESS = rule(answer=Period(business_days=15), extension=Period(business_days=5))
IOWA = rule(answer=Period(days=90))
ALL_RULES = st.sampled_from([GDPR, CALIFORNIA, CALIFORNIA_OPT_OUT, BUSINESS, IOWA])
INSTANTS = st.integers(at("1990-01-01"), at("2150-12-31"))
PAUSES = st.integers(0, 200 * DAY)
HOLIDAYS = st.frozensets(st.dates(date(2024, 1, 1), date(2027, 12, 31)).map(date.isoformat), max_size=40)


def day(milliseconds: int) -> date:
    return datetime.fromtimestamp(milliseconds // 1000, UTC).date()


@pytest.mark.parametrize(
    ("received", "last"),
    [
        ("2026-03-05", "2026-04-06"),  # 5 April 2026 is a Sunday
        ("2025-01-31", "2025-02-28"),  # no 31 February
        ("2024-01-31", "2024-02-29"),  # leap year
        ("2026-01-31", "2026-03-02"),  # 28 February 2026 is a Saturday
        ("2025-12-15", "2026-01-15"),  # over the year's end
        ("2026-08-31", "2026-09-30"),
        ("2026-03-25", "2026-04-27"),  # 25 April 2026 is a Saturday: Monday
    ],
)
def test_a_month_ends_on_the_day_of_the_same_number_or_the_next_working_day(received: str, last: str) -> None:
    assert due(GDPR, at(received), holidays=NONE) == at(last) + DAY - 1


def test_a_deadline_is_the_end_of_its_day_whatever_the_hour_of_receipt() -> None:
    early, late = at("2026-03-09T00:00"), at("2026-03-09T23:59")
    assert due(GDPR, early, holidays=NONE) == due(GDPR, late, holidays=NONE)
    assert format_instant(due(GDPR, early, holidays=NONE)) == "2026-04-09T23:59:59.999Z"


def test_a_holiday_rolls_a_month_on_past_the_weekend() -> None:
    easter = frozenset({"2026-04-03", "2026-04-06"})  # Good Friday and Easter Monday
    assert day(due(GDPR, at("2026-03-03"), holidays=easter)) == date(2026, 4, 7)


def test_the_extension_counts_from_receipt() -> None:
    # Three months from 31 January end on 30 April, not on 28 April as two from 28 February would.
    assert day(due(GDPR, at("2025-01-31"), holidays=NONE, extended=True)) == date(2025, 4, 30)
    assert day(due(CALIFORNIA, at("2026-01-01"), holidays=NONE, extended=True)) == date(2026, 4, 1)
    assert day(due(IOWA, at("2026-01-01"), holidays=NONE, extended=True)) == date(2026, 4, 1)


def test_california_days_do_not_roll() -> None:
    last = day(due(CALIFORNIA, at("2026-01-01"), holidays=frozenset({"2026-02-15"})))
    assert last == date(2026, 2, 15)
    assert last.weekday() == 6


def test_business_days_skip_weekends_and_holidays() -> None:
    thanksgiving = frozenset({"2026-11-26"})
    assert day(due(CALIFORNIA_OPT_OUT, at("2026-11-24"), holidays=NONE)) == date(2026, 12, 15)
    assert day(due(CALIFORNIA_OPT_OUT, at("2026-11-24"), holidays=thanksgiving)) == date(2026, 12, 16)


def test_receipt_on_a_weekend_does_not_count() -> None:
    saturday, friday = at("2026-11-21"), at("2026-11-20")
    assert acknowledge_by(CALIFORNIA, saturday, holidays=NONE) == acknowledge_by(CALIFORNIA, friday, holidays=NONE)


def test_acknowledgement_is_ten_business_days_or_not_asked_for() -> None:
    assert acknowledge_by(CALIFORNIA, at("2026-11-24"), holidays=NONE) == at("2026-12-09") - 1
    assert acknowledge_by(GDPR, at("2026-11-24"), holidays=NONE) is None


def test_the_clock_runs_from_identity_when_that_is_later_than_receipt() -> None:
    received, identified = at("2026-02-20T10:00"), at("2026-03-10T16:00")
    paused = due(GDPR, received, holidays=NONE, paused_ms=identified - received)
    assert paused == due(GDPR, identified, holidays=NONE)
    assert day(paused) == date(2026, 4, 10)


@given(law=ALL_RULES, one=INSTANTS, other=INSTANTS, holidays=HOLIDAYS, extended=st.booleans())
def test_who_asks_later_is_not_answered_earlier(
    *, law: RightsRule, one: int, other: int, holidays: frozenset[str], extended: bool
) -> None:
    first, second = sorted((one, other))
    answers = [due(law, moment, holidays=holidays, extended=extended) for moment in (first, second)]
    assert answers == sorted(answers)


@given(law=ALL_RULES, received=INSTANTS, holidays=HOLIDAYS, pause=PAUSES)
def test_extensions_and_pauses_never_bring_a_deadline_forward(
    *, law: RightsRule, received: int, holidays: frozenset[str], pause: int
) -> None:
    plain = due(law, received, holidays=holidays)
    assert plain <= due(law, received, holidays=holidays, extended=True)
    assert plain <= due(law, received, holidays=holidays, paused_ms=pause)


@given(received=INSTANTS, holidays=HOLIDAYS, extended=st.booleans())
def test_a_month_ends_on_a_working_day_after_the_month(
    *, received: int, holidays: frozenset[str], extended: bool
) -> None:
    last = day(due(GDPR, received, holidays=holidays, extended=extended))
    assert last.weekday() < 5
    assert last.isoformat() not in holidays
    assert last - day(received) >= timedelta(days=89 if extended else 28)


@given(received=INSTANTS, holidays=HOLIDAYS)
def test_fifteen_business_days_hold_fifteen_working_days(*, received: int, holidays: frozenset[str]) -> None:
    last = day(due(CALIFORNIA_OPT_OUT, received, holidays=holidays))
    days = [day(received) + timedelta(days=step) for step in range(1, (last - day(received)).days + 1)]
    assert sum(each.weekday() < 5 and each.isoformat() not in holidays for each in days) == 15
    assert last.weekday() < 5


@given(received=INSTANTS, holidays=HOLIDAYS)
def test_calendar_days_are_exactly_that_many(*, received: int, holidays: frozenset[str]) -> None:
    assert day(due(CALIFORNIA, received, holidays=holidays)) - day(received) == timedelta(days=45)


@given(law=ALL_RULES, received=INSTANTS, hours=st.integers(0, 23))
def test_a_deadline_is_the_last_millisecond_of_a_day(*, law: RightsRule, received: int, hours: int) -> None:
    midnight = received - received % DAY
    answer = due(law, midnight + hours * HOUR, holidays=NONE)
    assert (answer + 1) % DAY == 0
    assert answer == due(law, midnight, holidays=NONE)
