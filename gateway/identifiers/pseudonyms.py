"""Digest -> pseudonym -> tombstone token. The raw value has ended before this module.

    pseudonym = HMAC-SHA256(K[tenant, "match"], kind, namespace, use, digest)      use = "link"
    tombstone = HMAC-SHA256(K[tenant, "suppress"], pseudonym)
    record    = HMAC-SHA256(K[tenant, "record_ids"], channel, record id)
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.identifiers.keys import HmacKey, KeyPurpose, TenantKeys, fields
from gateway.identifiers.model import Digest, Pseudonym

_USE_LINK = "link"
_DIGEST_LENGTH = (32).to_bytes(4, "big")


class Pseudonymizer:
    """Turns digests into pseudonyms under one tenant's match key."""

    __slots__ = ("_key", "_prefixes")

    def __init__(self, keys: TenantKeys) -> None:
        self._key = keys.hmac(KeyPurpose.MATCH)
        self._prefixes: dict[str, bytes] = {}

    def pseudonym(self, digest: Digest) -> Pseudonym:
        """One digest -> its pseudonym (32-byte token)."""
        if digest.namespace:
            prefix = fields(digest.kind, digest.namespace, _USE_LINK) + _DIGEST_LENGTH
        else:
            known = self._prefixes.get(digest.kind)
            if known is None:
                known = self._prefixes[digest.kind] = fields(digest.kind, "", _USE_LINK) + _DIGEST_LENGTH
            prefix = known
        return Pseudonym(digest.kind, self._key.mac(prefix + digest.sha256), digest.namespace)


def tombstone_token(key: HmacKey, pseudonym: bytes) -> bytes:
    """Pseudonym token (32 bytes) -> the token a tombstone of it stands under (32 bytes)."""
    return key.mac(pseudonym)


def record_token(key: HmacKey, channel: str, record_id: str) -> bytes:
    """Channel and the channel's record id -> 16-byte token: idempotency without keeping the id."""
    return key.mac(fields(channel, record_id))[:16]


def content_token(key: HmacKey, tokens: Sequence[bytes], *parts: str) -> bytes:
    """Pseudonym tokens and the record's other fields -> 16-byte token that says "same content"."""
    return key.mac(b"".join(tokens) + fields(*parts))[:16]
