"""What a signal says is not lost because something else stood there when it came."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from gateway.flows.admin import set_tcf_vendor
from gateway.flows.steps.journal import JournaledAct
from gateway.kernel.clock import DAY, HOUR
from tests.flows.test_signals import AGREED, ANALYTICS, REFUSED, visit
from tests.rights_simulator import asked
from tests.simulator import NOW, TenantSimulator
from tests.spoken import VENDOR, WHOLE_DAY, said, tc_text

SALE = "sale"


@pytest.fixture
def vendor(simulator: TenantSimulator) -> TenantSimulator:
    """A tenant that is a vendor of the TCF."""
    set_tcf_vendor(simulator.gateway, simulator.tenant_id, VENDOR)
    return simulator


def test_a_string_is_heard_anew_under_laws_that_give_it_an_effect(vendor: TenantSimulator) -> None:
    unheard = replace(visit(vendor, "r1", tcf=REFUSED), jurisdiction="US-CA", consents=())
    vendor.send("web", unheard)
    assert vendor.ledger("cookie:c", ANALYTICS) == "", "no rule of California names it"
    vendor.send("web", replace(unheard, record_id="r2", jurisdiction="DE"))
    assert vendor.ledger("cookie:c", ANALYTICS) == "deny"


def test_a_consent_given_again_lasts_longer(vendor: TenantSimulator) -> None:
    days = [WHOLE_DAY - age * DAY for age in (800, 1)]
    old, new = (said(1, 7, 8, 9, 10, created_at=day, last_updated_at=day) for day in days)
    for place, decoded in enumerate((old, new)):
        vendor.send("web", visit(vendor, f"r{place}", tcf=tc_text(decoded)))
        permitted = asked(vendor, "web", "cookie:c", purpose=ANALYTICS).permitted
        assert permitted == (decoded is new)


def test_and_once_the_tenant_is_a_vendor(simulator: TenantSimulator) -> None:
    simulator.send("web", visit(simulator, "r1", tcf=REFUSED))
    set_tcf_vendor(simulator.gateway, simulator.tenant_id, VENDOR)
    simulator.send("web", visit(simulator, "r2", tcf=REFUSED))
    assert simulator.ledger("cookie:c", ANALYTICS) == "deny"


@pytest.mark.parametrize("purpose", [SALE, "*"])
def test_gpc_during_a_restriction_of_processing_stands_when_that_is_lifted(
    simulator: TenantSimulator, purpose: str
) -> None:
    simulator.state("store", "restrict", "cookie:c", purpose=purpose, at=NOW - 3 * HOUR)
    for place in range(2):
        signal = visit(simulator, f"r{place}", at=NOW - 2 * HOUR + place)
        simulator.send("web", replace(signal, jurisdiction="US-CA", consents=(), gpc=True))
    written = simulator.counted("ledger")
    simulator.state("store", "unrestrict", "cookie:c", purpose=SALE, at=NOW - HOUR)
    assert simulator.ledger("cookie:c", SALE) == "opt_out"
    assert simulator.counted("ledger") == written + 1
    assert written == 1 + 1 + 4, "the restriction, that a signal came, and an opt-out for each purpose once"


def test_a_no_counts_where_a_permission_had_ended(vendor: TenantSimulator) -> None:
    vendor.state("store", "grant", "cookie:c", purpose=ANALYTICS, at=NOW - 2 * DAY)
    vendor.state("store", "expire", "cookie:c", purpose=ANALYTICS, at=NOW - DAY)
    vendor.send("web", visit(vendor, "r1", tcf=REFUSED))
    assert vendor.ledger("cookie:c", ANALYTICS) == "deny"


def test_a_no_everywhere_counts_behind_a_no_at_one_site(vendor: TenantSimulator) -> None:
    vendor.state("store", "grant", "cookie:c", purpose=ANALYTICS, at=NOW - 9 * DAY)
    vendor.send("web", visit(vendor, "r1", at=NOW - 2 * HOUR, tcf=tc_text(said(is_service_specific=True))))
    assert vendor.ledger("cookie:c", ANALYTICS) == "grant"
    vendor.send("web", visit(vendor, "r2", tcf=REFUSED))
    assert vendor.ledger("cookie:c", ANALYTICS) == "deny"


def test_a_yes_everywhere_counts_behind_a_yes_at_one_site(vendor: TenantSimulator) -> None:
    own = tc_text(said(1, 7, 8, 9, 10, is_service_specific=True))
    vendor.send("web", visit(vendor, "r1", at=NOW - 2 * HOUR, tcf=own))
    vendor.send("web", visit(vendor, "r2", tcf=AGREED))
    assert vendor.ledger("cookie:c", ANALYTICS) == "grant"


def test_gpc_in_the_records_of_one_graph_binds_the_profile_of_the_other(simulator: TenantSimulator) -> None:
    both = replace(
        simulator.record("r1", "email:anna", "cookie:c", jurisdiction="US-CA", consents=[]), purpose="fraud_prevention"
    )
    simulator.send("store", both)
    assert simulator.partition("fraud_prevention") == {frozenset({"email:anna", "cookie:c"})}
    simulator.send("web", simulator.record("r2", "cookie:c", jurisdiction="US-CA", consents=[], gpc=True))
    assert simulator.ledger("email:anna", SALE) == "opt_out"


def test_an_opt_out_of_a_purpose_that_the_policy_dropped_is_inherited(simulator: TenantSimulator) -> None:
    simulator.send("store", simulator.record("r1", "email:anna", "cookie:c", jurisdiction="US-CA", consents=[]))
    simulator.state("store", "opt_out", "email:anna", purpose=SALE)
    shipped = simulator.gateway
    purposes = {name: rule for name, rule in shipped.policies.purposes.items() if name != SALE}
    simulator.gateway = replace(shipped, policies=replace(shipped.policies, purposes=purposes))
    simulator.send("store", simulator.record("r2", "cookie:c", "phone:1", jurisdiction="US-CA", consents=[]))
    simulator.gateway = shipped
    assert simulator.ledger("phone:1", SALE) == "opt_out"


def test_a_site_limit_is_in_the_journal(vendor: TenantSimulator) -> None:
    vendor.send("web", visit(vendor, "r1", tcf=tc_text(said(is_service_specific=True))))
    entries = [
        cast("list[JournaledAct]", each["acts"]) for _, each in vendor.gateway.journal.entries(vendor.tenant_id, 0)
    ]
    acts = [act for several in entries for act in several]
    assert {act["site"] for act in acts if act["kind"] == "deny"} == {"web"}
