"""Bodies of requests: media type, coding, size and number of items, then the wire format's own parsers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final, TypeVar

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge

from gateway.entrypoints.api.problems import WrongMedia, refuse
from gateway.entrypoints.wire.reading import bounded_gunzip, parse_json, read_ndjson
from gateway.flows.messages import Problem
from gateway.kernel.errors import InvalidInput, TooLarge

MAX_ITEMS: Final = 10_000
"""Records or events a call may bring."""

JSON: Final = "application/json"
NDJSON: Final = ("application/x-ndjson", "application/ndjson")

_CODINGS: Final = "gzip, identity"
_PIECE: Final = 1 << 16

_BYTES_A_VALUE: Final = 10
"""Bytes that the shortest sensible field takes. A body of `[],[],[]…` would need thirty times its size when read."""

_T = TypeVar("_T")


def read_message(limit: int, parse: Callable[[object], _T | Problem]) -> _T:
    """A body that is one JSON object -> what `parse` makes of it.

    Raises InvalidInput and TooLarge (a body of more than `limit` bytes, also when unpacked) and WrongMedia.
    """
    if request.mimetype != JSON:
        raise WrongMedia(f"Content-Type: {JSON} is needed")
    parsed = parse(parse_json(_whole(limit)))
    if isinstance(parsed, Problem):
        raise refuse(parsed)
    return parsed


def read_optional_message(limit: int, parse: Callable[[object], _T | Problem]) -> _T:
    """As `read_message`; no body at all, whatever its media type, counts as an object without fields."""
    if request.content_length or request.headers.get("Transfer-Encoding"):
        return read_message(limit, parse)
    parsed = parse({})
    if isinstance(parsed, Problem):
        raise refuse(parsed)
    return parsed


def read_batch(limit: int, name: str, parse: Callable[[object, int], _T | Problem]) -> list[_T | Problem]:
    """A body `{name: [item, …]}` or NDJSON with an item a line -> what `parse` makes of each item and its place.

    A bad item, or a line that is no JSON, is a Problem in its place. Raises InvalidInput and TooLarge (a body of more
    than `limit` bytes, also when unpacked, or more than `MAX_ITEMS` items) for the whole, and WrongMedia.
    """
    if request.mimetype == JSON:
        items = _listed(parse_json(_whole(limit)), name)
        if len(items) > MAX_ITEMS:
            raise _too_many(name)
        return [parse(item, index) for index, item in enumerate(items)]
    if request.mimetype not in NDJSON:
        raise WrongMedia(f"Content-Type: {JSON} or {NDJSON[0]} is needed")
    try:
        lines = islice(read_ndjson(_few_lines(_pieces(limit), name)), MAX_ITEMS + 1)
        parsed = [line if isinstance(line, Problem) else parse(line, index) for index, line in lines]
    except (RequestEntityTooLarge, OSError) as error:
        raise _unreadable(error, limit) from None
    if len(parsed) > MAX_ITEMS:
        raise _too_many(name)
    if not parsed:
        raise _empty()
    return parsed


def _whole(limit: int) -> bytes:
    try:
        body = b"".join(_pieces(limit))
    except (RequestEntityTooLarge, OSError) as error:
        raise _unreadable(error, limit) from None
    if not body or body.isspace():
        raise _empty()
    most = limit // _BYTES_A_VALUE
    if len(body) > most and body.count(b",") + body.count(b"[") + body.count(b"{") > most:
        raise TooLarge(f"at most {most} values are allowed", rule="too_many_values")
    return body


def _pieces(limit: int) -> Iterable[bytes]:
    """The body, unpacked, in pieces."""
    return bounded_gunzip(_raw(limit), limit) if _is_gzip() else _raw(limit)


def _raw(limit: int) -> Iterator[bytes]:
    """The body as it was sent, in pieces.

    What werkzeug cuts off without a word would look like the whole. So it lets one byte more than `limit` through, to
    be missed here, and a body with a length must have that length.
    """
    length = request.content_length
    total = 0
    while piece := request.stream.read(_PIECE):
        total += len(piece)
        if total > limit:
            raise RequestEntityTooLarge
        yield piece
    if length is not None and total != length:
        raise InvalidInput("the body is not as long as Content-Length says", rule="unreadable_body")


def _few_lines(pieces: Iterable[bytes], name: str) -> Iterator[bytes]:
    """The same pieces. Raises TooLarge when they have more than twice as many lines as items are allowed."""
    lines = 0
    for piece in pieces:
        lines += piece.count(b"\n")
        if lines > 2 * MAX_ITEMS:
            raise _too_many(name)
        yield piece


def _is_gzip() -> bool:
    coding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if coding not in {"gzip", "x-gzip", "identity"}:
        raise WrongMedia(f"Content-Encoding is one of {_CODINGS}", codings=_CODINGS)
    return coding != "identity"


def _unreadable(error: RequestEntityTooLarge | OSError, limit: int) -> InvalidInput:
    """What werkzeug and the server raise while a body comes in -> our families."""
    if isinstance(error, RequestEntityTooLarge):
        return TooLarge(f"at most {limit} bytes are allowed", rule="too_large")
    return InvalidInput("the body broke off, or is not framed as HTTP needs it", rule="unreadable_body")


def _listed(body: object, name: str) -> list[object]:
    if not isinstance(body, dict):
        raise InvalidInput("an object is needed", rule="wrong_type")
    if name not in body:
        raise InvalidInput("this field is required", field=name, rule="required")
    if len(body) > 1:
        raise InvalidInput(f"unknown field; known are {name}", rule="unknown_field")
    items = body[name]
    if not isinstance(items, list):
        raise InvalidInput("a list is needed", field=name, rule="wrong_type")
    return items


def _too_many(name: str) -> TooLarge:
    return TooLarge(f"at most {MAX_ITEMS} items are allowed in one call", field=name, rule="too_many")


def _empty() -> InvalidInput:
    return InvalidInput("there is no body", rule="empty_body")
