"""/v1/audit: checkpoint, entries, proofs and exports of the tenant's log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final

from flask import Response
from flask_smorest import Blueprint

from gateway.audit.encodings import to_base64
from gateway.entrypoints.api import openapi
from gateway.entrypoints.api.answers import answer
from gateway.entrypoints.api.door import Door, operation
from gateway.entrypoints.api.observe import note_count
from gateway.entrypoints.api.queries import LARGEST, whole_number
from gateway.entrypoints.api.schemas import EntriesSchema, ExportSchema, PathSchema, content
from gateway.flows import audit
from gateway.flows.context import Caller, Role

BLUEPRINT: Final = Blueprint("audit", __name__, description="The log of all decisions, merges and requests")

_PIECE: Final = 1 << 16
_NEEDS: Final = "Role auditor, dpo or admin."
_NUMBER: Final = {"type": "integer", "minimum": 0, "maximum": LARGEST}
_RANGE: Final = {"start": _NUMBER, "end": _NUMBER}
_INCLUSION: Final = {"index": _NUMBER, "size": _NUMBER}
_CONSISTENCY: Final = {"from": _NUMBER, "to": _NUMBER}
_EXPORT: Final = {
    "in": "path",
    "name": "export_id",
    "required": True,
    "description": "Id of the export, as it was given out",
    "schema": {"type": "string", "pattern": "^exp_[0-7][0-9a-f]{15}$"},
}


@operation(
    BLUEPRINT,
    "GET",
    "/v1/audit/checkpoint",
    openapi.described(
        "Read the latest checkpoint",
        {200: content("text/plain")},
        needs=f"{_NEEDS} A signed note (c2sp.org/tlog-checkpoint).",
    ),
)
def checkpoint(door: Door, caller: Caller) -> Response:
    """The newest signed checkpoint, as a note."""
    caller.require(Role.AUDITOR, Role.DPO, Role.ADMIN)
    note = audit.latest_checkpoint(door.gateway, caller.tenant_id)
    return Response(note, content_type="text/plain; charset=utf-8")


@operation(
    BLUEPRINT,
    "GET",
    "/v1/audit/entries",
    openapi.described(
        "Read entries",
        {200: EntriesSchema},
        needs=f"{_NEEDS} From `start` to before `end`, at most {audit.MOST_ENTRIES}.",
        query=_RANGE,
    ),
    query=_RANGE,
)
def entries(door: Door, caller: Caller) -> Response:
    """Leaves of the log."""
    found = audit.entries(door.gateway, caller, whole_number("start"), whole_number("end"))
    note_count(len(found))
    return answer({"entries": [{"index": index, "leaf": leaf} for index, leaf in found]})


@operation(
    BLUEPRINT,
    "GET",
    "/v1/audit/proof/inclusion",
    openapi.described(
        "Prove that an entry is in the log",
        {200: PathSchema},
        needs=f"{_NEEDS} The audit path of entry `index` in the tree of the first `size` entries.",
        query=_INCLUSION,
    ),
    query=_INCLUSION,
)
def prove_inclusion(door: Door, caller: Caller) -> Response:
    """Hashes from the leaf to the root."""
    return _path(audit.inclusion(door.gateway, caller, whole_number("index"), whole_number("size")))


@operation(
    BLUEPRINT,
    "GET",
    "/v1/audit/proof/consistency",
    openapi.described(
        "Prove that the log only grew",
        {200: PathSchema},
        needs=f"{_NEEDS} The proof that the tree of `to` entries continues that of `from`.",
        query=_CONSISTENCY,
    ),
    query=_CONSISTENCY,
)
def prove_consistency(door: Door, caller: Caller) -> Response:
    """Hashes that lead from the old root to the new one."""
    return _path(audit.consistency(door.gateway, caller, whole_number("from"), whole_number("to")))


@operation(
    BLUEPRINT,
    "POST",
    "/v1/audit/exports",
    openapi.described(
        "Make an export of the log as it is now",
        {201: ExportSchema},
        needs=f"{_NEEDS} It holds no personal data and verifies with `gateway audit verify`.",
    ),
)
def start_export(door: Door, caller: Caller) -> Response:
    """An export, to be fetched by its id."""
    made = audit.start_export(door.gateway, caller)
    body = {"id": made.id, "origin": made.origin, "size": made.size}
    return answer(body, 201, Location=f"/v1/audit/exports/{made.id}")


@operation(
    BLUEPRINT,
    "GET",
    "/v1/audit/exports/<export_id>",
    openapi.described(
        "Fetch an export",
        {200: content("application/zip", contentMediaType="application/zip")},
        needs=_NEEDS,
        refusals=[404],
    ),
    path=[_EXPORT],
)
def fetch_export(door: Door, caller: Caller, export_id: str) -> Response:
    """The export as a ZIP archive."""
    file = audit.export_zip(door.gateway, caller, export_id)
    headers = {"Content-Disposition": 'attachment; filename="audit.zip"'}
    response = Response(_pieces(file), 200, headers, content_type="application/zip")
    response.call_on_close(file.close)
    return response


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE):
            yield piece


def _path(hashes: list[bytes]) -> Response:
    return answer({"hashes": [to_base64(one) for one in hashes]})
