"""The OpenAPI 3.1 document: what is true of all operations, and how one operation is described."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import orjson
from flask import Flask
from flask_smorest import Api
from marshmallow import Schema

from gateway import __version__
from gateway.entrypoints.api import bodies, problems
from gateway.entrypoints.api.schemas import ProblemSchema
from gateway.entrypoints.wire.fields import WireSchema

_DESCRIPTION: Final = """
Channels post records of their customers; the gateway turns identifiers into pseudonyms, asks the consent ledger and
only then links them into profiles. Identifiers stand in bodies only, never in a URL. Times are RFC 3339. Answers are
JSON whatever `Accept` says, errors are problems (RFC 9457) that name field, rule and index, never a value. Bodies may
be compressed (`Content-Encoding: gzip`).
""".strip().replace("\n", " ")

_SCHEME: Final = "apiKey"
_WITH_KEY: Final = (400, 401, 403, 500, 503)
_WITHOUT_KEY: Final = (400, 500)
_WITH_BODY: Final = (413, 415)
_HEADERS: Final = {401: "WWW-Authenticate", 503: "Retry-After"}


class GatewayApi(Api):  # type: ignore[misc]  # flask-smorest ships no types
    """flask-smorest's Api, but what can go wrong is answered by `problems` and described operation by operation."""

    DEFAULT_ERROR_RESPONSE_NAME = None

    def _register_error_handlers(self) -> None:
        """None: every error is answered by `problems`."""

    def _register_responses(self) -> None:
        """A problem for each status; those that an operation names enter the document."""
        for status in HTTPStatus:
            response = {
                "description": status.phrase,
                "content": {problems.MEDIA_TYPE: {"schema": ProblemSchema}},
            }
            if status in _HEADERS:
                response["headers"] = {_HEADERS[status]: {"schema": {"type": "string"}, "required": True}}
            self.spec.components.response(status.name, response, lazy=True)


def api_of(app: Flask) -> GatewayApi:
    """The app's API, to register blueprints on; its document is served by `pages`."""
    app.config.update(API_TITLE="Consent gateway", API_VERSION=__version__, OPENAPI_VERSION="3.1.0")
    api = GatewayApi(
        app,
        spec_kwargs={
            "info": {"description": _DESCRIPTION},
            "security": [{_SCHEME: []}],
        },
    )
    api.spec.components.security_scheme(
        _SCHEME, {"type": "http", "scheme": "bearer", "description": "API key of a client: `gw_…`"}
    )
    return api


def written(api: GatewayApi) -> bytes:
    """The whole document as JSON."""
    return orjson.dumps(api.spec.to_dict(), option=orjson.OPT_INDENT_2)


def described(
    summary: str,
    answers: Mapping[int, type[Schema] | Mapping[str, Any]],
    *,
    needs: str,
    body: Mapping[str, Any] | None = None,
    query: Mapping[str, Mapping[str, Any]] | None = None,
    headers: Sequence[Mapping[str, Any]] = (),
    refusals: Sequence[int] = (),
    key: bool = True,
) -> dict[str, Any]:
    """What OpenAPI says of one operation.

    `answers` by status: the schema of a JSON body, or a whole `content`; `needs` says which clients may call it; `body`
    is made by `message`, `optional_message` or `batch`; `query` maps parameters to schemas, those without a default
    are required; `refusals` are statuses beside those that any operation may answer; without `key` anybody may call.
    """
    statuses = {*(_WITH_KEY if key else _WITHOUT_KEY), *refusals, *(_WITH_BODY if body else ())} - answers.keys()
    responses: dict[str, Any] = {
        str(status): {"description": HTTPStatus(status).phrase, "content": _content(content)}
        for status, content in answers.items()
    }
    responses |= {str(status): HTTPStatus(status).name for status in sorted(statuses)}
    parameters = [*map(dict, headers)]
    for name, schema in (query or {}).items():
        required = "default" not in schema and not schema.get("x-optional")
        plain = {key: value for key, value in schema.items() if key != "x-optional"}
        parameters.append({"in": "query", "name": name, "required": required, "schema": plain})
    document: dict[str, Any] = {"summary": summary, "description": needs, "responses": responses}
    if parameters:
        document["parameters"] = parameters
    if body is not None:
        document["requestBody"] = body
    if not key:
        document["security"] = []
    return document


def message(schema: type[Schema]) -> dict[str, Any]:
    """A body that is one JSON object."""
    return {"required": True, "content": {bodies.JSON: {"schema": schema}}}


def optional_message(schema: type[Schema]) -> dict[str, Any]:
    """A body that is one JSON object, or none."""
    return {"required": False, "content": {bodies.JSON: {"schema": schema}}}


def batch(schema: type[Schema], item: type[WireSchema]) -> dict[str, Any]:
    """A body that is an object with a list, or NDJSON."""
    return {
        "required": True,
        "content": {bodies.JSON: {"schema": schema}, bodies.NDJSON[0]: {"schema": item}},
    }


def _content(content: type[Schema] | Mapping[str, Any]) -> Mapping[str, Any]:
    return content if isinstance(content, Mapping) else {bodies.JSON: {"schema": content}}
