"""Journey: consent events come in bulk, and widen only with a second person's approval (DESIGN section 4).

    1 preview    whom they would widen and tighten; an import that widens nobody is run at once
    2 propose    one that widens waits, by the digest of its events, with what it would do
    3 approve    by another client, with the role dpo or admin
    4 run        the same events, as long as they widen nobody beyond what was approved

Everything but the preview is an entry of the log. A run that was cut short is run again: events are idempotent.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from gateway.audit.entries import EntryKind
from gateway.flows.context import Caller, Gateway, Role
from gateway.flows.messages import Problem
from gateway.flows.preview_consent import ConsentPreview, preview_consent
from gateway.flows.record_consent import record_consent
from gateway.flows.requests import ConsentEventInput
from gateway.flows.steps.entries import Scribe
from gateway.flows.views import ConsentResult
from gateway.identifiers.pseudonyms import RecordTokens
from gateway.kernel.errors import Conflict, NotFound, NotPermitted
from gateway.kernel.ids import decode, draw, encode
from gateway.storage.imports import ImportRow

Event = ConsentEventInput | Problem

_BATCH: Final = 1_000


@dataclass(frozen=True, slots=True)
class Import:
    """Events of one import, and the digest (32 bytes) by which an approval knows them again."""

    events: Sequence[Event]
    digest: bytes


def propose_import(gateway: Gateway, caller: Caller, wanted: Import) -> tuple[str, ConsentPreview]:
    """What an import would do, and its id, by which somebody else approves it."""
    preview = preview_consent(gateway, caller, wanted.events)
    number, now = draw(1)[0], gateway.clock.now()
    summary = {"people": preview.people, "widened": dict(preview.widened), "tightened": dict(preview.tightened)}
    row = ImportRow(number, _token(gateway, caller, wanted), orjson.dumps(summary).decode(), caller.client_id, now)
    with gateway.storage.begin(caller.tenant_id, write=True, partition=False) as unit:
        unit.imports.add(row)
        facts: dict[str, str | int] = {
            "import": encode("imp", number),
            "people": preview.people,
            "widened": sum(preview.widened.values()),
            "tightened": sum(preview.tightened.values()),
        }
        scribe = Scribe.of(caller, gateway.policies.digest, now)
        unit.log.append([scribe.write(EntryKind.IMPORT_PROPOSED, "import.propose", facts)])
        unit.commit()
    return encode("imp", number), preview


def approve_import(gateway: Gateway, caller: Caller, import_id: str) -> Mapping[str, Any]:
    """Approve an import that another client proposed -> what it would do. Needs the role dpo or admin.

    Raises NotFound, NotPermitted for whoever proposed it, Conflict where it was approved before.
    """
    caller.require(Role.DPO, Role.ADMIN)
    now = gateway.clock.now()
    with gateway.storage.begin(caller.tenant_id, write=True, partition=False) as unit:
        row = unit.imports.get(_number(import_id))
        if row is None:
            raise _unknown()
        if row.proposed_by == caller.client_id:
            raise NotPermitted("whoever proposed an import does not approve it: a second person is needed")
        if not unit.imports.approve(row.import_id, caller.client_id, now):
            raise Conflict("this import was approved already")
        scribe = Scribe.of(caller, gateway.policies.digest, now)
        facts: dict[str, str | int] = {"import": import_id, "client": f"{caller.client_id:x}"}
        unit.log.append([scribe.write(EntryKind.IMPORT_APPROVED, "import.approve", facts)])
        unit.commit()
    summary: Mapping[str, Any] = orjson.loads(row.summary)
    return summary


def run_import(
    gateway: Gateway,
    caller: Caller,
    wanted: Import,
    *,
    approved: str = "",
    recorded: Callable[[int], object] = lambda _: None,
) -> Iterator[list[ConsentResult]]:
    """Record the events of an import, in batches -> their results. `recorded` is told how many events more.

    `approved` is the id of the proposal. Raises NotPermitted, before anything is recorded, for an import that widens
    somebody and is not approved, or widens more than was approved; NotFound.
    """
    preview = preview_consent(gateway, caller, wanted.events)
    row = _proposal(gateway, caller, wanted, approved) if approved else None
    allowed = orjson.loads(row.summary)["widened"] if row is not None else {}
    beyond = {purpose: count for purpose, count in preview.widened.items() if count > allowed.get(purpose, 0)}
    if beyond:
        told = ", ".join(f"{purpose} for {count} people" for purpose, count in sorted(beyond.items()))
        raise NotPermitted(f"this import would permit {told}: propose it with --propose, a second person approves it")
    return _run(gateway, caller, wanted, row, recorded)


def _run(
    gateway: Gateway, caller: Caller, wanted: Import, row: ImportRow | None, recorded: Callable[[int], object]
) -> Iterator[list[ConsentResult]]:
    for start in range(0, len(wanted.events), _BATCH):
        batch = wanted.events[start : start + _BATCH]
        yield record_consent(gateway, caller, batch)
        recorded(len(batch))
    if row is not None:
        with gateway.storage.begin(caller.tenant_id, write=True, partition=False) as unit:
            unit.imports.done(row.import_id, gateway.clock.now())
            scribe = Scribe.of(caller, gateway.policies.digest, gateway.clock.now())
            facts: dict[str, str | int] = {"import": encode("imp", row.import_id), "events": len(wanted.events)}
            unit.log.append([scribe.write(EntryKind.IMPORT_DONE, "import.run", facts)])
            unit.commit()


def _proposal(gateway: Gateway, caller: Caller, wanted: Import, import_id: str) -> ImportRow:
    with gateway.storage.begin(caller.tenant_id, write=False) as unit:
        row = unit.imports.get(_number(import_id))
    if row is None:
        raise _unknown()
    if row.approved_at is None:
        raise NotPermitted("nobody has approved this import yet: `gateway consent approve`")
    if not hmac.compare_digest(row.digest, _token(gateway, caller, wanted)):
        raise NotPermitted("these are not the events that were approved: propose them anew")
    return row


def _token(gateway: Gateway, caller: Caller, wanted: Import) -> bytes:
    """The digest as it is kept, keyed: that of a few people's events could be found by trying."""
    return RecordTokens(gateway.keys.tenant(caller.tenant_id), "imports:").of(wanted.digest.hex())


def _number(import_id: str) -> int:
    try:
        return decode("imp", import_id)
    except ValueError:
        raise _unknown() from None


def _unknown() -> NotFound:
    return NotFound(
        "there is no such import: its id has the form imp_…, as `gateway consent import --propose` printed it"
    )
