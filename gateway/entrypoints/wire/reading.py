"""Bytes -> objects: JSON, NDJSON, CSV and gzip, in bounded memory and whatever the bytes are.

`parse_json` and `bounded_gunzip` raise, because a body they cannot read is spoiled as a whole; the readers of lines
give a `Problem` for a bad line and go on with the next. Text that cannot be read is never shown again.

JSON is orjson's: RFC 8259, at most 1,024 levels deep, no NaN, no lone surrogates, UTF-8 only. Of repeated names in an
object the last counts. Integers of more than 64 bits become floats, which no field of the wire format takes.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from functools import partial
from typing import BinaryIO, Final

import orjson

from gateway.flows.messages import Problem
from gateway.kernel.errors import InvalidInput, TooLarge

MAX_LINE: Final = 1 << 20
"""Bytes a line of NDJSON or CSV may have."""

UTF8_MARK: Final = b"\xef\xbb\xbf"
_PIECE: Final = 1 << 16
_GZIP: Final = 16 + zlib.MAX_WBITS


def parse_json(body: bytes) -> object:
    """JSON text -> object. Raises `InvalidInput` (rule malformed_json), `TooLarge` (rule nested_too_deep)."""
    try:
        return orjson.loads(body.removeprefix(UTF8_MARK))
    except orjson.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        too_deep = error.msg.startswith("depth limit exceeded")
    if too_deep:
        raise TooLarge(f"nested deeper than any field needs: {place}", rule="nested_too_deep")
    raise InvalidInput(f"this is not JSON: {place}", rule="malformed_json")


def read_ndjson(stream: Iterable[bytes] | BinaryIO) -> Iterator[tuple[int, object | Problem]]:
    """A stream, or the pieces of one cut anywhere -> per line that is not blank its place (from 0) and its object, or
    the problem that kept it from being read (rule line_too_long, malformed_json, nested_too_deep).
    """
    for index, (number, line) in enumerate(read_lines(stream)):
        if isinstance(line, Problem):
            yield index, line_problem(line.rule, line.message, number, index)
            continue
        try:
            parsed: object | Problem = parse_json(line)
        except InvalidInput as error:
            parsed = line_problem(error.rule, str(error), number, index)
        yield index, parsed


def line_problem(rule: str, message: str, number: int, index: int) -> Problem:
    """Rule and message, number of the line (from 1) and place of its record -> problem."""
    return Problem(field="", rule=rule, message=f"in line {number} of the file: {message}", index=index)


def read_lines(stream: Iterable[bytes] | BinaryIO) -> Iterator[tuple[int, bytes | Problem]]:
    """A stream, or its pieces -> number (from 1) and bytes of each line that is not blank, without its end.

    A line of more than `MAX_LINE` bytes becomes a problem (rule line_too_long) and is never held in memory.
    """
    for number, line in enumerate(_split(stream), start=1):
        if line is None:
            yield number, Problem(field="", rule="line_too_long", message=f"at most {MAX_LINE} bytes are allowed")
            continue
        text = line.removeprefix(UTF8_MARK) if number == 1 else line
        if text and not text.isspace():
            yield number, text


def _split(stream: Iterable[bytes] | BinaryIO) -> Iterator[bytes | None]:
    parts: list[bytes] = []
    size = 0
    for piece in _pieces(stream):
        *ended, rest = piece.split(b"\n")
        for end in ended:
            size += len(end)
            yield None if size > MAX_LINE else b"".join((*parts, end))
            parts.clear()
            size = 0
        size += len(rest)
        if size > MAX_LINE:
            parts.clear()
        elif rest:
            parts.append(rest)
    if size:
        yield None if size > MAX_LINE else b"".join(parts)


def _pieces(stream: Iterable[bytes] | BinaryIO) -> Iterator[bytes]:
    read = getattr(stream, "read1", None) or getattr(stream, "read", None)
    return iter(stream) if read is None else iter(partial(read, _PIECE), b"")


def bounded_gunzip(stream: Iterable[bytes] | BinaryIO, limit_bytes: int) -> Iterator[bytes]:
    """A gzip stream, or its pieces -> its content in pieces of at most 64 KiB.

    Takes several members (RFC 1952 section 2.2) and zeros behind them, as padded files have.

    Raises `TooLarge` (rule too_large) as soon as the content passes `limit_bytes`, so a bomb costs no more than the
    limit, and `InvalidInput` (rule malformed_gzip) for what is damaged or cut off.
    """
    total = 0
    for piece in _gunzip(stream):
        total += len(piece)
        if total > limit_bytes:
            raise TooLarge(f"at most {limit_bytes} bytes are allowed when unpacked", rule="too_large")
        yield piece


def _gunzip(stream: Iterable[bytes] | BinaryIO) -> Iterator[bytes]:
    member = zlib.decompressobj(_GZIP)
    try:
        for packed in _pieces(stream):
            left = packed.lstrip(b"\0") if member.eof else packed
            while left:
                if member.eof:
                    member = zlib.decompressobj(_GZIP)
                yield member.decompress(left, _PIECE)
                left = member.unused_data.lstrip(b"\0") if member.eof else member.unconsumed_tail
    except zlib.error:
        raise _damaged() from None
    if not member.eof:
        raise _damaged()


def _damaged() -> InvalidInput:
    return InvalidInput("this is no gzip, or it is damaged or cut off", rule="malformed_gzip")
