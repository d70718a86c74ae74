"""Time as the domain knows it: whole milliseconds since 1970-01-01T00:00:00Z, as `int`."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Protocol

SECOND = 1_000
HOUR = 3_600 * SECOND
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """Anything that tells the time."""

    def now(self) -> int:
        """Milliseconds since the epoch."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        """Milliseconds since the epoch."""
        return time.time_ns() // 1_000_000


class ManualClock:
    """A clock that stands until it is moved; for tests and the demo."""

    def __init__(self, now: int) -> None:
        self._now = now

    def now(self) -> int:
        """Milliseconds since the epoch."""
        return self._now

    def advance(self, milliseconds: int) -> None:
        """Move the clock forward by `milliseconds`."""
        self._now += milliseconds


def years_after(moment: int, years: int) -> int:
    """A moment -> the same day and time so many years later; of 29 February, 1 March in common years."""
    days, rest = divmod(moment, DAY)
    day = date.fromordinal(_EPOCH.toordinal() + days)
    try:
        later = day.replace(year=day.year + years)
    except ValueError:
        later = date(day.year + years, 3, 1)
    return (later.toordinal() - _EPOCH.toordinal()) * DAY + rest


def parse_instant(text: str) -> int:
    """RFC 3339 text with an offset -> milliseconds. Raises ValueError for anything else."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time needs an offset, such as Z")
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def format_instant(milliseconds: int) -> str:
    """Milliseconds -> RFC 3339 text in UTC with millisecond precision."""
    seconds, rest = divmod(milliseconds % DAY, SECOND)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{day_of(milliseconds)}T{hour:02d}:{minute:02d}:{second:02d}.{rest:03d}Z"


def hour_of(milliseconds: int) -> str:
    """The hour only, as the log shows it: `2026-11-24T16:00Z`."""
    return f"{day_of(milliseconds)}T{milliseconds % DAY // HOUR:02d}:00Z"


def day_of(milliseconds: int) -> str:
    """The day only, as the ledger shows it: `2026-11-24`."""
    return _day(milliseconds // DAY)


@lru_cache(maxsize=1024)
def _day(days: int) -> str:
    return datetime.fromtimestamp(days * DAY / 1000, UTC).strftime("%Y-%m-%d")
