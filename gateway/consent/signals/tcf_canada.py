"""Section tcfcav1 of a GPP string, the TC string of Canada: text in, `TcCanadaString` out.

Source: IAB Tech Lab, Global Privacy Platform, section IAB Canada TCF. Its ranges are in Fibonacci coding; the IAB's
libraries wrote those of TCF v2 before. Nothing in a string says which: a segment that can be read in both ways and says
different things is damage.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from gateway.consent.signals.bits import Bits
from gateway.consent.signals.errors import MalformedSignal
from gateway.consent.signals.ids import (
    IdBits,
    IdSet,
    ReadRanges,
    read_fibonacci_ranges,
    read_fixed_ranges,
    read_flags,
    read_ids,
)
from gateway.consent.signals.parts import (
    PURPOSES,
    SPECIAL_FEATURES,
    PublisherPurposes,
    PublisherRestriction,
    read_head,
    read_publisher,
    read_restrictions,
    split_segments,
)

_VERSION: Final = 1
_MOST_SEGMENTS: Final = 3

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TcCanadaString:
    """A Canadian TC string as it stands. Times in milliseconds since the epoch; purposes, features and vendors by id.

    `publisher` and `disclosed_vendors` are None where the string has no such segment.
    """

    version: int
    created_at: int
    last_updated_at: int
    cmp_id: int
    cmp_version: int
    consent_screen: int
    consent_language: str
    vendor_list_version: int
    policy_version: int
    use_non_standard_texts: bool
    special_feature_express_consents: IdBits
    purpose_express_consents: IdBits
    purpose_implied_consents: IdBits
    vendor_express_consents: IdSet
    vendor_implied_consents: IdSet
    publisher_restrictions: tuple[PublisherRestriction, ...]
    publisher: PublisherPurposes | None
    disclosed_vendors: IdSet | None


def decode_tcf_canada(text: str) -> TcCanadaString:
    """The section's text, its segments joined by dots with the core first -> what it says.

    Raises MalformedSignal (field gpp) for any damage.
    """
    core, *others = text.split(".", _MOST_SEGMENTS)
    segments = split_segments(others, "gpp", (1, 3))
    publisher, disclosed = segments.get(3), segments.get(1)
    read = partial(
        _read_core,
        publisher=None if publisher is None else _finished(publisher, read_publisher(publisher)),
        disclosed_vendors=None if disclosed is None else _read_either(disclosed, _read_vendors),
    )
    return _read_either(Bits(core, "gpp"), read)


def _read_core(
    bits: Bits, read_ranges: ReadRanges, publisher: PublisherPurposes | None, disclosed_vendors: IdSet | None
) -> TcCanadaString:
    # A restriction has a highest id of its own since ranges are in Fibonacci coding, and had none before.
    fixed = read_ranges is read_fixed_ranges
    return TcCanadaString(
        _VERSION,
        *read_head(bits, _VERSION),
        use_non_standard_texts=bits.take(1) == 1,
        special_feature_express_consents=read_flags(bits, SPECIAL_FEATURES),
        purpose_express_consents=read_flags(bits, PURPOSES),
        purpose_implied_consents=read_flags(bits, PURPOSES),
        vendor_express_consents=_read_vendors(bits, read_ranges),
        vendor_implied_consents=_read_vendors(bits, read_ranges),
        publisher_restrictions=read_restrictions(
            bits, read_fixed_ranges if fixed else partial(_read_vendors, read_ranges=read_ranges)
        ),
        publisher=publisher,
        disclosed_vendors=disclosed_vendors,
    )


def _read_vendors(bits: Bits, read_ranges: ReadRanges) -> IdSet:
    """The IAB's encoders write as the highest id that of the last vendor, which tells most ranges apart."""
    highest = bits.peek(16)
    found = read_ids(bits, read_ranges)
    if max(found, default=0) != highest:
        raise bits.damaged("the highest id is not that of the last vendor", "bad_range")
    return found


def _read_either(bits: Bits, read: Callable[[Bits, ReadRanges], T]) -> T:
    found: list[T] = []
    errors: list[MalformedSignal] = []
    for read_ranges in (read_fibonacci_ranges, read_fixed_ranges):
        again = copy(bits)
        try:
            found.append(_finished(again, read(again, read_ranges)))
        except MalformedSignal as error:
            errors.append(error)
    if not found:
        raise errors[0]
    if found[0] != found[-1]:
        raise bits.damaged("its ranges can be read in two ways", "ambiguous")
    return found[0]


def _finished(bits: Bits, found: T) -> T:
    bits.finish()
    return found
