"""What another policy set would change is counted before it is put in force, and nothing is written."""

from __future__ import annotations

from dataclasses import replace

from gateway.flows.admin import system_caller
from gateway.flows.context import Role
from gateway.flows.simulate import Simulated, simulate
from gateway.policy.model import ConsentRule, PolicySet
from tests.simulator import NOW, TenantSimulator, grant


def changed(policies: PolicySet, regime: str, purpose: str, **rule: object) -> PolicySet:
    """The set with another rule for one purpose."""
    law = policies.regimes[regime]
    rules: tuple[ConsentRule, ...] = tuple(replace(one, **rule) for one in law.consent[purpose])  # type: ignore[arg-type]  # fields of a rule
    return replace(
        policies, regimes={**policies.regimes, regime: replace(law, consent={**law.consent, purpose: rules})}
    )


def simulated(tenant: TenantSimulator, new: PolicySet) -> Simulated:
    caller = system_caller(tenant.gateway, tenant.tenant_id, Role.DPO)
    return simulate(tenant.gateway, caller, tenant.gateway.policies, new)


def filled(tenant: TenantSimulator) -> None:
    """Two people in Germany, one of whom agreed to personalization; one in California."""
    both = [grant(), grant("personalization")]
    tenant.send("store", tenant.record("a", "email:anna", "phone:1", consents=both))
    tenant.send("store", tenant.record("b", "email:ben", "phone:2"))
    tenant.send("store", tenant.record("c", "email:cal", "phone:3", "maid:m", jurisdiction="US-CA", consents=[]))


def test_the_same_set_changes_nothing(simulator: TenantSimulator) -> None:
    filled(simulator)
    assert simulated(simulator, simulator.gateway.policies) == Simulated(3, {})
    assert simulated(simulator, replace(simulator.gateway.policies)).records == 3


def test_an_empty_store(simulator: TenantSimulator) -> None:
    assert simulated(simulator, simulator.gateway.policies) == Simulated(0, {})


def test_whom_a_stricter_rule_would_lose(simulator: TenantSimulator) -> None:
    filled(simulator)
    new = changed(simulator.gateway.policies, "gdpr", "personalization", legal_bases=frozenset())
    (key, moved), *others = simulated(simulator, new).moves.items()
    assert (key, moved.subjects, moved.records, moved.links, others) == (("personalization", "narrowed"), 1, 1, 2, [])


def test_whom_a_laxer_rule_would_let_in(simulator: TenantSimulator) -> None:
    filled(simulator)
    new = changed(simulator.gateway.policies, "gdpr", "personalization", default="allow")
    (key, moved), *others = simulated(simulator, new).moves.items()
    assert (key, moved.subjects, moved.links, others) == (("personalization", "widened"), 1, 2, [])


def test_a_profile_of_several_records_is_one_subject(simulator: TenantSimulator) -> None:
    filled(simulator)
    simulator.send("store", simulator.record("a2", "email:anna", "loyalty_id:l"))
    new = changed(simulator.gateway.policies, "gdpr", "identity_resolution", effective_from=NOW + 1)
    moved = simulated(simulator, new).moves["identity_resolution", "narrowed"]
    assert (moved.subjects, moved.records, moved.links) == (2, 3, 6)


def test_nothing_is_written(simulator: TenantSimulator) -> None:
    filled(simulator)
    with simulator.reading() as unit:
        before = unit.log.head().size
    simulated(simulator, changed(simulator.gateway.policies, "gdpr", "identity_resolution", legal_bases=frozenset()))
    with simulator.reading() as unit:
        assert unit.log.head().size == before
    assert len(simulator.partition()) == 3
