"""Views of flows as JSON-able values, the same over HTTP and on the command line. Times become RFC 3339."""

from __future__ import annotations

from gateway.flows.views import RequestView
from gateway.kernel.clock import format_instant


def request_json(view: RequestView) -> dict[str, object]:
    """A privacy request; `step` is the last finished step of its cascade."""
    request = view.request
    return {
        "id": view.id,
        "request": request.kind,
        "state": request.state,
        "regime": request.regime,
        "jurisdiction": request.jurisdiction,
        "purposes": request.purposes,
        "proof": request.proof,
        "received_at": format_instant(request.received_at),
        "due_at": format_instant(request.due_at),
        "acknowledge_by": _at(request.acknowledge_by),
        "extended": request.extended,
        "hold_reason": request.hold_reason,
        "hold_since": _at(request.hold_since),
        "denial": request.denial,
        "completed_at": _at(request.completed_at),
        "step": request.step,
        "possible": view.possible,
        "steps": [
            {"step": step, "position": position, "at": format_instant(made)} for step, position, made in view.steps
        ],
        "preflight": view.preflight,
    }


def _at(moment: int | None) -> str | None:
    return None if moment is None else format_instant(moment)
