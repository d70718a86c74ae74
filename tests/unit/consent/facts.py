"""Ledger facts as short as a test wants them, under the shipped policies."""

from __future__ import annotations

import itertools

from gateway.consent.ledger import LedgerView, under
from gateway.consent.model import ANY_PURPOSE, EventKind, Fact
from gateway.kernel.clock import DAY
from gateway.policy.loader import load
from gateway.settings import Settings

POLICIES = load(Settings.from_environment({}).policies)
NOW = 1_795_500_000_000  # 2026-11-24
PURPOSE = "identity_resolution"
GDPR, UK, CCPA = ("gdpr",), ("uk_gdpr",), ("ccpa",)
GERMANY = ("gdpr", "eprivacy")

_POSITIONS = itertools.count()


def fact(
    identifier: int,
    kind: EventKind,
    *,
    days_ago: float = 1,
    purpose: str = PURPOSE,
    expires_at: int | None = None,
    basis: str = "consent",
    verified: bool = True,
    site: str = "",
) -> Fact:
    """One event on one identifier; each stands behind the last in the log."""
    occurred_at = NOW - int(days_ago * DAY)
    position = next(_POSITIONS)
    return Fact(identifier, purpose, kind, occurred_at, position, expires_at, basis, verified, derived=False, site=site)


def grant(identifier: int, *, days_ago: float = 1, expires_at: int | None = None, verified: bool = True) -> Fact:
    """A consent to the matching purpose."""
    return fact(identifier, EventKind.GRANT, days_ago=days_ago, expires_at=expires_at, verified=verified)


def minor(identifier: int, age: int, *, until: int) -> Fact:
    """The person is under this age (years) until this moment."""
    return fact(identifier, EventKind.MINOR, days_ago=9, purpose=ANY_PURPOSE, basis=under(age), expires_at=until)


def ledger(*facts: Fact) -> LedgerView:
    """A ledger of these."""
    return LedgerView(facts)
