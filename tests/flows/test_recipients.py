"""A recipient is shown profiles for the purposes of its row in recipients.yaml and for no others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.flows.admin import create_client
from gateway.flows.context import Caller, Role
from gateway.flows.requests import ResolveRequest
from gateway.flows.resolve import resolve
from gateway.kernel.errors import InvalidInput, NotPermitted
from gateway.policy.model import Recipient
from tests.simulator import MATCHING, TenantSimulator, grant, raw

MAIL_HOUSE = Recipient("mail_house", "processor", "DE", "DPA 14", "none needed", frozenset({"personalization"}))


@pytest.fixture
def house(simulator: TenantSimulator) -> Caller:
    """The client of a mail house in a tenant that has Anna, who agreed to be recognized and to personalization."""
    policies = replace(simulator.gateway.policies, recipients={MAIL_HOUSE.name: MAIL_HOUSE})
    simulator.gateway = replace(simulator.gateway, policies=policies)
    row, _ = create_client(
        simulator.gateway,
        simulator.tenant_id,
        name="house",
        role=Role.CHANNEL,
        channel="store",
        client_class="trusted",
        outcomes=True,
        recipient=MAIL_HOUSE.name,
    )
    agreed = [grant(), grant("personalization")]
    simulator.send("store", simulator.record("r", "email:anna", "phone:1", consents=agreed))
    caller = simulator.callers["store"]
    return replace(caller, client_id=row.client_id, name=row.name, recipient=row.recipient)


def test_for_its_purposes(simulator: TenantSimulator, house: Caller) -> None:
    view = resolve(simulator.gateway, house, ResolveRequest((raw("email:anna"),), "personalization", "DE"))
    assert {one.kind for one in view.identifiers} == {"email", "phone"}


def test_for_no_others_whatever_the_person_permits(simulator: TenantSimulator, house: Caller) -> None:
    asked = ResolveRequest((raw("email:anna"),), MATCHING, "DE")
    assert resolve(simulator.gateway, replace(house, recipient=""), asked).identifiers
    for recipient in (house.recipient, "gone"):
        with pytest.raises(NotPermitted):
            resolve(simulator.gateway, replace(house, recipient=recipient), asked)


def test_one_without_a_contract_gets_no_client(simulator: TenantSimulator) -> None:
    with pytest.raises(InvalidInput):
        create_client(
            simulator.gateway,
            simulator.tenant_id,
            name="x",
            role=Role.CHANNEL,
            channel="x",
            client_class="trusted",
            outcomes=True,
            recipient="unknown",
        )
