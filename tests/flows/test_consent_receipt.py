"""The officer's signed records: they hold what stands on exactly the identifiers named, and verify from the file."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.consent.verify27560 import verify_record
from gateway.flows import audit, consent_receipt
from gateway.flows.admin import system_caller
from gateway.flows.context import Role
from gateway.flows.messages import ConsentAssertion, Identifier
from gateway.flows.record_consent import record_consent
from gateway.flows.requests import ConsentEventInput, ReceiptRequest
from gateway.identifiers.digests import digests_of
from gateway.identifiers.model import HashedIdentifier
from gateway.identifiers.pseudonyms import Pseudonymizer
from gateway.kernel.clock import HOUR
from gateway.kernel.errors import BehindJournal, IntegrityError, InvalidInput, NotFound, NotPermitted
from tests.doors import canaries
from tests.flows.rigs import erase, tamper
from tests.notices import text_of
from tests.simulator import MATCHING, NOW, SimulatedGateway, TenantSimulator, grant, raw


def file_of(tenant: TenantSimulator, *identifiers: Identifier, purpose: str | None = None) -> bytes:
    """The signed file that the officer is given."""
    officer = system_caller(tenant.gateway, tenant.tenant_id, Role.DPO)
    return consent_receipt.consent_receipt(tenant.gateway, officer, ReceiptRequest(identifiers, purpose))


def document(tenant: TenantSimulator, *labels: str, purpose: str | None = None) -> dict[str, Any]:
    """The same of labels, verified and read."""
    file = file_of(tenant, *map(raw, labels), purpose=purpose)
    verify_record(file, audit.verifier_key(tenant.gateway, tenant.tenant_id))
    read: dict[str, Any] = json.loads(file)
    return read


def said(read: dict[str, Any]) -> list[tuple[str, str]]:
    """(kind, purpose) of the events."""
    return [(one["ledger_event"], one["purpose"]) for one in read["events"]]


def lived(tenant: TenantSimulator) -> None:
    """Anna agrees, sells, withdraws and objects; what she objects to binds what she is linked with."""
    tenant.send("store", tenant.record("r1", "email:anna", "phone:1", consents=[grant(), grant("sale")]))
    tenant.send("app", tenant.record("r2", "phone:1", "cookie:a", "email:bob"))
    tenant.state("callcentre", "withdraw", "email:anna", purpose="sale", at=NOW - HOUR // 2)
    tenant.state("callcentre", "object", "email:anna", purpose="analytics")


def test_a_record_holds_what_was_said_and_verifies(simulator: TenantSimulator) -> None:
    lived(simulator)
    read = document(simulator, "email:anna")
    everything = [("grant", MATCHING), ("grant", "sale"), ("withdraw", "sale"), ("object", "analytics")]
    assert said(read) == everything
    assert [one["event_state"] for one in read["events"]][:3] == [
        "dpv:ConsentGiven",
        "dpv:ConsentGiven",
        "dpv:ConsentWithdrawn",
    ]
    (notice,) = read["processing"]["privacy_notice"]
    assert (notice["reference"], notice["language"]) == ("shown@1", ["en"])
    assert notice["digest"] == f"sha256:{sha256(text_of(simulator.tenant_id).encode()).hexdigest()}"
    assert {one["notice_digest"] for one in read["events"]} == {notice["digest"], None}
    assert [one["entity_id"] for one in read["events"]] == ["channel:store"] * 2 + ["channel:callcentre"] * 2
    assert {tuple(one["pii_information"]) for one in read["processing"]["purposes"]} == {("email",)}


def test_a_receipt_is_about_one_purpose(simulator: TenantSimulator) -> None:
    lived(simulator)
    read = document(simulator, "email:anna", purpose="sale")
    assert read["header"]["record_type"] == "receipt"
    assert said(read) == [("grant", "sale"), ("withdraw", "sale")]


def test_nothing_of_the_profile_beside_the_identifiers_is_in_it(simulator: TenantSimulator) -> None:
    lived(simulator)
    assert simulator.homes()["email:anna"] == simulator.homes()["cookie:a"]
    own = document(simulator, "cookie:a")
    assert said(own) == [("grant", MATCHING), ("object", "analytics")]
    assert [one["event_type"] for one in own["events"]] == ["expressed", "derived"]
    assert said(document(simulator, "email:anna", "cookie:a"))[-1] == ("object", "analytics")
    kinds = {kind for one in own["processing"]["purposes"] for kind in one["pii_information"]}
    assert kinds == {"cookie"}


def test_an_event_on_several_identifiers_or_digests_is_one_event(simulator: TenantSimulator) -> None:
    lived(simulator)
    both = document(simulator, "email:anna", "phone:1")
    assert len({one["log_index"] for one in both["events"]}) == len(both["events"])
    assert both["processing"]["purposes"][0]["pii_information"] == ["email", "phone"]
    digest = HashedIdentifier("email", sha256(raw("email:anna").value.encode()).digest(), "uid2")
    hashed = json.loads(file_of(simulator, digest))
    assert said(hashed) == said(document(simulator, "email:anna"))


def test_no_identifier_in_any_form_is_in_the_file(simulator: TenantSimulator) -> None:
    lived(simulator)
    consent = ConsentAssertion("grant", MATCHING, NOW, notice="shown", event_id="canary-event-771")
    record_consent(simulator.gateway, simulator.callers["store"], [ConsentEventInput((raw("email:anna"),), consent)])
    file = file_of(simulator, raw("email:anna"), raw("phone:1"))
    keys = simulator.gateway.keys.tenant(simulator.tenant_id)
    with simulator.reading() as unit:
        ids = simulator.ids(unit)
        known = [raw(label) for label in simulator.labels]
        digests = [one for each in known for one in digests_of(each, simulator.gateway.policies.kinds, None)]
        tokens = [one.token for one in Pseudonymizer(keys, unit.log.head().chains).all(digests)]
    texts = [*(one.value for one in known), *(f"{one:x}" for one in ids.values()), *map(str, ids.values())]
    assert canaries.found(file, [*texts, "canary-event-771", *(one.sha256.hex() for one in digests)]) == []
    for token in tokens:
        assert token not in file
        assert token.hex().encode() not in file
        assert base64.b64encode(token).rstrip(b"=") not in file
        assert base64.urlsafe_b64encode(token).rstrip(b"=") not in file


def test_ids_are_made_for_one_document(simulator: TenantSimulator) -> None:
    lived(simulator)
    headers = [document(simulator, "email:anna")["header"] for _ in range(2)]
    assert headers[0]["record_id"] != headers[1]["record_id"]
    assert headers[0]["pii_principal_id"] != headers[1]["pii_principal_id"]


def test_the_signature_verifies_with_a_library_alone(simulator: TenantSimulator) -> None:
    lived(simulator)
    file = json.loads(file_of(simulator, raw("email:anna")))
    value = base64.b64decode(file["signature"].pop("value"), validate=True)
    signed = json.dumps(file, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    vkey = audit.verifier_key(simulator.gateway, simulator.tenant_id)
    public = base64.b64decode(vkey.split("+", 2)[2])[1:]
    Ed25519PublicKey.from_public_bytes(public).verify(value, signed)


def test_that_it_was_shown_is_an_entry_without_the_person(simulator: TenantSimulator) -> None:
    lived(simulator)
    with simulator.reading() as unit:
        before = unit.log.head().size
    file_of(simulator, raw("email:anna"), purpose="sale")
    with simulator.reading() as unit:
        ((position, leaf),) = unit.log.entries(before, unit.log.head().size)
        assert unit.log.openings_at([position]) == {}
    entry = json.loads(leaf)
    assert (entry["kind"], entry["rule"]) == ("disclosure.made", "consent.receipt")
    assert (entry["facts"], entry["commitments"]) == ({"purpose": "sale"}, {})


def test_another_tenants_key_does_not_verify_it(site: SimulatedGateway) -> None:
    one, other = site.tenant(), site.tenant()
    lived(one)
    with pytest.raises(IntegrityError, match="another key"):
        verify_record(file_of(one, raw("email:anna")), audit.verifier_key(site.gateway, other.tenant_id))
    with pytest.raises(NotFound):
        file_of(other, raw("email:anna"))


def test_where_the_ledger_is_silent_there_is_no_record_and_no_entry(simulator: TenantSimulator) -> None:
    lived(simulator)
    with simulator.reading() as unit:
        before = unit.log.head().size
    with pytest.raises(NotFound):
        file_of(simulator, raw("email:carl"))
    with pytest.raises(NotFound):
        file_of(simulator, raw("email:anna"), purpose="health_care")
    with pytest.raises(InvalidInput, match="purpose"):
        file_of(simulator, raw("email:anna"), purpose="world_domination")
    with simulator.reading() as unit:
        assert unit.log.head().size == before


def test_an_erased_person_has_no_record_and_an_old_file_still_verifies(simulator: TenantSimulator) -> None:
    lived(simulator)
    file = file_of(simulator, raw("email:anna"))
    erase(simulator, "email:anna")
    with pytest.raises(NotFound):
        file_of(simulator, raw("email:anna"))
    found = verify_record(file, audit.verifier_key(simulator.gateway, simulator.tenant_id))
    assert found.events == len(json.loads(file)["events"])


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.DPO])
def test_only_the_officer_makes_records(sqlite_site: SimulatedGateway, role: Role) -> None:
    tenant = sqlite_site.tenant()
    lived(tenant)
    caller = system_caller(tenant.gateway, tenant.tenant_id, role)
    with pytest.raises(NotPermitted):
        consent_receipt.consent_receipt(tenant.gateway, caller, ReceiptRequest((raw("email:anna"),)))


def test_a_store_that_is_behind_its_journal_shows_nothing(sqlite_site: SimulatedGateway) -> None:
    tenant = sqlite_site.tenant()
    lived(tenant)
    tamper(sqlite_site.gateway, "UPDATE head SET journal_offset = 0")
    with pytest.raises(BehindJournal):
        file_of(tenant, raw("email:anna"))


def test_an_event_whose_opening_is_gone_is_not_signed(sqlite_site: SimulatedGateway) -> None:
    tenant = sqlite_site.tenant()
    lived(tenant)
    tamper(sqlite_site.gateway, "DELETE FROM log_opening WHERE position IN (SELECT position FROM ledger)")
    with pytest.raises(IntegrityError, match="fsck"):
        file_of(tenant, raw("email:anna"))


def test_where_the_ledger_says_what_the_log_does_not_no_file_is_handed_out(sqlite_site: SimulatedGateway) -> None:
    tenant = sqlite_site.tenant()
    lived(tenant)
    tamper(sqlite_site.gateway, "UPDATE ledger SET kind = 'opt_in' WHERE kind = 'withdraw'")
    with pytest.raises(IntegrityError, match="event 3: "):
        file_of(tenant, raw("email:anna"))


def test_signals_and_ages_are_in_it_without_what_they_rest_on(simulator: TenantSimulator) -> None:
    seen = simulator.record("r1", "cookie:a", "email:anna", jurisdiction="US-CA", consents=[])
    simulator.send("store", replace(seen, usp="1YYN", attributes={"date_of_birth": "2014-05-06"}))
    read = document(simulator, "cookie:a", "email:anna")
    assert {one["ledger_event"] for one in read["events"]} == {"signal", "opt_out", "minor"}
    assert {one["lawful_basis"] for one in read["events"]} == {None}
    with simulator.reading() as unit:
        rows = unit.ledger.rows(simulator.ids(unit).values())
    tokens = {row.basis for row in rows if row.kind == "signal"}
    assert tokens
    assert canaries.found(json.dumps(read).encode(), tokens) == []
