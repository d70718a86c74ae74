"""The cascade's data: steps in order, resuming, and tables without a rule."""

from __future__ import annotations

import json

import pytest

from gateway.rights.cascade import ERASURE_STEPS, RULES, Preflight, TableRule, check_complete, remaining


def full(table: str) -> TableRule:
    return TableRule(table, merge="stays", split="stays", erasure="deleted", export="shown")


def test_the_journal_comes_first_and_the_receipt_last() -> None:
    assert ERASURE_STEPS[:2] == ("journal", "tombstones")
    assert ERASURE_STEPS[-1] == "receipt"
    assert len(set(ERASURE_STEPS)) == len(ERASURE_STEPS)


def test_a_killed_run_goes_on_after_its_last_finished_step() -> None:
    assert remaining("") == ERASURE_STEPS
    assert remaining("receipt") == ()
    for position, step in enumerate(ERASURE_STEPS):
        assert ERASURE_STEPS[: position + 1] + remaining(step) == ERASURE_STEPS
    with pytest.raises(ValueError, match="not in tuple"):
        remaining("no such step")


def test_every_table_needs_a_rule_and_every_rule_a_table() -> None:
    rules = {"links": full("links"), "ghosts": full("ghosts")}
    assert check_complete({"links", "ghosts"}, rules) == []
    assert check_complete({"links", "records"}, rules) == ["missing: records", "superfluous: ghosts"]


def test_a_rule_says_all_four_and_stands_under_its_own_name() -> None:
    rules = {"links": full("records"), "openings": TableRule("openings", "stays", "stays", "", "shown")}
    assert check_complete({"links", "openings"}, rules) == ["blank: openings", "misnamed: links"]


def test_the_registry_agrees_with_itself() -> None:
    assert check_complete(set(RULES)) == []


def test_a_preflight_is_json_in_a_fixed_order() -> None:
    preflight = Preflight(
        tables={"links": 4, "identifiers": 3},
        profiles=1,
        shared={"phone": 1},
        untrusted_links=2,
        backup_days=30,
        jurisdictions=("US-CA", "DE"),
    )
    text = json.dumps(preflight.as_json())
    assert json.loads(text)["jurisdictions"] == ["DE", "US-CA"]
    assert text == json.dumps(preflight.as_json(), sort_keys=True)
