"""Meta's Conversions API and Custom Audiences.

Source: https://developers.facebook.com/docs/marketing-api/conversions-api/parameters/customer-information-parameters
"""

from __future__ import annotations

from typing import Final
from unicodedata import category
from unicodedata import normalize as to_unicode_form

from gateway.identifiers.hash_profiles.numbers import international
from gateway.identifiers.hash_profiles.spelling import alphanumerics, sides

_ZIP_PLUS_4: Final = 9
_JOINERS: Final = "\u200c\u200d"


def email(text: str, _country: str | None) -> str:
    """Raw address -> trimmed and lower-case, nothing else. Raises `InvalidInput` (rule not_an_email)."""
    address = text.strip().lower()
    sides(address)
    return address


def phone(text: str, country: str | None) -> str:
    """Raw number and its jurisdiction -> digits with the country code, no `+`, no zeros before them.

    Formed from E.164, so a trunk zero, as in "+44 (0)20 …", is gone. Raises `InvalidInput` (rule not_a_phone).
    """
    return international(text, country, bare=True)[1:]


def name(text: str, _country: str | None) -> str:
    """Raw given, family or full name -> lower-case, composed (NFC), without punctuation and symbols. Accents and other
    scripts are kept; so is white space between words, one blank each, since Meta forbids it for cities only.
    """
    kept = (letter for letter in to_unicode_form("NFC", text).lower() if not _is_left_out(letter))
    return to_unicode_form("NFC", " ".join("".join(kept).split()))


def postal_code(text: str, _country: str | None) -> str:
    """Raw postal code -> lower-case, no white space, no dash; of a ZIP+4 the first five digits."""
    code = alphanumerics(text)
    return code[:5] if len(code) == _ZIP_PLUS_4 and code.isdecimal() else code


def _is_left_out(letter: str) -> bool:
    kind = category(letter)
    return kind[0] in "PS" or (kind == "Cf" and letter not in _JOINERS)
