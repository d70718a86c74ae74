"""/v1/rights: privacy requests, from submission to package and receipt."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from flask import Response, request
from flask_smorest import Blueprint

from gateway.entrypoints.api import openapi
from gateway.entrypoints.api.answers import answer
from gateway.entrypoints.api.bodies import read_message, read_optional_message
from gateway.entrypoints.api.door import Door, operation
from gateway.entrypoints.api.observe import note_count
from gateway.entrypoints.api.queries import word
from gateway.entrypoints.api.schemas import (
    ApproveSchema,
    DenySchema,
    HoldSchema,
    NothingSchema,
    ReceiptSchema,
    RequestSchema,
    RequestsSchema,
    VerifySchema,
    content,
)
from gateway.entrypoints.wire.fields import WireSchema, load
from gateway.entrypoints.wire.rights import RightsSchema, parse_rights
from gateway.entrypoints.wire.views import request_json
from gateway.flows import rights
from gateway.flows.context import Caller
from gateway.flows.messages import Problem
from gateway.kernel.errors import InvalidInput
from gateway.rights.model import Action, State

BLUEPRINT: Final = Blueprint("rights", __name__, description="Privacy requests of people")

ACTIONS: Final[dict[Action, tuple[str, type[WireSchema]]]] = {
    Action.VERIFY: ("Note how the person proved to be it", VerifySchema),
    Action.PREFLIGHT: ("Find out what the run will do", NothingSchema),
    Action.APPROVE: ("Let the request be run", ApproveSchema),
    Action.DENY: ("Deny the request", DenySchema),
    Action.EXTEND: ("Take the extension that the regime grants, once", NothingSchema),
    Action.HOLD: ("Put the request on hold", HoldSchema),
    Action.RELEASE: ("End the hold", NothingSchema),
    Action.CANCEL: ("Take the request back", NothingSchema),
}

_STATES: Final = [state.value for state in State]
_STATE: Final = {"state": {"type": "string", "enum": _STATES, "x-optional": True}}
_REFERENCE: Final = re.compile(r"[!-~]{1,200}")
_KEY: Final = {
    "in": "header",
    "name": "Idempotency-Key",
    "description": "The same key from the same client gives the same request again. Never put an identifier into it",
    "schema": {"type": "string", "pattern": "^[!-~]{1,200}$"},
}
_PATH: Final = [
    {
        "in": "path",
        "name": "request_id",
        "required": True,
        "description": "Id of the request, as it was given out",
        "schema": {"type": "string", "pattern": "^req_[0-7][0-9a-f]{15}$"},
    }
]


@operation(
    BLUEPRINT,
    "POST",
    "/v1/rights",
    openapi.described(
        "Submit a privacy request",
        {201: RequestSchema},
        needs="Role dpo or channel (not public). A request acts only on identifiers proved in it; a digest is never "
        "proof.",
        body=openapi.message(RightsSchema),
        headers=[_KEY],
    ),
)
def submit(door: Door, caller: Caller) -> Response:
    """A submission -> the request."""
    door.require_confidential(caller)
    now = door.now()
    submission = read_message(door.limit, lambda data: parse_rights(data, now))
    view = rights.submit(door.gateway, caller, submission, _reference())
    return answer(request_json(view), 201, Location=f"/v1/rights/{view.id}")


@operation(
    BLUEPRINT,
    "GET",
    "/v1/rights",
    openapi.described("List privacy requests", {200: RequestsSchema}, needs="Role dpo or auditor.", query=_STATE),
    query=_STATE,
)
def list_requests(door: Door, caller: Caller) -> Response:
    """All requests, or those in one state."""
    state = word("state", _STATES)
    views = rights.list_requests(door.gateway, caller, None if state is None else State(state))
    note_count(len(views))
    return answer({"requests": [request_json(view) for view in views]})


@operation(
    BLUEPRINT,
    "GET",
    "/v1/rights/<request_id>",
    openapi.described(
        "Show a privacy request",
        {200: RequestSchema},
        needs="Role dpo or auditor, or the channel that submitted it.",
        refusals=[404],
    ),
    path=_PATH,
)
def show(door: Door, caller: Caller, request_id: str) -> Response:
    """One request."""
    return answer(request_json(rights.show(door.gateway, caller, request_id)))


@operation(
    BLUEPRINT,
    "GET",
    "/v1/rights/<request_id>/package",
    openapi.described(
        "Fetch the export",
        {200: content("application/zip", contentMediaType="application/zip")},
        needs="Role dpo. A ZIP with JSON, CSV and a page to read, of a completed access or portability request.",
        refusals=[404, 409],
    ),
    path=_PATH,
)
def package(door: Door, caller: Caller, request_id: str) -> Response:
    """The export of a completed request."""
    body = rights.package(door.gateway, caller, request_id)
    headers = {"Content-Disposition": 'attachment; filename="package.zip"'}
    return Response(body, 200, headers, content_type="application/zip")


@operation(
    BLUEPRINT,
    "GET",
    "/v1/rights/<request_id>/receipt",
    openapi.described(
        "Fetch the receipt",
        {200: ReceiptSchema},
        needs="Role dpo or auditor. What a completed request did, with its proof from the log.",
        refusals=[404, 409],
    ),
    path=_PATH,
)
def receipt(door: Door, caller: Caller, request_id: str) -> Response:
    """The receipt of a completed request."""
    return answer(rights.receipt(door.gateway, caller, request_id).as_json())


def _act_by(action: Action, schema: type[WireSchema]) -> Callable[..., Response]:
    """The view that does `action`, with what `schema` lets into its body."""
    loader = schema()

    def parse(data: object) -> dict[str, Any] | Problem:
        parsed: dict[str, Any] | Problem = load(loader, data, None)
        return parsed

    def act(door: Door, caller: Caller, request_id: str) -> Response:
        options = read_optional_message(door.limit, parse)
        if "include_untrusted" in options:
            options["include_hanging"] = options.pop("include_untrusted")
        return answer(request_json(rights.act(door.gateway, caller, request_id, action, **options)))

    act.__name__ = action.value
    return act


def _reference() -> str:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _REFERENCE.fullmatch(key):
        message = "1 to 200 printable ASCII characters without blanks are needed"
        raise InvalidInput(message, field="Idempotency-Key", rule="idempotency_key")
    return key or ""


for _action, (_summary, _schema) in ACTIONS.items():
    operation(
        BLUEPRINT,
        "POST",
        f"/v1/rights/<request_id>/{_action.value}",
        openapi.described(
            _summary,
            {200: RequestSchema},
            needs="Role dpo. What is possible when stands in the request's `possible`.",
            body=openapi.optional_message(_schema),
            refusals=[404, 409],
        ),
        path=_PATH,
    )(_act_by(_action, _schema))
