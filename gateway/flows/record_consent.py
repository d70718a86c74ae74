"""Journey: consent events arrive on their own, a withdrawal among them (DESIGN section 4).

    1 pseudonymize   outside the transaction; a bad event becomes a problem
    2 screen         nothing is written about somebody who was erased
    3 hear           events enter the ledger; what binds the person is written on every identifier of the profile
    4 retract        links that no longer have a basis go, and profiles split
    5 record         ledger, partition, entries; restrictions are journaled before the commit

Goes on while merging is frozen. Raises BehindJournal and Unavailable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gateway.consent.authority import LEDGER_SCOPES, Authority
from gateway.consent.model import Reason
from gateway.flows.context import Caller, Gateway, Role, check_store
from gateway.flows.messages import Problem
from gateway.flows.requests import ConsentEventInput
from gateway.flows.steps.decide import EXPLAINED
from gateway.flows.steps.effect import take_effect
from gateway.flows.steps.hear import Hearing
from gateway.flows.steps.journal import recalled
from gateway.flows.steps.load import Surroundings, approach, same_values, surroundings
from gateway.flows.steps.name import hidden, name, until_fresh
from gateway.flows.steps.prepare import Named, consent_tokens, digest_all, tokenized
from gateway.flows.steps.retract import Retracted, retract
from gateway.flows.views import ConsentResult
from gateway.identifiers.keys import KeyPurpose
from gateway.kernel.errors import InvalidInput
from gateway.policy.model import PolicySet
from gateway.storage.tombstones import ERASED, RETURNED, Tombstone
from gateway.storage.unit_of_work import UnitOfWork


@dataclass(slots=True, eq=False)
class Statement(Named):
    """One event on its way."""

    event: ConsentEventInput | None = None

    @property
    def occurred_at(self) -> int:
        """When what is stated happened, in milliseconds; 0 where nothing is stated."""
        return 0 if self.event is None else self.event.consent.occurred_at


def record_consent(
    gateway: Gateway, caller: Caller, events: Sequence[ConsentEventInput | Problem]
) -> list[ConsentResult]:
    """Parsed consent events -> one result each, in order. Needs the role channel or dpo."""
    caller.require(Role.CHANNEL, Role.DPO)
    statements, results = prepare_events(gateway, caller, events)
    if statements:
        results |= until_fresh(lambda: _record(gateway, caller, statements))
    return [results[index] for index in range(len(events))]


def _record(gateway: Gateway, caller: Caller, statements: Sequence[Statement]) -> dict[int, ConsentResult]:
    """Steps 2 to 5 for statements that break no rule -> their results by place."""
    name(gateway, caller.tenant_id, [one.names for one in statements])
    results: dict[int, ConsentResult] = {}
    with gateway.storage.begin(caller.tenant_id, write=True) as unit:
        check_store(gateway, unit, merging=False)
        around = around_events(gateway, caller, unit, statements)
        hearing = Hearing(around.ledger, around.rules, around.now, notices=around.notices)
        erased = screen_events(gateway, caller, unit, statements, around)
        heard = [statement for statement in statements if statement.index not in erased]
        _recall(gateway, caller, unit, heard, around, hearing)
        for statement in statements:
            if statement.index not in erased:
                results[statement.index] = hear_event(gateway, caller, statement, hearing)
            else:
                results[statement.index] = ConsentResult("suppressed")
        retracted = write_hearing(gateway, caller, unit, around, hearing)
        unit.commit()
    for statement in statements:
        hit = sum(1 for one in retracted.values() for ids in one.values() if not set(ids).isdisjoint(statement.ids))
        if hit and results[statement.index].outcome == "recorded":
            results[statement.index] = ConsentResult("recorded", hit)
    return results


def around_events(gateway: Gateway, caller: Caller, unit: UnitOfWork, statements: Sequence[Statement]) -> Surroundings:
    """What the store knows about the people of these statements."""
    stated = [one.event.consent for one in statements if one.event is not None]
    return surroundings(gateway, unit, statements, gateway.policies.graphs, caller.channel, stated)


def prepare_events(
    gateway: Gateway, caller: Caller, events: Sequence[ConsentEventInput | Problem]
) -> tuple[list[Statement], dict[int, ConsentResult]]:
    """Step 1: (statements, results of those that break a rule by place)."""
    keys = gateway.keys.tenant(caller.tenant_id)
    tokens = consent_tokens(keys, caller)
    statements: list[Statement] = []
    results: dict[int, ConsentResult] = {}
    for index, event in enumerate(events):
        if isinstance(event, Problem):
            results[index] = ConsentResult("invalid", problem=event)
            continue
        try:
            check_purpose(gateway.policies, event.consent.purpose)
            names = digest_all(event.identifiers, gateway.policies, event.jurisdiction)
        except InvalidInput as error:
            results[index] = ConsentResult("invalid", problem=Problem(error.field, error.rule, str(error), index))
            continue
        said = replace(event, consent=tokenized(event.consent, tokens))
        statements.append(Statement(index, names, event=said))
    return statements, results


def check_purpose(policies: PolicySet, purpose: str) -> None:
    """Raises InvalidInput for a purpose the policy does not know; "*" stands for all."""
    if purpose != "*" and purpose not in policies.purposes:
        raise InvalidInput("the policy does not know this purpose", field="purpose", rule="unknown_purpose")


def screen_events(
    gateway: Gateway, caller: Caller, unit: UnitOfWork, statements: Sequence[Statement], around: Surroundings
) -> set[int]:
    """Step 2: places of the statements about somebody who was erased."""
    return {
        statement.index
        for statement, standing in _standing(gateway, caller, unit, statements, around)
        for stone in standing
        if stone.scope == ERASED or (stone.scope == RETURNED and statement.occurred_at <= stone.erased_at)
    }


def _standing(
    gateway: Gateway, caller: Caller, unit: UnitOfWork, statements: Sequence[Statement], around: Surroundings
) -> list[tuple[Statement, list[Tombstone]]]:
    """Statements with the tombstones their people stand under."""
    if not unit.tombstones.any():
        return []
    key = gateway.keys.tenant(caller.tenant_id).hmac(KeyPurpose.SUPPRESS)
    tokens = {
        statement.index: [
            token
            for one, rule in zip(statement.pseudonyms, statement.rules, strict=True)
            if rule.scope in LEDGER_SCOPES
            for token in hidden(key, one)
        ]
        for statement in statements
    }
    found = unit.tombstones.find({token for several in tokens.values() for token in several}, around.now)
    return [
        (statement, [stone for token in tokens[statement.index] for stone in found.get(token, ())])
        for statement in statements
    ]


def _recall(
    gateway: Gateway,
    caller: Caller,
    unit: UnitOfWork,
    statements: Sequence[Statement],
    around: Surroundings,
    hearing: Hearing,
) -> None:
    """Restrictions of identifiers that a restored store did not know yet enter the ledger with their first event."""
    for statement, standing in _standing(gateway, caller, unit, statements, around):
        stones = [stone for stone in standing if stone.scope not in (ERASED, RETURNED)]
        for stone in stones:
            hearing.bind(recalled(stone), statement.ids, (stone.regime,))
        unit.tombstones.lift(stones)


def hear_event(gateway: Gateway, caller: Caller, statement: Statement, hearing: Hearing) -> ConsentResult:
    """Step 3 for one statement: it enters `hearing`, unless the caller may not make it."""
    event = statement.event
    if event is None:
        raise TypeError("a statement has its event")
    authority: Authority = caller.authority(gateway.policies)
    regimes = gateway.policies.regimes_for(authority.jurisdiction(event.jurisdiction))
    before = len(hearing.events)
    refused = hearing.hear([event.consent], statement.ids, authority, regimes)
    for attempt in refused:
        field = "notice" if attempt.reason is Reason.NO_NOTICE else "kind"
        problem = Problem(field, str(attempt.reason), EXPLAINED[attempt.reason], statement.index)
        return ConsentResult("refused", problem=problem)
    return ConsentResult("recorded" if len(hearing.events) > before else "known")


def write_hearing(
    gateway: Gateway,
    caller: Caller,
    unit: UnitOfWork,
    around: Surroundings,
    hearing: Hearing,
    *,
    journaled: bool = False,
) -> Retracted:
    """Steps 4 and 5: what was heard takes effect and is written -> the records that were retracted.

    `journaled` is True when it comes from the journal itself.
    """
    retracted: Retracted = {}
    if hearing.tightened:
        hearing.share(same_values(unit, around, hearing.tightened))
    wide = hearing.person_wide()
    if wide:
        approach(unit, around, dict.fromkeys(around.near, wide))
        hearing.spread(around.near.values())
    if hearing.tightened:
        stored = hearing.tightened - around.new.keys()
        retracted = retract(gateway.policies, unit, around.ledger, around.near, stored, around.now)
    take_effect(gateway, caller, unit, around, hearing, retracted, journaled=journaled)
    return retracted
