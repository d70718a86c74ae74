"""Journey: what would be decided about records, and why. Writes nothing.

The same steps as ingest up to the decision; the record's own consents count as they would, but are not kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gateway.flows.context import Caller, Gateway, Role, check_store
from gateway.flows.ingest import result_of
from gateway.flows.messages import IncomingRecord, Outcome, Problem, RecordResult
from gateway.flows.steps.decide import decide_all, screen, settle
from gateway.flows.steps.load import Batch, load
from gateway.flows.steps.name import name, until_fresh
from gateway.flows.steps.prepare import Item, prepare
from gateway.identifiers.keys import KeyPurpose


def decide_records(gateway: Gateway, caller: Caller, records: Sequence[IncomingRecord | Problem]) -> list[RecordResult]:
    """Parsed records -> one result each, in order: what ingest would answer now, without ids of profiles."""
    caller.require(Role.CHANNEL, Role.DPO)
    items, problems = prepare(gateway, caller, records)
    results: dict[int, RecordResult] = {}
    for index, problem in problems.items():
        record = records[index]
        name = record.record_id if isinstance(record, IncomingRecord) else ""
        results[index] = RecordResult(name, "invalid", problem=problem)
    if items:
        batch = until_fresh(lambda: _decided(gateway, caller, items))
        for item in items:
            stands = any(one in batch.around.near[item.graph].home for one in item.ids)
            outcome: Outcome = item.outcome or ("linked" if stands else "created")
            results[item.index] = replace(result_of(gateway, batch, item, outcome, None), gpc=False)
    return [results[index] for index in range(len(records))]


def _decided(gateway: Gateway, caller: Caller, items: list[Item]) -> Batch:
    name(gateway, caller.tenant_id, [item.names for item in items])
    authority = caller.authority(gateway.policies)
    key = gateway.keys.tenant(caller.tenant_id).hmac(KeyPurpose.SUPPRESS)
    with gateway.storage.begin(caller.tenant_id, write=False) as unit:
        check_store(gateway, unit, merging=True)
        batch = load(gateway, unit, items, caller.channel)
        screen(unit, batch, key, authority)
        settle(gateway, unit, batch, decide_all(gateway, batch, authority), authority)
    return batch
