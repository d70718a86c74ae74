"""`gateway signals decode`: a line for each string, in order, and never a part of one in a problem."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.entrypoints.cli.exits import ExitCode
from tests.doors.terminal import CANARY, Printed, Terminal

DECODE = ("signals", "decode")
USNAT = "DBABLA~CRpoghCqFIho.QA"
TC = "CQQHQsAQQHQsADaAHIPLB7EkAOegAAEgAAqIAOHsqvrAB0wAAKcAAAAA.IANjGnbm.YAAAAAAAAAAA"


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    """The command line where nothing was set up: the command needs no store."""
    return Terminal(tmp_path / "none")


def lines(printed: Printed) -> list[Any]:
    return [json.loads(line) for line in printed.out.splitlines()]


def test_each_string_has_its_line_in_the_order_of_the_options(terminal: Terminal) -> None:
    printed = terminal.run(*DECODE, "--usp", "1YNN", "--gpp", USNAT, "--tcf", TC, "--usp", "1---", "--tcf=C")
    first, second, third, fourth, fifth = lines(printed)
    assert first == {"Version": 1, "Notice": "Y", "OptOutSale": "N", "LspaCovered": "N"}
    assert second["sections"]["usnat"]["SaleOptOut"] == 2
    assert (third["CmpId"], third["Created"]) == (218, "2025-04-19T00:00:00.000Z")
    assert fourth["OptOutSale"] == "-"
    assert fifth == {"problem": "a segment ends before its last field"}
    assert (printed.code, printed.err) == (ExitCode.FINDINGS, "")


def test_lines_of_standard_input_keep_their_places(terminal: Terminal) -> None:
    given = b"1YNN\r\n\n \n1Y\xff\xff\n1yyy\n" + b"1" * ((1 << 20) + 1) + b"\n1---"
    printed = terminal.run(*DECODE, "--usp", "-", "--gpp", USNAT, given=given)
    found = [next(iter(line)) for line in lines(printed)]
    assert found == ["Version", "problem", "problem", "problem", "problem", "problem", "Version", "sections"]
    assert printed.code == ExitCode.FINDINGS


def test_strings_that_can_be_read_end_with_0(terminal: Terminal) -> None:
    assert len(lines(terminal.ok(*DECODE, "--gpp", "-", "--tcf", TC, given=f"{USNAT}\nDBAA\n"))) == 3


@pytest.mark.parametrize("kind", ["--tcf", "--gpp", "--usp"])
def test_a_problem_never_shows_the_string(terminal: Terminal, kind: str) -> None:
    strings = [CANARY, CANARY.replace(".", "").replace("@", ""), f"{TC}.{CANARY}", f"DBABLA~{CANARY}", CANARY * 999]
    for text in strings:
        printed = terminal.run(*DECODE, kind, text)
        assert (printed.code, list(printed.json)) == (ExitCode.FINDINGS, ["problem"])


MISUSE = [(), ("--tcf", "-", "--gpp", "-"), (CANARY,), ("--tcf", TC, CANARY), ("--ccpa", CANARY), ("--gpp",)]


@pytest.mark.parametrize("arguments", MISUSE, ids=["nothing", "twice -", "bare", "more", "unknown", "no value"])
def test_misuse(terminal: Terminal, arguments: tuple[str, ...]) -> None:
    printed = terminal.run(*DECODE, *arguments)
    assert (printed.code, printed.out, printed.err.count("\n")) == (ExitCode.USAGE, "", 1)


def test_the_help_says_where_real_data_belongs(terminal: Terminal) -> None:
    assert "everybody on this machine can read" in terminal.ok(*DECODE, "--help").out
