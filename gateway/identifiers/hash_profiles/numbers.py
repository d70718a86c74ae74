"""Phone number asked for directly -> E.164, for the platforms that start from it.

Where a record is taken in only valid numbers count (`phones.e164`). Here a number of a possible length is enough:
platforms hash what they are given, and their documentation is full of numbers nobody has. Readings are tried in order;
the first valid one counts, else the first possible one, and only if its own text is read back as the same number.

    `+…`, or `00…` without a country        international
    a country is given                      national there, then `00…` and, for bare digits, international
    none is given                           bare digits: international, if that is valid; then the United States, as in
                                            the platforms' published examples
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import phonenumbers
from phonenumbers import PhoneNumberFormat, ValidationResult

from gateway.identifiers.phones import clean_e164, library_e164
from gateway.kernel.errors import InvalidInput

DEFAULT_COUNTRY: Final = "US"

_MAX_LENGTH: Final = 16
"""`+` and the 15 digits of ITU-T E.164 section 6.1."""

_NAMED: Final = re.compile(r"([A-Z]{2})\b\s*(?=\S)")
_PLUS: Final = ("+", "\uff0b")


def international(text: str, country: str | None, *, bare: bool) -> str:
    """Raw number and its jurisdiction ("DE", "US-CA", None) -> E.164. A country code that stands before the number, as
    in Meta's example "US (650)555-1212", counts as its jurisdiction.

    `bare`: digits alone may begin with the calling code, which is how Meta and Snap write numbers.
    Raises `InvalidInput` (rule not_a_phone) for what cannot be a number, or one number only, or has an extension.
    """
    number = text.strip()
    region = country.partition("-")[0] if country else None
    named = _NAMED.match(number)
    if named and named[1] in phonenumbers.SUPPORTED_REGIONS:
        region, number = named[1], number[named.end() :]
    form = _read(number, region, bare=bare)
    if form is None or _read(form[1:] if bare else form, None, bare=bare) != form:
        raise InvalidInput("this is not a phone number", field="value", rule="not_a_phone")
    return form


def _read(number: str, region: str | None, *, bare: bool) -> str | None:
    readings = list(_readings(number, region, bare=bare))
    for text, country in readings:
        valid = clean_e164(text) or library_e164(text, country)
        if valid is not None and len(valid) <= _MAX_LENGTH:
            return valid
    for text, country in readings:
        possible = _possible(text, country)
        if possible is not None and len(possible) <= _MAX_LENGTH:
            return possible
    return None


def _readings(number: str, region: str | None, *, bare: bool) -> Iterator[tuple[str, str | None]]:
    if number.startswith(_PLUS):
        yield number, None
        return
    doubled = f"+{number[2:]}" if number.startswith("00") else None
    coded = f"+{number}" if bare and number.isdecimal() and not number.startswith("0") else None
    if region is not None:
        yield number, region
    if doubled:
        yield doubled, None
    if coded:
        yield coded, None
    if region is None:
        yield number, DEFAULT_COUNTRY


def _possible(text: str, country: str | None) -> str | None:
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    if number.extension or phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
        return None
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)
