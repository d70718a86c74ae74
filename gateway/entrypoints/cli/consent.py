"""`gateway consent`: a file of consent events enters the ledger, or shows first whom it would touch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import click

from gateway.entrypoints.cli.exits import ExitCode
from gateway.entrypoints.cli.output import json_option, note, progress, write_json, write_pairs, write_table
from gateway.entrypoints.cli.reevaluate import forget, reevaluate
from gateway.entrypoints.cli.session import acting, opened, tenant_option
from gateway.entrypoints.cli.sources import batches, file_argument, opened_file, parsed
from gateway.entrypoints.wire.consents import parse_consent_event
from gateway.entrypoints.wire.reading import read_ndjson
from gateway.flows.context import Role
from gateway.flows.preview_consent import preview_consent
from gateway.flows.record_consent import record_consent
from gateway.flows.replay_decision import replay_decision
from gateway.flows.views import ConsentResult


@click.group("consent")
def consent() -> None:
    """The consent ledger."""


@consent.command("import")
@file_argument
@tenant_option
@click.option("--channel", default="import", show_default=True, help="Slug of the channel the events come from.")
@click.option("--dry-run", is_flag=True, help="Write nothing; count whom the events would widen and tighten.")
@json_option
def import_events(file: Path, tenant: str, channel: str, *, dry_run: bool, as_json: bool) -> ExitCode:
    """Record the consent events in FILE.

    NDJSON, an event a line as POST /v1/consents takes them; standard input for -.

    Exits with 1 when some broke a rule; the others are recorded all the same. A dry run reads the whole file at once.
    """
    gateway = opened()
    caller = acting(gateway, tenant, Role.CHANNEL, channel=channel)
    outcomes, problems, retracted = Counter[str](), Counter[str](), 0
    shown: dict[str, object] = {}
    with opened_file(file) as stream, progress("events") as steps:
        events = parsed(read_ndjson(stream), lambda row, at: parse_consent_event(row, at, gateway.clock.now()))
        if dry_run:
            preview = preview_consent(gateway, caller, list(events))
            _count(preview.results, outcomes, problems)
            shown = {
                "people": preview.people,
                "widened": dict(preview.widened),
                "tightened": dict(preview.tightened),
            }
        else:
            for batch in batches(events):
                results = record_consent(gateway, caller, batch)
                _count(results, outcomes, problems)
                retracted += sum(result.links_retracted for result in results)
                steps.advance(len(batch))
            shown = {"links_retracted": retracted}
    counted = {"outcomes": dict(outcomes.most_common()), "problems": dict(problems.most_common())}
    if as_json:
        write_json({"dry_run": dry_run, **counted, **shown})
    else:
        _write(counted, shown, dry_run=dry_run)
    return ExitCode.FINDINGS if problems else ExitCode.OK


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


def _count(results: Iterable[ConsentResult], outcomes: Counter[str], problems: Counter[str]) -> None:
    for result in results:
        outcomes[result.outcome] += 1
        if result.problem is not None:
            problems[result.problem.rule] += 1


def _write(counted: Mapping[str, Mapping[str, int]], shown: Mapping[str, object], *, dry_run: bool) -> None:
    write_table(("outcome", "events"), counted["outcomes"].items())
    if counted["problems"]:
        write_table(("rule that was broken", "events"), counted["problems"].items())
    if not dry_run:
        note(f"{shown['links_retracted']} records lost the consent their links rested on.")
        return
    moves = [(way, *move) for way in ("widened", "tightened") for move in dict(shown[way]).items()]  # type: ignore[call-overload]  # a mapping
    write_table(("people would be", "purpose", "people"), moves)
    note(f"Dry run over {shown['people']} people: nothing was written.")
