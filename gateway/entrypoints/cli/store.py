"""`gateway backup` and `gateway restore`: the store is copied away and comes back, and no erasure is undone by it."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.entrypoints.cli.output import json_option, note, write_json, write_pairs, write_table
from gateway.entrypoints.cli.session import opened
from gateway.flows import admin
from gateway.flows import backup as flow
from gateway.kernel.errors import InvalidInput
from gateway.settings import Settings


@click.group("backup", short_help="Copy the store away.")
def backup() -> None:
    """Copies of the store."""


@backup.command("create")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@json_option
def create(directory: Path, *, as_json: bool) -> None:
    """Copy the whole store into DIRECTORY.

    DIRECTORY is new or empty; the gateway goes on meanwhile.

    Keys and journal are not part of it: without the keys it says nothing, and the journal must outlive it. Keep
    copies of both elsewhere.
    """
    manifest = flow.create_backup(opened(), Settings.from_environment(), directory)
    if as_json:
        write_json(manifest)
        return
    names = ("file", "size", "sha256", "created_at", "expires_at")
    write_pairs((name.replace("_", " "), manifest[name]) for name in names)
    note(f"Not included: {manifest['not_included']}.")


@click.command("restore", short_help="Put a backup back, or replay the journal.")
@click.argument("directory", required=False, type=click.Path(path_type=Path, file_okay=False))
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--replace", is_flag=True, help="Overwrite a store that has tenants.")
@click.option(
    "--without-journal", is_flag=True, help="Go on though the journal is lost, and later erasures and opt-outs with it."
)
@click.option(
    "--checkpoint",
    "checkpoints",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A newer checkpoint kept elsewhere, for the log's new epoch to commit to.",
)
@click.option(
    "--replay", is_flag=True, help="Restore nothing; carry out what the journal holds and the store does not."
)
@json_option
def restore(
    directory: Path | None,
    *,
    dry_run: bool,
    replace: bool,
    without_journal: bool,
    checkpoints: tuple[Path, ...],
    replay: bool,
    as_json: bool,
) -> None:
    """Put the backup in DIRECTORY in the place of the store and replay the journal, or only replay it.

    Erasures and opt-outs that are later than the backup are carried out again before anything is served. Stop the
    gateway first.
    """
    if replay == (directory is not None):
        raise InvalidInput("name a directory, or give --replay", field="DIRECTORY", rule="directory_or_replay")
    if directory is None:
        _replay(as_json=as_json)
        return
    report = flow.restore_backup(
        opened(current=False),
        Settings.from_environment(),
        directory,
        dry_run=dry_run,
        replace=replace,
        without_journal=without_journal,
        checkpoints=[path.read_bytes().decode(errors="replace") for path in checkpoints],
    )
    if as_json:
        write_json(report)
        return
    rows = [(one.name, "yes" if one.keys else "no", one.acts, one.epoch) for one in report.tenants]
    write_table(("tenant", "keys", "acts of the journal", "epoch of the log"), rows)
    done = "would be restored: nothing was changed" if dry_run else "is restored"
    note(f"The backup of {report.created_at} {done}.")


def _replay(*, as_json: bool) -> None:
    gateway = opened()
    acts = {name: flow.replay_journal(gateway, tenant_id) for tenant_id, name in admin.list_tenants(gateway)}
    if as_json:
        write_json({"replayed": acts})
    else:
        write_table(("tenant", "acts carried out"), acts.items())
