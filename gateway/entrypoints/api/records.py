"""POST /v1/records and POST /v1/decisions."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from flask import Response, request
from flask_smorest import Blueprint

from gateway.consent.signals.gpc import sec_gpc
from gateway.entrypoints.api import openapi
from gateway.entrypoints.api.answers import record_results
from gateway.entrypoints.api.bodies import read_batch
from gateway.entrypoints.api.door import Door, operation
from gateway.entrypoints.api.observe import note_count
from gateway.entrypoints.api.schemas import RecordResultsSchema, RecordsSchema
from gateway.entrypoints.wire.records import RecordSchema, parse_record
from gateway.flows.context import Caller
from gateway.flows.messages import IncomingRecord, Problem, RecordResult

BLUEPRINT: Final = Blueprint("records", __name__, description="What channels observe, and what is decided about it")

_BODY: Final = openapi.batch(RecordsSchema, RecordSchema)


@operation(
    BLUEPRINT,
    "POST",
    "/v1/records",
    openapi.described(
        "Send records",
        {200: RecordResultsSchema},
        needs="Role channel. A record that breaks a rule gets a problem, the rest go through. Clients without the "
        "scope `outcomes`, and public ones, are told `accepted` or `invalid` only.",
        body=_BODY,
    ),
)
def send_records(door: Door, caller: Caller) -> Response:
    """Records -> a result each, in order."""
    records = _records(door, caller)
    results = _placed(door.records.ask(caller, records))
    door.metrics.count_records(records, results)
    return record_results(caller, results)


@operation(
    BLUEPRINT,
    "POST",
    "/v1/decisions",
    openapi.described(
        "Ask what would be decided about records",
        {200: RecordResultsSchema},
        needs="Role channel or dpo. The same body and answer as POST /v1/records; nothing is written.",
        body=_BODY,
    ),
)
def ask_decisions(door: Door, caller: Caller) -> Response:
    """Records -> what ingest would answer, without writing."""
    return record_results(caller, _placed(door.decisions.ask(caller, _records(door, caller))))


def _records(door: Door, caller: Caller) -> list[IncomingRecord | Problem]:
    """What was sent; the header `Sec-GPC` of a browser or app speaks for all of its records."""
    now = door.now()
    records = read_batch(door.limit, "records", lambda item, index: parse_record(item, index, now))
    note_count(len(records))
    if sec_gpc(request.headers.get("Sec-GPC")) and door.is_public(caller):
        return [replace(one, gpc=True) if isinstance(one, IncomingRecord) else one for one in records]
    return records


def _placed(results: list[RecordResult]) -> list[RecordResult]:
    """The same results; problems name the record's place in this request, which may have shared its batch."""
    return [
        result if result.problem is None else replace(result, problem=replace(result.problem, index=index))
        for index, result in enumerate(results)
    ]
