"""Errors over HTTP: one table, one form, and nothing in it that somebody sent."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from werkzeug.exceptions import SecurityError

from gateway.entrypoints.api import problems
from gateway.kernel import errors
from tests.doors.sites import Site, cookie, record

SECRET = "jane@shop.example"


def families(root: type[errors.GatewayError] = errors.GatewayError) -> Iterator[type[errors.GatewayError]]:
    yield root
    for child in root.__subclasses__():
        yield from families(child)


def raising(site: Site, monkeypatch: pytest.MonkeyPatch, error: Exception) -> tuple[int, dict[str, object], str]:
    """What a caller gets, and the log says, when a flow fails with this error."""

    def fail(*_arguments: object) -> None:
        raise error

    monkeypatch.setattr(site.app.extensions["gateway"].records, "_run", fail)
    answered = site.call("POST", "/v1/records", "web", json={"records": [record("r1")]})
    assert answered.mimetype == "application/problem+json"
    return answered.status_code, answered.get_json(), answered.headers.get("Retry-After", "")


@pytest.mark.parametrize(
    ("error", "status", "retry"),
    [
        (errors.InvalidInput("no", field="f", rule="r", index=3), 400, ""),
        (errors.TooLarge("no", field="f", rule="r"), 413, ""),
        (errors.Unauthenticated("no"), 401, ""),
        (errors.NotPermitted("no"), 403, ""),
        (errors.NotFound("no"), 404, ""),
        (errors.Conflict("no"), 409, ""),
        (errors.Unavailable("no"), 503, "5"),
        (errors.Stale("no"), 503, "5"),
        (errors.Frozen("no"), 503, "300"),
        (errors.BehindJournal("no"), 503, "60"),
    ],
)
def test_a_family_has_its_status(
    site: Site, monkeypatch: pytest.MonkeyPatch, error: errors.GatewayError, status: int, retry: str
) -> None:
    answered, body, after = raising(site, monkeypatch, error)
    assert (answered, body["status"], body["title"], body["detail"], after) == (
        status,
        status,
        error.title,
        "no",
        retry,
    )
    assert str(body["type"]).startswith(problems.URN)
    if isinstance(error, errors.InvalidInput):
        assert (body["field"], body["rule"], body.get("index")) == ("f", "r", error.index)


def test_no_family_is_forgotten() -> None:
    with_own_row = {family for family in families() if family in problems.FAMILIES}
    by_inheritance = {family for family in families() if family not in problems.FAMILIES}
    assert with_own_row == set(problems.FAMILIES)
    assert {family.__name__ for family in by_inheritance} <= {"Stale", "PolicyError", "MalformedSignal"}


@pytest.mark.parametrize(
    "error",
    [
        errors.IntegrityError(f"leaf of {SECRET}"),
        errors.GatewayError(f"about {SECRET}"),
        ValueError(f"cannot parse {SECRET}"),
        KeyError(SECRET),
        SecurityError(f"host {SECRET}"),
        RecursionError(SECRET),
        sqlite3.OperationalError(f"near {SECRET}"),
    ],
)
def test_what_is_nobodys_fault_has_a_title_and_no_words(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    status, body, _ = raising(site, monkeypatch, error)
    assert status in {500, 400}
    assert body.keys() == {"type", "title", "status"}
    written = capsys.readouterr().err
    assert SECRET not in written
    if status == 500:
        assert type(error).__name__ in written
        assert "gateway/entrypoints/api/records.py:" in written


def test_a_method_that_is_not_there_is_answered_with_those_that_are(shared_site: Site) -> None:
    answered = shared_site.call("DELETE", "/v1/records", "web")
    assert (answered.status_code, answered.headers["Allow"]) == (405, "OPTIONS, POST")
    answered = shared_site.call("PATCH", "/v1/rights", "dpo")
    assert (answered.status_code, answered.headers["Allow"]) == (405, "GET, HEAD, OPTIONS, POST")
    assert answered.mimetype == "application/problem+json"
    assert answered.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/nothing", "/v1//records", f"/v1/records/{SECRET}", "/v1/%00", "/v1/%ff"]
)
def test_what_is_not_there_is_not_found_and_not_repeated(shared_site: Site, path: str) -> None:
    answered = shared_site.call("GET", path, "web")
    assert (answered.status_code, answered.get_json()) == (
        404,
        {"type": "about:blank", "title": "Not Found", "status": 404},
    )


def test_a_slash_at_the_end_does_not_send_anybody_elsewhere(shared_site: Site) -> None:
    answered = shared_site.call("POST", "/v1/records/", "web", json={"records": []})
    assert answered.status_code == 200


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "application/csv", "multipart/form-data", ""]
)
def test_a_wrong_media_type_is_refused_with_the_right_one(shared_site: Site, kind: str) -> None:
    headers = {"Content-Type": kind} if kind else {}
    for path in ("/v1/records", "/v1/consents/query", "/v1/rights"):
        answered = shared_site.call("POST", path, "web", data=b"{}", headers=headers)
        assert answered.status_code == 415
        assert "application/json" in answered.get_json()["detail"]


def test_a_coding_that_is_not_read_is_refused_with_those_that_are(shared_site: Site) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "br"}
    answered = shared_site.call("POST", "/v1/records", "web", data=b"{}", headers=headers)
    assert (answered.status_code, answered.headers["Accept-Encoding"]) == (415, "gzip, identity")


def test_answers_are_json_whatever_is_accepted(shared_site: Site) -> None:
    answered = shared_site.call("POST", "/v1/records", "web", json={"records": []}, headers={"Accept": "text/html"})
    assert (answered.status_code, answered.mimetype) == (200, "application/json")


def test_a_store_behind_its_journal_serves_nobody_until_it_has_caught_up(site: Site) -> None:
    site.gateway.journal.append(site.tenant, {"act": "test"})
    before = site.rows()
    for path, body in [("/v1/records", {"records": [record("r1")]}), ("/v1/decisions", {"records": [record("r1")]})]:
        answered = site.call("POST", path, "web", json=body)
        assert (answered.status_code, answered.get_json()["type"]) == (503, problems.URN + "behind-journal")
        assert answered.headers["Retry-After"] == "60"
    assert site.rows() == before


def test_a_log_found_edited_stops_merging_but_not_requests(site: Site) -> None:
    with closing(sqlite3.connect(site.settings.home / "gateway.db")) as connection:
        connection.execute("UPDATE head SET frozen = 1")
        connection.commit()
    answered = site.call("POST", "/v1/records", "web", json={"records": [record("r1")]})
    assert (answered.status_code, answered.get_json()["type"]) == (503, problems.URN + "frozen")
    body = {"request": "opt_out", "identifiers": [cookie()], "jurisdiction": "US-CA", "proof": "account_login"}
    assert site.call("POST", "/v1/rights", "dpo", json=body).status_code == 201


def test_a_store_that_is_gone_is_unavailable(site: Site) -> None:
    assert site.call("GET", "/v1/changes", "web").status_code == 200
    site.gateway.storage.engine.dispose()
    with closing(sqlite3.connect(site.settings.home / "gateway.db")) as connection:
        for table in ("pseudonym", "client"):
            connection.execute(f'DROP TABLE "{table}"')
        connection.commit()
    for who in ("web", "store"):
        answered = site.call("POST", "/v1/records", who, json={"records": [record("r1")]})
        assert (answered.status_code, answered.headers["Retry-After"]) == (503, "5")
        assert "pseudonym" not in answered.get_data(as_text=True)
