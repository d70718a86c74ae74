"""Inclusion and consistency proofs (RFC 6962 section 2.1.1 and 2.1.2), made from a store and checked without one.

A proof for a tree of n leaves reads at most a few runs of 256 hashes for each power of 256 in n, never the whole
tree. The checks are the algorithms of RFC 9162 section 2.1.3.2 and 2.1.4.2, which do not follow the generation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gateway.audit.merkle import EMPTY_ROOT, HASH_BYTES, KEPT_EVERY, node_hash, root_of
from gateway.kernel.errors import IntegrityError, InvalidInput

_RUN = 1 << KEPT_EVERY


class HashReader(Protocol):
    """A store of leaf hashes and of the subtree roots that `Frontier.append` hands out."""

    def leaf_hashes(self, start: int, end: int) -> Sequence[bytes]:
        """Hashes of the leaves from `start` to before `end`."""
        ...

    def nodes(self, level: int, start: int, end: int) -> Sequence[bytes]:
        """Subtree roots at `level` (8, 16, 24, …) with indices from `start` to before `end`."""
        ...


def inclusion_proof(reader: HashReader, index: int, size: int) -> list[bytes]:
    """The audit path of leaf `index` in the tree of the first `size` leaves: 32-byte hashes, the leaf's sibling first.

    Raises InvalidInput when `index` is not below `size`, IntegrityError when the store lacks a hash.
    """
    if not 0 <= index < size:
        raise InvalidInput("the index is not in a tree of that size", field="index", rule="range")
    tree = _Tree(reader, size)
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(tree.root(middle, end))
            end = middle
        else:
            path.append(tree.root(start, middle))
            start = middle
    return path[::-1]


def consistency_proof(reader: HashReader, old: int, new: int) -> list[bytes]:
    """The proof that the tree of `old` leaves is the beginning of the tree of `new` leaves.

    Empty for `old` = 0 and `old` = `new`. Raises InvalidInput when `old` is beyond `new`, IntegrityError when the
    store lacks a hash.
    """
    if not 0 <= old <= new:
        raise InvalidInput("the older size is beyond the newer one", field="from", rule="range")
    if old in (0, new):
        return []
    tree = _Tree(reader, new)
    path: list[bytes] = []
    start, end = 0, new
    while end != old:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(tree.root(middle, end))
            end = middle
        else:
            path.append(tree.root(start, middle))
            start = middle
    if start:
        path.append(tree.root(start, end))
    return path[::-1]


def verify_inclusion(leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that `leaf_hash` stands at `index` in the tree of `size` leaves with `root`. Raises IntegrityError."""
    if not 0 <= index < size:
        raise IntegrityError("the index is not in a tree of that size")
    _check_hashes([leaf_hash, root, *proof])
    at, last, found = index, size - 1, leaf_hash
    for sibling in proof:
        if last == 0:
            raise IntegrityError("the inclusion proof is too long")
        if at & 1 or at == last:
            found = node_hash(sibling, found)
            at, last = _climbed(at, last)
        else:
            found = node_hash(found, sibling)
        at, last = at >> 1, last >> 1
    if last != 0:
        raise IntegrityError("the inclusion proof is too short")
    if found != root:
        raise IntegrityError("the inclusion proof leads to another root")


def verify_consistency(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Check that the tree of `new` leaves with `new_root` continues that of `old` leaves with `old_root`.

    A tree continues the empty one with an empty proof only. Raises IntegrityError.
    """
    if not 0 <= old <= new:
        raise IntegrityError("the older size is beyond the newer one")
    _check_hashes([old_root, new_root, *proof])
    if (old == 0 and old_root != EMPTY_ROOT) or (new == 0 and new_root != EMPTY_ROOT):
        raise IntegrityError("an empty tree has another root")
    if old in (0, new):
        if proof:
            raise IntegrityError("the consistency proof is too long")
        if old == new and old_root != new_root:
            raise IntegrityError("two trees of one size have different roots")
        return
    _follow_consistency(old, old_root, new, new_root, proof)


def _follow_consistency(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    """RFC 9162 section 2.1.4.2, steps 2 to 7, for 0 < old < new."""
    if not proof:
        raise IntegrityError("the consistency proof is too short")
    path = [old_root, *proof] if old.bit_count() == 1 else list(proof)
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    found_old = found_new = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise IntegrityError("the consistency proof is too long")
        if at & 1 or at == last:
            found_old, found_new = node_hash(sibling, found_old), node_hash(sibling, found_new)
            at, last = _climbed(at, last)
        else:
            found_new = node_hash(found_new, sibling)
        at, last = at >> 1, last >> 1
    if last != 0:
        raise IntegrityError("the consistency proof is too short")
    if found_old != old_root or found_new != new_root:
        raise IntegrityError("the consistency proof leads to other roots")


def _climbed(at: int, last: int) -> tuple[int, int]:
    """Skip the levels on which a right-edge node has no sibling."""
    while at and not at & 1:
        at, last = at >> 1, last >> 1
    return at, last


def _check_hashes(hashes: Sequence[bytes]) -> None:
    if any(len(value) != HASH_BYTES for value in hashes):
        raise IntegrityError("a hash of the proof has not 32 bytes")


def _split(count: int) -> int:
    """The largest power of two below `count` (at least 2)."""
    return 1 << (count - 1).bit_length() - 1


class _Tree:
    """Subtree roots of the tree of `size` leaves; every run of up to 256 hashes is read once."""

    def __init__(self, reader: HashReader, size: int) -> None:
        self._reader = reader
        self._size = size
        self._runs: dict[tuple[int, int], Sequence[bytes]] = {}

    def root(self, start: int, end: int) -> bytes:
        """Merkle tree hash of the leaves from `start` to before `end`, a range that RFC 6962 splits off."""
        roots: list[bytes] = []
        while start < end:
            level = (end - start).bit_length() - 1
            roots.append(self._complete(level, start >> level))
            start += 1 << level
        found = roots.pop()
        while roots:
            found = node_hash(roots.pop(), found)
        return found

    def _complete(self, level: int, index: int) -> bytes:
        """Root of the complete subtree `index` of `level`, formed from the kept hashes nearest below."""
        height = level % KEPT_EVERY
        first = index << height
        offset = first % _RUN
        return root_of(self._run(level - height, first // _RUN)[offset : offset + (1 << height)])

    def _run(self, level: int, number: int) -> Sequence[bytes]:
        key = (level, number)
        if key not in self._runs:
            start = number * _RUN
            end = min(start + _RUN, self._size >> level)
            read = self._reader.nodes(level, start, end) if level else self._reader.leaf_hashes(start, end)
            if len(read) != end - start:
                raise IntegrityError(f"the log lacks hashes of level {level} from {start} to {end}")
            self._runs[key] = read
        return self._runs[key]
