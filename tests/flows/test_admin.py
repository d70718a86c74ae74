"""Tenants and clients: made whole or not at all, recognized by their key alone, gone without a trace of it."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import pytest

from gateway.audit.entries import parse_leaf
from gateway.flows import admin
from gateway.flows.context import Caller, Gateway, Role
from gateway.flows.fsck import fsck
from gateway.kernel.errors import Conflict, InvalidInput, NotFound, Unauthenticated, Unavailable
from gateway.policy.loader import load
from gateway.settings import Settings
from gateway.storage.tenants import ClientRow
from gateway.storage.unit_of_work import UnitOfWork
from tests.flows.rigs import ask, tamper
from tests.simulator import SimulatedGateway


def kinds(gateway: Gateway, tenant_id: int) -> list[str]:
    """Kinds of all entries of the tenant's log."""
    with gateway.storage.begin(tenant_id, write=False) as unit:
        return [parse_leaf(leaf).kind for _, leaf in unit.log.entries(0, unit.log.head().size)]


def client(gateway: Gateway, tenant_id: int, *, outcomes: bool = False) -> tuple[ClientRow, str]:
    """A trusted client of the channel store."""
    return admin.create_client(
        gateway, tenant_id, name="tills", role=Role.CHANNEL, channel="store", client_class="trusted", outcomes=outcomes
    )


@pytest.fixture
def own_site(migrated_database: str, tmp_path: Path) -> Iterator[SimulatedGateway]:
    """A gateway on a database of the test's own, on each back end."""
    with SimulatedGateway.opened(migrated_database, tmp_path) as opened:
        yield opened


def test_a_tenant_begins_with_its_log_and_its_policy(own_site: SimulatedGateway) -> None:
    tenant_id = admin.create_tenant(own_site.gateway, "shop")
    assert admin.find_tenant(own_site.gateway, "shop") == tenant_id
    assert admin.list_tenants(own_site.gateway) == [(tenant_id, "shop")]
    assert kinds(own_site.gateway, tenant_id) == ["tenant.created", "policy.activated"]
    assert fsck(own_site.gateway, tenant_id).findings == ()


def test_the_policy_set_is_kept_under_its_digest(sqlite_site: SimulatedGateway) -> None:
    gateway = sqlite_site.gateway
    admin.create_tenant(gateway, "shop")
    admin.create_tenant(gateway, "other")
    ((digest, body),) = ask(gateway, "SELECT digest, body FROM policy_set")
    assert digest == gateway.policies.digest
    assert '"legal_bases":["consent"' in str(body)


def test_a_name_is_given_once(own_site: SimulatedGateway) -> None:
    admin.create_tenant(own_site.gateway, "shop")
    with pytest.raises(Conflict):
        admin.create_tenant(own_site.gateway, "shop")
    assert len(admin.list_tenants(own_site.gateway)) == 1
    assert admin.create_tenant(own_site.gateway, "other") != admin.find_tenant(own_site.gateway, "shop")


@pytest.mark.parametrize("name", ["", "-shop", "Shop", "a b", "shop\n", "ä", "a" * 64, "a/b", "a+b"])
def test_a_name_is_a_slug(sqlite_site: SimulatedGateway, name: str) -> None:
    with pytest.raises(InvalidInput, match="at most 63"):
        admin.create_tenant(sqlite_site.gateway, name)


def test_without_keys_there_is_no_tenant_and_foreign_keys_stay(own_site: SimulatedGateway) -> None:
    foreign = own_site.gateway.keys.create(1)
    with pytest.raises(Conflict, match="keyring"):
        admin.create_tenant(own_site.gateway, "shop")
    assert admin.list_tenants(own_site.gateway) == []
    assert own_site.gateway.keys.tenant(1) is foreign


