"""`gateway policies simulate`: what another policy set would change, before it is put in force."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.entrypoints.cli.output import json_option, note, progress, write_json, write_table
from gateway.entrypoints.cli.session import acting, opened, tenant_option
from gateway.flows import simulate as flow
from gateway.flows.context import Role
from gateway.policy.loader import load

_directory = click.Path(path_type=Path, file_okay=False, exists=True)


@click.command("simulate", short_help="What another policy set would change.")
@click.argument("old", type=_directory)
@click.argument("new", type=_directory)
@tenant_option
@json_option
def simulate(old: Path, new: Path, tenant: str, *, as_json: bool) -> None:
    """Count, for each purpose, whom the set in NEW would permit less or more than the one in OLD.

    Over all records in force of a tenant, as its ledger stands. Writes nothing.
    """
    gateway = opened()
    before, after = load(old), load(new)
    with progress("records") as steps:
        found = flow.simulate(gateway, acting(gateway, tenant, Role.DPO), before, after, looked_at=steps.advance)
    rows = [
        {"purpose": purpose, "change": way, "subjects": moved.subjects, "records": moved.records, "links": moved.links}
        for (purpose, way), moved in found.moves.items()
    ]
    if as_json:
        write_json({"old": before.digest, "new": after.digest, "records": found.records, "changes": rows})
        return
    if rows:
        columns = ("purpose", "change", "subjects", "records", "links")
        write_table(columns, [[str(row[name]) for name in columns] for row in rows])
    else:
        click.echo("Nothing would change.")
    note(f"{found.records} records were decided under both sets; nothing was written.")
