"""Who may assert what (DESIGN section 4): a channel's consent statements -> the ledger facts they become.

Restrictive events are taken from anyone and stand on every identifier of the subject. Grants stand only on the
scopes the client's class may grant for, never in the future, and only for one purpose at a time that it may state.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.consent.model import ANY_PURPOSE, PERMISSIVE, EventKind
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

    def scopes_for(self, kind: str, purpose: str, occurred_at: int, now: int) -> frozenset[str]:
        """Scopes of identifiers this statement may stand on; empty when the client may not make it."""
        if kind not in PERMISSIVE and kind != EventKind.UNRESTRICT:
            return LEDGER_SCOPES
        if kind in PERMISSIVE and purpose == ANY_PURPOSE:
            return frozenset()
        if occurred_at > now + self.rules.max_clock_skew_seconds * 1000:
            return frozenset()
        if self.rules.purposes is not None and purpose not in self.rules.purposes:
            return frozenset()
        return self.rules.grants_for & LEDGER_SCOPES
