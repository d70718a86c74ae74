"""Within step 1: is the person under an age that some rule asks for more at (GDPR Art. 8; 11 CCR 7070, 7071)?

Of an adult nothing is kept. Of a minor the youngest such age, and when they reach it: as exactly as the channel says
it, and from a band of ages the latest day that it can be.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from gateway.identifiers.hash_profiles.dates import date_of_birth
from gateway.kernel.clock import parse_instant, years_after
from gateway.kernel.errors import InvalidInput

_BAND: Final = re.compile(r"(?P<least>[0-9]{1,2})\s*(?:-|–|to)\s*(?P<most>[0-9]{1,2})")
_BELOW: Final = re.compile(r"(?:<|under[ _])\s*(?P<below>[0-9]{1,2})")


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
    born = _born(attributes.get("date_of_birth", ""), jurisdiction)
    if born is not None:
        birthdays = ((gate, years_after(born, gate)) for gate in gates)
        return next((Minor(gate, moment) for gate, moment in birthdays if observed_at < moment), None)
    least, most = _band(attributes.get("age_band", ""))
    if not any(most < gate for gate in gates):
        return None
    gate = next(gate for gate in gates if least < gate)
    return Minor(gate, years_after(observed_at, gate - least))


def _born(text: str, jurisdiction: str | None) -> int | None:
    """A date of birth as the channel has it -> its first moment; None for what is no date."""
    try:
        return parse_instant(f"{date_of_birth(text, jurisdiction)}T00:00:00Z")
    except InvalidInput:
        return None


def _band(text: str) -> tuple[int, int]:
    """`13-15` -> (13, 15), `<13` -> (0, 12); what is not a band is nobody's age."""
    spelled = text.strip().casefold()
    if found := _BAND.fullmatch(spelled):
        return int(found["least"]), int(found["most"])
    if found := _BELOW.fullmatch(spelled):
        return 0, int(found["below"]) - 1
    return 999, 999
