"""Records and receipts after ISO/IEC TS 27560: what is in them, what never is, and what their check finds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from gateway.audit.checkpoint import SigningKey
from gateway.audit.commitments import disclosure, open_disclosure
from gateway.audit.signed import sign_document
from gateway.consent.model import ANY_PURPOSE, PERMISSIVE, EventKind
from gateway.consent.record27560 import SCHEMA_VERSION, STATES
from gateway.consent.verify27560 import verify_record
from gateway.kernel.clock import DAY
from gateway.kernel.errors import IntegrityError
from gateway.policy.model import Recipient
from gateway.policy.schema import LEGAL_BASES
from tests.doors import canaries
from tests.unit.audit.logs import KEY, ORIGIN
from tests.unit.consent.facts import NOW, POLICIES, PURPOSE
from tests.unit.consent.recorded import HIDDEN, NOTICE, OTHER, Act, record, resigned, signed

HEADER = {"schema_version", "record_type", "record_id", "pii_principal_id", "created_at", "policy"}
PROCESSING = {
    *("purpose", "purpose_description", "purpose_type", "lawful_basis", "pii_information", "pii_controllers"),
    *("collection_method", "processing_method", "storage_locations", "retention_period", "jurisdiction"),
    *("recipient_third_parties", "withdrawal_method"),
}
EVENT = {
    *("event_time", "validity_duration", "entity_id", "event_type", "event_state", "ledger_event", "purpose"),
    *("lawful_basis", "collection_method", "privacy_notice", "notice_digest", "jurisdiction", "expires_at", "site"),
    *("verified", "log_index", "log_proof"),
}
WITHDRAWN = Act(kind=EventKind.WITHDRAW, basis="", notice="", at=NOW)


def processing(document: dict[str, Any], purpose: str = PURPOSE) -> dict[str, Any]:
    (found,) = (one for one in document["processing"]["purposes"] if one["purpose"] == purpose)
    assert isinstance(found, dict)
    return found


def test_a_record_has_the_members_of_the_standard() -> None:
    made = record(Act(), WITHDRAWN)
    assert made.keys() == {"header", "processing", "parties", "events"}
    assert made["header"].keys() == HEADER
    assert (made["header"]["schema_version"], made["header"]["record_type"]) == ("ISO/IEC TS 27560:2023", "record")
    assert made["header"]["policy"] == POLICIES.digest
    assert processing(made).keys() == PROCESSING
    assert [one.keys() for one in made["events"]] == [EVENT, EVENT]


@pytest.mark.parametrize("kind", EventKind)
def test_every_kind_of_event_has_its_state_and_verifies(kind: EventKind) -> None:
    (event,) = record(Act(kind=kind))["events"]
    assert event["event_state"] == STATES[kind]
    assert event["ledger_event"] == kind
    assert (event["lawful_basis"] is not None) == (kind in PERMISSIVE)
    assert verify_record(signed(Act(kind=kind)), KEY.vkey).events == 1


def test_a_no_and_the_end_of_a_yes_are_told_apart() -> None:
    states = {kind: STATES[kind] for kind in (EventKind.GRANT, EventKind.DENY, EventKind.WITHDRAW, EventKind.EXPIRE)}
    assert len(set(states.values())) == len(states)
    assert {kind for kind, state in STATES.items() if state == "dpv:ConsentGiven"} == PERMISSIVE


@pytest.mark.parametrize("basis", LEGAL_BASES)
def test_every_lawful_basis_is_named_where_it_was_granted(basis: str) -> None:
    made = record(Act(basis=basis), WITHDRAWN)
    assert processing(made)["lawful_basis"] == [basis]
    assert [one["lawful_basis"] for one in made["events"]] == [basis, None]
    explicit = basis in {"explicit_consent", "separate_consent", "signed_authorization"}
    assert made["events"][0]["event_type"] == ("explicit" if explicit else "expressed")
    assert verify_record(signed(Act(basis=basis)), KEY.vkey).purposes == (PURPOSE,)


def test_the_notice_shown_is_there_with_its_digest_and_no_other() -> None:
    made = record(Act(), WITHDRAWN)
    (notice,) = made["processing"]["privacy_notice"]
    assert (notice["reference"], notice["name"], notice["version"]) == ("web-2026@2", "web-2026", "2")
    assert (notice["language"], notice["digest"]) == (["en", "de"], NOTICE.digest)
    assert [one["notice_digest"] for one in made["events"]] == [NOTICE.digest, None]


def test_free_text_in_the_place_of_a_notice_and_a_signals_token_are_left_out() -> None:
    objection = Act(kind=EventKind.OBJECT, notice="told me on the phone", basis="")
    signal = Act(kind=EventKind.SIGNAL, purpose=ANY_PURPOSE, basis="token-of-a-text", notice="", method="tcf")
    file = signed(objection, signal)
    assert canaries.found(file, ["told me on the phone", "token-of-a-text"]) == []
    assert verify_record(file, KEY.vkey).events == 2


def test_a_receipt_is_about_its_purpose_alone() -> None:
    acts = (
        Act(),
        Act(purpose="sale", notice=OTHER.reference, channel="shop"),
        Act(kind=EventKind.OPT_OUT, purpose=ANY_PURPOSE, notice="", basis=""),
    )
    receipt = record(*acts, purpose=PURPOSE)
    assert receipt["header"]["record_type"] == "receipt"
    assert [one["purpose"] for one in receipt["events"]] == [PURPOSE, ANY_PURPOSE]
    assert [one["reference"] for one in receipt["processing"]["privacy_notice"]] == [NOTICE.reference]
    assert [one["purpose"] for one in receipt["processing"]["purposes"]] == [PURPOSE]
    assert "channel:shop" not in {one["party_id"] for one in receipt["parties"]}


def test_a_word_on_all_purposes_is_about_each() -> None:
    everything = Act(kind=EventKind.OPT_OUT, purpose=ANY_PURPOSE, notice="", basis="")
    signal = replace(everything, kind=EventKind.SIGNAL)
    assert [one["purpose"] for one in record(everything)["processing"]["purposes"]] == sorted(POLICIES.purposes)
    assert record(signal)["processing"]["purposes"] == []


def test_recipients_are_those_of_the_purpose_with_country_and_transfer() -> None:
    house = Recipient("mail_house", "processor", "US", "DPA 7", "SCC module 2", frozenset({PURPOSE}))
    other = Recipient("lab", "controller", "CH", "DPA 8", "adequacy decision", frozenset({"health_research"}))
    policies = replace(POLICIES, recipients={"mail_house": house, "lab": other})
    made = record(Act(), policies=policies)
    shown = {"name": "mail_house", "role": "processor", "country": "US", "transfer": "SCC module 2"}
    assert processing(made)["recipient_third_parties"] == [shown]
    assert [one["party_id"] for one in made["parties"]] == ["controller", "recipient:mail_house", "channel:web"]


def test_a_consent_lasts_as_long_as_was_said_or_as_its_rule_lets_it() -> None:
    by_rule = Act(purpose="sale")
    said = replace(by_rule, ends=by_rule.at + 5 * DAY + 1500)
    endless = Act(kind=EventKind.OBJECT, basis="", notice="")
    durations = [one["validity_duration"] for one in record(by_rule, said, endless)["events"]]
    assert durations == ["P183D", "P5DT1.500S", None]


def test_how_long_and_where_is_said_by_kind() -> None:
    made = processing(record(Act(pii=("email", "customer_id"))))
    assert made["pii_information"] == ["customer_id", "email"]
    assert made["retention_period"] == {"by_kind": {"customer_id": None, "email": "P1095D"}, "unpermitted": "P30D"}
    assert made["withdrawal_method"]["channels"] == ["web"]
    assert processing(record(Act(purpose="health_care")), "health_care")["purpose_type"] == "special_category"


def test_no_record_holds_the_id_that_its_events_stand_on() -> None:
    file = signed(*(Act(kind=kind) for kind in EventKind))
    assert canaries.found(file, [f"{HIDDEN:x}", str(HIDDEN)]) == []


FORGERIES = {
    "event_time": "2026-11-23T05:00:00.000Z",
    "purpose": "sale",
    "ledger_event": "opt_in",
    "lawful_basis": "contract",
    "privacy_notice": "shop@1",
    "collection_method": "paper",
    "jurisdiction": ["ccpa"],
    "expires_at": "2026-12-23T06:00:00.000Z",
    "verified": False,
    "event_type": "derived",
    "site": "web",
    "log_index": 1,
}


@pytest.mark.parametrize("member", FORGERIES)
def test_a_signed_lie_about_an_event_is_found(member: str) -> None:
    file = signed(Act(), WITHDRAWN)
    first, second = orjson.loads(file)["events"]
    forged = resigned(file, events=[{**first, member: FORGERIES[member]}, second])
    assert forged != file
    with pytest.raises(IntegrityError, match="event 1: "):
        verify_record(forged, KEY.vkey)


def test_the_proof_of_another_event_proves_nothing() -> None:
    file = signed(Act(), replace(WITHDRAWN, at=NOW))
    first, second = orjson.loads(file)["events"]
    swapped = {**second, "log_proof": first["log_proof"], "log_index": 0}
    with pytest.raises(IntegrityError, match="event 2: the entry is"):
        verify_record(resigned(file, events=[first, swapped]), KEY.vkey)


def test_an_entry_is_opened_as_a_record_opens_it() -> None:
    file = signed(Act())
    (event,) = orjson.loads(file)["events"]
    texts = event["log_proof"]["disclosures"]
    for spoiled in ([], texts[:1], texts[:2], [*texts, texts[0][:-4]], [*texts[1:], texts[0].swapcase()]):
        changed = {**event, "log_proof": {**event["log_proof"], "disclosures": spoiled}}
        with pytest.raises(IntegrityError, match="event 1: "):
            verify_record(resigned(file, events=[changed]), KEY.vkey)


def test_a_disclosure_that_was_made_up_opens_nothing() -> None:
    file = signed(WITHDRAWN)
    (event,) = orjson.loads(file)["events"]
    moment = "2026-11-24T01:00:00.000Z"
    proof = event["log_proof"]
    (held,) = (text for text in proof["disclosures"] if open_disclosure(text)[0] == "held")
    made_up = [disclosure(bytes(16), "occurred_at", moment), held]
    changed = {**event, "event_time": moment, "log_proof": {**proof, "disclosures": made_up}}
    with pytest.raises(IntegrityError, match="event 1: a disclosure fits no commitment"):
        verify_record(resigned(file, events=[changed]), KEY.vkey)


def test_what_is_signed_but_is_no_record_is_refused() -> None:
    for document in ({}, {"header": 1}, {"header": {"schema_version": f"{SCHEMA_VERSION}+1"}}):
        with pytest.raises(IntegrityError, match="no consent record"):
            verify_record(sign_document(document, KEY), KEY.vkey)


def test_another_log_of_the_same_name_has_not_signed_it() -> None:
    with pytest.raises(IntegrityError, match="another key"):
        verify_record(signed(Act()), SigningKey(bytes(32), ORIGIN).vkey)
