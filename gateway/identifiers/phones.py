"""Phone number -> E.164, the text every hash profile starts from.

Order: a number already written as `+` and digits is compared with libphonenumber's own patterns, compiled once
per calling code; everything else, national numbers above all, goes through the library with the record's country.
Only *valid* numbers pass (`is_valid_number`): a possible length alone would let in `+1 111 111 1111` and other
fillers, which many people share. `tests/properties/test_fast_paths.py` holds the two ways together.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata, PhoneNumberDesc, PhoneNumberFormat

from gateway.kernel.errors import InvalidInput

_MAX_DIGITS: Final = 15
"""ITU-T E.164 section 6.1, calling code included."""

_CLEAN: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_PUNCTUATED: Final = re.compile(r"\+[0-9 ().-]+")
_PUNCTUATION: Final = str.maketrans("", "", " ().-")
_CALLING_CODES: Final = frozenset(str(code) for code in COUNTRY_CODE_TO_REGION_CODE)
_WORLD: Final = "001"


@dataclass(frozen=True, slots=True)
class _Plan:
    """How one calling code's numbers look: the prefix the library would strip, and all valid numbers."""

    prefix: re.Pattern[str] | None
    valid: re.Pattern[str]

    def admits(self, national: str) -> bool:
        """National digits -> whether the library takes them as valid and leaves them unchanged."""
        if self.prefix is not None:
            stripped = self.prefix.match(national)
            if stripped and (stripped.end() or any(group is not None for group in stripped.groups())):
                return False
        return self.valid.fullmatch(national) is not None


def e164(text: str, country: str | None) -> str:
    """Raw number and the record's jurisdiction ("DE", "US-CA", None) -> `+` and at most 15 digits.

    Raises `InvalidInput` (rule not_a_phone) for what is no valid number, for a national number without a country, and
    for a number with an extension, which is shared by everybody behind the same exchange.
    """
    number = text.strip()
    return clean_e164(number) or _by_library(number, country)


def clean_e164(text: str) -> str | None:
    """`+` and digits, perhaps with spaces, brackets, dots and dashes -> E.164 where this is certain without parsing.

    None does not mean invalid: the library decides then.
    """
    if not _CLEAN.fullmatch(text):
        if not _PUNCTUATED.fullmatch(text):
            return None
        text = text.translate(_PUNCTUATION)
        if not _CLEAN.fullmatch(text):
            return None
    for size in (2, 3, 4):
        if text[1:size] in _CALLING_CODES:
            return text if _plan(int(text[1:size])).admits(text[size:]) else None
    return None


def _by_library(text: str, country: str | None) -> str:
    form = _parsed(text, country.partition("-")[0] if country else None)
    if form is None:
        hint = "" if country or text.startswith("+") else "; a national number needs the record's jurisdiction"
        raise InvalidInput(f"this is not a valid phone number{hint}", field="value", rule="not_a_phone")
    return form


def _parsed(text: str, country: str | None) -> str | None:
    form = library_e164(text, country)
    if form is None or len(form) > 1 + _MAX_DIGITS:
        return None
    if clean_e164(form) is None and library_e164(form, None) != form:
        return None
    return form


def library_e164(text: str, country: str | None) -> str | None:
    """What libphonenumber alone makes of a number: E.164, or None when it is invalid or has an extension."""
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    if number.extension or not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


@cache
def _plan(calling_code: int) -> _Plan:
    """Calling code -> its plan, built as `phonenumbers.is_valid_number` reads the metadata: the first region whose
    leading digits match decides, a region without leading digits passes what is not its own on to the next.
    """
    regions = COUNTRY_CODE_TO_REGION_CODE[calling_code]
    loaded = [(region, _metadata(calling_code, region)) for region in regions]
    prefix = loaded[0][1].national_prefix_for_parsing
    guard = ""
    ways = []
    for _, metadata in loaded:
        leading = metadata.leading_digits if len(loaded) > 1 else None
        ways.append(guard + (f"(?={leading})" if leading else "") + _valid(metadata))
        if leading:
            guard += f"(?!{leading})"
    return _Plan(re.compile(prefix) if prefix else None, re.compile("|".join(ways)))


def _metadata(calling_code: int, region: str) -> PhoneMetadata:
    if region == _WORLD:
        metadata = PhoneMetadata.metadata_for_nongeo_region(calling_code)
    else:
        metadata = PhoneMetadata.metadata_for_region(region)
    if metadata is None:
        raise LookupError(f"libphonenumber has no metadata for calling code {calling_code}")
    return metadata


def _valid(metadata: PhoneMetadata) -> str:
    general = _ways((metadata.general_desc,))
    return rf"(?=(?:{general})\Z)(?:{_ways(_kinds(metadata))})"


def _kinds(metadata: PhoneMetadata) -> Iterator[PhoneNumberDesc | None]:
    yield metadata.fixed_line
    if not metadata.same_mobile_and_fixed_line_pattern:
        yield metadata.mobile
    yield metadata.toll_free
    yield metadata.premium_rate
    yield metadata.shared_cost
    yield metadata.voip
    yield metadata.personal_number
    yield metadata.pager
    yield metadata.uan
    yield metadata.voicemail


def _ways(descriptions: Iterable[PhoneNumberDesc | None]) -> str:
    """Descriptions of numbers -> one expression that matches what any of them matches, lengths included."""
    ways = []
    for description in descriptions:
        if description is None or not description.national_number_pattern:
            continue
        lengths = "|".join(f"[0-9]{{{length}}}" for length in description.possible_length if length > 0)
        ahead = rf"(?=(?:{lengths})\Z)" if description.possible_length else ""
        ways.append(f"{ahead}(?:{description.national_number_pattern})")
    return "|".join(dict.fromkeys(ways)) or "(?!)"
