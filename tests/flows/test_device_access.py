"""Reading a device needs its own consent in the EEA and the United Kingdom, under the policies as shipped."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.flows.admin import set_tcf_vendor
from gateway.policy.loader import load
from gateway.policy.model import DEVICE_ACCESS
from gateway.settings import Settings
from tests.rights_simulator import asked, look_up
from tests.simulator import SimulatedGateway, TenantSimulator, grant
from tests.spoken import VENDOR, said, tc_text

BOTH = (grant(), grant(DEVICE_ACCESS))


@pytest.fixture
def shop(site: SimulatedGateway) -> TenantSimulator:
    """A tenant under everything that the shipped policies say."""
    tenant = site.tenant()
    tenant.gateway = replace(tenant.gateway, policies=load(Settings.from_environment({}).policies))
    return tenant


@pytest.mark.parametrize("jurisdiction", ["DE", "NO", "GB", None])
def test_a_cookie_without_it_is_not_read(shop: TenantSimulator, jurisdiction: str | None) -> None:
    record = shop.record("r1", "email:anna", "cookie:c", jurisdiction=jurisdiction)
    (result,) = shop.send("store", record)
    assert result.decision is not None
    assert (result.outcome, result.decision.reason) == ("refused", "no_device_access")
    assert shop.partition() == set()
    again = shop.record("r2", "email:anna", "cookie:c", jurisdiction=jurisdiction, consents=BOTH)
    assert shop.outcomes("store", again) == ["created"]


def test_what_was_not_read_from_a_device_needs_none(shop: TenantSimulator) -> None:
    assert shop.outcomes("store", shop.record("r1", "email:anna", "phone:1")) == ["created"]
    vin = shop.record("r2", "email:anna", "vin:WVWZZZ1JZXW000001")
    assert shop.outcomes("store", vin) == ["linked"]


@pytest.mark.parametrize("jurisdiction", ["US-CA", "US-TX"])
def test_elsewhere_nobody_asks(shop: TenantSimulator, jurisdiction: str) -> None:
    record = shop.record("r1", "email:anna", "cookie:c", jurisdiction=jurisdiction, consents=())
    assert shop.outcomes("store", record) == ["created"]


def test_it_may_come_before_and_from_the_device_itself(shop: TenantSimulator) -> None:
    shop.state("web", "grant", "cookie:c", purpose=DEVICE_ACCESS)
    assert shop.outcomes("store", shop.record("r1", "email:anna", "cookie:c")) == ["created"]
    assert shop.ledger("email:anna", DEVICE_ACCESS) == ""


def test_a_tc_string_may_say_it(shop: TenantSimulator) -> None:
    set_tcf_vendor(shop.gateway, shop.tenant_id, VENDOR)
    record = shop.record("r1", "email:anna", "cookie:c")
    assert shop.outcomes("store", replace(record, tcf=tc_text(said(1)))) == ["created"]
    other = shop.record("r2", "email:bob", "cookie:d")
    assert shop.outcomes("store", replace(other, tcf=tc_text(said(2)))) == ["refused"]


def test_withdrawn_it_takes_back_what_was_read(shop: TenantSimulator) -> None:
    shop.send("store", shop.record("r1", "email:anna", "phone:1"))
    shop.send("store", shop.record("r2", "email:anna", "cookie:c", consents=BOTH))
    assert shop.partition() == {frozenset({"email:anna", "phone:1", "cookie:c"})}
    shop.state("web", "withdraw", "cookie:c", purpose=DEVICE_ACCESS)
    assert shop.partition() == {frozenset({"email:anna", "phone:1"})}
    assert shop.outcomes("store", shop.record("r3", "email:anna", "cookie:c", consents=())) == ["refused"]
    assert shop.outcomes("store", shop.record("r4", "email:anna", "phone:2", consents=())) == ["linked"]
    asked_for = asked(shop, "store", "cookie:c")
    assert (asked_for.permitted, asked_for.reason) == (False, "withdrawn")


def test_a_profile_is_shown_without_what_may_not_be_read(shop: TenantSimulator) -> None:
    shop.send("store", shop.record("r1", "email:anna", "phone:1", "cookie:c", consents=BOTH))
    view = look_up(shop, "store", "email:anna")
    assert sorted(one.kind for one in view.identifiers) == ["cookie", "email", "phone"]
