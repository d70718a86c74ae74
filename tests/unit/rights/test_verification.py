"""Proofs: a fixed list of methods, each reaching only what it can prove; a digest never."""

from __future__ import annotations

import hashlib

import pytest

from gateway.identifiers.model import HashedIdentifier, RawIdentifier
from gateway.kernel.errors import InvalidInput
from gateway.rights.verification import METHODS, check_method, proved

EMAIL = RawIdentifier("email", "jana@example.com")
PHONE = RawIdentifier("phone", "+493012345678")
COOKIE = RawIdentifier("cookie", "c-1")
DIGEST = HashedIdentifier("email", hashlib.sha256(b"jana@example.com").digest(), "uid2")
EVERYTHING = (EMAIL, PHONE, COOKIE, DIGEST)


@pytest.mark.parametrize("method", sorted(METHODS))
def test_a_digest_is_never_proved(method: str) -> None:
    assert proved(method, [DIGEST]) == ()
    assert {type(each) for each in proved(method, EVERYTHING)} == {RawIdentifier}


def test_a_method_that_reaches_one_address_proves_no_other() -> None:
    assert proved("email_link", EVERYTHING) == (EMAIL,)
    assert proved("phone_code", EVERYTHING) == (PHONE,)


def test_what_a_client_or_an_officer_vouches_for_is_proved() -> None:
    for method in ("account_login", "id_document_checked", "signed_declaration", "agent_authorized"):
        assert proved(method, EVERYTHING) == (EMAIL, PHONE, COOKIE)


@pytest.mark.parametrize("method", ["", "sha256", "EMAIL_LINK", hashlib.sha256(b"jana@example.com").hexdigest()])
def test_anything_else_is_no_proof(method: str) -> None:
    with pytest.raises(InvalidInput) as error:
        check_method(method)
    assert (error.value.field, error.value.rule) == ("proof", "unknown_proof")
    assert not method or method not in str(error.value)
