"""UID2, EUID and The Trade Desk: only what UID2 itself takes.

Source: https://unifiedid.com/docs/getting-started/gs-normalization-encoding
Records are read more strictly (`emails.uid2_email`: the address must be able to exist) and more kindly (`phones.e164`:
national numbers become E.164); what both take has the same form here.
"""

from __future__ import annotations

import re
from typing import Final

from gateway.identifiers.hash_profiles.spelling import sides, without_tag
from gateway.kernel.errors import InvalidInput

_FOLDED: Final = "gmail.com"
_ASCII_LOWER: Final = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
_PHONE: Final = re.compile(r"\+[0-9]{10,15}")


def email(text: str, _country: str | None) -> str:
    """Raw address -> U+0020 trimmed, ASCII A-Z lower-cased; for gmail.com exactly dots and `+…` removed.

    Raises `InvalidInput` (rule not_an_email).
    """
    address = text.strip(" ").translate(_ASCII_LOWER)
    local, domain = sides(address)
    return without_tag(local, domain) if domain == _FOLDED else address


def phone(text: str, _country: str | None) -> str:
    """`+` and 10 to 15 digits -> the same. Raises `InvalidInput` (rule not_a_phone) for anything else."""
    if not _PHONE.fullmatch(text):
        message = "UID2 takes a phone number only as + and 10 to 15 digits"
        raise InvalidInput(message, field="value", rule="not_a_phone")
    return text
