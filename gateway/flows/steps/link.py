"""Steps 5 and 6: permitted records are matched, narrowed by the candidates' consent, and become evidence; the evidence
becomes changes of the partition.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from gateway.consent.authority import LEDGER_SCOPES, Authority
from gateway.consent.decide import Candidate, Subject, decide_openly, narrow
from gateway.consent.model import Permit, Reason, Refusal
from gateway.flows.context import Gateway
from gateway.flows.steps.decide import decide_item
from gateway.flows.steps.hear import Hearing
from gateway.flows.steps.load import Batch, Surroundings
from gateway.flows.steps.prepare import Item, Met
from gateway.flows.steps.retract import Retracted, extend, plan_until_settled, retract
from gateway.kernel.ids import draw
from gateway.matching.exact import match
from gateway.profiles.engine import Plan
from gateway.profiles.model import Evidence
from gateway.profiles.neighborhood import Neighborhood
from gateway.storage.unit_of_work import UnitOfWork


@dataclass(slots=True)
class Linked:
    """What a batch does to the evidence and to the partition of each graph."""

    plans: dict[str, Plan] = field(default_factory=dict)
    evidence: dict[int, Evidence] = field(default_factory=dict)
    retracted: Retracted = field(default_factory=dict)
    replaced: set[int] = field(default_factory=set)


def link(gateway: Gateway, unit: UnitOfWork, batch: Batch, hearing: Hearing, authority: Authority) -> Linked:
    """Match, narrow and plan the merges of a decided batch."""
    linked = Linked()
    if hearing.tightened:
        linked.retracted = retract(
            gateway.policies, unit, batch.around.ledger, batch.around.near, hearing.tightened, batch.around.now
        )
    removed: Retracted = {graph: dict(records) for graph, records in linked.retracted.items()}
    permitted = [item for item in batch.items if isinstance(item.decision, Permit)]
    _compare(gateway, unit, batch, permitted, linked, removed)
    ids = iter(draw(len(permitted)))
    for item in permitted:
        if item.outcome is None:
            item.record_id = next(ids)
            _match(gateway, batch, item, linked, hearing, trusted=authority.rules.verified)
    for graph in sorted({*batch.around.near, *removed}):
        items = [item for item in permitted if item.graph == graph and item.linking]
        if items or removed.get(graph):
            batch.around.near.setdefault(graph, Neighborhood(gateway.policies.kinds))
            leaving = removed.setdefault(graph, {})
            _plan(gateway, unit, batch, linked, graph=graph, items=items, removed=leaving, authority=authority)
            inherit(gateway, unit, batch.around, hearing, linked.plans[graph], batch.around.near[graph])
    return linked


def _plan(
    gateway: Gateway,
    unit: UnitOfWork,
    batch: Batch,
    linked: Linked,
    *,
    graph: str,
    items: Sequence[Item],
    removed: dict[int, tuple[int, ...]],
    authority: Authority,
) -> None:
    """The plan of one graph, without the records that identifiers which are shared no longer refuse."""

    def refuse(speaking: AbstractSet[int]) -> list[int]:
        refused: list[int] = []
        for item in items:
            if not item.linking or speaking.isdisjoint(item.ids):
                continue
            decision = decide_item(gateway.policies, batch, item, authority, speaking)
            if isinstance(decision, Refusal):
                item.decision, item.outcome, item.linking = decision, "refused", ()
                del linked.evidence[item.record_id]
                refused.append(item.record_id)
        return refused

    before = set(removed)
    linked.plans[graph], left = plan_until_settled(
        gateway.policies,
        unit,
        batch.around.ledger,
        batch.around.near,
        graph,
        added=[linked.evidence[item.record_id] for item in items],
        removed=removed,
        now=batch.around.now,
        refuse=refuse,
    )
    linked.retracted.setdefault(graph, {}).update({one: removed[one] for one in left - before})


def inherit(
    gateway: Gateway, unit: UnitOfWork, around: Surroundings, hearing: Hearing, planned: Plan, near: Neighborhood
) -> None:
    """A merge never widens: restrictions that bind the person are written on every identifier that joins."""
    arrivals = planned.arrivals()
    gained = [planned.members_after(near, change.profile_id, arrivals) for change in planned.changes if change.added]
    strangers = {one for members in gained for one in members} - around.loaded
    around.rules.update({one: near.kinds[one] for one in strangers})
    around.loaded |= strangers
    for fact in unit.ledger.facts(strangers):
        around.ledger.add(fact)
    for members in gained:
        if not around.ledger.person_wide.isdisjoint(members):
            hearing.inherit(members, gateway.policies.purposes)


def _compare(
    gateway: Gateway, unit: UnitOfWork, batch: Batch, permitted: list[Item], linked: Linked, removed: Retracted
) -> None:
    """Same id and content = duplicate; a newer `observed_at` replaces the earlier evidence, an older one is late."""
    replaced: dict[int, str] = {}
    gone = {record for records in linked.retracted.values() for record in records}
    for item in permitted:
        known = batch.known.get(item.token)
        if known is None:
            continue
        if known.active and known.record_id not in gone:
            newer = (item.record.observed_at, item.content) > (known.observed_at, known.content)
            if known.content == item.content or not newer:
                item.outcome = "duplicate"
                item.record_id = known.record_id
                continue
            replaced[known.record_id] = known.graph
        item.replaces = known.record_id
        linked.replaced.add(known.record_id)
    links = unit.records.links(replaced)
    for graph in sorted({*replaced.values()}):
        kinds = {one.identifier_id: one.kind for one in links if replaced[one.record_id] == graph}
        extend(gateway.policies, unit, batch.around.near, graph, kinds)
    for one in links:
        if one.linking:
            records = removed.setdefault(replaced[one.record_id], {})
            records[one.record_id] = (*records.get(one.record_id, ()), one.identifier_id)


def _match(gateway: Gateway, batch: Batch, item: Item, linked: Linked, hearing: Hearing, *, trusted: bool) -> None:
    permit = item.decision
    if not isinstance(permit, Permit):
        raise TypeError("only permitted records are matched")
    near = batch.around.near[item.graph]
    linkable = [one for one in item.ids if batch.around.rules[one].may_link]
    verdict = match(permit, linkable, near.home, near.demoted)
    candidates = [
        Candidate(
            profile,
            {
                one: batch.around.rules[one].speaks_as
                for one in near.members[profile]
                if batch.around.rules[one].scope in LEDGER_SCOPES
            },
            near.profiles[profile].regimes,
        )
        for profile in verdict.evidence
    ]
    subject = batch.around.subject(item.graph, item.ids)
    merge = narrow(permit, subject, candidates, gateway.policies, batch.around.ledger, batch.around.now)
    dropped = {one for profile in merge.dropped for one in verdict.evidence[profile]}
    item.linking = tuple([one for one in linkable if one not in dropped])
    if not item.linking:
        item.met = tuple(
            _met(gateway, batch, permit, subject, one) for one in candidates if one.profile_id in merge.dropped
        )
        item.decision = Refusal(permit.purpose, permit.regimes, permit.rule, Reason.CANDIDATE_REFUSES)
        item.outcome = "refused"
        return
    if dropped:
        homes = {near.home[one] for one in item.linking if one in near.home}
        theirs = {*item.linking, *(one for home in homes for one in near.members[home])}
        hearing.inherit(sorted(dropped), gateway.policies.purposes, sorted(theirs))
    kept = set(item.linking)
    at = [place for place, one in enumerate(item.ids) if one in kept]
    linked.evidence[item.record_id] = Evidence(
        item.record_id,
        trusted,
        item.record.observed_at,
        item.content,
        item.linking,
        permit.regimes,
        tuple([item.names.values[place] for place in at]),
        tuple([item.names.forms[place] for place in at]),
    )


def _met(gateway: Gateway, batch: Batch, permit: Permit, subject: Subject, candidate: Candidate) -> Met:
    """A profile that refused, as `narrow` decided it: together with the record, under the regimes of both."""
    regimes = tuple(sorted({*permit.regimes, *candidate.regimes}))
    both = Subject({**candidate.scopes, **subject.scopes}, subject.channel)
    around = batch.around
    _, heard = decide_openly(gateway.policies, regimes, permit.purpose, both, around.ledger, around.now)
    return Met(regimes, heard)
