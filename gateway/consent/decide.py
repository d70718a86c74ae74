"""Step 4: regimes, ledger state and policy -> Permit | Refusal, with rule and reason. Step 5's `narrow` is here too.

Whose consent counts (DESIGN section 4): a restrictive state on any identifier of the record refuses; a grant on
any verified person identifier of it covers the record; a record of devices alone is covered by a grant on one
of them. Under several regimes every one must permit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gateway.consent.ledger import LedgerView
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
from gateway.kernel.clock import DAY
from gateway.policy.model import ConsentRule, PolicySet

_REASONS = {
    EventKind.DENY: Reason.DENIED,
    EventKind.WITHDRAW: Reason.WITHDRAWN,
    EventKind.OBJECT: Reason.OBJECTED,
    EventKind.OPT_OUT: Reason.OPTED_OUT,
    EventKind.RESTRICT: Reason.RESTRICTED,
    EventKind.INVALIDATE: Reason.INVALIDATED,
}


@dataclass(frozen=True, slots=True)
class Subject:
    """The identifiers one record asserts, as the decision sees them: surrogate id -> scope."""

    scopes: Mapping[int, str]

    @property
    def device_only(self) -> bool:
        """True when no person identifier is among them."""
        return "person" not in self.scopes.values()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A profile that a record touches: its members with their scopes, and the regimes known for it."""

    profile_id: int
    scopes: Mapping[int, str]
    regimes: frozenset[str]


def decide(
    policies: PolicySet, regimes: Sequence[str], purpose: str, subject: Subject, ledger: LedgerView, now: int
) -> Decision:
    """May this subject's identifiers be used for `purpose` now? A value either way; never raises on a no."""
    named = tuple(regimes)
    grants: list[Fact] = []
    device_only = subject.device_only
    for identifier_id, scope in subject.scopes.items():
        state = ledger.state(identifier_id, purpose)
        if state is None:
            continue
        if state.kind not in PERMISSIVE:
            reason = _REASONS[EventKind(state.kind)]
            return Refusal(purpose, named, f"ledger.{state.kind}", reason)
        if (scope == "person" and state.verified) or (device_only and scope == "device"):
            grants.append(state)
    basis: list[int] = []
    expires_at: int | None = None
    last: ConsentRule | None = None
    for name in named:
        rule = policies.regimes[name].consent.get(purpose)
        if rule is None or not (rule.effective_from <= now < (rule.effective_to or now + 1)):
            return Refusal(purpose, named, f"{name}.{purpose}", Reason.NO_RULE)
        last = rule
        if rule.default == "allow":
            continue
        grant, until = _covering(rule, grants, now)
        if grant is None:
            reason = Reason.EXPIRED if grants and until is not None else Reason.NO_CONSENT
            return Refusal(purpose, named, rule.id, reason)
        basis.append(grant.position)
        expires_at = until if expires_at is None else min(expires_at, until or expires_at)
    if last is None:
        return Refusal(purpose, named, "no_regime", Reason.NO_RULE)
    reason = Reason.GRANTED if basis else Reason.NOT_OPTED_OUT
    return Permit(purpose, named, last.id, reason, tuple(sorted(set(basis))), expires_at, _MINT)


def _covering(rule: ConsentRule, grants: Iterable[Fact], now: int) -> tuple[Fact | None, int | None]:
    """The grant that lasts longest under `rule` and its end; (None, end) when all have ended."""
    best: Fact | None = None
    best_end = ended = 0
    for grant in grants:
        if grant.basis not in rule.legal_bases:
            continue
        end = _end(rule, grant)
        if end <= now:
            ended = max(ended, end)
        elif best is None or (end, grant.position) > (best_end, best.position):
            best, best_end = grant, end
    if best is not None:
        return best, best_end if best_end < _NEVER else None
    return None, ended or None


_NEVER = 1 << 62


def _end(rule: ConsentRule, grant: Fact) -> int:
    end = _NEVER if grant.expires_at is None else grant.expires_at
    if rule.consent_lifetime_days is not None:
        end = min(end, grant.occurred_at + rule.consent_lifetime_days * DAY)
    return end


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
        both = Subject({**candidate.scopes, **subject.scopes})
        regimes = sorted(own | candidate.regimes)
        decision = decide(policies, regimes, permit.purpose, both, ledger, now)
        (kept if isinstance(decision, Permit) else dropped).add(candidate.profile_id)
    return MergePermit(permit, frozenset(kept), frozenset(dropped), _MINT)
