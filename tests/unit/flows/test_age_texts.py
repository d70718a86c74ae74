"""What channels say of somebody's age: whoever may be under age is, and no text breaks anything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.flows.steps.ages import Minor, minority
from gateway.flows.steps.signals import at_latest
from gateway.kernel.clock import DAY, years_after
from tests.unit.consent.facts import NOW

GATES = (13, 16, 18)
ADULT = "1980-01-01"
NEWBORN = Minor(13, at_latest(NOW, 13))


def found(band: str = "", birthday: str = "") -> Minor | None:
    """What is kept of a person seen in Germany now."""
    return minority({"age_band": band, "date_of_birth": birthday}, GATES, "DE", NOW)


@pytest.mark.parametrize(
    "band", ["<13", "under 13", "under-13", "UNDER_13", "<= 12", "≤12", "up to 12", "12 and under", "0-12", "12-0"]
)
def test_spellings_of_a_band(band: str) -> None:
    assert found(band) == NEWBORN


@pytest.mark.parametrize("band", ["13-15", "15-13", "13 to 15", "13–15", "13—15", "13_15", "13-15 years", "１３-１５"])
def test_a_band_lasts_until_the_latest_day_it_can_be(band: str) -> None:
    assert found(band) == Minor(16, at_latest(NOW, 3))


def test_one_number_is_a_band_of_one_year() -> None:
    assert found("12") == Minor(13, at_latest(NOW, 1))


@pytest.mark.parametrize("band", ["18-24", "0-99", "99-12", "65+", "", "grown up"])
def test_of_adults_nothing_is_kept(band: str) -> None:
    assert found(band) is None


@pytest.mark.parametrize("birthday", [ADULT, "soon", "", "9999-12-31", "2999-01-01"])
def test_a_birthday_that_says_otherwise_or_nothing_does_not_hide_the_band(birthday: str) -> None:
    assert found("<13", birthday) == NEWBORN


def test_a_date_in_the_future_is_nobodys_birthday_unless_it_is_tomorrow() -> None:
    assert found(birthday="9999-12-31") is None
    assert found(birthday="2026-11-25") == Minor(13, years_after(NOW - NOW % DAY + DAY, 13))


@given(st.text(), st.text())
def test_no_text_breaks_it(band: str, birthday: str) -> None:
    kept = found(band, birthday)
    assert kept is None or (kept.age in GATES and kept.until > NOW)


@given(st.integers(0, 120), st.integers(0, 120))
def test_whoever_is_under_an_age_at_most_is_under_it(one: int, other: int) -> None:
    least, most = sorted((one, other))
    kept = found(f"{one}-{other}") if most < 100 else None
    assert (kept is not None) == (most < GATES[-1])
    assert kept is None or kept.age == min(gate for gate in GATES if gate > least)


def test_a_later_visit_of_the_same_month_says_nothing_new() -> None:
    latest = at_latest(NOW, 3)
    assert years_after(NOW, 3) <= latest < years_after(NOW, 3) + 31 * DAY
    assert at_latest(NOW + DAY, 3) in (latest, latest + 30 * DAY)
    assert len({at_latest(NOW + day * DAY, 3) for day in range(28)}) <= 2