def test_keys_of_a_tenant_that_was_not_committed_are_destroyed(
    own_site: SimulatedGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: UnitOfWork) -> None:
        assert admin.has_keys(own_site.gateway, 1)
        raise Unavailable("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(UnitOfWork, "commit", fail)
        with pytest.raises(Unavailable, match="disk"):
            admin.create_tenant(own_site.gateway, "shop")
    assert not admin.has_keys(own_site.gateway, 1)
    assert admin.create_tenant(own_site.gateway, "shop") == 1


def test_a_tenant_is_deleted_with_keys_journal_and_rows(own_site: SimulatedGateway) -> None:
    gateway = own_site.gateway
    tenant, other = own_site.tenant(), own_site.tenant()
    name = admin.tenant_name(gateway, tenant.tenant_id)
    for one in (tenant, other):
        one.send("store", one.record("r1", "email:anna", "phone:1"))
        one.state("store", "withdraw", "email:anna")
    told = admin.delete_tenant(gateway, tenant.tenant_id, dry_run=True)
    assert tenant.counted("pseudonym") == 4, "one of the address, three of the number"
    assert told["keys"] == 1
    assert told["journal_bytes"] == gateway.journal.size(tenant.tenant_id) > 0
    assert told["pseudonym"] == 4
    assert admin.delete_tenant(gateway, tenant.tenant_id, dry_run=False) == told
    assert {name: tenant.counted(name) for name in ("pseudonym", "ledger", "log_opening", "record", "client")} == {
        "pseudonym": 0,
        "ledger": 0,
        "log_opening": 0,
        "record": 0,
        "client": 0,
    }
    assert not admin.has_keys(gateway, tenant.tenant_id)
    assert gateway.journal.size(tenant.tenant_id) == 0
    assert [tenant_id for tenant_id, _ in admin.list_tenants(gateway)] == [other.tenant_id]
    other.verify()
    with pytest.raises(NotFound):
        admin.find_tenant(gateway, name)
    with pytest.raises(NotFound):
        admin.delete_tenant(gateway, tenant.tenant_id, dry_run=False)
    assert admin.create_tenant(gateway, name) not in (tenant.tenant_id, other.tenant_id)


def test_a_deletion_that_was_cut_short_is_finished(own_site: SimulatedGateway) -> None:
    tenant = own_site.tenant()
    tenant.send("store", tenant.record("r1", "email:anna"))
    own_site.gateway.keys.destroy(tenant.tenant_id)
    assert admin.delete_tenant(own_site.gateway, tenant.tenant_id, dry_run=False)["keys"] == 0
    assert tenant.counted("pseudonym") == 0


def test_a_client_is_recognized_by_its_key(own_site: SimulatedGateway) -> None:
    tenant_id = admin.create_tenant(own_site.gateway, "shop")
    row, key = client(own_site.gateway, tenant_id, outcomes=True)
    assert admin.authenticate(own_site.gateway, key) == Caller(
        tenant_id, row.client_id, "tills", Role.CHANNEL, "store", "trusted", outcomes=True
    )
    assert admin.list_clients(own_site.gateway, tenant_id) == [row]
    assert kinds(own_site.gateway, tenant_id)[2:] == ["client.created"]


def test_the_key_is_kept_nowhere(sqlite_site: SimulatedGateway) -> None:
    gateway = sqlite_site.gateway
    row, key = client(gateway, admin.create_tenant(gateway, "shop"))
    head, prefix, secret = key.split("_", 2)
    assert (head, len(prefix), len(secret)) == ("gw", 8, 43)
    assert (row.key_prefix, row.key_hash) == (prefix, sha256(key.encode()).digest())
    gateway.storage.engine.dispose()
    with sqlite3.connect(str(gateway.storage.engine.url.database)) as connection:
        dumped = "\n".join(connection.iterdump())
    connection.close()
    assert prefix in dumped
    assert secret not in dumped


def test_authentication_is_one_statement(sqlite_site: SimulatedGateway) -> None:
    gateway = sqlite_site.gateway
    _, key = client(gateway, admin.create_tenant(gateway, "shop"))
    said: list[str] = []
    with gateway.storage.engine.connect() as connection:
        driver = cast("sqlite3.Connection", connection.connection.dbapi_connection)
        driver.set_trace_callback(said.append)
    admin.authenticate(gateway, key)
    driver.set_trace_callback(None)
    assert [statement.split()[0] for statement in said] == ["BEGIN", "SELECT", "ROLLBACK"]


@pytest.mark.parametrize(
    "key",
    ["", "gw_", "gw_aaaaaaaa_" + "a" * 42, "gw_aaaaaaaa_" + "a" * 44, "gw_AAAAAAAA_" + "a" * 43, "\ud800", "ä" * 55],
)
def test_a_malformed_key_is_nobody(sqlite_site: SimulatedGateway, key: str) -> None:
    with pytest.raises(Unauthenticated, match="not known, or was revoked"):
        admin.authenticate(sqlite_site.gateway, key)


def test_an_unknown_wrong_or_revoked_key_is_nobody(own_site: SimulatedGateway) -> None:
    tenant_id = admin.create_tenant(own_site.gateway, "shop")
    row, key = client(own_site.gateway, tenant_id)
    wrong = key[:-1] + ("A" if key[-1] != "A" else "B")
    for other in (wrong, "gw_aaaaaaaa_" + key[12:]):
        with pytest.raises(Unauthenticated, match="not known, or was revoked"):
            admin.authenticate(own_site.gateway, other)
    admin.revoke_client(own_site.gateway, tenant_id, row.client_id)
    with pytest.raises(Unauthenticated, match="not known, or was revoked"):
        admin.authenticate(own_site.gateway, key)
    with pytest.raises(NotFound):
        admin.revoke_client(own_site.gateway, tenant_id, row.client_id)
    assert kinds(own_site.gateway, tenant_id)[2:] == ["client.created", "client.revoked"]


def test_a_client_of_another_tenant_is_not_revoked(own_site: SimulatedGateway) -> None:
    row, key = client(own_site.gateway, admin.create_tenant(own_site.gateway, "shop"))
    other = admin.create_tenant(own_site.gateway, "other")
    with pytest.raises(NotFound):
        admin.revoke_client(own_site.gateway, other, row.client_id)
    assert admin.authenticate(own_site.gateway, key).client_id == row.client_id


def test_a_public_client_is_never_told_outcomes(sqlite_site: SimulatedGateway) -> None:
    gateway = sqlite_site.gateway
    tenant_id = admin.create_tenant(gateway, "shop")
    _, key = admin.create_client(
        gateway, tenant_id, name="page", role=Role.CHANNEL, channel="web", client_class="public", outcomes=False
    )
    tamper(gateway, "UPDATE client SET outcomes = 1")
    assert not admin.authenticate(gateway, key).outcomes


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("name", {"name": ""}),
        ("name", {"name": "a" * 101}),
        ("name", {"name": "a\nb"}),
        ("channel", {"channel": ""}),
        ("channel", {"channel": "Store"}),
        ("channel", {"channel": "s" * 51}),
        ("class", {"client_class": "friend"}),
        ("class", {"client_class": "public", "outcomes": True}),
        ("class", {"client_class": "public", "role": Role.DPO}),
    ],
)
def test_a_client_that_may_not_be_is_refused(sqlite_site: SimulatedGateway, field: str, wrong: dict[str, Any]) -> None:
    tenant_id = admin.create_tenant(sqlite_site.gateway, "shop")
    right = {"name": "tills", "role": Role.CHANNEL, "channel": "store", "client_class": "trusted", "outcomes": False}
    with pytest.raises(InvalidInput) as refused:
        admin.create_client(sqlite_site.gateway, tenant_id, **{**right, **wrong})
    assert refused.value.field == field
    assert admin.list_clients(sqlite_site.gateway, tenant_id) == []


