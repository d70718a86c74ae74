"""POST /v1/records and /v1/decisions: forms of a body, results, and what each kind of client is told."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from typing import Any

import pytest

from tests.doors.sites import CHUNKED, Site, cookie, email, record

NDJSON = {"Content-Type": "application/x-ndjson"}
GZIPPED = {"Content-Type": "application/json", "Content-Encoding": "gzip"}


def outcomes(site: Site, who: str, *records: object, path: str = "/v1/records") -> list[str]:
    answered = site.call("POST", path, who, json={"records": list(records)})
    assert answered.status_code == 200
    return [result["outcome"] for result in answered.get_json()["results"]]


def lines(records: Iterable[object]) -> bytes:
    return "\n".join(json.dumps(each) for each in records).encode()


def test_a_record_is_created_then_known_then_linked(site: Site) -> None:
    assert outcomes(site, "web", record("r1")) == ["created"]
    assert outcomes(site, "web", record("r1")) == ["duplicate"]
    assert outcomes(site, "store", record("s1", email(), cookie("cookie-0002"))) == ["linked"]


def test_a_result_says_what_was_decided_and_why(site: Site) -> None:
    answered = site.call(
        "POST",
        "/v1/records",
        "web",
        json={"records": [record("r1"), record("r2", email("b@b.example"), granted=False)]},
    )
    permitted, refused = answered.get_json()["results"]
    assert permitted["record_id"] == "r1"
    assert permitted["profile_id"].startswith("prf_")
    assert permitted["decision"]["permitted"] is True
    assert permitted["decision"]["regimes"] == ["eprivacy", "gdpr"]
    assert permitted["decision"]["policy"] == site.gateway.policies.digest
    assert (refused["outcome"], refused["decision"]["reason"]) == ("refused", "no_consent")
    assert "profile_id" not in refused


def test_a_bad_record_names_its_fault_and_spoils_nothing(site: Site) -> None:
    bad = record("r2", {"kind": "email", "value": "not an address"})
    answered = site.call(
        "POST", "/v1/records", "web", json={"records": [record("r1"), bad, 5, record("r3", cookie("c-3"))]}
    )
    results = answered.get_json()["results"]
    assert [result["outcome"] for result in results] == ["created", "invalid", "invalid", "created"]
    assert results[1]["problem"]["field"] == "identifiers[0].value"
    assert [result.get("problem", {}).get("index") for result in results] == [None, 1, 2, None]
    assert "not an address" not in answered.get_data(as_text=True)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (lines([record("r1"), record("r2", cookie("c-2"))]), NDJSON),
        (b"\n\n" + lines([record("r1"), record("r2", cookie("c-2"))]) + b"\r\n\n", NDJSON),
        (lines([record("r1"), record("r2", cookie("c-2"))]), {"Content-Type": "application/ndjson; charset=utf-8"}),
        (gzip.compress(lines([record("r1"), record("r2", cookie("c-2"))])), {**NDJSON, "Content-Encoding": "gzip"}),
        (gzip.compress(json.dumps({"records": [record("r1"), record("r2", cookie("c-2"))]}).encode()), GZIPPED),
    ],
    ids=["ndjson", "blank lines", "other name", "gzipped ndjson", "gzipped json"],
)
def test_every_form_of_a_body_gives_the_same(site: Site, body: bytes, headers: dict[str, str]) -> None:
    answered = site.call("POST", "/v1/records", "web", data=body, headers=headers)
    assert answered.status_code == 200
    assert [(one["record_id"], one["outcome"]) for one in answered.get_json()["results"]] == [
        ("r1", "created"),
        ("r2", "created"),
    ]


def test_a_line_that_is_no_json_is_a_problem_in_its_place(site: Site) -> None:
    body = lines([record("r1")]) + b"\n{broken\n" + lines([record("r3", cookie("c-3"))])
    results = site.call("POST", "/v1/records", "web", data=body, headers=NDJSON).get_json()["results"]
    assert [one["outcome"] for one in results] == ["created", "invalid", "created"]
    assert (results[1]["problem"]["rule"], results[1]["problem"]["index"]) == ("malformed_json", 1)


def test_a_body_may_come_in_chunks(site: Site) -> None:
    body = json.dumps({"records": [record("r1")]}).encode()
    headers = {"Content-Type": "application/json"}
    answered = site.call("POST", "/v1/records", "web", data=body, environ_overrides=CHUNKED, headers=headers)
    assert [one["outcome"] for one in answered.get_json()["results"]] == ["created"]


def test_an_empty_batch_is_answered_by_an_empty_list(site: Site) -> None:
    assert outcomes(site, "web") == []


def test_decisions_tell_what_records_would_and_write_nothing(site: Site) -> None:
    batch: list[Any] = [record("r1"), record("r2", email("b@b.example"), granted=False), 5]
    before = site.rows()
    foretold = outcomes(site, "web", *batch, path="/v1/decisions")
    assert site.rows() == before
    assert foretold == outcomes(site, "web", *batch) == ["created", "refused", "invalid"]
    assert outcomes(site, "dpo", record("r9"), path="/v1/decisions") == ["linked"]


@pytest.mark.parametrize("who", ["browser", "quiet"])
def test_clients_without_outcomes_see_no_difference(site: Site, who: str) -> None:
    """Created, linked, duplicate, refused and suppressed look the same, byte for byte but for the record's own id."""
    outcomes(site, "web", record("r1"))
    site.finish("erasure", email())
    batches = [
        [record("a", cookie("c-a"), granted=True)],
        [record("b", cookie("c-a"), granted=True)],
        [record("a", cookie("c-a"), granted=True)],
        [record("d", cookie("c-d"), granted=False)],
        [record("e", email(), cookie("c-e"))],
    ]
    answers = [site.call("POST", "/v1/records", who, json={"records": batch}) for batch in batches]
    told = {
        answered.get_data().replace(json.dumps(batch[0]["record_id"]).encode(), b"")
        for answered, batch in zip(answers, batches, strict=True)
    }
    assert told == {b'{"results":[{"record_id":,"outcome":"accepted"}]}'}
    assert len({tuple(sorted(header for header, _ in answered.headers)) for answered in answers}) == 1
    dry = [site.call("POST", "/v1/decisions", who, json={"records": batch}).get_json() for batch in batches]
    assert {result["outcome"] for body in dry for result in body["results"]} == {"accepted"}
    assert outcomes(site, who, 5) == ["invalid"]


def test_what_stands_behind_the_accepted_does_differ(site: Site) -> None:
    """The same batches from a client that is told outcomes: so the test above compares what is different."""
    outcomes(site, "web", record("r1"))
    site.finish("erasure", email())
    seen = [
        *outcomes(site, "web", record("a", cookie("c-a"))),
        *outcomes(site, "web", record("b", cookie("c-a"))),
        *outcomes(site, "web", record("a", cookie("c-a"))),
        *outcomes(site, "web", record("d", cookie("c-d"), granted=False)),
        *outcomes(site, "web", record("e", email(), cookie("c-e"))),
    ]
    assert seen == ["created", "linked", "duplicate", "refused", "suppressed"]


def test_public_clients_ask_nothing(site: Site) -> None:
    before = site.rows()
    for method, path in [
        ("POST", "/v1/consents/query"),
        ("POST", "/v1/profiles/resolve"),
        ("GET", "/v1/changes"),
        ("POST", "/v1/rights"),
    ]:
        answered = site.call(method, path, "browser", json={} if method == "POST" else None)
        assert (path, answered.status_code) == (path, 403)
    assert site.rows() == before
