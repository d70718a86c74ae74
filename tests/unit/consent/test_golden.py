"""Golden tables: the shipped ones pass and notice every change of a rule; what cannot be read is told with its line."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.consent.golden import COLUMNS, run_tables
from gateway.kernel.clock import DAY
from gateway.policy.errors import Finding
from gateway.policy.model import ConsentRule, PolicySet
from gateway.settings import Settings
from tests.unit.consent.facts import POLICIES

SHIPPED = Settings.from_environment({}).policies
HEADER = ",".join(COLUMNS)
GRANTED = "analytics,DE,email,grant@2026-03-01,2026-03-02,permit,granted"
ALONE = sorted(POLICIES.regimes.keys() - {"eprivacy"})
"""The regimes whose tables are decided by their own rules alone: the rules about devices always stand beside others."""


def written(directory: Path, *lines: str, regime: str = "gdpr") -> Path:
    """The lines as the golden table of a regime in `directory`."""
    (directory / "golden").mkdir()
    (directory / "golden" / f"{regime}.csv").write_text("\n".join(lines) + "\n")
    return directory


def test_the_shipped_tables_come_out_and_ask_about_every_rule() -> None:
    report = run_tables(POLICIES, SHIPPED)
    assert report.findings == ()
    assert dict(report.uncovered) == {}
    assert report.rows.keys() == POLICIES.regimes.keys()
    assert min(report.rows.values()) > 60


CHANGES: dict[str, Callable[[ConsentRule], ConsentRule]] = {
    "default": lambda rule: replace(rule, default="allow" if rule.default == "deny" else "deny"),
    "bases": lambda rule: replace(rule, legal_bases=frozenset({"public_task"})),
    "gates": lambda rule: replace(rule, age_gates=()),
    "lifetime": lambda rule: replace(rule, consent_lifetime_days=(rule.consent_lifetime_days or 0) + 1),
    "gpc": lambda rule: replace(rule, signals={} if "gpc" in rule.signals else {"gpc": "opt_out"}),
    "beginning": lambda rule: replace(rule, effective_from=rule.effective_from + DAY),
    "end": lambda rule: replace(rule, effective_to=(rule.effective_to or 0) - DAY),
}


def _matters(change: str, rule: ConsentRule) -> bool:
    """Whether the change can be seen in a decision."""
    never = rule.default == "deny" and not rule.legal_bases
    lifetime = rule.consent_lifetime_days or 0
    ends_with_it = rule.effective_to is not None and rule.effective_to < rule.effective_from + lifetime * DAY
    return {
        "bases": rule.default == "deny" and not never,
        "gates": bool(rule.age_gates) and not never,
        "lifetime": lifetime > 0 and rule.default == "deny" and not (never or ends_with_it),
        "gpc": not never,
        "end": rule.effective_to is not None,
    }.get(change, True)


RULES = sorted(
    {
        (name, rule.id, change)
        for name in ALONE
        for rules in POLICIES.regimes[name].consent.values()
        for rule in rules
        for change in CHANGES
        if _matters(change, rule)
    }
)


def changed(regime: str, rule_id: str, change: str) -> PolicySet:
    """The shipped policies with one rule changed for all its purposes."""
    law = POLICIES.regimes[regime]
    consent = {
        purpose: tuple(CHANGES[change](rule) if rule.id == rule_id else rule for rule in rules)
        for purpose, rules in law.consent.items()
    }
    return replace(POLICIES, regimes={**POLICIES.regimes, regime: replace(law, consent=consent)})


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(RULES))
def test_a_changed_rule_makes_rows_of_its_table_come_out_otherwise(target: tuple[str, str, str]) -> None:
    regime, _, _ = target
    with tempfile.TemporaryDirectory() as scratch:
        (Path(scratch) / "golden").mkdir()
        shutil.copy(SHIPPED / "golden" / f"{regime}.csv", Path(scratch) / "golden")
        findings = run_tables(changed(*target), Path(scratch)).findings
    assert findings
    assert {finding.file for finding in findings} == {f"golden/{regime}.csv"}
    assert all("came out as" in finding.message for finding in findings)


def test_a_row_that_comes_out_otherwise_is_named_with_its_line(tmp_path: Path) -> None:
    directory = written(tmp_path, HEADER, "# a remark", "", GRANTED, GRANTED.replace("permit,granted", "refuse,denied"))
    report = run_tables(POLICIES, directory)
    message = "expected refuse (denied), came out as permit (granted)"
    assert report.findings == (Finding("golden/gdpr.csv", 5, message),)
    assert report.rows["gdpr"] == 2
    assert "gdpr.consent.identity_resolution: analytics" not in report.uncovered["gdpr"]
    assert "gdpr.consent.identity_resolution: personalization" in report.uncovered["gdpr"]


def test_no_tables_are_no_findings_but_all_is_told_as_not_asked_about(tmp_path: Path) -> None:
    report = run_tables(POLICIES, tmp_path)
    assert report.findings == ()
    assert set(report.rows.values()) == {0}
    assert report.uncovered.keys() == POLICIES.regimes.keys()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("analytics,DE,email,,2026-03-02,permit", "row: 7 cells are needed"),
        ('analytics,DE,email,"grant@2026-03-01,2026-03-02,permit,granted', "row: not a row of CSV"),
        (GRANTED.replace("analytics", "luck"), "purpose: not a word that is known there"),
        (GRANTED.replace("DE", "US-CA"), "jurisdiction: the table's regime does not apply there"),
        (GRANTED.replace("DE", ""), "jurisdiction: the table's regime does not apply there"),
        (GRANTED.replace("email", "badge"), "identifiers: not a word that is known there"),
        (GRANTED.replace("email", ""), "identifiers: at least one kind is needed, and each once"),
        (GRANTED.replace("email", "email email"), "identifiers: at least one kind is needed, and each once"),
        (GRANTED.replace("grant@", "grant "), "events: [kind.]event[/basis][:purpose]@YYYY-MM-DD is needed"),
        (GRANTED.replace("grant@", "nod@"), "events: not a word that is known there"),
        (GRANTED.replace("grant@", "minor@"), "events: not a word that is known there"),
        (GRANTED.replace("grant@", "grant/hope@"), "events: not a word that is known there"),
        (GRANTED.replace("grant@", "grant:luck@"), "events: not a word that is known there"),
        (GRANTED.replace("grant@", "cookie.grant@"), "events: no identifier of the row carries this event"),
        (GRANTED.replace("email", "ip"), "events: no identifier of the row carries this event"),
        (GRANTED.replace("grant@2026-03-01", "grant@2026-02-30"), "events: a date YYYY-MM-DD is needed"),
        (GRANTED.replace("grant@2026-03-01", "born@2012-02-29"), "events: born on 29 February: write 1 March"),
        (GRANTED.replace("2026-03-02", "yesterday"), "at: a date YYYY-MM-DD is needed"),
        (GRANTED.replace("permit", "maybe"), "expect: not a word that is known there"),
        (GRANTED.replace("granted", "because"), "reason: not a word that is known there"),
    ],
)
def test_a_row_that_cannot_be_read_is_told_and_the_others_are_decided(tmp_path: Path, row: str, message: str) -> None:
    report = run_tables(POLICIES, written(tmp_path, HEADER, row, GRANTED.replace("granted", "denied")))
    first, second = report.findings
    assert first == Finding("golden/gdpr.csv", 2, message)
    assert (second.line, "came out as permit (granted)" in second.message) == (3, True)


@pytest.mark.parametrize(
    ("regime", "lines", "line", "message"),
    [
        ("cpra", [HEADER], 1, "no regime of this name is in the set"),
        ("gdpr", ["# only a remark"], 1, "the columns must be"),
        ("gdpr", ["", HEADER.replace("reason", "why"), GRANTED], 2, "the columns must be"),
    ],
)
def test_a_table_that_cannot_be_read_is_one_finding(
    tmp_path: Path, regime: str, lines: list[str], line: int, message: str
) -> None:
    (finding,) = run_tables(POLICIES, written(tmp_path, *lines, regime=regime)).findings
    assert (finding.file, finding.line) == (f"golden/{regime}.csv", line)
    assert finding.message.startswith(message)


def test_a_table_that_is_no_text_is_one_finding(tmp_path: Path) -> None:
    written(tmp_path)
    (tmp_path / "golden" / "gdpr.csv").write_bytes(b"\xff\xfe")
    assert run_tables(POLICIES, tmp_path).findings == (Finding("golden/gdpr.csv", 1, "not UTF-8"),)


def test_an_event_stands_where_it_is_said_to_stand(tmp_path: Path) -> None:
    directory = written(
        tmp_path,
        HEADER,
        "sale,US-CA,email,usp@2026-03-01,2026-03-02,refuse,opted_out",
        "analytics,US-CA,email,usp@2026-03-01; gpc@2026-03-01,2026-03-02,permit,not_opted_out",
        "analytics,US-CA,email,opt_out:*@2026-03-01,2026-03-02,refuse,opted_out",
        "analytics,US-CA,email phone,phone.opt_out@2026-03-01,2026-03-02,refuse,opted_out",
        "analytics,US-CA,email,opt_out:sale@2026-03-01,2026-03-02,permit,not_opted_out",
        regime="ccpa",
    )
    report = run_tables(POLICIES, directory)
    assert (report.findings, report.rows["ccpa"]) == ((), 5)
