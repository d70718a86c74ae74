"""`gateway rights`: privacy requests from submission to package and receipt.

    submit -> (verify) -> preflight -> approve -> run        any time: deny, extend, hold, release, cancel

Identifiers are read by `subjects`; a request is named by its id, which says nothing about the person.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import click

from gateway.entrypoints.cli.output import json_option, note, write_json, write_pairs, write_table
from gateway.entrypoints.cli.session import acting, opened, tenant_option
from gateway.entrypoints.cli.subjects import read_subject
from gateway.entrypoints.wire.rights import parse_rights
from gateway.entrypoints.wire.views import request_json
from gateway.flows import rights as flow
from gateway.flows.context import Role
from gateway.flows.messages import Problem
from gateway.flows.run_rights import run_approved
from gateway.flows.views import RequestView
from gateway.kernel.clock import day_of, format_instant
from gateway.kernel.errors import Conflict, InvalidInput
from gateway.kernel.ids import encode
from gateway.rights.model import Action, RequestKind, State
from gateway.rights.reasons import DENIALS, HOLD_REASONS
from gateway.rights.verification import METHODS

Command = TypeVar("Command", bound=Callable[..., object])

request_argument = click.argument("request_id", metavar="REQUEST")


def _one_of(option: str, words: Iterable[str], text: str, *, required: bool) -> Callable[[Command], Command]:
    """An option whose words stand in its help, where they wrap."""
    choice = click.Choice(list(words))
    shown = f"{text}: {', '.join(choice.choices)}."
    return click.option(option, type=choice, metavar=option[2:].upper(), help=shown, required=required)


@click.group("rights", short_help="Privacy requests: access, erasure and more.")
def rights() -> None:
    """Privacy requests: access, erasure, portability, opt_out, objection, restriction."""


@rights.command("submit")
@click.argument("kind", metavar="KIND", type=click.Choice([kind.value for kind in RequestKind]))
@tenant_option
@click.option("--jurisdiction", required=True, help="ISO 3166 code, such as DE or US-CA.")
@_one_of("--proof", sorted(METHODS), "How the person proved to be it", required=False)
@click.option("--purpose", "purposes", multiple=True, help="Purpose it is about; all where none is named.")
@click.option("--received-at", help="When it arrived, RFC 3339 with an offset; now where it is left out.")
@click.option("--reference", default="", help="Never an identifier. The same reference gives the same request again.")
@click.option(
    "--identifiers",
    "source",
    type=click.Path(path_type=Path, allow_dash=True),
    default="-",
    help="File with the person's identifiers, one a line: KIND VALUE, or a JSON object; else standard input.",
)
@json_option
def submit(
    kind: str,
    tenant: str,
    *,
    jurisdiction: str,
    proof: str | None,
    purposes: tuple[str, ...],
    received_at: str | None,
    reference: str,
    source: Path,
    as_json: bool,
) -> None:
    """Submit a request of KIND for a person.

    KIND is access, erasure, portability, opt_out, objection or restriction.

    Their identifiers are read from --identifiers or standard input; they are never arguments, which other users
    of the machine can read.
    """
    gateway = opened()
    given = {
        "request": kind,
        "jurisdiction": jurisdiction,
        "proof": proof,
        "purposes": list(purposes) or None,
        "received_at": received_at,
    }
    wire = {name: value for name, value in given.items() if value is not None}
    submission = parse_rights({**wire, "identifiers": read_subject(source)}, gateway.clock.now())
    if isinstance(submission, Problem):
        raise InvalidInput(submission.message, field=submission.field, rule=submission.rule)
    show_view(flow.submit(gateway, acting(gateway, tenant, Role.DPO), submission, reference), as_json=as_json)


def _act(
    tenant: str,
    request_id: str,
    action: Action,
    *,
    as_json: bool,
    proof: str = "",
    reason: str = "",
    include_untrusted: bool = False,
) -> None:
    gateway = opened()
    caller = acting(gateway, tenant, Role.DPO)
    view = flow.act(gateway, caller, request_id, action, proof=proof, reason=reason, include_hanging=include_untrusted)
    show_view(view, as_json=as_json)


@rights.command("verify")
@request_argument
@tenant_option
@_one_of("--proof", sorted(METHODS), "How the person proved to be it", required=True)
@json_option
def verify(request_id: str, tenant: str, proof: str, *, as_json: bool) -> None:
    """Note how the person proved to be it."""
    _act(tenant, request_id, Action.VERIFY, as_json=as_json, proof=proof)


@rights.command("preflight")
@request_argument
@tenant_option
@json_option
def preflight(request_id: str, tenant: str, *, as_json: bool) -> None:
    """Find out what the run will do, without doing it."""
    _act(tenant, request_id, Action.PREFLIGHT, as_json=as_json)


@rights.command("approve")
@request_argument
@tenant_option
@click.option(
    "--include-untrusted", is_flag=True, help="Also what hangs on links that no trusted client made; see the preflight."
)
@json_option
def approve(request_id: str, tenant: str, *, include_untrusted: bool, as_json: bool) -> None:
    """Let the request be run.

    The scheduler does it, or `gateway rights run`.
    """
    _act(tenant, request_id, Action.APPROVE, as_json=as_json, include_untrusted=include_untrusted)


@rights.command("deny")
@request_argument
@tenant_option
@_one_of("--reason", DENIALS, "Why", required=True)
@json_option
def deny(request_id: str, tenant: str, reason: str, *, as_json: bool) -> None:
    """Deny the request."""
    _act(tenant, request_id, Action.DENY, as_json=as_json, reason=reason)


@rights.command("hold")
@request_argument
@tenant_option
@_one_of("--reason", HOLD_REASONS, "Why", required=True)
@json_option
def hold(request_id: str, tenant: str, reason: str, *, as_json: bool) -> None:
    """Put the request on hold."""
    _act(tenant, request_id, Action.HOLD, as_json=as_json, reason=reason)


@rights.command("release")
@request_argument
@tenant_option
@json_option
def release(request_id: str, tenant: str, *, as_json: bool) -> None:
    """End the hold; the request goes on where it was."""
    _act(tenant, request_id, Action.RELEASE, as_json=as_json)


@rights.command("extend")
@request_argument
@tenant_option
@json_option
def extend(request_id: str, tenant: str, *, as_json: bool) -> None:
    """Take the extension that the regime grants, once."""
    _act(tenant, request_id, Action.EXTEND, as_json=as_json)


@rights.command("cancel")
@request_argument
@tenant_option
@json_option
def cancel(request_id: str, tenant: str, *, as_json: bool) -> None:
    """Take the request back."""
    _act(tenant, request_id, Action.CANCEL, as_json=as_json)


@rights.command("run")
@tenant_option
@json_option
def run(tenant: str, *, as_json: bool) -> None:
    """Run every approved request now.

    Also goes on with those that were interrupted.
    """
    gateway = opened()
    caller = acting(gateway, tenant, Role.DPO)
    ids = [encode("req", stored.request.id) for stored in run_approved(gateway, caller)]
    views = [flow.show(gateway, caller, one) for one in ids]
    if as_json:
        write_json({"requests": [request_json(view) for view in views]})
        return
    write_table(("request", "kind", "state"), [(view.id, view.request.kind, view.request.state) for view in views])
    if views:
        note("`gateway rights receipt` says what was done, `gateway rights export` fetches a package.")


@rights.command("list")
@tenant_option
@_one_of("--state", [state.value for state in State], "Only those", required=False)
@json_option
def list_requests(tenant: str, state: str | None, *, as_json: bool) -> None:
    """The requests, the most urgent first."""
    gateway = opened()
    caller = acting(gateway, tenant, Role.DPO)
    views = flow.list_requests(gateway, caller, None if state is None else State(state))
    if as_json:
        write_json({"requests": [request_json(view) for view in views]})
        return
    rows = [
        (view.id, view.request.kind, view.request.state, view.request.regime, day_of(view.request.due_at))
        for view in views
    ]
    write_table(("request", "kind", "state", "regime", "due"), rows)


@rights.command("show")
@request_argument
@tenant_option
@json_option
def show(request_id: str, tenant: str, *, as_json: bool) -> None:
    """One request: state, clock, steps, last preflight."""
    gateway = opened()
    show_view(flow.show(gateway, acting(gateway, tenant, Role.DPO), request_id), as_json=as_json)


@rights.command("export")
@request_argument
@tenant_option
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), required=True, help="File to make; it must not exist."
)
@json_option
def export(request_id: str, tenant: str, output: Path, *, as_json: bool) -> None:
    """Write the package of a completed request to a ZIP file.

    Of an access or portability request; only the file's owner can read it.
    """
    gateway = opened()
    package = flow.package(gateway, acting(gateway, tenant, Role.DPO), request_id)
    write_private(output, package)
    if as_json:
        write_json({"file": str(output), "bytes": len(package)})
    else:
        click.echo(f"{len(package)} bytes in {output}")


@rights.command("receipt")
@request_argument
@tenant_option
@json_option
def receipt(request_id: str, tenant: str, *, as_json: bool) -> None:
    """What a completed request did, with its proof from the log."""
    gateway = opened()
    found = flow.receipt(gateway, acting(gateway, tenant, Role.DPO), request_id)
    if as_json:
        write_json(found.as_json())
    else:
        click.echo(found.as_text(), nl=False)


def write_private(path: Path, content: bytes) -> None:
    """Make a file of mode 0600. Raises Conflict where there is one of this name."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Conflict("the output file exists already: choose another name") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def show_view(view: RequestView, *, as_json: bool) -> None:
    """One request on standard output."""
    if as_json:
        write_json(request_json(view))
        return
    request = view.request
    write_pairs(
        [
            ("request", view.id),
            ("kind", request.kind),
            ("state", request.state + (f" ({request.hold_reason})" if request.hold_reason else "")),
            ("regime", f"{request.regime}, {request.jurisdiction}"),
            ("purposes", ", ".join(request.purposes) or "all"),
            ("proof", request.proof or "none"),
            ("received", format_instant(request.received_at)),
            ("due", format_instant(request.due_at)),
            ("possible now", ", ".join(view.possible) or "nothing"),
        ]
    )
    write_table(("step", "entry", "at"), [(step, at, format_instant(made)) for step, at, made in view.steps])
    if view.preflight is not None:
        write_table(("the run will do", ""), preflight_rows(view.preflight))


def preflight_rows(found: object) -> list[tuple[str, str]]:
    """The figures of a preflight -> (what, how many)."""
    figures = dict(found) if isinstance(found, dict) else {}
    rows = [(f"rows in {table}", str(count)) for table, count in figures.pop("tables", {}).items() if count]
    shared = ", ".join(f"{count} {kind}" for kind, count in figures.pop("shared", {}).items())
    rows += [("shared with others, only detached", shared or "none")]
    rows += [
        (name.replace("_", " "), ", ".join(value) if isinstance(value, list) else str(value))
        for name, value in figures.items()
    ]
    return rows
