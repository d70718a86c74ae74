"""`gateway identifiers digest`: a line for each value, in order, and never the value in a problem."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.entrypoints.cli.exits import ExitCode
from tests.doors.terminal import CANARY, Printed, Terminal

DIGEST = ("identifiers", "digest")
PERSON = {"first": "Danielle", "last": "Johnson", "dob": "July 4, 1985", "zip": "91790"}


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    """The command line where nothing was set up: the command needs no store."""
    return Terminal(tmp_path / "none")


def lines(printed: Printed) -> list[Any]:
    return [json.loads(line) for line in printed.out.splitlines()]


def test_each_value_has_its_line_in_order(terminal: Terminal) -> None:
    printed = terminal.run(*DIGEST, "--profile", "drop", "--kind", "zip", "91790-3771", "00000", "02108-1234", "")
    first, second, third, fourth = lines(printed)
    assert (first["normalized"], third["normalized"]) == ("91790", "2108")
    assert second["problem"] == {
        "title": "Invalid input",
        "detail": "nothing is left of this value",
        "rule": "empty",
        "field": "value",
        "index": 1,
        "exit_code": 1,
    }
    assert fourth["problem"]["index"] == 3
    assert (printed.code, printed.err) == (ExitCode.FINDINGS, "")


def test_lines_of_standard_input_keep_their_places(terminal: Terminal) -> None:
    given = "\ufeffMary\r\n\n  정 \n".encode() + b"\xff\n" + b"x" * ((1 << 20) + 1) + b"\nJane"
    printed = terminal.run(*DIGEST, "--profile", "meta", "--kind", "name", "-", given=given)
    found = [line.get("normalized") or line["problem"]["rule"] for line in lines(printed)]
    assert found == ["mary", "empty", "정", "not_utf8", "line_too_long", "jane"]


def test_white_space_is_the_profiles_to_judge(terminal: Terminal) -> None:
    printed = terminal.run(*DIGEST, "--profile", "uid2", "--kind", "phone", "-", given="+12345678901\n+12345678901 \n")
    assert [tuple(line) for line in lines(printed)] == [("normalized", "digest"), ("problem",)]


@pytest.mark.parametrize("profile", ["uid2", "google", "meta", "snap", "drop"])
def test_a_problem_never_shows_the_value(terminal: Terminal, profile: str) -> None:
    for value in (f"{CANARY}@x", f"{CANARY} {CANARY}", f"{CANARY}\x00"):
        printed = terminal.run(*DIGEST, "--profile", profile, "--kind", "email", value)
        assert (printed.code, list(printed.json)) == (ExitCode.FINDINGS, ["problem"])


def test_a_country_reads_national_numbers_and_dates(terminal: Terminal) -> None:
    command = (*DIGEST, "--profile", "google", "--kind", "phone", "030/23125001")
    assert terminal.ok(*command, "--country", "de").json["normalized"] == "+493023125001"
    assert terminal.run(*command).code == ExitCode.FINDINGS


def test_people_come_as_objects_on_standard_input(terminal: Terminal) -> None:
    given = [json.dumps(PERSON), "", "[1]", "{", json.dumps({**PERSON, "dob": "4.7.85"}), json.dumps({"first": 1})]
    given += [json.dumps({"first": "Ada"}), json.dumps({**PERSON, CANARY: ""})]
    printed = terminal.run(*DIGEST, "--profile", "drop", "--list", "NDZ", "-", given="\n".join(given))
    first, *rest = lines(printed)
    assert first["normalized"] == {"first": "danielle", "last": "johnson", "dob": "19850704", "zip": "91790"}
    problems = [(line["problem"].get("field"), line["problem"]["rule"]) for line in rest]
    assert problems == [
        *[("value", "malformed_json"), ("value", "wrong_type"), ("value", "malformed_json"), ("dob", "not_a_date")],
        *[("value", "wrong_type"), ("last", "required"), (None, "unknown_field")],
    ]


def test_a_list_by_options(terminal: Terminal) -> None:
    command = (*DIGEST, "--profile", "drop", "--list", "NameVIN", "--first", "José", "--last", "O’Brien")
    made = terminal.ok(*command, "--vin", "1HGCM82633A004352").json
    assert made["normalized"] == {"first": "jose", "last": "obrien", "vin": "1hgcm82633a004352"}
    assert terminal.run(*command).json["problem"]["field"] == "vin"


MISUSE = [
    ("--profile", "uid2", CANARY),
    ("--kind", "email", CANARY),
    ("--profile", "uid2", "--kind", "email"),
    ("--profile", "uid2", "--kind", "vin", CANARY),
    ("--profile", "md5", "--kind", "email", CANARY),
    ("--profile", "drop", "--kind", "shoe_size", CANARY),
    ("--profile", "drop", "--kind", "name", "--first", CANARY, "x"),
    ("--profile", "drop", "--kind", "name", "--country", CANARY, "x"),
    ("--profile", "meta", "--list", "NDZ", "--first", CANARY),
    ("--profile", "drop", "--list", "NDZ", "--kind", "name", "--first", CANARY),
    ("--profile", "drop", "--list", "NDZ", CANARY),
    ("--profile", "drop", "--list", "NDZ", "--first", CANARY, "-"),
]


@pytest.mark.parametrize("arguments", MISUSE, ids=lambda arguments: " ".join(arguments).replace(CANARY, "…"))
def test_misuse(terminal: Terminal, arguments: tuple[str, ...]) -> None:
    printed = terminal.run(*DIGEST, *arguments)
    assert (printed.code, printed.out, printed.err.count("\n")) == (ExitCode.USAGE, "", 1)


def test_the_help_says_where_real_data_belongs(terminal: Terminal) -> None:
    assert "Everybody on this machine can read" in terminal.ok(*DIGEST, "--help").out
