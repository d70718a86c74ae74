"""Journey: what an import of consent events would do, before it is done (DESIGN section 4). Writes nothing.

The same steps as `record_consent` up to the ledger in memory; then each person is decided for each purpose the import
speaks of, as the ledger stands and as it would stand: under the laws that the event names and under every other, for
what it permits or refuses holds wherever the person is seen next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.consent.decide import decide
from gateway.consent.ledger import LedgerView
from gateway.consent.model import ANY_PURPOSE, Permit
from gateway.flows.context import Caller, Gateway, Role, check_store
from gateway.flows.messages import Problem
from gateway.flows.record_consent import Statement, around_events, hear_event, prepare_events, screen_events
from gateway.flows.requests import ConsentEventInput
from gateway.flows.steps.hear import Hearing
from gateway.flows.steps.load import Surroundings
from gateway.flows.steps.name import name, until_fresh
from gateway.flows.views import ConsentResult

if TYPE_CHECKING:
    from gateway.storage.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class ConsentPreview:
    """What an import would do: a result per event, and the number of people it would widen and tighten by purpose.

    People are told apart by the identifiers the events name. Widened are those for whom the purpose is refused now and
    would be permitted, under some law; tightened the reverse.
    """

    results: tuple[ConsentResult, ...]
    people: int
    widened: Mapping[str, int]
    tightened: Mapping[str, int]


def preview_consent(gateway: Gateway, caller: Caller, events: Sequence[ConsentEventInput | Problem]) -> ConsentPreview:
    """Parsed consent events, all of one import -> what recording them would do. Needs the role channel or dpo."""
    caller.require(Role.CHANNEL, Role.DPO)
    statements, results = prepare_events(gateway, caller, events)
    around, erased, before = until_fresh(lambda: _surveyed(gateway, caller, statements))
    hearing = Hearing(around.ledger, around.rules, around.now, notices=around.notices)
    heard: list[Statement] = []
    for statement in statements:
        if statement.index in erased:
            results[statement.index] = ConsentResult("suppressed")
            continue
        results[statement.index] = hear_event(gateway, caller, statement, hearing)
        heard.append(statement)
    widened, tightened = _moves(gateway, caller, around, before, heard)
    people = len({frozenset(statement.ids) for statement in statements})
    return ConsentPreview(tuple(results[index] for index in range(len(events))), people, widened, tightened)


def _surveyed(
    gateway: Gateway, caller: Caller, statements: Sequence[Statement]
) -> tuple[Surroundings, set[int], LedgerView]:
    """(What the store knows around them, places of those about somebody erased, the ledger as it stands)."""
    name(gateway, caller.tenant_id, [one.names for one in statements])
    with gateway.storage.begin(caller.tenant_id, write=False) as unit:
        check_store(gateway, unit, merging=False)
        around = around_events(gateway, caller, unit, statements)
        erased = screen_events(gateway, caller, unit, statements, around)
        return around, erased, _ledger_now(unit, around)


def _ledger_now(unit: UnitOfWork, around: Surroundings) -> LedgerView:
    return LedgerView(unit.ledger.facts(around.loaded - around.new.keys()))


def _moves(
    gateway: Gateway, caller: Caller, around: Surroundings, before: LedgerView, heard: Sequence[Statement]
) -> tuple[Counter[str], Counter[str]]:
    """(people widened, people tightened) by purpose."""
    widened, tightened = Counter[str](), Counter[str]()
    authority = caller.authority(gateway.policies)
    cases: dict[tuple[frozenset[int], str], tuple[tuple[int, ...], set[tuple[str, ...]]]] = {}
    for statement in heard:
        if statement.event is not None:
            stated = gateway.policies.regimes_for(authority.jurisdiction(statement.event.jurisdiction))
            for purpose in _purposes(gateway, statement.event.consent.purpose):
                _, laws = cases.setdefault((frozenset(statement.ids), purpose), (statement.ids, set()))
                laws.add(stated)
    every = {(name,) for name in gateway.policies.regimes}
    for (_, purpose), (identifiers, laws) in cases.items():
        subject = around.subject(gateway.policies.purposes[purpose].graph, identifiers)
        moves = {
            tuple(
                isinstance(decide(gateway.policies, regimes, purpose, subject, ledger, around.now), Permit)
                for ledger in (before, around.ledger)
            )
            for regimes in laws | every
        }
        widened[purpose] += (False, True) in moves
        tightened[purpose] += (True, False) in moves
    return +widened, +tightened


def _purposes(gateway: Gateway, stated: str) -> tuple[str, ...]:
    return tuple(gateway.policies.purposes) if stated == ANY_PURPOSE else (stated,)
