"""What TC strings of Europe (TCF v2) and of Canada (tcfcav1) have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

from gateway.consent.signals.bits import Bits
from gateway.consent.signals.ids import IdBits, IdSet, read_flags
from gateway.kernel.clock import parse_instant

PURPOSES: Final = 24
SPECIAL_FEATURES: Final = 12

_EARLIEST: Final = parse_instant("2018-05-25T00:00:00Z")
_LATEST: Final = parse_instant("2100-01-01T00:00:00Z")
_DECISECOND: Final = 100
_HEAD: Final = (6, 36, 36, 12, 12, 6, 6, 6, 12, 6)
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class RestrictionType(IntEnum):
    """What a publisher demands of vendors for a purpose; 3 is undefined, so damage."""

    NOT_ALLOWED = 0
    REQUIRE_CONSENT = 1
    REQUIRE_LEGITIMATE_INTEREST = 2


@dataclass(frozen=True, slots=True)
class PublisherRestriction:
    """A purpose (from 1), what is demanded for it, and the vendors this is demanded of."""

    purpose: int
    type: RestrictionType
    vendors: IdSet


@dataclass(frozen=True, slots=True)
class PublisherPurposes:
    """What the publisher itself may do: standard purposes, and `custom_count` of its own, numbered from 1.

    In Canada consents are express consents, and legitimate interests are implied consents.
    """

    consents: IdBits
    legitimate_interests: IdBits
    custom_count: int
    custom_consents: IdBits
    custom_legitimate_interests: IdBits


class Head(NamedTuple):
    """How a TC string begins. Times in milliseconds since the epoch; the language is two capital letters."""

    created_at: int
    last_updated_at: int
    cmp_id: int
    cmp_version: int
    consent_screen: int
    consent_language: str
    vendor_list_version: int
    policy_version: int


def read_head(bits: Bits, version: int) -> Head:
    """Version 6, Created 36, LastUpdated 36 (deciseconds), CmpId 12, CmpVersion 12, ConsentScreen 6, ConsentLanguage
    2×6, VendorListVersion 12, TcfPolicyVersion 6.

    Raises MalformedSignal for another version, for a language that is none, and for times before the GDPR applied,
    after this century, or of an update before the creation.
    """
    found, created, updated, cmp_id, cmp_version, screen, first, second, vendor_list, policy = bits.take_each(_HEAD)
    if found != version:
        raise bits.damaged(f"only version {version} can be read", "unknown_version")
    created, updated = created * _DECISECOND, updated * _DECISECOND
    if not _EARLIEST <= created <= updated < _LATEST:
        raise bits.damaged("its times cannot be true", "bad_time")
    return Head(created, updated, cmp_id, cmp_version, screen, letters(bits, first, second), vendor_list, policy)


def letters(bits: Bits, first: int, second: int) -> str:
    """Two numbers that were read from `bits` -> letters, A = 0. Raises MalformedSignal for what is no letter."""
    if max(first, second) >= len(_LETTERS):
        raise bits.damaged("a language or country has letters from A to Z", "not_a_letter")
    return _LETTERS[first] + _LETTERS[second]


def read_restrictions(bits: Bits, read_vendors: Callable[[Bits], IdSet]) -> tuple[PublisherRestriction, ...]:
    """NumPubRestrictions 12 × (PurposeId 6, RestrictionType 2, vendors) -> restrictions as they stand.

    Raises MalformedSignal for a purpose outside 1 to 24 and for type 3.
    """
    found = []
    for _ in range(bits.take(12)):
        purpose, kind = bits.take(6), bits.take(2)
        if not 0 < purpose <= PURPOSES or kind > max(RestrictionType):
            raise bits.damaged("there is no such publisher restriction", "bad_restriction")
        found.append(PublisherRestriction(purpose, RestrictionType(kind), read_vendors(bits)))
    return tuple(found)


def read_publisher(bits: Bits) -> PublisherPurposes:
    """PubPurposesConsent 24, PubPurposesLITransparency 24, NumCustomPurposes n 6, n, n. Raises MalformedSignal."""
    consents, interests = read_flags(bits, PURPOSES), read_flags(bits, PURPOSES)
    count = bits.take(6)
    return PublisherPurposes(consents, interests, count, read_flags(bits, count), read_flags(bits, count))


def split_segments(segments: Iterable[str], field: str, types: Iterable[int]) -> Mapping[int, Bits]:
    """The segments behind the core, and the types (first 3 bits) they may have -> what follows each type.

    Raises MalformedSignal for another type and for one that comes twice.
    """
    allowed = set(types)
    found: dict[int, Bits] = {}
    for segment in segments:
        bits = Bits(segment, field)
        kind = bits.take(3)
        if kind not in allowed:
            raise bits.damaged("a segment's type is unknown or comes twice", "bad_segment")
        allowed.remove(kind)
        found[kind] = bits
    return found
