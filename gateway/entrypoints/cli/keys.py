"""`gateway keys`: what tokens stand on, and how to rotate the key under them."""

from __future__ import annotations

from dataclasses import asdict

import click

from gateway.entrypoints.cli.exits import ExitCode
from gateway.entrypoints.cli.output import json_option, note, progress, write_json, write_table
from gateway.entrypoints.cli.session import opened, tenant_option
from gateway.flows import admin, audit, rotate_keys
from gateway.flows.context import Gateway
from gateway.kernel.errors import Unavailable


@click.group("keys")
def keys() -> None:
    """The keys of the tenants: their state and their rotation."""


@keys.command("status", short_help="Which keys open, and what stands on each version.")
@json_option
def status(*, as_json: bool) -> ExitCode:
    """Whether each tenant's keys open, in which service, and how many rows stand on each chain of versions.

    Shows the verifier key of its log too, which the operator publishes. Exits with 1 when some do not open.
    """
    gateway = opened()
    rows = [_row(gateway, tenant_id, name) for tenant_id, name in admin.list_tenants(gateway)]
    if as_json:
        write_json({"service": gateway.keys.service, "tenants": rows})
    else:
        click.echo(f"key service: {gateway.keys.service}")
        write_table(
            ("tenant", "keys", "verifier key of its log"),
            [(row["tenant"], row["keys"], row["log_verifier_key"]) for row in rows],
        )
        chains = [(row["tenant"], *chain.values()) for row in rows for chain in _chains(row)]
        write_table(("tenant", "chain", "rows", "tombstones", "in requests"), chains)
    return ExitCode.OK if all(row["keys"] == "open" for row in rows) else ExitCode.FINDINGS


@keys.command("rotate", short_help="Add a version and move identifiers to it.")
@tenant_option
@click.option("--later", is_flag=True, help="Only make the new version; the hourly job wraps what older ones keyed.")
@click.option("--rows-per-second", type=click.IntRange(1), help="Wrap no faster, so that others are served meanwhile.")
@json_option
def rotate(tenant: str, *, later: bool, rows_per_second: int | None, as_json: bool) -> None:
    """Add a version to the tenant's match key and move its identifiers to it.

    No raw value is needed and ingest goes on, though it waits for seconds now and then unless --rows-per-second is
    given. What was interrupted goes on when it is repeated, or by the job. To end the life of the old version:
    `keys status`, then `keys retire` and `keys destroy`.
    """
    gateway = opened()
    tenant_id = admin.find_tenant(gateway, tenant)
    before = rotate_keys.key_status(gateway, tenant_id)
    version = before.newest if before.unfinished else rotate_keys.rotate(gateway, tenant_id)
    wrapped = 0
    if not later:
        total = sum(chain.rows for chain in before.chains)
        with progress("rows", total) as steps:
            wrapped = rotate_keys.rekey(gateway, tenant_id, per_second=rows_per_second, told=steps.advance)
    after = [asdict(chain) for chain in rotate_keys.key_status(gateway, tenant_id).chains]
    if as_json:
        write_json({"tenant": tenant, "version": version, "wrapped": wrapped, "chains": after})
        return
    note(f"Version {version} keys what is new. {wrapped} rows were wrapped by it.")
    write_table(("chain", "rows", "tombstones", "in requests"), [tuple(chain.values()) for chain in after])


@keys.command("retire")
@tenant_option
@click.option("--chain", required=True, metavar="NAME", help="As `keys status` shows it: 1, or 1-2.")
def retire(tenant: str, chain: str) -> None:
    """Look a chain of versions up no more. Refused while an identifier, a tombstone or a request stands on it."""
    gateway = opened()
    rotate_keys.retire(gateway, admin.find_tenant(gateway, tenant), chain)
    note(f"Chain {chain} is looked up no more.")


@keys.command("destroy")
@tenant_option
@click.option("--version", required=True, type=click.IntRange(1), help="A version of the match key.")
@click.option("--yes", is_flag=True, help="Do it. Without it, only what is at stake is shown.")
def destroy(tenant: str, version: int, *, yes: bool) -> None:
    """Destroy a version of the tenant's match key. Refused while a chain in use contains it. It cannot be undone.

    Backups made while it was in use can be restored, but nobody in them is recognized: wait until they have expired.
    """
    gateway = opened()
    tenant_id = admin.find_tenant(gateway, tenant)
    rotate_keys.destroy_version(gateway, tenant_id, version, dry_run=not yes)
    if yes:
        note(f"Version {version} is destroyed.")
    else:
        days = gateway.policies.retention.backups_days
        note(f"No chain needs version {version}; backups of the last {days} days may. Repeat with --yes to destroy it.")


def _row(gateway: Gateway, tenant_id: int, name: str) -> dict[str, object]:
    try:
        found = rotate_keys.key_status(gateway, tenant_id)
        verifier = audit.verifier_key(gateway, tenant_id)
    except Unavailable as error:
        return {"tenant": name, "keys": str(error), "log_verifier_key": "", "versions": [], "chains": []}
    return {
        "tenant": name,
        "keys": "open",
        "log_verifier_key": verifier,
        "versions": list(found.versions),
        "chains": [asdict(chain) for chain in found.chains],
    }


def _chains(row: dict[str, object]) -> list[dict[str, object]]:
    chains = row["chains"]
    return chains if isinstance(chains, list) else []
