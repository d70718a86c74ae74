"""The root key and match keys in AWS KMS (or what speaks its API): Encrypt, Decrypt and GenerateMac.

Before a key is used it is described, and refused unless it is enabled and made for this use: symmetric encryption for
the root key, HMAC_256 for match keys. KMS takes one message per GenerateMac, of at most 4,096 bytes; those of a batch
travel side by side. Credentials, region and endpoint come from the usual AWS variables and files. A destroyed key is
unusable at once and gone after the shortest wait that KMS knows, seven days.

Source: AWS KMS API Reference, Encrypt, Decrypt, DescribeKey, CreateKey, GenerateMac, ScheduleKeyDeletion.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from gateway.identifiers.keys import MacKey
from gateway.kernel.errors import Unavailable

_ALGORITHM: Final = "HMAC_SHA_256"
_LONGEST_MESSAGE: Final = 4096
_WAIT_DAYS: Final = 7
_AT_ONCE: Final = 16
_CONFIG: Final = Config(
    connect_timeout=2,
    read_timeout=5,
    retries={"total_max_attempts": 3, "mode": "standard"},
    max_pool_connections=_AT_ONCE,
)
_WRAPPING: Final = {"KeyUsage": "ENCRYPT_DECRYPT", "KeySpec": "SYMMETRIC_DEFAULT"}
_MACS: Final = {"KeyUsage": "GENERATE_VERIFY_MAC", "KeySpec": "HMAC_256"}


class KmsRootKey:
    """The root key `key_id` (id, ARN or alias) in KMS."""

    service: Final = "kms"

    def __init__(self, key_id: str) -> None:
        self._key_id = key_id
        with _failing_closed():
            self._client: Any = boto3.session.Session().client("kms", config=_CONFIG)
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="kms")

    def prepare(self) -> str:
        """Check the root key -> "". Its owner makes it, for it carries the owner's policies. Raises Unavailable."""
        self.check(self._key_id, _WRAPPING)
        return ""

    def wrap(self, context: bytes, key: bytes) -> bytes:
        """A key and its context -> ciphertext. Raises Unavailable."""
        self.check(self._key_id, _WRAPPING)
        with _failing_closed():
            answer = self._client.encrypt(KeyId=self._key_id, Plaintext=key, EncryptionContext=_bound(context))
            return bytes(answer["CiphertextBlob"])

    def unwrap(self, context: bytes, wrapped: bytes) -> bytes:
        """The reverse of `wrap`. Raises Unavailable."""
        self.check(self._key_id, _WRAPPING)
        with _failing_closed():
            answer = self._client.decrypt(KeyId=self._key_id, CiphertextBlob=wrapped, EncryptionContext=_bound(context))
            return bytes(answer["Plaintext"])

    def make_mac_key(self, label: str) -> str:
        """Make a key for HMAC-SHA256 in KMS, described by `label` -> its id. Raises Unavailable."""
        with _failing_closed():
            return str(self._client.create_key(**_MACS, Description=label)["KeyMetadata"]["KeyId"])

    def mac_key(self, reference: str) -> MacKey:
        """The key of that id. Raises Unavailable when it is disabled or no HMAC_256 key."""
        self.check(reference, _MACS)
        return _KmsMacKey(self, reference)

    def destroy_mac_key(self, reference: str) -> None:
        """Schedule the key's deletion; one that is gone already is no error. Raises Unavailable."""
        with _failing_closed():
            try:
                if self._client.describe_key(KeyId=reference)["KeyMetadata"]["KeyState"] != "PendingDeletion":
                    self._client.schedule_key_deletion(KeyId=reference, PendingWindowInDays=_WAIT_DAYS)
            except self._client.exceptions.NotFoundException:
                return

    def check(self, key_id: str, wanted: dict[str, str]) -> None:
        """Raises Unavailable unless the key is enabled and of the `wanted` usage and specification."""
        with _failing_closed():
            described = self._client.describe_key(KeyId=key_id)["KeyMetadata"]
        if not described["Enabled"] or described["KeyState"] != "Enabled":
            raise Unavailable(f"the KMS key {key_id} is not enabled ({described['KeyState']}): enable it")
        for name, value in wanted.items():
            if described[name] != value:
                raise Unavailable(f"the KMS key {key_id} has {name} {described[name]}, not {value}: it is not used")

    def mac_all(self, key_id: str, messages: Sequence[bytes]) -> list[bytes]:
        """Messages -> their MACs by one call each, some at once. Raises Unavailable."""

        def mac(message: bytes) -> bytes:
            answer = self._client.generate_mac(KeyId=key_id, Message=message, MacAlgorithm=_ALGORITHM)
            return bytes(answer["Mac"])

        with _failing_closed():
            return list(self._pool.map(mac, messages))


class _KmsMacKey:
    """A match key that stays in KMS."""

    __slots__ = ("_key_id", "_root")

    def __init__(self, root: KmsRootKey, key_id: str) -> None:
        self._root = root
        self._key_id = key_id

    def __repr__(self) -> str:
        return "<MAC key in AWS KMS>"

    def macs(self, messages: Sequence[bytes]) -> list[bytes]:
        """Messages -> the HMAC-SHA256 of each, in order. Raises Unavailable, also for a message of over 4,096 bytes."""
        if any(len(message) > _LONGEST_MESSAGE for message in messages):
            raise Unavailable("AWS KMS computes no MAC of more than 4,096 bytes")
        self._root.check(self._key_id, _MACS)
        return self._root.mac_all(self._key_id, messages)


@contextmanager
def _failing_closed() -> Iterator[None]:
    """Turns a failure of KMS into Unavailable that names its code, never what was sent."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", "unknown"))
        raise Unavailable(f"AWS KMS refused ({code}): {_ADVICE.get(code, 'check the key and its policy')}") from error
    except BotoCoreError as error:
        what = type(error).__name__
        message = f"AWS KMS cannot be reached ({what}): check region, credentials, endpoint and network"
        raise Unavailable(message) from error


_ADVICE: Final = {
    "InvalidCiphertextException": "the keyring does not open under this root key",
    "IncorrectKeyException": "the keyring does not open under this root key",
    "NotFoundException": "there is no such key: check GATEWAY_KMS_KEY_ID and the region",
    "AccessDeniedException": "the key's policy must allow DescribeKey, Encrypt, Decrypt and GenerateMac",
    "ThrottlingException": "its quota is used up: ask AWS for more, or send less",
}


def _bound(context: bytes) -> dict[str, str]:
    return {"consent-gateway": context.decode()}
