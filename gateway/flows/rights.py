"""Journey: a privacy request from submission to its end (DESIGN section 6).

    submit -> (verify) -> preflight -> approve -> run           any time: deny, extend, hold, release, cancel

Submitting seals what identifies the person; every step is an entry of the log. The states and who may do what
are `gateway.rights.states`; running is `gateway.flows.erase`, `gateway.flows.export` and `gateway.flows.restrict`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from gateway.flows import audit
from gateway.flows.context import Caller, Gateway, Role, check_store
from gateway.flows.messages import Identifier
from gateway.flows.requests import RightsSubmission
from gateway.flows.steps.entries import Scribe
from gateway.flows.steps.name import until_fresh
from gateway.flows.steps.preflight import preflight
from gateway.flows.steps.prepare import Names
from gateway.flows.steps.requests import (
    StoredRequest,
    check_proof,
    note_step,
    outside_id,
    read,
    request_id,
    rule_of,
    with_request,
    write,
)
from gateway.flows.steps.subjects import digest_subjects, subject_rows
from gateway.flows.views import RequestView
from gateway.identifiers.pseudonyms import RecordTokens
from gateway.identifiers.sealing import unseal
from gateway.kernel.clock import DAY, day_of
from gateway.kernel.errors import Conflict, NotFound
from gateway.kernel.ids import draw
from gateway.rights import states
from gateway.rights.model import Action, RequestKind, State
from gateway.rights.receipt import ErasureReceipt
from gateway.storage.unit_of_work import UnitOfWork

_BY_OFFICER = frozenset(
    {
        Action.VERIFY,
        Action.PREFLIGHT,
        Action.APPROVE,
        Action.DENY,
        Action.EXTEND,
        Action.HOLD,
        Action.RELEASE,
        Action.CANCEL,
    }
)


def submit(gateway: Gateway, caller: Caller, submission: RightsSubmission, reference: str = "") -> RequestView:
    """A new request -> its view. The same `reference` from the same client gives the same request again.

    Raises InvalidInput for identifiers that break a rule and for rights the regime does not know.
    """
    caller.require(Role.DPO, Role.CHANNEL)
    regime = gateway.policies.rights_regime(submission.jurisdiction)
    token = _reference(gateway, caller, reference)
    named = digest_subjects(gateway, submission.identifiers, submission.jurisdiction)
    return until_fresh(lambda: _submit(gateway, caller, submission, regime, token, named))


def _submit(
    gateway: Gateway,
    caller: Caller,
    submission: RightsSubmission,
    regime: str,
    token: bytes,
    named: Sequence[tuple[Identifier, Names]],
) -> RequestView:
    rule = rule_of(gateway.policies, regime, submission.request)
    with gateway.storage.begin(caller.tenant_id, write=True, partition=False) as unit:
        known = unit.rights.by_reference(token)
        if known is not None:
            return _view(gateway, caller, unit, read(unit, known))
        request = states.submit(
            rule,
            request_id=draw(1)[0],
            jurisdiction=submission.jurisdiction,
            purposes=submission.purposes,
            received_at=min(submission.received_at, gateway.clock.now()),
            holidays=gateway.policies.regimes[regime].holidays,
            submitted_by=caller.client_id,
            proof=submission.proof if _vouches(gateway, caller, submission) else "",
        )
        subjects = subject_rows(gateway, unit, request, named)
        stored = StoredRequest(request)
        unit.rights.add(request.id, token, stored.to_json(), request.state.value, request.due_at, subjects)
        check_proof(gateway, unit, request)
        note_step(unit, Scribe.of(caller, gateway.policies.digest, gateway.clock.now()), request, "submitted")
        unit.commit()
    return _view_after(gateway, caller, stored)


def act(
    gateway: Gateway,
    caller: Caller,
    identifier: str,
    action: Action,
    *,
    proof: str = "",
    reason: str = "",
    include_hanging: bool = False,
) -> RequestView:
    """One action of the officer on a request -> its view.

    Raises NotFound, Conflict (with what is possible) and InvalidInput for a proof or reason that is not on its list.
    """
    caller.require(Role.DPO)
    if action not in _BY_OFFICER:
        raise Conflict(f"{action} is done by the run, not by hand")
    now = gateway.clock.now()
    scribe = Scribe.of(caller, gateway.policies.digest, now)
    found: dict[str, object] | None = None
    if action is Action.PREFLIGHT:
        found = preflight(gateway, caller.tenant_id, request_id(identifier))
    with gateway.storage.begin(caller.tenant_id, write=True, partition=False) as unit:
        stored = read(unit, request_id(identifier), lock=True)
        request = stored.request
        regime = gateway.policies.regimes[request.regime]
        after = states.advance(
            request,
            action,
            now=now,
            actor=caller.client_id,
            rule=rule_of(gateway.policies, request.regime, request.kind),
            holidays=regime.holidays,
            proof=proof,
            reason=reason,
        )
        stored = with_request(stored, after)
        if found is not None:
            stored = replace(stored, preflight=found)
        if action is Action.APPROVE:
            stored = replace(stored, include_hanging=include_hanging)
        if action is Action.VERIFY:
            check_proof(gateway, unit, after)
        write(unit, stored)
        note_step(unit, scribe, after, action.value)
        if not after.open:
            unit.rights.forget_texts(after.id)
        unit.commit()
    return _view_after(gateway, caller, stored)


def show(gateway: Gateway, caller: Caller, identifier: str) -> RequestView:
    """One request. A channel sees only those it submitted."""
    caller.require(Role.DPO, Role.AUDITOR, Role.CHANNEL)
    with gateway.storage.begin(caller.tenant_id, write=False) as unit:
        stored = read(unit, request_id(identifier))
        if caller.role is Role.CHANNEL and stored.request.submitted_by != caller.client_id:
            raise NotFound("there is no such request")
        return _view(gateway, caller, unit, stored)


def list_requests(gateway: Gateway, caller: Caller, state: State | None = None) -> list[RequestView]:
    """All requests, or those in one state, the most urgent first."""
    caller.require(Role.DPO, Role.AUDITOR)
    with gateway.storage.begin(caller.tenant_id, write=False) as unit:
        bodies = unit.rights.bodies(None if state is None else state.value)
        return [_view(gateway, caller, unit, StoredRequest.from_json(body)) for body in bodies]


def package(gateway: Gateway, caller: Caller, identifier: str) -> bytes:
    """The export of a completed access or portability request: the bytes of a ZIP.

    Raises Conflict when the request is not completed, NotFound when it has no package or the package has expired.
    """
    caller.require(Role.DPO)
    with gateway.storage.begin(caller.tenant_id, write=False) as unit:
        check_store(gateway, unit, merging=False)
        request = read(unit, request_id(identifier)).request
        if request.kind not in (RequestKind.ACCESS, RequestKind.PORTABILITY):
            raise NotFound("this kind of request has no package")
        if request.state is not State.COMPLETED:
            raise Conflict(f"the package is made when the request is run; it is {request.state.value}")
        sealed = unit.rights.package(request.id, gateway.clock.now())
    if sealed is None:
        raise NotFound("the package has expired or was erased: submit a new request")
    return unseal(gateway.keys.tenant(caller.tenant_id), f"package {outside_id(request)}", sealed)


def receipt(gateway: Gateway, caller: Caller, identifier: str) -> ErasureReceipt:
    """What a completed request did, with its inclusion proof. Raises Conflict while it is not completed."""
    caller.require(Role.DPO, Role.AUDITOR)
    with gateway.storage.begin(caller.tenant_id, write=False) as unit:
        stored = read(unit, request_id(identifier))
        request = stored.request
        if request.state is not State.COMPLETED or request.completed_at is None:
            raise Conflict(f"there is a receipt when the request is completed; it is {request.state.value}")
        position = max(at for at, step, _ in unit.rights.steps(request.id) if step == "receipt")
    backups = gateway.policies.retention.backups_days * DAY
    return ErasureReceipt(
        request=outside_id(request),
        kind=request.kind,
        completed_at=request.completed_at,
        counts=stored.counts or {},
        last_backup_day=day_of(request.completed_at + backups),
        log_index=position,
        proof=audit.proof(gateway, caller.tenant_id, position),
    )


def _reference(gateway: Gateway, caller: Caller, reference: str) -> bytes:
    if not reference:
        return os.urandom(16)
    return RecordTokens(gateway.keys.tenant(caller.tenant_id), f"rights:{caller.client_id}").of(reference)


def _vouches(gateway: Gateway, caller: Caller, submission: RightsSubmission) -> bool:
    """Whether the caller can say how the person was proved: an officer, or a channel with a secret key by its login."""
    by_login = submission.proof == "account_login" and caller.authority(gateway.policies).rules.verified
    return caller.role is Role.DPO or by_login


def _view_after(gateway: Gateway, caller: Caller, stored: StoredRequest) -> RequestView:
    with gateway.storage.begin(caller.tenant_id, write=False) as unit:
        return _view(gateway, caller, unit, stored)


def _view(gateway: Gateway, caller: Caller, unit: UnitOfWork, stored: StoredRequest) -> RequestView:
    """A channel does not see the preflight: it tells whether and in how many channels the person is known."""
    request = stored.request
    regime = gateway.policies.regimes[request.regime]
    possible = states.possible(
        request,
        now=gateway.clock.now(),
        rule=rule_of(gateway.policies, request.regime, request.kind),
        holidays=regime.holidays,
    )
    steps = tuple((step, at, made) for at, step, made in unit.rights.steps(request.id))
    by_hand = tuple(action for action in possible if action in _BY_OFFICER)
    found = None if caller.role is Role.CHANNEL else stored.preflight
    return RequestView(outside_id(request), request, by_hand, steps, found)
