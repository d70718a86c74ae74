"""Journey: what the ledger says about a purpose, now or as it was known at a moment in the past."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from gateway.consent.asking import may_ask_at
from gateway.consent.authority import LEDGER_SCOPES
from gateway.consent.decide import Subject, decide
from gateway.consent.ledger import LedgerView
from gateway.consent.model import ANY_PURPOSE, NO_STATE, PERMISSIVE, RESTRICTIVE, Fact, Permit
from gateway.flows.context import Caller, Gateway, Role, check_store
from gateway.flows.record_consent import check_purpose
from gateway.flows.requests import ConsentQuery
from gateway.flows.steps.name import name, recognize, until_fresh
from gateway.flows.steps.prepare import Names, digest_all
from gateway.flows.steps.reach import demoted
from gateway.flows.views import ConsentState, IdentifierConsent, OverruledEvent
from gateway.storage.ledger import LedgerRow


def query_consent(gateway: Gateway, caller: Caller, query: ConsentQuery) -> ConsentState:
    """Identifiers and a purpose -> what is decided for them, and the deciding event of each.

    A channel gets answers only for identifiers it has sent itself; others look as if the ledger were silent. By
    what several people share nothing is permitted.
    Raises InvalidInput for an unknown purpose or identifiers that break a rule.
    """
    caller.require(Role.CHANNEL, Role.DPO)
    check_purpose(gateway.policies, query.purpose)
    names = digest_all(query.identifiers, gateway.policies, query.jurisdiction)
    now = gateway.clock.now()
    as_of = now if query.as_of is None else query.as_of
    known_at = now if query.known_at is None else query.known_at
    found, visible, shared, ledger = until_fresh(lambda: _known(gateway, caller, names, as_of, known_at))
    ids = [found.get(one.token, 0) for one in names.pseudonyms]
    scopes = {
        one if one in visible else -place: rule.speaks_as
        for place, (one, rule) in enumerate(zip(ids, names.rules, strict=True), start=1)
        if rule.scope in LEDGER_SCOPES
    }
    regimes = gateway.policies.regimes_for(query.jurisdiction)
    decision = decide(gateway.policies, regimes, query.purpose, Subject(scopes, caller.channel), ledger, as_of)
    if shared and isinstance(decision, Permit):
        own = {one: speaks_as for one, speaks_as in scopes.items() if one not in shared}
        decision = decide(gateway.policies, regimes, query.purpose, Subject(own, caller.channel), ledger, as_of)
    asked = [(place, one, rule.name) for place, one, rule in zip(names.values, ids, names.rules, strict=True)]
    states = {one: ledger.state(one, query.purpose, caller.channel) for _, one, _ in asked if one in visible}
    deciding = {place: (one, kind) for place, one, kind in sorted(asked, key=lambda each: _weight(states.get(each[1])))}
    contrary = {one: _contrary(ledger.facts(one), query.purpose, states.get(one)) for one, _ in deciding.values()}
    stated = _stated(gateway, caller, {at for several in contrary.values() for at in several})
    return ConsentState(
        purpose=query.purpose,
        permitted=isinstance(decision, Permit),
        rule=decision.rule,
        reason=str(decision.reason),
        regimes=decision.regimes,
        as_of=as_of,
        known_at=known_at,
        identifiers=tuple(
            _answer(
                place, kind, states.get(one), [_seen_by(caller, stated[at]) for at in contrary[one] if at in stated]
            )
            for place, (one, kind) in sorted(deciding.items())
        ),
        expires_at=decision.expires_at if isinstance(decision, Permit) and not ledger.ages(visible) else None,
        may_ask_at=may_ask_at(gateway.policies, regimes, query.purpose, states.values(), as_of),
    )


def _known(
    gateway: Gateway, caller: Caller, names: Names, as_of: int, known_at: int
) -> tuple[dict[bytes, int], set[int], set[int], LedgerView]:
    """(Tokens -> ids, ids that the caller may ask about, those that several people share, what the ledger said)."""
    name(gateway, caller.tenant_id, [names])
    with gateway.storage.begin(caller.tenant_id, write=False) as unit:
        check_store(gateway, unit, merging=False)
        found, _ = recognize(gateway, unit, names.pseudonyms)
        visible = set(found.values())
        if caller.role is Role.CHANNEL:
            visible = unit.records.sent_by(caller.channel, visible) | unit.ledger.stated_by(caller.channel, visible)
        return (
            found,
            visible,
            demoted(gateway, unit, visible),
            LedgerView(unit.ledger.facts_at(visible, as_of, known_at)),
        )


def _stated(gateway: Gateway, caller: Caller, positions: Collection[int]) -> dict[int, LedgerRow]:
    """Events as they were stated, by position."""
    if not positions:
        return {}
    with gateway.storage.begin(caller.tenant_id, write=False) as unit:
        return {row.position: row for row in unit.ledger.rows_at(positions)}


def _seen_by(caller: Caller, row: LedgerRow) -> LedgerRow:
    """A channel is not told how another came to know of it."""
    if caller.role is not Role.CHANNEL or row.channel == caller.channel:
        return row
    return row._replace(channel="", method="")


def _weight(fact: Fact | None) -> tuple[bool, int, int]:
    """Of what stands on several digests of one value, what restricts decides, then what the person did last."""
    return (False, -1, -1) if fact is None else (fact.kind in RESTRICTIVE, fact.occurred_at, fact.position)


def _contrary(facts: Sequence[Fact], purpose: str, state: Fact | None) -> list[int]:
    """Positions of the person's own events on a purpose that say the opposite of what decides, the latest first."""
    if state is None:
        return []
    opposite = RESTRICTIVE if state.kind in PERMISSIVE else PERMISSIVE
    found = [
        fact
        for fact in facts
        if fact.purpose in (purpose, ANY_PURPOSE) and fact.kind in opposite and fact.kind not in NO_STATE
    ]
    return [fact.position for fact in sorted(found, key=lambda fact: -fact.occurred_at)]


def _answer(place: int, kind: str, fact: Fact | None, overruled: Sequence[LedgerRow]) -> IdentifierConsent:
    return IdentifierConsent(
        place=place,
        kind=kind,
        event="" if fact is None else str(fact.kind),
        occurred_at=None if fact is None else fact.occurred_at,
        position=None if fact is None else fact.position,
        derived=fact is not None and bool(fact.derived),
        overruled=tuple(
            OverruledEvent(row.kind, row.occurred_at, row.position, row.channel, row.method) for row in overruled
        ),
    )
