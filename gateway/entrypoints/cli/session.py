"""What commands share before they call a flow: the gateway, the tenant, and as whom the operator acts."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import click

from gateway import wiring
from gateway.flows import admin
from gateway.flows.context import Caller, Gateway, Role
from gateway.kernel.errors import InvalidInput, Unavailable
from gateway.settings import Settings

tenant_option = click.option("--tenant", required=True, metavar="NAME", help="Name of the tenant.")

_OPERATOR_CHANNEL: Final = "system"


def opened(*, current: bool = True) -> Gateway:
    """The gateway of this environment, let go of when the command ends.

    Raises Unavailable with what to do when it was not set up or, where `current` is asked for, is behind.
    """
    settings = Settings.from_environment()
    gateway = wiring.build(settings)
    click.get_current_context().call_on_close(gateway.storage.engine.dispose)
    if current and not wiring.is_current(settings):
        raise Unavailable("the database does not fit this program: run `gateway db upgrade`")
    return gateway


def acting(
    gateway: Gateway, tenant: str, role: Role, *, channel: str = _OPERATOR_CHANNEL, public: bool = False
) -> Caller:
    """The operator in a role of the tenant; `public` as a client of a class whose identifiers are not verified.

    Notes in the log that this policy set is in force, if another was. Raises NotFound for an unknown tenant.
    """
    tenant_id = admin.find_tenant(gateway, tenant)
    admin.activate_policies(gateway, tenant_id)
    caller = admin.system_caller(gateway, tenant_id, role, channel)
    return replace(caller, client_class=class_of(gateway, public=True)) if public else caller


def class_of(gateway: Gateway, *, public: bool) -> str:
    """The policy's first class of clients whose keys anybody can read, or of those whose keys are secret.

    Raises InvalidInput where it has none.
    """
    classes = gateway.policies.classes
    for name in sorted(classes):
        if classes[name].verified != public:
            return name
    kind = "public" if public else "trusted"
    raise InvalidInput(f"the policy has no class for {kind} clients", field="--public", rule="unknown_class")
