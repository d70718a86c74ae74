"""Setting up from the command line: home, tenants, clients, keys, policies, backup and restore."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

import pytest

from gateway.flows.admin import authenticate
from gateway.settings import Settings
from gateway.storage.migrate import downgrade
from gateway.wiring import build
from tests.doors.terminal import CANARY, TENANT, Terminal, record


def test_init_makes_what_is_missing_and_nothing_twice(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path / "home")
    first = terminal.ok("init").out
    key = (terminal.home / "keys" / "root.key").read_bytes()
    assert "Keep a copy away" in first
    assert stat.S_IMODE((terminal.home / "keys" / "root.key").stat().st_mode) == 0o600
    assert "root key" not in terminal.ok("init").out
    assert (terminal.home / "keys" / "root.key").read_bytes() == key
    assert terminal.json("db", "check") == {"findings": []}


def test_a_database_that_is_behind_is_refused_and_upgraded(terminal: Terminal) -> None:
    settings = Settings.from_environment({"GATEWAY_HOME": str(terminal.home)})
    downgrade(settings.database_url, settings.migrations, "0001")
    refused = terminal.run("tenant", "list")
    assert refused.code == 4
    assert "gateway db upgrade" in refused.err
    assert terminal.run("jobs", "run").code == 4
    assert terminal.run("db", "check").code == 1
    terminal.ok("db", "upgrade")
    assert terminal.json("tenant", "list")["tenants"][0]["tenant"] == TENANT


def test_tenants_are_made_listed_and_deleted_after_a_dry_run(terminal: Terminal) -> None:
    assert terminal.json("tenant", "create", "other")["tenant"] == "other"
    assert terminal.run("tenant", "create", "other").code == 3
    assert terminal.run("tenant", "create", "Not A Slug").code == 2
    assert [one["tenant"] for one in terminal.json("tenant", "list")["tenants"]] == [TENANT, "other"]
    dry = terminal.json("tenant", "delete", "other")
    assert (dry["deleted"], dry["figures"]["keys"]) == (False, 1)
    assert len(terminal.json("tenant", "list")["tenants"]) == 2
    assert terminal.json("tenant", "delete", "other", "--yes")["deleted"] is True
    assert [one["tenant"] for one in terminal.json("tenant", "list")["tenants"]] == [TENANT]
    assert terminal.run("tenant", "delete", "other", "--yes").code == 2


def test_a_clients_key_is_printed_once_and_can_be_revoked(terminal: Terminal) -> None:
    made = terminal.json("client", "create", "--tenant", TENANT, "--role", "channel", "--channel", "web")
    gateway = build(Settings.from_environment({"GATEWAY_HOME": str(terminal.home)}))
    caller = authenticate(gateway, made["api_key"])
    gateway.storage.engine.dispose()
    assert (caller.channel, caller.client_class, caller.outcomes) == ("web", "trusted", True)
    listed = terminal.ok("client", "list", "--tenant", TENANT, "--json")
    assert made["api_key"] not in listed.out
    assert listed.json["clients"][0]["revoked_at"] is None
    terminal.ok("client", "revoke", made["client"], "--tenant", TENANT)
    assert terminal.json("client", "list", "--tenant", TENANT)["clients"][0]["revoked_at"] is not None
    assert terminal.run("client", "revoke", made["client"], "--tenant", TENANT).code == 2
    assert terminal.run("client", "revoke", "cli_?", "--tenant", TENANT).code == 2


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (("--public",), ("public", False)),
        (("--no-outcomes",), ("trusted", False)),
        ((), ("trusted", True)),
    ],
)
def test_what_a_client_is_told_follows_its_class(
    terminal: Terminal, options: tuple[str, ...], wanted: tuple[str, bool]
) -> None:
    terminal.ok("client", "create", "--tenant", TENANT, "--role", "channel", "--channel", "web", *options)
    (row,) = terminal.json("client", "list", "--tenant", TENANT)["clients"]
    assert (row["class"], row["outcomes"]) == wanted


def test_a_public_client_cannot_be_told_outcomes_nor_be_an_officer(terminal: Terminal) -> None:
    create = ("client", "create", "--tenant", TENANT, "--public")
    assert terminal.run(*create, "--role", "channel", "--channel", "web", "--outcomes").code == 2
    assert terminal.run(*create, "--role", "dpo").code == 2
    assert terminal.run("client", "create", "--tenant", TENANT, "--role", "channel").code == 2


def test_keys_status_shows_the_verifier_key_and_finds_a_wrong_root_key(terminal: Terminal) -> None:
    (row,) = terminal.json("keys", "status")["tenants"]
    assert row["keys"] == "open"
    assert row["log_verifier_key"].startswith(f"consent-gateway/{TENANT}")
    other = Terminal(terminal.home, {"GATEWAY_ROOT_KEY": "A" * 43 + "="})
    assert other.run("keys", "status").code == 1
    assert Terminal(terminal.home, {"GATEWAY_ROOT_KEY": "short"}).run("keys", "status").code == 4


@pytest.mark.parametrize(
    ("name", "value"), [("GATEWAY_DATABASE_URL", f"mysql://{CANARY}/x"), ("GATEWAY_MAX_BODY_MIB", CANARY)]
)
def test_a_setting_that_does_not_fit_is_named(tmp_path: Path, name: str, value: str) -> None:
    refused = Terminal(tmp_path / "home", {name: value}).run("init")
    assert refused.code == 2
    assert name in refused.err
    assert not (tmp_path / "home").exists()


def test_policies_are_checked_and_explained_without_a_store(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path / "none")
    assert terminal.json("policies", "check")["findings"] == []
    explained = terminal.json("policies", "explain", "--regime", "gdpr", "--purpose", "identity_resolution")
    assert "GDPR Art. 6" in explained["citation"]
    assert "GDPR Art. 6" in terminal.ok("policies", "explain", "--regime", "gdpr", "--purpose", "sale").out
    assert terminal.run("policies", "explain", "--regime", "gdpr", "--purpose", CANARY).code == 2
    copied = tmp_path / "policies"
    shutil.copytree(Settings.from_environment({}).policies, copied)
    (copied / "gdpr.yaml").write_text(f"{(copied / 'gdpr.yaml').read_text()}surprise: 1\n")
    found = terminal.run("policies", "check", str(copied))
    assert found.code == 1
    assert found.out.startswith("gdpr.yaml:")
    assert not terminal.home.exists()


def test_golden_tables_are_decided_without_a_store(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path / "none")
    told = terminal.json("policies", "test")
    assert (told["findings"], told["uncovered"]) == ([], {})
    assert told["rows"].keys() > {"gdpr", "ccpa", "default"}
    assert "not asked about" in terminal.ok("policies", "test").out
    copied = tmp_path / "policies"
    shutil.copytree(Settings.from_environment({}).policies, copied)
    law = (copied / "gdpr.yaml").read_text()
    (copied / "gdpr.yaml").write_text(law.replace("consent_lifetime_days: 730", "consent_lifetime_days: 729"))
    found = terminal.run("policies", "test", str(copied))
    assert found.code == 1
    assert found.out.startswith("golden/gdpr.csv:")
    assert "came out as refuse (consent_expired)" in found.out
    assert not terminal.home.exists()


def test_a_refused_policy_set_stops_every_command_with_the_place(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "gdpr.yaml").write_text("surprise: 1\n")
    refused = Terminal(terminal.home, {"GATEWAY_POLICIES": str(tmp_path / "policies")}).run("tenant", "list")
    assert refused.code == 4
    assert "gateway policies check" in refused.err
    assert refused.err.count("\n") == 1


def test_a_backup_comes_back_with_what_it_held(terminal: Terminal, tmp_path: Path) -> None:
    take_in = ("ingest", "-", "--format", "ndjson", "--tenant", TENANT, "--channel", "web")
    terminal.ok(*take_in, given=record(1, email=CANARY))
    manifest = terminal.json("backup", "create", str(tmp_path / "backup"))
    assert "journal" in manifest["not_included"]
    terminal.ok(*take_in, given=record(2, email="later@example.org"))
    planned = terminal.json("restore", str(tmp_path / "backup"), "--dry-run")
    assert (planned["dry_run"], planned["overwrites"]) == (True, True)
    assert terminal.run("restore", str(tmp_path / "backup")).code == 3
    restored = terminal.json("restore", str(tmp_path / "backup"), "--replace")
    assert [one["name"] for one in restored["tenants"]] == [TENANT]
    assert terminal.json(*take_in, given=record(1, email=CANARY))["outcomes"] == {"duplicate": 1}
    assert terminal.json(*take_in, given=record(2, email="later@example.org"))["outcomes"] == {"created": 1}
    assert terminal.json("restore", "--replay") == {"replayed": {TENANT: 0}}


def test_restore_needs_a_directory_or_replay_and_finds_a_changed_copy(terminal: Terminal, tmp_path: Path) -> None:
    assert terminal.run("restore").code == 2
    assert terminal.run("restore", str(tmp_path / "none"), "--replace").code == 2
    terminal.ok("backup", "create", str(tmp_path / "backup"))
    with (tmp_path / "backup" / "store.db").open("r+b") as copy:
        copy.seek(5000)
        copy.write(b"\xff")
    assert terminal.run("restore", str(tmp_path / "backup"), "--replace").code == 1
    assert terminal.run("backup", "create", str(tmp_path / "backup")).code == 3
