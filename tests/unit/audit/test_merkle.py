"""The tree's right edge: however the leaves arrive, the root is that of RFC 6962."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.merkle import EMPTY_ROOT, Frontier, Node, leaf_hash, node_hash, root_of
from gateway.kernel.errors import IntegrityError
from tests.unit.audit.naive import tree_hash

HASHES = [leaf_hash(str(number).encode()) for number in range(1200)]
CHUNKS = st.lists(st.integers(0, 300), max_size=8)


def test_hashing_is_separated_by_domain() -> None:
    assert leaf_hash(b"x") == sha256(b"\x00x").digest()
    assert node_hash(b"l" * 32, b"r" * 32) == sha256(b"\x01" + b"l" * 32 + b"r" * 32).digest()
    assert sha256(b"").digest() == EMPTY_ROOT


@given(st.integers(0, 600))
def test_the_root_is_that_of_the_rfc(size: int) -> None:
    assert root_of(HASHES[:size]) == tree_hash(HASHES[:size])


@given(CHUNKS)
def test_chunks_make_no_difference(chunks: list[int]) -> None:
    tree, nodes, size = Frontier(), list[Node](), 0
    for chunk in chunks:
        grown, completed = tree.append(HASHES[size : size + chunk])
        assert tree.size == size
        size = min(size + chunk, len(HASHES))
        tree, nodes = grown, nodes + completed
        assert tree.size == size
    assert tree.root() == tree_hash(HASHES[:size])
    assert tree == Frontier().append(HASHES[:size])[0]
    expected = [Node(8, at, tree_hash(HASHES[at * 256 : at * 256 + 256])) for at in range(size // 256)]
    assert nodes == expected


def test_level_16_is_handed_out_too() -> None:
    hashes = [leaf_hash(number.to_bytes(4, "big")) for number in range(65_536 + 300)]
    tree, nodes = Frontier().append(hashes[:65_000])
    assert {node.level for node in nodes} == {8}
    tree, more = tree.append(hashes[65_000:])
    top = [node for node in more if node.level == 16]
    assert top == [Node(16, 0, root_of(hashes[:65_536]))]
    assert [node.index for node in nodes + more if node.level == 8] == list(range(257))
    assert tree.hashes[0] == top[0].hash


@given(st.integers(0, 1200))
def test_a_stored_edge_reads_back(size: int) -> None:
    tree, _ = Frontier().append(HASHES[:size])
    assert Frontier.from_bytes(tree.to_bytes()) == tree
    assert len(tree.to_bytes()) == 8 + 32 * size.bit_count()


def test_a_damaged_edge_is_refused() -> None:
    data = Frontier().append(HASHES[:7])[0].to_bytes()
    for damaged in (data[:-1], data[:-32], data + b"\x00" * 32, data + b"\x00", b"", data[:7], b"\xff" * 8 + data[8:]):
        with pytest.raises(IntegrityError):
            Frontier.from_bytes(damaged)
    with pytest.raises(IntegrityError):
        Frontier(-1, ())
    with pytest.raises(IntegrityError):
        Frontier(1, (b"short",))
