"""`gateway signals decode`: what consent strings say. Needs neither keys nor a database.

a TC string                   its fields: {"Version":2,"CmpId":…}
a GPP string                  {"sections":{"usnat":{"SaleOptOut":…},…}}
a US Privacy string           {"Version":1,"Notice":"Y",…}
one that cannot be read       {"problem":"…"} without any part of it; exit code 1
misuse                        one line on standard error; exit code 2
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

import click
import orjson

from gateway.consent.signals.errors import MalformedSignal
from gateway.consent.signals.fields import gpp_fields, tcf_fields, usp_fields
from gateway.consent.signals.gpp import decode_gpp
from gateway.consent.signals.tcf import decode_tcf
from gateway.consent.signals.usp import decode_usp
from gateway.entrypoints.cli.exits import ExitCode
from gateway.entrypoints.cli.sources import STANDARD_INPUT, opened_file
from gateway.entrypoints.wire.reading import read_lines
from gateway.flows.messages import Problem
from gateway.kernel.errors import InvalidInput

_STANDARD_INPUT: Final = str(STANDARD_INPUT)
_ORDER: Final = "gateway.signals.order"
_KINDS: Final[Mapping[str, Callable[[str], Mapping[str, object]]]] = MappingProxyType(
    {
        "tcf": lambda text: tcf_fields(decode_tcf(text)),
        "gpp": lambda text: gpp_fields(decode_gpp(text)),
        "usp": lambda text: usp_fields(decode_usp(text)),
    }
)


class _InOrder(click.Command):
    """Keeps the order in which options were given; click groups the values by option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        _, _, given = self.make_parser(ctx).parse_args(list(args))
        ctx.meta[_ORDER] = [parameter.name for parameter in given]
        return super().parse_args(ctx, args)


@click.group("signals")
def signals() -> None:
    """Consent strings: TCF, GPP and US Privacy."""


@signals.command("decode", cls=_InOrder, short_help="Fields of TC, GPP and US Privacy strings.")
@click.option("--tcf", multiple=True, metavar="STRING|-", help="A TC string of TCF 2.0 to 2.3.")
@click.option("--gpp", multiple=True, metavar="STRING|-", help="A GPP string, with all its sections.")
@click.option("--usp", multiple=True, metavar="STRING|-", help="A US Privacy string, such as 1YNN.")
@click.option("--json", is_flag=True, expose_value=False, help="As everywhere; the lines are JSON in any case.")
@click.pass_context
def decode(ctx: click.Context, /, **given: tuple[str, ...]) -> ExitCode:
    """Print the fields of each string as a line of JSON, in the order of the options.

    \b
      gateway signals decode --tcf - < strings.txt
      gateway signals decode --gpp "DBABLA~BAAAAAAAAQA.QA" --usp 1YNN

    Consent strings are personal data, and everybody on this machine can read what stands on a command line. For real
    data write -: one string a line comes from standard input.

    A string that is damaged is a line with its problem; the command then exits with 1.
    """  # noqa: D301 - click marks a paragraph that is not wrapped with \b
    values = {kind: iter(texts) for kind, texts in given.items()}
    order = [(kind, next(values[kind])) for kind in ctx.meta[_ORDER] if kind in values]
    if not order or [text for _, text in order].count(_STANDARD_INPUT) > 1:
        message = "give strings as --tcf, --gpp or --usp, or - for standard input, once"
        raise InvalidInput(message, field="--tcf", rule="required")
    code = ExitCode.OK
    for kind, text in order:
        for one in _lines() if text == _STANDARD_INPUT else (text,):
            answer = _decoded(kind, one)
            if "problem" in answer:
                code = ExitCode.FINDINGS
            click.echo(orjson.dumps(answer))
    return code


def _decoded(kind: str, text: str | Problem) -> Mapping[str, object]:
    if isinstance(text, Problem):
        return {"problem": text.message}
    try:
        return _KINDS[kind](text)
    except MalformedSignal as error:
        return {"problem": str(error)}


def _lines() -> Iterator[str | Problem]:
    """Standard input -> its lines, blank ones too, so that each answer stands where its string stood."""
    seen = 0
    with opened_file(STANDARD_INPUT) as stream:
        for number, line in read_lines(stream):
            yield from [""] * (number - seen - 1)
            seen = number
            # No signal has other characters, so each decoder refuses what stands for them.
            yield line if isinstance(line, Problem) else line.removesuffix(b"\r").decode("ascii", "replace")
