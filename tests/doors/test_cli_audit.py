"""The log from the command line: exports verify without a gateway, and one changed byte is found."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.doors.terminal import CANARY, TENANT, Terminal, record

INGEST = ("ingest", "-", "--format", "ndjson", "--tenant", TENANT, "--channel", "web")


@pytest.fixture
def exported(terminal: Terminal, tmp_path: Path) -> Path:
    """The export of a log with some records."""
    terminal.ok(*INGEST, given=record(1, email=CANARY) + record(2, email="b@example.org", consent=""))
    terminal.ok("audit", "export", str(tmp_path / "export"), "--tenant", TENANT)
    return tmp_path / "export"


def vkey(terminal: Terminal) -> str:
    key: str = terminal.json("keys", "status")["tenants"][0]["log_verifier_key"]
    return key


def test_an_export_verifies_without_a_gateway(terminal: Terminal, exported: Path, tmp_path: Path) -> None:
    key = vkey(terminal)
    nowhere = Terminal(tmp_path / "nowhere")
    found = nowhere.json("audit", "verify", str(exported), "--key", key)
    assert found["kinds"]["profile.created"] == 1
    assert (found["key_from_export"], found["openings"]) == (False, 0)
    assert any("unwitnessed" in remark for remark in found["remarks"])
    printed = nowhere.ok("audit", "verify", str(exported))
    assert "the key came from the export itself" in printed.err
    assert not nowhere.home.exists()


@pytest.mark.parametrize("place", [0.0, 0.3, 0.6, 0.95])
def test_one_changed_byte_is_found(terminal: Terminal, exported: Path, place: float) -> None:
    content = bytearray((exported / "entries.ndjson").read_bytes())
    content[int(len(content) * place)] ^= 1
    (exported / "entries.ndjson").write_bytes(content)
    found = terminal.run("audit", "verify", str(exported), "--key", vkey(terminal), "--json")
    assert found.code == 1
    assert found.json["problem"]["title"] == "Does not verify"


def test_openings_are_asked_for_and_hold_no_value(terminal: Terminal, exported: Path, tmp_path: Path) -> None:
    assert (exported / "openings.ndjson").read_bytes() == b""
    terminal.ok("audit", "export", str(tmp_path / "open"), "--tenant", TENANT, "--openings")
    assert terminal.json("audit", "verify", str(tmp_path / "open"))["openings"] > 0
    assert CANARY not in (tmp_path / "open" / "openings.ndjson").read_text()
    assert terminal.run("audit", "export", str(tmp_path / "open"), "--tenant", TENANT).code == 3


def test_a_proof_file_proves_its_entry_and_no_other(terminal: Terminal, exported: Path, tmp_path: Path) -> None:
    proof, leaf, other = (tmp_path / name for name in ("proof", "leaf", "other"))
    proof.write_text(terminal.ok("audit", "proof", "1", "--tenant", TENANT).out)
    leaf.write_text(terminal.ok("audit", "proof", "1", "--leaf", "--tenant", TENANT).out)
    other.write_text(terminal.ok("audit", "proof", "0", "--leaf", "--tenant", TENANT).out)
    verify = ("audit", "verify", str(proof), "--key", vkey(terminal))
    assert terminal.json(*verify, "--leaf", str(leaf))["index"] == 1
    assert terminal.run(*verify, "--leaf", str(other)).code == 1
    assert terminal.run(*verify).code == 2
    assert terminal.run("audit", "proof", "999", "--tenant", TENANT).code == 2
    archive = shutil.make_archive(str(tmp_path / "archive"), "zip", exported)
    assert "unpack" in terminal.run("audit", "verify", archive, "--key", vkey(terminal)).err


def test_a_checkpoint_is_a_signed_note(terminal: Terminal) -> None:
    note = terminal.ok("audit", "checkpoint", "--tenant", TENANT).out
    assert note.startswith(f"consent-gateway/{TENANT}")
    assert terminal.json("audit", "checkpoint", "--tenant", TENANT)["checkpoint"] == note


def test_fsck_finds_a_store_that_was_edited(terminal: Terminal, exported: Path) -> None:
    assert exported.is_dir()
    assert terminal.json("audit", "fsck", "--tenant", TENANT)["findings"] == []
    with closing(sqlite3.connect(terminal.home / "gateway.db")) as database:
        database.execute("DELETE FROM membership")
        database.commit()
    found = terminal.run("audit", "fsck", "--tenant", TENANT, "--json")
    assert found.code == 1
    assert "partition.home" in {finding["rule"] for finding in found.json["findings"]}
    assert "partition.home" in terminal.run("audit", "fsck", "--tenant", TENANT).out
