"""Times as whole milliseconds, and as RFC 3339 texts of several precisions."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.kernel.clock import DAY, ManualClock, SystemClock, day_of, format_instant, hour_of, parse_instant

NOW = 1_795_536_245_678  # 2026-11-24T16:04:05.678Z
MOMENTS = st.integers(0, 253_402_300_799_999)  # to the end of the year 9999


def test_texts() -> None:
    assert format_instant(NOW) == "2026-11-24T16:04:05.678Z"
    assert hour_of(NOW) == "2026-11-24T16:00Z"
    assert day_of(NOW) == "2026-11-24"


@given(MOMENTS)
@example(0)
@example(DAY - 1)
@example(951_782_400_000)  # 29 February 2000
@example(1_001)  # 1.001 s is no whole number of milliseconds in binary fractions
def test_every_moment_comes_back(moment: int) -> None:
    text = format_instant(moment)
    assert parse_instant(text) == moment
    assert datetime.fromisoformat(text) == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=moment)
    assert text.startswith(day_of(moment))
    assert hour_of(moment) == f"{text[:13]}:00Z"


def test_offsets_count() -> None:
    assert parse_instant("2026-11-24T18:04:05.678+02:00") == NOW
    assert parse_instant("2026-11-24T16:04:05.678999Z") == NOW


@pytest.mark.parametrize("text", ["2026-11-24T16:04:05", "2026-11-24", "yesterday", "", "2026-13-01T00:00:00Z"])
def test_no_time_without_offset_and_nothing_else(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the message is the library's
        parse_instant(text)


def test_clocks() -> None:
    before = time.time_ns() // 1_000_000
    assert before <= SystemClock().now() <= time.time_ns() // 1_000_000
    clock = ManualClock(NOW)
    assert (clock.now(), clock.now()) == (NOW, NOW)
    clock.advance(5)
    assert clock.now() == NOW + 5
