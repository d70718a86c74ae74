"""Within step 1: is the person under an age that some rule asks for more at (GDPR Art. 8; 11 CCR 7070, 7071)?

Of an adult nothing is kept. Of a minor the youngest such age, and when they reach it: as exactly as the channel says
it, and from a band of ages the latest day that it can be. Where birthday and band contradict each other, who is under
age by one of them is under age.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple
from unicodedata import normalize as to_unicode_form

from gateway.flows.steps.signals import at_latest
from gateway.identifiers.hash_profiles.dates import date_of_birth
from gateway.kernel.clock import DAY, parse_instant, years_after
from gateway.kernel.errors import InvalidInput

_BAND: Final = re.compile(r"(?P<one>[0-9]{1,2})(?: ?(?:[-–—_]|to) ?(?P<other>[0-9]{1,2}))?(?: ?(?:years?|yrs?|y))?")
_BELOW: Final = re.compile(r"(?:<|under[ _-]?) ?(?P<below>[0-9]{1,2})")
_UP_TO: Final = re.compile(r"(?:<=|≤|up to) ?(?P<most>[0-9]{1,2})|(?P<also>[0-9]{1,2}) (?:and|or) (?:under|younger)")
_NOBODY: Final = 999


class Minor(NamedTuple):
    """Under `age` (years) until `until` (milliseconds)."""

    age: int
    until: int


def minority(
    attributes: Mapping[str, str], gates: Sequence[int], jurisdiction: str | None, observed_at: int
) -> Minor | None:
    """A record's raw attributes, the ages of the policy set, the youngest first, and when it was observed -> the
    youngest age the person is under; None for adults and where nothing readable is said.
    """
    found = [
        _by_birthday(attributes.get("date_of_birth", ""), gates, jurisdiction, observed_at),
        _by_band(attributes.get("age_band", ""), gates, observed_at),
    ]
    return min((one for one in found if one is not None), default=None)


def _by_birthday(text: str, gates: Sequence[int], jurisdiction: str | None, observed_at: int) -> Minor | None:
    """Nobody is born after they were seen, but for the day that it is earlier elsewhere."""
    try:
        born = parse_instant(f"{date_of_birth(text, jurisdiction)}T00:00:00Z")
    except InvalidInput:
        return None
    if born > observed_at + DAY:
        return None
    birthdays = ((gate, years_after(born, gate)) for gate in gates)
    return next((Minor(gate, moment) for gate, moment in birthdays if observed_at < moment), None)


def _by_band(text: str, gates: Sequence[int], observed_at: int) -> Minor | None:
    least, most = _band(text)
    if not any(most < gate for gate in gates):
        return None
    gate = next(gate for gate in gates if least < gate)
    return Minor(gate, at_latest(observed_at, gate - least))


def _band(text: str) -> tuple[int, int]:
    """`13-15` -> (13, 15), `12` -> (12, 12), `<13` -> (0, 12); what is not a band is nobody's age."""
    spelled = " ".join(to_unicode_form("NFKC", text).casefold().split())
    if found := _BAND.fullmatch(spelled):
        one, other = int(found["one"]), int(found["other"] or found["one"])
        return min(one, other), max(one, other)
    if found := _BELOW.fullmatch(spelled):
        return 0, int(found["below"]) - 1
    if found := _UP_TO.fullmatch(spelled):
        return 0, int(found["most"] or found["also"])
    return _NOBODY, _NOBODY
