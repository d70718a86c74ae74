"""Offline proof files (c2sp.org/tlog-proof): what is written proves its leaf, and nothing that was changed does."""

from __future__ import annotations

import pytest

from gateway.audit.checkpoint import SigningKey
from gateway.audit.merkle import leaf_hash
from gateway.audit.proofs import inclusion_proof
from gateway.audit.verify import PROOF_HEADER, verify_proof, write_proof
from gateway.kernel.errors import IntegrityError
from tests.unit.audit.logs import KEY, ORIGIN, HashStore, sample_log

LOG = sample_log()
STORE = HashStore([leaf_hash(data) for data in LOG.leaves])


def proof_of(index: int, extra: bytes = b"") -> str:
    return write_proof(index, inclusion_proof(STORE, index, 6), LOG.note, extra)


@pytest.mark.parametrize("index", range(6))
@pytest.mark.parametrize("extra", [b"", b"salt"])
def test_a_proof_file_proves_its_leaf(index: int, extra: bytes) -> None:
    found = verify_proof(proof_of(index, extra), LOG.leaves[index], KEY.vkey)
    assert (found.index, found.extra) == (index, extra)
    assert (found.checkpoint.origin, found.checkpoint.size) == (ORIGIN, 6)


def test_the_text_of_a_proof_file() -> None:
    assert write_proof(0, [], "note\n") == f"{PROOF_HEADER}\nindex 0\n\nnote\n"
    assert write_proof(7, [bytes(32)], "note\n", b"\x00") == (
        f"{PROOF_HEADER}\nextra AA==\nindex 7\n{'A' * 43}=\n\nnote\n"
    )


def test_another_leaf_key_or_log_is_not_proved() -> None:
    text = proof_of(2)
    for leaf, vkey in (
        (LOG.leaves[3], KEY.vkey),
        (LOG.leaves[2] + b" ", KEY.vkey),
        (LOG.leaves[2], SigningKey(bytes(32), ORIGIN).vkey),
        (LOG.leaves[2], SigningKey(bytes(range(32)), "gateway.example/audit/t2").vkey),
        (LOG.leaves[2], "no key"),
    ):
        with pytest.raises(IntegrityError):
            verify_proof(text, leaf, vkey)


HEAD = f"{PROOF_HEADER}\nextra c2FsdA==\nindex 2\n"


@pytest.mark.parametrize(
    ("part", "other"),
    [
        (PROOF_HEADER, "c2sp.org/tlog-proof@v2"),
        (PROOF_HEADER, f"\n{PROOF_HEADER}"),
        ("extra c2FsdA==", "extra c2FsdA"),
        ("extra c2FsdA==", "extra "),
        ("extra c2FsdA==", "extra"),
        ("extra c2FsdA==", "extra c2FsdA==\nextra c2FsdA=="),
        ("index 2", "index 02"),
        ("index 2", "index 3"),
        ("index 2", "index 6"),
        ("index 2", "index -2"),
        ("index 2", "index \u0662"),
        ("index 2", "index " + "9" * 5000),
        ("index 2", "index"),
        ("index 2\n", ""),
        ("index 2", "index 2\nAAAA"),
        ("index 2", f"index 2\n{'A' * 43}="),
        ("\n\n", "\n"),
        ("\n\n", "\n\n\n"),
        ("\n\n", "\r\n\r\n"),
    ],
)
def test_a_changed_proof_file_is_refused(part: str, other: str) -> None:
    text = proof_of(2, b"salt")
    assert text.startswith(HEAD)
    changed = text.replace(part, other, 1)
    assert changed != text
    with pytest.raises(IntegrityError):
        verify_proof(changed, LOG.leaves[2], KEY.vkey)


def test_a_file_cut_anywhere_is_refused() -> None:
    text = proof_of(4)
    for end in range(len(text)):
        with pytest.raises(IntegrityError):
            verify_proof(text[:end], LOG.leaves[4], KEY.vkey)
