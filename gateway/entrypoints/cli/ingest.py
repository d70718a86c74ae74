"""`gateway ingest`: a file of records goes through the whole way, a thousand at a time."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, Final

import click

from gateway.entrypoints.cli.exits import ExitCode
from gateway.entrypoints.cli.output import json_option, note, progress, write_json, write_table
from gateway.entrypoints.cli.session import acting, opened, tenant_option
from gateway.entrypoints.cli.sources import BATCH, FORMATS, STANDARD_INPUT, batches, file_argument, opened_file, parsed
from gateway.entrypoints.wire.reading import read_ndjson
from gateway.entrypoints.wire.records import parse_record
from gateway.entrypoints.wire.tables import read_csv
from gateway.flows.context import Gateway, Role
from gateway.flows.ingest import ingest as ingest_records
from gateway.flows.messages import IncomingRecord, Problem, RecordResult
from gateway.kernel.errors import InvalidInput

_SHOWN_PROBLEMS: Final = 20


@dataclass(slots=True)
class Summary:
    """What became of a file: outcomes, reasons of refusals and rules that were broken, each with its count."""

    records: int = 0
    attributes_dropped: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    problems: Counter[str] = field(default_factory=Counter)
    first_problems: list[Problem] = field(default_factory=list)

    def add(self, records: Iterable[IncomingRecord | Problem], results: Iterable[RecordResult], first: int) -> None:
        """Count the results of a batch whose first record has the place `first` in the file."""
        self.attributes_dropped += sum(len(one.attributes) for one in records if isinstance(one, IncomingRecord))
        for place, result in enumerate(results, start=first):
            self.records += 1
            self.outcomes[result.outcome] += 1
            if result.outcome == "refused" and result.decision is not None:
                self.refusals[result.decision.reason] += 1
            if result.problem is not None:
                self.problems[result.problem.rule] += 1
                if len(self.first_problems) < _SHOWN_PROBLEMS:
                    self.first_problems.append(replace(result.problem, index=place))

    def as_json(self) -> dict[str, object]:
        """The summary as JSON-able values."""
        return {
            "records": self.records,
            "attributes_dropped": self.attributes_dropped,
            "outcomes": dict(self.outcomes.most_common()),
            "refusals": dict(self.refusals.most_common()),
            "problems": dict(self.problems.most_common()),
            "first_problems": [asdict(problem) for problem in self.first_problems],
        }


def read_records(stream: BinaryIO, form: str, gateway: Gateway) -> Iterator[IncomingRecord | Problem]:
    """A stream of NDJSON or CSV -> records or problems. Raises InvalidInput for a header without its columns."""
    rows = read_csv(stream) if form == "csv" else read_ndjson(stream)
    return parsed(rows, lambda row, place: parse_record(row, place, gateway.clock.now()))


@click.command("ingest", short_help="Take in records from a file.")
@file_argument
@tenant_option
@click.option("--channel", required=True, help="Slug of the channel the records come from.")
@click.option("--public", is_flag=True, help="Treat them as those of a client whose key anybody can read.")
@click.option("--format", "form", type=click.Choice(["ndjson", "csv"]), help="Where the file's name does not tell.")
@json_option
def ingest(file: Path, tenant: str, channel: str, *, public: bool, form: str | None, as_json: bool) -> ExitCode:
    """Take in records from FILE, or from standard input for -.

    NDJSON or CSV, by the suffix or --format. Prints what became of them: outcomes, why records were refused, which
    rules were broken and where. Exits with 1 when some broke a rule; the others are taken in all the same.
    """
    chosen = form or FORMATS.get(file.suffix.lower())
    if chosen is None:
        raise InvalidInput("name it ndjson or csv", field="--format", rule="unknown_format")
    gateway = opened()
    caller = acting(gateway, tenant, Role.CHANNEL, channel=channel, public=public)
    summary, started = Summary(), time.monotonic()
    with opened_file(file) as stream, progress("records", _size(file)) as steps:
        for number, batch in enumerate(batches(read_records(stream, chosen, gateway))):
            summary.add(batch, ingest_records(gateway, caller, batch), first=number * BATCH)
            steps.advance(len(batch))
    if as_json:
        write_json({**summary.as_json(), "seconds": round(time.monotonic() - started, 3)})
    else:
        write_summary(summary)
    return ExitCode.FINDINGS if summary.problems else ExitCode.OK


def write_summary(summary: Summary) -> None:
    """The summary as tables on standard output."""
    write_table(("outcome", "records"), summary.outcomes.most_common())
    if summary.attributes_dropped:
        note(f"{summary.attributes_dropped} attributes were dropped: no policy keeps any")
    if summary.refusals:
        write_table(("refused because", "records"), summary.refusals.most_common())
    if summary.problems:
        rows = [(one.index, one.field, one.rule, one.message) for one in summary.first_problems]
        write_table(("record", "field", "rule", "what is wrong"), rows)
        more = sum(summary.problems.values()) - len(rows)
        if more:
            note(f"and {more} more; --json counts all of them by rule")


def _size(path: Path) -> int | None:
    """Lines of a file, for the progress bar; None where they cannot be counted beforehand."""
    if path == STANDARD_INPUT or not path.is_file():
        return None
    with path.open("rb") as stream:
        return sum(piece.count(b"\n") for piece in iter(lambda: stream.read(1 << 20), b""))
