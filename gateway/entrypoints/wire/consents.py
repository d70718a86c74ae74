"""Consent on the wire: events inside a record, events on their own, and queries of the ledger."""

from __future__ import annotations

import re
from typing import Any, Final

from marshmallow import ValidationError, post_load, validates_schema

from gateway.consent.model import ANY_PURPOSE, RESTRICTIVE, STATED, EventKind
from gateway.entrypoints.wire.faults import Fault
from gateway.entrypoints.wire.fields import (
    SLUG,
    Formed,
    Instant,
    Jurisdiction,
    Slug,
    Text,
    WireSchema,
    Word,
    ahead,
    load,
)
from gateway.entrypoints.wire.identifiers import identifiers_field
from gateway.entrypoints.wire.instants import MAX_SKEW
from gateway.flows.messages import ConsentAssertion, Problem
from gateway.flows.requests import ConsentEventInput, ConsentQuery, ReceiptRequest
from gateway.policy.schema import LEGAL_BASES

MAX_CONSENT_TEXT: Final = 200


class ConsentSchema(WireSchema):
    """One consent event about the subject of a record -> ConsentAssertion."""

    kind = Word([kind for kind in EventKind if kind in STATED], "unknown_event", required=True)
    purpose = Formed(
        re.compile(rf"\*|{SLUG.pattern}"),
        "slug",
        "a purpose's slug is needed, or * in a restrictive event",
        required=True,
    )
    occurred_at = Instant(required=True)
    legal_basis = Word(LEGAL_BASES, "unknown_legal_basis")
    method = Text(MAX_CONSENT_TEXT)
    notice = Text(MAX_CONSENT_TEXT)
    expires_at = Instant()
    event_id = Text(MAX_CONSENT_TEXT)

    @validates_schema
    def sensible(self, data: dict[str, Any], **_options: object) -> None:
        """Raise ValidationError for a widening event on all purposes, or one that ends before it begins."""
        if data["purpose"] == ANY_PURPOSE and data["kind"] not in RESTRICTIVE:
            message = "only a restrictive event can be about all purposes; name the purpose"
            raise ValidationError(Fault("any_purpose_not_allowed", message), "purpose")
        if data.get("expires_at", data["occurred_at"] + 1) <= data["occurred_at"]:
            raise ValidationError(Fault("expires_too_early", "it expires before it occurred"), "expires_at")

    @post_load
    def build(self, data: dict[str, Any], **_options: object) -> ConsentAssertion | ConsentEventInput:
        """Fields -> assertion."""
        return ConsentAssertion(**data)


class ConsentEventSchema(ConsentSchema):
    """One consent event on its own, with the identifiers of the person it is about -> ConsentEventInput."""

    identifiers = identifiers_field()
    jurisdiction = Jurisdiction()

    @post_load
    def build(self, data: dict[str, Any], **_options: object) -> ConsentEventInput:
        """Fields -> event."""
        identifiers = data.pop("identifiers")
        jurisdiction = data.pop("jurisdiction", None)
        return ConsentEventInput(identifiers, ConsentAssertion(**data), jurisdiction)


class ConsentQuerySchema(WireSchema):
    """A question to the ledger -> ConsentQuery."""

    identifiers = identifiers_field()
    purpose = Slug(required=True)
    as_of = Instant()
    known_at = Instant()
    jurisdiction = Jurisdiction()

    @post_load
    def build(self, data: dict[str, Any], **_options: object) -> ConsentQuery:
        """Fields -> query."""
        return ConsentQuery(**data)


class ReceiptRequestSchema(WireSchema):
    """Whose consents are wanted as a signed record, and for which purpose -> ReceiptRequest."""

    identifiers = identifiers_field()
    purpose = Slug()

    @post_load
    def build(self, data: dict[str, Any], **_options: object) -> ReceiptRequest:
        """Fields -> request."""
        return ReceiptRequest(**data)


_EVENT: Final = ConsentEventSchema()
_QUERY: Final = ConsentQuerySchema()
_RECEIPT: Final = ReceiptRequestSchema()


def parse_consent_event(data: object, index: int | None, now: int) -> ConsentEventInput | Problem:
    """One object of POST /v1/consents, its place and the time in milliseconds -> event, or what is wrong with it.

    An event more than five minutes ahead of `now` is a problem (rule future_date).
    """
    event: ConsentEventInput | Problem = load(_EVENT, data, index)
    if isinstance(event, Problem):
        return event
    return ahead([("occurred_at", event.consent.occurred_at)], now + MAX_SKEW, index) or event


def parse_query(data: object) -> ConsentQuery | Problem:
    """The object of POST /v1/consents/query -> query, or what is wrong with it."""
    query: ConsentQuery | Problem = load(_QUERY, data, None)
    return query


def parse_receipt_request(data: object) -> ReceiptRequest | Problem:
    """The object of POST /v1/consents/receipts -> request, or what is wrong with it."""
    request: ReceiptRequest | Problem = load(_RECEIPT, data, None)
    return request
