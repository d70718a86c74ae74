"""The command `gateway` itself: what every command's errors become.

    GatewayError, misuse, a file that cannot be opened   one line on standard error that says what to do
    any other exception                                  one line with its type and place, never its text
    with --json                                          the same as {"problem":{…}} on standard output as well

click's own messages repeat what was typed, which may be an identifier in the wrong place; these do not.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import orjson

from gateway.entrypoints.cli.exits import ExitCode, exit_code
from gateway.kernel.errors import GatewayError, InvalidInput
from gateway.policy.errors import PolicyError

_PACKAGE = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Trouble:
    """One error as it is shown: a title, a sentence, what broke a rule (if anything), and the exit code."""

    title: str
    detail: str
    code: ExitCode
    rule: str = ""
    field: str = ""
    index: int | None = None

    def line(self) -> str:
        """The line for standard error."""
        where = f"record {self.index}: " if self.index is not None else ""
        where += f"{self.field}: " if self.field else ""
        return f"gateway: {self.title.lower()}: {where}{self.detail}"

    def as_json(self) -> bytes:
        """The problem for standard output; members that say nothing are left out."""
        members = {
            "title": self.title,
            "detail": self.detail,
            "rule": self.rule or None,
            "field": self.field or None,
            "index": self.index,
            "exit_code": int(self.code),
        }
        return orjson.dumps({"problem": {name: value for name, value in members.items() if value is not None}})


class Root(click.Group):
    """The group of all commands. A command returns its exit code, or None for 0."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:  # noqa: ANN401 - click's interface
        """Run the command line -> the exit code; in standalone mode raises SystemExit with it instead."""
        arguments = list(sys.argv[1:] if args is None else args)
        try:
            result = super().main(
                arguments,
                prog_name or "gateway",
                complete_var,
                standalone_mode=False,
                windows_expand_args=windows_expand_args,
                **extra,
            )
            code = ExitCode.OK if result is None else ExitCode(result)
        except click.exceptions.NoArgsIsHelpError as error:
            code = ExitCode.USAGE
            click.echo(error.ctx.get_help(), err=True)
        except Exception as error:  # noqa: BLE001 - the outermost edge: nothing may reach the terminal unread
            trouble = trouble_of(error)
            code = trouble.code
            click.echo(trouble.line(), err=True)
            if "--json" in arguments:
                click.echo(trouble.as_json())
        if standalone_mode:
            sys.exit(code)
        return code


def trouble_of(error: Exception) -> Trouble:
    """Any exception -> what may be said of it."""
    match error:
        case click.Abort():
            return Trouble("Stopped", "nothing more was done", ExitCode.INTERRUPTED)
        case click.UsageError():
            return Trouble("Usage", f"{_misuse(error)}{_help_of(error)}", ExitCode.USAGE)
        case PolicyError():
            return Trouble(error.title, _policy_text(error), exit_code(error))
        case InvalidInput():
            return Trouble(error.title, str(error), exit_code(error), error.rule, error.field, error.index)
        case GatewayError():
            return Trouble(error.title, str(error), exit_code(error))
        case OSError() if error.strerror and error.filename:
            return Trouble("File", f"{error.strerror}: check the path and its permissions", ExitCode.USAGE)
        case _:
            detail = f"{type(error).__name__} {_place(error)}: this is a fault of the gateway, please report it"
            return Trouble("Internal error", detail, exit_code(error))


def _misuse(error: click.UsageError) -> str:
    """What was wrong with the arguments, without repeating any of them."""
    match error:
        case click.NoSuchOption():
            return "there is no such option"
        case click.MissingParameter():
            kind = "option" if isinstance(error.param, click.Option) else "argument"
            return f"the {kind} {_name(error)} is missing"
        case click.BadParameter():
            parameter = error.param
            if parameter is not None and isinstance(parameter.type, click.Choice):
                return f"{_name(error)} is one of {', '.join(map(str, parameter.type.choices))}"
            wanted = f" ({parameter.type.name})" if parameter is not None else ""
            return f"the value of {_name(error)} does not fit{wanted}"
        case _ if isinstance(error.ctx and error.ctx.command, click.Group):
            return "there is no such command"
        case _:
            return "there are arguments too many or too few"


def _name(error: click.BadParameter) -> str:
    parameter = error.param
    if parameter is None:
        return "a value"
    return parameter.opts[0] if isinstance(parameter, click.Option) else parameter.human_readable_name


def _help_of(error: click.UsageError) -> str:
    return "" if error.ctx is None else f"; see `{error.ctx.command_path} --help`"


def _policy_text(error: PolicyError) -> str:
    first, *more = error.findings
    rest = f" and {len(more)} more" if more else ""
    return f"{first}{rest}: run `gateway policies check`"


def _place(error: Exception) -> str:
    """Where it was raised, the innermost line of ours."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(_PACKAGE)] or list(frames)
    if not ours:
        return "at an unknown place"
    frame = ours[-1]
    return f"in {Path(frame.filename).name}:{frame.lineno} ({frame.name})"
