"""California's Delete Request and Opt-out Platform: all fields but names, which `drop_names` has.

Source: CalPrivacy's data-broker documentation, version 1.2.0,
https://privacy.ca.gov/drop-for-data-brokers/technical-specifications/working-with-data/
"""

from __future__ import annotations

from typing import Final

from gateway.identifiers.hash_profiles.spelling import alphanumerics, digits, sides, without_white_space
from gateway.kernel.errors import InvalidInput

DROP_VERSION: Final = "drop-1.2.0"
"""The version of these rules and of `drop_names`: stored with what they produced. Whoever changes a rule or a table
changes it, so that the store can be matched again.
"""

_PHONE_DIGITS: Final = 10
_ZIP_LENGTH: Final = 5
_ZIP_PLUS_4: Final = 9
_HEX: Final = frozenset("0123456789abcdef")
_MAID_LENGTH: Final = 32
_VIN_LENGTH: Final = 17
_CTVID_LENGTHS: Final = range(8, 33)


def email(text: str, _country: str | None) -> str:
    """Raw address -> lower-case without white space; dots, plus signs and all else stay.

    Raises `InvalidInput` (rule not_an_email).
    """
    address = without_white_space(text).lower()
    sides(address)
    return address


def phone(text: str, _country: str | None) -> str:
    """Raw number -> its last ten digits, or all if there are fewer. Ten digits name no country: numbers outside +1 can
    collide with American ones.
    """
    return digits(text)[-_PHONE_DIGITS:]


def postal_code(text: str, _country: str | None) -> str:
    """Raw postal code -> alphanumerics, of nine digits (ZIP+4) the first five, lower-case, no leading zeros, and of
    that at most five: `02108-1234` gives `2108`.
    """
    code = alphanumerics(text)
    if len(code) == _ZIP_PLUS_4 and code.isdecimal():
        code = code[:_ZIP_LENGTH]
    return code.lstrip("0")[:_ZIP_LENGTH]


def maid(text: str, _country: str | None) -> str:
    """Raw mobile advertising id -> 32 hex digits, lower-case. Raises `InvalidInput` (rule not_a_maid)."""
    form = "".join(letter for letter in alphanumerics(text) if letter in _HEX)
    if len(form) != _MAID_LENGTH:
        message = "a mobile advertising id has exactly 32 hexadecimal digits"
        raise InvalidInput(message, field="value", rule="not_a_maid")
    return form


def vin(text: str, _country: str | None) -> str:
    """Raw vehicle identification number -> 17 alphanumerics, lower-case. Raises `InvalidInput` (rule not_a_vin)."""
    form = alphanumerics(text)
    if len(form) != _VIN_LENGTH:
        message = "a vehicle identification number has exactly 17 letters and digits"
        raise InvalidInput(message, field="value", rule="not_a_vin")
    return form


def ctvid(text: str, _country: str | None) -> str:
    """Raw television id -> 8 to 32 alphanumerics, lower-case. Raises `InvalidInput` (rule not_a_ctvid)."""
    form = alphanumerics(text)
    if len(form) not in _CTVID_LENGTHS:
        message = "the advertising id of a television has 8 to 32 letters and digits"
        raise InvalidInput(message, field="value", rule="not_a_ctvid")
    return form
