"""Exit codes, help and misuse: every command explains itself, and no error repeats what was typed."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from gateway.entrypoints.cli.exits import FAMILIES, ExitCode, exit_code
from gateway.entrypoints.cli.root import trouble_of
from gateway.kernel import errors
from gateway.kernel.errors import GatewayError
from tests.doors.terminal import CANARY, Terminal, commands

PATHS = [path for path, _ in commands()]
UNBUILT = ("witness", "drop run", "matching evaluate", "fuzzy", "console", "replay decision")


def families() -> set[type[GatewayError]]:
    return {each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, GatewayError)}


def test_every_family_of_errors_has_its_code() -> None:
    expected = {
        errors.IntegrityError: 1,
        errors.InvalidInput: 2,
        errors.TooLarge: 2,
        errors.NotFound: 2,
        errors.Unauthenticated: 3,
        errors.NotPermitted: 3,
        errors.Conflict: 3,
        errors.Unavailable: 4,
        errors.Frozen: 4,
        errors.BehindJournal: 4,
        errors.GatewayError: 4,
    }
    assert {family: int(exit_code(family("text"))) for family in expected} == expected
    assert families() - expected.keys() <= {errors.Stale}
    assert FAMILIES.keys() <= families()


@pytest.mark.parametrize("path", PATHS, ids=lambda path: " ".join(path) or "gateway")
def test_every_command_has_a_help_that_names_only_what_is_there(path: tuple[str, ...], tmp_path: Path) -> None:
    printed = Terminal(tmp_path / "none").run(*path, "--help")
    assert (printed.code, printed.err) == (0, "")
    assert printed.out.startswith("Usage: gateway")
    assert max(map(len, printed.out.splitlines())) <= 110
    assert [word for word in UNBUILT if word in printed.out.lower()] == []
    assert not (tmp_path / "none").exists()


def test_commands_in_lists_are_described_in_full(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path / "none")
    groups = [path for path in PATHS if "Commands:" in terminal.run(*path, "--help").out]
    assert len(groups) > 8
    assert [path for path in groups if "..." in terminal.run(*path, "--help").out.partition("Commands:")[2]] == []


MISUSE = [
    (CANARY,),
    ("rights", CANARY),
    ("rights", "submit", CANARY, "--tenant", "acme"),
    ("rights", "submit", "erasure", CANARY, "--tenant", "acme", "--jurisdiction", "DE"),
    ("rights", "submit", "erasure", f"--email={CANARY}", "--tenant", "acme", "--jurisdiction", "DE"),
    ("rights", "deny", "req_x", "--tenant", "acme", "--reason", CANARY),
    ("rights", "list", "--tenant", "acme", "--state", CANARY),
    ("audit", "proof", CANARY, "--tenant", "acme"),
    ("serve", "--port", CANARY),
    ("ingest", "records.ndjson", "--tenant", "acme"),
    ("client", "create", "--tenant", "acme", "--role", CANARY),
    ("restore", CANARY, "--checkpoint", CANARY),
]


@pytest.mark.parametrize("arguments", MISUSE, ids=lambda arguments: " ".join(arguments).replace(CANARY, "…"))
def test_misuse_is_one_line_that_does_not_repeat_the_arguments(arguments: tuple[str, ...], tmp_path: Path) -> None:
    printed = Terminal(tmp_path).run(*arguments)
    assert printed.code == ExitCode.USAGE
    assert printed.out == ""
    assert printed.err.startswith("gateway: usage: ")
    assert printed.err.count("\n") == 1
    assert "--help`" in printed.err


def test_with_json_an_error_is_an_object_too(tmp_path: Path) -> None:
    printed = Terminal(tmp_path).run("tenant", "list", "--json")
    assert printed.code == ExitCode.UNAVAILABLE
    assert printed.json["problem"].keys() == {"title", "detail", "exit_code"}
    assert "gateway init" in printed.err
    assert printed.json["problem"]["exit_code"] == 4


def test_without_a_command_the_help_is_shown(tmp_path: Path) -> None:
    printed = Terminal(tmp_path).run()
    assert (printed.code, printed.out) == (ExitCode.USAGE, "")
    assert "Commands:" in printed.err


def test_a_fault_of_the_program_shows_its_place_and_not_its_text() -> None:
    with pytest.raises(ValueError, match=CANARY) as raised:
        int(CANARY)
    trouble = trouble_of(raised.value)
    assert trouble.code == ExitCode.UNAVAILABLE
    assert "ValueError" in trouble.detail
    assert CANARY not in trouble.line()


def test_ctrl_c_is_what_shells_expect() -> None:
    assert trouble_of(click.Abort()).code == 130
