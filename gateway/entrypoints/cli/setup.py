"""`gateway init`, `gateway db`."""

from __future__ import annotations

import click

from gateway import wiring
from gateway.entrypoints.cli.exits import ExitCode
from gateway.entrypoints.cli.output import json_option, note, write_json
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
