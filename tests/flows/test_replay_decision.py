"""A decision of the past comes out the same when it is computed again; of what was erased its proof is left."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.flows.admin import activate_policies, system_caller
from gateway.flows.context import Role
from gateway.flows.messages import ConsentAssertion
from gateway.flows.replay_decision import Replayed, replay_decision
from gateway.kernel.clock import DAY
from gateway.kernel.errors import IntegrityError, NotFound
from tests.flows.rigs import erase, tamper
from tests.simulator import MATCHING, NOW, SimulatedGateway, TenantSimulator, grant

OPT_OUT = ConsentAssertion("opt_out", MATCHING, NOW - DAY)


def replayed(tenant: TenantSimulator, decision: str) -> Replayed:
    caller = system_caller(tenant.gateway, tenant.tenant_id, Role.DPO)
    return replay_decision(tenant.gateway, caller, decision)


def decided(tenant: TenantSimulator, *labels: str, **options: object) -> str:
    (result,) = tenant.send("store", tenant.record("r", *labels, **options))  # type: ignore[arg-type]  # by name
    assert result.decision is not None
    return result.decision.id


@pytest.mark.parametrize(
    ("consents", "jurisdiction", "permitted"),
    [
        ((grant(),), "DE", True),
        ((), "DE", False),
        ((), "US-CA", True),
        ((OPT_OUT,), "US-CA", False),
        ((grant(at=NOW - 800 * DAY),), "DE", False),
    ],
    ids=["granted", "silent", "allowed", "opted out", "expired"],
)
def test_the_same_answer(
    simulator: TenantSimulator, consents: tuple[ConsentAssertion, ...], jurisdiction: str, *, permitted: bool
) -> None:
    decision = decided(simulator, "email:anna", "phone:1", consents=consents, jurisdiction=jurisdiction)
    found = replayed(simulator, decision)
    assert (found.status, found.logged["permitted"]) == ("same", permitted)
    assert found.logged == found.computed


def test_what_happens_later_changes_nothing(simulator: TenantSimulator) -> None:
    decision = decided(simulator, "email:anna")
    simulator.state("store", "withdraw", "email:anna")
    simulator.clock.advance(900 * DAY)
    assert replayed(simulator, decision).status == "same"


def test_a_profile_that_refuses_is_decided_again(simulator: TenantSimulator) -> None:
    simulator.send("store", simulator.record("a", "email:anna", "phone:1"))
    simulator.state("store", "deny", "phone:1", at=NOW - 2 * DAY)
    decision = decided(simulator, "email:anna", consents=(grant(at=NOW - DAY),))
    assert replayed(simulator, decision).status == "same"


def test_under_the_policy_of_its_time(simulator: TenantSimulator) -> None:
    decision = decided(simulator, "email:anna")
    policies = simulator.gateway.policies
    law = policies.regimes["gdpr"]
    strict = {
        name: tuple(replace(rule, legal_bases=frozenset()) for rule in rules) for name, rules in law.consent.items()
    }
    regimes = {**policies.regimes, "gdpr": replace(law, consent=strict)}
    changed = replace(policies, regimes=regimes, digest="sha256:" + "0" * 64)
    simulator.gateway = replace(simulator.gateway, policies=changed)
    activate_policies(simulator.gateway, simulator.tenant_id)
    assert replayed(simulator, decision).status == "same"


@pytest.mark.parametrize("granted", [True, False])
def test_after_an_erasure_its_proof_is_left(simulator: TenantSimulator, *, granted: bool) -> None:
    consents = (grant(),) if granted else (ConsentAssertion("withdraw", MATCHING, NOW - DAY),)
    decision = decided(simulator, "email:anna", consents=consents)
    assert replayed(simulator, decision).status == "same"
    erase(simulator, "email:anna")
    found = replayed(simulator, decision)
    assert (found.status, found.logged, found.computed) == ("erased", {}, {})
    assert f"index {found.position}" in found.proof


def test_a_ledger_that_was_edited_is_told(sqlite_site: SimulatedGateway) -> None:
    tenant = sqlite_site.tenant()
    decision = decided(tenant, "email:anna")
    tamper(tenant.gateway, "UPDATE ledger SET kind = 'deny'")
    assert replayed(tenant, decision).status == "different"


def test_a_decision_that_was_edited_is_told(sqlite_site: SimulatedGateway) -> None:
    tenant = sqlite_site.tenant()
    decision = decided(tenant, "email:anna")
    tamper(tenant.gateway, "UPDATE decision SET disclosure = 'e30'")
    with pytest.raises(IntegrityError):
        replayed(tenant, decision)


def test_an_unknown_decision(simulator: TenantSimulator) -> None:
    for name in ("dec_0000000000000001.0", "dec_1", "anna"):
        with pytest.raises(NotFound):
            replayed(simulator, name)
