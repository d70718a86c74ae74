"""The command line in a home of its own: commands in, exit code and what was printed out."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from click.testing import CliRunner

from gateway.entrypoints.main import gateway
from gateway.kernel.clock import DAY, SystemClock, format_instant
from gateway.policy.model import DEVICE_ACCESS
from tests.doors.canaries import found

TENANT = "acme"
NOTICE = "form"

# The command line has no clock but the machine's, and consents end.
_NOW = SystemClock().now()
DAY_BEFORE = format_instant(_NOW - 2 * DAY)
YESTERDAY = format_instant(_NOW - DAY)

CANARY = "canary.of.the.command.line@example.org"
CANARY_PHONE = "+4915112345678"
CANARY_NAME = "Canariana"
CANARIES = (CANARY, CANARY.title(), CANARY.partition("@")[0], CANARY_PHONE, CANARY_PHONE[1:], CANARY_NAME)


@dataclass(frozen=True, slots=True)
class Printed:
    """What a command left: its exit code, standard output and standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - what the command prints
        """Standard output as JSON."""
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Terminal:
    """Runs commands in this process, in a home of their own. No output may hold a canary, whatever the command."""

    home: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, given: str | bytes = "") -> Printed:
        """Arguments and standard input -> what was printed. Raises AssertionError where a canary is in it."""
        environment = {"GATEWAY_HOME": str(self.home), **self.environment}
        done = CliRunner(env=environment).invoke(gateway, arguments, input=given)
        assert found(f"{done.stdout}{done.stderr}".encode(), CANARIES) == []
        return Printed(done.exit_code, done.stdout, done.stderr)

    def ok(self, *arguments: str, given: str | bytes = "") -> Printed:
        """The same for a command that has to end with 0."""
        printed = self.run(*arguments, given=given)
        assert printed.code == 0, printed
        return printed

    def json(self, *arguments: str, given: str | bytes = "") -> Any:  # noqa: ANN401 - what the command prints
        """The JSON of a command that has to end with 0."""
        return self.ok(*arguments, "--json", given=given).json

    def subprocess_environment(self) -> dict[str, str]:
        """The environment for a command that runs as a process of its own."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
        return {**kept, "GATEWAY_HOME": str(self.home), **self.environment}


Commands = Iterator[tuple[tuple[str, ...], click.Command]]


def commands(group: click.Command = gateway, path: tuple[str, ...] = ()) -> Commands:
    """Every command and group, each behind the words that name it."""
    yield path, group
    if isinstance(group, click.Group):
        for name, command in group.commands.items():
            yield from commands(command, (*path, name))


def prepared(template: Path, home: Path) -> Terminal:
    """A copy of a home in which `gateway init` was run and the tenant was made; `template` is filled at first."""
    if not template.exists():
        first = Terminal(template)
        first.ok("init")
        first.ok("tenant", "create", TENANT)
        first.ok(*notice_in(template))
    shutil.copytree(template, home)
    return Terminal(home)


def notice_in(folder: Path) -> tuple[str, ...]:
    """Write the text of `NOTICE` there -> the command that registers it, for the purposes that tests ask for."""
    text = folder / "notice.txt"
    text.write_text("May we recognize you?")
    named = ("--tenant", TENANT, "--name", NOTICE, "--version", "1", "--language", "en", "--from", "2026-01-01")
    purposes = ("identity_resolution", DEVICE_ACCESS, "sale")
    return ("notice", "add", str(text), *named, *(word for one in purposes for word in ("--purpose", one)))


def record(number: int, *, email: str, consent: str = "grant", jurisdiction: str = "DE") -> str:
    """One record as a line of NDJSON; no consent for ""."""
    said = {"kind": consent, "occurred_at": DAY_BEFORE, "notice": NOTICE}
    body = {
        "record_id": f"r{number}",
        "observed_at": DAY_BEFORE,
        "identifiers": [{"kind": "email", "value": email}, {"kind": "cookie", "value": f"cookie-{number}"}],
        "jurisdiction": jurisdiction,
        "consents": [{**said, "purpose": one} for one in ("identity_resolution", DEVICE_ACCESS) if consent],
    }
    return json.dumps(body) + "\n"
