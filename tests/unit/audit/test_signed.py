"""Signed documents: another library verifies them, and nothing in the file can change unseen."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.audit.canonical import canonical
from gateway.audit.checkpoint import SigningKey, VerifierKey, open_note
from gateway.audit.signed import open_document, sign_document
from gateway.kernel.errors import IntegrityError, InvalidInput
from tests.unit.audit.logs import KEY, ORIGIN

VKEY = VerifierKey.parse(KEY.vkey)
DOCUMENT = {"kind": "sample", "zeile": "eins\nzwei", "größe": 3, "list": [None, True, {"a": ""}]}
SIGNED = sign_document(DOCUMENT, KEY)

SCALARS = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)


@settings(max_examples=40)
@given(st.dictionaries(st.text().filter(lambda name: name != "signature"), VALUES, max_size=4))
def test_what_was_signed_is_read_back(document: dict[str, object]) -> None:
    try:
        signed = sign_document(document, KEY)
    except InvalidInput:
        return
    read = open_document(signed, VKEY)
    assert {name: value for name, value in read.items() if name != "signature"} == document
    assert b"\n" not in signed


def test_the_signature_verifies_without_this_program() -> None:
    file = json.loads(SIGNED)
    value = base64.b64decode(file["signature"].pop("value"), validate=True)
    text = json.dumps(file, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    public = base64.b64decode(KEY.vkey.split("+", 2)[2])[1:]
    Ed25519PublicKey.from_public_bytes(public).verify(value, text.encode())
    assert file["signature"] == {"algorithm": "Ed25519", "key": ORIGIN, "key_id": KEY.key_id.hex()}


def test_every_changed_byte_is_found() -> None:
    for place in range(len(SIGNED)):
        for change in (1, 0x20, 0x80):
            spoiled = bytearray(SIGNED)
            spoiled[place] ^= change
            with pytest.raises(IntegrityError):
                open_document(bytes(spoiled), VKEY)


def test_one_line_break_at_the_end_is_allowed_and_nothing_else_around_it() -> None:
    assert open_document(SIGNED + b"\n", VKEY) == open_document(SIGNED, VKEY)
    for other in (SIGNED + b"\n\n", SIGNED + b" ", b" " + SIGNED, SIGNED[:-1], b"", b"\n", b"[]", b"{}", b"null"):
        with pytest.raises(IntegrityError):
            open_document(other, VKEY)


def test_another_key_is_named_as_such() -> None:
    for other in (SigningKey(bytes(32), ORIGIN), SigningKey(bytes(range(32)), "another")):
        with pytest.raises(IntegrityError, match="another key"):
            open_document(SIGNED, VerifierKey.parse(other.vkey))


@pytest.mark.parametrize("signature", [None, "x", {}, {"value": 1}, {"algorithm": "none", "value": ""}])
def test_what_is_no_signature_is_refused(signature: object) -> None:
    with pytest.raises(IntegrityError, match="signature"):
        open_document(canonical({**DOCUMENT, "signature": signature}), VKEY)


def test_a_document_is_no_note_and_a_note_no_document() -> None:
    with pytest.raises(IntegrityError):
        open_note(SIGNED.decode(), [VKEY])
    with pytest.raises(IntegrityError):
        open_document(f"{ORIGIN}\n1\nAAAA\n".encode(), VKEY)
