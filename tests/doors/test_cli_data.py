"""Records and consent events from files and standard input."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.policy.model import DEVICE_ACCESS
from tests.doors.terminal import CANARY, CANARY_PHONE, NOTICE, TENANT, YESTERDAY, Terminal, record

INGEST = ("ingest", "-", "--format", "ndjson", "--tenant", TENANT, "--channel", "web")
IMPORT = ("consent", "import", "-", "--tenant", TENANT)


def event(kind: str, email: str, *, purpose: str = "identity_resolution", jurisdiction: str = "DE") -> str:
    body = {
        "kind": kind,
        "purpose": purpose,
        "occurred_at": YESTERDAY,
        "identifiers": [{"kind": "email", "value": email}],
        "jurisdiction": jurisdiction,
        "notice": NOTICE,
    }
    return json.dumps(body) + "\n"


def test_a_summary_counts_outcomes_refusals_and_problems(terminal: Terminal) -> None:
    lines = [
        record(1, email=CANARY),
        record(2, email=CANARY),
        record(3, email="nobody@example.org", consent=""),
        record(1, email=CANARY),
        f"{CANARY}\n",
        record(4, email="not an address"),
    ]
    printed = terminal.run(*INGEST, "--json", given="".join(lines))
    assert printed.code == 1
    summary = printed.json
    assert summary["records"] == 6
    assert summary["outcomes"] == {"created": 1, "linked": 1, "refused": 1, "duplicate": 1, "invalid": 2}
    assert summary["refusals"] == {"no_device_access": 1}
    assert summary["problems"].keys() == {"malformed_json", "not_an_email"}
    assert [problem["index"] for problem in summary["first_problems"]] == [4, 5]
    assert summary["first_problems"][1]["field"] == "identifiers[0].value"


def test_a_table_is_shown_to_people(terminal: Terminal) -> None:
    printed = terminal.run(*INGEST, given=record(1, email=CANARY, consent="") + "{}\n")
    assert printed.code == 1
    assert "no_device_access" in printed.out
    assert "record_id" in printed.out
    assert printed.err == ""


def test_batches_keep_the_place_in_the_file(terminal: Terminal) -> None:
    lines = [record(number, email=f"p{number}@example.org", consent="") for number in range(2_100)]
    lines[1_500] = "{}\n"
    lines[2_050] = record(2_050, email="not an address")
    summary = terminal.run(*INGEST, "--json", given="".join(lines)).json
    assert summary["records"] == 2_100
    assert [problem["index"] for problem in summary["first_problems"]] == [1_500, 2_050]


@pytest.mark.parametrize("name", ["records.csv", "RECORDS.CSV"])
def test_a_csv_file_is_known_by_its_suffix(terminal: Terminal, tmp_path: Path, name: str) -> None:
    header = "record_id,observed_at,jurisdiction,email,phone,consent:identity_resolution,notice\n"
    row = f"r1,{YESTERDAY},DE,{CANARY},{CANARY_PHONE},grant,{NOTICE}\n"
    (tmp_path / name).write_text(header + row)
    summary = terminal.json("ingest", str(tmp_path / name), "--tenant", TENANT, "--channel", "store")
    assert summary["outcomes"] == {"created": 1}


def test_a_file_that_cannot_be_read_is_named_by_its_argument_only(terminal: Terminal, tmp_path: Path) -> None:
    where = ("--tenant", TENANT, "--channel", "web")
    unknown = terminal.run("ingest", str(tmp_path / f"{CANARY}.txt"), *where)
    assert (unknown.code, "--format" in unknown.err) == (2, True)
    missing = terminal.run("ingest", str(tmp_path / f"{CANARY}.csv"), *where)
    assert (missing.code, "FILE" in missing.err) == (2, True)
    (tmp_path / "headless.csv").write_text(f"{CANARY},{CANARY}\n")
    headless = terminal.run("ingest", str(tmp_path / "headless.csv"), *where, "--json")
    assert (headless.code, headless.json["problem"]["rule"]) == (2, "missing_column")


def test_a_public_channel_may_not_grant_for_people(terminal: Terminal) -> None:
    summary = terminal.json(*INGEST, "--public", given=record(1, email=CANARY))
    assert summary["refusals"] == {"no_consent": 1}
    summary = terminal.json(*INGEST, given=record(2, email=CANARY))
    assert summary["outcomes"] == {"created": 1}


def test_a_dry_run_counts_whom_an_import_would_touch_and_writes_nothing(terminal: Terminal) -> None:
    terminal.ok(*INGEST, given=record(1, email="known@example.org"))
    events = "".join(
        [
            event("grant", CANARY),
            event("grant", CANARY, purpose="sale"),
            event("withdraw", "known@example.org"),
            event("grant", "known@example.org", purpose="sale"),
            event("opt_out", "californian@example.org", purpose="*", jurisdiction="US-CA"),
            event("grant", "known@example.org"),
        ]
    )
    planned = terminal.json(*IMPORT, "--dry-run", given=events)
    assert planned["people"] == 3
    assert planned["widened"] == {"identity_resolution": 1, "sale": 2}
    assert planned["tightened"]["identity_resolution"] == 2
    assert planned["tightened"]["security"] == 1
    assert planned["outcomes"] == {"recorded": 6}
    again = terminal.json(*IMPORT, "--dry-run", given=events)
    assert again == planned
    assert terminal.json(*INGEST, given=record(2, email="known@example.org", consent=""))["outcomes"] == {"linked": 1}


def approved(terminal: Terminal, events: str) -> str:
    """Have an import of these events approved by a second person -> its id."""
    proposal: str = terminal.run(*IMPORT, "--propose", "--json", given=events).json["import"]
    key = terminal.json("client", "create", "--tenant", TENANT, "--role", "dpo")["api_key"]
    replace(terminal, environment={"GATEWAY_API_KEY": key}).ok("consent", "approve", proposal)
    return proposal


def test_an_import_does_what_its_dry_run_said(terminal: Terminal) -> None:
    terminal.ok(*INGEST, given=record(1, email="known@example.org"))
    grants = [event("grant", CANARY, purpose=one) for one in ("identity_resolution", DEVICE_ACCESS)]
    events = "".join(grants) + event("withdraw", "known@example.org") + "{}\n"
    assert terminal.run(*IMPORT, given=events).code == 3, "it widens, and nobody approved it"
    done = terminal.run(*IMPORT, "--approved", approved(terminal, events), "--json", given=events)
    assert done.code == 1
    assert done.json["outcomes"] == {"recorded": 3, "invalid": 1}
    assert done.json["links_retracted"] == 1
    after = terminal.run(*IMPORT, "--dry-run", "--json", given=events).json
    assert after["outcomes"] == {"known": 3, "invalid": 1}
    assert (after["widened"], after["tightened"]) == ({}, {})
    known = record(2, email="known@example.org", consent="")
    later = record(3, email=CANARY, consent="")
    assert terminal.json(*INGEST, given=known)["refusals"] == {"withdrawn": 1}
    assert terminal.json(*INGEST, given=later)["outcomes"] == {"created": 1}


def test_a_dry_run_is_readable(terminal: Terminal) -> None:
    printed = terminal.ok(*IMPORT, "--dry-run", given=event("grant", CANARY))
    assert "widened" in printed.out
    assert "nothing was written" in printed.err
