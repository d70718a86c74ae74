"""Journey: which profile do these identifiers have, in the view of a purpose (DESIGN section 4).

    1 pseudonymize               outside the transaction; the raw values end here
    2 decide                     on the identifiers asked for; without a permit no profile is looked up
    3 look up, decide again      under the regimes known for the profile
    4 view                       the component, around them, over the records that permit the purpose
    5 disclose                   an entry of the log and a row for the person's own export, then the answer

Answers only for identifiers the caller's channel has sent itself. Who asks by an id that the client was given asks for
all of these that stand in the profile; whom to decide on is read first. An alias, given for a profile that was merged
into it, is answered only where the purpose sees the whole profile, for then it may link what the alias stood for with
the rest; else like an id that nobody has, as are those withdrawn by a split or an erasure. Raises BehindJournal and
Frozen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.audit.entries import EntryKind
from gateway.consent.authority import LEDGER_SCOPES
from gateway.consent.decide import Subject, decide
from gateway.consent.model import Decision, Permit, Reason
from gateway.flows.context import Caller, Gateway, Role, check_store
from gateway.flows.outward import from_text, outward_ids
from gateway.flows.requests import ResolveRequest
from gateway.flows.steps.entries import Scribe
from gateway.flows.steps.name import name, recognize, until_fresh
from gateway.flows.steps.prepare import Names, digest_all
from gateway.flows.steps.sight import Sight
from gateway.flows.steps.view import View, Where, view_of
from gateway.flows.views import ProfileView
from gateway.kernel.errors import InvalidInput, NotPermitted, Stale
from gateway.policy.model import KindRule, PolicySet
from gateway.storage.disclosures import DisclosureRow
from gateway.storage.outward import NamedProfile
from gateway.storage.unit_of_work import UnitOfWork

_UNKNOWN = "not_found"
_SEVERAL = "several_profiles"


@dataclass(frozen=True, slots=True)
class Question:
    """What a caller asks, without raw values: digests with the rules of their kinds, a purpose and its graph.

    `outward` is the id asked for instead, b"" for none.
    """

    names: Names
    purpose: str
    graph: str
    regimes: tuple[str, ...]
    outward: bytes = field(default=b"", repr=False)


@dataclass(slots=True)
class _Inquiry:
    """A question at work: what the identifiers that may be asked for speak as, where, and what the steps found out.

    `named` is the profile that an id names.
    """

    question: Question
    scopes: Mapping[int, str]
    channel: str
    named: NamedProfile | None = None
    decision: Decision | None = None
    home: int | None = None
    view: View | None = None
    nothing: str = _UNKNOWN


def resolve(gateway: Gateway, caller: Caller, request: ResolveRequest) -> ProfileView:
    """Identifiers and purpose -> the view. Raises as `ask` and `resolve_all` do."""
    return resolve_all(gateway, caller, [ask(gateway, caller, request)])[0]


def ask(gateway: Gateway, caller: Caller, request: ResolveRequest) -> Question:
    """Step 1. Needs the role channel.

    Raises InvalidInput for an unknown purpose or a bad identifier, NotPermitted for a recipient who may not have
    anything for the purpose.
    """
    caller.require(Role.CHANNEL)
    purpose = gateway.policies.purposes.get(request.purpose)
    if purpose is None:
        raise InvalidInput("the policy does not know this purpose", field="purpose", rule="unknown_purpose")
    if not may_receive(gateway.policies, caller.recipient, request.purpose):
        raise NotPermitted("recipients.yaml does not name this purpose for the recipient that this client is")
    names = digest_all(request.identifiers, gateway.policies, request.jurisdiction)
    regimes = gateway.policies.regimes_for(caller.authority(gateway.policies).jurisdiction(request.jurisdiction))
    outward = from_text(request.profile_id)
    return Question(names, request.purpose, purpose.graph, regimes, outward)


def may_receive(policies: PolicySet, recipient: str, purpose: str) -> bool:
    """Whether a recipient ("" for the controller itself) may be shown anything for the purpose (GDPR Art. 28(3))."""
    if not recipient:
        return True
    row = policies.recipients.get(recipient)
    return row is not None and purpose in row.purposes


def resolve_all(gateway: Gateway, caller: Caller, questions: Sequence[Question]) -> list[ProfileView]:
    """Steps 2 to 5 for any number of questions -> their views, in order, in one transaction."""
    caller.require(Role.CHANNEL)
    return until_fresh(lambda: _answers(gateway, caller, questions))


def _answers(gateway: Gateway, caller: Caller, questions: Sequence[Question]) -> list[ProfileView]:
    name(gateway, caller.tenant_id, [one.names for one in questions])
    with gateway.storage.begin(caller.tenant_id, write=True, partition=False) as unit:
        check_store(gateway, unit, merging=True)
        return _resolve(gateway, caller, unit, questions)


def _resolve(gateway: Gateway, caller: Caller, unit: UnitOfWork, questions: Sequence[Question]) -> list[ProfileView]:
    now = gateway.clock.now()
    restrictions = unit.log.head().restrictions
    sight = Sight(unit)
    inquiries = _inquire(gateway, caller, unit, sight, questions)
    _decide(gateway.policies, sight, [one for one in inquiries if one.scopes], now)
    _look_up(sight, [one for one in inquiries if isinstance(one.decision, Permit)])
    found = [one for one in inquiries if one.home is not None]
    _decide(gateway.policies, sight, found, now)
    _view(gateway.policies, sight, [one for one in found if isinstance(one.decision, Permit)], now)
    names: Mapping[int, str] = {}
    if shown := [one for one in found if one.view is not None]:
        unit.log.lock_unchanged(restrictions)
        names = _disclose(gateway, caller, unit, shown, now)
        unit.commit()
    return [_answer(one, names) for one in inquiries]


def _inquire(
    gateway: Gateway, caller: Caller, unit: UnitOfWork, sight: Sight, questions: Sequence[Question]
) -> list[_Inquiry]:
    """Of the identifiers asked for those that the caller's channel sent itself and that nobody shares."""
    found, _ = recognize(gateway, unit, [one for question in questions for one in question.names.pseudonyms])
    named = unit.outward.find(caller.client_id, {one.outward for one in questions if one.outward})
    members = sight.profiles({one.profile_id for one in named.values()})
    asked: list[tuple[Question, NamedProfile | None, dict[int, KindRule]]] = []
    for question in questions:
        profile = named.get(question.outward)
        if profile is not None and profile.graph == question.graph:
            rules = {one.identifier_id: gateway.policies.kinds[one.kind] for one in members[profile.profile_id][0]}
        else:
            pairs = zip(question.names.pseudonyms, question.names.rules, strict=True)
            rules = {found[one.token]: rule for one, rule in pairs if one.token in found}
        asked.append((question, profile, rules))
    sent = sight.sent_by(caller.channel, {one for _, _, rules in asked for one in rules})
    shared = {graph: sight.shared(graph, sent) for graph in {one.graph for one in questions}}
    inquiries: list[_Inquiry] = []
    for question, profile, rules in asked:
        mine = sent - shared[question.graph]
        scopes = {one: rule.speaks_as for one, rule in rules.items() if one in mine and rule.scope in LEDGER_SCOPES}
        inquiries.append(_Inquiry(question, scopes, caller.channel, profile))
    return inquiries


