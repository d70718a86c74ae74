"""The audit formats against published vectors: Merkle trees, signed notes, checkpoints, SD-JWT disclosures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.checkpoint import Checkpoint, SigningKey, VerifierKey, open_checkpoint, open_note, sign
from gateway.audit.commitments import commitment, open_disclosure
from gateway.audit.encodings import from_base64
from gateway.audit.merkle import leaf_hash, root_of
from gateway.audit.proofs import consistency_proof, inclusion_proof, verify_consistency, verify_inclusion
from tests.conformance import independent_verifier as independent
from tests.unit.audit.logs import HashStore

VECTORS = Path(__file__).parents[1] / "vectors"
MERKLE: dict[str, Any] = json.loads((VECTORS / "merkle_rfc6962.json").read_text())
C2SP: dict[str, Any] = json.loads((VECTORS / "checkpoint_c2sp.json").read_text())
HASHES = [leaf_hash(bytes.fromhex(data)) for data in MERKLE["leaves"]]
ROOTS = list(map(bytes.fromhex, MERKLE["roots"]))
STORE = HashStore(HASHES)


def test_the_roots_of_all_sizes() -> None:
    assert [root_of(HASHES[:size]) for size in range(9)] == ROOTS
    assert [independent.tree_root(HASHES[:size]) for size in range(9)] == ROOTS


@pytest.mark.parametrize("case", MERKLE["inclusion"])
def test_inclusion_proofs(case: dict[str, Any]) -> None:
    index, size, proof = case["index"], case["size"], list(map(bytes.fromhex, case["proof"]))
    assert inclusion_proof(STORE, index, size) == proof
    verify_inclusion(HASHES[index], index, size, proof, ROOTS[size])
    assert independent.path_root(index, size, HASHES[index], proof) == ROOTS[size]


@pytest.mark.parametrize("case", MERKLE["consistency"])
def test_consistency_proofs(case: dict[str, Any]) -> None:
    old, new, proof = case["from"], case["to"], list(map(bytes.fromhex, case["proof"]))
    assert consistency_proof(STORE, old, new) == proof
    verify_consistency(old, ROOTS[old], new, ROOTS[new], proof)


def test_the_example_note_opens() -> None:
    note = C2SP["note_c2sp"]
    text = f"{note['text']}\n{note['signature_line']}\n"
    assert open_note(text, [VerifierKey.parse(note["vkey"])]) == note["text"]


def test_a_checkpoint_is_signed_as_published() -> None:
    sample = C2SP["checkpoint_sample"]
    key = SigningKey(bytes.fromhex(sample["ed25519_seed_hex"]), sample["origin"])
    checkpoint = Checkpoint(sample["origin"], sample["size"], from_base64(sample["root_base64"]))
    note = sign(checkpoint, key)
    assert key.vkey == sample["vkey"]
    assert note == f"{checkpoint.body()}\n\u2014 {sample['origin']} {sample['signature']}\n"
    assert open_checkpoint(note, [VerifierKey.parse(sample["vkey"])]) == checkpoint
    assert independent.open_checkpoint(note, sample["vkey"]) == (sample["size"], checkpoint.root)
    assert checkpoint.root == ROOTS[8]


def test_the_disclosure_of_the_rfc_verifies() -> None:
    sample = C2SP["sd_jwt_disclosure"]
    _, name, value = sample["array"]
    assert open_disclosure(sample["base64url"]) == (name, value)
    assert commitment(sample["base64url"]) == sample["digest"]


# RFC 8032 section 7.1, tests 1 to 3: public key, message, signature.
ED25519 = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
            "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
]


@pytest.mark.parametrize(("public", "message", "signature"), ED25519)
def test_the_second_verifiers_ed25519(public: str, message: str, signature: str) -> None:
    key, text, value = bytes.fromhex(public), bytes.fromhex(message), bytes.fromhex(signature)
    independent.check_signature(key, text, value)
    for bad in (value[:-1], value[:32] + bytes(32), bytes([value[0] ^ 1]) + value[1:]):
        with pytest.raises(independent.Fault):
            independent.check_signature(key, text, bad)
    with pytest.raises(independent.Fault):
        independent.check_signature(key, text + b"x", value)
    # A second signature for the same text: S + L instead of S.
    malleable = int.from_bytes(value[32:], "little") + independent.ORDER
    with pytest.raises(independent.Fault):
        independent.check_signature(key, text, value[:32] + malleable.to_bytes(32, "little"))
