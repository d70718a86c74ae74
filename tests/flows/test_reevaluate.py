"""What time or a new policy takes the basis from leaves the partition by a job, and goes for good after a grace."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.audit.entries import EntryKind, parse_leaf
from gateway.flows.admin import activate_policies, system_caller
from gateway.flows.context import Role
from gateway.flows.forget_unpermitted import Forgotten, forget_unpermitted
from gateway.flows.messages import ConsentAssertion
from gateway.flows.reevaluate import Reevaluated, reevaluate
from gateway.kernel.clock import DAY, parse_instant
from tests.simulator import MATCHING, NOW, TenantSimulator, grant


def due(tenant: TenantSimulator, *, dry_run: bool = False) -> Reevaluated:
    return reevaluate(tenant.gateway, system_caller(tenant.gateway, tenant.tenant_id, Role.DPO), dry_run=dry_run)


def forgotten(tenant: TenantSimulator, *, dry_run: bool = False) -> Forgotten:
    caller = system_caller(tenant.gateway, tenant.tenant_id, Role.DPO)
    return forget_unpermitted(tenant.gateway, caller, dry_run=dry_run)


def forbidding(tenant: TenantSimulator) -> None:
    """Another policy set comes into force, under which no consent counts in the European Union."""
    policies = tenant.gateway.policies
    law = policies.regimes["gdpr"]
    strict = {
        name: tuple(replace(one, legal_bases=frozenset()) for one in rules) for name, rules in law.consent.items()
    }
    regimes = {**policies.regimes, "gdpr": replace(law, consent=strict)}
    changed = replace(policies, regimes=regimes, digest="sha256:" + "0" * 64)
    tenant.gateway = replace(tenant.gateway, policies=changed)
    activate_policies(tenant.gateway, tenant.tenant_id)


def test_nothing_is_due_while_nothing_ends(simulator: TenantSimulator) -> None:
    simulator.send("store", simulator.record("r", "email:anna", "phone:1"))
    assert due(simulator) == Reevaluated(0, {})


def test_a_consent_that_ends_takes_its_links_along(simulator: TenantSimulator) -> None:
    simulator.send("store", simulator.record("r", "email:anna", "phone:1"))
    simulator.send("store", simulator.record("s", "phone:2", "email:ben", consents=[grant(at=NOW - 729 * DAY)]))
    simulator.clock.advance(2 * DAY)
    assert due(simulator, dry_run=True) == Reevaluated(1, {"consent_expired": 1})
    assert len(simulator.partition()) == 2, "a dry run changes nothing"
    assert due(simulator) == Reevaluated(1, {"consent_expired": 1})
    assert simulator.partition() == {frozenset({"email:anna", "phone:1"})}
    assert due(simulator) == Reevaluated(0, {})


def test_a_renewed_consent_keeps_them(simulator: TenantSimulator) -> None:
    simulator.send("store", simulator.record("r", "email:anna", "phone:1", consents=[grant(at=NOW - 729 * DAY)]))
    simulator.state("store", "grant", "email:anna")
    simulator.clock.advance(2 * DAY)
    assert due(simulator) == Reevaluated(1, {})
    assert simulator.partition() == {frozenset({"email:anna", "phone:1"})}
    simulator.clock.advance(729 * DAY)
    assert due(simulator).retracted == {"consent_expired": 1}


def test_another_policy_decides_everything_again(simulator: TenantSimulator) -> None:
    simulator.send("store", simulator.record("r", "email:anna", "phone:1"))
    simulator.send("store", simulator.record("s", "email:cal", "phone:2", jurisdiction="US-CA", consents=[]))
    forbidding(simulator)
    assert due(simulator) == Reevaluated(2, {"no_consent": 1})
    assert simulator.partition() == {frozenset({"email:cal", "phone:2"})}


def test_a_birthday_closes_what_a_parent_had_opened(simulator: TenantSimulator) -> None:
    parents = replace(grant(), legal_basis="parental_consent")
    child = simulator.record("r", "email:kid", "phone:1", consents=[parents])
    child = replace(child, attributes={"date_of_birth": "2012-01-01"})
    assert simulator.outcomes("store", child) == ["created"]
    simulator.clock.advance(parse_instant("2027-12-31T23:00:00Z") - NOW)
    assert due(simulator) == Reevaluated(0, {})
    simulator.clock.advance(DAY)
    assert due(simulator) == Reevaluated(1, {"no_consent": 1})
    assert simulator.partition() == set()
    simulator.state("store", "grant", "email:kid")
    assert simulator.partition() == set(), "granting restores nothing by itself"
    later = simulator.record("s", "email:kid", "phone:1", at=simulator.clock.now(), consents=[])
    assert simulator.outcomes("store", later) == ["created"]


def test_the_log_says_why(simulator: TenantSimulator) -> None:
    simulator.send("store", simulator.record("r", "email:anna", "phone:1"))
    forbidding(simulator)
    with simulator.reading() as unit:
        size = unit.log.head().size
    due(simulator)
    with simulator.reading() as unit:
        leaves = [parse_leaf(leaf) for _, leaf in unit.log.entries(size, size + 9)]
    assert [(leaf.kind, leaf.rule) for leaf in leaves] == [
        (EntryKind.PROFILE_SPLIT, "consent.reevaluate"),
        (EntryKind.RECORDS_REVIEWED, "consent.reevaluate"),
    ]
    assert leaves[-1].facts == {"records": 1, "no_consent": 1}


class TestForgetting:
    def test_a_withdrawn_record_goes_after_the_grace(self, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("r", "email:anna", "phone:1"))
        simulator.state("store", "withdraw", "email:anna")
        assert forgotten(simulator) == Forgotten(0, 0, 0)
        simulator.clock.advance(31 * DAY)
        assert forgotten(simulator, dry_run=True) == Forgotten(1, 1, 0)
        assert simulator.counted("record") == 1
        found = forgotten(simulator)
        assert (found.records, simulator.counted("record"), simulator.counted("link")) == (1, 0, 0)
        assert simulator.ledger("email:anna") == "withdraw", "it goes on binding"
        assert simulator.outcomes("store", simulator.record("r", "email:anna", "phone:1")) == ["refused"]

    def test_what_another_purpose_permits_stays(self, simulator: TenantSimulator) -> None:
        support = ConsentAssertion("grant", "customer_support", NOW - DAY)
        simulator.send("store", simulator.record("r", "email:anna", "phone:1", consents=[grant(), support]))
        simulator.state("store", "withdraw", "email:anna", purpose=MATCHING)
        simulator.clock.advance(31 * DAY)
        assert forgotten(simulator) == Forgotten(1, 0, 0)

    @pytest.mark.parametrize("days", [30, 400])
    def test_what_is_in_force_stays(self, simulator: TenantSimulator, days: int) -> None:
        simulator.send("store", simulator.record("r", "email:anna", "phone:1"))
        simulator.clock.advance(days * DAY)
        assert forgotten(simulator) == Forgotten(0, 0, 0)

    def test_whoever_is_shared_speaks_for_nobody(self, simulator: TenantSimulator) -> None:
        support = ConsentAssertion("grant", "customer_support", NOW - DAY)
        simulator.send("store", simulator.record("r", "email:anna", "phone:1", consents=[grant(), support]))
        for one in range(6):
            simulator.send("store", simulator.record(f"s{one}", f"email:other{one}", "phone:1"))
        simulator.state("store", "deny", "phone:1", purpose="*")
        simulator.state("store", "withdraw", "email:anna", purpose=MATCHING)
        simulator.clock.advance(31 * DAY)
        assert forgotten(simulator).records == 0, "the word on a shared phone is not hers"
