"""`gateway keys` as the operator runs it: status, rotate, retire and destroy, and what is refused meanwhile."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway.entrypoints.jobs.schedule import JOBS, run_job
from gateway.settings import Settings
from gateway.wiring import build
from tests.doors.terminal import CANARY, TENANT, Printed, Terminal, record

HERE = ("--tenant", TENANT)
INGEST = ("ingest", "-", "--format", "ndjson", *HERE, "--channel", "web")
RETIRE = ("keys", "retire", *HERE, "--chain")
DESTROY = ("keys", "destroy", *HERE, "--version")
REKEY = next(job for job in JOBS if job.name == "rekey")


@pytest.fixture
def people(terminal: Terminal) -> Terminal:
    """A store of one record; an e-mail has digests of its own under some hash profiles, a cookie has one."""
    terminal.ok(*INGEST, given=record(1, email=CANARY))
    return terminal


def status(terminal: Terminal) -> Any:  # noqa: ANN401 - what the command prints
    """The only tenant's row of `keys status`."""
    (row,) = terminal.json("keys", "status")["tenants"]
    return row


def chains(shown: Any) -> dict[str, tuple[int, int, int]]:  # noqa: ANN401 - what a command prints
    """Chain -> rows, tombstones and subjects of requests."""
    return {one["name"]: (one["rows"], one["tombstones"], one["requests"]) for one in shown["chains"]}


def stored(terminal: Terminal) -> int:
    """How many rows the tenant's identifiers have."""
    return sum(rows for rows, _, _ in chains(status(terminal)).values())


def row_of(printed: Printed, word: str) -> list[str]:
    """The words of the only line that has this one."""
    (line,) = (line.split() for line in printed.out.splitlines() if word in line.split())
    return line


def erased(terminal: Terminal, email: str) -> None:
    """The person asks for erasure, and the officer grants and runs it."""
    submit = ("rights", "submit", "erasure", *HERE, "--jurisdiction", "DE", "--proof", "account_login")
    request = terminal.json(*submit, given=f"email {email}")["id"]
    for action in ("preflight", "approve"):
        terminal.ok("rights", action, request, *HERE)
    terminal.ok("rights", "run", *HERE)


def test_a_key_lives_and_dies(people: Terminal) -> None:
    count = stored(people)
    done = people.json("keys", "rotate", *HERE)
    assert (done["tenant"], done["version"], done["wrapped"]) == (TENANT, 2, count)
    assert chains(done) == {"2": (0, 0, 0), "1-2": (count, 0, 0)}
    assert status(people)["chains"] == done["chains"]
    assert people.json(*INGEST, given=record(1, email=CANARY))["outcomes"] == {"duplicate": 1}
    people.ok(*INGEST, given=record(1, email=CANARY).replace('"r1"', '"r2"'))
    assert chains(status(people)) == {"2": (count, 0, 0), "1-2": (0, 0, 0)}, "who was seen again is keyed directly"
    assert people.run(*DESTROY, "1").code == 3
    assert people.ok(*RETIRE, "1-2").err == "Chain 1-2 is looked up no more.\n"
    assert "Repeat with --yes" in people.ok(*DESTROY, "1").err
    assert status(people)["versions"] == [1, 2], "that was a dry run"
    assert people.ok(*DESTROY, "1", "--yes").err == "Version 1 is destroyed.\n"
    assert status(people)["versions"] == [2]
    assert people.json(*INGEST, given=record(3, email=CANARY))["outcomes"] == {"linked": 1}
    assert people.json("audit", "fsck", *HERE)["findings"] == []


def test_tables_say_the_same(people: Terminal) -> None:
    count = stored(people)
    rotated = people.ok("keys", "rotate", *HERE)
    assert rotated.err == f"Version 2 keys what is new. {count} rows were wrapped by it.\n"
    assert row_of(rotated, "1-2") == ["1-2", f"{count}", "0", "0"]
    shown = people.ok("keys", "status")
    assert shown.out.startswith("key service: file\n")
    assert row_of(shown, "1-2") == [TENANT, "1-2", f"{count}", "0", "0"]
    assert row_of(shown, "open")[:2] == [TENANT, "open"]


def test_what_was_put_off_is_finished_by_the_job(people: Terminal) -> None:
    count = stored(people)
    later = people.json("keys", "rotate", *HERE, "--later")
    assert (later["version"], later["wrapped"]) == (2, 0)
    assert chains(later) == {"2": (0, 0, 0), "1-2": (0, 0, 0), "1": (count, 0, 0)}
    gateway = build(Settings.from_environment({"GATEWAY_HOME": str(people.home)}))
    run_job(gateway, REKEY)
    gateway.storage.engine.dispose()
    assert chains(status(people)) == {"2": (0, 0, 0), "1-2": (count, 0, 0)}


