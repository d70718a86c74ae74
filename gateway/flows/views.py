"""What flows give back to the doors, besides results of records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from gateway.flows.messages import Problem
from gateway.rights.model import Action, RightsRequest


@dataclass(frozen=True, slots=True)
class ConsentResult:
    """What became of one consent event; `links_retracted` records lost their basis by it."""

    outcome: Literal["recorded", "known", "refused", "suppressed", "invalid"]
    links_retracted: int = 0
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class OverruledEvent:
    """An event to the contrary that no longer decides: what is decided lay in conflict with it."""

    event: str
    occurred_at: int
    position: int
    channel: str
    method: str


@dataclass(frozen=True, slots=True)
class IdentifierConsent:
    """What the ledger says of one identifier of the query, by its place: the deciding event, "" for silence.

    `overruled` are the events it prevails over, the latest first.
    """

    place: int
    kind: str
    event: str
    occurred_at: int | None
    position: int | None
    derived: bool
    overruled: tuple[OverruledEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class ConsentState:
    """The answer to a consent query.

    `expires_at` is when time alone may change a permission, `may_ask_at` when somebody who said no may be asked again;
    None where nothing ends, or nothing holds back.
    """

    purpose: str
    permitted: bool
    rule: str
    reason: str
    regimes: tuple[str, ...]
    as_of: int
    known_at: int
    identifiers: tuple[IdentifierConsent, ...]
    expires_at: int | None = None
    may_ask_at: int | None = None


@dataclass(frozen=True, slots=True)
class ViewedIdentifier:
    """An identifier as a view shows it: by kind, channels and dates, never by value."""

    kind: str
    channels: tuple[str, ...]
    first_seen: int
    last_seen: int


@dataclass(frozen=True, slots=True)
class ProfileView:
    """A profile for a purpose. `profile_id` is None where there is none to show; `withheld` counts by reason."""

    profile_id: str | None
    purpose: str
    permitted: bool
    rule: str
    reason: str
    identifiers: tuple[ViewedIdentifier, ...] = ()
    withheld: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChangeView:
    """One change in the feed; ids are the caller's outward ids."""

    position: int
    kind: str
    profiles: Mapping[str, tuple[str, ...]]  # role -> outward ids
    made_at: int


@dataclass(frozen=True, slots=True)
class ChangePage:
    """A page of the feed; `next` is what to pass as `after` next time."""

    changes: tuple[ChangeView, ...]
    next: int


@dataclass(frozen=True, slots=True)
class RequestView:
    """A privacy request with what can be done next, its steps (step, log position, time) and its last preflight."""

    id: str
    request: RightsRequest
    possible: tuple[Action, ...]
    steps: tuple[tuple[str, int, int], ...]
    preflight: Mapping[str, object] | None
