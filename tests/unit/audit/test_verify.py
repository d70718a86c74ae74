"""Exports: what is written verifies, each kind of damage is named, and erasure takes nothing from the proof."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from gateway.audit.checkpoint import Checkpoint, SigningKey, sign
from gateway.audit.commitments import batch_root, disclosure, open_disclosure
from gateway.audit.entries import EntryKind
from gateway.audit.export import UNWITNESSED, write_export
from gateway.audit.merkle import EMPTY_ROOT, leaf_hash, root_of
from gateway.audit.verify import KEY_FROM_EXPORT, verify_export
from gateway.kernel.errors import Conflict, IntegrityError
from tests.unit.audit.logs import KEY, ORIGIN, SampleLog, sample_log


def test_an_export_verifies(tmp_path: Path) -> None:
    log = sample_log()
    result = verify_export(log.write(tmp_path / "export"), KEY.vkey)
    assert (result.origin, result.size, result.vkey) == (ORIGIN, 6, KEY.vkey)
    assert result.root == root_of([leaf_hash(data) for data in log.leaves]).hex()
    assert result.kinds == {
        "tenant.created": 1, "profile.created": 1, "profile.merged": 1, "decisions.batch": 1, "consent.recorded": 1,
        "fsck.completed": 1,
    }  # fmt: skip
    assert (result.openings, result.erased) == (10, 0)
    assert not result.witnessed
    assert result.remarks == (UNWITNESSED,)


def test_a_key_from_the_export_is_no_proof_and_is_said_so(tmp_path: Path) -> None:
    result = verify_export(sample_log().write(tmp_path), None)
    assert result.key_from_export
    assert result.remarks == (KEY_FROM_EXPORT, UNWITNESSED)


def test_the_readme_says_how_to_verify(tmp_path: Path) -> None:
    text = (sample_log().write(tmp_path) / "README.txt").read_text()
    assert ORIGIN in text
    assert UNWITNESSED in text
    assert "{" + '"index":i' in text


def test_an_empty_log_verifies(tmp_path: Path) -> None:
    log = SampleLog(note=sign(Checkpoint(ORIGIN, 0, EMPTY_ROOT), KEY))
    assert verify_export(log.write(tmp_path), KEY.vkey).size == 0


def test_a_log_longer_than_a_chunk_verifies(tmp_path: Path) -> None:
    log = SampleLog()
    for number in range(4100):
        log.add(EntryKind.PROFILE_CREATED, {"profile": number} if number % 100 == 0 else {})
    result = verify_export(log.signed().write(tmp_path), KEY.vkey)
    assert (result.size, result.openings) == (4100, 41)


def test_after_erasure_the_same_tree_verifies(tmp_path: Path) -> None:
    log = sample_log()
    before = verify_export(log.write(tmp_path / "before"), KEY.vkey)
    log.openings = [(index, texts[1:]) for index, texts in log.openings]
    some = verify_export(log.write(tmp_path / "some"), KEY.vkey)
    log.openings = []
    after = verify_export(log.write(tmp_path / "after"), KEY.vkey)
    assert before.root == some.root == after.root
    assert (some.openings, some.erased) == (6, 4)
    assert (after.openings, after.erased) == (0, 10)


def test_a_batch_that_is_not_listed_counts_as_one_erased_commitment(tmp_path: Path) -> None:
    log = sample_log()
    log.openings, log.batches = [], []
    assert verify_export(log.write(tmp_path), KEY.vkey).erased == 8


def damaged(log: SampleLog, path: Path, rule: str, vkey: str = KEY.vkey) -> str:
    """Write the log, check that it fails by `rule`; the message."""
    with pytest.raises(IntegrityError, match=f"rule {rule}") as found:
        verify_export(log.write(path), vkey)
    return str(found.value)


def test_a_changed_leaf_is_found(tmp_path: Path) -> None:
    log = sample_log()
    log.leaves[1] = log.leaves[1].replace(b"profile.created", b"profile.creates")
    assert damaged(log, tmp_path, "root").startswith("entries 0 to 6")


def test_swapped_leaves_are_found(tmp_path: Path) -> None:
    log = sample_log()
    log.leaves[0], log.leaves[5] = log.leaves[5], log.leaves[0]
    damaged(log, tmp_path, "root")


def test_leaves_that_are_not_canonical_are_found(tmp_path: Path) -> None:
    log = sample_log()
    log.leaves[4] = log.leaves[4].replace(b'"v":1', b'"v": 1')
    assert damaged(log.signed(), tmp_path, "leaf").startswith("entry 4")


def test_a_dropped_leaf_is_found(tmp_path: Path) -> None:
    for at, rule in ((0, "order"), (2, "order"), (5, "size")):
        path = sample_log().write(tmp_path / str(at))
        lines = (path / "entries.ndjson").read_bytes().splitlines(keepends=True)
        (path / "entries.ndjson").write_bytes(b"".join(lines[:at] + lines[at + 1 :]))
        with pytest.raises(IntegrityError, match=f"^entry {at}.*rule {rule}"):
            verify_export(path, KEY.vkey)


def test_an_added_leaf_is_found(tmp_path: Path) -> None:
    path = sample_log().write(tmp_path)
    line = (path / "entries.ndjson").read_bytes().splitlines(keepends=True)[5]
    with (path / "entries.ndjson").open("ab") as file:
        file.write(line.replace(b'"index":5', b'"index":6'))
    with pytest.raises(IntegrityError, match=r"^entry 6.*rule size"):
        verify_export(path, KEY.vkey)


def test_an_opening_that_fits_no_commitment_is_found(tmp_path: Path) -> None:
    log = sample_log()
    name, _ = open_disclosure(log.openings[0][1][0])
    log.openings[0] = (1, [disclosure(bytes(16), name, "p2")])
    assert damaged(log, tmp_path, "opening").startswith("entry 1")


def test_an_opening_of_another_entry_is_found(tmp_path: Path) -> None:
    log = sample_log()
    log.openings[0] = (0, log.openings[0][1])
    assert damaged(log, tmp_path, "opening").startswith("entry 0")


def test_an_opening_under_another_name_is_found(tmp_path: Path) -> None:
    log = sample_log()
    log.leaves[1] = log.leaves[1].replace(b'"profile"', b'"zrofile"').replace(b'"record"', b'"secord"')
    log.leaves[1] = orjson.dumps(orjson.loads(log.leaves[1]), option=orjson.OPT_SORT_KEYS)
    damaged(log.signed(), tmp_path, "opening")


def test_a_commitment_is_opened_once(tmp_path: Path) -> None:
    log = sample_log()
    log.openings[0] = (1, log.openings[0][1] * 2)
    assert "twice" in damaged(log, tmp_path, "opening")


@pytest.mark.parametrize("text", ["x", "\ud83d\ude00", "WzFd", "WyJhIiwiYiJd"])
def test_an_opening_that_is_no_disclosure_is_found(tmp_path: Path, text: str) -> None:
    log = sample_log()
    log.openings[0] = (1, [text.encode("utf-16", "surrogatepass").decode("utf-16")])
    assert damaged(log, tmp_path, "disclosure").startswith("entry 1")


def test_openings_out_of_order_or_beyond_the_log_are_found(tmp_path: Path) -> None:
    log = sample_log()
    log.openings.reverse()
    damaged(log, tmp_path / "a", "order")
    log = sample_log()
    log.openings.append((6, []))
    assert damaged(log, tmp_path / "b", "order").startswith("entry 6")
    log = sample_log()
    log.batches.append((9, "decisions", []))
    damaged(log, tmp_path / "c", "order")


def test_a_batch_that_does_not_lead_to_its_root_is_found(tmp_path: Path) -> None:
    index, name, members = sample_log().batches[0]
    for number, batch in enumerate(
        [(index, name, members[::-1]), (index, "other", members), (1, name, members), (index, name, ["é"])]
    ):
        log = sample_log()
        log.batches = [batch]
        damaged(log, tmp_path / str(number), "batch")


def test_a_batch_is_formed_over_commitments_only(tmp_path: Path) -> None:
    log = sample_log()
    _, name, members = log.batches[0]
    other = ["ada@example.com"]
    log.leaves[3] = log.leaves[3].replace(batch_root(members).encode(), batch_root(other).encode())
    log.batches, log.openings = [(3, name, other)], []
    assert damaged(log.signed(), tmp_path, "batch").startswith("entry 3")


def test_a_checkpoint_of_another_key_log_or_tree_is_found(tmp_path: Path) -> None:
    log = sample_log()
    other = SigningKey(bytes(32), ORIGIN)
    damaged(log, tmp_path / "key", "signature", other.vkey)
    damaged(log, tmp_path / "damaged", "signature", KEY.vkey[:-1])
    path = log.write(tmp_path / "root")
    (path / "checkpoint.txt").write_text(sign(Checkpoint(ORIGIN, 6, bytes(32)), KEY))
    with pytest.raises(IntegrityError, match="rule root"):
        verify_export(path, KEY.vkey)
    (path / "checkpoint.txt").write_text(sign(Checkpoint("gateway.example/audit/t2", 6, bytes(32)), KEY))
    with pytest.raises(IntegrityError, match="rule origin"):
        verify_export(path, KEY.vkey)


@pytest.mark.parametrize("name", ["entries.ndjson", "openings.ndjson", "batches.ndjson", "checkpoint.txt", "key.txt"])
def test_missing_and_unreadable_files_are_found(tmp_path: Path, name: str) -> None:
    path = sample_log().write(tmp_path)
    data = (path / name).read_bytes()
    for content in (b"\xff" + data, data + b"\xff", data[:-1], data + b"\n", b" " + data, data.replace(b"\n", b"\r\n")):
        (path / name).write_bytes(content)
        with pytest.raises(IntegrityError):
            verify_export(path, None)
    (path / name).unlink()
    with pytest.raises(IntegrityError, match="rule file"):
        verify_export(path, None)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("entries.ndjson", b'{"index":0,"leaf":1}'),
        ("entries.ndjson", b'{"leaf":"x","index":0}'),
        ("entries.ndjson", b'{"index":"0","leaf":"x"}'),
        ("entries.ndjson", b'{"index":true,"leaf":"x"}'),
        ("entries.ndjson", b'{"index":-1,"leaf":"x"}'),
        ("entries.ndjson", b'{"index": 0,"leaf":"x"}'),
        ("entries.ndjson", b'{"index":0,"leaf":"x","more":1}'),
        ("entries.ndjson", b"[0]"),
        ("entries.ndjson", b""),
        ("openings.ndjson", b'{"index":0,"disclosures":"x"}'),
        ("openings.ndjson", b'{"index":0,"disclosures":[1]}'),
        ("batches.ndjson", b'{"index":0,"name":1,"commitments":[]}'),
        ("batches.ndjson", b'{"index":0,"name":"x","commitments":{}}'),
    ],
)
def test_malformed_lines_are_found(tmp_path: Path, name: str, line: bytes) -> None:
    path = sample_log().write(tmp_path)
    data = (path / name).read_bytes()
    (path / name).write_bytes(line + b"\n" + data)
    with pytest.raises(IntegrityError, match=r"rule (line|batch)"):
        verify_export(path, KEY.vkey)


def test_an_export_never_overwrites_another(tmp_path: Path) -> None:
    sample_log().write(tmp_path)
    with pytest.raises(Conflict):
        sample_log().write(tmp_path)


def test_only_a_log_that_fits_its_checkpoint_is_exported(tmp_path: Path) -> None:
    log = sample_log()
    entries = list(enumerate(log.leaves))
    for number, wrong in enumerate(
        [entries[:-1], entries[1:], entries[::-1], [*entries, (6, b"{}")], [(0, b"\xff"), *entries[1:]]]
    ):
        with pytest.raises(IntegrityError):
            write_export(tmp_path / str(number), ORIGIN, KEY.vkey, wrong, [], log.note)
        with pytest.raises(IntegrityError):
            verify_export(tmp_path / str(number), KEY.vkey)
    with pytest.raises(IntegrityError, match="another log"):
        write_export(tmp_path / "x", "gateway.example/audit/t2", KEY.vkey, entries, [], log.note)
    with pytest.raises(IntegrityError):
        write_export(tmp_path / "x", ORIGIN, SigningKey(bytes(32), ORIGIN).vkey, entries, [], log.note)
    assert not (tmp_path / "x").exists()
