"""Steps 3 and 4: tombstones, then the decision. No profile has been matched before this step has said yes."""

from __future__ import annotations

from collections.abc import Collection

from gateway.consent.authority import LEDGER_SCOPES, Authority
from gateway.consent.decide import decide_openly
from gateway.consent.model import PERMISSIVE, Decision, Permit, Reason, Refusal
from gateway.consent.notices import NoticeBook
from gateway.flows.context import Gateway
from gateway.flows.messages import Problem
from gateway.flows.steps.hear import Hearing
from gateway.flows.steps.journal import recalled
from gateway.flows.steps.load import Batch, approach, same_values
from gateway.flows.steps.name import hidden
from gateway.flows.steps.prepare import Item
from gateway.flows.steps.signals import SignalHearing, minor, speaking
from gateway.identifiers.keys import HmacKey
from gateway.policy.model import PolicySet
from gateway.profiles.neighborhood import Neighborhood
from gateway.storage.tombstones import ERASED, RETURNED
from gateway.storage.unit_of_work import UnitOfWork


def screen(unit: UnitOfWork, batch: Batch, key: HmacKey, authority: Authority) -> None:
    """Step 3: records of erased people become `suppressed`, unless the person came back with a new, proven grant.

    Restrictions of identifiers that a restored store did not know yet are recalled.
    """
    if not unit.tombstones.any():
        return
    tokens = {
        one.token: hidden(key, one)
        for item in batch.items
        for one, rule in zip(item.pseudonyms, item.rules, strict=True)
        if rule.scope in LEDGER_SCOPES
    }
    standing = unit.tombstones.find({one for several in tokens.values() for one in several}, batch.around.now)
    if not standing:
        return
    batch.around.buried = {
        token: several[0] for several in tokens.values() for token in several[1:] if token in standing
    }
    for item in batch.items:
        hits = [
            stone for one in item.pseudonyms for token in tokens.get(one.token, ()) for stone in standing.get(token, ())
        ]
        erased = [stone for stone in hits if stone.scope == ERASED]
        returned = [stone for stone in hits if stone.scope == RETURNED]
        item.since = max((stone.erased_at for stone in erased + returned), default=0)
        allowed = item.record.observed_at > item.since
        if erased:
            allowed = allowed and _comes_back(item, authority, batch.around.notices, batch.around.now)
        if item.since and not allowed:
            item.outcome = "suppressed"
            continue
        item.lifts = erased
        item.recalled = [stone for stone in hits if stone.scope not in (ERASED, RETURNED)]


def _comes_back(item: Item, authority: Authority, notices: NoticeBook, now: int) -> bool:
    """A new, trusted grant on the record (DESIGN section 6)."""
    return authority.rules.verified and any(
        consent.kind in PERMISSIVE
        and consent.purpose == item.record.purpose
        and consent.occurred_at > item.since
        and "person"
        in authority.scopes_for(consent.kind, consent.purpose, consent.occurred_at, now, consent.legal_basis)
        and notices.shown(consent.notice, consent.purpose, consent.occurred_at) is not None
        for consent in item.record.consents
    )


def decide_all(gateway: Gateway, batch: Batch, authority: Authority) -> Hearing:
    """Step 4 for every record in order: what it states enters the ledger, then it is decided."""
    hearing = Hearing(batch.around.ledger, batch.around.rules, batch.around.now, notices=batch.around.notices)
    for item in batch.items:
        if item.outcome is None:
            _hear(gateway, batch, item, authority, hearing)
            item.decision = decide_item(gateway.policies, batch, item, authority)
    return hearing


def settle(gateway: Gateway, unit: UnitOfWork, batch: Batch, hearing: Hearing, authority: Authority) -> None:
    """Look up the profiles of permitted records; what was tightened in this batch is spread and decided again."""
    if hearing.tightened:
        hearing.share(same_values(unit, batch.around, hearing.tightened))
    wide = hearing.person_wide()
    if wide:
        for graph in gateway.policies.graphs:
            batch.around.near.setdefault(graph, Neighborhood(gateway.policies.kinds, kinds=dict(batch.around.rules)))
    concerned: dict[str, set[int]] = {graph: set(wide) for graph in batch.around.near}
    for item in batch.items:
        if isinstance(item.decision, Permit):
            concerned[item.graph].update(item.ids)
    approach(unit, batch.around, concerned)
    if wide:
        hearing.spread(batch.around.near.values())
    if hearing.tightened:
        for item in batch.items:
            if isinstance(item.decision, Permit) and not hearing.tightened.isdisjoint(item.ids):
                item.decision = decide_item(gateway.policies, batch, item, authority)
    for item in batch.items:
        if isinstance(item.decision, Refusal):
            item.outcome = "refused"


def _hear(gateway: Gateway, batch: Batch, item: Item, authority: Authority, hearing: Hearing) -> None:
    record = item.record
    stated = [one for one in record.consents if one.occurred_at > item.since or one.kind not in PERMISSIVE]
    if not (stated or item.recalled or item.signals or item.minor):
        return
    regimes = gateway.policies.regimes_for(authority.jurisdiction(record.jurisdiction))
    for stone in item.recalled:
        hearing.bind(recalled(stone), item.ids, regimes)
    heard = speaking(hearing, item.ids)
    if item.minor is not None:
        hearing.bind(minor(item.minor.age, item.minor.until, record.observed_at, "attributes"), heard, regimes)
    for attempt in hearing.hear(stated, item.ids, authority, regimes)[:1]:
        field = f"consents[{record.consents.index(stated[attempt.place])}]"
        item.problem = Problem(field, str(attempt.reason), EXPLAINED[attempt.reason], item.index)
    if item.signals:
        keys, channel = gateway.keys.tenant(batch.tenant_id), batch.around.channel
        signals = SignalHearing(gateway.policies, keys, hearing, authority, regimes, heard, channel, record.observed_at)
        signals.hear(item.signals)
        item.honored = record.gpc and signals.honors_gpc


EXPLAINED = {
    Reason.NOT_ASSERTABLE: "this client may not state this about these identifiers",
    Reason.NO_NOTICE: "a consent counts only for a registered notice that was in force: see `gateway notice add`",
}
"""What is told of a statement that would have widened and was not taken."""


def decide_item(
    policies: PolicySet, batch: Batch, item: Item, authority: Authority, speaking: Collection[int] = ()
) -> Decision:
    """One record's decision under all regimes of its jurisdiction; `speaking` are shared no longer."""
    record = item.record
    regimes = policies.regimes_for(authority.jurisdiction(record.jurisdiction))
    allowed = authority.rules.purposes
    if allowed is not None and record.purpose not in allowed:
        return Refusal(record.purpose, regimes, "clients.purposes", Reason.NOT_ASSERTABLE)
    if not any(rule.may_link for rule in item.rules):
        return Refusal(record.purpose, regimes, "identifiers.may_link", Reason.NOTHING_TO_LINK)
    subject = batch.around.subject(item.graph, item.ids, speaking)
    ledger, now = batch.around.ledger, batch.around.now
    decision, item.heard = decide_openly(policies, regimes, record.purpose, subject, ledger, now)
    return decision
