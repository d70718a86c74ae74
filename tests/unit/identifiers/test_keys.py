"""Keys and what is made with them: the MAC is the standard library's, and no purpose, kind or tenant meets another."""

from __future__ import annotations

import copy
import hashlib
import hmac
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.identifiers.keys import KEY_BYTES, HmacKey, KeyPurpose, TenantKeys, fields
from gateway.identifiers.model import Digest
from gateway.identifiers.pseudonyms import Pseudonymizer, RecordTokens, tombstone_token
from gateway.kernel.errors import Unavailable

KEYS = st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES)
OTHERS = [purpose for purpose in KeyPurpose if purpose is not KeyPurpose.MATCH]
DIGEST = hashlib.sha256(b"anna@shop.example").digest()


def keys(first: int = 0) -> TenantKeys:
    """A tenant's keys, all different; the match key in its first version."""
    kept: dict[KeyPurpose, bytes] = {purpose: raw(purpose, first) for purpose in OTHERS}
    return TenantKeys(kept, {1: HmacKey(raw(KeyPurpose.MATCH, first))})


def raw(purpose: KeyPurpose, first: int = 0) -> bytes:
    """The bytes of one key of `keys`."""
    return bytes([first + list(KeyPurpose).index(purpose)]) * KEY_BYTES


class TestHmac:
    @given(KEYS, st.binary(max_size=200))
    def test_it_is_the_standard_librarys(self, key: bytes, message: bytes) -> None:
        assert HmacKey(key).mac(message) == hmac.digest(key, message, "sha256")

    @given(KEYS, st.lists(st.binary(max_size=70), max_size=4))
    def test_one_key_serves_many_messages(self, key: bytes, messages: list[bytes]) -> None:
        one = HmacKey(key)
        wanted = [hmac.digest(key, message, "sha256") for message in messages]
        assert [one.mac(message) for message in messages] == wanted
        assert one.macs(messages) == wanted

    @pytest.mark.parametrize("size", [0, 31, 33, 64])
    def test_a_key_of_another_length_is_none(self, size: int) -> None:
        with pytest.raises(Unavailable, match="32 bytes"):
            HmacKey(bytes(size))


class TestTenantKeys:
    def test_each_purpose_has_its_own(self) -> None:
        made = {keys().hmac(purpose).mac(b"one message") for purpose in OTHERS}
        assert len(made | set(keys().match(1).macs([b"one message"]))) == len(KeyPurpose)
        assert keys().secret(KeyPurpose.SEAL) == raw(KeyPurpose.SEAL)

    def test_a_missing_key_is_unavailable_never_empty(self) -> None:
        few = TenantKeys({KeyPurpose.SEAL: bytes(KEY_BYTES)}, {})
        with pytest.raises(Unavailable, match="suppress"):
            few.hmac(KeyPurpose.SUPPRESS)
        with pytest.raises(Unavailable, match="suppress"):
            few.secret(KeyPurpose.SUPPRESS)
        with pytest.raises(Unavailable, match="no match key"):
            assert few.newest

    def test_match_keys_are_had_by_version_alone(self) -> None:
        key, newer = HmacKey(bytes(KEY_BYTES)), HmacKey(raw(KeyPurpose.SEAL))
        held = TenantKeys({KeyPurpose.MATCH: bytes(KEY_BYTES)}, {10: newer, 9: key})
        assert (held.versions, held.newest) == ((9, 10), 10)
        assert (held.match(9), held.match(10)) == (key, newer)
        with pytest.raises(Unavailable, match="version 1"):
            held.match(1)
        for ask in (held.hmac, held.secret):
            with pytest.raises(Unavailable, match="match"):
                ask(KeyPurpose.MATCH)

    @pytest.mark.parametrize("secret", [keys(), HmacKey(bytes(KEY_BYTES))], ids=["tenant", "key"])
    def test_nothing_shows_or_serializes_a_key(self, secret: TenantKeys | HmacKey) -> None:
        assert "hidden" in repr(secret)
        assert "hidden" in f"{secret}"
        with pytest.raises(TypeError, match="never serialized"):
            pickle.dumps(secret)
        with pytest.raises(TypeError, match="never serialized"):
            copy.copy(secret)


