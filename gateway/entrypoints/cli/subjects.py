"""Identifiers of a person, from a file, standard input or a prompt; never from arguments.

One a line: `email ada@example.org`, `platform_id:steam 7656119…`, `email:sha256:uid2 <hex or Base64>`, or an object as
in the API, `{"kind":"email","value":"…"}`. Blank lines are skipped.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from gateway.entrypoints.cli.sources import STANDARD_INPUT, opened_file
from gateway.entrypoints.wire.reading import parse_json, read_lines
from gateway.flows.messages import Problem
from gateway.kernel.errors import InvalidInput

_SHA256 = "sha256"


def read_subject(path: Path) -> list[object]:
    """The identifiers in a file, on standard input (`-`) or, where that is a terminal, typed at a prompt.

    -> objects of the wire format, not yet checked. Raises InvalidInput with the number of a line that is none.
    """
    if path == STANDARD_INPUT and sys.stdin.isatty():
        lines = [(number, line.encode()) for number, line in enumerate(_prompted(), start=1)]
        return [_identifier(number, line) for number, line in lines]
    with opened_file(path) as stream:
        found = []
        for number, line in read_lines(stream):
            if isinstance(line, Problem):
                raise InvalidInput(f"line {number}: {line.message}", field="identifiers", rule=line.rule)
            found.append(_identifier(number, line))
        return found


def _prompted() -> Iterator[str]:
    click.echo("Identifiers of the person, one a line as KIND VALUE; an empty line ends them.", err=True)
    while line := click.prompt("identifier", default="", show_default=False, err=True):
        yield line


def _identifier(number: int, line: bytes) -> object:
    if line.lstrip().startswith(b"{"):
        try:
            return parse_json(line)
        except InvalidInput as error:
            raise InvalidInput(f"line {number}: not JSON", field="identifiers", rule=error.rule) from None
    try:
        column, _, value = line.decode().strip().partition(" ")
    except UnicodeDecodeError:
        raise InvalidInput(f"line {number}: not UTF-8", field="identifiers", rule="not_utf8") from None
    if not value:
        message = f"line {number}: a kind, a blank and a value are needed"
        raise InvalidInput(message, field="identifiers", rule="malformed_line")
    return _object(column, value.strip())


def _object(column: str, value: str) -> dict[str, str]:
    """`kind`, `kind:namespace`, `kind:sha256:profile` or `kind:namespace:sha256`, and the value -> the object."""
    kind, *rest = column.split(":")
    found = {"kind": kind}
    if rest and rest[0] != _SHA256:
        found["namespace"] = rest.pop(0)
    if rest[:1] != [_SHA256]:
        return {**found, "value": value}
    found[_SHA256] = value
    return {**found, "profile": rest[1]} if rest[1:] else found
