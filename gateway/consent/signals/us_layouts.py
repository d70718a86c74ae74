"""The US sections of GPP as one table: the layouts of section 7 (usnat) and of 8 to 27 (states), in the order of bits.

Source: IAB Tech Lab, Global Privacy Platform, sections US National and US states, as @iabgpp/cmpapi 3.2.0 has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple


class Field(NamedTuple):
    """A field: its name, the bits of a value, how many values it lists (None: it is one), and the only value it may
    have, if so. A field of one bit is a flag; one of none says whether its segment is there.
    """

    name: str
    width: int = 2
    length: int | None = None
    only: int | None = None


Fields = tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """A section: its name; its core by version, which is the first field (None: whatever the version); and the segment
    that may follow the core, () where none may.
    """

    name: str
    cores: Mapping[int | None, Fields]
    segment: Fields = ()


_CHILDREN: Final = "KnownChildSensitiveDataConsents"
_SENSITIVE: Final = "SensitiveDataProcessing"

_GPC: Final = (Field("GpcSegmentType", only=1), Field("GpcSegmentIncluded", width=0), Field("Gpc", width=1))
_SENSITIVE_SEGMENT: Final = (Field(_SENSITIVE, length=8), Field("SensitiveDataConsentSegmentIncluded", width=0))


def _core(*names: str, sensitive: int, children: int | None, after: tuple[str, ...] = ()) -> Fields:
    """Notices and opt-outs by name, sensitive data, children, what comes `after`, and the three fields of the MSPA."""
    mspa = ("MspaCoveredTransaction", "MspaOptOutOptionMode", "MspaServiceProviderMode")
    return (
        Field("Version", width=6),
        *map(Field, names),
        Field(_SENSITIVE, length=sensitive),
        Field(_CHILDREN, length=children),
        *map(Field, (*after, *mspa)),
    )


def _national(sensitive: int, children: int) -> Fields:
    return _core(
        *("SharingNotice", "SaleOptOutNotice", "SharingOptOutNotice", "TargetedAdvertisingOptOutNotice"),
        *("SensitiveDataProcessingOptOutNotice", "SensitiveDataLimitUseNotice"),
        *("SaleOptOut", "SharingOptOut", "TargetedAdvertisingOptOut"),
        sensitive=sensitive,
        children=children,
        after=("PersonalDataConsents",),
    )


def _california() -> Fields:
    return _core(
        *("SaleOptOutNotice", "SharingOptOutNotice", "SensitiveDataLimitUseNotice", "SaleOptOut", "SharingOptOut"),
        sensitive=9,
        children=2,
        after=("PersonalDataConsents",),
    )


def _state(
    name: str,
    first: str,
    *,
    sensitive: int = 8,
    children: int | None = None,
    notice: tuple[str, ...] = (),
    additional: bool = True,
    segment: Fields = _GPC,
) -> Layout:
    core = _core(
        *(first, "SaleOptOutNotice", "TargetedAdvertisingOptOutNotice", *notice),
        *("SaleOptOut", "TargetedAdvertisingOptOut"),
        sensitive=sensitive,
        children=children,
        after=("AdditionalDataProcessingConsent",) if additional else (),
    )
    return Layout(name, {1: core}, segment)


def _later_state(name: str, *, children: tuple[str, ...], segment: Fields) -> Layout:
    """Since 2026: the version is that of the MSPA contract and says nothing of the layout."""
    names = (
        *("MspaCoveredTransaction", "MspaMode", "ProcessingNotice", "SaleOptOutNotice"),
        *("TargetedAdvertisingOptOutNotice", "SaleOptOut", "TargetedAdvertisingOptOut"),
        *(*children, "AdditionalDataProcessingConsent"),
    )
    return Layout(name, {None: (Field("MspaVersion", width=6), *map(Field, names))}, segment)


_SHARING: Final = "SharingNotice"
_PROCESSING: Final = "ProcessingNotice"

LAYOUTS: Final[Mapping[int, Layout]] = MappingProxyType(
    {
        7: Layout("usnat", {1: _national(12, 2), 2: _national(16, 3)}, _GPC),
        8: Layout("usca", {1: _california()}, _GPC),
        9: _state("usva", _SHARING, additional=False, segment=()),
        10: _state("usco", _SHARING, sensitive=7, additional=False),
        11: _state("usut", _SHARING, notice=("SensitiveDataProcessingOptOutNotice",), additional=False, segment=()),
        12: _state("usct", _SHARING, children=3, additional=False),
        13: _state("usfl", _PROCESSING, children=3, segment=()),
        14: _state("usmt", _SHARING, children=3),
        15: _state("usor", _PROCESSING, sensitive=11, children=3),
        16: _state("ustx", _PROCESSING),
        17: _state("usde", _PROCESSING, sensitive=9, children=5),
        18: _state("usia", _PROCESSING, notice=("SensitiveDataOptOutNotice",), additional=False),
        19: _state("usne", _PROCESSING),
        20: _state("usnh", _PROCESSING, children=3),
        21: _state("usnj", _PROCESSING, sensitive=10, children=5),
        22: _state("ustn", _PROCESSING),
        23: _state("usmn", _PROCESSING),
        24: _later_state("usmd", children=(), segment=_GPC),
        25: _later_state("usin", children=(_CHILDREN,), segment=_SENSITIVE_SEGMENT),
        26: _later_state("usky", children=(_CHILDREN,), segment=_SENSITIVE_SEGMENT),
        27: _later_state("usri", children=(_CHILDREN,), segment=_SENSITIVE_SEGMENT),
    }
)
"""Section id -> layout."""
