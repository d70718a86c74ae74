"""`gateway identifiers expire`: what is older than its kind is kept goes; the job `expire` does the same by itself."""

from __future__ import annotations

import click

from gateway.entrypoints.cli.output import json_option, note, progress, write_json, write_table
from gateway.entrypoints.cli.session import acting, opened, tenant_option
from gateway.flows import expire as flow
from gateway.flows.context import Role


@click.command("expire", short_help="Let identifiers go whose time is over.")
@tenant_option
@click.option("--dry-run", is_flag=True, help="Count them, and change nothing.")
@json_option
def expire(tenant: str, *, dry_run: bool, as_json: bool) -> None:
    """Let identifiers go that are older than retention_days of their kind, and their links with them.

    Profiles that they alone held together part. What restricts somebody stays, and binds the identifier when it comes
    back. The scheduler does this every day. Interrupted, it goes on when it is called again.
    """
    gateway = opened()
    caller = acting(gateway, tenant, Role.DPO)
    with progress("identifiers") as steps:
        gone = flow.expire(gateway, caller, dry_run=dry_run, looked_at=steps.advance)
    if as_json:
        write_json({"dry_run": dry_run, "identifiers": gone.identifiers, "counts": gone.counts})
        return
    write_table(("kind", "identifiers"), gone.identifiers.items())
    write_table(("what went with them", "count"), [(name.replace("_", " "), one) for name, one in gone.counts.items()])
    if dry_run:
        note("Nothing was changed.")
