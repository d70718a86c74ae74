"""`gateway consent receipt` and `gateway consent verify`: identifiers on standard input, a file that verifies alone."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from tests.doors.terminal import CANARY, DAY_BEFORE, TENANT, YESTERDAY, Terminal

WHOM = f"email {CANARY}\n"
RECEIPT = ("consent", "receipt", "--tenant", TENANT)


def event(kind: str, purpose: str, at: str) -> str:
    """One consent event as a line of NDJSON."""
    whom = [{"kind": "email", "value": CANARY}]
    said = {"kind": kind, "purpose": purpose, "occurred_at": at, "notice": "web", "identifiers": whom}
    return json.dumps({**said, "jurisdiction": "DE"}) + "\n"


@pytest.fixture
def told(terminal: Terminal, tmp_path: Path) -> Terminal:
    """A terminal of a tenant that was told something."""
    text = tmp_path / "notice.txt"
    text.write_text("We recognize you and we sell.")
    wanted = ("--name", "web", "--version", "1", "--language", "en", "--purpose", "sale", "--from", "2020-01-01")
    terminal.ok("notice", "add", str(text), "--tenant", TENANT, *wanted)
    lines = event("grant", "sale", DAY_BEFORE) + event("withdraw", "sale", YESTERDAY)
    lines += event("object", "analytics", YESTERDAY)
    terminal.ok("consent", "import", "-", "--tenant", TENANT, given=lines)
    return terminal


def vkey(terminal: Terminal) -> str:
    key: str = terminal.json("keys", "status")["tenants"][0]["log_verifier_key"]
    return key


def test_a_record_verifies_without_a_gateway(told: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "record.json"
    printed = told.ok(*RECEIPT, "--out", str(file), given=WHOM)
    assert (printed.out, "gateway consent verify" in printed.err) == ("", True)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    nowhere, key = Terminal(tmp_path / "nowhere"), vkey(told)
    found = nowhere.json("consent", "verify", str(file), "--key", key)
    assert (found["record_type"], found["purposes"], found["events"]) == ("record", ["analytics", "sale"], 3)
    assert "verified: record rec_" in nowhere.ok("consent", "verify", str(file), "--key", key).out
    assert not nowhere.home.exists()
    assert told.run(*RECEIPT, "--out", str(file), given=WHOM).code == 3


def test_a_receipt_that_was_printed_verifies_too(told: Terminal, tmp_path: Path) -> None:
    printed = told.ok(*RECEIPT, "--purpose", "sale", given=WHOM)
    file = tmp_path / "receipt.json"
    file.write_text(printed.out)
    found = told.json("consent", "verify", str(file), "--key", vkey(told))
    assert (found["record_type"], found["purposes"], found["events"]) == ("receipt", ["sale"], 2)


@pytest.mark.parametrize("place", [0.0, 0.2, 0.5, 0.8, 0.999])
def test_one_changed_byte_is_found(told: Terminal, tmp_path: Path, place: float) -> None:
    content = bytearray(told.ok(*RECEIPT, given=WHOM).out.encode())
    content[int(len(content) * place)] ^= 1
    file = tmp_path / "record.json"
    file.write_bytes(content)
    found = told.run("consent", "verify", str(file), "--key", vkey(told), "--json")
    assert (found.code, found.json["problem"]["title"]) == (1, "Does not verify")


def test_misuse_is_refused_and_says_why(told: Terminal, tmp_path: Path) -> None:
    assert told.run(*RECEIPT, given="email nobody@example.org\n").code == 2
    assert told.run(*RECEIPT, "--purpose", "world_domination", given=WHOM).code == 2
    assert told.run(*RECEIPT, given="").code == 2
    file = tmp_path / "record.json"
    told.ok(*RECEIPT, "--out", str(file), given=WHOM)
    wrong = told.run("consent", "verify", str(file), "--key", "no key")
    assert (wrong.code, "verifier key" in wrong.err) == (1, True)
    assert told.run("consent", "verify", str(tmp_path / "none.json"), "--key", vkey(told)).code == 2
