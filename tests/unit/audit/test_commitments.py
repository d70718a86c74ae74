"""Disclosures, commitments and openings: what was sealed opens, and nothing else does."""

from __future__ import annotations

import base64
import json
from datetime import date
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.canonical import MAX_INTEGER
from gateway.audit.commitments import SALT_BYTES, batch_root, commitment, disclosure, open_disclosure, salts
from gateway.audit.encodings import from_base64, from_base64url, to_base64, to_base64url
from gateway.audit.opening import Opening, sealed
from gateway.kernel.errors import IntegrityError, InvalidInput

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NUMBERS = st.integers(-MAX_INTEGER, MAX_INTEGER) | st.floats(allow_nan=False, allow_infinity=False)
DAY = date(2026, 11, 24)
VALUES: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@given(st.binary(min_size=16, max_size=16), TEXTS, VALUES)
def test_a_disclosure_opens_to_name_and_value(salt: bytes, name: str, value: object) -> None:
    text = disclosure(salt, name, value)
    assert open_disclosure(text) == (name, value)
    assert json.loads(base64.urlsafe_b64decode(text + "==")) == [to_base64url(salt), name, value]
    assert commitment(text) == to_base64url(sha256(text.encode()).digest())
    assert len(commitment(text)) == 43


@given(st.binary(max_size=70))
def test_base64_has_one_text_for_one_value(data: bytes) -> None:
    assert to_base64url(data) == base64.urlsafe_b64encode(data).decode().rstrip("=")
    assert to_base64(data) == base64.b64encode(data).decode()
    assert from_base64url(to_base64url(data)) == data
    assert from_base64(to_base64(data)) == data


@pytest.mark.parametrize("text", ["QQ==", "QR", "Q", "+_+_", "//__", "Q Q", "QQ\n", "Qé", "A=AA", "\ud800AAA"])
def test_other_base64url_texts_are_refused(text: str) -> None:
    with pytest.raises(IntegrityError):
        from_base64url(text)


@pytest.mark.parametrize("text", ["QQ", "QQ=", "QR==", "QQ==\n", "Q-__", "QQ==QQ==", " QQ==", "é==="])
def test_other_base64_texts_are_refused(text: str) -> None:
    with pytest.raises(IntegrityError):
        from_base64(text)


def test_salts_are_fresh() -> None:
    drawn = salts(500) + salts(500)
    assert len(set(drawn)) == 1000
    assert {len(salt) for salt in drawn} == {SALT_BYTES}
    assert salts(0) == []


@pytest.mark.parametrize("value", [float("nan"), [float("inf")], b"x", {1: 2}, 2**53, "\ud800", {"a": object()}, [DAY]])
def test_what_json_cannot_hold_is_not_disclosed(value: object) -> None:
    with pytest.raises(InvalidInput):
        disclosure(bytes(16), "name", value)


@pytest.mark.parametrize(
    "text",
    [
        "not base64!",
        encoded("no json"),
        encoded('{"salt":1}'),
        encoded('["salt","name"]'),
        encoded('["salt","name",1,2]'),
        encoded('[1,"name",1]'),
        encoded('["salt",null,1]'),
        encoded('["salt","name",NaN]'),
        encoded('["salt","name",1]') + "=",
    ],
)
def test_what_is_no_disclosure_does_not_open(text: str) -> None:
    with pytest.raises(IntegrityError):
        open_disclosure(text)


@given(st.dictionaries(TEXTS, VALUES, max_size=5))
def test_sealed_values_open_again(values: dict[str, object]) -> None:
    commitments, data = sealed(values)
    opening = Opening.from_bytes(data)
    assert list(commitments) == list(values)
    assert [commitment(text) for text in opening.disclosures] == list(commitments.values())
    assert dict(opening.values()) == values
    assert opening.to_bytes() == data


def test_equal_values_are_sealed_differently() -> None:
    first, _ = sealed({"a": "same"})
    second, _ = sealed({"a": "same"})
    assert first != second


def test_an_opening_does_not_show_itself() -> None:
    _, data = sealed({"email": "ada"})
    assert repr(Opening.from_bytes(data)) == "Opening()"


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b'["a"', b"\xff"])
def test_what_is_no_opening_is_refused(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        Opening.from_bytes(data)


def test_a_batch_root_has_the_form_of_a_commitment_and_depends_on_order() -> None:
    members = [commitment(disclosure(salt, "decisions", "x")) for salt in salts(3)]
    assert len(from_base64url(batch_root(members))) == 32
    assert batch_root(members) != batch_root(members[::-1])
    assert batch_root(members[:1]) == to_base64url(sha256(b"\x00" + members[0].encode()).digest())
