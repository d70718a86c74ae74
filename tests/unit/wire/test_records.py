"""Records on the wire: what they become, and for every broken rule the field, the slug and never the value."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.entrypoints.wire.records import parse_record
from gateway.flows.messages import ConsentAssertion, IncomingRecord, Problem
from gateway.identifiers.digests import decode_sha256
from gateway.kernel.clock import format_instant
from tests.unit.wire.samples import JSON, NOW, RECORD, SHA_HEX, damaged, record, shapes, with_changes

EMAIL = RECORD["identifiers"][0]
HASHED = RECORD["identifiers"][1]
GRANT = RECORD["consents"][0]


def _identifier(**changes: object) -> dict[str, Any]:
    return record(identifiers=[EMAIL, with_changes(EMAIL, changes)])


def _hashed(**changes: object) -> dict[str, Any]:
    return record(identifiers=[EMAIL, with_changes(HASHED, changes)])


def _consent(**changes: object) -> dict[str, Any]:
    return record(consents=[GRANT, with_changes(GRANT, changes)])


def test_everything_a_record_says_arrives() -> None:
    parsed = parse_record(record(), 0, NOW)
    assert isinstance(parsed, IncomingRecord)
    assert shapes(parsed.identifiers) == [
        ("raw", "email", "jane@example.com", ""),
        ("hashed", "phone", decode_sha256(SHA_HEX), "uid2", ""),
        ("raw", "platform_id", "7656119", "steam"),
    ]
    assert parsed.record_id == "web-1"
    assert parsed.observed_at == 1_795_532_400_250
    assert parsed.attributes == {"given_name": "Jane", "city": "Köln"}
    assert (parsed.jurisdiction, parsed.purpose, parsed.gpc) == ("US-CA", "analytics", True)
    assert parsed.consents == (
        ConsentAssertion(
            kind="grant",
            purpose="identity_resolution",
            occurred_at=1_795_535_940_000,
            method="banner",
            notice="web-2026",
            event_id="e-1",
        ),
        ConsentAssertion(kind="opt_out", purpose="*", occurred_at=1_795_535_970_000),
    )


def test_what_may_be_left_out_has_its_default() -> None:
    optional = ("attributes", "jurisdiction", "signals", "consents", "purpose")
    parsed = parse_record(record(**dict.fromkeys(optional, ...)), 0, NOW)
    assert isinstance(parsed, IncomingRecord)
    assert (parsed.attributes, parsed.jurisdiction, parsed.gpc, parsed.consents) == ({}, None, False, ())
    assert parsed.purpose == "identity_resolution"


def test_what_only_the_schema_reads_arrives_too() -> None:
    consent = with_changes(GRANT, {"legal_basis": "contract", "expires_at": "2027-01-01T00:00:00Z"})
    sample = record(consents=[consent], attributes={"city": "a\u00a0b"}, observed_at="2026-11-24 15:00:00.2509z")
    parsed = parse_record(sample, 0, NOW)
    assert isinstance(parsed, IncomingRecord)
    assert (parsed.consents[0].legal_basis, parsed.consents[0].expires_at) == ("contract", 1_798_761_600_000)
    assert parsed.observed_at == 1_795_532_400_250


def test_strings_of_signals_arrive_as_they_are() -> None:
    parsed = parse_record(record(signals={"tcf": "CP.A", "gpp": "DBABM~", "usp": "1YNN"}), 0, NOW)
    assert isinstance(parsed, IncomingRecord)
    assert (parsed.gpc, parsed.tcf, parsed.gpp, parsed.usp) == (False, "CP.A", "DBABM~", "1YNN")


def test_a_channel_may_say_that_a_permission_ended() -> None:
    parsed = parse_record(_consent(kind="expire"), 0, NOW)
    assert isinstance(parsed, IncomingRecord)
    assert parsed.consents[1].kind == "expire"


def test_a_clock_may_be_five_minutes_fast() -> None:
    at = format_instant(NOW + 300_000)
    assert isinstance(parse_record(record(observed_at=at), 0, NOW), IncomingRecord)
    problem = parse_record(record(observed_at=at), 0, NOW - 1)
    assert isinstance(problem, Problem)
    assert (problem.field, problem.rule) == ("observed_at", "future_date")


BROKEN: list[tuple[str, object, str, str]] = [
    ("no object", [], "", "wrong_type"),
    ("null", None, "", "wrong_type"),
    ("text", "record", "", "wrong_type"),
    ("record_id missing", record(record_id=...), "record_id", "required"),
    ("record_id null", record(record_id=None), "record_id", "wrong_type"),
    ("record_id number", record(record_id=7), "record_id", "wrong_type"),
    ("record_id empty", record(record_id=""), "record_id", "empty"),
    ("record_id long", record(record_id="x" * 201), "record_id", "too_long"),
    ("record_id NUL", record(record_id="a\x00"), "record_id", "control_characters"),
    ("record_id surrogate", record(record_id="a\udfff"), "record_id", "lone_surrogate"),
    ("observed_at missing", record(observed_at=...), "observed_at", "required"),
    ("observed_at number", record(observed_at=1_796_000_000), "observed_at", "wrong_type"),
    ("observed_at without offset", record(observed_at="2026-11-24T16:00:00"), "observed_at", "invalid_date"),
    ("observed_at date only", record(observed_at="2026-11-24"), "observed_at", "invalid_date"),
    ("observed_at week", record(observed_at="2026-W48-2T16:00:00Z"), "observed_at", "invalid_date"),
    ("observed_at no day", record(observed_at="2026-02-30T00:00:00Z"), "observed_at", "invalid_date"),
    ("observed_at hour 24", record(observed_at="2026-02-20T24:00:00Z"), "observed_at", "invalid_date"),
    ("observed_at other digits", record(observed_at="٢٠٢٦-11-24T16:00:00Z"), "observed_at", "invalid_date"),
    ("observed_at long", record(observed_at="2026-11-24T16:00:00." + "0" * 600 + "Z"), "observed_at", "invalid_date"),
    ("observed_at old", record(observed_at="1989-12-31T23:59:59.999Z"), "observed_at", "date_too_old"),
    ("observed_at future", record(observed_at="9999-12-31T23:59:59-23:59"), "observed_at", "future_date"),
    ("identifiers missing", record(identifiers=...), "identifiers", "required"),
    ("identifiers object", record(identifiers={}), "identifiers", "wrong_type"),
    ("identifiers none", record(identifiers=[]), "identifiers", "too_few"),
    ("identifiers many", record(identifiers=[EMAIL] * 51), "identifiers", "too_many"),
    ("identifier text", record(identifiers=[EMAIL, "x"]), "identifiers[1]", "wrong_type"),
    ("identifier null", record(identifiers=[None]), "identifiers[0]", "wrong_type"),
    ("kind missing", _identifier(kind=...), "identifiers[1].kind", "required"),
    ("kind no slug", _identifier(kind="E-Mail"), "identifiers[1].kind", "slug"),
    ("value number", _identifier(value=5), "identifiers[1].value", "wrong_type"),
    ("value long", _identifier(value="x" * 513), "identifiers[1].value", "too_long"),
    ("value NUL", _identifier(value="a\x00b"), "identifiers[1].value", "control_characters"),
    ("neither", _identifier(value=...), "identifiers[1].value", "value_or_sha256"),
    ("both", _identifier(sha256=SHA_HEX), "identifiers[1].value", "value_or_sha256"),
    ("raw with profile", _identifier(profile="uid2"), "identifiers[1].profile", "profile_not_allowed"),
    ("digest field", _hashed(valeu="x"), "identifiers[1]", "unknown_field"),
    ("sha256 short", _hashed(sha256=SHA_HEX[:-1]), "identifiers[1].sha256", "digest_not_32_bytes"),
    ("sha256 number", _hashed(sha256=5), "identifiers[1].sha256", "wrong_type"),
    ("namespace list", _identifier(namespace=["steam"]), "identifiers[1].namespace", "wrong_type"),
    ("identifier field", _identifier(valeu="x"), "identifiers[1]", "unknown_field"),
    ("identifier _schema", _identifier(_schema="x"), "identifiers[1]", "unknown_field"),
    ("field", record(identifers=[]), "", "unknown_field"),
    ("attribute", record(attributes={"shoe_size": "42"}), "attributes", "unknown_field"),
    ("attribute number", record(attributes={"age_band": 42}), "attributes.age_band", "wrong_type"),
    ("attributes list", record(attributes=["x"]), "attributes", "wrong_type"),
    ("jurisdiction", record(jurisdiction="Germany"), "jurisdiction", "jurisdiction"),
    ("jurisdiction line", record(jurisdiction="DE\n"), "jurisdiction", "control_characters"),
    ("jurisdiction null", record(jurisdiction=None), "jurisdiction", "wrong_type"),
    ("gpc text", record(signals={"gpc": "1"}), "signals.gpc", "wrong_type"),
    ("gpc number", record(signals={"gpc": 1}), "signals.gpc", "wrong_type"),
    ("tcf number", record(signals={"tcf": 5}), "signals.tcf", "wrong_type"),
    ("tcf long", record(signals={"tcf": "C" * 16_385}), "signals.tcf", "too_long"),
    ("gpp long", record(signals={"gpc": True, "gpp": "D" * 16_385}), "signals.gpp", "too_long"),
    ("usp list", record(signals={"usp": ["1YNN"]}), "signals.usp", "wrong_type"),
    ("signal", record(signals={"dnt": True}), "signals", "unknown_field"),
    ("purpose", record(purpose="Identity Resolution"), "purpose", "slug"),
    ("purpose any", record(purpose="*"), "purpose", "slug"),
    ("consents many", record(consents=[GRANT] * 21), "consents", "too_many"),
    ("consents object", record(consents=GRANT), "consents", "wrong_type"),
    ("consent kind", _consent(kind="forget"), "consents[1].kind", "unknown_event"),
    ("consent minor", _consent(kind="minor"), "consents[1].kind", "unknown_event"),
    ("consent signal", _consent(kind="signal"), "consents[1].kind", "unknown_event"),
    ("consent basis", _consent(legal_basis="love"), "consents[1].legal_basis", "unknown_legal_basis"),
    ("consent any", _consent(purpose="*"), "consents[1].purpose", "any_purpose_not_allowed"),
    ("consent any 2", _consent(kind="unrestrict", purpose="*"), "consents[1].purpose", "any_purpose_not_allowed"),
    ("consent purpose", _consent(purpose="**"), "consents[1].purpose", "slug"),
    ("consent time", _consent(occurred_at="yesterday"), "consents[1].occurred_at", "invalid_date"),
    ("consent future", _consent(occurred_at="2030-01-01T00:00:00Z"), "consents[1].occurred_at", "future_date"),
    ("consent end", _consent(expires_at="2026-11-24T15:59:00Z"), "consents[1].expires_at", "expires_too_early"),
    ("consent method", _consent(method="x" * 201), "consents[1].method", "too_long"),
    ("consent field", _consent(comment="x"), "consents[1]", "unknown_field"),
]


@pytest.mark.parametrize(("data", "field", "rule"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_broken_rule(data: object, field: str, rule: str) -> None:
    problem = parse_record(data, 7, NOW)
    assert isinstance(problem, Problem)
    assert (problem.field, problem.rule, problem.index) == (field, rule, 7)
    assert problem.message


def test_the_problem_of_an_unknown_field_names_the_known_ones_and_not_the_unknown() -> None:
    problem = parse_record(record(identifiers=[{**EMAIL, "jane@example.org": 1}]), 0, NOW)
    assert isinstance(problem, Problem)
    assert problem.message == "unknown field; known are kind, value, sha256, profile, namespace"


CANARY = "canary7f3a@secret.example"


def _spots(node: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inner: Iterable[tuple[str | int, object]] = ()
    if isinstance(node, dict | list):
        inner = node.items() if isinstance(node, dict) else enumerate(node)
    return [path, *(spot for key, value in inner for spot in _spots(value, (*path, key)))]


@pytest.mark.parametrize("spot", [spot for spot in _spots(RECORD) if spot], ids=str)
@pytest.mark.parametrize("planted", [CANARY, {CANARY: CANARY}, [CANARY], CANARY + "\x00", 50 * CANARY], ids=range(5))
def test_no_problem_shows_a_value_or_an_unknown_name(spot: tuple[Any, ...], planted: object) -> None:
    data: Any = record()
    holder = data
    for step in spot[:-1]:
        holder = holder[step]
    holder[spot[-1]] = planted
    parsed = parse_record(data, 0, NOW)
    assert CANARY not in repr(parsed) or isinstance(parsed, IncomingRecord)
    if isinstance(parsed, IncomingRecord):
        assert spot[0] in {"record_id", "identifiers", "attributes", "consents"}


@given(st.one_of(JSON, st.dictionaries(st.sampled_from(sorted(RECORD)), JSON), damaged()))
def test_any_json_is_a_record_or_a_problem(data: object) -> None:
    parsed = parse_record(data, 5, NOW)
    assert isinstance(parsed, IncomingRecord | Problem)
    if isinstance(parsed, Problem):
        assert parsed.rule
        assert parsed.index == 5
