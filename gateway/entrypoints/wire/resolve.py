"""Questions for a profile on the wire."""

from __future__ import annotations

import re
from typing import Any, Final

from marshmallow import ValidationError, post_load, validates_schema

from gateway.entrypoints.wire.faults import Fault
from gateway.entrypoints.wire.fields import Formed, Jurisdiction, Slug, WireSchema, load
from gateway.entrypoints.wire.identifiers import identifiers_field
from gateway.entrypoints.wire.plain import plain_question
from gateway.flows.messages import Problem
from gateway.flows.requests import ResolveRequest


class ResolveSchema(WireSchema):
    """Identifiers or a profile id, and a purpose; `jurisdiction` for national phone numbers -> ResolveRequest."""

    identifiers = identifiers_field(required=False)
    profile_id = Formed(re.compile(r"prf_[0-9a-f]{24}"), "profile_id", "an id as this client was given it is needed")
    purpose = Slug(required=True)
    jurisdiction = Jurisdiction()

    @validates_schema
    def one_form(self, data: dict[str, Any], **_options: object) -> None:
        """Raise ValidationError unless there are either identifiers or a profile id."""
        given = data.keys() & {"identifiers", "profile_id"}
        if not given:
            raise ValidationError(Fault("required", "either identifiers or profile_id is needed"), "identifiers")
        if len(given) > 1:
            message = "either identifiers or profile_id is needed, not both"
            raise ValidationError(Fault("identifiers_or_profile_id", message), "profile_id")

    @post_load
    def build(self, data: dict[str, Any], **_options: object) -> ResolveRequest:
        """Fields -> request."""
        return ResolveRequest(**{"identifiers": (), **data})


_RESOLVE: Final = ResolveSchema()


def parse_resolve(data: object) -> ResolveRequest | Problem:
    """The object of POST /v1/profiles/resolve -> request, or what is wrong with it."""
    return plain_question(data) or question_by_schema(data)


def question_by_schema(data: object) -> ResolveRequest | Problem:
    """The same as `parse_resolve`, by the schema alone."""
    request: ResolveRequest | Problem = load(_RESOLVE, data, None)
    return request
