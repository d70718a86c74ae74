"""Journey: decisions that time or a new policy may have changed are made again; run by a job.

    1 find      active records whose moment has come: a consent or a rule ended, a birthday passed an age gate, another
                policy set came into force
    2 decide    again, as the ledger stands
    3 retract   those that are refused now; profiles split; the others are told when to look next

Views and new decisions read the ledger as it is and need no job to be right: this one takes back what was linked. A run
of records is one transaction. Nothing is ever linked here. Raises BehindJournal, Frozen and Unavailable.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from gateway.audit.entries import EntryKind
from gateway.consent.model import Refusal
from gateway.flows.context import Caller, Gateway, Role, check_store
from gateway.flows.steps.effect import take_effect
from gateway.flows.steps.entries import Scribe
from gateway.flows.steps.hear import Hearing
from gateway.flows.steps.load import surroundings
from gateway.flows.steps.retract import Reviewed, refused_of, review
from gateway.flows.steps.stored import runs

RUN: Final = 500
RULE: Final = "consent.reevaluate"


@dataclass(frozen=True, slots=True)
class Reevaluated:
    """How many records were decided again, and how many of them were refused, by reason."""

    records: int
    retracted: Mapping[str, int]


def reevaluate(
    gateway: Gateway, caller: Caller, *, dry_run: bool, looked_at: Callable[[int], object] = lambda _: None
) -> Reevaluated:
    """Decide what is due again, or only count it. Needs the role dpo or admin.

    `looked_at` is told how many records more were decided.
    """
    caller.require(Role.DPO, Role.ADMIN)
    records, reasons = 0, Counter[str]()
    now = gateway.clock.now()
    for run in runs(gateway, caller.tenant_id, lambda unit, last: unit.records.due(now, last, RUN)):
        refused = _count(gateway, caller, run) if dry_run else _decide(gateway, caller, run)
        records += len(run)
        reasons.update(refused)
        looked_at(len(run))
    return Reevaluated(records, dict(reasons.most_common()))


def _count(gateway: Gateway, caller: Caller, run: Sequence[int]) -> Counter[str]:
    with gateway.storage.begin(caller.tenant_id, write=False) as unit:
        around = surroundings(gateway, unit, [], gateway.policies.graphs)
        return _reasons(review(gateway.policies, unit, around.ledger, around.near, run, around.now))


def _decide(gateway: Gateway, caller: Caller, run: Sequence[int]) -> Counter[str]:
    with gateway.storage.begin(caller.tenant_id, write=True) as unit:
        check_store(gateway, unit, merging=True)
        around = surroundings(gateway, unit, [], gateway.policies.graphs)
        hearing = Hearing(around.ledger, around.rules, around.now)
        reviewed = review(gateway.policies, unit, around.ledger, around.near, run, around.now)
        reviewed = [one for one in reviewed if one.row.active]
        unit.records.decided(
            {
                one.row.record_id: (one.decision.expires_at, " ".join(map(str, one.decision.basis)))
                for one in reviewed
                if not isinstance(one.decision, Refusal)
            }
        )
        reasons = _reasons(reviewed)
        scribe = replace(Scribe.of(caller, gateway.policies.digest, around.now), rule=RULE)
        facts: dict[str, str | int] = {"records": len(reviewed), **reasons}
        closing = [scribe.write(EntryKind.RECORDS_REVIEWED, RULE, facts)]
        take_effect(gateway, caller, unit, around, hearing, refused_of(reviewed), scribe=scribe, closing=closing)
        unit.commit()
    return reasons


def _reasons(reviewed: Sequence[Reviewed]) -> Counter[str]:
    return Counter(str(one.decision.reason) for one in reviewed if isinstance(one.decision, Refusal))
