"""Checkpoints and signed notes: strict texts, known keys, and unknown signatures carried along."""

from __future__ import annotations

import base64
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.checkpoint import (
    Checkpoint,
    NoteSignature,
    SigningKey,
    VerifierKey,
    open_checkpoint,
    open_note,
    parse_note,
    sign,
)
from gateway.kernel.errors import IntegrityError, InvalidInput
from tests.unit.audit.logs import KEY, ORIGIN

VERIFIER = VerifierKey.parse(KEY.vkey)
OTHER = SigningKey(b"\x07" * 32, ORIGIN)
WITNESS = SigningKey(b"\x08" * 32, "witness.example/w1")
CHECKPOINT = Checkpoint(ORIGIN, 8, bytes(range(32)))
NOTE = sign(CHECKPOINT, KEY)
ROOT = base64.b64encode(bytes(range(32))).decode()
LINES = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), min_size=1, max_size=20)


def signed(text: str, *keys: SigningKey) -> str:
    lines = [NoteSignature(key.name, key.key_id, key.signature(text)).line() for key in keys or (KEY,)]
    return text + "\n" + "".join(lines)


@given(LINES, st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32), st.lists(LINES, max_size=2))
def test_a_signed_checkpoint_opens(origin: str, size: int, root: bytes, extensions: list[str]) -> None:
    checkpoint = Checkpoint(origin, size, root, tuple(extensions))
    note = sign(checkpoint, KEY)
    assert open_checkpoint(note, [VERIFIER]) == checkpoint
    assert parse_note(note).render() == note


def test_the_text_of_a_checkpoint() -> None:
    assert CHECKPOINT.body() == f"{ORIGIN}\n8\n{ROOT}\n"
    assert NOTE.startswith(f"{CHECKPOINT.body()}\n\u2014 {ORIGIN} ")


def test_signatures_of_unknown_keys_are_ignored_and_kept() -> None:
    note = signed(CHECKPOINT.body(), WITNESS, KEY, OTHER)
    assert open_checkpoint(note, [VERIFIER]) == CHECKPOINT
    assert [line.name for line in parse_note(note).signatures] == [WITNESS.name, ORIGIN, ORIGIN]
    assert parse_note(note).render() == note


def test_a_signature_of_another_type_or_length_is_carried_too() -> None:
    line = NoteSignature(WITNESS.name, b"\x01\x02\x03\x04", b"\x00" * 72).line()
    assert open_checkpoint(NOTE + line, [VERIFIER]) == CHECKPOINT
    assert parse_note(NOTE + line).render() == NOTE + line


def test_a_known_keys_bad_signature_rejects_the_note() -> None:
    bad = NoteSignature(WITNESS.name, WITNESS.key_id, WITNESS.signature("other text")).line()
    assert open_checkpoint(NOTE + bad, [VERIFIER]) == CHECKPOINT
    for note in (NOTE + bad, signed(CHECKPOINT.body(), KEY).replace(ROOT, ROOT[::-1])):
        with pytest.raises(IntegrityError):
            open_checkpoint(note, [VERIFIER, VerifierKey.parse(WITNESS.vkey)])
    short = NoteSignature(ORIGIN, KEY.key_id, b"\x00" * 63).line()
    with pytest.raises(IntegrityError, match="known key"):
        open_checkpoint(NOTE + short, [VERIFIER])


def test_without_a_known_signature_nothing_is_accepted() -> None:
    for keys in ([], [VerifierKey.parse(OTHER.vkey)], [VerifierKey.parse(WITNESS.vkey)]):
        with pytest.raises(IntegrityError, match="no signature of a known key"):
            open_checkpoint(NOTE, keys)


def test_the_text_of_a_note_may_hold_empty_lines() -> None:
    assert open_note(signed("Ognuno sta solo\n\ned è subito sera.\n"), [VERIFIER]).endswith("sera.\n")


@pytest.mark.parametrize(
    "body",
    [
        f"{ORIGIN}\x00\n8\n{ROOT}\n",
        f"{ORIGIN}\n8\n{ROOT}\nmore\r\n",
        f"{ORIGIN}\n08\n{ROOT}\n",
        f"{ORIGIN}\n+8\n{ROOT}\n",
        f"{ORIGIN}\n-8\n{ROOT}\n",
        f"{ORIGIN}\n8 \n{ROOT}\n",
        f"{ORIGIN}\n\u0668\n{ROOT}\n",
        f"{ORIGIN}\n8.0\n{ROOT}\n",
        f"{ORIGIN}\n{2**63}\n{ROOT}\n",
        f"{ORIGIN}\n{10**400}\n{ROOT}\n",
        f"{ORIGIN}\n\n{ROOT}\n",
        f"\n8\n{ROOT}\n",
        f"{ORIGIN}\n8\n",
        f"{ORIGIN}\n",
        "\n",
        f"{ORIGIN}\n8\n{ROOT[:-1]}\n",
        f"{ORIGIN}\n8\n{ROOT} \n",
        f"{ORIGIN}\n8\n{ROOT[:-2]}9=\n",
        f"{ORIGIN}\n8\n{base64.b64encode(bytes(31)).decode()}\n",
        f"{ORIGIN}\n8\n{base64.b64encode(bytes(33)).decode()}\n",
        f"{ORIGIN}\n8\n{'_' * 42}8=\n",
        f"{ORIGIN}\n8\n{ROOT}\n\n",
        f"{ORIGIN}\n8\n{ROOT}\nmore\n\nmore\n",
    ],
)
def test_what_is_signed_but_no_checkpoint_is_refused(body: str) -> None:
    with pytest.raises(IntegrityError):
        open_checkpoint(signed(body), [VERIFIER])