def test_a_rotation_that_is_repeated_goes_on(people: Terminal) -> None:
    count = stored(people)
    people.ok("keys", "rotate", *HERE, "--later")
    assert people.json("keys", "rotate", *HERE, "--later")["version"] == 2
    done = people.json("keys", "rotate", *HERE)
    assert (done["version"], done["wrapped"]) == (2, count)
    assert people.json("keys", "rotate", *HERE)["version"] == 3, "nothing waits any more: a new rotation"
    assert status(people)["versions"] == [1, 2, 3]


def test_one_whom_only_a_request_names_is_no_reason_for_another_version(people: Terminal) -> None:
    submit = ("rights", "submit", "access", *HERE, "--jurisdiction", "DE", "--proof", "account_login")
    people.ok(*submit, given="email nobody@example.org")
    people.ok("keys", "rotate", *HERE, "--later")
    assert chains(status(people))["1"][2] > 0
    done = people.json("keys", "rotate", *HERE)
    assert (done["version"], set(chains(done))) == (2, {"2", "1-2"})


@pytest.mark.parametrize(
    ("word", "number"),
    [
        *[("COMMIT", number) for number in (2, 3, 6)],
        *[("UPDATE pseudonym", number) for number in (1, 13, 30)],
        ("SELECT DISTINCT token, chain FROM right_subject", 1),
    ],
)
def test_a_rotation_that_is_killed_goes_on_when_it_is_repeated(people: Terminal, word: str, number: int) -> None:
    """At the commit of the new version, in a run, between runs, and when all rows are wrapped."""
    records = [record(one, email=f"p{one}@example.org") for one in range(2, 20)]
    people.ok(*INGEST, given="".join(records))
    count = stored(people)
    rotate = ("keys", "rotate", *HERE, "--rows-per-second", "50")
    done = subprocess.run(
        [sys.executable, "-m", "tests.killed_command", word, str(number), *rotate],
        env=people.subprocess_environment(),
        cwd=Path(__file__).parents[2],
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    again = people.json("keys", "rotate", *HERE)
    assert again["version"] == 2
    assert chains(again) == {"2": (0, 0, 0), "1-2": (count, 0, 0)}
    assert people.json(*INGEST, given=records[0])["outcomes"] == {"duplicate": 1}
    assert people.json("audit", "fsck", *HERE)["findings"] == []


@pytest.mark.parametrize("rows_per_second", [20, 1_000_000])
def test_a_rotation_at_a_pace_reaches_everybody(people: Terminal, rows_per_second: int) -> None:
    people.ok(*INGEST, given="".join(record(one, email=f"p{one}@example.org") for one in range(2, 5)))
    count = stored(people)
    done = people.json("keys", "rotate", *HERE, "--rows-per-second", str(rows_per_second))
    assert done["wrapped"] == count
    assert chains(done) == {"2": (0, 0, 0), "1-2": (count, 0, 0)}


def test_what_a_tombstone_needs_is_kept(people: Terminal) -> None:
    erased(people, CANARY)
    stones = chains(status(people))["1"][1]
    done = people.json("keys", "rotate", *HERE)
    assert chains(done) == {"2": (0, 0, 0), "1": (0, stones, 0)}
    refused = people.run(*RETIRE, "1")
    assert refused.code == 3
    assert f"{stones} of tombstone" in refused.err
    assert people.run(*DESTROY, "1", "--yes").code == 3
    assert status(people)["versions"] == [1, 2]
    assert people.json(*INGEST, given=record(2, email=CANARY))["outcomes"] == {"suppressed": 1}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((*RETIRE, "1"), 3),
        ((*DESTROY, "1"), 3),
        ((*DESTROY, "1", "--yes"), 3),
        ((*RETIRE, "7"), 2),
        ((*DESTROY, "7"), 2),
        ((*DESTROY, "0"), 2),
        (("keys", "rotate", *HERE, "--rows-per-second", "0"), 2),
        (("keys", "rotate", "--tenant", "nobody"), 2),
        (("keys", "retire", "--tenant", "nobody", "--chain", "1"), 2),
        (("keys", "destroy", "--tenant", "nobody", "--version", "1"), 2),
        (("keys", "rotate"), 2),
    ],
)
def test_what_is_refused_changes_nothing(people: Terminal, arguments: tuple[str, ...], code: int) -> None:
    before = status(people)
    refused = people.run(*arguments)
    assert (refused.code, refused.out) == (code, "")
    assert refused.err
    assert status(people) == before


def test_without_its_root_key_nothing_is_rotated(people: Terminal) -> None:
    before = status(people)
    other = Terminal(people.home, {"GATEWAY_ROOT_KEY": "A" * 43 + "="})
    shown = other.run("keys", "status", "--json")
    assert shown.code == 1
    (row,) = shown.json["tenants"]
    assert (row["log_verifier_key"], row["versions"], row["chains"]) == ("", [], [])
    assert row["keys"] != "open"
    assert other.run("keys", "status").code == 1
    assert other.run("keys", "rotate", *HERE).code == 4
    assert status(people) == before
