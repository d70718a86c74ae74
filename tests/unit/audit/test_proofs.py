"""Inclusion and consistency: what the store proves verifies, and nothing that was changed does."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.merkle import EMPTY_ROOT, leaf_hash, node_hash, root_of
from gateway.audit.proofs import consistency_proof, inclusion_proof, verify_consistency, verify_inclusion
from gateway.kernel.errors import IntegrityError, InvalidInput
from tests.unit.audit.logs import HashStore
from tests.unit.audit.naive import path, proof, tree_hash

HASHES = [leaf_hash(str(number).encode()) for number in range(1500)]
STORE = HashStore(HASHES, chunk=700)
SIZES = st.integers(1, 40) | st.sampled_from([255, 256, 257, 511, 512, 513, 768, 1023, 1024, 1025, 1500])


@given(SIZES, st.data())
def test_inclusion_is_that_of_the_rfc_and_verifies(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    found = inclusion_proof(STORE, index, size)
    assert found == path(index, HASHES[:size])
    verify_inclusion(HASHES[index], index, size, found, tree_hash(HASHES[:size]))


@given(SIZES, st.data())
def test_consistency_is_that_of_the_rfc_and_verifies(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new))
    found = consistency_proof(STORE, old, new)
    assert found == proof(old, HASHES[:new])
    verify_consistency(old, tree_hash(HASHES[:old]), new, tree_hash(HASHES[:new]), found)


def test_every_proof_of_every_small_tree() -> None:
    roots = [tree_hash(HASHES[:size]) for size in range(36)]
    for size in range(1, 36):
        for at in range(size):
            verify_inclusion(HASHES[at], at, size, inclusion_proof(STORE, at, size), roots[size])
        for old in range(size + 1):
            verify_consistency(old, roots[old], size, roots[size], consistency_proof(STORE, old, size))


def test_inclusion_holds_for_one_index_size_leaf_and_root_only() -> None:
    for size in (1, 2, 3, 7, 8, 11):
        root = root_of(HASHES[:size])
        for index in range(size):
            found = inclusion_proof(STORE, index, size)
            for other in range(-1, size + 2):
                if other != index:
                    refuse_inclusion(HASHES[index], other, size, found, root)
            refuse_inclusion(HASHES[20], index, size, found, root)
            refuse_inclusion(HASHES[index], index, size, found, HASHES[0] if size > 1 else HASHES[1])
            refuse_inclusion(HASHES[index], index, size, [*found, HASHES[0]], root)
            for at in range(len(found)):
                refuse_inclusion(HASHES[index], index, size, found[:at] + found[at + 1 :], root)
                refuse_inclusion(HASHES[index], index, size, [*found[:at], HASHES[30], *found[at + 1 :]], root)
                refuse_inclusion(HASHES[index], index, size, [*found[:at], found[at][:31], *found[at + 1 :]], root)


def refuse_inclusion(leaf: bytes, index: int, size: int, found: Sequence[bytes], root: bytes) -> None:
    with pytest.raises(IntegrityError):
        verify_inclusion(leaf, index, size, found, root)


def refuse_consistency(old: int, old_root: bytes, new: int, new_root: bytes, found: Sequence[bytes]) -> None:
    with pytest.raises(IntegrityError):
        verify_consistency(old, old_root, new, new_root, found)


def test_consistency_holds_for_its_two_trees_only() -> None:
    roots = [root_of(HASHES[:size]) for size in range(13)]
    for new in range(1, 13):
        for old in range(1, new):
            found = consistency_proof(STORE, old, new)
            refuse_consistency(old, HASHES[30], new, roots[new], found)
            refuse_consistency(old, roots[old], new, HASHES[30], found)
            refuse_consistency(old, roots[old], new, roots[new], [*found, HASHES[0]])
            refuse_consistency(new, roots[new], old, roots[old], found)
            for at in range(len(found)):
                refuse_consistency(old, roots[old], new, roots[new], found[:at] + found[at + 1 :])
                changed = [*found[:at], HASHES[30], *found[at + 1 :]]
                refuse_consistency(old, roots[old], new, roots[new], changed)


def test_roots_made_to_fit_a_malformed_proof_are_refused() -> None:
    leaf, other = HASHES[:2]
    refuse_inclusion(leaf, 0, 1, [other], node_hash(other, leaf))
    refuse_inclusion(leaf, 0, 4, [other], node_hash(leaf, other))
    refuse_inclusion(leaf, 0, 2, [b"x" * 33], node_hash(leaf, b"x" * 33))
    refuse_consistency(2, leaf, 8, node_hash(leaf, other), [other])
    refuse_consistency(1, leaf, 2, node_hash(leaf, b"x" * 33), [b"x" * 33])


def test_from_the_empty_tree_only_an_empty_proof_is_taken() -> None:
    root = root_of(HASHES[:5])
    assert consistency_proof(STORE, 0, 5) == []
    verify_consistency(0, EMPTY_ROOT, 5, root, [])
    verify_consistency(0, EMPTY_ROOT, 0, EMPTY_ROOT, [])
    refuse_consistency(0, EMPTY_ROOT, 5, root, [HASHES[0]])
    refuse_consistency(0, HASHES[0], 5, root, [])
    refuse_consistency(0, HASHES[0], 0, HASHES[0], [])


def test_equal_sizes_need_equal_roots_and_no_proof() -> None:
    root = root_of(HASHES[:5])
    verify_consistency(5, root, 5, root, [])
    refuse_consistency(5, root, 5, HASHES[0], [])
    refuse_consistency(5, root, 5, root, [HASHES[0]])
    refuse_consistency(-1, root, 5, root, [])


def test_proofs_out_of_range_are_refused() -> None:
    for index, size in ((5, 5), (-1, 5), (0, 0)):
        with pytest.raises(InvalidInput):
            inclusion_proof(STORE, index, size)
    for old, new in ((6, 5), (-1, 5)):
        with pytest.raises(InvalidInput):
            consistency_proof(STORE, old, new)


def test_a_store_that_lacks_hashes_is_found_out() -> None:
    with pytest.raises(IntegrityError, match="lacks hashes"):
        inclusion_proof(HashStore(HASHES[:10]), 3, 11)


def test_a_proof_reads_little_of_a_large_log() -> None:
    size = 140_000
    hashes = [leaf_hash(number.to_bytes(4, "big")) for number in range(size)]
    store = HashStore(hashes, chunk=50_000)
    root = store.tree.root()
    for index in (0, 1, 70_000, 131_071, 131_072, size - 1):
        store.read = store.calls = 0
        verify_inclusion(hashes[index], index, size, inclusion_proof(store, index, size), root)
        assert store.read <= 6 * 256
        assert store.calls <= 6
    for old in (1, 255, 65_536, 99_999, 131_073, size - 1):
        store.read = store.calls = 0
        found = consistency_proof(store, old, size)
        assert store.read <= 6 * 256
        assert store.calls <= 6
        verify_consistency(old, root_of(hashes[:old]), size, root, found)
