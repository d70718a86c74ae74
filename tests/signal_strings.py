"""Consent strings written from what they say, to compare with what was read.

Two things a decoded string does not keep: the highest vendor id of ranges, and whether an id alone was written as a
range. Written loosely, strings are regular expressions that leave these two open.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from gateway.consent.signals.gpp import GppString, UsSection
from gateway.consent.signals.ids import IdBits, IdRanges, IdSet
from gateway.consent.signals.tcf import TcString
from gateway.consent.signals.us_layouts import LAYOUTS, Field, Layout

ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
NUMBERS: Final = {layout.name: number for number, layout in LAYOUTS.items()}


def text_of(bits: str, fill: int) -> str:
    """Bits, filled with zeros up to a multiple of `fill` and then of 6 -> base64url without padding."""
    bits += "0" * (-len(bits) % fill)
    bits += "0" * (-len(bits) % 6)
    return "".join(ALPHABET[int(bits[at : at + 6], 2)] for at in range(0, len(bits), 6))


def bits_of(text: str) -> str:
    return "".join(f"{ALPHABET.index(letter):06b}" for letter in text)


def flags(ids: IdBits) -> str:
    return f"{ids.bits:0{ids.size}b}" if ids.size else ""


def ranges(ids: IdRanges, *, loose: bool = False) -> str:
    return f"{len(ids.ranges):012b}" + "".join(_entry(first, last, loose=loose) for first, last in ids.ranges)


def _entry(first: int, last: int, *, loose: bool) -> str:
    if first < last:
        return f"1{first:016b}{last:016b}"
    return f"(?:0{first:016b}|1{first:016b}{first:016b})" if loose else f"0{first:016b}"


def vendors(ids: IdSet, *, loose: bool = False) -> str:
    if isinstance(ids, IdBits):
        return f"{ids.size:016b}0{flags(ids)}"
    highest = "[01]{16}" if loose else f"{max(ids, default=0):016b}"
    return f"{highest}1{ranges(ids, loose=loose)}"


def letters(text: str) -> str:
    return "".join(f"{ord(letter) - ord('A'):06b}" for letter in text)


def tc_segments(decoded: TcString, *, loose: bool = False) -> dict[int, str]:
    """A TC string -> the bits of its core (0) and of its other segments by type, without what fills them up."""
    restrictions = "".join(
        f"{one.purpose:06b}{one.type:02b}{ranges(one.vendors, loose=loose)}"
        for one in decoded.publisher_restrictions
        if isinstance(one.vendors, IdRanges)
    )
    found = {
        0: f"{decoded.version:06b}{decoded.created_at // 100:036b}{decoded.last_updated_at // 100:036b}"
        f"{decoded.cmp_id:012b}{decoded.cmp_version:012b}{decoded.consent_screen:06b}"
        f"{letters(decoded.consent_language)}{decoded.vendor_list_version:012b}{decoded.policy_version:06b}"
        f"{decoded.is_service_specific:b}{decoded.use_non_standard_texts:b}"
        + "".join(f"{ids.bits:0{size}b}" for ids, size in _purposes(decoded))
        + f"{decoded.purpose_one_treatment:b}{letters(decoded.publisher_country)}"
        f"{vendors(decoded.vendor_consents, loose=loose)}{vendors(decoded.vendor_legitimate_interests, loose=loose)}"
        f"{len(decoded.publisher_restrictions):012b}{restrictions}"
    }
    if decoded.disclosed_vendors is not None:
        found[1] = f"001{vendors(decoded.disclosed_vendors, loose=loose)}"
    if decoded.allowed_vendors is not None:
        found[2] = f"010{vendors(decoded.allowed_vendors, loose=loose)}"
    if own := decoded.publisher:
        found[3] = f"011{own.consents.bits:024b}{own.legitimate_interests.bits:024b}{own.custom_count:06b}"
        found[3] += flags(own.custom_consents) + flags(own.custom_legitimate_interests)
    return found


def _purposes(decoded: TcString) -> list[tuple[IdBits, int]]:
    return [
        (decoded.special_feature_opt_ins, 12),
        (decoded.purpose_consents, 24),
        (decoded.purpose_legitimate_interests, 24),
    ]


def is_tc_string(text: str, decoded: TcString) -> bool:
    """Whether a text is one that says what was decoded."""
    core, *others = text.split(".")
    found = {int(bits_of(segment[0])[:3], 2): segment for segment in others}
    wanted = tc_segments(decoded, loose=True)
    return (
        found.keys() == wanted.keys() - {0}
        and len(found) == len(others)
        and all(
            re.fullmatch(f"{wanted[kind]}0{{,23}}", bits_of(segment)) for kind, segment in {**found, 0: core}.items()
        )
    )


def fibonacci(number: int) -> str:
    """Fibonacci coding: the sum of some of 1, 2, 3, 5, 8, …, no two of them neighbors, lowest first, then a one."""
    series = [1, 2]
    while series[-1] <= number:
        series.append(series[-1] + series[-2])
    coded = ""
    for one in reversed(series):
        coded += "1" if one <= number else "0"
        number -= one if one <= number else 0
    return coded.lstrip("0")[::-1] + "1"


def headers(ids: list[int]) -> list[str]:
    """The bits of every header that names one or two sections."""
    start = f"{3:06b}{1:06b}"
    if len(ids) == 1:
        return [f"{start}{1:012b}0{fibonacci(ids[0])}"]
    first, second = ids
    found = [f"{start}{2:012b}0{fibonacci(first)}0{fibonacci(second - first)}"]
    return found + [f"{start}{1:012b}1{fibonacci(first)}{fibonacci(1)}"] * (second == first + 1)


def us_segments(layout: Layout, fields: Mapping[str, object]) -> list[str]:
    """A US section -> the bits of its core and, if it is there, of the segment behind it."""
    version = fields[next(iter(fields))]
    core = layout.cores.get(version if isinstance(version, int) else None) or layout.cores[None]
    found = ["".join(_field(field, fields) for field in core)]
    included = any(fields[field.name] is True for field in layout.segment if not field.width)
    return found + ["".join(_field(field, fields) for field in layout.segment)] * included


def _field(field: Field, fields: Mapping[str, object]) -> str:
    value = fields[field.name]
    numbers = value if isinstance(value, tuple) else (value,)
    return "".join(f"{number:0{field.width}b}" for number in numbers if field.width)


def gpp_text(sections: Mapping[str, UsSection], fill: int) -> str:
    """One or two US sections -> the string that holds them."""
    header, *_ = headers([NUMBERS[name] for name in sections])
    parts = [
        ".".join(text_of(bits, fill) for bits in us_segments(LAYOUTS[NUMBERS[name]], section.fields))
        for name, section in sections.items()
    ]
    return "~".join([text_of(header, fill), *parts])


def is_gpp_text(text: str, decoded: GppString) -> bool:
    """Whether a text is one that says what was decoded: one or two US sections."""
    header, *parts = text.split("~")
    wanted = [headers([NUMBERS[name] for name in decoded.sections])]
    found = [header]
    for (name, section), part in zip(decoded.sections.items(), parts, strict=True):
        assert isinstance(section, UsSection)
        wanted += [[bits] for bits in us_segments(LAYOUTS[NUMBERS[name]], section.fields)]
        found += part.split(".")
    return len(found) == len(wanted) and all(
        any(re.fullmatch(f"{bits}0{{,11}}", bits_of(segment)) for bits in choices)
        for segment, choices in zip(found, wanted, strict=True)
    )
