"""A tenant adds a kind of identifier in YAML alone: it is taken in, links, is kept apart by namespace, and expires."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.doors.terminal import DAY_BEFORE, TENANT, YESTERDAY, Terminal
from tests.unit.policy.policy_files import copy_to, edit

OF = ("--tenant", TENANT)
INGEST = ("ingest", "-", "--format", "ndjson", *OF, "--channel", "games")

KIND = """\
kinds:
  guild_tag:  # the name a player has in a guild; namespace: the game
    normalizer: casefold
    scope: person
    may_link: true
    rank: 0
    namespaced: true
    per_profile: 3
    shared_above: 2
    deny: [guest, newbie]
    retention_days: {days}
"""


def with_kind(terminal: Terminal, directory: Path, days: int) -> Terminal:
    """The terminal of somebody who has the new kind in a policy directory of their own."""
    edit(copy_to(directory), "identifiers.yaml", "kinds:\n", KIND.format(days=days))
    return replace(terminal, environment={"GATEWAY_POLICIES": str(directory)})


@pytest.fixture
def games(terminal: Terminal, tmp_path: Path) -> Terminal:
    """A tag is kept for a year."""
    return with_kind(terminal, tmp_path / "policies", 365)


def tag(value: str, game: str = "chess") -> dict[str, str]:
    return {"kind": "guild_tag", "namespace": game, "value": value}


def line(number: int, *identifiers: dict[str, str], at: str = DAY_BEFORE) -> str:
    body = {"record_id": f"g{number}", "observed_at": at, "jurisdiction": "US-CA", "identifiers": identifiers}
    return json.dumps(body) + "\n"


def customer(name: str) -> dict[str, str]:
    return {"kind": "customer_id", "value": name}


def members(terminal: Terminal) -> int:
    """How many identifiers stand in profiles, by what a check of the store has looked at."""
    checked: dict[str, int] = terminal.json("audit", "fsck", *OF)["checked"]
    return checked["members"]


def test_the_policies_are_whole_with_it(games: Terminal) -> None:
    games.ok("policies", "check")


def test_without_it_the_kind_is_not_known(terminal: Terminal) -> None:
    printed = terminal.run(*INGEST, "--json", given=line(1, tag("Raven")))
    assert (printed.code, printed.json["problems"]) == (1, {"unknown_kind": 1})


@pytest.mark.parametrize(
    ("identifier", "rule"),
    [
        ({"kind": "guild_tag", "value": "Raven"}, "namespace_required"),
        (tag("Raven", "No Slug"), "bad_namespace"),
        (tag("Newbie"), "junk"),
        (tag("NULL"), "junk"),
        (tag("a" * 64), "looks_hashed"),
    ],
)
def test_its_rules_are_those_of_the_file(games: Terminal, identifier: dict[str, str], rule: str) -> None:
    printed = games.run(*INGEST, "--json", given=line(1, identifier))
    assert (printed.code, printed.json["problems"]) == (1, {rule: 1})


def test_it_links_within_its_namespace(games: Terminal) -> None:
    lines = [
        line(1, tag(" RAVEN"), customer("a")),
        line(2, tag("raven")),
        line(3, tag("raven", "go")),
    ]
    outcomes = [games.json(*INGEST, given=one)["outcomes"] for one in lines]
    assert outcomes == [{"created": 1}, {"linked": 1}, {"created": 1}]


def test_people_who_share_one_are_not_joined(games: Terminal) -> None:
    lines = [line(number, tag("raven"), customer(f"k{number}")) for number in range(3)]
    games.json(*INGEST, given="".join(lines))
    assert members(games) == 3, "the customers, each alone: the tag is demoted"


def test_it_expires(games: Terminal, tmp_path: Path) -> None:
    games.ok(*INGEST, given=line(1, tag("raven"), customer("a")) + line(2, tag("crow"), customer("b"), at=YESTERDAY))
    assert games.json("identifiers", "expire", *OF)["identifiers"] == {}
    shorter = with_kind(games, tmp_path / "shorter", 1)
    command = ("identifiers", "expire", *OF)
    counted = shorter.json(*command, "--dry-run")
    assert (counted["dry_run"], counted["identifiers"], counted["counts"]) == (True, {"guild_tag": 2}, {"links": 2})
    assert members(shorter) == 4
    gone = shorter.json(*command)
    assert (gone["dry_run"], gone["identifiers"], gone["counts"]["links"]) == (False, {"guild_tag": 2}, 2)
    assert members(shorter) == 2
    assert shorter.json(*command)["identifiers"] == {}
    assert "none" in shorter.ok(*command, "--dry-run").out


def test_a_request_names_it_too(games: Terminal) -> None:
    games.ok(*INGEST, given=line(1, tag("raven"), customer("a")))
    submit = ("rights", "submit", "erasure", *OF, "--jurisdiction", "US-CA", "--proof", "account_login")
    request = games.json(*submit, given="guild_tag:chess Raven\n")["id"]
    for action in ("preflight", "approve"):
        games.ok("rights", action, request, *OF)
    games.ok("rights", "run", *OF)
    assert members(games) == 0