def _decide(policies: PolicySet, sight: Sight, inquiries: Sequence[_Inquiry], now: int) -> None:
    """By what the ledger says of the identifiers asked for; where it is silent, by the records that assert them, for a
    grant on one identifier of a record covers all of it.
    """
    sight.hear(identifier for one in inquiries for identifier in one.scopes)
    silent: list[_Inquiry] = []
    for one in inquiries:
        regimes = _regimes(sight, one)
        one.decision = decide(
            policies, regimes, one.question.purpose, Subject(one.scopes, one.channel), sight.ledger, now
        )
        if not isinstance(one.decision, Permit) and one.decision.reason in (Reason.NO_CONSENT, Reason.EXPIRED):
            silent.append(one)
    for graph, identifiers in _beside(sight, [(one.question.graph, one.scopes) for one in silent]).items():
        sight.hear(identifiers)
        sight.shared(graph, identifiers)
    for one in silent:
        one.decision = _covering(policies, sight, one, now) or one.decision


def _beside(sight: Sight, asked: Iterable[tuple[str, Collection[int]]]) -> dict[str, set[int]]:
    """(graph, identifiers) -> by graph, all identifiers of the active records that assert any of them."""
    wanted: dict[str, set[int]] = defaultdict(set)
    for graph, identifiers in asked:
        wanted[graph].update(identifiers)
    return {
        graph: {row.identifier_id for rows in sight.records(graph, identifiers).values() for row in rows}
        for graph, identifiers in wanted.items()
    }


def _regimes(sight: Sight, inquiry: _Inquiry) -> tuple[str, ...]:
    """Those of the question and, once its profile is found, those known for the profile."""
    if inquiry.home is None:
        return inquiry.question.regimes
    _, profile = sight.profiles([inquiry.home])[inquiry.home]
    if profile is None:
        raise Stale("the profile was merged while it was looked up")
    return tuple(sorted(profile.regimes.union(inquiry.question.regimes)))


