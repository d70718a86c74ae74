"""When a request must be acknowledged and answered: pure functions from a rule and the time of receipt.

- The day of receipt never counts and a deadline is the last millisecond of its day, UTC.
- Months follow Regulation (EEC, Euratom) 1182/71, Art. 3: the day of the same number, or the month's last day
  where there is none; a Saturday, Sunday or holiday rolls to the next working day.
- Calendar days end on the day they end (11 CCR 7021). Business days skip weekends and holidays.
- A pause moves the start by its length. Where a clock runs from proof of identity, all time since receipt is such a
  pause; time spent waiting for a clarification is another (both Art. 12A UK GDPR).
"""

from __future__ import annotations

import calendar
from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime, time, timedelta

from gateway.policy.model import Period, RightsRule

_ONE_DAY = timedelta(days=1)
_FRIDAY = 4


def due(
    rule: RightsRule, received_at: int, *, holidays: AbstractSet[str], paused_ms: int = 0, extended: bool = False
) -> int:
    """When the answer is due, in milliseconds.

    `received_at` is the receipt in milliseconds, `holidays` ISO dates that are no working days, `paused_ms` by how
    much the start has moved, `extended` whether the regime's extension was taken. A rule without an extension
    ignores `extended`.
    """
    start = _day(received_at + paused_ms)
    periods = [rule.answer]
    if extended and rule.extension is not None:
        periods.append(rule.extension)
    return _end_of(_last_day(start, periods, holidays))


def acknowledge_by(rule: RightsRule, received_at: int, *, holidays: AbstractSet[str]) -> int | None:
    """Until when receipt must be confirmed, in milliseconds; None where the regime asks for no confirmation.

    Nothing pauses or extends this one (11 CCR 7021(a), DPA 2018 s. 164A).
    """
    if rule.acknowledge is None:
        return None
    return _end_of(_last_day(_day(received_at), [rule.acknowledge], holidays))


def _last_day(start: date, periods: list[Period], holidays: AbstractSet[str]) -> date:
    months = sum(period.months for period in periods)
    last = _add_months(start, months) + timedelta(days=sum(period.days for period in periods))
    for _ in range(sum(period.business_days for period in periods)):
        last = _working_day(last + _ONE_DAY, holidays)
    return _working_day(last, holidays) if months else last


def _add_months(start: date, months: int) -> date:
    years, month = divmod(start.month - 1 + months, 12)
    year = start.year + years
    return date(year, month + 1, min(start.day, calendar.monthrange(year, month + 1)[1]))


def _working_day(day: date, holidays: AbstractSet[str]) -> date:
    while day.weekday() > _FRIDAY or day.isoformat() in holidays:
        day += _ONE_DAY
    return day


def _day(milliseconds: int) -> date:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).date()


def _end_of(day: date) -> int:
    midnight = datetime.combine(day + _ONE_DAY, time(), UTC)
    return int(midnight.timestamp()) * 1000 - 1
