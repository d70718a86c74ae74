"""Who may assert what (DESIGN section 4): a channel's consent statements -> the ledger facts they become.

Restrictive events are taken from anyone and stand on every identifier of the subject. Grants stand only on the
scopes the client's class may grant for, never in the future, only for one purpose at a time that it may state, and only
for a notice that was in force. What is refused is an attempt to widen, which the log keeps.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.consent.model import ANY_PURPOSE, PERMISSIVE, EventKind, Reason
from gateway.policy.model import ClientClass

LEDGER_SCOPES = frozenset({"person", "device"})
"""Scopes of identifiers that carry consent: what a household shares speaks for nobody."""


@dataclass(frozen=True, slots=True)
class Authority:
    """What one client may state, from its class."""

    rules: ClientClass

    def jurisdiction(self, stated: str | None) -> str | None:
        """The stated jurisdiction if the client may state it, else None: the strictest regime then applies."""
        allowed = self.rules.jurisdictions
        return stated if allowed is None or stated in allowed else None

    def scopes_for(self, kind: str, purpose: str, occurred_at: int, now: int, basis: str = "consent") -> frozenset[str]:
        """Scopes of identifiers this statement may stand on; empty when the client may not make it."""
        if not widens(kind):
            return LEDGER_SCOPES
        if kind in PERMISSIVE and purpose == ANY_PURPOSE:
            return frozenset()
        if occurred_at > now + self.rules.max_clock_skew_seconds * 1000:
            return frozenset()
        rules = self.rules
        limits = ((rules.purposes, purpose), (rules.event_kinds, kind), (rules.legal_bases, basis))
        if any(allowed is not None and stated not in allowed for allowed, stated in limits):
            return frozenset()
        return rules.grants_for & LEDGER_SCOPES


@dataclass(frozen=True, slots=True)
class Attempt:
    """A statement that would have widened and was not taken: its place among those of its subject, and why."""

    place: int
    kind: str
    purpose: str
    reason: Reason


def widens(kind: str) -> bool:
    """Whether an event of this kind can permit what was not permitted."""
    return kind in PERMISSIVE or kind == EventKind.UNRESTRICT
