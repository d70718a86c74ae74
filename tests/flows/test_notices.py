"""The register of notices: who adds to it, how versions follow each other, and that no consent counts without one."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest

from gateway.audit.entries import EntryKind, parse_leaf
from gateway.flows.admin import system_caller
from gateway.flows.context import Caller, Role
from gateway.flows.ingest import ingest
from gateway.flows.messages import RecordResult
from gateway.flows.notices import NoticeInput, end_notice, list_notices, register_notice
from gateway.kernel.clock import DAY
from gateway.kernel.errors import Conflict, InvalidInput, NotFound, NotPermitted
from tests.simulator import MATCHING, NOW, TenantSimulator, grant

START = NOW - 10 * DAY
BANNER = NoticeInput("banner", "1", ("de", "pt-BR"), (MATCHING, "analytics"), "May we recognize you?", START)


def officer(tenant: TenantSimulator, role: Role = Role.DPO) -> Caller:
    return system_caller(tenant.gateway, tenant.tenant_id, role)


def add(tenant: TenantSimulator, notice: NoticeInput) -> str:
    return register_notice(tenant.gateway, officer(tenant), notice)


def told(tenant: TenantSimulator, notice: str, *, at: int = NOW - DAY, purpose: str = MATCHING) -> RecordResult:
    """Send somebody's consent that names this notice."""
    said = replace(grant(purpose, at=at), notice=notice)
    record = tenant.record("r1", "email:anna", consents=[said])
    (result,) = ingest(tenant.gateway, tenant.callers["store"], [record])
    return result


def entries(tenant: TenantSimulator, kind: EntryKind) -> list[dict[str, str | int]]:
    """The facts of the log's entries of this kind."""
    with tenant.reading() as unit:
        leaves = [parse_leaf(data) for _, data in unit.log.entries(0, unit.log.head().size)]
    return [dict(leaf.facts) for leaf in leaves if leaf.kind == kind]


def test_a_consent_counts_for_a_notice_in_force_alone(simulator: TenantSimulator) -> None:
    add(simulator, BANNER)
    assert told(simulator, "banner").outcome == "created"
    with simulator.reading() as unit:
        ((notice,),) = unit.session.rows("SELECT notice FROM ledger WHERE tenant_id = ?", [simulator.tenant_id])
    assert notice == "banner@1"


@pytest.mark.parametrize(
    ("notice", "at", "purpose"),
    [
        ("", NOW - DAY, MATCHING),
        ("poster", NOW - DAY, MATCHING),
        ("banner@2", NOW - DAY, MATCHING),
        ("banner", START - 1, MATCHING),
        ("banner", NOW - DAY, "sale"),
    ],
    ids=["none", "unknown", "unknown version", "before it was shown", "another purpose"],
)
def test_without_one_it_is_an_attempt_that_the_log_keeps(
    simulator: TenantSimulator, notice: str, at: int, purpose: str
) -> None:
    add(simulator, BANNER)
    result = told(simulator, notice, at=at, purpose=purpose)
    assert result.outcome == "refused"
    assert result.problem is not None
    assert (result.problem.field, result.problem.rule) == ("consents[0]", "notice_not_in_force")
    assert simulator.counted("ledger") == 0
    assert entries(simulator, EntryKind.CONSENT_REFUSED) == [{"event": "grant", "purpose": purpose, "attempts": 1}]


def test_a_restriction_needs_none(simulator: TenantSimulator) -> None:
    simulator.state("store", "object", "email:anna")
    assert simulator.ledger("email:anna") == "object"


def test_the_next_version_takes_its_place(simulator: TenantSimulator) -> None:
    add(simulator, BANNER)
    add(simulator, replace(BANNER, version="2", in_force_from=NOW - 5 * DAY))
    assert told(simulator, "banner@1").outcome == "refused"
    assert told(simulator, "banner@1", at=NOW - 6 * DAY).outcome == "created"
    shown = [row for row in list_notices(simulator.gateway, officer(simulator)) if row.notice == "banner"]
    assert [(row.version, row.in_force_to) for row in shown] == [("1", NOW - 5 * DAY), ("2", None)]
    with pytest.raises(Conflict):
        add(simulator, replace(BANNER, version="3", in_force_from=NOW - 5 * DAY))
    with pytest.raises(Conflict):
        add(simulator, replace(BANNER, version="2", in_force_from=NOW))


def test_one_that_is_ended_is_shown_to_nobody(simulator: TenantSimulator) -> None:
    add(simulator, BANNER)
    assert told(simulator, "banner", at=NOW - 2 * DAY).outcome == "created"
    end_notice(simulator.gateway, officer(simulator), "banner", "1", NOW - DAY)
    assert told(simulator, "banner", at=NOW - 2 * DAY).outcome == "duplicate", "what was given before stays"
    again = replace(grant(at=NOW), notice="banner")
    (result,) = ingest(
        simulator.gateway, simulator.callers["store"], [simulator.record("r2", "email:bob", consents=[again])]
    )
    assert result.outcome == "refused"
    for version in ("1", "2"):
        with pytest.raises(NotFound):
            end_notice(simulator.gateway, officer(simulator), "banner", version, NOW)


def test_the_log_has_its_digest(simulator: TenantSimulator) -> None:
    digest = add(simulator, BANNER)
    assert digest == f"sha256:{sha256(BANNER.text.encode()).hexdigest()}"
    end_notice(simulator.gateway, officer(simulator), "banner", "1", NOW)
    assert entries(simulator, EntryKind.NOTICE_REGISTERED)[-1]["digest"] == digest
    assert entries(simulator, EntryKind.NOTICE_ENDED) == [{"notice": "banner", "version": "1", "to": "2026-11-24"}]


def test_channels_register_nothing(simulator: TenantSimulator) -> None:
    for caller in (simulator.callers["store"], officer(simulator, Role.REVIEWER)):
        with pytest.raises(NotPermitted):
            register_notice(simulator.gateway, caller, BANNER)
        with pytest.raises(NotPermitted):
            end_notice(simulator.gateway, caller, "banner", "1", NOW)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "Banner!"}, "name"),
        ({"version": "1@2"}, "version"),
        ({"languages": ()}, "languages"),
        ({"languages": ("German",)}, "languages"),
        ({"purposes": ()}, "purposes"),
        ({"purposes": ("world_peace",)}, "purposes"),
        ({"text": " "}, "text"),
        ({"text": "x" * 100_001}, "text"),
        ({"in_force_to": START}, "in_force_to"),
    ],
)
def test_what_breaks_a_rule(simulator: TenantSimulator, changes: dict[str, object], field: str) -> None:
    before = len(list_notices(simulator.gateway, officer(simulator)))
    with pytest.raises(InvalidInput) as refused:
        add(simulator, replace(BANNER, **changes))  # type: ignore[arg-type]  # fields by name
    assert refused.value.field == field
    assert len(list_notices(simulator.gateway, officer(simulator))) == before
