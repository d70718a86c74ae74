"""POST /v1/profiles/resolve and GET /v1/changes."""

from __future__ import annotations

from typing import Final

from flask import Response
from flask_smorest import Blueprint

from gateway.entrypoints.api import openapi
from gateway.entrypoints.api.answers import answer, change_json, profile
from gateway.entrypoints.api.bodies import read_message
from gateway.entrypoints.api.door import Door, operation
from gateway.entrypoints.api.observe import note_count
from gateway.entrypoints.api.queries import LARGEST, whole_number
from gateway.entrypoints.api.schemas import ChangesSchema, ProfileSchema
from gateway.entrypoints.wire.resolve import ResolveSchema, parse_resolve
from gateway.flows.changes import MAX_PAGE, changes
from gateway.flows.context import Caller
from gateway.flows.resolve import ask

BLUEPRINT: Final = Blueprint("profiles", __name__, description="Profiles in the view of a purpose")

_PAGE: Final = 100
_QUERY: Final = {
    "after": {"type": "integer", "minimum": 0, "maximum": LARGEST, "default": 0},
    "limit": {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": _PAGE},
}


@operation(
    BLUEPRINT,
    "POST",
    "/v1/profiles/resolve",
    openapi.described(
        "Ask for the profile of identifiers, or of a profile id",
        {200: ProfileSchema},
        needs="Role channel, not public. Answers only for identifiers the channel has sent itself; every answer that "
        "shows a profile is an entry of the log. `profile_id`, instead of `identifiers`, is an id this client was "
        "given: it asks for all of these identifiers in the profile. An id given for a profile that was merged since "
        "is answered where the purpose may use the whole profile, and the answer shows the present id; a split or an "
        "erasure withdraws it.",
        body=openapi.message(ResolveSchema),
    ),
)
def resolve_profile(door: Door, caller: Caller) -> Response:
    """Identifiers or a profile id, and a purpose -> the view of the profile."""
    door.require_confidential(caller)
    request = read_message(door.limit, parse_resolve)
    (view,) = door.views.ask(caller, [ask(door.gateway, caller, request)])
    return profile(view)


@operation(
    BLUEPRINT,
    "GET",
    "/v1/changes",
    openapi.described(
        "Read what happened to profiles",
        {200: ChangesSchema},
        needs="Role channel (not public) or dpo. Pass `next` of one page as `after` of the following one; 0 begins at "
        "the beginning. A page holds about `limit` changes.",
        query=_QUERY,
    ),
    query=_QUERY,
)
def read_changes(door: Door, caller: Caller) -> Response:
    """A page of the feed, oldest first."""
    door.require_confidential(caller)
    after = whole_number("after", default=0)
    limit = whole_number("limit", default=_PAGE, least=1, most=MAX_PAGE)
    page = changes(door.gateway, caller, after - 1, limit)
    note_count(len(page.changes))
    return answer({"changes": [change_json(one) for one in page.changes], "next": page.next + 1})
