"""Who may call what: each route with each role, without a key, with a bad one, and from another tenant."""

from __future__ import annotations

from time import monotonic
from typing import Any, Final

import pytest

from gateway.entrypoints.api import callers
from gateway.flows.admin import list_clients, revoke_client
from tests.doors.sites import PURPOSE, Site, consent, cookie, email, record

REQUEST: Final = "req_0000000000000001"
EXPORT: Final = "exp_0000000000000001"
RIGHTS: Final = {"request": "access", "identifiers": [email()], "jurisdiction": "DE", "proof": "account_login"}
QUESTION: Final = {"identifiers": [email()], "purpose": PURPOSE}
READERS: Final = {"auditor", "dpo", "admin"}
ROLES: Final = ("web", "dpo", "reviewer", "auditor", "admin")

# Method, path, body, who may.
ROUTES: Final[list[tuple[str, str, Any, set[str]]]] = [
    ("POST", "/v1/records", {"records": [record("r1")]}, {"web"}),
    ("POST", "/v1/decisions", {"records": [record("r1")]}, {"web", "dpo"}),
    ("POST", "/v1/consents", {"consents": [consent(identifiers=[cookie()])]}, {"web", "dpo"}),
    ("POST", "/v1/consents/query", QUESTION, {"web", "dpo"}),
    ("POST", "/v1/consents/receipts", QUESTION, {"dpo"}),
    ("POST", "/v1/profiles/resolve", QUESTION, {"web"}),
    ("GET", "/v1/changes", None, {"web", "dpo"}),
    ("POST", "/v1/rights", RIGHTS, {"web", "dpo"}),
    ("GET", "/v1/rights", None, {"dpo", "auditor"}),
    ("GET", f"/v1/rights/{REQUEST}", None, {"dpo", "auditor", "web"}),
    ("GET", f"/v1/rights/{REQUEST}/package", None, {"dpo"}),
    ("GET", f"/v1/rights/{REQUEST}/receipt", None, {"dpo", "auditor"}),
    ("POST", f"/v1/rights/{REQUEST}/verify", {"proof": "account_login"}, {"dpo"}),
    ("POST", f"/v1/rights/{REQUEST}/preflight", {}, {"dpo"}),
    ("POST", f"/v1/rights/{REQUEST}/approve", {}, {"dpo"}),
    ("POST", f"/v1/rights/{REQUEST}/deny", {"reason": "excessive"}, {"dpo"}),
    ("POST", f"/v1/rights/{REQUEST}/extend", {}, {"dpo"}),
    ("POST", f"/v1/rights/{REQUEST}/hold", {"reason": "legal_hold"}, {"dpo"}),
    ("POST", f"/v1/rights/{REQUEST}/release", {}, {"dpo"}),
    ("POST", f"/v1/rights/{REQUEST}/cancel", {}, {"dpo"}),
    ("GET", "/v1/audit/checkpoint", None, READERS),
    ("GET", "/v1/audit/entries?start=0&end=1", None, READERS),
    ("GET", "/v1/audit/proof/inclusion?index=0&size=1", None, READERS),
    ("GET", "/v1/audit/proof/consistency?from=0&to=1", None, READERS),
    ("POST", "/v1/audit/exports", None, READERS),
    ("GET", f"/v1/audit/exports/{EXPORT}", None, READERS),
]
OPEN: Final = {"/healthz", "/readyz", "/metrics", "/.well-known/gpc.json"}


@pytest.mark.parametrize("who", ROLES)
@pytest.mark.parametrize(("method", "path", "body", "allowed"), ROUTES)
def test_a_route_answers_the_roles_it_is_for(
    shared_site: Site, method: str, path: str, body: object, allowed: set[str], who: str
) -> None:
    answered = shared_site.call(method, path, who, json=body)
    if who in allowed:
        assert answered.status_code in {200, 201, 404}, answered.get_json()
    else:
        assert (answered.status_code, answered.get_json()["title"]) == (403, "Not permitted")


@pytest.mark.parametrize(("method", "path", "body", "_allowed"), ROUTES)
def test_a_route_answers_nobody_it_does_not_know(
    shared_site: Site, method: str, path: str, body: object, _allowed: set[str]
) -> None:
    good = shared_site.keys["dpo"]
    for sent in ("", "Bearer", "Bearer ", "Basic abc", f"Token {good}", f"Bearer {good[:-1]}", f"Bearer {good}x"):
        answered = shared_site.call(method, path, json=body, headers={"Authorization": sent})
        assert (sent, answered.status_code) == (sent, 401)
        assert answered.headers["WWW-Authenticate"].startswith("Bearer")
    assert shared_site.call(method, path, "revoked", json=body).status_code == 401


def test_the_matrix_names_every_route(shared_site: Site) -> None:
    listed = {
        (method, path.partition("?")[0].replace(REQUEST, "<>").replace(EXPORT, "<>")) for method, path, *_ in ROUTES
    }
    served = {
        (method, rule.rule.replace("<request_id>", "<>").replace("<export_id>", "<>"))
        for rule in shared_site.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule not in OPEN | {"/openapi.json", "/docs"}
    }
    assert listed == served


def test_a_refused_role_is_refused_before_anything_is_written(site: Site) -> None:
    before = site.rows()
    for method, path, body, allowed in ROUTES:
        for who in set(ROLES) - allowed:
            assert site.call(method, path, who, json=body).status_code == 403
    assert site.rows() == before


def test_a_tenant_sees_nothing_of_another(site: Site) -> None:
    site.call("POST", "/v1/records", "web", json={"records": [record("r1")]})
    request = site.finish("access", email())
    export = site.call("POST", "/v1/audit/exports", "auditor").get_json()["id"]
    for path in (f"/v1/rights/{request}", f"/v1/rights/{request}/package", f"/v1/rights/{request}/receipt"):
        assert site.call("GET", path, "dpo").status_code == 200
        assert site.call("GET", path, "rival-dpo").status_code == 404
    assert site.call("GET", f"/v1/audit/exports/{export}", "rival-auditor").status_code == 404
    assert site.call("GET", "/v1/rights", "rival-dpo").get_json() == {"requests": []}
    assert site.call("GET", "/v1/changes", "rival-dpo").get_json()["changes"] == []
    known = site.call("POST", "/v1/consents/query", "rival-dpo", json=QUESTION).get_json()
    assert [one["event"] for one in known["identifiers"]] == [""]


def test_a_revoked_key_stops_within_the_time_the_door_believes_it(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:

    assert site.call("GET", "/v1/changes", "store").status_code == 200
    (row,) = [row for row in list_clients(site.gateway, site.tenant) if row.name == "store"]
    revoke_client(site.gateway, site.tenant, row.client_id)
    later = monotonic() + callers.BELIEVED
    monkeypatch.setattr(callers, "monotonic", lambda: later)
    assert site.call("GET", "/v1/changes", "store").status_code == 401
