"""Journey: which profile do these identifiers have, in the view of a purpose (DESIGN section 4).

    1 pseudonymize, 2 decide     on the identifiers asked for; without a permit no profile is looked up
    3 view                       the component, around them, over the records that permit the purpose
    4 disclose                   an entry of the log and a row for the person's own export, then the answer

Answers only for identifiers the caller's channel has sent itself. Raises BehindJournal and Frozen.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gateway.audit.entries import EntryKind
from gateway.consent.authority import LEDGER_SCOPES
from gateway.consent.decide import Subject, decide
from gateway.consent.ledger import LedgerView
from gateway.consent.model import Decision, Permit, Reason
from gateway.flows.context import Caller, Gateway, Role, check_store
from gateway.flows.outward import outward_id
from gateway.flows.requests import ResolveRequest
from gateway.flows.steps.entries import Scribe
from gateway.flows.steps.prepare import pseudonymize
from gateway.flows.views import ProfileView, ViewedIdentifier
from gateway.identifiers.model import Pseudonym
from gateway.identifiers.pseudonyms import Pseudonymizer
from gateway.kernel.errors import InvalidInput, Stale, Unavailable
from gateway.policy.model import KindRule
from gateway.storage.disclosures import DisclosureRow
from gateway.storage.records import ViewRow
from gateway.storage.unit_of_work import UnitOfWork

_TRIES = 5
_UNKNOWN = "not_found"
_SEVERAL = "several_profiles"


@dataclass(frozen=True, slots=True)
class _Question:
    """A permitted question: the identifiers asked for, and the view."""

    asked: frozenset[int]
    purpose: str
    graph: str
    now: int


def resolve(gateway: Gateway, caller: Caller, request: ResolveRequest) -> ProfileView:
    """Identifiers and purpose -> the view. Raises InvalidInput for an unknown purpose or a bad identifier."""
    caller.require(Role.CHANNEL)
    if request.purpose not in gateway.policies.purposes:
        raise InvalidInput("the policy does not know this purpose", field="purpose", rule="unknown_purpose")
    pseudonymizer = Pseudonymizer(gateway.keys.tenant(caller.tenant_id))
    pseudonyms, rules = pseudonymize(request.identifiers, gateway.policies, pseudonymizer, request.jurisdiction)
    for _ in range(_TRIES):
        try:
            with gateway.storage.begin(caller.tenant_id, write=True, partition=False) as unit:
                check_store(gateway, unit, merging=True)
                return _resolve(gateway, caller, unit, request, pseudonyms, rules)
        except Stale:
            continue
    raise Unavailable("consents keep changing: ask again")


def _resolve(
    gateway: Gateway,
    caller: Caller,
    unit: UnitOfWork,
    request: ResolveRequest,
    pseudonyms: Sequence[Pseudonym],
    rules: Sequence[KindRule],
) -> ProfileView:
    now = gateway.clock.now()
    purpose = request.purpose
    graph = gateway.policies.purposes[purpose].graph
    restrictions = unit.log.head().restrictions
    found = unit.identifiers.find([one.token for one in pseudonyms])
    asked = unit.records.sent_by(caller.channel, found.values())
    asked -= unit.profiles.demotions(graph, asked)[0]
    scopes = {
        found[one.token]: rule.scope
        for one, rule in zip(pseudonyms, rules, strict=True)
        if found.get(one.token) in asked and rule.scope in LEDGER_SCOPES
    }
    stated = gateway.policies.regimes_for(caller.authority(gateway.policies).jurisdiction(request.jurisdiction))
    if not scopes:
        return ProfileView(None, purpose, permitted=False, rule=_UNKNOWN, reason=_UNKNOWN)
    ledger = LedgerView(unit.ledger.facts(scopes))
    question = _Question(frozenset(scopes), purpose, graph, now)
    decision = _decide(gateway, unit, question, scopes, stated, ledger)
    if not isinstance(decision, Permit):
        return ProfileView(None, purpose, permitted=False, rule=decision.rule, reason=str(decision.reason))
    homes = set(unit.profiles.home_of(graph, scopes).values())
    if len(homes) != 1:
        return _nothing(decision, _SEVERAL if homes else _UNKNOWN)
    home = homes.pop()
    members, profiles = unit.profiles.load([home])
    if not profiles:
        raise Stale("the profile was merged while it was looked up")
    regimes = sorted(profiles[0].regimes.union(stated))
    decision = _decide(gateway, unit, question, scopes, regimes, ledger)
    if not isinstance(decision, Permit):
        return ProfileView(None, purpose, permitted=False, rule=decision.rule, reason=str(decision.reason))
    view, withheld = _view(gateway, unit, question, {one.identifier_id: one.kind for one in members}, ledger)
    if not view:
        return _nothing(decision, _SEVERAL if len(scopes) > 1 else _UNKNOWN)
    unit.log.lock_unchanged(restrictions)
    scribe = Scribe.of(caller, gateway.policies.digest, now)
    values = {"profile": f"{home:x}", "recipient": caller.name}
    entry = scribe.write(EntryKind.DISCLOSURE_MADE, decision.rule, {"purpose": purpose}, values)
    position = unit.log.append([entry])
    unit.disclosures.add_disclosures([DisclosureRow(position, home, caller.client_id, purpose, now)])
    unit.commit()
    shown = outward_id(gateway, caller, home)
    return ProfileView(
        shown,
        purpose,
        permitted=True,
        rule=decision.rule,
        reason=str(decision.reason),
        identifiers=view,
        withheld=withheld,
    )


def _decide(
    gateway: Gateway,
    unit: UnitOfWork,
    question: _Question,
    scopes: Mapping[int, str],
    regimes: Sequence[str],
    ledger: LedgerView,
) -> Decision:
    """By what the ledger says of the identifiers asked for; where it is silent, by the records that assert them, for a
    grant on one identifier of a record covers all of it.
    """
    policies = gateway.policies
    decision = decide(policies, regimes, question.purpose, Subject(scopes), ledger, question.now)
    if isinstance(decision, Permit) or decision.reason not in (Reason.NO_CONSENT, Reason.EXPIRED):
        return decision
    records = unit.records.around(scopes, question.graph)
    beside = {row.identifier_id for rows in records.values() for row in rows}
    shared = unit.profiles.demotions(question.graph, beside)[0]
    for fact in unit.ledger.facts([one for one in beside if not ledger.facts(one)]):
        ledger.add(fact)
    for _, rows in sorted(records.items()):
        person = {
            row.identifier_id: scope
            for row in rows
            if (scope := policies.kinds[row.kind].scope) in LEDGER_SCOPES
            and not row.cut
            and row.identifier_id not in shared
        }
        known = sorted({*regimes, *rows[0].regimes.split()})
        covered = decide(policies, known, question.purpose, Subject(person), ledger, question.now)
        if isinstance(covered, Permit):
            return covered
    return decision


def _nothing(permit: Permit, reason: str) -> ProfileView:
    return ProfileView(None, permit.purpose, permitted=True, rule=permit.rule, reason=reason)


def _view(
    gateway: Gateway, unit: UnitOfWork, view: _Question, members: Mapping[int, str], ledger: LedgerView
) -> tuple[tuple[ViewedIdentifier, ...], dict[str, int]]:
    """The identifiers that permitted records connect with those asked for; the profile's others, counted by reason.

    None where permitted records do not connect those asked for with each other: the purpose may not know that they
    are one person's.
    """
    for fact in unit.ledger.facts([one for one in members if not ledger.facts(one)]):
        ledger.add(fact)
    records = unit.records.around(members, view.graph)
    permitted: dict[int, list[ViewRow]] = {}
    reasons: dict[int, Reason] = {}
    for record_id, rows in records.items():
        scopes = {
            row.identifier_id: scope
            for row in rows
            if (scope := gateway.policies.kinds[row.kind].scope) in LEDGER_SCOPES and row.identifier_id in members
        }
        regimes = rows[0].regimes.split()
        decision = decide(gateway.policies, regimes, view.purpose, Subject(scopes), ledger, view.now)
        if isinstance(decision, Permit):
            permitted[record_id] = rows
        else:
            reasons.update(dict.fromkeys(scopes, decision.reason))
    asked = view.asked & members.keys()
    shown = _connected(min(asked), permitted.values(), members)
    if not asked <= shown.keys():
        return (), {}
    withheld = Counter(str(reasons.get(one, "not_connected")) for one in members.keys() - shown.keys())
    return tuple(_viewed(members[one], rows) for one, rows in sorted(shown.items())), dict(withheld)


def _connected(start: int, records: Iterable[list[ViewRow]], members: Mapping[int, str]) -> dict[int, list[ViewRow]]:
    """Identifiers reached from `start` over records, itself among them -> the rows that assert each."""
    by_identifier: dict[int, list[list[ViewRow]]] = defaultdict(list)
    for rows in records:
        for row in rows:
            if row.identifier_id in members and not row.cut:
                by_identifier[row.identifier_id].append(rows)
    seen = {start} & by_identifier.keys()
    frontier = list(seen)
    while frontier:
        for rows in by_identifier[frontier.pop()]:
            reached = {row.identifier_id for row in rows if row.identifier_id in by_identifier and not row.cut} - seen
            seen |= reached
            frontier += reached
    return {one: [row for rows in by_identifier[one] for row in rows if row.identifier_id == one] for one in seen}


def _viewed(kind: str, rows: Sequence[ViewRow]) -> ViewedIdentifier:
    return ViewedIdentifier(
        kind=kind,
        channels=tuple(sorted({row.channel for row in rows})),
        first_seen=min(row.observed_at for row in rows),
        last_seen=max(row.observed_at for row in rows),
    )
