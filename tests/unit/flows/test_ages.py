"""Is the person under an age: by the date of birth exactly, by a band the latest day that it can be."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.flows.steps.ages import Minor, minority
from gateway.flows.steps.signals import MONTH
from gateway.kernel.clock import DAY, parse_instant

GATES = (13, 16, 18)
AT = parse_instant("2026-11-24T06:00:00Z")


def born(day: str, *, at: int = AT, jurisdiction: str | None = "DE") -> Minor | None:
    """Whom somebody born on this day is."""
    return minority({"date_of_birth": day}, GATES, jurisdiction, at)


def band(text: str) -> Minor | None:
    """Whom somebody of this band of ages is."""
    return minority({"age_band": text}, GATES, "DE", AT)


def day(text: str) -> int:
    return parse_instant(f"{text}T00:00:00Z")


class TestBirthdays:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("2013-11-25", Minor(13, day("2026-11-25"))),
            ("2013-11-24", Minor(16, day("2029-11-24"))),
            ("2010-11-25", Minor(16, day("2026-11-25"))),
            ("2010-11-24", Minor(18, day("2028-11-24"))),
            ("2008-11-24", None),
            ("1980-01-01", None),
        ],
    )
    def test_the_youngest_age_they_are_under_and_when_they_reach_it(self, text: str, found: Minor | None) -> None:
        assert born(text) == found

    @pytest.mark.parametrize(("gate_year", "reached"), [(2025, "2025-03-01"), (2028, "2028-02-29")])
    def test_of_29_february(self, gate_year: int, reached: str) -> None:
        """In common years whoever was born then gets older on 1 March, and never a day too early."""
        at = day(f"{gate_year}-01-15")
        age = gate_year - 2012
        assert minority({"date_of_birth": "2012-02-29"}, (age,), "DE", at) == Minor(age, day(reached))
        assert minority({"date_of_birth": "2012-02-29"}, (age,), "DE", day(reached) - 1) is not None
        assert minority({"date_of_birth": "2012-02-29"}, (age,), "DE", day(reached)) is None

    def test_written_as_the_country_writes_it(self) -> None:
        assert born("04/05/2012", jurisdiction="US-CA") == Minor(16, day("2028-04-05"))

    @given(st.dates(date(2000, 1, 1), date(2026, 11, 23)))
    def test_nobody_is_older_than_their_years(self, birth: date) -> None:
        found = born(birth.isoformat())
        today = datetime.fromtimestamp(AT / 1000, UTC).date()
        years = today.year - birth.year - ((today.month, today.day) < (birth.month, birth.day))
        assert (found and found.age) == next((gate for gate in GATES if years < gate), None)
        if found is not None:
            reached = date(1970, 1, 1) + timedelta(days=found.until // DAY)
            assert (reached.year - birth.year, found.until > AT) == (found.age, True)


class TestBands:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("13-15", Minor(16, day("2029-11-24") + AT % DAY)),
            ("13 to 15", Minor(16, day("2029-11-24") + AT % DAY)),
            (" 13\u201315 ", Minor(16, day("2029-11-24") + AT % DAY)),
            ("0-12", Minor(13, day("2039-11-24") + AT % DAY)),
            ("<13", Minor(13, day("2039-11-24") + AT % DAY)),
            ("under 16", Minor(13, day("2039-11-24") + AT % DAY)),
            ("Under_18", Minor(13, day("2039-11-24") + AT % DAY)),
            ("16-17", Minor(18, day("2028-11-24") + AT % DAY)),
            ("18-24", None),
            ("25-34", None),
            ("65+", None),
            ("", None),
        ],
    )
    def test_as_young_as_they_can_be(self, text: str, found: Minor | None) -> None:
        told = band(text)
        assert (told and told.age) == (found and found.age)
        assert told is None or (found is not None and 0 <= told.until - found.until < MONTH)

    def test_a_date_that_is_none_leaves_the_band(self) -> None:
        attributes = {"date_of_birth": "unknown", "age_band": "13-15"}
        assert minority(attributes, GATES, "DE", AT) == band("13-15")
        assert minority({**attributes, "date_of_birth": "1980-01-01"}, GATES, "DE", AT) == band("13-15"), (
            "the strict one"
        )


def test_without_a_word_or_without_gates_nobody_is_a_minor() -> None:
    assert minority({"given_name": "Anna"}, GATES, "DE", AT) is None
    assert minority({"date_of_birth": "2020-01-01"}, (), "DE", AT) is None
    assert minority({"age_band": "<13"}, (), "DE", AT) is None
