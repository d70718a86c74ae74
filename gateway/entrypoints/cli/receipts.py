"""`gateway consent receipt` and `gateway consent verify`: signed records of a person's consents (ISO/IEC TS 27560)."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.consent.verify27560 import verify_record
from gateway.entrypoints.cli.output import json_option, note, write_json
from gateway.entrypoints.cli.rights import write_private
from gateway.entrypoints.cli.session import acting, opened, tenant_option
from gateway.entrypoints.cli.subjects import read_subject
from gateway.entrypoints.wire.consents import parse_receipt_request
from gateway.flows.consent_receipt import consent_receipt
from gateway.flows.context import Role
from gateway.flows.messages import Problem
from gateway.kernel.errors import InvalidInput


@click.command("receipt")
@tenant_option
@click.option("--purpose", help="Make a receipt for this purpose; a record of all where it is left out.")
@click.option(
    "--identifiers",
    "source",
    type=click.Path(path_type=Path, allow_dash=True),
    default="-",
    help="File with the person's identifiers, one a line: KIND VALUE, or a JSON object; else standard input.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to make; it must not exist. Else it is printed.",
)
def receipt(tenant: str, purpose: str | None, source: Path, out: Path | None) -> None:
    """Make a signed record of a person's consents.

    After ISO/IEC TS 27560, of what the ledger says of exactly the identifiers read; it holds none of them.
    Keep it byte for byte: `gateway consent verify` checks it so. That it was made is an entry of the log.
    """
    gateway = opened()
    wanted = {"identifiers": read_subject(source), **({} if purpose is None else {"purpose": purpose})}
    asked = parse_receipt_request(wanted)
    if isinstance(asked, Problem):
        raise InvalidInput(asked.message, field=asked.field, rule=asked.rule)
    document = consent_receipt(gateway, acting(gateway, tenant, Role.DPO), asked) + b"\n"
    if out is None:
        click.echo(document, nl=False)
    else:
        write_private(out, document)
        note(f"{len(document)} bytes in {out}; check it with `gateway consent verify {out} --key VKEY`.")


@click.command("verify")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--key", required=True, metavar="VKEY", help="Verifier key the operator published.")
@json_option
def verify(file: Path, key: str, *, as_json: bool) -> None:
    """Check a signed record or receipt.

    From FILE and the verifier key alone: it needs no gateway, no database and no network. Exits with 1 and says
    what does not verify.
    """
    found = verify_record(file.read_bytes(), key)
    if as_json:
        write_json(found)
    else:
        whose = f"{found.record_type} {found.record_id} of {found.origin}"
        click.echo(f"verified: {whose}, {found.events} events on {', '.join(found.purposes) or 'no purpose'}")
