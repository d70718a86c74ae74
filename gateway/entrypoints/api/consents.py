"""POST /v1/consents, POST /v1/consents/query and POST /v1/consents/receipts."""

from __future__ import annotations

from typing import Final

from flask import Response
from flask_smorest import Blueprint

from gateway.entrypoints.api import openapi
from gateway.entrypoints.api.answers import JSON, consent_results, consent_state
from gateway.entrypoints.api.bodies import read_batch, read_message
from gateway.entrypoints.api.door import Door, operation
from gateway.entrypoints.api.observe import note_count
from gateway.entrypoints.api.schemas import (
    ConsentRecordSchema,
    ConsentResultsSchema,
    ConsentsSchema,
    ConsentStateSchema,
)
from gateway.entrypoints.wire.consents import (
    ConsentEventSchema,
    ConsentQuerySchema,
    ReceiptRequestSchema,
    parse_consent_event,
    parse_query,
    parse_receipt_request,
)
from gateway.flows.consent_receipt import consent_receipt
from gateway.flows.context import Caller
from gateway.flows.query_consent import query_consent
from gateway.flows.record_consent import record_consent

BLUEPRINT: Final = Blueprint("consents", __name__, description="The ledger of consents")


@operation(
    BLUEPRINT,
    "POST",
    "/v1/consents",
    openapi.described(
        "Send consent events",
        {200: ConsentResultsSchema},
        needs="Role channel or dpo. An event that breaks a rule gets a problem, the rest go through. Clients without "
        "the scope `outcomes`, and public ones, are told `accepted` or `invalid` only.",
        body=openapi.batch(ConsentsSchema, ConsentEventSchema),
    ),
)
def send_consents(door: Door, caller: Caller) -> Response:
    """Events -> a result each, in order."""
    now = door.now()
    events = read_batch(door.limit, "consents", lambda item, index: parse_consent_event(item, index, now))
    note_count(len(events))
    results = record_consent(door.gateway, caller, events)
    door.metrics.count_consents(results)
    return consent_results(caller, results)


@operation(
    BLUEPRINT,
    "POST",
    "/v1/consents/query",
    openapi.described(
        "Ask what the ledger says about a purpose",
        {200: ConsentStateSchema},
        needs="Role channel (not public) or dpo. A channel is answered only about identifiers it has sent itself.",
        body=openapi.message(ConsentQuerySchema),
    ),
)
def ask_consent(door: Door, caller: Caller) -> Response:
    """Identifiers and a purpose -> what is in force for them."""
    door.require_confidential(caller)
    query = read_message(door.limit, parse_query)
    return consent_state(query_consent(door.gateway, caller, query))


@operation(
    BLUEPRINT,
    "POST",
    "/v1/consents/receipts",
    openapi.described(
        "Make a signed record of a person's consents",
        {200: ConsentRecordSchema},
        needs="Role dpo. Of exactly these identifiers, after ISO/IEC TS 27560; a receipt where a purpose is named. "
        "Keep the body byte for byte: `gateway consent verify` checks it. The disclosure is an entry of the log.",
        body=openapi.message(ReceiptRequestSchema),
        refusals=[404],
    ),
)
def make_receipt(door: Door, caller: Caller) -> Response:
    """Identifiers and perhaps a purpose -> the signed record."""
    asked = read_message(door.limit, parse_receipt_request)
    return Response(consent_receipt(door.gateway, caller, asked), content_type=JSON)
