"""What runs the gateway asks it: health, readiness, metrics; and the documents it shows."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from tests.doors.sites import Site, cookie, email, record

CHECKS = ("database", "migrations", "keys", "policy", "journal")
PATHS = ("/healthz", "/readyz", "/metrics", "/openapi.json", "/docs", "/nowhere", "/v1/records")


def ready(site: Site) -> tuple[int, dict[str, Any]]:
    answered = site.call("GET", "/readyz")
    body: dict[str, Any] = answered.get_json()
    assert tuple(body["checks"]) == CHECKS
    return answered.status_code, {name: found for name, found in body["checks"].items() if found != "ok"}


def run(site: Site, *statements: str) -> None:
    with closing(sqlite3.connect(site.settings.home / "gateway.db")) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_the_process_is_alive_whatever_the_store_is(site: Site) -> None:
    run(site, "DROP TABLE tenant")
    answered = site.call("GET", "/healthz")
    assert (answered.status_code, answered.get_json()) == (200, {"status": "ok"})


def test_the_gateway_is_ready(site: Site) -> None:
    assert ready(site) == (200, {})


def test_a_store_that_is_away_is_not_ready_until_it_is_back(site: Site) -> None:
    run(site, "ALTER TABLE tenant RENAME TO elsewhere")
    status, wrong = ready(site)
    assert (status, wrong["database"]) == (503, "unavailable")
    run(site, "ALTER TABLE elsewhere RENAME TO tenant")
    assert ready(site) == (200, {})


def test_a_store_that_was_not_migrated_is_not_ready(site: Site) -> None:
    run(site, "DELETE FROM alembic_version")
    assert ready(site) == (503, {"migrations": "behind"})


def test_keys_that_cannot_be_had_are_not_ready(site: Site) -> None:
    site.settings.keyring.unlink()
    assert ready(site) == (503, {"keys": "unavailable"})


def test_a_store_behind_its_journal_is_not_ready(site: Site) -> None:
    site.gateway.journal.append(site.tenant, {"act": "test"})
    assert ready(site) == (503, {"journal": "behind"})


def test_metrics_count_requests_and_records(site: Site) -> None:
    batch = [record("r1"), record("r2", email("b@b.example"), granted=False), record("r3", cookie("c-3")), 5]
    site.call("POST", "/v1/records", "web", json={"records": batch})
    site.call("GET", "/nowhere")
    text = site.call("GET", "/metrics").get_data(as_text=True)
    assert 'gateway_http_requests_total{method="POST",route="/v1/records",status="200"} 1.0' in text
    assert 'gateway_http_requests_total{method="GET",route="unmatched",status="404"} 1.0' in text
    assert 'gateway_records_total{outcome="created",reason="granted"} 2.0' in text
    assert 'gateway_records_total{outcome="refused",reason="no_consent"} 1.0' in text
    assert 'gateway_records_total{outcome="invalid",reason="wrong_type"} 1.0' in text
    assert 'gateway_http_request_seconds_count{route="/v1/records"} 1.0' in text


def test_metrics_are_for_the_machine_itself(shared_site: Site) -> None:
    for address, status in [("127.0.0.1", 200), ("::1", 200), ("10.0.0.5", 403), ("", 403), ("unix:", 403)]:
        answered = shared_site.call("GET", "/metrics", environ_overrides={"REMOTE_ADDR": address})
        assert (address, answered.status_code) == (address, status)
    for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"):
        answered = shared_site.call("GET", "/metrics", headers={header: "10.0.0.5"})
        assert (header, answered.status_code) == (header, 403)


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_has_the_headers_that_protect_it(shared_site: Site, path: str) -> None:
    answered = shared_site.call("GET", path)
    assert answered.headers.getlist("Cache-Control") == ["no-store"]
    assert answered.headers["X-Content-Type-Options"] == "nosniff"
    assert answered.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "Set-Cookie" not in answered.headers


def test_files_are_not_kept_either(site: Site) -> None:
    made = site.call("POST", "/v1/audit/exports", "auditor")
    fetched = site.call("GET", made.headers["Location"], "auditor")
    assert fetched.headers.getlist("Cache-Control") == ["no-store"]
    assert "ETag" not in fetched.headers


def test_the_document_names_every_route(shared_site: Site) -> None:
    document = shared_site.call("GET", "/openapi.json").get_json()
    assert document["openapi"] == "3.1.0"
    described = {
        (path, method.upper())
        for path, methods in document["paths"].items()
        for method in methods
        if method != "parameters"
    }
    served = {
        (rule.rule.replace("<", "{").replace(">", "}"), method)
        for rule in shared_site.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert described == served - {("/openapi.json", "GET"), ("/docs", "GET")}
    for methods in document["paths"].values():
        for method, one in methods.items():
            if method != "parameters":
                assert one["summary"]
                assert one["description"]


def test_the_document_says_what_needs_no_key_and_how_it_can_fail(shared_site: Site) -> None:
    paths = shared_site.call("GET", "/openapi.json").get_json()["paths"]
    without = {path for path, methods in paths.items() for one in methods.values() if "security" in one}
    assert without == {"/healthz", "/readyz", "/metrics", "/.well-known/gpc.json"}
    assert set(paths["/healthz"]["get"]["responses"]) == {"200", "400", "500"}
    ready = paths["/readyz"]["get"]["responses"]
    assert ready["503"]["content"].keys() == {"application/json"}
    assert set(paths["/v1/records"]["post"]["responses"]) >= {"200", "400", "401", "403", "413", "415", "503"}


def test_the_document_describes_bodies_as_they_are_read(shared_site: Site) -> None:
    schemas = shared_site.call("GET", "/openapi.json").get_json()["components"]["schemas"]
    assert schemas["Record"]["required"] == ["identifiers", "observed_at", "record_id"]
    assert schemas["Record"]["additionalProperties"] is False
    assert schemas["Records"]["properties"]["records"]["maxItems"] == 10_000
    assert schemas["Identifier"]["properties"]["kind"]["pattern"].startswith("^")
    assert schemas["Decision"]["properties"]["expires_at"]["type"] == ["string", "null"]


def test_the_page_shows_every_operation_and_loads_nothing(shared_site: Site) -> None:
    document = shared_site.call("GET", "/openapi.json").get_json()
    answered = shared_site.call("GET", "/docs")
    page = answered.get_data(as_text=True)
    assert answered.mimetype == "text/html"
    for path in document["paths"]:
        assert f" {path}</h3>" in page
    for word in ("<script", "http://", "https://", "src="):
        assert word not in page
