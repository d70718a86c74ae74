"""Step 4: regimes, ledger state and policy -> Permit | Refusal, with rule and reason. Step 5's `narrow` is here too.

Whose consent counts (DESIGN section 4): a restrictive state on any identifier of the record refuses; a grant on
any verified person identifier of it covers the record; a record of devices alone is covered by a grant on one
of them. Under several regimes every one must permit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gateway.consent.ledger import Evidence, LedgerView
from gateway.consent.model import (
    _MINT,
    PERMISSIVE,
    Decision,
    EventKind,
    Fact,
    MergePermit,
    Permit,
    Reason,
    Refusal,
)
from gateway.kernel.clock import DAY, years_after
from gateway.policy.model import ConsentRule, PolicySet

_REASONS = {
    EventKind.DENY: Reason.DENIED,
    EventKind.WITHDRAW: Reason.WITHDRAWN,
    EventKind.OBJECT: Reason.OBJECTED,
    EventKind.OPT_OUT: Reason.OPTED_OUT,
    EventKind.RESTRICT: Reason.RESTRICTED,
    EventKind.INVALIDATE: Reason.INVALIDATED,
}


_NEVER = 1 << 62


Seen = dict[int, set[int]]
"""Identifier -> log positions of events about it."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The identifiers one record asserts, as the decision sees them: surrogate id -> what it speaks as
    (`KindRule.speaks_as`); `channel` is where the decision is for.
    """

    scopes: Mapping[int, str]
    channel: str = ""

    @property
    def device_only(self) -> bool:
        """True when no person identifier is among them."""
        return "person" not in self.scopes.values()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A profile that a record touches: its members with what they speak as, and the regimes known for it."""

    profile_id: int
    scopes: Mapping[int, str]
    regimes: frozenset[str]


class _Heard(NamedTuple):
    """What the ledger says of a subject for one purpose: what refuses, or the grants that cover it.

    `reverts_at` is when an earlier refusal stands again.
    """

    refusal: Fact | None
    grants: Sequence[Fact]
    reverts_at: int = _NEVER


@dataclass(frozen=True, slots=True)
class _Gate:
    """The time in which the person is under an age: only these bases count in it."""

    begins: int
    ends: int
    legal_bases: frozenset[str]


def decide(
    policies: PolicySet,
    regimes: Sequence[str],
    purpose: str,
    subject: Subject,
    ledger: LedgerView,
    now: int,
    *,
    seen: Seen | None = None,
) -> Decision:
    """May this subject's identifiers be used for `purpose` now? A value either way; never raises on a no.

    A permit's `expires_at` is the first moment at which time alone may change it: a consent ends, a rule ends, a
    birthday passes an age gate. `seen` is filled with the log positions that were looked at.
    """
    named = tuple(regimes)
    own = _hear(subject, ledger, purpose, now, seen, on_devices=subject.device_only)
    if own.refusal is not None:
        return _refused(purpose, named, own.refusal)
    ages = ledger.ages(subject.scopes)
    basis: set[int] = set()
    expires_at = own.reverts_at
    last: ConsentRule | None = None
    for name in named:
        regime = policies.regimes.get(name)
        if regime is not None and regime.subjects == "devices" and "device" not in subject.scopes.values():
            continue
        rule = None if regime is None else regime.rule(purpose, now)
        if rule is None:
            return Refusal(purpose, named, f"{name}.{purpose}", Reason.NO_RULE)
        last = rule
        expires_at = min(expires_at, rule.effective_to or _NEVER)
        gates = _gates(rule, ages) if ages else ()
        if rule.default == "allow" and not gates:
            continue
        heard = own if rule.asks == purpose else _hear(subject, ledger, rule.asks, now, seen, on_devices=True)
        if heard.refusal is not None:
            return _refused(purpose, named, heard.refusal)
        grant, until = _covering(rule, gates, heard.grants, now)
        if grant is None:
            return Refusal(purpose, named, rule.id, _why_not(rule, gates, until, now))
        basis.add(grant.position)
        expires_at = min(expires_at, until, heard.reverts_at)
    if last is None:
        return Refusal(purpose, named, "no_regime", Reason.NO_RULE)
    reason = Reason.GRANTED if basis else Reason.NOT_OPTED_OUT
    return Permit(
        purpose, named, last.id, reason, tuple(sorted(basis)), expires_at if expires_at < _NEVER else None, _MINT
    )


def decide_openly(
    policies: PolicySet, regimes: Sequence[str], purpose: str, subject: Subject, ledger: LedgerView, now: int
) -> tuple[Decision, tuple[Evidence, ...]]:
    """The same, with what the decision rests on, which alone decides the same: each identifier as what it speaks as,
    without saying which it is, with the positions of the events that were looked at.
    """
    seen: Seen = ledger.minority(subject.scopes)
    decision = decide(policies, regimes, purpose, subject, ledger, now, seen=seen)
    return decision, tuple((speaks_as, tuple(sorted(seen.get(one, ())))) for one, speaks_as in subject.scopes.items())


