"""Identifiers that must never be seen again, through every command: what it prints, keeps, logs, and what `ps` shows.

`Terminal` looks for canaries in all that a command prints. `serve` and `jobs run` are processes; `demo` has people of
its own, see test_demo.py.
"""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
import sys
import termios
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import PIPE
from typing import IO, Any, Final, cast

import click
import pytest

from gateway.entrypoints.jobs.schedule import JOBS, run_job
from gateway.kernel import logs
from gateway.settings import Settings
from gateway.storage.unit_of_work import Storage
from gateway.wiring import build
from tests.doors.canaries import found
from tests.doors.processes import descendants, eventually, free_port, healthy, running, title
from tests.doors.terminal import (
    CANARIES,
    CANARY,
    CANARY_NAME,
    CANARY_PHONE,
    DAY_BEFORE,
    NOTICE,
    TENANT,
    Terminal,
    commands,
    notice_in,
    record,
)

OF: Final = ("--tenant", TENANT)
INGEST: Final = ("ingest", "-", "--format", "ndjson", *OF, "--channel", "web")
IMPORT: Final = ("consent", "import", "-", *OF)
WHERE: Final = (*OF, "--jurisdiction", "DE")
DIGEST: Final = ("identifiers", "digest", "--profile", "uid2", "--kind")
WHOM: Final = f"email {CANARY}\nphone {CANARY_PHONE}\n"
RECORD: Final = json.dumps({**json.loads(record(1, email=CANARY)), "attributes": {"given_name": CANARY_NAME}}) + "\n"
EVENT: Final = json.dumps(
    {
        "identifiers": [{"kind": "email", "value": CANARY}],
        "kind": "object",
        "purpose": "sale",
        "occurred_at": DAY_BEFORE,
        "notice": NOTICE,
        "jurisdiction": "DE",
    }
)
GRANT: Final = EVENT.replace("object", "grant")
BROKEN: Final = RECORD.replace(CANARY, f"{CANARY}@{CANARY}") + f"{{{CANARY}\n"

COMMANDS: Final = {path: command for path, command in commands() if not isinstance(command, click.Group)}
PROCESSES: Final = {("serve",), ("jobs", "run"), ("demo",)}
WITHOUT_STORE: Final = {
    *(("init",), ("db", "upgrade"), ("db", "check"), ("policies", "check"), ("policies", "test")),
    *(("policies", "explain"), ("identifiers", "digest"), ("signals", "decode"), ("audit", "verify"), ("restore",)),
    ("consent", "verify"),
}


@dataclass(frozen=True, slots=True)
class Session:
    """A terminal that keeps what it was asked, by command."""

    terminal: Terminal
    asked: dict[tuple[str, ...], tuple[tuple[str, ...], str]] = field(default_factory=dict)

    def ask(self, *arguments: str, given: str = "", code: int = 0) -> Any:  # noqa: ANN401 - what the command prints
        """A command that has to end with `code` -> its JSON, where it has any."""
        (path,) = (path for path in COMMANDS if path == arguments[: len(path)])
        self.asked[path] = arguments, given
        if all(option.name != "as_json" for option in COMMANDS[path].params):
            assert self.terminal.run(*arguments, given=given).code == code
            return None
        printed = self.terminal.run(*arguments, "--json", given=given)
        assert printed.code == code, printed
        return printed.json

    def finish(self, kind: str) -> str:
        """A request of the person goes its whole way -> its id."""
        request: str = self.ask("rights", "submit", kind, *WHERE, "--reference", f"{kind} of {CANARY}", given=WHOM)[
            "id"
        ]
        self.ask("rights", "verify", request, *OF, "--proof", "account_login")
        self.ask("rights", "preflight", request, *OF)
        self.ask("rights", "approve", request, *OF)
        self.ask("rights", "run", *OF)
        return request


