"""The Merkle tree of RFC 6962 section 2.1, kept as its right edge: appending needs no look back into the log.

The store keeps the leaf hashes and the subtree roots at levels 8, 16, 24, … (`Node`): with them every proof is read
from a few runs of 256 hashes (see `gateway.audit.proofs`), at 1/255 more space than the leaf hashes alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from gateway.kernel.errors import IntegrityError

HASH_BYTES = 32
KEPT_EVERY = 8
EMPTY_ROOT = sha256(b"").digest()
MAX_SIZE = 2**63 - 1
_SIZE_BYTES = 8


def leaf_hash(data: bytes) -> bytes:
    """Leaf data -> SHA-256(0x00 ‖ data), 32 bytes."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Two 32-byte hashes -> SHA-256(0x01 ‖ left ‖ right), 32 bytes."""
    return sha256(b"\x01" + left + right).digest()


def root_of(leaf_hashes: Sequence[bytes]) -> bytes:
    """Leaf hashes in order -> Merkle tree hash; SHA-256 of nothing for an empty sequence."""
    return Frontier().append(leaf_hashes)[0].root()


@dataclass(frozen=True, slots=True)
class Node:
    """Root of a complete subtree: the `index`-th from the left with 2^`level` leaves; `hash` has 32 bytes."""

    level: int
    index: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Frontier:
    """The right edge of a tree of `size` leaves: roots of its complete subtrees, the largest first.

    There is one hash for each bit that is set in `size`. Raises IntegrityError when they do not fit.
    """

    size: int = 0
    hashes: tuple[bytes, ...] = field(default=())

    def __post_init__(self) -> None:
        if not 0 <= self.size <= MAX_SIZE or self.size.bit_count() != len(self.hashes):
            raise IntegrityError("the tree's size and the hashes of its right edge do not fit")
        if any(len(edge) != HASH_BYTES for edge in self.hashes):
            raise IntegrityError("a hash of the tree's right edge has not 32 bytes")

    def append(self, leaf_hashes: Sequence[bytes]) -> tuple[Frontier, list[Node]]:
        """Leaf hashes in order -> (the grown tree, completed subtrees at levels 8, 16, 24, …, lowest first).

        Costs one hash for each leaf; `self` stays as it is.
        """
        old = self._by_level()
        edge: list[bytes] = []
        nodes: list[Node] = []
        row, first, level = list(leaf_hashes), self.size, 0
        while row:
            if first & 1:
                row.insert(0, old[level])
            if len(row) & 1:
                edge.append(row[-1])
            row = [sha256(b"\x01" + left + right).digest() for left, right in zip(row[::2], row[1::2], strict=False)]
            first >>= 1
            level += 1
            if level % KEPT_EVERY == 0:
                nodes += [Node(level, first + offset, subtree) for offset, subtree in enumerate(row)]
        edge += [subtree for at, subtree in old.items() if at >= level]
        return Frontier(self.size + len(leaf_hashes), tuple(reversed(edge))), nodes

    def root(self) -> bytes:
        """The tree's root, 32 bytes."""
        if not self.hashes:
            return EMPTY_ROOT
        root = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            root = node_hash(left, root)
        return root

    def to_bytes(self) -> bytes:
        """Size as 8 big-endian bytes, then the hashes."""
        return self.size.to_bytes(_SIZE_BYTES, "big") + b"".join(self.hashes)

    @classmethod
    def from_bytes(cls, data: bytes) -> Frontier:
        """What `to_bytes` wrote -> Frontier. Raises IntegrityError when size and length do not fit."""
        size, hashes = int.from_bytes(data[:_SIZE_BYTES], "big"), data[_SIZE_BYTES:]
        if len(data) < _SIZE_BYTES:
            raise IntegrityError("the stored right edge of the tree is cut off")
        return cls(size, tuple(hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)))

    def _by_level(self) -> dict[int, bytes]:
        """The edge's hashes by level, the lowest first."""
        levels = (level for level in range(self.size.bit_length()) if self.size >> level & 1)
        return dict(zip(levels, reversed(self.hashes), strict=True))
