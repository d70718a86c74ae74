"""Consents, queries of the ledger, profiles and the feed of changes over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.doors.sites import EARLIER, PURPOSE, Site, consent, cookie, email, record


def send(site: Site, *events: object, who: str = "web") -> list[dict[str, Any]]:
    answered = site.call("POST", "/v1/consents", who, json={"consents": list(events)})
    assert answered.status_code == 200
    results: list[dict[str, Any]] = answered.get_json()["results"]
    return results


def ask(site: Site, *identifiers: dict[str, str], who: str = "web", **changes: object) -> dict[str, Any]:
    question = {"identifiers": identifiers, "purpose": PURPOSE, "jurisdiction": "DE", **changes}
    answered = site.call("POST", "/v1/consents/query", who, json=question)
    assert answered.status_code == 200, answered.get_json()
    state: dict[str, Any] = answered.get_json()
    return state


def resolve(site: Site, *identifiers: dict[str, str], who: str = "web") -> dict[str, Any]:
    question = {"identifiers": identifiers, "purpose": PURPOSE, "jurisdiction": "DE"}
    answered = site.call("POST", "/v1/profiles/resolve", who, json=question)
    assert answered.status_code == 200
    view: dict[str, Any] = answered.get_json()
    return view


def test_events_enter_the_ledger_and_are_known_afterwards(site: Site) -> None:
    grant = consent(identifiers=[email(), cookie()], jurisdiction="DE")
    access = {**grant, "purpose": "device_access"}
    assert send(site, grant, access) == [{"outcome": "recorded", "links_retracted": 0}] * 2
    state = ask(site, email(), cookie())
    assert (state["permitted"], state["reason"]) == (True, "granted")
    assert [(one["place"], one["kind"], one["event"], one["derived"]) for one in state["identifiers"]] == [
        (0, "email", "grant", False),
        (1, "cookie", "grant", False),
    ]
    assert state["identifiers"][0]["occurred_at"] == EARLIER
    assert send(site, grant)[0]["outcome"] == "known"


def test_a_bad_event_spoils_nothing(site: Site) -> None:
    events = [consent(identifiers=[email()]), consent("explode", identifiers=[email()]), 7, consent(identifiers=[])]
    results = send(site, *events)
    assert [one["outcome"] for one in results] == ["recorded", "invalid", "invalid", "invalid"]
    assert results[1]["problem"] == {
        "field": "kind",
        "rule": "unknown_event",
        "message": results[1]["problem"]["message"],
        "index": 1,
    }


def test_a_withdrawal_takes_links_back_and_shows_in_the_feed(site: Site) -> None:
    site.call("POST", "/v1/records", "web", json={"records": [record("r1")]})
    before = site.call("GET", "/v1/changes", "web").get_json()
    assert [one["kind"] for one in before["changes"]] == ["created"]
    (result,) = send(site, consent("withdraw", identifiers=[email()], occurred_at="2026-11-24T05:59:00Z"))
    assert (result["outcome"], result["links_retracted"]) == ("recorded", 1)
    assert ask(site, email())["permitted"] is False
    after = site.call("GET", f"/v1/changes?after={before['next']}&limit=10", "web").get_json()
    assert after["changes"]
    assert after["next"] > before["next"]
    assert site.call("GET", f"/v1/changes?after={after['next']}", "web").get_json() == {
        "changes": [],
        "next": after["next"],
    }


@pytest.mark.parametrize("who", ["browser", "quiet"])
def test_clients_without_outcomes_learn_nothing_from_consents(site: Site, who: str) -> None:
    site.call("POST", "/v1/records", "web", json={"records": [record("r1")]})
    events = [
        consent("withdraw", identifiers=[cookie()], occurred_at="2026-11-24T05:59:00Z"),
        consent("withdraw", identifiers=[cookie()], occurred_at="2026-11-24T05:59:00Z"),
        consent(identifiers=[cookie("c-9")]),
        consent(identifiers=[email()]),
    ]
    answers = [site.call("POST", "/v1/consents", who, json={"consents": [event]}) for event in events]
    assert {answered.get_data() for answered in answers} == {b'{"results":[{"outcome":"accepted"}]}'}
    assert send(site, 5, who=who)[0]["outcome"] == "invalid"


def test_a_profile_is_shown_by_kinds_and_dates(site: Site) -> None:
    site.call("POST", "/v1/records", "web", json={"records": [record("r1")]})
    site.call("POST", "/v1/records", "store", json={"records": [record("s1", email())]})
    view = resolve(site, email())
    assert view["profile_id"].startswith("prf_")
    assert [(one["kind"], one["channels"]) for one in view["identifiers"]] == [
        ("email", ["store", "web"]),
        ("cookie", ["web"]),
    ] or {one["kind"] for one in view["identifiers"]} == {"email", "cookie"}
    assert resolve(site, email(), who="store")["profile_id"] != view["profile_id"]


def test_a_profile_is_asked_for_by_the_id_that_was_given(site: Site) -> None:
    answered = site.call("POST", "/v1/records", "web", json={"records": [record("r1")]}).get_json()
    one = answered["results"][0]["profile_id"]
    body = {"profile_id": one, "purpose": PURPOSE}
    assert site.call("POST", "/v1/profiles/resolve", "web", json=body).get_json() == resolve(site, email())
    foreign = site.call("POST", "/v1/profiles/resolve", "store", json=body).get_json()
    assert (foreign["profile_id"], foreign["reason"]) == (None, "not_found")
    both = site.call("POST", "/v1/profiles/resolve", "web", json={**body, "identifiers": [email()]})
    assert (both.status_code, both.get_json()["rule"]) == (400, "identifiers_or_profile_id")
    assert site.call("POST", f"/v1/profiles/resolve?profile_id={one}", "web", json=body).status_code == 400


def test_a_channel_gets_no_answer_about_what_it_never_sent(site: Site) -> None:
    site.call("POST", "/v1/records", "web", json={"records": [record("r1")]})
    assert resolve(site, email(), who="store")["profile_id"] is None
    assert ask(site, email(), who="store")["identifiers"][0]["event"] == ""
    assert resolve(site, email("nobody@shop.example"))["profile_id"] is None


@pytest.mark.parametrize("path", ["/v1/consents/query", "/v1/profiles/resolve"])
@pytest.mark.parametrize(
    ("body", "field", "rule"),
    [
        ({"identifiers": [email()]}, "purpose", "required"),
        ({"identifiers": [], "purpose": PURPOSE}, "identifiers", "too_few"),
        ({"identifiers": [email("broken")], "purpose": PURPOSE}, "identifiers[0].value", "not_an_email"),
        ({"identifiers": [email()], "purpose": "world_domination"}, "purpose", "unknown_purpose"),
        ({"identifiers": [{"kind": "email"}], "purpose": PURPOSE}, "identifiers[0].value", "value_or_sha256"),
    ],
)
def test_a_bad_question_names_its_fault(
    shared_site: Site, path: str, body: dict[str, Any], field: str, rule: str
) -> None:
    answered = shared_site.call("POST", path, "web", json=body)
    assert answered.status_code == 400
    assert answered.mimetype == "application/problem+json"
    assert (answered.get_json()["field"], answered.get_json()["rule"]) == (field, rule)


@pytest.mark.parametrize(
    ("query", "field", "rule"),
    [
        ("after=x", "after", "wrong_type"),
        ("after=-1", "after", "wrong_type"),
        ("after=" + "9" * 19, "after", "wrong_type"),
        ("after=" + "9" * 9_000, "after", "wrong_type"),
        ("after=%D9%A1", "after", "wrong_type"),
        ("limit=0", "limit", "range"),
        ("limit=1001", "limit", "range"),
        ("after=1&after=2", "after", "repeated_parameter"),
        ("email=jane%40shop.example", "", "unknown_parameter"),
    ],
)
def test_a_bad_parameter_names_its_fault(shared_site: Site, query: str, field: str, rule: str) -> None:
    answered = shared_site.call("GET", f"/v1/changes?{query}", "web")
    assert answered.status_code == 400
    assert (answered.get_json()["field"], answered.get_json()["rule"]) == (field, rule)


def test_no_route_takes_an_identifier_as_a_parameter(shared_site: Site) -> None:
    for path in ("/v1/records?email=a", "/v1/profiles/resolve?email=a"):
        assert shared_site.call("POST", path, "web", json={}).get_json()["rule"] == "unknown_parameter"
    assert shared_site.call("GET", "/healthz?email=a").get_json()["rule"] == "unknown_parameter"
