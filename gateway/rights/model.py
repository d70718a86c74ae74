"""A privacy request as a value. It says who asked for what and how far it got, never about whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class RequestKind(StrEnum):
    """What a person can ask for."""

    ACCESS = "access"
    ERASURE = "erasure"
    PORTABILITY = "portability"
    OPT_OUT = "opt_out"
    OBJECTION = "objection"
    RESTRICTION = "restriction"


class State(StrEnum):
    """Where a request stands; the last three are final."""

    SUBMITTED = "submitted"
    VERIFIED = "verified"
    PREFLIGHTED = "preflighted"
    APPROVED = "approved"
    RUNNING = "running"
    HELD = "held"
    COMPLETED = "completed"
    DENIED = "denied"
    CANCELLED = "cancelled"


class Action(StrEnum):
    """What can be done to a request; `gateway.rights.states` says when."""

    VERIFY = "verify"
    PREFLIGHT = "preflight"
    APPROVE = "approve"
    DENY = "deny"
    EXTEND = "extend"
    HOLD = "hold"
    RELEASE = "release"
    CANCEL = "cancel"
    START = "start"
    FINISH = "finish"


FINAL = frozenset({State.COMPLETED, State.DENIED, State.CANCELLED})

# These disclose or destroy, so under every regime they need a proof and a look at what the run will do.
FAR_REACHING = frozenset({RequestKind.ACCESS, RequestKind.ERASURE, RequestKind.PORTABILITY})


@dataclass(frozen=True, slots=True, kw_only=True)
class RightsRequest:
    """One request. Times are milliseconds, `id`, `submitted_by` and `approved_by` surrogate ids.

    `purposes` empty means every purpose. `proof` is a slug of `gateway.rights.verification` ("" = unverified),
    `hold_reason` and `denial` slugs of `gateway.rights.reasons` ("" = none). `held_from` is the state a hold
    interrupted, `paused_ms` by how much waiting for the person has moved the start of the clock. `step` is the last
    finished step of the cascade ("" = none). `completed_at` is when the request ended, whether completed, denied or
    cancelled.
    """

    id: int
    kind: RequestKind
    state: State
    regime: str
    jurisdiction: str
    purposes: tuple[str, ...]
    proof: str
    received_at: int
    due_at: int
    acknowledge_by: int | None
    submitted_by: int
    extended: bool = False
    hold_reason: str = ""
    hold_since: int | None = None
    held_from: State | None = None
    paused_ms: int = 0
    denial: str = ""
    approved_by: int | None = None
    step: str = ""
    completed_at: int | None = None

    @property
    def verified(self) -> bool:
        """Whether somebody proved to be the person."""
        return self.proof != ""

    @property
    def open(self) -> bool:
        """Whether anything can still happen to it."""
        return self.state not in FINAL

    def as_json(self) -> dict[str, object]:
        """The request as JSON-able values, one per field; `from_json` reads it back."""
        return {**asdict(self), "purposes": list(self.purposes)}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> RightsRequest:
        """What `as_json` made -> the request. Raises TypeError or ValueError for anything else."""
        held_from = body.get("held_from")
        typed = {
            "kind": RequestKind(body.get("kind", "")),
            "state": State(body.get("state", "")),
            "purposes": tuple(body.get("purposes", ())),
            "held_from": None if held_from is None else State(held_from),
        }
        return cls(**{**body, **typed})