def consents(session: Session, outside: Path, environment: dict[str, str]) -> None:
    """Every command about consents; whoever approves an import has a key in the `environment`."""
    session.ask(*IMPORT, given=EVENT)
    session.ask("consent", "receipt", *OF, "--out", str(outside / "receipt.json"), given=WHOM)
    key = session.ask("keys", "status")["tenants"][0]["log_verifier_key"]
    session.ask("consent", "verify", str(outside / "receipt.json"), "--key", key)
    environment["GATEWAY_API_KEY"] = session.ask("client", "create", *OF, "--role", "dpo")["api_key"]
    session.ask("consent", "approve", session.ask(*IMPORT, "--propose", given=GRANT)["import"])
    session.ask(*IMPORT, "--dry-run", given=EVENT)
    session.ask("consent", "replay", "dec_0000000000000001.0", *OF, code=2)
    session.ask("consent", "reevaluate", *OF)
    session.ask("consent", "forget", *OF)
    session.ask("notice", "end", NOTICE, "1", *OF, "--on", "2100-01-01")
    session.ask("policies", "simulate", "policies", "policies", *OF)


def everything(session: Session, outside: Path, environment: dict[str, str]) -> None:
    """Every command that ends by itself, over a store that knows the person; what is theirs goes `outside`."""
    session.ask("init")
    session.ask("db", "upgrade")
    session.ask("db", "check")
    session.ask("tenant", "create", TENANT)
    session.ask("tenant", "vendor", TENANT, "42")
    session.ask(*notice_in(outside))
    session.ask("notice", "list", *OF)
    client = session.ask("client", "create", *OF, "--role", "channel", "--channel", "web")["client"]
    session.ask("client", "list", *OF)
    session.ask("client", "revoke", client, *OF)
    session.ask(*INGEST, given=RECORD)
    session.ask(*INGEST, given=BROKEN, code=1)
    consents(session, outside, environment)
    package = str(outside / "package.zip")
    session.ask("rights", "export", session.finish("access"), *OF, "--output", package)
    for change in (("hold", "--reason", "clarification"), ("release",), ("extend",), ("deny", "--reason", "excessive")):
        request = session.ask("rights", "submit", "access", *WHERE, "--proof", "account_login", given=WHOM)["id"]
        if change[0] == "release":
            session.ask("rights", "hold", request, *OF, "--reason", "clarification")
        session.ask("rights", change[0], request, *OF, *change[1:])
    session.ask("rights", "cancel", request_of(session), *OF)
    session.ask("rights", "list", *OF)
    session.ask("identifiers", "expire", *OF)
    erasure = session.finish("erasure")
    session.ask("rights", "show", erasure, *OF)
    session.ask("rights", "receipt", erasure, *OF)
    session.ask(*INGEST, given=RECORD)
    session.ask("audit", "checkpoint", *OF)
    session.ask("audit", "proof", "1", *OF)
    session.ask("audit", "export", str(session.terminal.home / "log"), *OF, "--openings")
    session.ask("audit", "verify", str(session.terminal.home / "log"))
    session.ask("audit", "fsck", *OF)
    session.ask("keys", "rotate", *OF)
    session.ask("keys", "retire", *OF, "--chain", "1", code=3)
    session.ask("keys", "destroy", *OF, "--version", "1", code=3)
    session.ask("keys", "status")
    session.ask("policies", "check")
    session.ask("policies", "test")
    session.ask("policies", "explain", "--regime", "gdpr", "--purpose", "sale")
    session.ask(*DIGEST, "email", "-", given=f"{CANARY}@{CANARY}\n", code=1)
    session.ask("signals", "decode", "--tcf", "-", given=f"{CANARY}\n", code=1)
    session.ask("backup", "create", str(session.terminal.home / "copy"))
    session.ask("restore", str(session.terminal.home / "copy"), "--replace")
    session.ask("tenant", "list")
    session.ask("tenant", "delete", TENANT)


def request_of(session: Session) -> str:
    """A new request of the person."""
    return str(session.ask("rights", "submit", "access", *WHERE, given=WHOM)["id"])


def kept(home: Path) -> dict[str, list[str]]:
    """Files below `home` that hold a canary -> which."""
    files = {path.name: found(path.read_bytes(), CANARIES) for path in home.rglob("*") if path.is_file()}
    return {name: canaries for name, canaries in files.items() if canaries}


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """A session in which every command was asked, in the directory `home`; beside it stands what is the person's."""
    outside = tmp_path_factory.mktemp("lived")
    environment: dict[str, str] = {}
    session = Session(Terminal(outside / "home", environment))
    everything(session, outside, environment)
    return session


def test_no_command_prints_or_keeps_what_it_was_given(lived: Session) -> None:
    assert lived.asked.keys() | PROCESSES == COMMANDS.keys()
    assert kept(lived.terminal.home) == {}


