"""What was heard takes effect, and records that lost their basis leave: ledger, partition and entries in one change."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.flows.context import Caller, Gateway
from gateway.flows.steps.entries import Scribe
from gateway.flows.steps.hear import Hearing
from gateway.flows.steps.journal import journal_events
from gateway.flows.steps.link import inherit
from gateway.flows.steps.load import Surroundings
from gateway.flows.steps.record import (
    apply_plan,
    consent_rows,
    count_restrictive,
    partition_entries,
    rekey,
    write_events,
)
from gateway.flows.steps.retract import Retracted, plan_until_settled
from gateway.profiles.engine import Plan
from gateway.storage.log import Entry
from gateway.storage.unit_of_work import UnitOfWork


def take_effect(
    gateway: Gateway,
    caller: Caller,
    unit: UnitOfWork,
    around: Surroundings,
    hearing: Hearing,
    retracted: Retracted,
    *,
    journaled: bool = False,
    scribe: Scribe | None = None,
    closing: Sequence[Entry] = (),
) -> None:
    """Write the events of `hearing` and the retraction of records, which may be extended.

    `journaled` is True when the events come from the journal itself; `closing` entries stand last. Writes nothing where
    there is nothing to write.
    """
    plans: dict[str, Plan] = {}
    for graph, records in retracted.items():
        plans[graph], _ = plan_until_settled(
            gateway.policies, unit, around.ledger, around.near, graph, added=[], removed=records, now=around.now
        )
        inherit(gateway, unit, around, hearing, plans[graph], around.near[graph])
    if not (hearing.events or hearing.attempts or plans or closing):
        return
    base = unit.log.lock().size
    scribe = scribe or Scribe.of(caller, gateway.policies.digest, around.now)
    entries = [scribe.consent(event) for event in hearing.events]
    changes = partition_entries(scribe, plans, {}, base + len(entries), entries)
    entries += [*scribe.attempts(hearing.attempts), *closing]
    unit.identifiers.add([around.new[one] for one in hearing.identifiers() if one in around.new])
    write_events(unit, caller, hearing.events, base, around.now)
    unit.records.retract([one for records in retracted.values() for one in records], around.now)
    for graph, planned in plans.items():
        apply_plan(unit, graph, around.near[graph], planned, base)
    unit.disclosures.add_changes([*changes, *consent_rows(hearing.events, around.near.values(), base, around.now)])
    rekey(unit, around)
    unit.log.append(entries, restrictions=count_restrictive(hearing.events))
    if not journaled:
        journal_events(gateway, unit, around, hearing.events)
