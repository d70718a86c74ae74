"""The state machine: what is possible when, proofs, holds that resume, extensions, steps of the cascade."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.kernel.clock import DAY
from gateway.kernel.errors import Conflict, InvalidInput
from gateway.policy.model import Period, RightsRule
from gateway.rights import clocks
from gateway.rights.cascade import ERASURE_STEPS
from gateway.rights.model import FAR_REACHING, FINAL, Action, RequestKind, RightsRequest, State
from gateway.rights.reasons import DENIALS, HOLD_REASONS
from gateway.rights.states import advance, deadline, finish_step, possible, submit
from tests.unit.rights.samples import CALIFORNIA, CALIFORNIA_OPT_OUT, GDPR, UK, at, rule

RECEIVED = at("2026-03-02T10:00")  # a Monday; the month ends on Thursday, 2 April
NONE: frozenset[str] = frozenset()
CLERK, OFFICER = 7, 8


def new(law: RightsRule = GDPR, *, proof: str = "") -> RightsRequest:
    return submit(
        law,
        request_id=1,
        jurisdiction="DE",
        purposes=(),
        received_at=RECEIVED,
        holidays=NONE,
        submitted_by=CLERK,
        proof=proof,
    )


def do(
    request: RightsRequest,
    *actions: Action,
    law: RightsRule = GDPR,
    now: int = RECEIVED,
    proof: str = "email_link",
    reason: str = "",
) -> RightsRequest:
    """The request after `actions`, all at `now`, by the officer."""
    for action in actions:
        request = advance(
            request,
            action,
            now=now,
            actor=OFFICER,
            rule=law,
            holidays=NONE,
            proof=proof,
            reason=reason or ("unverifiable" if action is Action.DENY else "legal_hold"),
        )
    return request


def can(request: RightsRequest, law: RightsRule = GDPR, now: int = RECEIVED) -> tuple[Action, ...]:
    return possible(request, now=now, rule=law, holidays=NONE)


def running() -> RightsRequest:
    return do(new(), Action.VERIFY, Action.PREFLIGHT, Action.APPROVE, Action.START)


def with_steps(request: RightsRequest, steps: Sequence[str]) -> RightsRequest:
    for step in steps:
        request = finish_step(request, step)
    return request


def test_an_erasure_goes_from_submission_to_completion() -> None:
    request = with_steps(running(), ERASURE_STEPS)
    done = do(request, Action.FINISH, now=RECEIVED + DAY)
    assert (done.state, done.completed_at, done.approved_by) == (State.COMPLETED, RECEIVED + DAY, OFFICER)
    assert can(done) == ()


def test_submission_sets_the_clocks_of_the_regime() -> None:
    request = new(CALIFORNIA)
    assert request.due_at == clocks.due(CALIFORNIA, RECEIVED, holidays=NONE)
    assert request.acknowledge_by == clocks.acknowledge_by(CALIFORNIA, RECEIVED, holidays=NONE)
    assert new().acknowledge_by is None
    assert (request.regime, request.kind) == ("ccpa", RequestKind.ERASURE)


def test_a_request_that_brings_its_proof_is_verified_at_once() -> None:
    assert (new(proof="account_login").state, new(proof="account_login").proof) == (State.VERIFIED, "account_login")
    with pytest.raises(InvalidInput) as error:
        new(proof="sha256:9f86d081")
    assert error.value.field == "proof"
    assert "9f86d081" not in str(error.value)


@pytest.mark.parametrize("kind", sorted(FAR_REACHING))
@pytest.mark.parametrize("verification", ["required", "forbidden"])
def test_what_discloses_or_destroys_is_never_approved_without_proof(kind: RequestKind, verification: str) -> None:
    law = rule(kind.value, verification="required" if verification == "required" else "forbidden")
    request = do(new(law), Action.PREFLIGHT, law=law)
    with pytest.raises(Conflict, match="identity is not verified"):
        do(request, Action.APPROVE, law=law)


def test_what_discloses_or_destroys_is_never_approved_without_preflight() -> None:
    with pytest.raises(Conflict, match="no preflight"):
        do(new(), Action.VERIFY, Action.APPROVE)


def test_nobody_is_asked_for_proof_where_the_regime_forbids_it() -> None:
    law = CALIFORNIA_OPT_OUT
    request = new(law, proof="account_login")
    assert (request.state, request.proof) == (State.SUBMITTED, "")
    with pytest.raises(Conflict, match="forbids"):
        do(request, Action.VERIFY, law=law)
    with pytest.raises(Conflict, match="forbids"):
        do(request, Action.HOLD, law=law, reason="identity_check")
    done = do(request, Action.APPROVE, Action.START, Action.FINISH, law=law)
    assert done.state is State.COMPLETED


def test_a_light_request_needs_a_proof_where_the_rule_says_so() -> None:
    law = rule("restriction")
    with pytest.raises(Conflict, match="not verified"):
        do(new(law), Action.APPROVE, law=law)
    assert do(new(law), Action.VERIFY, Action.APPROVE, law=law).state is State.APPROVED


def test_a_proof_after_the_preflight_asks_for_a_new_preflight() -> None:
    request = do(new(), Action.PREFLIGHT, Action.VERIFY)
    assert request.state is State.VERIFIED
    assert Action.APPROVE not in can(request)
    assert Action.APPROVE in can(do(request, Action.PREFLIGHT))


def test_a_conflict_names_state_action_and_what_is_possible() -> None:
    with pytest.raises(Conflict) as error:
        do(new(), Action.START)
    message = str(error.value)
    assert "start is not possible in state submitted" in message
    assert "possible now: verify, preflight, deny, hold, cancel" in message.replace("extend, ", "")


def test_an_ended_request_takes_nothing() -> None:
    for request in (do(new(), Action.DENY), do(new(), Action.CANCEL)):
        assert can(request) == ()
        for action in Action:
            with pytest.raises(Conflict, match="nothing"):
                do(request, action)


@pytest.mark.parametrize("reason", sorted(DENIALS))
def test_a_denial_keeps_its_basis_and_its_day(reason: str) -> None:
    denied = do(new(), Action.DENY, reason=reason, now=RECEIVED + 5)
    assert (denied.state, denied.denial, denied.completed_at) == (State.DENIED, reason, RECEIVED + 5)


def test_reasons_and_proofs_are_from_their_lists() -> None:
    for action in (Action.DENY, Action.HOLD):
        with pytest.raises(InvalidInput) as error:
            do(new(), action, reason="jana@example.com")
        assert error.value.field == "reason"
        assert "jana" not in str(error.value)
    with pytest.raises(InvalidInput):
        do(new(), Action.VERIFY, proof="")


def test_what_runs_can_be_neither_denied_nor_cancelled() -> None:
    held = do(running(), Action.HOLD)
    for request in (running(), held):
        assert not {Action.DENY, Action.CANCEL, Action.VERIFY} & set(can(request))


def test_a_hold_can_end_in_a_denial() -> None:
    denied = do(new(), Action.HOLD, Action.DENY)
    assert (denied.state, denied.held_from, denied.hold_reason, denied.hold_since) == (State.DENIED, None, "", None)


@pytest.mark.parametrize("reason", sorted(HOLD_REASONS))
@pytest.mark.parametrize(
    "actions",
    [
        (),
        (Action.VERIFY,),
        (Action.VERIFY, Action.PREFLIGHT),
        (Action.VERIFY, Action.PREFLIGHT, Action.APPROVE),
        (Action.VERIFY, Action.PREFLIGHT, Action.APPROVE, Action.START),
    ],
)
def test_releasing_a_hold_resumes_where_it_began(actions: tuple[Action, ...], reason: str) -> None:
    before = do(new(), *actions)
    held = do(before, Action.HOLD, reason=reason)
    assert (held.state, held.hold_reason, held.hold_since) == (State.HELD, reason, RECEIVED)
    assert do(held, Action.RELEASE) == before


def test_a_hold_stops_the_cascade_and_its_release_resumes_it() -> None:
    request = with_steps(running(), ERASURE_STEPS[:4])
    held = do(request, Action.HOLD)
    with pytest.raises(Conflict, match="not running"):
        finish_step(held, ERASURE_STEPS[4])
    with pytest.raises(Conflict, match="on hold"):
        do(held, Action.FINISH)
    resumed = do(held, Action.RELEASE, now=RECEIVED + 90 * DAY)
    done = do(with_steps(resumed, ERASURE_STEPS[4:]), Action.FINISH)
    assert done.state is State.COMPLETED


def test_only_what_is_held_can_be_released() -> None:
    with pytest.raises(Conflict, match="not on hold"):
        do(new(), Action.RELEASE)
    with pytest.raises(Conflict, match="on hold"):
        do(new(), Action.HOLD, Action.HOLD)


def test_proving_identity_ends_its_hold() -> None:
    proved = do(do(new(), Action.HOLD, reason="identity_check"), Action.VERIFY, now=RECEIVED + 9 * DAY)
    assert (proved.state, proved.held_from, proved.hold_reason) == (State.VERIFIED, None, "")
    assert (proved.proof, proved.due_at) == ("email_link", new().due_at)


def test_proving_identity_does_not_end_a_legal_hold() -> None:
    held = do(new(), Action.HOLD, Action.VERIFY, now=RECEIVED + DAY)
    assert (held.state, held.hold_reason, held.proof) == (State.HELD, "legal_hold", "email_link")
    assert do(held, Action.RELEASE, now=RECEIVED + 9 * DAY).state is State.VERIFIED


@pytest.mark.parametrize("asked_after", [None, 0, 5])
def test_in_the_uk_the_clock_runs_from_the_proof_of_identity(asked_after: int | None) -> None:
    request, proved_at = new(UK), at("2026-03-16T09:00")
    if asked_after is not None:
        request = do(request, Action.HOLD, law=UK, now=RECEIVED + asked_after * DAY, reason="identity_check")
    proved = do(request, Action.VERIFY, law=UK, now=proved_at)
    assert proved.due_at == clocks.due(UK, proved_at, holidays=NONE) == at("2026-04-17") - 1
    assert do(proved, Action.VERIFY, law=UK, now=proved_at + 9 * DAY).due_at == proved.due_at


def test_in_the_uk_waiting_for_a_clarification_does_not_count() -> None:
    asked = do(new(UK), Action.HOLD, law=UK, now=RECEIVED + 5 * DAY, reason="clarification")
    answered = do(asked, Action.RELEASE, law=UK, now=RECEIVED + 9 * DAY)
    assert answered.due_at == clocks.due(UK, RECEIVED + 4 * DAY, holidays=NONE)
    again = do(answered, Action.HOLD, law=UK, now=RECEIVED + 20 * DAY, reason="clarification")
    assert deadline(again, now=RECEIVED + 22 * DAY, rule=UK, holidays=NONE) == clocks.due(
        UK, RECEIVED + 6 * DAY, holidays=NONE
    )
    twice = do(again, Action.RELEASE, law=UK, now=RECEIVED + 22 * DAY)
    assert (twice.paused_ms, twice.due_at) == (6 * DAY, clocks.due(UK, RECEIVED + 6 * DAY, holidays=NONE))


def test_in_the_uk_a_clarification_before_the_proof_does_not_count_twice() -> None:
    answered = do(
        do(new(UK), Action.HOLD, law=UK, reason="clarification"), Action.RELEASE, law=UK, now=RECEIVED + 9 * DAY
    )
    proved = do(answered, Action.VERIFY, law=UK, now=RECEIVED + 12 * DAY)
    assert proved.due_at == clocks.due(UK, RECEIVED + 12 * DAY, holidays=NONE)


def test_a_check_dropped_without_a_proof_leaves_the_clock() -> None:
    asked = do(new(UK), Action.HOLD, law=UK, reason="identity_check")
    assert do(asked, Action.RELEASE, law=UK, now=RECEIVED + 9 * DAY) == new(UK)


@pytest.mark.parametrize(
    ("law", "reason"),
    [(UK, "legal_hold"), (UK, "others_rights"), *((law, r) for law in (GDPR, CALIFORNIA) for r in HOLD_REASONS)],
)
def test_no_other_hold_and_no_other_regime_stops_the_clock(law: RightsRule, reason: str) -> None:
    later = RECEIVED + 20 * DAY
    held = do(new(law), Action.HOLD, law=law, reason=reason)
    assert deadline(held, now=later, rule=law, holidays=NONE) == held.due_at
    assert do(held, Action.RELEASE, law=law, now=later).due_at == new(law).due_at
    assert do(new(law, proof="account_login"), Action.VERIFY, law=law, now=later).due_at == new(law).due_at


def test_an_extension_is_taken_once_and_in_time() -> None:
    extended = do(new(), Action.EXTEND, now=new().due_at)
    assert (extended.extended, extended.due_at) == (True, clocks.due(GDPR, RECEIVED, holidays=NONE, extended=True))
    assert extended.state is State.SUBMITTED
    with pytest.raises(Conflict, match="no extension"):
        do(extended, Action.EXTEND)
    with pytest.raises(Conflict, match="over"):
        do(new(), Action.EXTEND, now=new().due_at + 1)
    with pytest.raises(Conflict, match="no extension"):
        do(new(CALIFORNIA_OPT_OUT), Action.EXTEND, law=CALIFORNIA_OPT_OUT)


def test_an_extension_while_the_clock_waits_for_the_person_is_in_time() -> None:
    held = do(new(UK), Action.HOLD, law=UK, reason="identity_check")
    later = held.due_at + 30 * DAY
    extended = do(held, Action.EXTEND, law=UK, now=later)
    assert (extended.state, extended.extended) == (State.HELD, True)
    proved = do(extended, Action.VERIFY, law=UK, now=later)
    assert proved.due_at == clocks.due(UK, later, holidays=NONE, extended=True)


def test_a_cascade_is_not_finished_before_its_last_step() -> None:
    request = with_steps(running(), ERASURE_STEPS[:-1])
    with pytest.raises(Conflict, match="steps of the cascade are missing"):
        do(request, Action.FINISH)


def test_steps_come_in_order_and_once() -> None:
    request = with_steps(running(), ERASURE_STEPS[:2])
    for step in ("journal", "tombstones", "profiles", "no such step"):
        with pytest.raises(Conflict, match="next is links"):
            finish_step(request, step)
    with pytest.raises(Conflict, match="next is finish"):
        finish_step(with_steps(request, ERASURE_STEPS[2:]), "receipt")


def test_an_unverified_duplicate_leaves_the_verified_request_alone() -> None:
    verified, duplicate = do(new(), Action.VERIFY, Action.PREFLIGHT), new()
    do(duplicate, Action.HOLD, reason="identity_check")
    do(duplicate, Action.CANCEL)
    assert do(verified, Action.APPROVE).state is State.APPROVED


@pytest.mark.parametrize("change", [{"kind": "rectification"}, {"state": ""}, {"held_from": "x"}, {"more": 1}])
def test_a_body_that_is_no_request_is_refused(change: dict[str, object]) -> None:
    with pytest.raises((TypeError, ValueError)):
        RightsRequest.from_json({**new().as_json(), **change})


LAWS = st.sampled_from(
    [
        GDPR,
        UK,
        CALIFORNIA,
        CALIFORNIA_OPT_OUT,
        rule("access", extension=Period(months=2), verification_pauses=True),
        rule("objection"),
    ]
)
TRIES = st.lists(
    st.tuples(st.sampled_from(Action), st.sampled_from(sorted(HOLD_REASONS)), st.integers(0, 40 * DAY)), max_size=25
)


@given(law=LAWS, tries=TRIES)
def test_whatever_is_tried_the_request_stays_sound(law: RightsRule, tries: list[tuple[Action, str, int]]) -> None:
    request, now = new(law), RECEIVED
    for action, hold, later in tries:
        now += later
        allowed = can(request, law, now)
        reason = "unverifiable" if action is Action.DENY else hold
        try:
            after = do(request, action, law=law, now=now, reason=reason)
        except Conflict:
            forbidden_check = action is Action.HOLD and hold == "identity_check" and law.verification == "forbidden"
            assert action not in allowed or forbidden_check
            continue
        assert action in allowed
        assert request.open
        assert RightsRequest.from_json(json.loads(json.dumps(after.as_json()))) == after
        assert (after.state is State.HELD) == (after.held_from is not None) == (after.hold_reason != "")
        assert (after.completed_at is not None) == (after.state in FINAL)
        assert after.due_at >= request.due_at
        if after.state in {State.APPROVED, State.RUNNING, State.COMPLETED}:
            assert after.approved_by == OFFICER
            assert after.verified or (after.kind not in FAR_REACHING and law.verification == "forbidden")
        request = after