@given(st.lists(st.text() | st.binary(), max_size=4), st.lists(st.text() | st.binary(), max_size=4))
def test_fields_are_unambiguous(one: list[str | bytes], other: list[str | bytes]) -> None:
    """Two lists of parts make the same message only where they are the same bytes, part by part."""
    encoded = [
        [part.encode("utf-8", "replace") if isinstance(part, str) else part for part in parts] for parts in (one, other)
    ]
    assert (fields(*encoded[0]) == fields(*encoded[1])) == (encoded[0] == encoded[1])


class TestPseudonyms:
    def test_the_formula(self) -> None:
        """HMAC-SHA256(K[match], kind, namespace, "link", digest), each behind its length."""
        message = b"".join(len(part).to_bytes(4, "big") + part for part in (b"email", b"", b"link", DIGEST))
        made = Pseudonymizer(keys()).all([Digest("email", DIGEST)])[0]
        assert made.token == hmac.digest(raw(KeyPurpose.MATCH), message, "sha256")
        assert (made.kind, made.namespace) == ("email", "")

    def test_the_formula_with_a_namespace(self) -> None:
        message = fields("platform_id", "steam", "link", DIGEST)
        made = Pseudonymizer(keys()).all([Digest("platform_id", DIGEST, "steam")])[0]
        assert made.token == hmac.digest(raw(KeyPurpose.MATCH), message, "sha256")
        assert made.namespace == "steam"

    def test_kind_namespace_digest_and_tenant_all_count(self) -> None:
        one, other = Pseudonymizer(keys()), Pseudonymizer(keys(100))
        asked = [
            Digest("email", DIGEST),
            Digest("phone", DIGEST),
            Digest("email", hashlib.sha256(DIGEST).digest()),
            Digest("platform_id", DIGEST, "steam"),
            Digest("platform_id", DIGEST, "psn"),
        ]
        tokens = [each.all([digest])[0].token for each in (one, other) for digest in asked * 2]
        assert len(set(tokens)) == 2 * len(asked)

    def test_a_tombstone_stands_under_another_key(self) -> None:
        token = Pseudonymizer(keys()).all([Digest("email", DIGEST)])[0].token
        stone = tombstone_token(keys().hmac(KeyPurpose.SUPPRESS), token)
        assert stone == hmac.digest(raw(KeyPurpose.SUPPRESS), token, "sha256")


class TestRecordTokens:
    def test_a_record_is_told_apart_by_channel_and_id(self) -> None:
        store, app = RecordTokens(keys(), "store"), RecordTokens(keys(), "app")
        tokens = [store.of("r1"), store.of("r2"), app.of("r1"), RecordTokens(keys(100), "store").of("r1")]
        assert len(set(tokens)) == 4
        assert store.of("r1") == RecordTokens(keys(), "store").of("r1")
        assert {len(token) for token in tokens} == {16}

    def test_channel_and_id_do_not_run_into_each_other(self) -> None:
        assert RecordTokens(keys(), "store").of("1r") != RecordTokens(keys(), "store1").of("r")

    def test_content_is_who_when_and_how(self) -> None:
        anna, phone = Digest("email", DIGEST), Digest("phone", DIGEST)
        tokens = RecordTokens(keys(), "store")
        contents = [
            tokens.content([anna, phone], 5, "DE", "trusted"),
            tokens.content([anna], 5, "DE", "trusted"),
            tokens.content([phone, anna], 5, "DE", "trusted"),
            tokens.content([anna, phone], 6, "DE", "trusted"),
            tokens.content([anna, phone], 5, "", "trusted"),
            tokens.content([anna, phone], 5, "DE", "public"),
        ]
        assert len(set(contents)) == len(contents)
        assert tokens.content([anna, phone], 5, "DE", "trusted") == contents[0]
