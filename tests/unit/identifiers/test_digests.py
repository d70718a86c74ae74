"""Digests: the published vectors, raw and pre-hashed values meet, and every refusal names field and rule."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.identifiers.digests import decode_sha256, digests_of
from gateway.identifiers.model import HashedIdentifier, RawIdentifier
from gateway.kernel.errors import InvalidInput
from tests.unit.identifiers.kind_rules import RULES, refusal, sha256_of

# Published examples of UID2/EUID and others, collected in the project's specification (shared/vectors).
UID2: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors" / "hash_profiles.json").read_text())["uid2"]

SHA = hashlib.sha256(b"somebody").digest()
UUID = "af3581bb-0fa4-51f4-95c4-71e01c198cba"


def _name(vector: dict[str, str]) -> str:
    return f"{vector['kind']} {vector['raw']!r}"


@pytest.mark.parametrize("vector", UID2["valid"], ids=_name)
def test_published_example(vector: dict[str, str]) -> None:
    assert sha256_of(vector["kind"], vector["raw"]) == decode_sha256(vector["digest"])
    assert sha256_of(vector["kind"], vector["normalized"]) == decode_sha256(vector["digest"])


@pytest.mark.parametrize("vector", UID2["invalid"], ids=_name)
def test_published_counterexample(vector: dict[str, str]) -> None:
    field, rule = refusal(RawIdentifier(vector["kind"], vector["raw"]))
    assert field == "value"
    assert rule in {"empty", "junk", "not_an_email", "not_a_phone"}


def test_published_spellings_of_one_digest() -> None:
    assert len({decode_sha256(text) for text in UID2["same_digest"]}) == 1


@pytest.mark.parametrize("text", UID2["invalid_digest"])
def test_published_counterexample_of_a_digest(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        decode_sha256(text)
    assert (caught.value.field, caught.value.rule) == ("sha256", "digest_not_32_bytes")


@given(st.one_of(st.text(), st.from_regex(r"[ 0-9a-fA-F]{64}|[A-Za-z0-9+/=_\-\n]{44}", fullmatch=True)))
def test_nothing_but_32_bytes_is_decoded(text: str) -> None:
    try:
        decoded = decode_sha256(text)
    except InvalidInput:
        return
    assert len(decoded) == 32
    hexadecimal, encoded = decoded.hex(), base64.b64encode(decoded).decode()
    assert text.lower() == hexadecimal or text[:42] == encoded[:42]


@given(st.binary(min_size=32, max_size=32))
def test_every_digest_is_decoded_in_all_its_spellings(sha256: bytes) -> None:
    spellings = (sha256.hex(), sha256.hex().upper(), base64.b64encode(sha256).decode())
    assert {decode_sha256(text) for text in spellings} == {sha256}


@pytest.mark.parametrize(
    ("kind", "raw", "form", "profile"),
    [
        ("email", " Jane@Example.com", "jane@example.com", "uid2"),
        ("phone", "(650) 555-1212", "+16505551212", "uid2"),
        ("customer_id", "C-1", "c-1", ""),
        ("device_id", UUID.upper(), UUID.replace("-", ""), ""),
    ],
)
def test_raw_and_pre_hashed_values_meet(kind: str, raw: str, form: str, profile: str) -> None:
    hashed = HashedIdentifier(kind, hashlib.sha256(form.encode()).digest(), profile)
    (made,) = digests_of(hashed, RULES, None)
    assert made.sha256 == sha256_of(kind, raw, "US-CA")
    assert made.kind == kind


def test_kind_and_namespace_travel_with_the_digest() -> None:
    (made,) = digests_of(HashedIdentifier("platform_id", SHA, namespace="steam"), RULES, None)
    assert (made.kind, made.namespace, made.sha256) == ("platform_id", "steam", SHA)
    assert sha256_of("platform_id", "76561197960287930", namespace="steam")


@pytest.mark.parametrize(
    ("identifier", "field", "rule"),
    [
        (RawIdentifier("shoe_size", "42"), "kind", "unknown_kind"),
        (HashedIdentifier("shoe_size", SHA), "kind", "unknown_kind"),
        (RawIdentifier("platform_id", "7656"), "namespace", "namespace_required"),
        (RawIdentifier("platform_id", "7656", "Steam"), "namespace", "bad_namespace"),
        (RawIdentifier("platform_id", "7656", "a" * 65), "namespace", "bad_namespace"),
        (RawIdentifier("email", "jane@example.com", "steam"), "namespace", "namespace_not_allowed"),
        (HashedIdentifier("email", SHA), "profile", "profile_required"),
        (HashedIdentifier("phone", SHA), "profile", "profile_required"),
        (HashedIdentifier("email", SHA, "md5"), "profile", "unknown_profile"),
        (HashedIdentifier("cookie", SHA, "uid2"), "profile", "profile_not_allowed"),
        (HashedIdentifier("cookie", SHA[:31]), "sha256", "digest_not_32_bytes"),
        (RawIdentifier("email", "  "), "value", "empty"),
        (RawIdentifier("cookie", "\t"), "value", "empty"),
        (RawIdentifier("cookie", "a\nb"), "value", "control_characters"),
        (RawIdentifier("cookie", "a" * 513), "value", "too_long"),
        (RawIdentifier("email", "jane"), "value", "not_an_email"),
        (RawIdentifier("phone", "12"), "value", "not_a_phone"),
    ],
)
def test_refusal(identifier: RawIdentifier | HashedIdentifier, field: str, rule: str) -> None:
    assert refusal(identifier) == (field, rule)


def test_the_refusal_of_a_profile_says_which_are_known() -> None:
    for profile in ("", "md5"):
        with pytest.raises(InvalidInput, match="known: uid2"):
            digests_of(HashedIdentifier("email", SHA, profile), RULES, None)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("email", "null"),
        ("email", " Test@TEST.com "),
        ("email", "noemail@wherever.example"),
        ("email", "NOEMAIL@gmail.com"),
        ("phone", "N/A"),
        ("phone", "000-000-0000"),
        ("phone", "+00 00000000"),
        ("device_id", "00000000-0000-0000-0000-000000000000"),
        ("device_id", "00:00:00:00:00:00"),
        ("ip", "0.0.0.0"),  # noqa: S104 - nothing is bound
        ("customer_id", "0"),
        ("customer_id", "nUlL"),
        ("national_id", "-null-"),
        ("cookie", "Undefined"),
    ],
)
def test_a_placeholder_is_junk(kind: str, value: str) -> None:
    assert refusal(RawIdentifier(kind, value)) == ("value", "junk")


@pytest.mark.parametrize(
    ("kind", "text", "profile"),
    [
        ("email", "test@test.com", "uid2"),
        ("email", "noemail@gmail.com", "uid2"),
        ("email", "", "uid2"),
        ("phone", "+0000000000", "uid2"),
        ("cookie", "NULL", ""),
        ("device_id", "00000000-0000-0000-0000-000000000000", ""),
        ("device_id", "0" * 32, ""),
    ],
)
def test_a_placeholder_is_junk_also_as_a_digest(kind: str, text: str, profile: str) -> None:
    identifier = HashedIdentifier(kind, hashlib.sha256(text.encode()).digest(), profile)
    assert refusal(identifier) == ("sha256", "junk")


@pytest.mark.parametrize("kind", ["email", "phone", "customer_id", "national_id", "cookie", "device_id"])
@pytest.mark.parametrize(
    "value",
    [
        SHA.hex(),
        f" {SHA.hex().upper()} ",
        base64.b64encode(SHA).decode(),
        base64.urlsafe_b64encode(b"\xfb\xff" * 16).decode(),
        hashlib.sha1(b"somebody", usedforsecurity=False).hexdigest(),
    ],
)
def test_a_raw_value_that_looks_hashed_is_refused(kind: str, value: str) -> None:
    assert refusal(RawIdentifier(kind, value)) == ("value", "looks_hashed")


def test_a_digest_in_groups_is_refused_where_groups_do_not_count() -> None:
    grouped = ":".join(SHA.hex()[at : at + 2] for at in range(0, 64, 2))
    assert refusal(RawIdentifier("national_id", grouped)) == ("value", "looks_hashed")
    assert sha256_of("cookie", grouped)


def test_32_hex_characters_are_a_device_but_no_person() -> None:
    bare = UUID.replace("-", "")
    assert sha256_of("device_id", UUID) == sha256_of("device_id", bare.upper())
    assert sha256_of("cookie", bare)
    assert refusal(RawIdentifier("customer_id", bare)) == ("value", "looks_hashed")


@given(st.sampled_from(sorted(RULES)), st.text(), st.sampled_from(["", "steam", "X", "\ud800"]))
def test_any_text_is_digested_or_refused(kind: str, value: str, namespace: str) -> None:
    try:
        (made,) = digests_of(RawIdentifier(kind, value, namespace), RULES, "DE")
    except InvalidInput as error:
        faulty = error.field
    else:
        faulty = "value"
        assert len(made.sha256) == 32
    assert faulty in {"value", "namespace"}
