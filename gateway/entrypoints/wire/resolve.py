"""Questions for a profile on the wire."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import post_load

from gateway.entrypoints.wire.fields import Jurisdiction, Slug, WireSchema, load
from gateway.entrypoints.wire.identifiers import identifiers_field
from gateway.entrypoints.wire.plain import plain_question
from gateway.flows.messages import Problem
from gateway.flows.requests import ResolveRequest


class ResolveSchema(WireSchema):
    """Identifiers and a purpose, `jurisdiction` for national phone numbers -> ResolveRequest."""

    identifiers = identifiers_field()
    purpose = Slug(required=True)
    jurisdiction = Jurisdiction()

    @post_load
    def build(self, data: dict[str, Any], **_options: object) -> ResolveRequest:
        """Fields -> request."""
        return ResolveRequest(**data)


_RESOLVE: Final = ResolveSchema()


def parse_resolve(data: object) -> ResolveRequest | Problem:
    """The object of POST /v1/profiles/resolve -> request, or what is wrong with it."""
    return plain_question(data) or question_by_schema(data)


def question_by_schema(data: object) -> ResolveRequest | Problem:
    """The same as `parse_resolve`, by the schema alone."""
    request: ResolveRequest | Problem = load(_RESOLVE, data, None)
    return request
