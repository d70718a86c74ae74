"""`gateway tenant` and `gateway client`."""

from __future__ import annotations

import click

from gateway.entrypoints.cli.output import json_option, note, write_json, write_pairs, write_table
from gateway.entrypoints.cli.session import class_of, opened, tenant_option
from gateway.flows import admin
from gateway.flows.context import Role
from gateway.kernel.clock import format_instant
from gateway.kernel.errors import NotFound
from gateway.kernel.ids import decode, encode


@click.group("tenant", short_help="Organizations, each apart from the others.")
def tenant() -> None:
    """Tenants: organizations whose people, keys and logs are kept apart."""


@tenant.command("create")
@click.argument("name")
@click.option(
    "--macs-in-service",
    is_flag=True,
    help="Its match keys never leave the key service (not the file), which makes each MAC.",
)
@click.option("--tcf-vendor", type=click.IntRange(1, 65535), help="Its id on the TCF's Global Vendor List.")
@json_option
def create_tenant(name: str, *, macs_in_service: bool, tcf_vendor: int | None, as_json: bool) -> None:
    """Make the tenant NAME, with its keys and its log.

    NAME is made of a-z, 0-9 and hyphens.
    """
    gateway = opened()
    tenant_id = admin.create_tenant(gateway, name, macs_in_service=macs_in_service)
    if tcf_vendor is not None:
        admin.set_tcf_vendor(gateway, tenant_id, tcf_vendor)
    if as_json:
        write_json({"tenant": name, "id": tenant_id})
    else:
        click.echo(f"Tenant {name} is ready.")


@tenant.command("vendor", short_help="State its id on the TCF's list of vendors.")
@click.argument("name")
@click.argument("vendor", type=click.IntRange(0, 65535))
def set_vendor(name: str, vendor: int) -> None:
    """State the id of the tenant NAME on the TCF's Global Vendor List; 0 for none.

    TC strings permit purposes to this vendor alone, and nothing to a tenant that is none.
    """
    gateway = opened()
    admin.set_tcf_vendor(gateway, admin.find_tenant(gateway, name), vendor or None)
    click.echo("Stated.")


@tenant.command("list")
@json_option
def list_tenants(*, as_json: bool) -> None:
    """All tenants."""
    rows = admin.list_tenants(opened())
    if as_json:
        write_json({"tenants": [{"id": one, "tenant": name} for one, name in rows]})
    else:
        write_table(("tenant", "id"), [(name, one) for one, name in rows])


@tenant.command("delete")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do it. Without it, only what would be destroyed is shown.")
@json_option
def delete_tenant(name: str, *, yes: bool, as_json: bool) -> None:
    """Destroy the tenant NAME: keys, journal and every row. It cannot be undone.

    Shows first what would go; --yes does it.
    """
    gateway = opened()
    figures = admin.delete_tenant(gateway, admin.find_tenant(gateway, name), dry_run=not yes)
    if as_json:
        write_json({"tenant": name, "deleted": yes, "figures": figures})
        return
    write_table(("what", "count"), [(what, count) for what, count in figures.items() if count])
    note(f"Tenant {name} is destroyed." if yes else "Nothing was changed: repeat with --yes to destroy all of this.")


@click.group("client", short_help="Who may call the API, in which role.")
def client() -> None:
    """Clients: who may call the API, in which role."""


@client.command("create")
@tenant_option
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True)
@click.option("--name", default="", help="For people; the channel or role where it is left out.")
@click.option("--channel", default="", help="Slug of the channel it speaks for; the role channel needs one.")
@click.option("--public", is_flag=True, help="Its key stands in a browser or app, so it may assert little.")
@click.option("--class", "client_class", default="", help="Class of policies/clients.yaml, instead of --public or not.")
@click.option("--recipient", default="", help="Who it is in policies/recipients.yaml, if others than the controller.")
@click.option(
    "--outcomes/--no-outcomes",
    default=None,
    help="Whether it is told linked, created, refused and so on; by default yes, unless it is public.",
)
@json_option
def create_client(
    tenant: str,
    role: str,
    name: str,
    channel: str,
    *,
    public: bool,
    client_class: str,
    recipient: str,
    outcomes: bool | None,
    as_json: bool,
) -> None:
    """Make a client and print its API key, which is not shown again."""
    gateway = opened()
    row, api_key = admin.create_client(
        gateway,
        admin.find_tenant(gateway, tenant),
        name=name or channel or role,
        role=Role(role),
        channel=channel,
        client_class=client_class or class_of(gateway, public=public),
        outcomes=not public if outcomes is None else outcomes,
        recipient=recipient,
    )
    shown = {"client": encode("cli", row.client_id), "name": row.name, "role": row.role, "api_key": api_key}
    if as_json:
        write_json(shown)
    else:
        write_pairs(shown.items())
        note("Keep the API key now: it is not shown again.")


@client.command("list")
@tenant_option
@json_option
def list_clients(tenant: str, *, as_json: bool) -> None:
    """The clients of a tenant, revoked ones too."""
    gateway = opened()
    rows = [
        {
            "client": encode("cli", row.client_id),
            "name": row.name,
            "role": row.role,
            "channel": row.channel,
            "class": row.client_class,
            "recipient": row.recipient,
            "outcomes": row.outcomes,
            "created_at": format_instant(row.created_at),
            "revoked_at": None if row.revoked_at is None else format_instant(row.revoked_at),
        }
        for row in admin.list_clients(gateway, admin.find_tenant(gateway, tenant))
    ]
    if as_json:
        write_json({"clients": rows})
        return
    columns = ("client", "name", "role", "channel", "class", "recipient", "outcomes", "revoked_at")
    write_table(columns, [[str(row[name] or "") for name in columns] for row in rows])


@client.command("revoke")
@click.argument("client_id", metavar="CLIENT")
@tenant_option
def revoke_client(client_id: str, tenant: str) -> None:
    """Revoke the API key of CLIENT (an id of `gateway client list`)."""
    gateway = opened()
    try:
        number = decode("cli", client_id)
    except ValueError:
        raise NotFound("there is no such client: `gateway client list` shows their ids") from None
    admin.revoke_client(gateway, admin.find_tenant(gateway, tenant), number)
    click.echo("Revoked.")
