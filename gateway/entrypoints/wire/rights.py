"""Privacy requests on the wire."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import post_load

from gateway.entrypoints.wire.fields import Instant, Items, Jurisdiction, Slug, WireSchema, Word, ahead, load
from gateway.entrypoints.wire.identifiers import identifiers_field
from gateway.entrypoints.wire.instants import MAX_SKEW
from gateway.flows.messages import Problem
from gateway.flows.requests import RightsSubmission
from gateway.rights.model import RequestKind

MAX_PURPOSES: Final = 50


class RightsSchema(WireSchema):
    """A privacy request as submitted -> the arguments of RightsSubmission, `received_at` perhaps still missing."""

    request = Word(tuple(RequestKind), "unknown_request", required=True)
    identifiers = identifiers_field()
    jurisdiction = Jurisdiction(required=True)
    purposes = Items(Slug(), least=1, most=MAX_PURPOSES)
    proof = Slug()
    received_at = Instant()

    @post_load
    def build(self, data: dict[str, Any], **_options: object) -> dict[str, Any]:
        """Fields -> arguments, the request as RequestKind, purposes without repetitions."""
        purposes = tuple(dict.fromkeys(data.get("purposes", ())))
        return {"proof": "", **data, "request": RequestKind(data["request"]), "purposes": purposes}


_SUBMISSION: Final = RightsSchema()


def parse_rights(data: object, now: int) -> RightsSubmission | Problem:
    """The object of POST /v1/rights and the time in milliseconds -> submission, or what is wrong with it.

    Without `proof` the request waits to be verified. What arrived by letter carries its own `received_at`, not in the
    future; otherwise it is `now`.
    """
    loaded: dict[str, Any] | Problem = load(_SUBMISSION, data, None)
    if isinstance(loaded, Problem):
        return loaded
    submission = RightsSubmission(**{"received_at": now, **loaded})
    return ahead([("received_at", submission.received_at)], now + MAX_SKEW, None) or submission
