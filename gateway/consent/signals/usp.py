"""US Privacy strings such as 1YNN (deprecated in favor of GPP): text in, `UspString` out.

Source: IAB Tech Lab, "U.S. Privacy String", version 1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from gateway.consent.signals.errors import MalformedSignal

_USP: Final = re.compile("1([YN-])([YN-])([YN-])")
_MEANING: Final = {"Y": True, "N": False, "-": None}


@dataclass(frozen=True, slots=True)
class UspString:
    """Notice and opportunity to opt out given; sale opted out of; covered by the LSPA. None where it does not apply."""

    version: int
    notice: bool | None
    opted_out_of_sale: bool | None
    lspa_covered: bool | None


def decode_usp(text: str) -> UspString:
    """Four characters: version 1, then Y, N or - three times, in capitals. Raises MalformedSignal (field usp)."""
    found = _USP.fullmatch(text)
    if not found:
        raise MalformedSignal("a US Privacy string is 1 and three of Y, N and -", field="usp", rule="bad_usp")
    notice, opted_out, covered = (_MEANING[letter] for letter in found.groups())
    return UspString(1, notice, opted_out, covered)