def test_policies_are_activated_once_and_again_when_they_come_back(own_site: SimulatedGateway, tmp_path: Path) -> None:
    gateway = own_site.gateway
    tenant_id = admin.create_tenant(gateway, "shop")
    assert not admin.activate_policies(gateway, tenant_id)
    directory = tmp_path / "policies"
    shutil.copytree(Settings.from_environment({}).policies, directory)
    retention = directory / "retention.yaml"
    retention.write_text(retention.read_text().replace("backups_days: ", "backups_days: 1"))
    changed = replace(gateway, policies=load(directory))
    assert changed.policies.digest != gateway.policies.digest
    assert admin.activate_policies(changed, tenant_id)
    assert not admin.activate_policies(changed, tenant_id)
    assert admin.activate_policies(gateway, tenant_id)
    assert kinds(gateway, tenant_id)[1:] == ["policy.activated"] * 3
    with gateway.storage.begin(tenant_id, write=False) as unit:
        digests = [parse_leaf(leaf).policy for _, leaf in unit.log.entries(1, 4)]
    assert digests == [gateway.policies.digest, changed.policies.digest, gateway.policies.digest]


def test_the_operator_acts_in_any_role(own_site: SimulatedGateway) -> None:
    tenant = own_site.tenant()
    operator = admin.system_caller(own_site.gateway, tenant.tenant_id, Role.CHANNEL, "import")
    assert (operator.client_id, operator.channel, operator.client_class) == (admin.OPERATOR, "import", "trusted")
    tenant = replace(tenant, callers={"import": operator})
    assert tenant.outcomes("import", tenant.record("r1", "email:anna")) == ["created"]
    tenant.verify()