def test_no_command_repeats_what_stands_in_a_failure(lived: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(lived.terminal.home / "copy", ignore_errors=True)
    fail_with_canaries(monkeypatch)
    for path, (arguments, given) in lived.asked.items():
        failed = lived.terminal.run(*arguments, given=given)
        assert path in WITHOUT_STORE or (failed.code, "ValueError" in failed.err) == (4, True), path


def fail_with_canaries(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the store raises what no driver should, with canaries in all its words."""

    def fail(*_arguments: object, **_options: object) -> None:
        raise ValueError(f"cannot take {CANARY} of {CANARY_NAME}") from KeyError(CANARY_PHONE)

    for name in ("begin", "session"):
        monkeypatch.setattr(Storage, name, fail)


@pytest.mark.parametrize("failing", [False, True])
def test_no_job_logs_whom_it_works_for(
    terminal: Terminal, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *, failing: bool
) -> None:
    session = Session(terminal)
    session.ask(*INGEST, given=RECORD)
    session.finish("access")
    request = session.ask("rights", "submit", "erasure", *WHERE, "--proof", "account_login", given=WHOM)["id"]
    session.ask("rights", "preflight", request, *OF)
    session.ask("rights", "approve", request, *OF)
    gateway = build(Settings.from_environment({"GATEWAY_HOME": str(terminal.home)}))
    logs.configure()
    if failing:
        fail_with_canaries(monkeypatch)
    for job in JOBS:
        run_job(gateway, job)
    gateway.storage.engine.dispose()
    written = "".join(capfd.readouterr())
    assert ("job_failed" in written) is failing
    assert ("job_done" in written) is not failing
    assert found(written.encode(), CANARIES) == []
    assert kept(terminal.home) == {}


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        (INGEST, RECORD),
        (IMPORT, EVENT),
        (("rights", "submit", "access", *WHERE), WHOM),
        ((*DIGEST, "email", "-"), CANARY),
    ],
    ids=["ingest", "consent import", "rights submit", "identifiers digest"],
)
def test_no_title_and_no_environment_shows_what_is_read(
    terminal: Terminal, arguments: tuple[str, ...], given: str
) -> None:
    command = [sys.executable, "-m", "gateway.entrypoints.main", *arguments]
    environment = terminal.subprocess_environment()
    with subprocess.Popen(command, env=environment, stdin=PIPE, stdout=PIPE, stderr=PIPE) as process:
        told = cast("IO[bytes]", process.stdin)
        told.write(f"{given}\n".encode())
        told.flush()
        eventually(lambda: unread(told) == 0, "the command reads")
        for one in (process.pid, *descendants(process.pid)):
            assert arguments[0] in title(one)
            assert found(title(one).encode(), CANARIES) == []
            assert found(Path(f"/proc/{one}/environ").read_bytes(), CANARIES) == []
        _, error = process.communicate()
    assert process.returncode == 0
    assert found(error, CANARIES) == []


def unread(pipe: IO[bytes]) -> int:
    """Bytes in a pipe that its reader has not taken."""
    return int.from_bytes(fcntl.ioctl(pipe.fileno(), termios.FIONREAD, bytes(4)), sys.byteorder)


def test_no_process_of_the_server_shows_whom_it_serves(terminal: Terminal, tmp_path: Path) -> None:
    made = terminal.json("client", "create", *OF, "--role", "channel", "--channel", "web")
    port, log = free_port(), tmp_path / "log"
    with running(terminal, "serve", "--port", str(port), log=log) as server:
        eventually(lambda: healthy(port), "the gateway answers")
        eventually(lambda: '"event":"scheduler_started"' in log.read_text(), "the scheduler runs")
        body = json.dumps({"records": [json.loads(RECORD)]}).encode()
        head = {"Authorization": f"Bearer {made['api_key']}", "Content-Type": "application/json"}
        with urllib.request.urlopen(
            urllib.request.Request(f"http://127.0.0.1:{port}/v1/records", body, head), timeout=30
        ) as answer:
            assert json.load(answer)["results"][0]["outcome"] == "created"
        titles = [title(one) for one in (server.pid, *descendants(server.pid))]
        assert any("jobs run" in one for one in titles)
        secrets = (*CANARIES, made["api_key"])
        assert found("\n".join(titles).encode(), secrets) == []
        assert found(log.read_bytes(), secrets) == []
        assert '"event":"request"' in log.read_text()
