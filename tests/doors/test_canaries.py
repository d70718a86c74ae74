"""Identifiers that must never be seen again, planted in every route and every failure.

What is looked through: error bodies, headers, results, log lines, standard output and error, metrics, and the bytes
of every file of the gateway.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import sha256
from types import ModuleType
from typing import Any, Final
from urllib.parse import quote

import pytest
from werkzeug.test import TestResponse

from gateway.entrypoints.api import consents, profiles
from gateway.flows import audit, rights
from tests.doors import canaries
from tests.doors.sites import PURPOSE, Site, consent

EMAIL: Final = "canary.jane@canary-shop.example"
PHONE: Final = "+4915112377777"
COOKIE: Final = "canary-cookie-771"
NAME: Final = "Canariana"
RECORD_ID: Final = "canary-record-771"
DIGEST: Final = sha256(b"canary.john@canary-shop.example").hexdigest()
CANARIES: Final = (EMAIL, PHONE, COOKIE, NAME, RECORD_ID, DIGEST, "canary.broken", "canary", "Canariana")

IDENTIFIERS: Final[list[dict[str, str]]] = [
    {"kind": "email", "value": EMAIL},
    {"kind": "phone", "value": PHONE},
    {"kind": "cookie", "value": COOKIE},
]
HASHED: Final = {"kind": "email", "sha256": DIGEST, "profile": "uid2"}
RECORD: Final[dict[str, Any]] = {
    "record_id": RECORD_ID,
    "observed_at": "2026-11-24T05:00:00Z",
    "jurisdiction": "DE",
    "identifiers": [*IDENTIFIERS, HASHED],
    "attributes": {"given_name": NAME},
    "consents": [consent(event_id=RECORD_ID)],
}
QUESTION: Final = {"identifiers": IDENTIFIERS, "purpose": PURPOSE}
REQUEST: Final = "req_0000000000000001"
RIGHTS: Final = {"request": "access", "identifiers": IDENTIFIERS, "jurisdiction": "DE", "proof": "account_login"}

# Method, path, who, a body that is taken.
ROUTES: Final[list[tuple[str, str, str, Any]]] = [
    ("POST", "/v1/records", "web", {"records": [RECORD]}),
    ("POST", "/v1/decisions", "web", {"records": [RECORD]}),
    ("POST", "/v1/consents", "web", {"consents": [consent(identifiers=IDENTIFIERS, event_id=RECORD_ID)]}),
    ("POST", "/v1/consents/query", "web", QUESTION),
    ("POST", "/v1/consents/receipts", "dpo", QUESTION),
    ("POST", "/v1/profiles/resolve", "web", QUESTION),
    ("GET", "/v1/changes", "web", None),
    ("POST", "/v1/rights", "dpo", RIGHTS),
    ("GET", "/v1/rights", "dpo", None),
    ("GET", f"/v1/rights/{REQUEST}", "dpo", None),
    ("GET", f"/v1/rights/{REQUEST}/package", "dpo", None),
    ("GET", f"/v1/rights/{REQUEST}/receipt", "dpo", None),
    ("POST", f"/v1/rights/{REQUEST}/verify", "dpo", {"proof": "account_login"}),
    ("POST", f"/v1/rights/{REQUEST}/preflight", "dpo", {}),
    ("GET", "/v1/audit/checkpoint", "auditor", None),
    ("GET", "/v1/audit/entries?start=0&end=1", "auditor", None),
    ("GET", "/v1/audit/proof/inclusion?index=0&size=1", "auditor", None),
    ("GET", "/v1/audit/proof/consistency?from=0&to=1", "auditor", None),
    ("POST", "/v1/audit/exports", "auditor", None),
    ("GET", "/v1/audit/exports/exp_0000000000000001", "auditor", None),
    ("GET", "/healthz", "", None),
    ("GET", "/readyz", "", None),
    ("GET", "/metrics", "", None),
    ("GET", "/docs", "", None),
    ("GET", "/openapi.json", "", None),
]
# The flows whose batches requests share are held by the door, the others by modules under their names.
SHARED: Final = ("records", "decisions", "views")
FLOWS: Final[list[tuple[ModuleType, str]]] = [
    (consents, "record_consent"),
    (consents, "query_consent"),
    (consents, "consent_receipt"),
    (profiles, "ask"),
    (profiles, "changes"),
    *((rights, name) for name in ("submit", "list_requests", "show", "package", "receipt", "act")),
    *((audit, name) for name in ("latest_checkpoint", "entries", "inclusion", "consistency", "export_zip")),
    (audit, "start_export"),
]


def found(text: bytes) -> list[str]:
    return canaries.found(text, CANARIES)


@pytest.fixture
def watched(
    site: Site, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> Iterator[Callable[[TestResponse], None]]:
    """Checks answers one by one; at the end everything else where a canary could have come out."""
    caplog.set_level(logging.INFO)

    def check(answered: TestResponse) -> None:
        assert found(str(answered.headers).encode()) == []
        body = answered.get_json(silent=True) if answered.status_code < 300 else None
        results = body.get("results", []) if isinstance(body, dict) else []
        for result in results:
            result.pop("record_id", None)
        assert found(json.dumps(body).encode() if results else answered.get_data()) == []

    yield check
    check(site.call("GET", "/metrics"))
    written = "".join(capfd.readouterr())
    assert '"event":"request"' in written
    assert found(written.encode()) == []
    assert found("\n".join(f"{one.getMessage()} {one.exc_text}" for one in caplog.records).encode()) == []
    site.gateway.storage.engine.dispose()
    for path in site.settings.home.rglob("*"):
        if path.is_file():
            assert (path.name, found(path.read_bytes())) == (path.name, [])


Watch = Callable[[TestResponse], None]


def test_bodies_that_are_taken(site: Site, watched: Watch) -> None:
    for _ in range(2):
        for method, path, who, body in ROUTES:
            answered = site.call(method, path, who, json=body)
            assert answered.status_code < 500
            watched(answered)


def test_bodies_that_are_refused(site: Site, watched: Watch) -> None:
    broken = {"kind": "email", "value": "canary.broken@@canary-shop"}
    for method, path, who, body in ROUTES:
        if method != "POST" or not body:
            continue
        name, value = next(iter(body.items()))
        for spoiled in (
            {EMAIL: 1},
            {**body, EMAIL: EMAIL},
            {**body, name: EMAIL},
            {**body, name: {EMAIL: EMAIL}},
            {**body, "identifiers": [broken]},
            {**body, "identifiers": [{"kind": EMAIL, "value": EMAIL}]},
            {**body, "identifiers": [{"kind": "email", "sha256": EMAIL, "profile": EMAIL}]},
            {name: [{**value[0], "identifiers": [broken]}, {**value[0], EMAIL: 1}, EMAIL]}
            if isinstance(value, list) and name != "identifiers"
            else EMAIL,
        ):
            answered = site.call(method, path, who, json=spoiled)
            assert answered.status_code < 500
            watched(answered)
        for data in (f'{{"{EMAIL}'.encode(), EMAIL.encode(), json.dumps(EMAIL).encode(), EMAIL.encode("utf-16")):
            watched(site.call(method, path, who, data=data, headers={"Content-Type": "application/json"}))
            watched(site.call(method, path, who, data=data, headers={"Content-Type": "application/x-ndjson"}))


def test_urls_methods_and_headers(site: Site, watched: Watch) -> None:
    for method, path, who, body in ROUTES:
        bare = path.partition("?")[0]
        for place in (
            f"{bare}/{EMAIL}",
            f"{bare}/{COOKIE}",
            f"{bare}?email={EMAIL}",
            f"{bare}?{EMAIL}=1",
            f"{bare}?start={EMAIL}&after={PHONE}",
        ):
            watched(site.call(method, place, who, json=body))
        watched(site.call(method, path.replace(REQUEST, quote(EMAIL)), who, json=body))
        watched(site.call("CANARY", path, who, json=body))
        for header in ("Content-Type", "Content-Encoding", "Accept", "Cookie", "Referer", "User-Agent", "Host"):
            watched(site.call(method, path, who, json=body, headers={header: EMAIL}))
        for key in (f"Bearer {EMAIL}", f"Basic {EMAIL}", EMAIL, f"Bearer gw_{COOKIE}"):
            watched(site.call(method, path, json=body, headers={"Authorization": key}))
    for key in (EMAIL, f"{EMAIL} {NAME}", f"{EMAIL}é"):
        watched(site.call("POST", "/v1/rights", "dpo", json=RIGHTS, headers={"Idempotency-Key": key}))


def test_flows_that_fail_with_a_canary_in_their_words(
    site: Site, watched: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise ValueError(f"cannot take {EMAIL} of {NAME}") from KeyError(EMAIL)

    for module, name in FLOWS:
        monkeypatch.setattr(module, name, fail)
    for name in SHARED:
        monkeypatch.setattr(getattr(site.app.extensions["gateway"], name), "_run", fail)
    statuses = []
    for method, path, who, body in ROUTES[:-5]:
        answered = site.call(method, path, who, json=body)
        watched(answered)
        statuses.append(answered.status_code)
    assert set(statuses) == {500}


def test_a_store_that_fails_under_the_statement_that_holds_them(site: Site, watched: Watch) -> None:
    with closing(sqlite3.connect(site.settings.home / "gateway.db")) as connection:
        for table in ("pseudonym", "right_request", "checkpoint"):
            connection.execute(f'DROP TABLE "{table}"')
        connection.commit()
    statuses = []
    for method, path, who, body in ROUTES:
        answered = site.call(method, path, who, json=body)
        watched(answered)
        statuses.append(answered.status_code)
    assert statuses.count(503) >= 8


def test_a_request_that_goes_its_whole_way(site: Site, watched: Watch) -> None:
    watched(site.call("POST", "/v1/records", "web", json={"records": [RECORD]}))
    access, erasure = site.finish("access", *IDENTIFIERS), site.finish("erasure", *IDENTIFIERS)
    for request in (access, erasure):
        for part in ("", "/receipt"):
            answered = site.call("GET", f"/v1/rights/{request}{part}", "dpo")
            assert answered.status_code == 200
            watched(answered)
    assert site.call("GET", f"/v1/rights/{access}/package", "dpo").status_code in {200, 404}
    made = site.call("POST", "/v1/audit/exports", "auditor")
    watched(site.call("GET", made.headers["Location"], "auditor"))


def test_the_watch_sees_a_canary(site: Site) -> None:
    """The checks above are able to fail: a package, which is the person's own, holds the canaries."""
    site.call("POST", "/v1/records", "web", json={"records": [RECORD]})
    answered = site.call("POST", "/v1/records", "web", json={"records": [RECORD]})
    assert RECORD_ID in found(answered.get_data())
    assert EMAIL in found(f"line with {EMAIL}".encode())
    assert PHONE in found(quote(PHONE).encode())