def _hear(
    subject: Subject, ledger: LedgerView, purpose: str, now: int, seen: Seen | None, *, on_devices: bool
) -> _Heard:
    """Restrictions on any identifier; grants on verified person identifiers and, if `on_devices`, on the others.

    A grant that stands on several of them is one.
    """
    grants: dict[int, Fact] = {}
    reverts_at = _NEVER
    for identifier_id, speaks_as in subject.scopes.items():
        state, standing, refusal = ledger.standing(identifier_id, purpose, subject.channel)
        if state is None:
            continue
        if seen is not None:
            _note(seen.setdefault(identifier_id, set()), state, standing, refusal)
        if state.kind == EventKind.EXPIRE:
            continue
        if state.kind not in PERMISSIVE:
            return _Heard(state, ())
        if refusal is not None:
            until = max(_NEVER if grant.expires_at is None else grant.expires_at for grant in standing)
            if until <= now:
                return _Heard(refusal, ())
            reverts_at = min(reverts_at, until)
        for grant in standing:
            if grant.verified if speaks_as == "person" else on_devices:
                grants[grant.position] = grant
    return _Heard(None, tuple(grants.values()), reverts_at)


def _note(positions: set[int], state: Fact, grants: Sequence[Fact], refusal: Fact | None) -> None:
    positions.add(state.position)
    if len(grants) > 1:
        positions.update([grant.position for grant in grants])
    if refusal is not None:
        positions.add(refusal.position)


def _refused(purpose: str, regimes: tuple[str, ...], fact: Fact) -> Refusal:
    return Refusal(purpose, regimes, f"ledger.{fact.kind}", _REASONS[EventKind(fact.kind)])


def _why_not(rule: ConsentRule, gates: Sequence[_Gate], ended: int, now: int) -> Reason:
    if gates and now < gates[-1].ends:
        return Reason.MINOR
    if ended:
        return Reason.EXPIRED
    return Reason.NO_CONSENT if rule.asks == rule.purpose else Reason.NO_DEVICE_ACCESS


def _gates(rule: ConsentRule, ages: Mapping[int, int]) -> tuple[_Gate, ...]:
    """The gates of `rule` that the person has or had before them, the youngest first.

    Whoever reaches 13 at a known time is under 16 for three years more.
    """
    gates: list[_Gate] = []
    begins = 0
    for gate in rule.age_gates:
        known = [years_after(until, gate.under - age) for age, until in ages.items() if age <= gate.under]
        if known:
            gates.append(_Gate(begins, max(known), gate.legal_bases))
            begins = gates[-1].ends
    return tuple(gates)


def _covering(rule: ConsentRule, gates: Sequence[_Gate], grants: Iterable[Fact], now: int) -> tuple[Fact | None, int]:
    """The grant that lasts longest under `rule`, and until when; (None, end) when all have ended, 0 where none counts.

    A birthday never widens: a grant must have been good enough under every gate that was in force since it was given.
    """
    best: Fact | None = None
    best_end = ended = 0
    for grant in grants:
        if not _accepted(rule, gates, grant, now):
            continue
        end = _end(rule, gates, grant, now)
        if end <= now:
            ended = max(ended, end)
        elif best is None or (end, grant.position) > (best_end, best.position):
            best, best_end = grant, end
    return (best, best_end) if best is not None else (None, ended)


def _accepted(rule: ConsentRule, gates: Sequence[_Gate], grant: Fact, now: int) -> bool:
    for gate in gates:
        if grant.occurred_at < gate.ends and gate.begins <= now and grant.basis not in gate.legal_bases:
            return False
    return grant.basis in rule.legal_bases if not gates or gates[-1].ends <= now else True


def _end(rule: ConsentRule, gates: Sequence[_Gate], grant: Fact, now: int) -> int:
    end = _NEVER if grant.expires_at is None else grant.expires_at
    if rule.consent_lifetime_days is not None:
        end = min(end, grant.occurred_at + rule.consent_lifetime_days * DAY)
    return min([end, *(gate.ends for gate in gates if now < gate.ends)])


def narrow(
    permit: Permit,
    subject: Subject,
    candidates: Iterable[Candidate],
    policies: PolicySet,
    ledger: LedgerView,
    now: int,
) -> MergePermit:
    """Permit and the profiles the record touches -> MergePermit without those whose own consent refuses.

    A merge must be permitted under every regime known for either side; for each candidate the members together
    with the record are decided under the union of the regimes.
    """
    kept: set[int] = set()
    dropped: set[int] = set()
    own = frozenset(permit.regimes)
    for candidate in candidates:
        if candidate.regimes <= own and candidate.scopes.keys() <= subject.scopes.keys():
            kept.add(candidate.profile_id)
            continue
        both = Subject({**candidate.scopes, **subject.scopes}, subject.channel)
        regimes = sorted(own | candidate.regimes)
        decision = decide(policies, regimes, permit.purpose, both, ledger, now)
        (kept if isinstance(decision, Permit) else dropped).add(candidate.profile_id)
    return MergePermit(permit, frozenset(kept), frozenset(dropped), _MINT)
