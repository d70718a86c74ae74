"""The tenant's keys: one per purpose, none shared, held in memory only. The match key alone has versions.

Order of events: the keyring (see `gateway.outbound.keyring`) unwraps the tenant's keys; `TenantKeys` holds
them; every function that needs one takes the single key it may use. A match key may stay inside a key service,
which then computes the MACs. A key that is missing raises `Unavailable`: nothing is pseudonymized under a wrong or
empty key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Protocol

from gateway.kernel.errors import Unavailable

KEY_BYTES = 32
_BLOCK = 64


class KeyPurpose(StrEnum):
    """What a key is for. Keys of different purposes are independent random values."""

    MATCH = "match"
    SUPPRESS = "suppress"
    COMMITMENTS = "commitments"
    RECORD_IDS = "record_ids"
    SEAL = "seal"
    LOG = "log"


class MacKey(Protocol):
    """A key that makes MACs, wherever it is kept."""

    def macs(self, messages: Sequence[bytes]) -> list[bytes]:
        """Messages -> the 32-byte HMAC-SHA256 of each, in order. Raises `Unavailable` when the key cannot be used."""
        ...


class HmacKey:
    """HMAC-SHA256 (RFC 2104) under one key, with both pads absorbed once.

    Own code because `hmac` absorbs the pads again at every call, three times the cost of the MAC itself; a
    property test holds it equal to the standard library.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise Unavailable("a key does not have 32 bytes")
        padded = key.ljust(_BLOCK, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in padded))

    def __repr__(self) -> str:
        return "<HmacKey hidden>"

    def __reduce__(self) -> str:
        raise TypeError("keys are never serialized")

    def mac(self, message: bytes) -> bytes:
        """Message -> 32-byte HMAC-SHA256."""
        inner = self._inner.copy()
        inner.update(message)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()

    def macs(self, messages: Sequence[bytes]) -> list[bytes]:
        """Messages -> the 32-byte HMAC-SHA256 of each, in order."""
        return [self.mac(message) for message in messages]


class TenantKeys:
    """All keys of one tenant. `raw` maps each purpose but `MATCH` to its 32 bytes, `match` versions to match keys."""

    __slots__ = ("_hmac", "_match", "_raw")

    def __init__(self, raw: Mapping[KeyPurpose, bytes], match: Mapping[int, MacKey]) -> None:
        self._raw = dict(raw)
        self._raw.pop(KeyPurpose.MATCH, None)
        self._match = dict(sorted(match.items()))
        self._hmac: dict[KeyPurpose, HmacKey] = {}

    def __repr__(self) -> str:
        return "<TenantKeys hidden>"

    def __reduce__(self) -> str:
        raise TypeError("keys are never serialized")

    @property
    def versions(self) -> tuple[int, ...]:
        """The versions of the match key, ascending."""
        return tuple(self._match)

    @property
    def newest(self) -> int:
        """The newest version of the match key. Raises `Unavailable` when the tenant has none."""
        if not self._match:
            raise Unavailable("the tenant has no match key")
        return self.versions[-1]

    def match(self, version: int) -> MacKey:
        """A version of the match key. Raises `Unavailable` when the tenant has no such version."""
        try:
            return self._match[version]
        except KeyError:
            raise Unavailable(f"the tenant has no match key of version {version}") from None

    def hmac(self, purpose: KeyPurpose) -> HmacKey:
        """The purpose's MAC key, for all but `MATCH`. Raises `Unavailable` when the tenant has none."""
        key = self._hmac.get(purpose)
        if key is None:
            key = self._hmac[purpose] = HmacKey(self.secret(purpose))
        return key

    def secret(self, purpose: KeyPurpose) -> bytes:
        """The purpose's 32 bytes, for all but `MATCH`: ciphers and signatures. Raises `Unavailable` without them."""
        try:
            return self._raw[purpose]
        except KeyError:
            raise Unavailable(f"the tenant has no key for {purpose}") from None


def fields(*parts: str | bytes) -> bytes:
    """Parts -> one unambiguous message, each part behind its length (4 bytes, big-endian)."""
    encoded = [part.encode() if isinstance(part, str) else part for part in parts]
    return b"".join(len(part).to_bytes(4, "big") + part for part in encoded)
