"""Access and portability: what is in the package, what never is, and how long it can be had."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.flows.maintenance import sweep
from gateway.flows.messages import ConsentAssertion
from gateway.flows.rights import package
from gateway.kernel.clock import DAY
from gateway.kernel.errors import Conflict, NotFound, NotPermitted
from gateway.rights.model import Action
from tests.flows.rigs import store_of
from tests.rights_simulator import Office, look_up
from tests.simulator import NOW, SimulatedGateway, TenantSimulator, grant, raw


@pytest.fixture
def office(simulator: TenantSimulator) -> Office:
    return Office.of(simulator)


def kinds(export: dict[str, Any]) -> dict[str, str]:
    """Kind -> own text."""
    return {row["kind"]: row["supplied"] for row in export["identifiers"]}


def seen_by(export: dict[str, Any]) -> set[str]:
    return {row["channel"] for row in export["records"]}


def test_the_package_holds_everything_about_the_person(office: Office, simulator: TenantSimulator) -> None:
    simulator.send("store", simulator.record("r1", "email:anna", "phone:1", "household_id:h"))
    simulator.send("app", simulator.record("r2", "phone:1", "cookie:a", consents=[grant(), grant("sale")]))
    simulator.send("store", simulator.record("r3", "email:bob", "household_id:h"))
    simulator.state("callcentre", "object", "email:anna", purpose="analytics")
    look_up(simulator, "store", "email:anna")
    office.complete("opt_out", "email:anna", jurisdiction="US-CA", proof="")
    denied = office.submit("access", "email:anna", proof="").id
    office.act(denied, Action.DENY, reason="unverifiable")
    request = office.complete("access", "email:anna")
    files = office.package(request)
    assert {"export.json", "index.html", "README.txt", "identifiers.csv", "records.csv", "requests.csv"} <= files.keys()
    export = json.loads(files["export.json"])
    assert kinds(export) == {"email": "anna@shop.example", "phone": "", "cookie": "", "household_id": ""}
    by_kind = {row["kind"]: row for row in export["identifiers"]}
    assert (by_kind["phone"]["channels"], by_kind["household_id"]["channels"]) == (["app", "store"], ["store"])
    assert len(export["records"]) == 2
    assert {(row["kind"], row["purpose"]) for row in export["consents"]} >= {
        ("grant", "identity_resolution"),
        ("grant", "sale"),
        ("object", "analytics"),
        ("opt_out", "sale"),
    }
    assert [row["event"] for row in export["links"]] == ["created", "extended"]
    assert [row["recipient"] for row in export["disclosures"]] == ["store"]
    assert {(row["kind"], row["state"]) for row in export["requests"]} == {
        ("opt_out", "completed"),
        ("access", "denied"),
        ("access", "running"),
    }


def test_references_are_made_for_one_export(office: Office, simulator: TenantSimulator) -> None:
    simulator.send("store", simulator.record("r1", "email:anna", "phone:1"))
    one, other = office.export("access", "email:anna"), office.export("access", "email:anna")
    ids = [{row["id"] for row in export["identifiers"]} for export in (one, other)]
    assert ids[0].isdisjoint(ids[1])
    assert set(one["records"][0]["identifiers"]) == ids[0]


def test_own_text_only_where_it_was_supplied(office: Office, simulator: TenantSimulator) -> None:
    simulator.send("store", simulator.record("r1", "email:anna", "email:anna2"))
    export = office.export("access", "email:anna", digests=["email:anna2"])
    assert sorted(row["supplied"] for row in export["identifiers"]) == ["", "anna@shop.example"]


def test_a_californian_is_not_shown_a_government_number(office: Office, simulator: TenantSimulator) -> None:
    simulator.send("store", simulator.record("r1", "national_id:900", "email:anna", jurisdiction="US-CA"))
    export = office.export("access", "national_id:900", "email:anna", jurisdiction="US-CA")
    assert kinds(export) == {"email": "anna@shop.example", "national_id": "withheld (11 CCR 7024)"}


def test_who_is_unknown_is_told_so_and_of_the_request(office: Office) -> None:
    export = office.export("access", "email:nobody")
    assert (export["identifiers"], export["records"], len(export["requests"])) == ([], [], 1)


class TestNobodyElses:
    """Issue A: a wrong link exports a stranger's data; the export shows another person's data."""

    def test_a_cookie_hung_on_the_victim_shows_nothing_of_the_victim(
        self, office: Office, simulator: TenantSimulator
    ) -> None:
        simulator.send("store", simulator.record("r1", "email:victim", "phone:1"))
        simulator.send("web", simulator.record("w1", "email:victim", "cookie:attacker"))
        look_up(simulator, "store", "email:victim")
        export = office.export("access", "cookie:attacker")
        assert kinds(export).keys() == {"cookie"}
        assert (export["records"], export["disclosures"], len(export["links"])) == ([], [], 1)
        assert {row["identifier"] for row in export["consents"]} <= {row["id"] for row in export["identifiers"]}
        victims = office.export("access", "email:victim")
        assert kinds(victims).keys() == {"email", "phone"}
        assert len(victims["records"]) == 2
        assert len(victims["disclosures"]) == 1

    def test_a_shared_phone_shows_only_ones_own_visits(self, office: Office, simulator: TenantSimulator) -> None:
        people = [f"email:p{place}" for place in range(7)]
        for place, one in enumerate(people):
            simulator.send(("store", "app")[place > 0], simulator.record(f"r{one}", one, "phone:9"))
        export = office.export("access", people[0], "phone:9")
        assert seen_by(export) == {"store"}
        assert kinds(export) == {"email": "p0@shop.example", "phone": raw("phone:9").value}
        assert all(row["channels"] == ["store"] for row in export["identifiers"])
        assert {row["channel"] for row in export["consents"]} == {"store"}

    def test_a_limit_that_kept_two_people_apart_keeps_their_data_apart(
        self, office: Office, simulator: TenantSimulator
    ) -> None:
        simulator.send("store", simulator.record("r1", "national_id:a", "phone:1", at=NOW - DAY))
        simulator.send("app", simulator.record("r2", "national_id:b", "phone:1"))
        export = office.export("access", "national_id:a")
        assert seen_by(export) == {"store"}
        assert {row["channel"] for row in export["consents"]} == {"store"}

    def test_a_household_is_nobodys_own(self, office: Office, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("r1", "email:anna", "household_id:h"))
        simulator.send("app", simulator.record("r2", "email:bob", "household_id:h"))
        assert office.export("access", "household_id:h")["records"] == []
        assert seen_by(office.export("access", "email:anna", "household_id:h")) == {"store"}

    def test_a_request_that_merely_names_me_is_not_mine(self, office: Office, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("r1", "email:anna"))
        theirs = office.submit("access", "phone:7", "email:anna", proof="phone_code").id
        export = office.export("access", "email:anna")
        assert theirs not in {row["id"] for row in export["requests"]}

    def test_what_came_after_the_request_waits_for_the_officer(
        self, office: Office, simulator: TenantSimulator
    ) -> None:
        simulator.send("app", simulator.record("r0", "email:bob"))
        look_up(simulator, "app", "email:bob")
        simulator.send("store", simulator.record("r1", "email:anna"))
        request = office.submit("access", "email:anna").id
        simulator.clock.advance(1_000)
        simulator.send("store", simulator.record("r2", "email:anna", "email:bob"))
        office.approve(request)
        office.run()
        export = json.loads(office.package(request)["export.json"])
        assert [row["kind"] for row in export["identifiers"]] == ["email"]
        assert len(export["records"]) == 1
        assert export["disclosures"] == []


def test_disclosures_of_a_profile_that_was_merged_into_mine(office: Office, simulator: TenantSimulator) -> None:
    simulator.send("store", simulator.record("r1", "email:anna"))
    simulator.send("app", simulator.record("r2", "cookie:a"))
    look_up(simulator, "app", "cookie:a")
    simulator.send("store", simulator.record("r3", "email:anna", "cookie:a"))
    look_up(simulator, "store", "email:anna")
    export = office.export("access", "email:anna")
    assert sorted(row["recipient"] for row in export["disclosures"]) == ["app", "store"]
    assert sorted(row["event"] for row in export["links"]) == ["created", "created", "merged"]


def test_portability_holds_what_rests_on_consent_or_contract(office: Office, simulator: TenantSimulator) -> None:
    at = NOW - DAY
    stated = [ConsentAssertion("grant", "fraud_prevention", at, "legitimate_interest"), grant()]
    simulator.send("store", simulator.record("r1", "email:anna", "phone:1", consents=stated))
    simulator.send("app", simulator.record("r2", "email:anna", "cookie:a", consents=[], jurisdiction="US-CA"))
    access, portable = office.export("access", "email:anna"), office.export("portability", "email:anna")
    assert (seen_by(access), seen_by(portable)) == ({"store", "app"}, {"store"})
    assert kinds(access).keys() == {"email", "phone", "cookie"}
    assert kinds(portable).keys() == {"email", "phone"}
    assert {row["legal_basis"] for row in access["consents"]} == {"consent", "legitimate_interest"}
    assert {row["legal_basis"] for row in portable["consents"]} == {"consent"}
    assert (portable["links"], portable["disclosures"]) == ([], [])
    assert len(portable["requests"]) == 2


def test_a_package_is_for_the_officer_and_ends(office: Office, simulator: TenantSimulator) -> None:
    simulator.send("store", simulator.record("r1", "email:anna"))
    waiting = office.submit("access", "email:anna").id
    with pytest.raises(Conflict):
        office.package(waiting)
    request = office.complete("access", "email:anna")
    with pytest.raises(NotPermitted):
        package(simulator.gateway, simulator.callers["store"], request)
    days = simulator.gateway.policies.retention.export_package_days
    simulator.clock.advance(days * DAY - 1)
    assert office.package(request)
    simulator.clock.advance(1)
    with pytest.raises(NotFound, match="expired"):
        office.package(request)
    assert sweep(simulator.gateway, simulator.tenant_id)["right_package"] == 1


def test_a_package_goes_with_the_person(office: Office, simulator: TenantSimulator) -> None:
    simulator.send("store", simulator.record("r1", "email:anna"))
    known, unknown = office.complete("access", "email:anna"), office.complete("access", "email:nobody")
    office.complete("erasure", "email:anna")
    office.complete("erasure", "email:nobody")
    for request in (known, unknown):
        with pytest.raises(NotFound, match="erased"):
            office.package(request)
        assert office.subjects(request) == 0


def test_frozen_or_not_requests_go_on(office: Office, simulator: TenantSimulator) -> None:
    """A log found edited freezes merging and resolving; withdrawals, opt-outs and requests go on (DESIGN section 7)."""
    simulator.send("store", simulator.record("r1", "email:anna"))
    freeze(simulator, frozen=True)
    assert seen_by(office.export("access", "email:anna")) == {"store"}
    office.complete("opt_out", "email:anna", jurisdiction="US-CA", proof="")
    office.complete("erasure", "email:anna")
    assert simulator.known() == set()
    freeze(simulator, frozen=False)


def freeze(tenant: TenantSimulator, *, frozen: bool) -> None:
    with tenant.gateway.storage.begin(tenant.tenant_id, write=True) as unit:
        unit.log.freeze(frozen=frozen)
        unit.commit()


@pytest.fixture
def on_disk(sqlite_site: SimulatedGateway) -> Iterator[Office]:
    tenant = sqlite_site.tenant()
    yield Office.of(tenant)
    tenant.verify()


def test_a_package_lies_sealed_in_the_database(on_disk: Office) -> None:
    tenant = on_disk.tenant
    tenant.send("store", tenant.record("r1", "email:anna", "phone:1"))
    request = on_disk.complete("access", "email:anna", "phone:1")
    content = on_disk.package(request)["export.json"]
    with tenant.gateway.storage.session(write=False) as session:
        session.rollback()
        session.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    stored = store_of(tenant.gateway).read_bytes()
    for text in ("anna@shop.example", raw("phone:1").value, "gateway-subject-export", content[:40]):
        assert text.encode() not in stored
