"""GPP strings of the Global Privacy Platform: text in, `GppString` with every section out.

Source: IAB Tech Lab, Global Privacy Platform, "Consent String Specification"; the sections' layouts in `us_layouts`,
`tcf`, `tcf_canada` and `usp`. In opt-out fields 1 is opted out and 2 is not; in consent fields 1 is no consent and 2 is
consent; 0 is not applicable.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Final

from gateway.consent.signals.bits import Bits, check_length
from gateway.consent.signals.errors import MalformedSignal
from gateway.consent.signals.tcf import TcString, decode_tcf
from gateway.consent.signals.tcf_canada import TcCanadaString, decode_tcf_canada
from gateway.consent.signals.us_layouts import LAYOUTS, Field, Fields, Layout
from gateway.consent.signals.usp import UspString, decode_usp

_TYPE: Final = 3
_VERSION: Final = 1
_LARGEST: Final = 2

Value = int | bool | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class UsSection:
    """A US section: field names of the GPP specification -> a number from 0 to 2, a tuple of them, or a flag.

    Where the segment behind the core is missing, its flag is false and its fields say nothing: 0 or false.
    """

    fields: Mapping[str, Value]


Section = TcString | TcCanadaString | UspString | UsSection


@dataclass(frozen=True, slots=True)
class GppString:
    """Section name (tcfeuv2, tcfcav1, uspv1, usnat, usca, …) -> section, in the order of section ids."""

    sections: Mapping[str, Section]


def decode_gpp(text: str) -> GppString:
    """A GPP string, header and sections joined by ~ -> all its sections.

    Raises MalformedSignal (field gpp) for any damage in header or sections, for a section that is not known, since
    nothing can be concluded without it, and where the header names more or fewer sections than there are.
    """
    check_length(text, "gpp")
    header, *texts = text.split("~", len(_DECODERS) + 1)
    ids = _section_ids(header)
    if len(ids) != len(texts):
        raise MalformedSignal("header and sections differ in number", field="gpp", rule="section_count")
    sections = {_DECODERS[number][0]: _decode(number, part) for number, part in zip(ids, texts, strict=True)}
    return GppString(MappingProxyType(sections))


def _section_ids(header: str) -> list[int]:
    """Type 6 (3), Version 6 (1), Amount 12 × (IsARange 1, offset from the id before, [offset from the start])."""
    bits = Bits(header, "gpp")
    if (bits.take(6), bits.take(6)) != (_TYPE, _VERSION):
        raise bits.damaged(f"only headers of type {_TYPE} and version {_VERSION} can be read", "unknown_version")
    found: list[int] = []
    last = 0
    for _ in range(bits.take(12)):
        is_range = bits.take(1)
        start = last + bits.take_fibonacci()
        last = start + bits.take_fibonacci() if is_range else start
        for number in range(start, last + 1):
            if number not in _DECODERS:
                raise bits.damaged(f"there is no section {number} that could be read", "unknown_section")
            found.append(number)
    bits.finish()
    return found


def _decode(number: int, text: str) -> Section:
    name, decode = _DECODERS[number]
    try:
        return decode(text)
    except MalformedSignal as error:
        raise MalformedSignal(f"{name}: {error}", field="gpp", rule=error.rule) from None


def _decode_us(layout: Layout, text: str) -> UsSection:
    core, *others = text.split(".")
    if len(others) > bool(layout.segment):
        raise MalformedSignal("there are more segments than the section has", field="gpp", rule="bad_segment")
    bits = Bits(core, "gpp")
    version = bits.take(6)
    fields = layout.cores.get(version, layout.cores.get(None))
    if fields is None:
        raise bits.damaged(f"its version {version} is not known", "unknown_version")
    values: dict[str, Value] = {fields[0].name: version}
    values |= _read_all(bits, fields[1:])
    if others:
        values |= _read_all(Bits(others[0], "gpp"), layout.segment)
    else:
        values |= {field.name: _missing(field) for field in layout.segment}
    return UsSection(MappingProxyType(values))


def _read_all(bits: Bits, fields: Fields) -> dict[str, Value]:
    values = {field.name: _read(bits, field) for field in fields}
    bits.finish()
    return values


def _read(bits: Bits, field: Field) -> Value:
    if not field.width:
        return True
    values = tuple(bits.take(field.width) for _ in range(field.length or 1))
    if max(values) > _LARGEST or (field.only is not None and values[0] != field.only):
        raise bits.damaged("a field has a value that does not exist", "bad_value")
    if field.width == 1:
        return values[0] == 1
    return values[0] if field.length is None else values


def _missing(field: Field) -> Value:
    if field.only is not None:
        return field.only
    if field.width <= 1:
        return False
    return 0 if field.length is None else (0,) * field.length


_DECODERS: Final[Mapping[int, tuple[str, Callable[[str], Section]]]] = MappingProxyType(
    {
        2: ("tcfeuv2", decode_tcf),
        5: ("tcfcav1", decode_tcf_canada),
        6: ("uspv1", decode_usp),
        **{number: (layout.name, partial(_decode_us, layout)) for number, layout in LAYOUTS.items()},
    }
)
