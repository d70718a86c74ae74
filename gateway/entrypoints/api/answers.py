"""Results of flows -> JSON. Times become RFC 3339; what a caller may not know never gets this far into the text."""

from __future__ import annotations

from typing import Final

import orjson
from flask import Response

from gateway.flows.context import Caller
from gateway.flows.messages import DecisionView, Problem, RecordResult
from gateway.flows.views import (
    ChangeView,
    ConsentResult,
    ConsentState,
    IdentifierConsent,
    ProfileView,
)
from gateway.kernel.clock import format_instant

JSON: Final = "application/json"
_ACCEPTED: Final = "accepted"
_INVALID: Final = "invalid"


def answer(body: object, status: int = 200, **headers: str) -> Response:
    """JSON-able values -> the response; underscores in names of `headers` stand for hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(orjson.dumps(body), status, named, content_type=JSON)


def record_results(caller: Caller, results: list[RecordResult]) -> Response:
    """Results of records, in order.

    A caller without the scope `outcomes` is told `accepted` or `invalid` and the problem, in the same shape whatever
    became of the record.
    """
    render = _record if caller.outcomes else _record_told_little
    return answer({"results": [render(result) for result in results]})


def _record(result: RecordResult) -> dict[str, object]:
    body: dict[str, object] = {"record_id": result.record_id, "outcome": result.outcome}
    if result.profile_id is not None:
        body["profile_id"] = result.profile_id
    if result.decision is not None:
        body["decision"] = _decision(result.decision)
    if result.problem is not None:
        body["problem"] = problem_json(result.problem)
    return body | _honored(result)


def _honored(result: RecordResult) -> dict[str, object]:
    """For the site to display (11 CCR 7025(c)(6))."""
    return {"gpc": "honored"} if result.gpc else {}


def _record_told_little(result: RecordResult) -> dict[str, object]:
    if result.outcome != _INVALID:
        return {"record_id": result.record_id, "outcome": _ACCEPTED, **_honored(result)}
    body: dict[str, object] = {"record_id": result.record_id, "outcome": _INVALID}
    if result.problem is not None:
        body["problem"] = problem_json(result.problem)
    return body


def _decision(decision: DecisionView) -> dict[str, object]:
    return {
        "id": decision.id,
        "permitted": decision.permitted,
        "purpose": decision.purpose,
        "rule": decision.rule,
        "reason": decision.reason,
        "regimes": decision.regimes,
        "policy": decision.policy,
        "expires_at": _at(decision.expires_at),
    }


def problem_json(problem: Problem) -> dict[str, object]:
    """A problem of one record or event."""
    body: dict[str, object] = {"field": problem.field, "rule": problem.rule, "message": problem.message}
    if problem.index is not None:
        body["index"] = problem.index
    return body


def consent_results(caller: Caller, results: list[ConsentResult]) -> Response:
    """Results of consent events, in order; callers without the scope `outcomes` as in `record_results`."""
    render = _consent if caller.outcomes else _consent_told_little
    return answer({"results": [render(result) for result in results]})


def _consent(result: ConsentResult) -> dict[str, object]:
    body: dict[str, object] = {"outcome": result.outcome, "links_retracted": result.links_retracted}
    if result.problem is not None:
        body["problem"] = problem_json(result.problem)
    return body


def _consent_told_little(result: ConsentResult) -> dict[str, object]:
    if result.outcome != _INVALID or result.problem is None:
        return {"outcome": _ACCEPTED}
    return {"outcome": _INVALID, "problem": problem_json(result.problem)}


def consent_state(state: ConsentState) -> Response:
    """The answer to a consent query."""
    return answer(
        {
            "purpose": state.purpose,
            "permitted": state.permitted,
            "rule": state.rule,
            "reason": state.reason,
            "regimes": state.regimes,
            "as_of": format_instant(state.as_of),
            "known_at": format_instant(state.known_at),
            "expires_at": _at(state.expires_at),
            "may_ask_at": _at(state.may_ask_at),
            "identifiers": [_identifier_consent(one) for one in state.identifiers],
        }
    )


def _identifier_consent(one: IdentifierConsent) -> dict[str, object]:
    return {
        "place": one.place,
        "kind": one.kind,
        "event": one.event,
        "occurred_at": _at(one.occurred_at),
        "position": one.position,
        "derived": bool(one.derived),
        "overruled": [
            {
                "event": each.event,
                "occurred_at": format_instant(each.occurred_at),
                "position": each.position,
                "channel": each.channel,
                "method": each.method,
            }
            for each in one.overruled
        ],
    }


def profile(view: ProfileView) -> Response:
    """A profile in the view of a purpose."""
    return answer(
        {
            "profile_id": view.profile_id,
            "purpose": view.purpose,
            "permitted": view.permitted,
            "rule": view.rule,
            "reason": view.reason,
            "identifiers": [
                {
                    "kind": one.kind,
                    "channels": one.channels,
                    "first_seen": format_instant(one.first_seen),
                    "last_seen": format_instant(one.last_seen),
                }
                for one in view.identifiers
            ],
            "withheld": view.withheld,
        }
    )


def change_json(change: ChangeView) -> dict[str, object]:
    """One change of the feed."""
    return {
        "position": change.position,
        "kind": change.kind,
        "profiles": change.profiles,
        "made_at": format_instant(change.made_at),
    }


def _at(moment: int | None) -> str | None:
    return None if moment is None else format_instant(moment)
