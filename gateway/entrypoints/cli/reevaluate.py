"""`gateway consent reevaluate` and `forget`: what the jobs of these names do, by hand and with a dry run first."""

from __future__ import annotations

import click

from gateway.entrypoints.cli.output import json_option, note, progress, write_json, write_table
from gateway.entrypoints.cli.session import acting, opened, tenant_option
from gateway.flows.context import Role
from gateway.flows.forget_unpermitted import forget_unpermitted
from gateway.flows.reevaluate import reevaluate as flow

_yes = click.option("--yes", is_flag=True, help="Do it. Without it, only what would be done is shown.")


@click.command("reevaluate", short_help="Decide again what time or a new policy may have changed.")
@tenant_option
@_yes
@json_option
def reevaluate(tenant: str, *, yes: bool, as_json: bool) -> None:
    """Decide again the records whose consent or rule has ended, whose person passed an age gate, or that another policy
    set permitted, and retract those that are refused now.

    The scheduler does this every hour. `gateway policies simulate` shows the same before a policy is put in force.
    """
    gateway = opened()
    caller = acting(gateway, tenant, Role.DPO)
    with progress("records") as steps:
        found = flow(gateway, caller, dry_run=not yes, looked_at=steps.advance)
    if as_json:
        write_json({"dry_run": not yes, "records": found.records, "retracted": found.retracted})
        return
    if not found.records:
        click.echo("Nothing is due.")
        return
    write_table(("refused because of", "records"), found.retracted.items())
    note(f"{found.records} records were decided again." + ("" if yes else " Nothing was changed: repeat with --yes."))


@click.command("forget", short_help="Delete what no purpose permits any more.")
@tenant_option
@_yes
@json_option
def forget(tenant: str, *, yes: bool, as_json: bool) -> None:
    """Delete retracted records that no purpose permits, once unpermitted_grace_days of the policy are over.

    What people said stays: it goes on binding their identifiers. The scheduler does this every day.
    """
    gateway = opened()
    caller = acting(gateway, tenant, Role.DPO)
    with progress("records") as steps:
        found = forget_unpermitted(gateway, caller, dry_run=not yes, looked_at=steps.advance)
    if as_json:
        write_json({"dry_run": not yes, "records": found.records, "identifiers": found.identifiers})
        return
    note(
        f"{found.records} records and {found.identifiers} identifiers are deleted."
        if yes
        else f"{found.records} records would be deleted. Nothing was changed: repeat with --yes."
    )
