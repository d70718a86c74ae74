"""Journey: approved requests are run, by the job or by hand; a run that was interrupted goes on."""

from __future__ import annotations

from contextlib import ExitStack

from gateway.flows.context import Caller, Gateway, Role
from gateway.flows.erase import erase
from gateway.flows.export import export
from gateway.flows.replay import replay
from gateway.flows.restrict import restrict
from gateway.flows.steps.entries import Scribe
from gateway.flows.steps.requests import StoredRequest, note_step, read, rule_of, with_request, write
from gateway.kernel import logs
from gateway.kernel.errors import GatewayError
from gateway.rights import states
from gateway.rights.model import Action, RequestKind, State


def run_approved(gateway: Gateway, caller: Caller) -> list[StoredRequest]:
    """Run every approved or interrupted request of the caller's tenant -> the requests as they are afterwards.

    A journal ahead of the store is replayed first. A run that fails is logged, leaves its request running for the
    next time, and keeps no other from being run; a fault of the program is raised when all have had their turn.
    """
    replay(gateway, caller)
    with gateway.storage.begin(caller.tenant_id, write=False) as unit:
        bodies = unit.rights.bodies(State.RUNNING.value) + unit.rights.bodies(State.APPROVED.value)
    waiting = [StoredRequest.from_json(body).request.id for body in bodies]
    with ExitStack() as runs:
        for request_id in reversed(waiting):
            runs.callback(_attempt, gateway, caller, request_id)
    with gateway.storage.begin(caller.tenant_id, write=False) as unit:
        return [read(unit, request_id) for request_id in waiting]


def _attempt(gateway: Gateway, caller: Caller, request_id: int) -> None:
    try:
        run(gateway, caller, request_id)
    except GatewayError as failed:
        logs.failure("right_failed", failed, tenant=caller.tenant_id)


def run(gateway: Gateway, caller: Caller, request_id: int) -> StoredRequest:
    """Start one request and carry it out. Raises Conflict when it is not approved. Needs the role dpo or admin."""
    caller.require(Role.DPO, Role.ADMIN)
    stored = _start(gateway, caller, request_id)
    match stored.request.kind:
        case RequestKind.ERASURE:
            return erase(gateway, caller.tenant_id, request_id)
        case RequestKind.ACCESS | RequestKind.PORTABILITY:
            return export(gateway, caller, request_id)
        case _:
            return restrict(gateway, caller, request_id)


def _start(gateway: Gateway, caller: Caller, request_id: int) -> StoredRequest:
    with gateway.storage.begin(caller.tenant_id, write=True, partition=False) as unit:
        stored = read(unit, request_id, lock=True)
        request = stored.request
        if request.state is State.RUNNING:
            return stored
        now = gateway.clock.now()
        after = states.advance(
            request,
            Action.START,
            now=now,
            actor=caller.client_id,
            rule=rule_of(gateway.policies, request.regime, request.kind),
            holidays=gateway.policies.regimes[request.regime].holidays,
        )
        stored = with_request(stored, after)
        write(unit, stored)
        note_step(unit, Scribe.of(caller, gateway.policies.digest, now), after, "started")
        unit.commit()
    return stored
