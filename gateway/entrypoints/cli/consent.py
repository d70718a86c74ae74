"""`gateway consent`: a file of consent events enters the ledger, or shows first whom it would touch."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

import click
import orjson

from gateway.entrypoints.cli.exits import ExitCode
from gateway.entrypoints.cli.output import json_option, note, progress, write_json, write_pairs, write_table
from gateway.entrypoints.cli.receipts import receipt, verify
from gateway.entrypoints.cli.reevaluate import forget, reevaluate
from gateway.entrypoints.cli.session import acting, opened, tenant_option
from gateway.entrypoints.cli.sources import FORMATS, file_argument, opened_file, parsed
from gateway.entrypoints.wire.consents import parse_consent_event
from gateway.entrypoints.wire.reading import read_ndjson
from gateway.entrypoints.wire.tables import EVENTS, read_csv
from gateway.flows.admin import authenticate
from gateway.flows.context import Gateway, Role
from gateway.flows.import_consent import Import, approve_import, propose_import, run_import
from gateway.flows.messages import Problem
from gateway.flows.preview_consent import preview_consent
from gateway.flows.replay_decision import replay_decision
from gateway.flows.views import ConsentResult
from gateway.kernel.errors import InvalidInput


@click.group("consent")
def consent() -> None:
    """The consent ledger."""


@consent.command("import")
@file_argument
@tenant_option
@click.option("--channel", default="import", show_default=True, help="Slug of the channel the events come from.")
@click.option("--format", "form", type=click.Choice(["ndjson", "csv"]), help="Where the file's name does not tell.")
@click.option("--dry-run", is_flag=True, help="Write nothing; count whom the events would widen and tighten.")
@click.option("--propose", is_flag=True, help="Ask for approval: prints the id by which a second person gives it.")
@click.option("--approved", default="", metavar="IMPORT", help="Id of the proposal that was approved.")
@json_option
def import_events(
    file: Path,
    tenant: str,
    channel: str,
    *,
    form: str | None,
    dry_run: bool,
    propose: bool,
    approved: str,
    as_json: bool,
) -> ExitCode:
    """Record the consent events in FILE, or on standard input for -.

    NDJSON, an event a line as POST /v1/consents takes them, or CSV with their fields and identifiers as columns.

    An import that would permit anything to anybody needs a second person: --propose it, have it approved with `gateway
    consent approve`, then run it with --approved. Exits with 1 when some events broke a rule; the others are recorded
    all the same. The whole file is read at once.
    """
    gateway = opened()
    caller = acting(gateway, tenant, Role.CHANNEL, channel=channel)
    with opened_file(file) as stream:
        wanted = _read(stream, form or FORMATS.get(file.suffix.lower(), "ndjson"), gateway)
    shown: dict[str, object] = {"dry_run": dry_run}
    results: list[ConsentResult] = []
    if dry_run or propose:
        proposal, preview = propose_import(gateway, caller, wanted) if propose else ("", None)
        preview = preview or preview_consent(gateway, caller, wanted.events)
        results += preview.results
        shown |= {"import": proposal} if propose else {}
        shown |= {"people": preview.people, "widened": dict(preview.widened), "tightened": dict(preview.tightened)}
    else:
        with progress("events", len(wanted.events)) as steps:
            for batch in run_import(gateway, caller, wanted, approved=approved, recorded=steps.advance):
                results += batch
        shown["links_retracted"] = sum(result.links_retracted for result in results)
    outcomes = Counter(result.outcome for result in results)
    problems = Counter(result.problem.rule for result in results if result.problem is not None)
    counted: dict[str, Mapping[str, int]] = {
        "outcomes": dict(outcomes.most_common()),
        "problems": dict(problems.most_common()),
    }
    if as_json:
        write_json({**counted, **shown})
    else:
        _write(counted, shown)
    return ExitCode.FINDINGS if problems else ExitCode.OK


def _read(stream: BinaryIO, form: str, gateway: Gateway) -> Import:
    """The events of a stream, with the digest by which they are known again."""
    rows = list(read_csv(stream, EVENTS) if form == "csv" else read_ndjson(stream))
    plain = [None if isinstance(row, Problem) else row for _, row in rows]
    digest = sha256(orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)).digest()
    return Import(list(parsed(rows, lambda row, at: parse_consent_event(row, at, gateway.clock.now()))), digest)


@consent.command("approve", short_help="Approve an import that somebody else proposed.")
@click.argument("proposal", metavar="IMPORT")
@json_option
def approve(proposal: str, *, as_json: bool) -> None:
    """Approve the IMPORT that somebody else proposed, as the client whose API key stands in GATEWAY_API_KEY.

    The client needs the role dpo or admin of the tenant.
    """
    gateway = opened()
    key = os.environ.get("GATEWAY_API_KEY", "")
    if not key:
        message = "set GATEWAY_API_KEY to the API key of the person who approves"
        raise InvalidInput(message, field="GATEWAY_API_KEY", rule="required")
    summary = approve_import(gateway, authenticate(gateway, key), proposal)
    if as_json:
        write_json({"import": proposal, "approved": True, **summary})
        return
    _write_moves(summary)
    note("Approved. It is run with `gateway consent import … --approved`.")


@consent.command("replay")
@click.argument("decision")
@tenant_option
@json_option
def replay(decision: str, tenant: str, *, as_json: bool) -> ExitCode:
    """Compute DECISION (an id from the result of a record) again.

    From the log, the policy set of that time and the ledger. Exits with 1 when it comes out otherwise; of a decision
    about somebody who was erased, the proof that it was made is left.
    """
    gateway = opened()
    found = replay_decision(gateway, acting(gateway, tenant, Role.DPO), decision)
    if as_json:
        write_json(found)
    else:
        rows = [("decision", found.decision), ("status", found.status), ("policy", found.policy)]
        write_pairs([*rows, ("entry of the log", found.position)])
        names = dict.fromkeys([*found.logged, *found.computed])
        write_table(
            ("", "logged", "computed again"),
            [(name, str(found.logged.get(name, "")), str(found.computed.get(name, ""))) for name in names],
        )
        if found.status == "erased":
            note("What it rested on was erased. `gateway audit proof` shows that it was made.")
    return ExitCode.FINDINGS if found.status == "different" else ExitCode.OK


consent.add_command(reevaluate)
consent.add_command(forget)
consent.add_command(receipt)
consent.add_command(verify)


def _write(counted: Mapping[str, Mapping[str, int]], shown: Mapping[str, Any]) -> None:
    write_table(("outcome", "events"), counted["outcomes"].items())
    if counted["problems"]:
        write_table(("rule that was broken", "events"), counted["problems"].items())
    if "people" not in shown:
        note(f"{shown['links_retracted']} records lost the consent their links rested on.")
        return
    _write_moves(shown)
    if proposal := shown.get("import"):
        note(f"Proposed: a second person approves it with `gateway consent approve {proposal}`.")
    else:
        note(f"Dry run over {shown['people']} people: nothing was written.")


def _write_moves(shown: Mapping[str, Any]) -> None:
    moves = [(way, *move) for way in ("widened", "tightened") for move in shown[way].items()]
    write_table(("people would be", "purpose", "people"), moves)
