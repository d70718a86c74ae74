"""Signed consent records over HTTP: the officer alone, identifiers in the body alone, the file as it verifies."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.consent.verify27560 import verify_record
from gateway.flows.audit import verifier_key
from tests.doors.sites import PURPOSE, Site, consent, cookie, email

PATH = "/v1/consents/receipts"


def stated(site: Site) -> None:
    """Somebody agrees to two purposes and takes one back."""
    events = [
        consent(identifiers=[email(), cookie()], jurisdiction="DE"),
        consent(purpose="sale", identifiers=[email()], jurisdiction="DE"),
        consent("withdraw", purpose="sale", identifiers=[email()], occurred_at="2026-11-24T05:59:00Z"),
    ]
    answered = site.call("POST", "/v1/consents", "web", json={"consents": events})
    assert [one["outcome"] for one in answered.get_json()["results"]] == ["recorded"] * 3


def test_the_body_is_the_file(site: Site) -> None:
    stated(site)
    answered = site.call("POST", PATH, "dpo", json={"identifiers": [email()]})
    assert (answered.status_code, answered.mimetype) == (200, "application/json")
    found = verify_record(answered.get_data(), verifier_key(site.gateway, site.tenant))
    assert (found.record_type, found.events, found.purposes) == ("record", 3, (PURPOSE, "sale"))
    read = json.loads(answered.get_data())
    assert read["processing"]["privacy_notice"][0]["reference"] == "web-2026@1"


def test_a_receipt_is_for_a_purpose(site: Site) -> None:
    stated(site)
    answered = site.call("POST", PATH, "dpo", json={"identifiers": [email(), cookie()], "purpose": "sale"})
    found = verify_record(answered.get_data(), verifier_key(site.gateway, site.tenant))
    assert (found.record_type, found.events, found.purposes) == ("receipt", 2, ("sale",))


def test_who_is_not_in_the_ledger_is_not_found(site: Site) -> None:
    stated(site)
    before = site.rows()
    answered = site.call("POST", PATH, "dpo", json={"identifiers": [email("nobody@shop.example")]})
    assert (answered.status_code, answered.get_json()["title"]) == (404, "Not found")
    foreign = site.call("POST", PATH, "rival-dpo", json={"identifiers": [email()]})
    assert foreign.status_code == 404
    assert site.rows() == before


@pytest.mark.parametrize(
    ("body", "field", "rule"),
    [
        ({}, "identifiers", "required"),
        ({"identifiers": []}, "identifiers", "too_few"),
        ({"identifiers": [email("broken")]}, "identifiers[0].value", "not_an_email"),
        ({"identifiers": [email()], "purpose": "*"}, "purpose", "slug"),
        ({"identifiers": [email()], "purpose": "world_domination"}, "purpose", "unknown_purpose"),
    ],
)
def test_a_bad_request_names_its_fault(shared_site: Site, body: dict[str, Any], field: str, rule: str) -> None:
    answered = shared_site.call("POST", PATH, "dpo", json=body)
    assert answered.status_code == 400
    assert (answered.get_json()["field"], answered.get_json()["rule"]) == (field, rule)
