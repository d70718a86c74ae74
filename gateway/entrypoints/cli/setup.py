"""`gateway init`, `gateway db`, `gateway keys`."""

from __future__ import annotations

import click

from gateway import wiring
from gateway.entrypoints.cli.exits import ExitCode
from gateway.entrypoints.cli.output import json_option, note, write_json, write_table
from gateway.entrypoints.cli.session import opened
from gateway.flows import admin, audit
from gateway.kernel.errors import Unavailable
from gateway.settings import Settings


@click.command("init", short_help="Make home directory, root key and database.")
def init() -> None:
    """Make the home directory (GATEWAY_HOME), a root key and the database. Repeating it changes nothing.

    The root key is made where GATEWAY_KEY_SERVICE says: a file, a PKCS#11 token, or a Transit engine. One in AWS
    KMS is made beforehand, by whoever owns its policy.
    """
    settings = Settings.from_environment()
    notice = wiring.initialize(settings)
    wiring.build(settings)
    click.echo(f"The gateway is ready in {settings.home}")
    if notice:
        click.echo(notice)


@click.group("db")
def database() -> None:
    """The database's schema."""


@database.command("upgrade")
def upgrade() -> None:
    """Apply the migrations that are missing."""
    wiring.upgrade_database(Settings.from_environment())
    click.echo("The database fits this program.")


@database.command("check")
@json_option
def check(*, as_json: bool) -> ExitCode:
    """Compare the database with what this program needs.

    Exits with 1 when something differs.
    """
    findings = wiring.check_database(Settings.from_environment())
    if as_json:
        write_json({"findings": findings})
    else:
        click.echo("\n".join(findings) or "The database fits this program.")
    if findings:
        note("gateway: run `gateway db upgrade`; what it does not mend was changed by hand")
    return ExitCode.FINDINGS if findings else ExitCode.OK


@click.group("keys")
def keys() -> None:
    """The keys of the tenants."""


@keys.command("status")
@json_option
def status(*, as_json: bool) -> ExitCode:
    """Whether each tenant's keys open, and in which service.

    Shows the verifier key of its log too, which the operator publishes. Exits with 1 when some do not open.
    """
    gateway = opened()
    rows: list[dict[str, str]] = []
    for tenant_id, name in admin.list_tenants(gateway):
        try:
            rows.append({"tenant": name, "keys": "open", "log_verifier_key": audit.verifier_key(gateway, tenant_id)})
        except Unavailable as error:
            rows.append({"tenant": name, "keys": str(error), "log_verifier_key": ""})
    if as_json:
        write_json({"service": gateway.keys.service, "tenants": rows})
    else:
        click.echo(f"key service: {gateway.keys.service}")
        write_table(("tenant", "keys", "verifier key of its log"), [tuple(row.values()) for row in rows])
    return ExitCode.OK if all(row["keys"] == "open" for row in rows) else ExitCode.FINDINGS
