"""RFC 6962 section 2.1 word for word, recursive and slow: what the fast tree is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256


def largest_power_below(count: int) -> int:
    """The largest power of two smaller than `count` (k < n <= 2k)."""
    power = 1
    while power * 2 < count:
        power *= 2
    return power


def tree_hash(leaves: Sequence[bytes]) -> bytes:
    """MTH over leaf hashes."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = largest_power_below(len(leaves))
    return sha256(b"\x01" + tree_hash(leaves[:k]) + tree_hash(leaves[k:])).digest()


def path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PATH(m, D[n]), section 2.1.1."""
    if len(leaves) == 1:
        return []
    k = largest_power_below(len(leaves))
    if index < k:
        return [*path(index, leaves[:k]), tree_hash(leaves[k:])]
    return [*path(index - k, leaves[k:]), tree_hash(leaves[:k])]


def proof(old: int, leaves: Sequence[bytes], *, whole: bool = True) -> list[bytes]:
    """PROOF(m, D[n]) = SUBPROOF(m, D[n], true), section 2.1.2."""
    if old == len(leaves):
        return [] if whole else [tree_hash(leaves)]
    k = largest_power_below(len(leaves))
    if old <= k:
        return [*proof(old, leaves[:k], whole=whole), tree_hash(leaves[k:])]
    return [*proof(old - k, leaves[k:], whole=False), tree_hash(leaves[:k])]
