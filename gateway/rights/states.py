"""The state machine of a privacy request.

    submitted -> verified -> preflighted -> approved -> running -> completed
        any state before running -> denied | cancelled
        any state before completed -> held -> back to the state before the hold

- `verify` may also come after a preflight; the preflight is then made anew, for it saw other proved identifiers.
- Access, erasure and portability need a proof and a preflight under every regime; the other kinds need a proof where
  the regime's rule asks for one and may be approved without a preflight. Where the rule forbids verification
  (11 CCR 7026(d)) nobody is asked.
- A request changes by its own actions only: a duplicate, verified or not, never parks or supersedes another.
- A hold stops the run where it is; releasing it resumes there. Proving identity ends a hold for an identity check.
- Where the rule says `verification_pauses` (Art. 12A UK GDPR), the clock runs from the latest of receipt and proof of
  identity, and a hold for a clarification does not count. An identity check that is released without a proof, and
  every other hold, leaves the clock as it was.

What the table does not allow raises Conflict; a proof or reason that is not on its list raises InvalidInput.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from types import MappingProxyType

from gateway.kernel.errors import Conflict
from gateway.policy.model import RightsRule
from gateway.rights import clocks
from gateway.rights.cascade import remaining
from gateway.rights.model import FAR_REACHING, Action, RequestKind, RightsRequest, State
from gateway.rights.reasons import CLARIFICATION, DENIALS, HOLD_REASONS, IDENTITY_CHECK, check_reason
from gateway.rights.verification import check_method

_UNDECIDED = (State.SUBMITTED, State.VERIFIED, State.PREFLIGHTED)
_NOT_STARTED = (*_UNDECIDED, State.APPROVED)
_GOING = (*_NOT_STARTED, State.RUNNING)

_TABLE: Mapping[Action, Mapping[State, State]] = MappingProxyType(
    {
        Action.VERIFY: dict.fromkeys(_UNDECIDED, State.VERIFIED),
        Action.PREFLIGHT: dict.fromkeys(_UNDECIDED, State.PREFLIGHTED),
        Action.APPROVE: dict.fromkeys(_UNDECIDED, State.APPROVED),
        Action.DENY: dict.fromkeys(_NOT_STARTED, State.DENIED),
        Action.CANCEL: dict.fromkeys(_NOT_STARTED, State.CANCELLED),
        Action.EXTEND: {state: state for state in _GOING},
        Action.HOLD: dict.fromkeys(_GOING, State.HELD),
        Action.START: {State.APPROVED: State.RUNNING},
        Action.FINISH: {State.RUNNING: State.COMPLETED},
    }
)

# A hold does not stop these; they are judged by the state that the hold interrupted.
_THROUGH_A_HOLD = frozenset({Action.VERIFY, Action.DENY, Action.CANCEL, Action.EXTEND})


@dataclass(frozen=True, slots=True)
class _Case:
    """A request, the rule it falls under, and the moment it is looked at."""

    request: RightsRequest
    rule: RightsRule
    holidays: AbstractSet[str]
    now: int


def submit(
    rule: RightsRule,
    *,
    request_id: int,
    jurisdiction: str,
    purposes: tuple[str, ...],
    received_at: int,
    holidays: AbstractSet[str],
    submitted_by: int,
    proof: str = "",
) -> RightsRequest:
    """A new request of the rule's kind and regime, verified when it brings a `proof`, its clocks set.

    Where the rule forbids verification a proof is not kept. Raises InvalidInput for an unknown method of proof.
    """
    kept = check_method(proof) if proof and rule.verification == "required" else ""
    return RightsRequest(
        id=request_id,
        kind=RequestKind(rule.request),
        state=State.VERIFIED if kept else State.SUBMITTED,
        regime=rule.regime,
        jurisdiction=jurisdiction,
        purposes=purposes,
        proof=kept,
        received_at=received_at,
        due_at=clocks.due(rule, received_at, holidays=holidays),
        acknowledge_by=clocks.acknowledge_by(rule, received_at, holidays=holidays),
        submitted_by=submitted_by,
    )


def advance(
    request: RightsRequest,
    action: Action,
    *,
    now: int,
    actor: int,
    rule: RightsRule,
    holidays: AbstractSet[str],
    proof: str = "",
    reason: str = "",
) -> RightsRequest:
    """The request after `action` by the client `actor` at `now` (milliseconds), under the rule of its regime and kind.

    `verify` needs `proof`, a method of `gateway.rights.verification`; `hold` and `deny` need `reason`, a slug of
    `gateway.rights.reasons`. Raises Conflict where the action is not possible, naming what is, and InvalidInput for
    a proof or reason that is not on its list.
    """
    case = _Case(request, rule, holidays, now)
    target, why_not = _judge(case, action)
    if why_not:
        others = ", ".join(possible(request, now=now, rule=rule, holidays=holidays)) or "nothing"
        raise Conflict(f"{action} is not possible in state {request.state}: {why_not}; possible now: {others}")
    match action:
        case Action.VERIFY:
            after = _verify(case, check_method(proof))
        case Action.APPROVE:
            after = replace(request, state=target, approved_by=actor)
        case Action.DENY:
            after = replace(_end(case, target), denial=check_reason(reason, DENIALS))
        case Action.CANCEL | Action.FINISH:
            after = _end(case, target)
        case Action.EXTEND:
            after = _with_due(case, replace(request, extended=True))
        case Action.HOLD:
            after = _hold(case, check_reason(reason, HOLD_REASONS))
        case Action.RELEASE:
            after = _release(case)
        case _:
            after = replace(request, state=target)
    return after


def possible(request: RightsRequest, *, now: int, rule: RightsRule, holidays: AbstractSet[str]) -> tuple[Action, ...]:
    """The actions `advance` would accept at `now`, in the order of `Action`."""
    case = _Case(request, rule, holidays, now)
    return tuple(action for action in Action if not _judge(case, action)[1])


def finish_step(request: RightsRequest, step: str) -> RightsRequest:
    """The request after the cascade's `step`; the steps come in the order of `cascade.ERASURE_STEPS`.

    Raises Conflict when the request is not running (a hold came between) or another step is next.
    """
    if request.state is not State.RUNNING:
        raise Conflict(f"step {step} is not possible in state {request.state}: the request is not running")
    left = remaining(request.step)
    if step not in left[:1]:
        raise Conflict(f"step {step} is not possible now; next is {left[0] if left else Action.FINISH}")
    return replace(request, step=step)


def deadline(request: RightsRequest, *, now: int, rule: RightsRule, holidays: AbstractSet[str]) -> int:
    """When the answer is due (milliseconds) if what a hold waits for comes at `now`; `due_at` where nothing waits."""
    case = _Case(request, rule, holidays, now)
    return _deadline(case, _paused(case))


def _judge(case: _Case, action: Action) -> tuple[State, str]:
    """The state the action leads to, and why it is not possible ("" when it is)."""
    request = case.request
    before = request.held_from or request.state
    if action is Action.RELEASE:
        return before, "" if request.held_from else "it is not on hold"
    if request.held_from and action not in _THROUGH_A_HOLD:
        return before, "it is on hold"
    target = _TABLE[action].get(before)
    if target is None:
        return before, "it is not the time for it" if request.open else "the request has ended"
    return target, _GUARDS[action](case) if action in _GUARDS else ""


def _guard_verify(case: _Case) -> str:
    return "this regime forbids asking for a proof of identity" if case.rule.verification == "forbidden" else ""


def _guard_approve(case: _Case) -> str:
    far_reaching = case.request.kind in FAR_REACHING
    if not case.request.verified and (far_reaching or case.rule.verification == "required"):
        return "the person's identity is not verified"
    if far_reaching and case.request.state is not State.PREFLIGHTED:
        return "there is no preflight"
    return ""


def _guard_extend(case: _Case) -> str:
    if case.rule.extension is None or case.request.extended:
        return "there is no extension to take"
    return "the time to answer is over" if case.now > _deadline(case, _paused(case)) else ""


def _guard_finish(case: _Case) -> str:
    unfinished = case.request.kind is RequestKind.ERASURE and remaining(case.request.step)
    return "steps of the cascade are missing" if unfinished else ""


_GUARDS: Mapping[Action, Callable[[_Case], str]] = MappingProxyType(
    {
        Action.VERIFY: _guard_verify,
        Action.APPROVE: _guard_approve,
        Action.EXTEND: _guard_extend,
        Action.FINISH: _guard_finish,
    }
)


def _verify(case: _Case, proof: str) -> RightsRequest:
    request = case.request
    asked = request.hold_reason == IDENTITY_CHECK
    if case.rule.verification_pauses and (asked or not request.verified):
        request = replace(request, paused_ms=_since_receipt(case))
    if request.held_from and not asked:
        request = replace(request, held_from=State.VERIFIED)
    else:
        request = _unheld(request, State.VERIFIED)
    return _with_due(case, replace(request, proof=proof))


def _hold(case: _Case, reason: str) -> RightsRequest:
    if reason == IDENTITY_CHECK and (forbidden := _guard_verify(case)):
        raise Conflict(f"hold for {reason} is not possible: {forbidden}")
    return replace(
        case.request, state=State.HELD, held_from=case.request.state, hold_reason=reason, hold_since=case.now
    )


def _release(case: _Case) -> RightsRequest:
    request = case.request
    waited = request.paused_ms if request.hold_reason == IDENTITY_CHECK else _paused(case)
    return _with_due(case, replace(_unheld(request, request.held_from or request.state), paused_ms=waited))


def _end(case: _Case, state: State) -> RightsRequest:
    return replace(_unheld(case.request, state), completed_at=case.now)


def _unheld(request: RightsRequest, state: State) -> RightsRequest:
    return replace(request, state=state, held_from=None, hold_reason="", hold_since=None)


def _paused(case: _Case) -> int:
    """By how much (milliseconds) the clock's start has moved once what the hold waits for has come."""
    request = case.request
    if request.hold_since is None or not case.rule.verification_pauses:
        return request.paused_ms
    if request.hold_reason == IDENTITY_CHECK:
        return _since_receipt(case)
    return request.paused_ms + (max(0, case.now - request.hold_since) if request.hold_reason == CLARIFICATION else 0)


def _since_receipt(case: _Case) -> int:
    return max(case.request.paused_ms, case.now - case.request.received_at)


def _deadline(case: _Case, paused_ms: int) -> int:
    request = case.request
    return clocks.due(
        case.rule, request.received_at, holidays=case.holidays, paused_ms=paused_ms, extended=request.extended
    )


def _with_due(case: _Case, request: RightsRequest) -> RightsRequest:
    return replace(request, due_at=_deadline(replace(case, request=request), request.paused_ms))