SIGNATURE = NOTE.rpartition(" ")[2][:-1]


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n",
        "\n\n",
        CHECKPOINT.body(),
        CHECKPOINT.body() + "\n",
        NOTE[:-1],
        NOTE + "\n",
        NOTE + " ",
        NOTE.replace("\n\n", "\n"),
        NOTE.replace("\n", "\r\n"),
        NOTE.replace("8", "8\t"),
        NOTE.replace("8", "8\x00"),
        NOTE.replace("8", "8\ud800"),
        NOTE.replace("\u2014", "-"),
        NOTE.replace("\u2014 ", "\u2014"),
        NOTE.replace("\u2014 ", "\u2014  "),
        NOTE.replace(f"\u2014 {ORIGIN}", "\u2014 a+b"),
        NOTE.replace(f"\u2014 {ORIGIN}", "\u2014 a\u00a0b"),
        NOTE.replace(f"\u2014 {ORIGIN}", "\u2014 a b"),
        NOTE.replace(SIGNATURE, SIGNATURE[:-1]),
        NOTE.replace(SIGNATURE, SIGNATURE[:-2] + "N="),
        NOTE.replace(SIGNATURE, SIGNATURE + " "),
        NOTE.replace(SIGNATURE, SIGNATURE + " x"),
        NOTE.replace(SIGNATURE, "AAAA"),
        NOTE.replace(SIGNATURE, "AAAAAA=="),
        NOTE.replace(SIGNATURE, ""),
        NOTE + NOTE.rpartition("\n\n")[2] * 100,
        "x" * 1_000_001 + NOTE,
    ],
)
def test_what_is_no_note_is_refused(note: str) -> None:
    assert note != NOTE
    with pytest.raises(IntegrityError):
        open_checkpoint(note, [VERIFIER])


def test_every_changed_character_is_found() -> None:
    for at, mark in enumerate(NOTE):
        for other in ("A", "1", "\n", " ", "\u2014"):
            if other != mark:
                with pytest.raises(IntegrityError):
                    open_checkpoint(NOTE[:at] + other + NOTE[at + 1 :], [VERIFIER])


def test_a_verifier_key_reads_back() -> None:
    name, key_id, _ = KEY.vkey.split("+", 2)
    assert (VERIFIER.name, VERIFIER.key_id.hex()) == (name, key_id)
    assert VERIFIER.key_id == KEY.key_id


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "name",
        "name+b63f385d",
        KEY.vkey + "\n",
        " " + KEY.vkey,
        KEY.vkey.replace("b63f385d", "b63f385e"),
        KEY.vkey.replace("b63f385d", "B63F385D"),
        KEY.vkey.replace("b63f385d", "0b63f385d"),
        KEY.vkey.replace("gateway", "Gateway"),
        KEY.vkey.replace("gateway", "gate way"),
        KEY.vkey.replace("gateway", "\ud800"),
        KEY.vkey[KEY.vkey.index("+") :],
        KEY.vkey[:-4],
        KEY.vkey.replace("+AQ", "+BA"),
        KEY.vkey + "=",
    ],
)
def test_a_damaged_verifier_key_is_refused(vkey: str) -> None:
    with pytest.raises(IntegrityError):
        VerifierKey.parse(vkey)


def test_a_key_that_is_no_point_verifies_nothing() -> None:
    with pytest.raises(IntegrityError, match="does not verify"):
        VerifierKey(ORIGIN, KEY.key_id, b"\x02" + bytes(31)).check("text\n", bytes(64))


@pytest.mark.parametrize(
    ("origin", "size", "root"),
    [("", 1, bytes(32)), ("a\nb", 1, bytes(32)), ("a\x00", 1, bytes(32)), ("a", -1, bytes(32)), ("a", 1, bytes(31))],
)
def test_a_checkpoint_no_note_can_hold_is_not_made(origin: str, size: int, root: bytes) -> None:
    with pytest.raises(InvalidInput):
        Checkpoint(origin, size, root)


def test_a_signing_key_is_made_well_and_never_shown() -> None:
    for seed, name in ((bytes(31), "a"), (bytes(32), ""), (bytes(32), "a b"), (bytes(32), "a+b"), (bytes(32), "a\n")):
        with pytest.raises(InvalidInput):
            SigningKey(seed, name)
    assert repr(KEY) == f"<SigningKey {ORIGIN} hidden>"
    with pytest.raises(TypeError):
        pickle.dumps(KEY)
