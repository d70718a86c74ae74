"""Digest -> pseudonym -> tombstone token. The raw value has ended before this module.

pseudonym = HMAC-SHA256(K[tenant, "match", version], kind, namespace, use, digest)     use = "link" or "screen"
wrapped   = HMAC-SHA256(K[tenant, "match", next version], pseudonym)                   (`gateway.identifiers.chains`)
tombstone = HMAC-SHA256(K[tenant, "suppress"], pseudonym)
record    = HMAC-SHA256(K[tenant, "record_ids"], channel, record id)
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.identifiers.chains import versions
from gateway.identifiers.keys import HmacKey, KeyPurpose, TenantKeys, fields
from gateway.identifiers.model import Digest, Pseudonym

_DIGEST_LENGTH = (32).to_bytes(4, "big")


class Pseudonymizer:
    """Turns digests into pseudonyms under one tenant's match keys, in every chain that is in use, the newest first."""

    __slots__ = ("_chains", "_keys", "_prefixes")

    def __init__(self, keys: TenantKeys, chains: tuple[int, ...] = (1,)) -> None:
        self._keys = keys
        self._chains = chains
        self._prefixes: dict[tuple[str, str, str], bytes] = {}

    def all(self, digests: Sequence[Digest]) -> list[Pseudonym]:
        """Digests -> their pseudonyms, in order. Raises Unavailable when a key cannot be had."""
        messages = [self._prefix(one) + one.sha256 for one in digests]
        made: dict[tuple[int, ...], list[bytes]] = {}
        for chain in self._chains:
            path = tuple(versions(chain))
            for end in range(1, len(path) + 1):
                if path[:end] not in made:
                    key = self._keys.match(path[end - 1])
                    made[path[:end]] = key.macs(made[path[: end - 1]] if end > 1 else messages)
        columns = [made[tuple(versions(chain))] for chain in self._chains]
        return [
            Pseudonym(one.kind, tokens, self._chains, one.namespace)
            for one, tokens in zip(digests, zip(*columns, strict=True), strict=True)
        ]

    def _prefix(self, digest: Digest) -> bytes:
        named = digest.kind, digest.namespace, digest.use
        prefix = self._prefixes.get(named)
        if prefix is None:
            prefix = self._prefixes[named] = fields(*named) + _DIGEST_LENGTH
        return prefix


def wrap(keys: TenantKeys, tokens: Sequence[bytes], chain: int, last: int) -> list[bytes]:
    """Tokens of a chain -> the same wrapped by each version after it, up to `last`."""
    for version in range(versions(chain)[-1] + 1, last + 1):
        tokens = keys.match(version).macs(tokens)
    return list(tokens)


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

    def content(self, digests: Sequence[Digest], observed_at: int, *parts: str) -> bytes:
        """What the record says -> 16-byte token that says "same content"; `parts` are slugs and codes.

        Formed from the digests and not from pseudonyms, which change with their keys.
        """
        said = b"".join([fields(one.kind, one.namespace, one.use) + one.sha256 for one in digests])
        return self._key.mac(said + f"{observed_at} {' '.join(parts)}".encode())[:16]
