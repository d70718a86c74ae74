"""The PKCS#11 adapter against SoftHSM2: keys do not leave the token, and a wrong PIN is tried once."""

from __future__ import annotations

import hmac
import os

import pkcs11
import pytest
from pkcs11 import Attribute, KeyType, ObjectClass

from gateway.kernel.errors import Unavailable
from gateway.outbound.pkcs11 import Pkcs11RootKey
from tests.key_services import PIN, SOFTHSM, KeyPlace

MODULE = str(SOFTHSM)


@pytest.fixture
def root(pkcs11_place: KeyPlace) -> Pkcs11RootKey:
    """A root key of the test's own, in the token that all tests share."""
    made = Pkcs11RootKey(MODULE, pkcs11_place.environment["GATEWAY_PKCS11_TOKEN"], f"root-{os.urandom(4).hex()}", PIN)
    assert "Back the token up" in made.prepare()
    return made


@pytest.fixture
def session(root: Pkcs11RootKey) -> pkcs11.Session:
    """What the adapter has open, for a look inside the token."""
    with root.login() as login:
        return login.session


def secret_key(session: pkcs11.Session, label: str, **attributes: object) -> None:
    """Bring a known key into the token."""
    session.create_object(
        {
            Attribute.CLASS: ObjectClass.SECRET_KEY,
            Attribute.KEY_TYPE: KeyType.GENERIC_SECRET,
            Attribute.VALUE: bytes(range(32)),
            Attribute.LABEL: label,
            Attribute.TOKEN: True,
            Attribute.PRIVATE: True,
            Attribute.SIGN: True,
            Attribute.SENSITIVE: True,
            Attribute.EXTRACTABLE: False,
            **{Attribute[name]: value for name, value in attributes.items()},
        }
    )


def test_no_key_can_be_read_out_of_the_token(root: Pkcs11RootKey, session: pkcs11.Session) -> None:
    label = root.make_mac_key(f"mac-{os.urandom(4).hex()}")
    for name in (label, root._key):
        key = session.get_key(ObjectClass.SECRET_KEY, label=name)
        kept = (
            key[one] for one in (Attribute.TOKEN, Attribute.PRIVATE, Attribute.SENSITIVE, Attribute.ALWAYS_SENSITIVE)
        )
        assert all(kept)
        assert not key[Attribute.EXTRACTABLE]
        assert key[Attribute.NEVER_EXTRACTABLE]
        with pytest.raises(pkcs11.AttributeSensitive):
            key[Attribute.VALUE]


def test_a_known_key_gives_the_standard_librarys_macs(root: Pkcs11RootKey, session: pkcs11.Session) -> None:
    label = f"known-{os.urandom(4).hex()}"
    secret_key(session, label)
    messages = [b"", b"one", bytes(5000)]
    assert root.mac_key(label).macs(messages) == [hmac.digest(bytes(range(32)), one, "sha256") for one in messages]


@pytest.mark.parametrize("attributes", [{"EXTRACTABLE": True}, {"SENSITIVE": False}])
def test_a_key_that_could_leave_the_token_is_not_used(
    root: Pkcs11RootKey, session: pkcs11.Session, attributes: dict[str, object]
) -> None:
    label = f"loose-{os.urandom(4).hex()}"
    secret_key(session, label, **attributes)
    with pytest.raises(Unavailable, match="could leave"):
        root.mac_key(label)


def test_two_keys_of_one_label_are_not_used(root: Pkcs11RootKey, session: pkcs11.Session) -> None:
    label = f"twice-{os.urandom(4).hex()}"
    secret_key(session, label)
    secret_key(session, label)
    with pytest.raises(Unavailable, match="several keys"):
        root.mac_key(label)


def test_after_a_failure_the_next_call_logs_in_anew(root: Pkcs11RootKey, session: pkcs11.Session) -> None:
    key = root.mac_key(root.make_mac_key(f"mac-{os.urandom(4).hex()}"))
    wanted = key.macs([b"m"])
    session.close()
    with pytest.raises(Unavailable, match="Invalid"):
        key.macs([b"m"])
    assert key.macs([b"m"]) == wanted


def test_a_wrong_pin_is_tried_once(pkcs11_place: KeyPlace) -> None:
    del pkcs11_place
    root = Pkcs11RootKey(MODULE, "other", "root", "0000")
    with pytest.raises(Unavailable, match="GATEWAY_PKCS11_PIN"):
        root.wrap(b"context", b"key")
    with pytest.raises(Unavailable, match="refused the PIN before"):
        root.wrap(b"context", b"key")
    assert Pkcs11RootKey(MODULE, "other", "root", PIN).prepare()


@pytest.mark.parametrize("module", ["/nowhere/module.so", __file__])
def test_a_module_that_is_none_is_named(pkcs11_place: KeyPlace, module: str) -> None:
    del pkcs11_place
    with pytest.raises(Unavailable, match="GATEWAY_PKCS11_MODULE"):
        Pkcs11RootKey(module, "gateway", "root", PIN).prepare()


def test_without_its_root_key_it_says_what_to_do(pkcs11_place: KeyPlace) -> None:
    root = Pkcs11RootKey(MODULE, pkcs11_place.environment["GATEWAY_PKCS11_TOKEN"], "not-made", PIN)
    with pytest.raises(Unavailable, match="gateway init"):
        root.wrap(b"context", b"key")
