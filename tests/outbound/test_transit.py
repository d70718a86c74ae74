"""The Transit adapter against an OpenBao server: keys do not leave it, and pseudonyms outlive a rotation inside it."""

from __future__ import annotations

import base64
import hmac
import os
from typing import Any

import hvac
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from gateway.kernel.errors import Unavailable
from gateway.outbound.transit import TransitRootKey
from tests.key_services import BAO_TOKEN, KeyPlace


@pytest.fixture
def client(transit_place: KeyPlace) -> Any:  # noqa: ANN401 - hvac has no types
    """A client beside the gateway's own."""
    return hvac.Client(transit_place.environment["GATEWAY_TRANSIT_ADDRESS"], token=BAO_TOKEN, timeout=5)


@pytest.fixture
def root(transit_place: KeyPlace) -> TransitRootKey:
    """A root key of the test's own, on the server that all tests share."""
    made = adapter(transit_place)
    assert "Back the server up" in made.prepare()
    return made


def adapter(place: KeyPlace, *, mount: str = "transit", token: str = BAO_TOKEN) -> TransitRootKey:
    """The adapter, with a key that is not made yet."""
    return TransitRootKey(place.environment["GATEWAY_TRANSIT_ADDRESS"], mount, f"root-{os.urandom(4).hex()}", token)


def test_no_key_can_be_exported(root: TransitRootKey, client: Any) -> None:  # noqa: ANN401 - as the fixture
    for kind, name in (("encryption-key", root._key), ("hmac-key", root.make_mac_key(f"mac-{os.urandom(4).hex()}"))):
        with pytest.raises(hvac.exceptions.InvalidRequest, match="not exportable"):
            client.read(f"transit/export/{kind}/{name}")
        with pytest.raises(hvac.exceptions.VaultError, match="disallowed"):
            client.read(f"transit/backup/{name}")


def test_a_known_key_gives_the_standard_librarys_macs(root: TransitRootKey, client: Any) -> None:  # noqa: ANN401 - as the fixture
    known, passing, name = os.urandom(32), os.urandom(32), f"known-{os.urandom(4).hex()}"
    wrapping = load_pem_public_key(client.read("transit/wrapping_key")["data"]["public_key"].encode())
    assert isinstance(wrapping, RSAPublicKey)
    sealed = wrapping.encrypt(passing, OAEP(MGF1(SHA256()), SHA256(), None)) + aes_key_wrap_with_padding(passing, known)
    sent = {"type": "hmac", "ciphertext": base64.b64encode(sealed).decode(), "hash_function": "SHA256"}
    client.write_data(f"transit/keys/{name}/import", data=sent)
    messages = [b"", b"one", bytes(5000)]
    assert root.mac_key(name).macs(messages) == [hmac.digest(known, one, "sha256") for one in messages]


@pytest.mark.parametrize("loose", [{"exportable": True}, {"allow_plaintext_backup": True}, {"key_size": 64}])
def test_a_match_key_that_could_leave_or_is_of_another_kind_is_not_used(
    root: TransitRootKey,
    client: Any,  # noqa: ANN401 - as the fixture
    loose: dict[str, object],
) -> None:
    name = f"loose-{os.urandom(4).hex()}"
    client.write_data(f"transit/keys/{name}", data={"type": "hmac", "key_size": 32, **loose})
    with pytest.raises(Unavailable, match=next(iter(loose))):
        root.mac_key(name)


def test_an_exportable_root_key_is_not_used(transit_place: KeyPlace, client: Any) -> None:  # noqa: ANN401 - as the fixture
    root = adapter(transit_place)
    client.write_data(f"transit/keys/{root._key}", data={"type": "aes256-gcm96", "exportable": True})
    for use in (root.prepare, lambda: root.wrap(b"context", b"key")):
        with pytest.raises(Unavailable, match="exportable"):
            use()


def test_a_missing_root_key_is_not_made_by_wrapping(transit_place: KeyPlace) -> None:
    root = adapter(transit_place)
    with pytest.raises(Unavailable, match="gateway init"):
        root.wrap(b"context", b"key")
    assert root.find(root._key) is None


def test_a_rotation_inside_the_engine_changes_no_mac(root: TransitRootKey, client: Any) -> None:  # noqa: ANN401 - as the fixture
    name = root.make_mac_key(f"mac-{os.urandom(4).hex()}")
    wrapped, made = root.wrap(b"context", b"key"), root.mac_key(name).macs([b"m"])
    for rotated in (name, root._key):
        client.write_data(f"transit/keys/{rotated}/rotate", data={})
    assert root.mac_key(name).macs([b"m"]) == made
    assert root.unwrap(b"context", wrapped) == b"key"


@pytest.mark.parametrize(
    ("wrong", "told"), [({"token": "made-up"}, "GATEWAY_TRANSIT_TOKEN"), ({"mount": "nothing"}, "check mount")]
)
def test_a_wrong_token_or_mount_is_named(transit_place: KeyPlace, wrong: dict[str, str], told: str) -> None:
    with pytest.raises(Unavailable, match=told):
        adapter(transit_place, **wrong).prepare()
