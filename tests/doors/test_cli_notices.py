"""`gateway notice`: texts become versions of notices, and only what is registered lets a consent count."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.doors.terminal import NOTICE, TENANT, Terminal, record

OF = ("--tenant", TENANT)
TEXT = "Dürfen wir Sie wiedererkennen?"
BANNER = ("--name", "banner", "--language", "de", "--purpose", "identity_resolution")
INGEST = ("ingest", "-", "--format", "ndjson", *OF, "--channel", "store")


@pytest.fixture
def text(tmp_path: Path) -> str:
    """A file with the text of a notice."""
    file = tmp_path / "banner.txt"
    file.write_text(TEXT, encoding="utf-8")
    return str(file)


def banners(terminal: Terminal) -> list[dict[str, Any]]:
    """The versions of the banner."""
    return [row for row in terminal.json("notice", "list", *OF)["notices"] if row["notice"] == "banner"]


def test_a_text_becomes_a_version(terminal: Terminal, text: str) -> None:
    added = terminal.json("notice", "add", text, *OF, *BANNER, "--version", "1", "--from", "2026-01-01")
    digest = f"sha256:{sha256(TEXT.encode()).hexdigest()}"
    assert added == {"notice": "banner@1", "digest": digest}
    terminal.ok("notice", "add", text, *OF, *BANNER, "--version", "2", "--from", "2026-06-01")
    first, second = banners(terminal)
    assert first == {
        "notice": "banner",
        "version": "1",
        "languages": ["de"],
        "purposes": ["identity_resolution"],
        "digest": digest,
        "in_force_from": "2026-01-01T00:00:00.000Z",
        "in_force_to": "2026-06-01T00:00:00.000Z",
    }
    assert (second["version"], second["in_force_to"]) == ("2", None)


def test_one_is_ended_once(terminal: Terminal, text: str) -> None:
    terminal.ok("notice", "add", text, *OF, *BANNER, "--version", "1", "--from", "2026-01-01")
    terminal.ok("notice", "end", "banner", "1", *OF, "--on", "2026-02-01")
    assert banners(terminal)[0]["in_force_to"] == "2026-02-01T00:00:00.000Z"
    assert terminal.run("notice", "end", "banner", "1", *OF, "--on", "2026-03-01").code == 2
    assert terminal.run("notice", "end", "poster", "1", *OF, "--on", "2026-03-01").code == 2


def test_what_is_refused_registers_nothing(terminal: Terminal, text: str) -> None:
    terminal.ok("notice", "add", text, *OF, *BANNER, "--version", "1", "--from", "2026-01-01")
    again = terminal.run("notice", "add", text, *OF, *BANNER, "--version", "1", "--from", "2026-02-01")
    assert (again.code, "registered already" in again.err) == (3, True)
    for wrong in (("--purpose", "world_peace"), ("--language", "German"), ("--name", "Banner!")):
        refused = terminal.run("notice", "add", text, *OF, *BANNER, *wrong, "--version", "2", "--from", "2026-02-01")
        assert refused.code == 2
    assert len(banners(terminal)) == 1


def test_tables_are_for_people(terminal: Terminal, text: str) -> None:
    shown = terminal.ok("notice", "add", text, *OF, *BANNER, "--version", "1", "--from", "2026-01-01").out
    assert "banner@1" in shown
    assert "identity_resolution" in terminal.ok("notice", "list", *OF).out
    terminal.ok("tenant", "create", "other")
    assert "no consent counts yet" in terminal.ok("notice", "list", "--tenant", "other").out


def test_after_its_end_no_consent_counts(terminal: Terminal) -> None:
    assert terminal.json(*INGEST, given=record(1, email="a@shop.example"))["outcomes"] == {"created": 1}
    terminal.ok("notice", "end", NOTICE, "1", *OF, "--on", "2026-01-02")
    printed = terminal.run(*INGEST, "--json", given=record(2, email="b@shop.example"))
    assert (printed.code, printed.json["outcomes"]) == (1, {"refused": 1})
    assert "notice_not_in_force" in printed.out
