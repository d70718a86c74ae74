"""Privacy requests from the command line: identifiers come from files and standard input, and appear nowhere."""

from __future__ import annotations

import io
import json
import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest

from gateway.rights.model import RequestKind
from tests.doors.terminal import CANARY, CANARY_PHONE, TENANT, YESTERDAY, Terminal, record

INGEST = ("ingest", "-", "--format", "ndjson", "--tenant", TENANT, "--channel", "web")
WHOM = f"email {CANARY}\nphone {CANARY_PHONE}\n"


def submit(terminal: Terminal, kind: str, *options: str, given: str = WHOM) -> Any:  # noqa: ANN401 - JSON
    where = ("--tenant", TENANT, "--jurisdiction", "DE")
    return terminal.json("rights", "submit", kind, *where, *options, given=given)


def act(terminal: Terminal, action: str, request: str, *options: str) -> Any:  # noqa: ANN401 - JSON
    return terminal.json("rights", action, request, "--tenant", TENANT, *options)


def finish(terminal: Terminal, kind: str) -> str:
    request: str = submit(terminal, kind, "--proof", "account_login")["id"]
    act(terminal, "preflight", request)
    act(terminal, "approve", request)
    (done,) = terminal.json("rights", "run", "--tenant", TENANT)["requests"]
    assert (done["id"], done["state"]) == (request, "completed")
    return request


def test_an_erasure_goes_its_whole_way(terminal: Terminal) -> None:
    terminal.ok(*INGEST, given=record(1, email=CANARY) + record(2, email=CANARY))
    request = submit(terminal, "erasure")["id"]
    where = ("--tenant", TENANT)
    refused = terminal.run("rights", "approve", request, *where, "--json")
    assert refused.code == 3
    assert "possible now" in refused.json["problem"]["detail"]
    assert act(terminal, "verify", request, "--proof", "account_login")["state"] == "verified"
    preflight = act(terminal, "preflight", request)["preflight"]
    assert preflight["tables"]["record"] == 2
    assert "rows in record" in terminal.ok("rights", "show", request, *where).out
    assert act(terminal, "approve", request)["state"] == "approved"
    assert request in terminal.ok("rights", "list", *where, "--state", "approved").out
    assert "completed" in terminal.ok("rights", "run", *where).out
    receipt = terminal.json("rights", "receipt", request, *where)
    assert receipt["counts"]["record"] == 2
    assert receipt["proof"].startswith("c2sp.org/tlog-proof@v1\n")
    assert "Receipt for an erasure" in terminal.ok("rights", "receipt", request, *where).out
    again = terminal.json(*INGEST, given=record(1, email=CANARY))
    assert again["outcomes"] == {"suppressed": 1}
    assert terminal.json("audit", "fsck", *where)["findings"] == []


def test_an_export_is_a_file_for_its_owner(terminal: Terminal, tmp_path: Path) -> None:
    terminal.ok(*INGEST, given=record(1, email=CANARY))
    request = finish(terminal, "access")
    output = tmp_path / "package.zip"
    write = ("rights", "export", request, "--tenant", TENANT, "--output", str(output))
    assert terminal.json(*write)["bytes"] == output.stat().st_size
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    with zipfile.ZipFile(io.BytesIO(output.read_bytes())) as archive:
        assert CANARY in archive.read("export.json").decode()
    assert terminal.run(*write).code == 3


def test_requests_are_held_released_extended_denied_and_cancelled(terminal: Terminal) -> None:
    first = submit(terminal, "access", "--proof", "account_login")["id"]
    held = act(terminal, "hold", first, "--reason", "clarification")
    assert (held["state"], held["hold_reason"]) == ("held", "clarification")
    assert act(terminal, "release", first)["state"] == "verified"
    assert act(terminal, "extend", first)["extended"] is True
    assert act(terminal, "deny", first, "--reason", "excessive")["denial"] == "excessive"
    second = submit(terminal, "erasure")["id"]
    assert act(terminal, "cancel", second)["state"] == "cancelled"
    states = {one["state"] for one in terminal.json("rights", "list", "--tenant", TENANT)["requests"]}
    assert states == {"denied", "cancelled"}
    assert terminal.run("rights", "show", "req_0000000000000000", "--tenant", TENANT).code == 2


@pytest.mark.parametrize("kind", RequestKind)
def test_every_kind_can_be_submitted(terminal: Terminal, kind: RequestKind) -> None:
    view = submit(terminal, kind.value, "--purpose", "sale", "--received-at", YESTERDAY)
    assert (view["request"], view["purposes"]) == (kind.value, ["sale"])
    assert view["received_at"] == YESTERDAY


def test_the_same_reference_is_the_same_request(terminal: Terminal) -> None:
    first = submit(terminal, "access", "--reference", "letter-1")["id"]
    assert submit(terminal, "access", "--reference", "letter-1")["id"] == first
    assert submit(terminal, "access", "--reference", "letter-2")["id"] != first


DIGEST = "f" * 64


@pytest.mark.parametrize(
    "line",
    [
        f"email {CANARY}",
        f"  email   {CANARY}  ",
        json.dumps({"kind": "email", "value": CANARY}),
        f"platform_id:steam {CANARY}",
        f"email:sha256:uid2 {DIGEST}",
        f"cookie:sha256 {DIGEST}",
        f"platform_id:steam:sha256 {DIGEST}",
    ],
)
def test_forms_of_identifiers(terminal: Terminal, tmp_path: Path, line: str) -> None:
    assert submit(terminal, "access", given=f"\n{line}\n\n")["state"] == "submitted"
    (tmp_path / "whom").write_text(line)
    assert submit(terminal, "access", "--identifiers", str(tmp_path / "whom"), given="")["state"] == "submitted"


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ("", "too_few"),
        (CANARY, "malformed_line"),
        (f"phone {CANARY_PHONE}\n{{{CANARY}", "malformed_json"),
        (f"email {CANARY_PHONE}", "not_an_email"),
        (f"{CANARY} {CANARY}", "slug"),
        (f"email:sha256 {CANARY}", "digest_not_32_bytes"),
        (f'{{"kind":"email","value":"a@b.example","{CANARY}":1}}', "unknown_field"),
    ],
)
def test_identifiers_that_break_a_rule_are_not_repeated(terminal: Terminal, given: str, rule: str) -> None:
    where = ("--tenant", TENANT, "--jurisdiction", "DE")
    refused = terminal.run("rights", "submit", "erasure", *where, "--json", given=given)
    assert refused.code == 2
    assert refused.json["problem"]["field"].startswith("identifiers")
    assert refused.json["problem"]["rule"] == rule
    assert terminal.json("rights", "list", "--tenant", TENANT)["requests"] == []