def _covering(policies: PolicySet, sight: Sight, inquiry: _Inquiry, now: int) -> Permit | None:
    """The permit of a whole record that asserts an identifier asked for, where there is one."""
    graph, regimes = inquiry.question.graph, _regimes(sight, inquiry)
    for _, rows in sorted(sight.records(graph, inquiry.scopes).items()):
        shared = sight.shared(graph, [row.identifier_id for row in rows])
        person = {
            row.identifier_id: policies.kinds[row.kind].speaks_as
            for row in rows
            if policies.kinds[row.kind].scope in LEDGER_SCOPES and not row.cut and row.identifier_id not in shared
        }
        known = sorted({*regimes, *rows[0].regimes.split()})
        subject = Subject(person, inquiry.channel)
        covered = decide(policies, known, inquiry.question.purpose, subject, sight.ledger, now)
        if isinstance(covered, Permit):
            return covered
    return None


def _look_up(sight: Sight, permitted: Sequence[_Inquiry]) -> None:
    """Step 3: the one profile of each question."""
    wanted: dict[str, set[int]] = defaultdict(set)
    for one in permitted:
        wanted[one.question.graph].update(one.scopes)
    sight.profiles({home for graph, identifiers in wanted.items() for home in sight.homes(graph, identifiers)})
    for one in permitted:
        homes = sight.homes(one.question.graph, one.scopes)
        if one.named is not None and homes != {one.named.profile_id}:
            raise Stale("the profile changed while it was looked up")
        if len(homes) == 1:
            one.home = homes.pop()
        elif homes:
            one.nothing = _SEVERAL


def _view(policies: PolicySet, sight: Sight, permitted: Sequence[_Inquiry], now: int) -> None:
    """Step 4."""
    profiles = sight.profiles({one.home for one in permitted if one.home is not None})
    members = {home: {one.identifier_id: one.kind for one in several} for home, (several, _) in profiles.items()}
    sight.hear(identifier for several in members.values() for identifier in several)
    _beside(sight, [(one.question.graph, members[one.home]) for one in permitted if one.home is not None])
    for one in permitted:
        if one.home is not None:
            mine = members[one.home]
            records = sight.records(one.question.graph, mine)
            where = Where(one.question.purpose, one.channel, now)
            one.view = view_of(policies, sight.ledger, where, mine, records, asked=one.scopes.keys())
            if one.view is None and len(one.scopes) > 1:
                one.nothing = _SEVERAL
            if one.named is not None and one.named.alias and one.view is not None and one.view[1]:
                one.view = None


def _disclose(
    gateway: Gateway, caller: Caller, unit: UnitOfWork, shown: Sequence[_Inquiry], now: int
) -> Mapping[int, str]:
    """Step 5: an entry and a row for each profile that is shown -> the caller's ids of these profiles."""
    homes = {one.home for one in shown if one.home is not None}
    if unit.profiles.living(homes) != homes:
        raise Stale("a profile was merged while it was looked up")
    scribe = Scribe.of(caller, gateway.policies.digest, now)
    entries = []
    for one in shown:
        rule = one.decision.rule if one.decision else ""
        values = {"profile": f"{one.home:x}", "recipient": caller.name}
        entries.append(scribe.write(EntryKind.DISCLOSURE_MADE, rule, {"purpose": one.question.purpose}, values))
    position = unit.log.append(entries)
    rows = [
        DisclosureRow(position + at, one.home, caller.client_id, one.question.purpose, now)
        for at, one in enumerate(shown)
        if one.home is not None
    ]
    unit.disclosures.add_disclosures(rows)
    return outward_ids(unit, caller.client_id, homes, now)


def _answer(inquiry: _Inquiry, names: Mapping[int, str]) -> ProfileView:
    purpose, decision = inquiry.question.purpose, inquiry.decision
    silent = inquiry.view is None and inquiry.named is not None and inquiry.named.alias
    if decision is None or silent:
        return ProfileView(None, purpose, permitted=False, rule=_UNKNOWN, reason=_UNKNOWN)
    if not isinstance(decision, Permit):
        return ProfileView(None, purpose, permitted=False, rule=decision.rule, reason=str(decision.reason))
    if inquiry.view is None or inquiry.home is None:
        return ProfileView(None, purpose, permitted=True, rule=decision.rule, reason=inquiry.nothing)
    identifiers, withheld = inquiry.view
    return ProfileView(
        names[inquiry.home],
        purpose,
        permitted=True,
        rule=decision.rule,
        reason=str(decision.reason),
        identifiers=identifiers,
        withheld=withheld,
    )
