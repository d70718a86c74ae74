"""An import widens nobody without a second person, and only as far as was approved."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest

from gateway.audit.entries import EntryKind, parse_leaf
from gateway.flows.admin import create_client, system_caller
from gateway.flows.context import Caller, Role
from gateway.flows.import_consent import Import, approve_import, propose_import, run_import
from gateway.flows.messages import ConsentAssertion
from gateway.flows.requests import ConsentEventInput
from gateway.kernel.clock import DAY
from gateway.kernel.errors import Conflict, NotFound, NotPermitted
from tests.notices import shown
from tests.simulator import MATCHING, NOW, TenantSimulator, raw


def wanted(*events: tuple[str, str]) -> Import:
    """An import of (kind, label)."""
    made = [
        ConsentEventInput((raw(label),), shown(ConsentAssertion(kind, MATCHING, NOW - DAY)), "DE")
        for kind, label in events
    ]
    return Import(made, sha256(repr(events).encode()).digest())


def operator(tenant: TenantSimulator) -> Caller:
    return system_caller(tenant.gateway, tenant.tenant_id, Role.CHANNEL, "import")


def officer(tenant: TenantSimulator, role: Role = Role.DPO) -> Caller:
    row, _ = create_client(
        tenant.gateway, tenant.tenant_id, name="o", role=role, channel="", client_class="trusted", outcomes=True
    )
    return Caller(tenant.tenant_id, row.client_id, "o", role, "", "trusted", outcomes=True)


def ran(tenant: TenantSimulator, what: Import, approved: str = "") -> list[str]:
    batches = run_import(tenant.gateway, operator(tenant), what, approved=approved)
    return [result.outcome for batch in batches for result in batch]


def test_what_widens_nobody_is_run_at_once(simulator: TenantSimulator) -> None:
    simulator.send("store", simulator.record("r", "email:anna", "phone:1"))
    assert ran(simulator, wanted(("withdraw", "email:anna"))) == ["recorded"]
    assert simulator.partition() == set()


def test_what_widens_waits_for_a_second_person(simulator: TenantSimulator) -> None:
    simulator.labels.add("email:anna")
    what = wanted(("grant", "email:anna"))
    with pytest.raises(NotPermitted):
        ran(simulator, what)
    proposal, preview = propose_import(simulator.gateway, operator(simulator), what)
    assert (preview.people, dict(preview.widened)) == (1, {MATCHING: 1})
    with pytest.raises(NotPermitted):
        ran(simulator, what, proposal)
    with pytest.raises(NotPermitted):
        approve_import(simulator.gateway, system_caller(simulator.gateway, simulator.tenant_id, Role.DPO), proposal)
    assert simulator.ledger("email:anna") == "", "nothing was recorded yet"
    assert approve_import(simulator.gateway, officer(simulator), proposal)["widened"] == {MATCHING: 1}
    assert ran(simulator, what, proposal) == ["recorded"]
    assert simulator.ledger("email:anna") == "grant"
    with simulator.reading() as unit:
        kinds = [parse_leaf(leaf).kind for _, leaf in unit.log.entries(0, unit.log.head().size)]
    kinds = [kind for kind in kinds if kind != EntryKind.CLIENT_CREATED]
    wanted_kinds = [
        EntryKind.IMPORT_PROPOSED,
        EntryKind.IMPORT_APPROVED,
        EntryKind.CONSENT_RECORDED,
        EntryKind.IMPORT_DONE,
    ]
    assert kinds[-4:] == wanted_kinds


def test_other_events_than_those_approved_are_refused(simulator: TenantSimulator) -> None:
    proposal, _ = propose_import(simulator.gateway, operator(simulator), wanted(("grant", "email:anna")))
    approve_import(simulator.gateway, officer(simulator), proposal)
    with pytest.raises(NotPermitted):
        ran(simulator, wanted(("grant", "email:ben")), proposal)


def test_more_than_was_approved_is_refused(simulator: TenantSimulator) -> None:
    simulator.state("store", "grant", "email:ben", at=NOW - 2 * DAY)
    what = wanted(("grant", "email:anna"), ("grant", "email:ben"))
    proposal, preview = propose_import(simulator.gateway, operator(simulator), what)
    assert dict(preview.widened) == {MATCHING: 1}
    approve_import(simulator.gateway, officer(simulator), proposal)
    simulator.state("store", "withdraw", "email:ben", at=NOW - DAY - 1)
    with pytest.raises(NotPermitted):
        ran(simulator, what, proposal)


def test_who_may_approve(simulator: TenantSimulator) -> None:
    proposal, _ = propose_import(simulator.gateway, operator(simulator), wanted(("grant", "email:anna")))
    with pytest.raises(NotPermitted):
        approve_import(simulator.gateway, officer(simulator, Role.AUDITOR), proposal)
    approve_import(simulator.gateway, officer(simulator, Role.ADMIN), proposal)
    with pytest.raises(Conflict):
        approve_import(simulator.gateway, officer(simulator), proposal)
    for name in ("imp_0000000000000001", "anna"):
        with pytest.raises(NotFound):
            approve_import(simulator.gateway, officer(simulator), name)
        with pytest.raises(NotFound):
            ran(simulator, wanted(("grant", "email:anna")), name)


def test_a_run_is_repeated_without_harm(simulator: TenantSimulator) -> None:
    what = wanted(("grant", "email:anna"))
    proposal, _ = propose_import(simulator.gateway, operator(simulator), what)
    approve_import(simulator.gateway, officer(simulator), proposal)
    assert ran(simulator, what, proposal) == ["recorded"]
    assert ran(simulator, what, proposal) == ["known"]


def test_a_grant_widens_wherever_the_person_is_seen_next(simulator: TenantSimulator) -> None:
    """In California nobody need have agreed, in Germany this event would be the permission."""
    simulator.labels.add("email:anna")
    (event,) = wanted(("grant", "email:anna")).events
    assert isinstance(event, ConsentEventInput)
    for places in (["US-CA"], ["US-CA", "DE"]):
        several = [replace(event, jurisdiction=place) for place in places]
        with pytest.raises(NotPermitted):
            ran(simulator, Import(several, bytes(32)))
    assert simulator.ledger("email:anna") == ""
