"""TC strings of the Transparency and Consent Framework 2.0 to 2.3: text in, `TcString` out.

Source: IAB Tech Lab, "Consent string and vendor list formats v2", with DisclosedVendors as TCF 2.3 demands it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from gateway.consent.signals.bits import GROUPS, Bits, check_length
from gateway.consent.signals.ids import IdBits, IdSet, read_fixed_ranges, read_ids
from gateway.consent.signals.parts import (
    PURPOSES,
    SPECIAL_FEATURES,
    PublisherPurposes,
    PublisherRestriction,
    letters,
    read_head,
    read_publisher,
    read_restrictions,
    split_segments,
)
from gateway.kernel.clock import parse_instant

DISCLOSED_FROM: Final = parse_instant("2026-02-28T00:00:00Z")
"""A string created from here on (milliseconds) is invalid without DisclosedVendors (TCF 2.3)."""

_VERSION: Final = 2
_MOST_SEGMENTS: Final = 4
_CHOICES: Final = (1, 1, SPECIAL_FEATURES, PURPOSES, PURPOSES, 1, 6, 6)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TcString:
    """A TC string as it stands. Times in milliseconds since the epoch; purposes, special features and vendors by id.

    `policy_version` is that of the TCF policies: 2 for TCF 2.0, 4 for 2.2, 5 for 2.3.
    `disclosed_vendors`, `allowed_vendors` and `publisher` are None where the string has no such segment.
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
    is_service_specific: bool
    use_non_standard_texts: bool
    special_feature_opt_ins: IdBits
    purpose_consents: IdBits
    purpose_legitimate_interests: IdBits
    purpose_one_treatment: bool
    publisher_country: str
    vendor_consents: IdSet
    vendor_legitimate_interests: IdSet
    publisher_restrictions: tuple[PublisherRestriction, ...]
    disclosed_vendors: IdSet | None
    allowed_vendors: IdSet | None
    publisher: PublisherPurposes | None


def decode_tcf(text: str) -> TcString:
    """A TC string, its segments joined by dots with the core first -> what it says.

    Raises MalformedSignal (field tcf) for any damage, and for a string created from 28 February 2026 on that does not
    disclose its vendors (rule vendors_not_disclosed).
    """
    check_length(text, "tcf")
    core, *others = text.split(".", _MOST_SEGMENTS)
    bits = Bits(core, "tcf")
    head = read_head(bits, _VERSION)
    segments = split_segments(others, "tcf", (1, 2, 3))
    if 1 not in segments and head.created_at >= DISCLOSED_FROM:
        raise bits.damaged("a string of 28 February 2026 or later discloses its vendors", "vendors_not_disclosed")
    specific, texts, features, consents, interests, one_treatment, *country = bits.take_each(_CHOICES)
    decoded = TcString(
        _VERSION,
        *head,
        is_service_specific=specific == 1,
        use_non_standard_texts=texts == 1,
        special_feature_opt_ins=IdBits(features, SPECIAL_FEATURES),
        purpose_consents=IdBits(consents, PURPOSES),
        purpose_legitimate_interests=IdBits(interests, PURPOSES),
        purpose_one_treatment=one_treatment == 1,
        publisher_country=letters(bits, *country),
        vendor_consents=read_ids(bits),
        vendor_legitimate_interests=read_ids(bits),
        publisher_restrictions=read_restrictions(bits, read_fixed_ranges),
        disclosed_vendors=_read_segment(segments.get(1), read_ids),
        allowed_vendors=_read_segment(segments.get(2), read_ids),
        publisher=_read_segment(segments.get(3), read_publisher),
    )
    bits.finish(GROUPS)
    return decoded


def _read_segment(bits: Bits | None, read: Callable[[Bits], T]) -> T | None:
    if bits is None:
        return None
    found = read(bits)
    bits.finish(GROUPS)
    return found
