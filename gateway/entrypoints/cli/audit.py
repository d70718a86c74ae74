"""`gateway audit`: the tenant's log, and proofs that need neither the gateway nor trust in it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from zipfile import is_zipfile

import click

from gateway.audit.verify import Verification, verify_export, verify_proof
from gateway.entrypoints.cli.exits import ExitCode
from gateway.entrypoints.cli.output import json_option, note, write_json, write_pairs, write_table
from gateway.entrypoints.cli.session import acting, opened, tenant_option
from gateway.flows import admin
from gateway.flows import audit as flow
from gateway.flows.context import Role
from gateway.flows.fsck import fsck as check_store
from gateway.kernel.errors import InvalidInput

key_option = click.option(
    "--key", metavar="VKEY", help="Verifier key the operator published; see `gateway keys status`."
)


@click.group("audit", short_help="The log: checkpoints, exports, proofs, checks.")
def audit() -> None:
    """The log: checkpoints, exports, proofs, and the check of the store against it."""


@audit.command("checkpoint")
@tenant_option
@json_option
def checkpoint(tenant: str, *, as_json: bool) -> None:
    """Sign a checkpoint of the log as it is now and print the note."""
    gateway = opened()
    signed = flow.checkpoint(gateway, admin.find_tenant(gateway, tenant))
    if as_json:
        write_json({"checkpoint": signed})
    else:
        click.echo(signed, nl=False)


@audit.command("export")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@tenant_option
@click.option(
    "--openings", is_flag=True, help="Also what was not erased of the entries' content: personal data, handle as such."
)
@json_option
def export(directory: Path, tenant: str, *, openings: bool, as_json: bool) -> None:
    """Write the log up to now into DIRECTORY.

    Anybody can check the files with `gateway audit verify`.
    """
    gateway = opened()
    written = flow.export(gateway, admin.find_tenant(gateway, tenant), directory, openings=openings)
    if as_json:
        write_json(written)
    else:
        write_pairs(written.items())
        note(f"Check it with `gateway audit verify {directory} --key VKEY`.")


@audit.command("verify")
@click.argument("path", type=click.Path(path_type=Path))
@key_option
@click.option(
    "--leaf", type=click.Path(path_type=Path), help="Where PATH is a proof file: the entry it proves, byte for byte."
)
@json_option
def verify(path: Path, key: str | None, leaf: Path | None, *, as_json: bool) -> None:
    """Check an export (a directory) or a proof file.

    From PATH and the verifier key alone: it needs no gateway, no database and no network. Exits with 1 and
    names the first entry that does not verify.
    """
    if path.is_dir():
        _show(verify_export(path, key), as_json=as_json)
        return
    if is_zipfile(path):
        raise InvalidInput("unpack the archive and name its directory", field="PATH", rule="archive")
    if leaf is None or key is None:
        raise InvalidInput("a proof file needs --leaf and --key", field="PATH", rule="proof_needs_leaf_and_key")
    proven = verify_proof(path.read_bytes().decode(errors="replace"), leaf.read_bytes(), key)
    if as_json:
        write_json({"origin": proven.checkpoint.origin, "size": proven.checkpoint.size, "index": proven.index})
    else:
        click.echo(f"verified: entry {proven.index} of {proven.checkpoint.origin}, among {proven.checkpoint.size}")


def _show(found: Verification, *, as_json: bool) -> None:
    if as_json:
        write_json({**asdict(found), "kinds": dict(found.kinds), "remarks": found.remarks})
        return
    write_table(("kind of entry", "entries"), sorted(found.kinds.items()))
    write_pairs(
        [
            ("verified", f"{found.size} entries of {found.origin}"),
            ("root", found.root),
            ("opened", found.openings),
            ("erased or not disclosed", found.erased),
        ]
    )
    for remark in found.remarks:
        note(f"Note: {remark}")


@audit.command("proof")
@click.argument("index", type=click.IntRange(min=0))
@tenant_option
@click.option("--leaf", is_flag=True, help="Print the entry itself, which the proof is about, instead of the proof.")
def proof(index: int, tenant: str, *, leaf: bool) -> None:
    """Print the proof of entry INDEX.

    It is a proof file (c2sp.org/tlog-proof) under a checkpoint that holds the entry.
    """
    gateway = opened()
    caller = acting(gateway, tenant, Role.AUDITOR)
    if leaf:
        ((_, text),) = flow.entries(gateway, caller, index, index + 1)
        click.echo(text, nl=False)
    else:
        click.echo(flow.proof(gateway, caller.tenant_id, index), nl=False)


@audit.command("fsck")
@tenant_option
@json_option
def fsck(tenant: str, *, as_json: bool) -> ExitCode:
    """Check the live store against its log.

    Exits with 1 and says what differs. A log that is found edited freezes the tenant: merging and resolving
    stop until it was examined.
    """
    gateway = opened()
    report = check_store(gateway, admin.find_tenant(gateway, tenant))
    if as_json:
        write_json({"findings": list(report.findings), "checked": dict(report.checked), "edited": report.edited})
    else:
        write_table(("checked", "count"), sorted(report.checked.items()))
        write_table(
            ("finding", "what it means", "times"),
            [(one.rule, one.detail, one.count) for one in report.findings],
            "Findings",
        )
    if report.edited:
        note("gateway: the log was found edited: merging and resolving are stopped for this tenant")
    return ExitCode.FINDINGS if report.findings else ExitCode.OK
