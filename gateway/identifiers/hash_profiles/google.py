"""Google Customer Match and Enhanced Conversions.

Source: https://developers.google.com/data-manager/api/devguides/concepts/formatting
"""

from __future__ import annotations

import re
from typing import Final
from unicodedata import normalize as to_unicode_form

from gateway.identifiers.hash_profiles.numbers import international
from gateway.identifiers.hash_profiles.spelling import sides, without_tag, without_white_space

_FOLDED: Final = frozenset({"gmail.com", "googlemail.com"})

_PREFIX: Final = re.compile(r"(?:mr|mrs|ms|miss|mx|dr|prof|rev|hon)(?:\.\s*|\s+)(?=\w)")
_SUFFIX: Final = re.compile(
    r"(?:,\s*|\s+)(?:jr|sr|ii|iii|iv|2nd|3rd|4th|esq|cpa|ph\.?\s?d|m\.?d|j\.?d|d\.?d\.?s|d\.?v\.?m)\.?,?\Z"
)
"""Google names Mrs. and Jr. as examples and publishes no list. `v` and `vi` are not in it: initials, and names."""


def email(text: str, _country: str | None) -> str:
    """Raw address -> lower-case without white space; at gmail.com and googlemail.com dots and `+…` removed, the domain
    kept. Raises `InvalidInput` (rule not_an_email).
    """
    address = without_white_space(text).lower()
    local, domain = sides(address)
    return without_tag(local, domain) if domain in _FOLDED else address


def phone(text: str, country: str | None) -> str:
    """Raw number and its jurisdiction -> E.164. Raises `InvalidInput` (rule not_a_phone)."""
    return international(text, country, bare=False)


def name(text: str, _country: str | None) -> str:
    """Raw given, family or full name -> trimmed, lower-case, composed (NFC), without titles before and generations and
    degrees behind it. A title that is all there is stays: it may be a name.
    """
    form = to_unicode_form("NFC", to_unicode_form("NFC", text).lower()).strip()
    while True:
        shorter = _SUFFIX.sub("", _PREFIX.sub("", form, count=1) if _PREFIX.match(form) else form).strip()
        if shorter == form or not shorter:
            return form
        form = shorter
