"""What the scenes of the demo share: the gateway they play on, who calls it, and how they show what happened."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from gateway import wiring
from gateway.entrypoints.demo.story import FEEDS, HEROINE, NOTICES, NOW, PURPOSE, START, Feed
from gateway.entrypoints.wire.reading import read_ndjson
from gateway.entrypoints.wire.records import parse_record
from gateway.entrypoints.wire.tables import read_csv
from gateway.flows import admin
from gateway.flows.context import Caller, Gateway, Role
from gateway.flows.messages import IncomingRecord, Problem
from gateway.flows.notices import NoticeInput, register_notice
from gateway.identifiers.model import RawIdentifier
from gateway.kernel.clock import ManualClock, parse_instant
from gateway.policy.model import DEVICE_ACCESS
from gateway.settings import Settings

TENANT: Final = "demo"
_WIDEST: Final = 110
_LABEL: Final = 10
_STYLES: Final = {
    "linked": "green",
    "created": "cyan",
    "refused": "yellow",
    "suppressed": "bold magenta",
    "duplicate": "dim",
    "invalid": "red",
    "review": "blue",
}


@dataclass(frozen=True, slots=True)
class Stage:
    """The gateway in its directory, its clock, the tenant, a client per channel, and the console."""

    directory: Path
    gateway: Gateway
    clock: ManualClock
    tenant_id: int
    clients: dict[str, Caller]
    console: Console
    scenes: list[str]

    @classmethod
    def build(cls, directory: Path, console: Console) -> Stage:
        """Make a store, keys, a tenant and its clients in `directory`, on the day of the story."""
        settings = Settings.from_environment({"GATEWAY_HOME": str(directory)})
        wiring.initialize(settings)
        clock = ManualClock(parse_instant(NOW))
        gateway = wiring.build(settings, clock)
        tenant_id = admin.create_tenant(gateway, TENANT)
        _register_notices(gateway, tenant_id)
        clients = {feed.channel: _client(gateway, tenant_id, feed) for feed in FEEDS}
        return cls(directory, gateway, clock, tenant_id, clients, console, [])

    def close(self) -> None:
        """Let go of the store."""
        self.gateway.storage.engine.dispose()

    def operator(self, role: Role, channel: str = "system") -> Caller:
        """The operator in a role; as a channel it is shown the same ids of profiles as the officer."""
        return admin.system_caller(self.gateway, self.tenant_id, role, channel)

    def read(self, feed: Feed) -> Iterator[IncomingRecord | Problem]:
        """The records of a feed, and what is wrong with those that are none."""
        rows = (read_csv if feed.file_name.endswith(".csv") else read_ndjson)(io.BytesIO(feed.read()))
        for place, row in rows:
            yield row if isinstance(row, Problem) else parse_record(row, place, self.clock.now())

    @contextmanager
    def progress(self, total: int) -> Iterator[Callable[[int, str], None]]:
        """A bar on a terminal, gone at the end -> tells it how much more was done, and of what."""
        columns = (TextColumn("  {task.description:<12}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, console=self.console, transient=True, disable=not self.console.is_terminal) as progress:
            task = progress.add_task("", total=total)
            yield lambda done, of: progress.update(task, advance=done, description=of)

    def scene(self, title: str) -> None:
        """Open a scene."""
        self.scenes.append(title)
        heading = Text.assemble((f" {len(self.scenes)} ", "bold reverse"), (f" {title} ", "bold"))
        self.console.print()
        self.console.print(Rule(heading, align="left", style="dim"))

    def say(self, text: str, style: str = "") -> None:
        """A sentence of the story."""
        self.console.print(Text(text, style))

    def fact(self, label: str, text: str | Text, style: str = "") -> None:
        """A line with a label at its left; a long text wraps beside it."""
        grid = Table.grid(padding=(0, 2))
        grid.add_column(width=_LABEL, style="bold")
        grid.add_column(overflow="fold")
        grid.add_row(Text(label), text if isinstance(text, Text) else Text(text, style))
        self.console.print(Padding(grid, (0, 0, 0, 2)))

    def show(self, columns: Sequence[str], rows: Sequence[Sequence[str | int | Text]]) -> None:
        """A table, indented; numbers stand to the right."""
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
        for place, name in enumerate(columns):
            numeric = all(isinstance(row[place], int) for row in rows)
            table.add_column(Text(name, _STYLES.get(name, "")), justify="right" if numeric else "left", overflow="fold")
        for row in rows:
            table.add_row(*(cell if isinstance(cell, Text) else Text(str(cell)) for cell in row))
        self.console.print(Padding(table, (0, 0, 0, 2)))


def make_console() -> Console:
    """The console on standard output: not so wide that lines are hard to follow, a fixed width in a pipe."""
    console = Console(highlight=False, markup=False, emoji=False)
    console.width = min(console.width, _WIDEST) if console.is_terminal else _WIDEST
    return console


def proofs() -> tuple[RawIdentifier, ...]:
    """What the heroine gives as proof when she exercises her rights."""
    return (
        RawIdentifier("email", HEROINE.email),
        RawIdentifier("phone", HEROINE.phone),
        RawIdentifier("customer_id", HEROINE.customer_id),
    )


def counted(counts: Mapping[str, int]) -> str:
    """Counts by name -> `name 3, other 1`, without those that are 0."""
    return ", ".join(f"{name} {count}" for name, count in counts.items() if count) or "none"


def outcome_text(outcome: str) -> Text:
    """An outcome in its color."""
    return Text(outcome, _STYLES.get(outcome, ""))


def _register_notices(gateway: Gateway, tenant_id: int) -> None:
    """What the channels show when they ask: without it no consent of theirs counts."""
    officer = admin.system_caller(gateway, tenant_id, Role.DPO)
    for channel, name in NOTICES.items():
        text = f"May we recognize you in our other channels, too? (shown by: {channel})"
        notice = NoticeInput(name, "1", ("en",), (PURPOSE, DEVICE_ACCESS), text, parse_instant(START))
        register_notice(gateway, officer, notice)


def _client(gateway: Gateway, tenant_id: int, feed: Feed) -> Caller:
    """A client for the feed's channel, recognized by the API key it was given."""
    classes = gateway.policies.classes
    wanted = next(name for name in sorted(classes) if classes[name].verified != feed.public)
    _, api_key = admin.create_client(
        gateway,
        tenant_id,
        name=feed.channel,
        role=Role.CHANNEL,
        channel=feed.channel,
        client_class=wanted,
        outcomes=not feed.public,
    )
    return admin.authenticate(gateway, api_key)
