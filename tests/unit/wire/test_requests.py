"""Consent events, queries, privacy requests and resolve questions on the wire."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.entrypoints.wire.consents import parse_consent_event, parse_query
from gateway.entrypoints.wire.resolve import parse_resolve
from gateway.entrypoints.wire.rights import parse_rights
from gateway.flows.messages import ConsentAssertion, Problem
from gateway.flows.requests import ConsentEventInput, ConsentQuery, ResolveRequest, RightsSubmission
from gateway.rights.model import RequestKind
from tests.unit.wire.samples import JSON, NOW, shapes, with_changes

IDENTIFIERS = [{"kind": "email", "value": "jane@example.com"}]
SHAPES = [("raw", "email", "jane@example.com", "")]
AT = "2026-11-24T16:00:00Z"
AT_MS = 1_795_536_000_000
LATER = "2031-01-01T00:00:00Z"

EVENT = {"identifiers": IDENTIFIERS, "kind": "withdraw", "purpose": "*", "occurred_at": AT}
QUERY = {"identifiers": IDENTIFIERS, "purpose": "analytics"}
BY_ID = {"profile_id": "prf_" + "0a" * 12, "purpose": "analytics"}
RIGHTS = {"request": "erasure", "identifiers": IDENTIFIERS, "jurisdiction": "DE", "proof": "email_link"}


def test_a_consent_event_arrives_whole() -> None:
    full = {"jurisdiction": "DE", "legal_basis": "consent", "method": "call", "notice": "n", "event_id": "e"}
    event = parse_consent_event({**EVENT, **full, "expires_at": LATER}, 0, NOW)
    assert isinstance(event, ConsentEventInput)
    assert shapes(event.identifiers) == SHAPES
    assert event.jurisdiction == "DE"
    assert event.consent == ConsentAssertion(
        kind="withdraw",
        purpose="*",
        occurred_at=AT_MS,
        legal_basis="consent",
        method="call",
        notice="n",
        expires_at=1_924_992_000_000,
        event_id="e",
    )


def test_a_short_consent_event_has_its_defaults() -> None:
    event = parse_consent_event(EVENT, 0, NOW)
    assert isinstance(event, ConsentEventInput)
    assert (event.jurisdiction, event.consent) == (None, ConsentAssertion("withdraw", "*", AT_MS))


def test_a_query_arrives_whole() -> None:
    query = parse_query({**QUERY, "as_of": AT, "known_at": LATER, "jurisdiction": "US-CA"})
    assert isinstance(query, ConsentQuery)
    assert shapes(query.identifiers) == SHAPES
    assert (query.purpose, query.as_of, query.known_at) == ("analytics", AT_MS, 1_924_992_000_000)
    assert query.jurisdiction == "US-CA"


def test_a_resolve_question_arrives_whole() -> None:
    request = parse_resolve({**QUERY, "jurisdiction": "FR"})
    assert isinstance(request, ResolveRequest)
    assert shapes(request.identifiers) == SHAPES
    assert (request.purpose, request.jurisdiction) == ("analytics", "FR")


def test_a_resolve_question_by_profile_id_arrives_whole() -> None:
    assert parse_resolve(BY_ID) == ResolveRequest((), "analytics", profile_id=BY_ID["profile_id"])


@pytest.mark.parametrize(
    ("changes", "field", "rule"),
    [
        ({"profile_id": ...}, "identifiers", "required"),
        ({"identifiers": IDENTIFIERS}, "profile_id", "identifiers_or_profile_id"),
        ({"profile_id": "prf_" + "A" * 24}, "profile_id", "profile_id"),
        ({"profile_id": "prf_" + "a" * 23}, "profile_id", "profile_id"),
        ({"profile_id": 5}, "profile_id", "wrong_type"),
        ({"purpose": ...}, "purpose", "required"),
    ],
)
def test_broken_question_by_profile_id(changes: dict[str, Any], field: str, rule: str) -> None:
    problem = parse_resolve(with_changes(BY_ID, changes))
    assert isinstance(problem, Problem)
    assert (problem.field, problem.rule) == (field, rule)


@pytest.mark.parametrize("request_kind", RequestKind)
def test_a_privacy_request_arrives_whole(request_kind: RequestKind) -> None:
    data = {**RIGHTS, "request": str(request_kind), "purposes": ["b", "a", "b"], "received_at": AT}
    submission = parse_rights(data, NOW)
    assert isinstance(submission, RightsSubmission)
    assert submission.request is request_kind
    assert shapes(submission.identifiers) == SHAPES
    assert (submission.jurisdiction, submission.proof) == ("DE", "email_link")
    assert (submission.purposes, submission.received_at) == (("b", "a"), AT_MS)


def test_a_privacy_request_is_received_now_unless_it_says_when() -> None:
    submission = parse_rights(RIGHTS, NOW)
    assert isinstance(submission, RightsSubmission)
    assert (submission.received_at, submission.purposes) == (NOW, ())


def test_a_privacy_request_without_proof_waits_to_be_verified() -> None:
    submission = parse_rights(with_changes(RIGHTS, {"proof": ...}), NOW)
    assert isinstance(submission, RightsSubmission)
    assert submission.proof == ""


@pytest.mark.parametrize(
    ("changes", "field", "rule"),
    [
        ({"identifiers": ...}, "identifiers", "required"),
        ({"identifiers": [{"kind": "email"}]}, "identifiers[0].value", "value_or_sha256"),
        ({"kind": "signal"}, "kind", "unknown_event"),
        ({"kind": "grant"}, "purpose", "any_purpose_not_allowed"),
        ({"occurred_at": LATER}, "occurred_at", "future_date"),
        ({"jurisdiction": "xx"}, "jurisdiction", "jurisdiction"),
        ({"record_id": "1"}, "", "unknown_field"),
    ],
)
def test_broken_consent_event(changes: dict[str, Any], field: str, rule: str) -> None:
    problem = parse_consent_event(with_changes(EVENT, changes), 4, NOW)
    assert isinstance(problem, Problem)
    assert (problem.field, problem.rule, problem.index) == (field, rule, 4)


@pytest.mark.parametrize(
    ("changes", "field", "rule"),
    [
        ({"purpose": ...}, "purpose", "required"),
        ({"purpose": "*"}, "purpose", "slug"),
        ({"identifiers": []}, "identifiers", "too_few"),
        ({"kind": "grant"}, "", "unknown_field"),
    ],
)
def test_broken_question(changes: dict[str, Any], field: str, rule: str) -> None:
    for problem in (parse_query(with_changes(QUERY, changes)), parse_resolve(with_changes(QUERY, changes))):
        assert isinstance(problem, Problem)
        assert (problem.field, problem.rule) == (field, rule)


@pytest.mark.parametrize(
    ("changes", "field", "rule"),
    [
        ({"request": "forget_me"}, "request", "unknown_request"),
        ({"request": ...}, "request", "required"),
        ({"jurisdiction": ...}, "jurisdiction", "required"),
        ({"proof": "Showed me a passport"}, "proof", "slug"),
        ({"purposes": []}, "purposes", "too_few"),
        ({"purposes": ["analytics", "No Slug"]}, "purposes[1]", "slug"),
        ({"purposes": ["a"] * 51}, "purposes", "too_many"),
        ({"received_at": LATER}, "received_at", "future_date"),
    ],
)
def test_broken_privacy_request(changes: dict[str, Any], field: str, rule: str) -> None:
    problem = parse_rights(with_changes(RIGHTS, changes), NOW)
    assert isinstance(problem, Problem)
    assert (problem.field, problem.rule) == (field, rule)


_FIELDS = st.sampled_from(sorted({*EVENT, *QUERY, *BY_ID, *RIGHTS, "purposes", "received_at", "as_of", "expires_at"}))


@given(
    JSON
    | st.builds(
        lambda good, bad: {**good, **bad},
        st.sampled_from([EVENT, QUERY, BY_ID, RIGHTS]),
        st.dictionaries(_FIELDS, JSON),
    )
)
def test_any_json_is_a_message_or_a_problem(data: object) -> None:
    assert isinstance(parse_consent_event(data, 0, NOW), ConsentEventInput | Problem)
    assert isinstance(parse_query(data), ConsentQuery | Problem)
    assert isinstance(parse_rights(data, NOW), RightsSubmission | Problem)
    assert isinstance(parse_resolve(data), ResolveRequest | Problem)
