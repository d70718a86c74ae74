"""Date of birth, as channels write it -> YYYYMMDD.

Taken are the year first (`1776-07-04`, `1776/7/4`, `17760704`, the first two also with a midnight behind), the month by
its English name (`July 4, 1776`, `4 Jul 1776`), and month/day/year in numbers where the country is the United States or
none is given. Not taken, because a guess would make another person's digest: a year of two digits, a date that does not
exist, and numbers whose order the country does not tell.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final
from unicodedata import normalize as to_unicode_form

from gateway.kernel.errors import InvalidInput

_MONTHS: Final = {
    name: month
    for month, names in enumerate(
        (
            ("january", "jan"),
            ("february", "feb"),
            ("march", "mar"),
            ("april", "apr"),
            ("may",),
            ("june", "jun"),
            ("july", "jul"),
            ("august", "aug"),
            ("september", "sept", "sep"),
            ("october", "oct"),
            ("november", "nov"),
            ("december", "dec"),
        ),
        start=1,
    )
    for name in names
}
_YEAR: Final = r"(?P<year>[1-9][0-9]{3})"
_MONTH: Final = r"(?P<month>[0-9]{1,2})"
_DAY: Final = r"(?P<day>[0-9]{1,2})"
_NAME: Final = rf"(?P<name>{'|'.join(_MONTHS)})\.?"
_MIDNIGHT: Final = r"(?:[t ]00:00(?::00(?:\.0+)?)?z?)?"
_FORMS: Final = tuple(
    re.compile(form)
    for form in (
        rf"{_YEAR}(?P<mark>[-/.]){_MONTH}(?P=mark){_DAY}{_MIDNIGHT}",
        rf"{_YEAR}(?P<month>[0-9]{{2}})(?P<day>[0-9]{{2}})",
        rf"{_NAME} ?{_DAY}(?:st|nd|rd|th)?(?:, ?| ){_YEAR}",
        rf"{_DAY}(?:st|nd|rd|th)?(?: of)?[ -]?{_NAME}(?:, ?|[ -]){_YEAR}",
    )
)
_AMERICAN: Final = re.compile(rf"{_MONTH}(?P<mark>[-/]){_DAY}(?P=mark){_YEAR}")


def date_of_birth(text: str, country: str | None) -> str:
    """Raw date and the record's jurisdiction ("DE", "US-CA", None) -> YYYYMMDD.

    Raises `InvalidInput` (rule not_a_date) for what is not taken, see the module.
    """
    spelled = " ".join(to_unicode_form("NFKC", text).casefold().split())
    american = country is None or country.partition("-")[0] == "US"
    for form in (*_FORMS, _AMERICAN) if american else _FORMS:
        found = form.fullmatch(spelled)
        if found:
            return _existing(found.groupdict())
    raise _refusal()


def _existing(parts: dict[str, str]) -> str:
    month = _MONTHS[parts["name"]] if "name" in parts else int(parts["month"])
    try:
        return date(int(parts["year"]), month, int(parts["day"])).strftime("%Y%m%d")
    except ValueError:
        raise _refusal() from None


def _refusal() -> InvalidInput:
    message = "this is not a date that can be read in one way: YYYY-MM-DD, YYYYMMDD, or MM/DD/YYYY in the United States"
    return InvalidInput(message, field="value", rule="not_a_date")
