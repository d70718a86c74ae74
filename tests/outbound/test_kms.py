"""The KMS adapter against moto's server: MACs verify, and the adapter refuses what moto would let pass."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.kernel.errors import Unavailable
from gateway.outbound.kms import KmsRootKey
from tests.key_services import KeyPlace, kms_client, opened


@pytest.fixture
def client(kms_place: KeyPlace) -> Any:  # noqa: ANN401 - boto3 makes the client's class when it runs
    """A client beside the gateway's own."""
    return kms_client(kms_place.environment["AWS_ENDPOINT_URL"])


@pytest.fixture
def root(kms_place: KeyPlace) -> KmsRootKey:
    """The adapter."""
    made = opened(kms_place.environment)
    assert isinstance(made, KmsRootKey)
    return made


def key(client: Any, usage: str, spec: str) -> str:  # noqa: ANN401 - as the fixture
    """A new key -> its id."""
    return str(client.create_key(KeyUsage=usage, KeySpec=spec)["KeyMetadata"]["KeyId"])


def test_kms_verifies_the_macs(root: KmsRootKey, client: Any) -> None:  # noqa: ANN401 - as the fixture
    reference = root.make_mac_key("label")
    messages = [b"one", b"two", bytes(4096)]
    for message, mac in zip(messages, root.mac_key(reference).macs(messages), strict=True):
        answer = client.verify_mac(KeyId=reference, Message=message, Mac=mac, MacAlgorithm="HMAC_SHA_256")
        assert answer["MacValid"]


def test_a_message_over_4096_bytes_is_refused(root: KmsRootKey) -> None:
    mac_key = root.mac_key(root.make_mac_key("label"))
    with pytest.raises(Unavailable, match="4,096"):
        mac_key.macs([b"short", bytes(4097)])


def test_a_disabled_match_key_is_refused_also_while_it_is_in_use(
    root: KmsRootKey,
    client: Any,  # noqa: ANN401 - as the fixture
) -> None:
    reference = root.make_mac_key("label")
    mac_key = root.mac_key(reference)
    wanted = mac_key.macs([b"m"])
    client.disable_key(KeyId=reference)
    assert client.generate_mac(KeyId=reference, Message=b"m", MacAlgorithm="HMAC_SHA_256")["Mac"] == wanted[0]
    for use in (lambda: mac_key.macs([b"m"]), lambda: root.mac_key(reference)):
        with pytest.raises(Unavailable, match="not enabled"):
            use()
    client.enable_key(KeyId=reference)
    assert mac_key.macs([b"m"]) == wanted


def test_a_disabled_root_key_neither_wraps_nor_unwraps(client: Any) -> None:  # noqa: ANN401 - as the fixture
    key_id = key(client, "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT")
    place = {"AWS_ENDPOINT_URL": client.meta.endpoint_url, "GATEWAY_KEY_SERVICE": "kms", "GATEWAY_KMS_KEY_ID": key_id}
    access = {"AWS_DEFAULT_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    root = opened({**place, **access})
    wrapped = root.wrap(b"context", b"key")
    client.disable_key(KeyId=key_id)
    for use in (lambda: root.wrap(b"context", b"key"), lambda: root.unwrap(b"context", wrapped), root.prepare):
        with pytest.raises(Unavailable, match="not enabled"):
            use()


@pytest.mark.parametrize(
    ("usage", "spec", "named"),
    [
        ("GENERATE_VERIFY_MAC", "HMAC_512", "KeySpec"),
        ("ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT", "KeyUsage"),
        ("SIGN_VERIFY", "ECC_NIST_P256", "KeyUsage"),
    ],
)
def test_a_match_key_of_another_kind_is_refused(
    root: KmsRootKey,
    client: Any,  # noqa: ANN401 - as the fixture
    usage: str,
    spec: str,
    named: str,
) -> None:
    with pytest.raises(Unavailable, match=named):
        root.mac_key(key(client, usage, spec))


@pytest.mark.parametrize(("usage", "spec"), [("GENERATE_VERIFY_MAC", "HMAC_256"), ("ENCRYPT_DECRYPT", "RSA_2048")])
def test_a_root_key_of_another_kind_is_refused(
    kms_place: KeyPlace,
    client: Any,  # noqa: ANN401 - as the fixture
    usage: str,
    spec: str,
) -> None:
    root = opened({**kms_place.environment, "GATEWAY_KMS_KEY_ID": key(client, usage, spec)})
    with pytest.raises(Unavailable, match="it is not used"):
        root.prepare()


def test_a_root_key_that_is_not_there_is_named(kms_place: KeyPlace) -> None:
    root = opened({**kms_place.environment, "GATEWAY_KMS_KEY_ID": "1234abcd-12ab-34cd-56ef-1234567890ab"})
    with pytest.raises(Unavailable, match="GATEWAY_KMS_KEY_ID"):
        root.prepare()


def test_a_destroyed_key_waits_for_its_end(root: KmsRootKey, client: Any) -> None:  # noqa: ANN401 - as the fixture
    reference = root.make_mac_key("label")
    root.destroy_mac_key(reference)
    assert client.describe_key(KeyId=reference)["KeyMetadata"]["KeyState"] == "PendingDeletion"


def test_without_a_region_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    with pytest.raises(Unavailable, match="region"):
        KmsRootKey("key")
