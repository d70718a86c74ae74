"""Who may state what: restrictive events anybody, grants only within the client's class and never ahead of time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.consent.authority import LEDGER_SCOPES, Authority, widens
from gateway.consent.model import ANY_PURPOSE, PERMISSIVE, RESTRICTIVE, EventKind
from gateway.kernel.clock import DAY, SECOND
from tests.unit.consent.facts import NOW, POLICIES, PURPOSE

TRUSTED, PUBLIC = Authority(POLICIES.classes["trusted"]), Authority(POLICIES.classes["public"])
WIDENING = sorted(PERMISSIVE | {EventKind.UNRESTRICT})
CODES = (*sorted(POLICIES.regimes_by_jurisdiction), "ZZ", None)


@pytest.mark.parametrize("kind", WIDENING)
def test_a_public_client_speaks_for_devices_alone_and_lifts_nothing(kind: EventKind) -> None:
    assert PUBLIC.scopes_for(kind, PURPOSE, NOW, NOW) == ({"device"} if kind in PERMISSIVE else set())
    assert TRUSTED.scopes_for(kind, PURPOSE, NOW, NOW) == {"person", "device"}


@pytest.mark.parametrize("kind", sorted(RESTRICTIVE))
@pytest.mark.parametrize("authority", [TRUSTED, PUBLIC])
@pytest.mark.parametrize("purpose", [PURPOSE, ANY_PURPOSE])
def test_a_restriction_is_taken_from_anyone_about_everything(
    kind: EventKind, authority: Authority, purpose: str
) -> None:
    nothing: frozenset[str] = frozenset()
    rules = replace(authority.rules, purposes=nothing, event_kinds=nothing, legal_bases=nothing, grants_for=nothing)
    assert Authority(rules).scopes_for(kind, purpose, NOW + DAY, NOW, "parental_consent") == LEDGER_SCOPES


@pytest.mark.parametrize("kind", WIDENING)
def test_nobody_grants_ahead_of_time(kind: EventKind) -> None:
    skew = TRUSTED.rules.max_clock_skew_seconds * SECOND
    assert TRUSTED.scopes_for(kind, PURPOSE, NOW + skew, NOW)
    assert not TRUSTED.scopes_for(kind, PURPOSE, NOW + skew + 1, NOW)


@pytest.mark.parametrize("kind", sorted(PERMISSIVE))
def test_nobody_grants_everything_at_once(kind: EventKind) -> None:
    assert not TRUSTED.scopes_for(kind, ANY_PURPOSE, NOW, NOW)


def test_a_restriction_of_everything_may_be_lifted_at_once() -> None:
    assert TRUSTED.scopes_for(EventKind.UNRESTRICT, ANY_PURPOSE, NOW, NOW) == LEDGER_SCOPES


def test_purposes_of_the_class() -> None:
    bound = Authority(replace(TRUSTED.rules, purposes=frozenset({"analytics"})))
    assert bound.scopes_for(EventKind.GRANT, "analytics", NOW, NOW)
    assert not bound.scopes_for(EventKind.GRANT, PURPOSE, NOW, NOW)


def test_kinds_of_events_of_the_class() -> None:
    bound = Authority(replace(TRUSTED.rules, event_kinds=frozenset({"opt_in"})))
    assert bound.scopes_for(EventKind.OPT_IN, PURPOSE, NOW, NOW)
    assert not bound.scopes_for(EventKind.GRANT, PURPOSE, NOW, NOW)
    assert not bound.scopes_for(EventKind.UNRESTRICT, PURPOSE, NOW, NOW)


@pytest.mark.parametrize("kind", sorted(PERMISSIVE))
def test_legal_bases_of_the_class(kind: EventKind) -> None:
    """Nobody in a browser says that a parent agreed, or that there is a contract."""
    assert PUBLIC.scopes_for(kind, PURPOSE, NOW, NOW, "consent")
    for basis in ("parental_consent", "explicit_consent", "contract", "legitimate_interest"):
        assert not PUBLIC.scopes_for(kind, PURPOSE, NOW, NOW, basis)
        assert TRUSTED.scopes_for(kind, PURPOSE, NOW, NOW, basis)


@pytest.mark.parametrize("kind", sorted(EventKind))
def test_what_can_widen(kind: EventKind) -> None:
    assert widens(kind) == (kind in WIDENING)


def test_what_a_household_shares_speaks_for_nobody() -> None:
    generous = Authority(replace(TRUSTED.rules, grants_for=frozenset({"person", "device", "household"})))
    assert "household" not in generous.scopes_for(EventKind.GRANT, PURPOSE, NOW, NOW)


@pytest.mark.parametrize("code", CODES)
def test_a_jurisdiction_that_the_client_may_not_state_takes_the_strictest_regime(code: str | None) -> None:
    bound = Authority(replace(TRUSTED.rules, jurisdictions=frozenset({"US-CA"})))
    wanted = ("ccpa",) if code == "US-CA" else POLICIES.strictest
    assert POLICIES.regimes_for(bound.jurisdiction(code)) == wanted


def test_an_unknown_jurisdiction_takes_the_strictest_regime() -> None:
    """No law's own: the strictest answer of each, and consent to reading devices."""
    assert POLICIES.regimes_for(TRUSTED.jurisdiction("ZZ")) == ("default", "eprivacy")
    assert POLICIES.regimes_for(TRUSTED.jurisdiction(None)) == ("default", "eprivacy")
    assert set(POLICIES.regimes_for(PUBLIC.jurisdiction("GB"))) == {"uk_gdpr", "eprivacy"}
