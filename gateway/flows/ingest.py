"""Journey: records arrive and become evidence, or are refused (DESIGN section 1).

    1 normalize, 2 pseudonymize   outside the transaction; a bad record becomes a problem, the rest go on
    3 screen                      tombstones; the records' own consents enter the ledger
    4 decide                      Permit | Refusal for each record
    5 match, 6 merge              narrowed by the candidates' consent; the partition changes
    7 record                      all of it with its log entries, in one transaction

Raises BehindJournal, Frozen and Unavailable before anything is matched; a refusal of consent is a result.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gateway.flows.context import Caller, Gateway, Role, check_store
from gateway.flows.messages import DecisionView, IncomingRecord, Outcome, Problem, RecordResult
from gateway.flows.outward import outward_ids
from gateway.flows.steps.decide import decide_all, screen, settle
from gateway.flows.steps.link import Linked, link
from gateway.flows.steps.load import Batch, load
from gateway.flows.steps.name import name, until_fresh
from gateway.flows.steps.prepare import Item, prepare
from gateway.flows.steps.record import decision_id, profile_of, write_all
from gateway.identifiers.keys import KeyPurpose


def ingest(gateway: Gateway, caller: Caller, records: Sequence[IncomingRecord | Problem]) -> list[RecordResult]:
    """A batch of parsed records -> one result each, in order. Needs the role channel."""
    caller.require(Role.CHANNEL)
    items, problems = prepare(gateway, caller, records)
    results: dict[int, RecordResult] = {
        index: RecordResult(_record_id(records[index]), "invalid", problem=problem)
        for index, problem in problems.items()
    }
    for attempt in _passes(items):
        results.update(_ingest_pass(gateway, caller, attempt))
    return [results[index] for index in range(len(records))]


def _ingest_pass(gateway: Gateway, caller: Caller, items: list[Item]) -> dict[int, RecordResult]:
    return until_fresh(lambda: _once(gateway, caller, [_fresh(item) for item in items]))


def _once(gateway: Gateway, caller: Caller, items: list[Item]) -> dict[int, RecordResult]:
    authority = caller.authority(gateway.policies)
    name(gateway, caller.tenant_id, [item.names for item in items])
    keys = gateway.keys.tenant(caller.tenant_id)
    with gateway.storage.begin(caller.tenant_id, write=True) as unit:
        check_store(gateway, unit, merging=True)
        batch = load(gateway, unit, items, caller.channel)
        screen(unit, batch, keys.hmac(KeyPurpose.SUPPRESS), authority)
        hearing = decide_all(gateway, batch, authority)
        settle(gateway, unit, batch, hearing, authority)
        linked = link(gateway, unit, batch, hearing, authority)
        write_all(gateway, caller, unit, batch, hearing, linked)
        outcomes = {item.index: _outcome(batch, linked, item) for item in items}
        homes = {home for _, home in outcomes.values() if home is not None}
        shown = outward_ids(unit, caller.client_id, homes, batch.around.now) if caller.outcomes else {}
        unit.commit()
    results: dict[int, RecordResult] = {}
    for item in items:
        outcome, home = outcomes[item.index]
        told = None if home is None else shown.get(home)
        results[item.index] = result_of(gateway, batch, item, outcome, told)
    return results


def _passes(items: Sequence[Item]) -> Iterator[list[Item]]:
    """Records that repeat a record id of the same batch wait for the next pass."""
    waiting = list(items)
    while waiting:
        seen: set[bytes] = set()
        now: list[Item] = []
        later: list[Item] = []
        for item in waiting:
            (later if item.token in seen else now).append(item)
            seen.add(item.token)
        yield now
        waiting = later


def _fresh(item: Item) -> Item:
    """The item as it was prepared, without what an attempt found out."""
    return Item(
        item.index,
        item.names,
        record=item.record,
        graph=item.graph,
        token=item.token,
        content=item.content,
        signals=item.signals,
        minor=item.minor,
    )


def _record_id(record: IncomingRecord | Problem) -> str:
    return record.record_id if isinstance(record, IncomingRecord) else ""


def _outcome(batch: Batch, linked: Linked, item: Item) -> tuple[Outcome, int | None]:
    plan = linked.plans.get(item.graph)
    if item.outcome == "duplicate":
        return "duplicate", profile_of(plan, batch.around.near[item.graph], item.ids)
    if item.outcome is not None:
        return item.outcome, None
    home = profile_of(plan, batch.around.near[item.graph], item.linking)
    if plan is None or home is None:
        return "linked", home
    if any(plan.cuts.get((item.record_id, one)) for one in item.linking):
        return "review", home
    first = next(iter(plan.causes.get(home, ())), None) == item.record_id
    return ("created" if home not in batch.around.near[item.graph].profiles and first else "linked"), home


def result_of(gateway: Gateway, batch: Batch, item: Item, outcome: Outcome, told: str | None) -> RecordResult:
    """The item's result as callers see it; `told` is their id of its profile."""
    decision = decision_view(gateway, batch, item)
    return RecordResult(item.record.record_id, outcome, told, decision, item.problem, item.honored)


def decision_view(gateway: Gateway, batch: Batch, item: Item) -> DecisionView | None:
    """The item's decision as callers see it; of a minor without its end, which would tell a birthday."""
    decision = item.decision
    if decision is None:
        return None
    return DecisionView(
        id=decision_id(batch.batch_id, item.index),
        permitted=item.outcome != "refused",
        purpose=decision.purpose,
        rule=decision.rule,
        reason=str(decision.reason),
        regimes=decision.regimes,
        policy=gateway.policies.digest,
        expires_at=None if batch.around.ledger.ages(item.ids) else getattr(decision, "expires_at", None),
    )
