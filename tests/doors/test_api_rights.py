"""Privacy requests over HTTP, from submission to package and receipt."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
from werkzeug.test import TestResponse

from gateway.audit.verify import verify_proof
from gateway.flows import audit
from tests.doors.sites import Site, email, record

VERIFIED = {"proof": "id_document_checked"}


def submit(
    site: Site, kind: str = "erasure", who: str = "dpo", headers: dict[str, str] | None = None, **changes: object
) -> TestResponse:
    body = {"request": kind, "identifiers": [email()], "jurisdiction": "DE", "proof": "id_document_checked", **changes}
    return site.call("POST", "/v1/rights", who, json=body, headers=headers or {})


def act(site: Site, request: str, action: str, body: object = None) -> TestResponse:
    return site.call("POST", f"/v1/rights/{request}/{action}", "dpo", json=body)


def shown(site: Site, request: str, who: str = "dpo") -> dict[str, Any]:
    answered = site.call("GET", f"/v1/rights/{request}", who)
    assert answered.status_code == 200
    view: dict[str, Any] = answered.get_json()
    return view


def test_a_submission_is_a_request_with_clocks_and_next_steps(site: Site) -> None:
    answered = submit(site)
    view = answered.get_json()
    assert answered.status_code == 201
    assert answered.headers["Location"] == f"/v1/rights/{view['id']}"
    assert (view["request"], view["state"], view["regime"]) == ("erasure", "verified", "gdpr")
    assert view["due_at"] > view["received_at"]
    assert {"preflight", "deny", "hold"} <= set(view["possible"])
    assert shown(site, view["id"]) == view
    assert [one["step"] for one in view["steps"]] == ["submitted"]


def test_an_erasure_goes_its_way_and_leaves_a_receipt_that_verifies(site: Site) -> None:
    site.call("POST", "/v1/records", "web", json={"records": [record("r1")]})
    request = submit(site).get_json()["id"]
    preflight = act(site, request, "preflight").get_json()["preflight"]
    assert preflight["tables"]["record"] == 1
    approved = act(site, request, "approve", {"include_untrusted": True}).get_json()
    assert approved["state"] == "approved"
    early = site.call("GET", f"/v1/rights/{request}/receipt", "dpo")
    assert early.status_code == 409
    site.run_requests()
    assert shown(site, request)["state"] == "completed"
    receipt = site.call("GET", f"/v1/rights/{request}/receipt", "auditor").get_json()
    assert (receipt["request"], receipt["kind"], receipt["counts"]["record"]) == (request, "erasure", 1)
    entries = site.call("GET", f"/v1/audit/entries?start={receipt['log_index']}&end={receipt['log_index'] + 1}", "dpo")
    leaf = entries.get_json()["entries"][0]["leaf"].encode()
    assert (
        verify_proof(receipt["proof"], leaf, audit.verifier_key(site.gateway, site.tenant)).index
        == receipt["log_index"]
    )
    again = site.call("POST", "/v1/records", "web", json={"records": [record("r1")]})
    assert again.get_json()["results"][0]["outcome"] == "suppressed"


def test_an_access_request_ends_in_a_package(site: Site) -> None:
    site.call("POST", "/v1/records", "web", json={"records": [record("r1")]})
    early = submit(site, "access").get_json()["id"]
    assert site.call("GET", f"/v1/rights/{early}/package", "dpo").status_code == 409
    request = site.finish("access", email())
    answered = site.call("GET", f"/v1/rights/{request}/package", "dpo")
    assert (answered.status_code, answered.mimetype) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(answered.get_data())) as archive:
        assert "export.json" in archive.namelist()
    assert site.call("GET", f"/v1/rights/{request}/package", "auditor").status_code == 403
    erasure = submit(site).get_json()["id"]
    assert site.call("GET", f"/v1/rights/{erasure}/package", "dpo").status_code == 404


def test_every_action_does_what_it_says(site: Site) -> None:
    request = submit(site).get_json()["id"]
    assert act(site, request, "hold", {"reason": "legal_hold"}).get_json()["hold_reason"] == "legal_hold"
    assert act(site, request, "release", {}).get_json()["state"] == "verified"
    assert act(site, request, "extend").get_json()["extended"] is True
    assert act(site, request, "verify", VERIFIED).get_json()["proof"] == "id_document_checked"
    denied = act(site, request, "deny", {"reason": "excessive"}).get_json()
    assert (denied["state"], denied["denial"], denied["possible"]) == ("denied", "excessive", [])
    other = submit(site).get_json()["id"]
    assert act(site, other, "cancel").get_json()["state"] == "cancelled"


def test_what_is_not_possible_is_a_conflict_that_says_what_is(site: Site) -> None:
    request = submit(site).get_json()["id"]
    refused = act(site, request, "approve")
    assert refused.status_code == 409
    assert "preflight" in refused.get_json()["detail"]
    assert act(site, request, "release").status_code == 409


@pytest.mark.parametrize(
    ("action", "body", "field", "rule"),
    [
        ("verify", {}, "proof", "required"),
        ("verify", None, "proof", "required"),
        ("verify", {"proof": "crystal_ball"}, "proof", "unknown_proof"),
        ("deny", {"reason": "because"}, "reason", "unknown_reason"),
        ("hold", {"reason": 5}, "reason", "wrong_type"),
        ("approve", {"include_untrusted": "yes"}, "include_untrusted", "wrong_type"),
        ("cancel", {"reason": "x"}, "", "unknown_field"),
        ("cancel", [], "", "wrong_type"),
    ],
)
def test_a_bad_action_names_its_fault(shared_site: Site, action: str, body: object, field: str, rule: str) -> None:
    request = submit(shared_site).get_json()["id"]
    before = shared_site.rows()
    answered = act(shared_site, request, action, body)
    assert (answered.status_code, answered.get_json()["field"], answered.get_json()["rule"]) == (400, field, rule)
    assert shared_site.rows() == before


@pytest.mark.parametrize(
    ("changes", "field", "rule"),
    [
        ({"request": "vanish"}, "request", "unknown_request"),
        ({"jurisdiction": "Germany"}, "jurisdiction", "jurisdiction"),
        ({"proof": "crystal_ball"}, "proof", "unknown_proof"),
        ({"identifiers": [email(), email("broken")]}, "identifiers[1].value", "not_an_email"),
        ({"received_at": "2030-01-01T00:00:00Z"}, "received_at", "future_date"),
    ],
)
def test_a_bad_submission_names_its_fault(shared_site: Site, changes: dict[str, Any], field: str, rule: str) -> None:
    before = shared_site.rows()
    answered = submit(shared_site, **changes)
    assert (answered.status_code, answered.get_json()["field"], answered.get_json()["rule"]) == (400, field, rule)
    assert shared_site.rows() == before


def test_the_same_key_gives_the_same_request(site: Site) -> None:
    sent = [submit(site, headers={"Idempotency-Key": "letter-17"}) for _ in range(2)]
    assert [one.status_code for one in sent] == [201, 201]
    assert len({one.get_json()["id"] for one in sent}) == 1
    other = submit(site, headers={"Idempotency-Key": "letter-18"}).get_json()["id"]
    by_channel = submit(site, who="web", headers={"Idempotency-Key": "letter-17"}).get_json()["id"]
    assert len({sent[0].get_json()["id"], other, by_channel}) == 3
    for bad in ("", "a b", "x" * 201, "é"):
        answered = submit(site, headers={"Idempotency-Key": bad})
        assert (answered.status_code, answered.get_json()["rule"]) == (400, "idempotency_key")


def test_requests_are_listed_by_state(site: Site) -> None:
    first, second = submit(site).get_json()["id"], submit(site, "access").get_json()["id"]
    act(site, second, "cancel")
    listed = site.call("GET", "/v1/rights", "dpo").get_json()["requests"]
    assert {one["id"] for one in listed} == {first, second}
    verified = site.call("GET", "/v1/rights?state=verified", "auditor").get_json()["requests"]
    assert [one["id"] for one in verified] == [first]
    answered = site.call("GET", "/v1/rights?state=lost", "dpo")
    assert (answered.status_code, answered.get_json()["rule"]) == (400, "unknown_word")


def test_a_channel_sees_its_own_requests_only(site: Site) -> None:
    own = submit(site, who="web").get_json()["id"]
    assert shown(site, own, "web")["id"] == own
    assert site.call("GET", f"/v1/rights/{own}", "store").status_code == 404


@pytest.mark.parametrize(
    "name", ["req_0000000000000009", "req_", "req_zzz", "exp_0000000000000001", "7" * 500, "%00", "ü"]
)
def test_an_unknown_request_is_not_found(shared_site: Site, name: str) -> None:
    for answered in (
        shared_site.call("GET", f"/v1/rights/{name}", "dpo"),
        shared_site.call("GET", f"/v1/rights/{name}/package", "dpo"),
        shared_site.call("GET", f"/v1/rights/{name}/receipt", "dpo"),
        act(shared_site, name, "preflight"),
        act(shared_site, name, "cancel"),
    ):
        assert (answered.status_code, answered.mimetype) == (404, "application/problem+json")
