"""What goes into the flows and what comes out, independent of any door."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from gateway.identifiers.model import HashedIdentifier, RawIdentifier

Identifier = RawIdentifier | HashedIdentifier

Outcome = Literal["linked", "created", "refused", "suppressed", "duplicate", "invalid", "review"]


@dataclass(frozen=True, slots=True)
class ConsentAssertion:
    """A consent event a channel states about the subject of a record or of a list of identifiers.

    `kind` is one of `consent.model.EventKind`; `purpose` a purpose of the policy, or "*" for restrictive kinds; times
    in milliseconds; `site` the one channel it holds for, "" for all.
    """

    kind: str
    purpose: str
    occurred_at: int
    legal_basis: str = "consent"
    method: str = ""
    notice: str = ""
    expires_at: int | None = None
    event_id: str = ""
    site: str = ""


@dataclass(frozen=True, slots=True)
class IncomingRecord:
    """One record as parsed from the wire: well-formed, not yet normalized, judged or stored."""

    record_id: str
    observed_at: int
    identifiers: tuple[Identifier, ...] = field(repr=False)
    jurisdiction: str | None = None
    purpose: str = "identity_resolution"
    consents: tuple[ConsentAssertion, ...] = ()
    gpc: bool = False
    attributes: Mapping[str, str] = field(default_factory=dict, repr=False)
    tcf: str = field(default="", repr=False)
    gpp: str = field(default="", repr=False)
    usp: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a record, or one field of it, was not taken: never the value itself."""

    field: str
    rule: str
    message: str
    index: int | None = None


@dataclass(frozen=True, slots=True)
class DecisionView:
    """A decision as callers see it."""

    id: str
    permitted: bool
    purpose: str
    rule: str
    reason: str
    regimes: tuple[str, ...]
    policy: str
    expires_at: int | None = None


@dataclass(frozen=True, slots=True)
class RecordResult:
    """What became of one record; `profile_id` is the caller's outward id, None for callers who are shown no outcome.

    `gpc` is True where its opt-out was honored, for the site to display it (11 CCR 7025(c)(6)). A `problem` of a record
    that is not invalid is about one of its consents, which did not count.
    """

    record_id: str
    outcome: Outcome
    profile_id: str | None = None
    decision: DecisionView | None = None
    problem: Problem | None = None
    gpc: bool = False
