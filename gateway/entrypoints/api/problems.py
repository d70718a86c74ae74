"""The one table from error family to HTTP status, and how an error is written (RFC 9457, application/problem+json).

A problem has `type` (a URN), `title`, `status` and `detail`; where the caller's input is at fault also `field`, `rule`
and `index`, never the value. What is nobody's fault but ours has a title and no detail; the log says where.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final, NamedTuple

import orjson
from flask import Flask, Response
from werkzeug.exceptions import HTTPException, MethodNotAllowed, UnsupportedMediaType

from gateway.flows.messages import Problem
from gateway.kernel import logs
from gateway.kernel.errors import (
    BehindJournal,
    Conflict,
    Frozen,
    GatewayError,
    IntegrityError,
    InvalidInput,
    NotFound,
    NotPermitted,
    TooLarge,
    Unauthenticated,
    Unavailable,
)

MEDIA_TYPE: Final = "application/problem+json"
URN: Final = "urn:consent-gateway:problem:"


class Row(NamedTuple):
    """How one family is answered: status, the last part of its URN, seconds for Retry-After, whether its text shows."""

    status: int
    slug: str
    retry_after: int | None = None
    shown: bool = True


FAMILIES: Final[Mapping[type[GatewayError], Row]] = MappingProxyType(
    {
        InvalidInput: Row(400, "invalid-input"),
        TooLarge: Row(413, "too-large"),
        Unauthenticated: Row(401, "not-authenticated"),
        NotPermitted: Row(403, "not-permitted"),
        NotFound: Row(404, "not-found"),
        Conflict: Row(409, "conflict"),
        Unavailable: Row(503, "unavailable", retry_after=5),
        Frozen: Row(503, "frozen", retry_after=300),
        BehindJournal: Row(503, "behind-journal", retry_after=60),
        IntegrityError: Row(500, "does-not-verify", shown=False),
        GatewayError: Row(500, "failure", shown=False),
    }
)


class WrongMedia(UnsupportedMediaType):
    """A body of a media type or coding that this route does not take; its text is ours and may be shown."""

    def __init__(self, message: str, *, codings: str = "") -> None:
        super().__init__(message)
        self.codings = codings


def refuse(problem: Problem) -> InvalidInput:
    """What the wire format found wrong with a whole body -> the error to raise."""
    return InvalidInput(problem.message, field=problem.field, rule=problem.rule, index=problem.index)


def register(app: Flask) -> None:
    """Let every error of the app, its own and werkzeug's, become a problem."""
    app.register_error_handler(GatewayError, _family)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unforeseen)


def _family(error: GatewayError) -> Response:
    row = next(FAMILIES[one] for one in type(error).__mro__ if one in FAMILIES)
    if row.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        logs.failure("failure", error)
    body: dict[str, object] = {"type": URN + row.slug, "title": error.title, "status": row.status}
    if row.shown:
        body["detail"] = str(error)
    if isinstance(error, InvalidInput):
        body |= {"field": error.field, "rule": error.rule}
        if error.index is not None:
            body["index"] = error.index
    headers = {}
    if row.retry_after is not None:
        headers["Retry-After"] = str(row.retry_after)
    if row.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="gateway"'
    return _written(body, row.status, headers)


def _http(error: HTTPException) -> Response:
    """Only texts of ours are shown: werkzeug's may quote the request."""
    status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    body: dict[str, object] = {"type": "about:blank", "title": status.phrase, "status": status}
    headers = {}
    if isinstance(error, WrongMedia):
        body["detail"] = error.description
        headers = {"Accept-Encoding": error.codings} if error.codings else {}
    elif isinstance(error, MethodNotAllowed):
        headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
    return _written(body, status, headers)


def _unforeseen(error: Exception) -> Response:
    logs.failure("failure", error)
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    return _written({"type": "about:blank", "title": status.phrase, "status": status}, status, {})


def _written(body: Mapping[str, object], status: int, headers: Mapping[str, str]) -> Response:
    return Response(orjson.dumps(body), status, headers, content_type=MEDIA_TYPE)
