"""Digest -> pseudonym -> tombstone token. The raw value has ended before this module.

pseudonym = HMAC-SHA256(K[tenant, "match", newest version], kind, namespace, use, digest)   use = "link" or "screen"
tombstone = HMAC-SHA256(K[tenant, "suppress"], pseudonym)
record    = HMAC-SHA256(K[tenant, "record_ids"], channel, record id)
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.identifiers.keys import HmacKey, KeyPurpose, TenantKeys, fields
from gateway.identifiers.model import Digest, Pseudonym

_DIGEST_LENGTH = (32).to_bytes(4, "big")
_PREFIXES = 1000
"""Remembered at most: namespaces are the channels' to choose."""


class Pseudonymizer:
    """Turns digests into pseudonyms under the newest version of one tenant's match key."""

    __slots__ = ("_key", "_prefixes")

    def __init__(self, keys: TenantKeys) -> None:
        self._key = keys.match(keys.newest)
        self._prefixes: dict[tuple[str, str, str], bytes] = {}

    def pseudonym(self, digest: Digest) -> Pseudonym:
        """One digest -> its pseudonym (32-byte token)."""
        named = digest.kind, digest.namespace, digest.use
        prefix = self._prefixes.get(named)
        if prefix is None:
            prefix = fields(*named) + _DIGEST_LENGTH
            if len(self._prefixes) < _PREFIXES:
                self._prefixes[named] = prefix
        return Pseudonym(digest.kind, self._key.macs([prefix + digest.sha256])[0], digest.namespace)


def tombstone_token(key: HmacKey, pseudonym: bytes) -> bytes:
    """Pseudonym token (32 bytes) -> the token a tombstone of it stands under (32 bytes)."""
    return key.mac(pseudonym)


class RecordTokens:
    """Tokens of one channel's records: idempotency without keeping record ids or contents."""

    __slots__ = ("_channel", "_key")

    def __init__(self, keys: TenantKeys, channel: str) -> None:
        self._key = keys.hmac(KeyPurpose.RECORD_IDS)
        self._channel = fields(channel)

    def of(self, record_id: str) -> bytes:
        """The channel's record id -> 16-byte token."""
        return self._key.mac(self._channel + record_id.encode())[:16]

    def content(self, pseudonyms: Sequence[Pseudonym], observed_at: int, *parts: str) -> bytes:
        """What the record says -> 16-byte token that says "same content"; `parts` are slugs and codes."""
        text = f"{observed_at} {' '.join(parts)}".encode()
        return self._key.mac(b"".join([one.token for one in pseudonyms]) + text)[:16]
