"""`gateway notice`: what people are shown when they are asked."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from gateway.entrypoints.cli.output import json_option, write_json, write_pairs, write_table
from gateway.entrypoints.cli.session import acting, opened, tenant_option
from gateway.flows.context import Role
from gateway.flows.notices import NoticeInput, end_notice, list_notices, register_notice
from gateway.kernel.clock import format_instant, parse_instant

_DAY = click.DateTime(["%Y-%m-%d"])


@click.group("notice", short_help="What people are shown when they are asked for a consent.")
def notice() -> None:
    """The register of notices: a consent counts only for one that was in force when it was given."""


@notice.command("add")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@tenant_option
@click.option("--name", required=True, help="How consents name it, such as web-banner.")
@click.option("--version", required=True, help="Of this text, such as 2026-11.")
@click.option("--language", "languages", multiple=True, required=True, help="Of the text, such as de; may be repeated.")
@click.option("--purpose", "purposes", multiple=True, required=True, help="It asks for; may be repeated.")
@click.option("--from", "start", type=_DAY, required=True, help="First day it is shown, in UTC.")
@click.option("--to", "end", type=_DAY, help="First day it is shown no more.")
@json_option
def add(  # noqa: PLR0917 - click passes options by name
    file: Path,
    tenant: str,
    name: str,
    version: str,
    languages: tuple[str, ...],
    purposes: tuple[str, ...],
    start: datetime,
    end: datetime | None,
    *,
    as_json: bool,
) -> None:
    """Register the text in FILE as a version of a notice.

    The version before it ends where this one begins.
    """
    gateway = opened()
    text = file.read_text(encoding="utf-8")
    stated = NoticeInput(
        name, version, languages, purposes, text, _moment(start), None if end is None else _moment(end)
    )
    digest = register_notice(gateway, acting(gateway, tenant, Role.ADMIN), stated)
    shown = {"notice": f"{name}@{version}", "digest": digest}
    write_json(shown) if as_json else write_pairs(shown.items())


@notice.command("list")
@tenant_option
@json_option
def list_all(tenant: str, *, as_json: bool) -> None:
    """All versions of all notices."""
    gateway = opened()
    rows = [
        {
            "notice": row.notice,
            "version": row.version,
            "languages": row.languages.split(),
            "purposes": row.purposes.split(),
            "digest": row.digest,
            "in_force_from": format_instant(row.in_force_from),
            "in_force_to": None if row.in_force_to is None else format_instant(row.in_force_to),
        }
        for row in list_notices(gateway, acting(gateway, tenant, Role.ADMIN))
    ]
    if as_json:
        write_json({"notices": rows})
        return
    if not rows:
        click.echo("No notice is registered, so no consent counts yet: `gateway notice add FILE` registers one.")
        return
    columns = ("notice", "version", "languages", "purposes", "in_force_from", "in_force_to")
    write_table(columns, [[_cell(row[name]) for name in columns] for row in rows])


@notice.command("end")
@click.argument("name")
@click.argument("version")
@tenant_option
@click.option("--on", "day", type=_DAY, required=True, help="First day it is shown no more, in UTC.")
def end(name: str, version: str, tenant: str, day: datetime) -> None:
    """VERSION of the notice NAME is shown no more from a day on.

    Consents that were given for it before stay.
    """
    gateway = opened()
    end_notice(gateway, acting(gateway, tenant, Role.ADMIN), name, version, _moment(day))
    click.echo("Ended.")


def _moment(day: datetime) -> int:
    return parse_instant(f"{day:%Y-%m-%d}T00:00:00Z")


def _cell(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value or "")
