"""What the ledger says (`Fact`), what is decided (`Permit`, `Refusal`), and what a merge needs (`MergePermit`).

Refusals are values, not exceptions. A `Permit` can only be made inside this package: its constructor asks for
a key object that the package keeps to itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, final


class EventKind(StrEnum):
    """Kinds of ledger events (DESIGN section 4)."""

    GRANT = "grant"
    DENY = "deny"
    WITHDRAW = "withdraw"
    OBJECT = "object"
    OPT_OUT = "opt_out"
    OPT_IN = "opt_in"
    RESTRICT = "restrict"
    UNRESTRICT = "unrestrict"
    EXPIRE = "expire"
    INVALIDATE = "invalidate"
    MINOR = "minor"
    """The person is under an age (`basis`, such as `under:16`) until `expires_at`. No other kind stands for it: it
    decides for every purpose at once, and no later act of the person overrules it.
    """
    SIGNAL = "signal"
    """A signal was received; what it says stands in events of its own. `basis` is a keyed token of its text."""


ANY_PURPOSE = "*"
PERMISSIVE = frozenset({EventKind.GRANT, EventKind.OPT_IN})
RESTRICTIVE = frozenset(set(EventKind) - PERMISSIVE - {EventKind.UNRESTRICT, EventKind.SIGNAL})
PROFILE_WIDE = frozenset({EventKind.OBJECT, EventKind.OPT_OUT, EventKind.RESTRICT, EventKind.MINOR})
"""What binds the person, so every identifier of the profile (GDPR Art. 8, 18, 21; 11 CCR 7025, 7026, 7070)."""
NO_STATE = frozenset({EventKind.MINOR, EventKind.SIGNAL})
"""Kinds that are not the person's word on a purpose."""
STATED = frozenset(set(EventKind) - NO_STATE)
"""Kinds that a channel may state; of the others it sends what they follow from."""


class Fact(NamedTuple):
    """One ledger event as it stands on one identifier. Times in milliseconds; `position` is its place in the log.

    `site` is the one channel it holds for, "" for all.
    """

    identifier_id: int
    purpose: str
    kind: str
    occurred_at: int
    position: int
    expires_at: int | None
    basis: str
    verified: bool
    derived: bool
    site: str = ""


class Reason(StrEnum):
    """Why a decision came out as it did."""

    GRANTED = "granted"
    NOT_OPTED_OUT = "not_opted_out"
    NO_CONSENT = "no_consent"
    EXPIRED = "consent_expired"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"
    OBJECTED = "objected"
    OPTED_OUT = "opted_out"
    RESTRICTED = "restricted"
    INVALIDATED = "invalidated"
    MINOR = "minor"
    NO_DEVICE_ACCESS = "no_device_access"
    NO_RULE = "no_rule_in_force"
    NOT_ASSERTABLE = "client_may_not_assert"
    NO_NOTICE = "notice_not_in_force"
    NOTHING_TO_LINK = "nothing_to_link"
    CANDIDATE_REFUSES = "profile_refuses"


@dataclass(frozen=True, slots=True)
class Refusal:
    """No: with the rule that says so and the reason."""

    purpose: str
    regimes: tuple[str, ...]
    rule: str
    reason: Reason


@final
class _Mint:
    """The key object: held by `gateway.consent` alone."""


_MINT = _Mint()


@dataclass(frozen=True, slots=True)
class Permit:
    """Yes, for one purpose under all of `regimes`, until `expires_at`; it rests on ledger positions `basis`."""

    purpose: str
    regimes: tuple[str, ...]
    rule: str
    reason: Reason
    basis: tuple[int, ...]
    expires_at: int | None
    mint: _Mint = field(repr=False)

    def __post_init__(self) -> None:
        if self.mint is not _MINT:
            raise TypeError("only gateway.consent makes permits")


@dataclass(frozen=True, slots=True)
class MergePermit:
    """Yes to linking with `profiles` (internal ids); those that refused are in `dropped`."""

    permit: Permit
    profiles: frozenset[int]
    dropped: frozenset[int]
    mint: _Mint = field(repr=False)

    def __post_init__(self) -> None:
        if self.mint is not _MINT:
            raise TypeError("only gateway.consent makes permits")


Decision = Permit | Refusal
