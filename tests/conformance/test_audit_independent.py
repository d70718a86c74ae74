"""Two verifiers that share no code agree on every export and proof, whole or damaged."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.audit.checkpoint import Checkpoint, SigningKey, sign
from gateway.audit.entries import EntryKind
from gateway.audit.merkle import leaf_hash
from gateway.audit.proofs import inclusion_proof
from gateway.audit.verify import verify_export, verify_proof, write_proof
from gateway.kernel.errors import IntegrityError
from tests.conformance import independent_verifier
from tests.unit.audit.logs import KEY, ORIGIN, HashStore, SampleLog, sample_log

PROGRAM = Path(independent_verifier.__file__)
SIGNED_FILES = ("entries.ndjson", "openings.ndjson", "batches.ndjson", "checkpoint.txt", "key.txt")
OTHER_KEY = SigningKey(bytes(32), ORIGIN)


def independently(*arguments: str | Path) -> list[dict[str, Any]]:
    """Run the second verifier as a program of its own; its lines. It must not fail in another way than by a fault."""
    run = subprocess.run(
        [sys.executable, "-I", PROGRAM, *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    results = [json.loads(line) for line in run.stdout.splitlines()]
    assert run.stderr == ""
    assert run.returncode == (0 if all(result["ok"] for result in results) else 1)
    return results


def accepted(path: Path, vkey: str | None = KEY.vkey) -> bool:
    try:
        verify_export(path, vkey)
    except IntegrityError:
        return False
    return True


def test_the_second_verifier_uses_the_standard_library_alone() -> None:
    tree = ast.parse(PROGRAM.read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name for node in imports if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in imports if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} <= set(sys.stdlib_module_names)


def test_both_accept_what_was_exported_and_count_the_same(tmp_path: Path) -> None:
    whole = sample_log().write(tmp_path / "whole")
    log = sample_log()
    log.openings = [(index, texts[:1]) for index, texts in log.openings]
    partly = log.write(tmp_path / "partly")
    log.openings, log.batches = [], []
    closed = log.write(tmp_path / "closed")
    empty = SampleLog().signed().write(tmp_path / "empty")
    paths = [whole, partly, closed, empty]
    for result, path in zip(independently("export", "--vkey", KEY.vkey, *paths), paths, strict=True):
        assert result.pop("ok")
        assert result == {name: asdict(verify_export(path, KEY.vkey))[name] for name in result}
    assert [result["ok"] for result in independently("export", *paths)] == [True] * 4
    refused = independently("export", "--vkey", OTHER_KEY.vkey, whole)
    assert [result["ok"] for result in refused] == [accepted(whole, OTHER_KEY.vkey)] == [False]


Damage = Callable[[SampleLog], None]


def leaf_changed(log: SampleLog) -> None:
    log.leaves[1] = log.leaves[1].replace(b'"count":1', b'"count":2')


def leaf_not_canonical(log: SampleLog) -> None:
    log.leaves[1] = log.leaves[1].replace(b'"web"', b'"w\\u0065b"')
    log.signed()


def leaf_with_free_text(log: SampleLog) -> None:
    log.leaves[1] = log.leaves[1].replace(b'"web"', b'"Ada Lovelace"')
    log.signed()


def leaves_swapped(log: SampleLog) -> None:
    log.leaves[0], log.leaves[5] = log.leaves[5], log.leaves[0]


def leaf_with_large_number(log: SampleLog) -> None:
    log.leaves[5] = log.leaves[5].replace(b'"count":5', b'"count":9007199254740993')
    log.signed()


def leaf_repeats_a_member(log: SampleLog) -> None:
    log.leaves[5] = log.leaves[5].replace(b'"v":1', b'"v":1,"v":1')
    log.signed()


def opening_of_another_entry(log: SampleLog) -> None:
    log.openings[0] = (2, log.openings[0][1])


def openings_repeated(log: SampleLog) -> None:
    log.openings[0] = (1, log.openings[0][1] * 2)


def openings_reversed(log: SampleLog) -> None:
    log.openings.reverse()


def opening_beyond_the_log(log: SampleLog) -> None:
    log.openings.append((6, []))


def batch_reordered(log: SampleLog) -> None:
    index, name, members = log.batches[0]
    log.batches[0] = (index, name, members[::-1])


def batch_left_out(log: SampleLog) -> None:
    log.batches.clear()


def batch_renamed(log: SampleLog) -> None:
    index, _, members = log.batches[0]
    log.batches[0] = (index, "others", members)


def checkpoint_of_another_root(log: SampleLog) -> None:
    log.note = sign(Checkpoint(ORIGIN, 6, bytes(32)), KEY)


def checkpoint_of_another_log(log: SampleLog) -> None:
    size = len(log.leaves)
    tree = HashStore([leaf_hash(data) for data in log.leaves]).tree
    log.note = sign(Checkpoint("gateway.example/audit/t2", size, tree.root()), KEY)


DAMAGES: list[Damage] = [
    leaf_changed, leaf_not_canonical, leaf_with_free_text, leaves_swapped, leaf_with_large_number,
    leaf_repeats_a_member, opening_of_another_entry, openings_repeated, openings_reversed, opening_beyond_the_log,
    batch_reordered, batch_left_out, batch_renamed, checkpoint_of_another_root,
]  # fmt: skip


def test_both_refuse_each_kind_of_damage(tmp_path: Path) -> None:
    paths: list[Path] = []
    for damage in DAMAGES:
        log = sample_log()
        damage(log)
        paths.append(log.write(tmp_path / damage.__name__))
    log = sample_log()
    foreign = log.write(tmp_path / "foreign")
    checkpoint_of_another_log(log)
    (foreign / "checkpoint.txt").write_text(log.note)
    paths.append(foreign)
    for name in SIGNED_FILES:
        lacking = sample_log().write(tmp_path / f"without {name}")
        (lacking / name).unlink()
        paths.append(lacking)
    assert [path.name for path in paths if accepted(path, None)] == []
    results = independently("export", *paths)
    assert [path.name for path, result in zip(paths, results, strict=True) if result["ok"]] == []


def damaged_lines(data: bytes) -> Iterator[bytes]:
    """Each line dropped, doubled, swapped with the next, and emptied."""
    lines = data.splitlines(keepends=True)
    for at, line in enumerate(lines):
        yield b"".join(lines[:at] + lines[at + 1 :])
        yield b"".join([*lines[:at], line, *lines[at:]])
        yield b"".join([*lines[:at], b"\n", *lines[at + 1 :]])
        if at + 1 < len(lines):
            yield b"".join([*lines[:at], lines[at + 1], line, *lines[at + 2 :]])


def test_both_agree_on_every_moved_line(tmp_path: Path) -> None:
    original = sample_log().write(tmp_path / "original")
    paths: list[Path] = []
    for name in SIGNED_FILES:
        data = (original / name).read_bytes()
        for changed in set(damaged_lines(data)) - {data}:
            paths.append(variant(original, tmp_path / f"{len(paths)}", name, changed))
    ours = [accepted(path, None) for path in paths]
    theirs = [result["ok"] for result in independently("export", *paths)]
    assert ours == theirs
    # Fine are four exports without one of the openings, as after an erasure, and a signature that stands twice.
    assert sum(ours) == 5


def variant(original: Path, path: Path, name: str, changed: bytes) -> Path:
    """A copy of an export in which one file is other; the files that stay are links."""
    path.mkdir()
    for other in SIGNED_FILES:
        if other == name:
            (path / other).write_bytes(changed)
        else:
            (path / other).symlink_to(original / other)
    return path


def test_no_byte_of_an_export_is_free(tmp_path: Path) -> None:
    """One bit of every byte of every file but the README is flipped: ours refuses each, theirs a sample."""
    log = SampleLog()
    log.add(EntryKind.PROFILE_CREATED, {"profile": "p1"})
    log.add_batch([{"permitted": True, "reason": "Möbius"}])
    original = log.signed().write(tmp_path / "original")
    paths: list[Path] = []
    for name in SIGNED_FILES:
        data = (original / name).read_bytes()
        scratch = variant(original, tmp_path / f"scratch {name}", name, data)
        for at, byte in enumerate(data):
            changed = data[:at] + bytes([byte ^ 1 << at % 8]) + data[at + 1 :]
            (scratch / name).write_bytes(changed)
            assert not accepted(scratch, None), (name, at)
            if at % 23 == 0:
                paths.append(variant(original, tmp_path / f"{len(paths)}", name, changed))
    results = independently("export", *paths)
    assert len(results) > 50
    assert [path for path, result in zip(paths, results, strict=True) if result["ok"]] == []


@given(data=st.data())
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_both_agree_on_any_change(tmp_path: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(SIGNED_FILES))
    original = tmp_path / "original"
    if not original.exists():
        sample_log().write(original)
    content = (original / name).read_bytes()
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, min(len(content), start + 4)))
    inserted = data.draw(st.binary(max_size=4) | st.sampled_from([b"\n", b"\\u0061", b" ", b",", b'"', b"0", b"{}\n"]))
    path = tmp_path / "changed"
    if not path.exists():
        variant(original, path, name, content)
    for other in SIGNED_FILES:
        (path / other).unlink()
        (path / other).write_bytes((original / other).read_bytes())
    (path / name).write_bytes(content[:start] + inserted + content[end:])
    try:
        independent_verifier.verify_export(path, None)
        theirs = True
    except independent_verifier.Fault:
        theirs = False
    assert accepted(path, None) == theirs == (content[start:end] == inserted)


def test_both_agree_on_proofs(tmp_path: Path) -> None:
    log = sample_log()
    store = HashStore([leaf_hash(data) for data in log.leaves])
    leaf = tmp_path / "leaf"
    leaf.write_bytes(log.leaves[4])
    good = write_proof(4, inclusion_proof(store, 4, 6), log.note, b"extra")
    cases = [good, write_proof(4, inclusion_proof(store, 4, 6), log.note)]
    cases += [write_proof(index, inclusion_proof(store, index, 6), log.note) for index in (0, 3, 5)]
    cases += [good[:at] + chr(ord(good[at]) ^ 1) + good[at + 1 :] for at in range(0, len(good), 3)]
    cases += [good.replace("index 4", other) for other in ("index 04", "index 6", "index 4\nAAAA", "index", "")]
    paths = [tmp_path / f"{number}.tlog-proof" for number in range(len(cases))]
    for path, text in zip(paths, cases, strict=True):
        path.write_text(text)
    ours = [proves(text, log.leaves[4]) for text in cases]
    assert ours[:2] == [True, True]
    assert [result["ok"] for result in independently("proof", "--vkey", KEY.vkey, leaf, *paths)] == ours
    # The extra line alone is not authenticated.
    changed_extra = [text for text, fine in zip(cases[2:], ours[2:], strict=True) if fine]
    assert all(text.partition("index")[2] == good.partition("index")[2] for text in changed_extra)


def proves(text: str, leaf: bytes) -> bool:
    try:
        verify_proof(text, leaf, KEY.vkey)
    except IntegrityError:
        return False
    return True


@pytest.mark.parametrize("arguments", [[], ["export"], ["proof", "leaf", "file"]])
def test_the_second_verifier_says_how_it_is_used(arguments: list[str]) -> None:
    run = subprocess.run([sys.executable, "-I", PROGRAM, *arguments], capture_output=True, check=False, timeout=60)
    assert run.returncode == 2
    assert b"usage" in run.stderr
