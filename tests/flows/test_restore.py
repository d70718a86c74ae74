"""Restore: what comes back is whole, of a new epoch, and knows of every later erasure and opt-out."""

from __future__ import annotations

import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import orjson
import pytest

from gateway.audit.entries import Leaf, parse_leaf
from gateway.audit.opening import Opening
from gateway.flows import audit, backup, rotate_keys
from gateway.flows.admin import delete_tenant, list_tenants, tenant_name
from gateway.flows.fsck import fsck
from gateway.flows.steps.copies import copy_sqlite, dump_postgres, sha256_of
from gateway.kernel.errors import BehindJournal, Conflict, Unavailable
from gateway.settings import Settings
from gateway.storage import migrate
from gateway.storage.unit_of_work import UnitOfWork
from tests.flows.rigs import erase, lose, settings_of, store_of
from tests.simulator import SimulatedGateway, TenantSimulator


@pytest.fixture
def settings(own_site: SimulatedGateway, tmp_path: Path) -> Settings:
    """The settings of `own_site`."""
    return settings_of(own_site.gateway, tmp_path)


@pytest.fixture
def own_site(migrated_database: str, tmp_path: Path) -> Iterator[SimulatedGateway]:
    """A gateway on a database of the test's own, on each back end."""
    with SimulatedGateway.opened(migrated_database, tmp_path) as opened:
        yield opened


def fill(tenant: TenantSimulator) -> None:
    """Two people, one of whom has already withdrawn something."""
    tenant.send("store", tenant.record("r1", "email:anna", "phone:1"), tenant.record("r2", "email:bob", "phone:2"))
    tenant.send("app", tenant.record("r3", "email:carla", "customer_id:3"))
    tenant.state("store", "withdraw", "email:carla")


def opened_entry(tenant: TenantSimulator, kind: str) -> tuple[Leaf, dict[str, object]]:
    """The newest entry of a kind, and what its opening holds."""
    with tenant.reading() as unit:
        size = unit.log.head().size
        at, leaf = max(
            (at, parse_leaf(data)) for at, data in unit.log.entries(0, size) if parse_leaf(data).kind == kind
        )
        openings = dict(unit.log.openings(at, at + 1))
    return leaf, dict(Opening.from_bytes(openings[at]).values())


@contextmanager
def reader(file: Path) -> Iterator[None]:
    """Another process that has the store open."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("SELECT COUNT(*) FROM tenant").fetchone()
        yield


def test_a_store_comes_back_as_it_was(own_site: SimulatedGateway, settings: Settings, tmp_path: Path) -> None:
    tenant = own_site.tenant()
    name = tenant_name(own_site.gateway, tenant.tenant_id)
    fill(tenant)
    before = tenant.partition()
    manifest = backup.create_backup(own_site.gateway, settings, tmp_path / "backup")
    tenant.send("store", tenant.record("later", "email:dora"))
    report = backup.restore_backup(own_site.gateway, settings, tmp_path / "backup", dry_run=False, replace=True)
    assert (report.created_at, report.overwrites, report.dry_run) == (manifest["created_at"], True, False)
    assert report.tenants == (backup.RestoredTenant(tenant.tenant_id, name, keys=True, acts=0, epoch=2),)
    assert tenant.partition() == before
    assert migrate.check(settings.database_url, settings.migrations) == []
    assert tenant.outcomes("store", tenant.record("later", "email:dora")) == ["created"]
    tenant.verify()


def test_a_living_store_is_not_overwritten_unasked(
    own_site: SimulatedGateway, settings: Settings, tmp_path: Path
) -> None:
    tenant = own_site.tenant()
    fill(tenant)
    backup.create_backup(own_site.gateway, settings, tmp_path / "backup")
    tenant.send("store", tenant.record("later", "email:dora"))
    with pytest.raises(Conflict, match="replaced"):
        backup.restore_backup(own_site.gateway, settings, tmp_path / "backup", dry_run=False)
    report = backup.restore_backup(own_site.gateway, settings, tmp_path / "backup", dry_run=True)
    assert (report.overwrites, report.dry_run, report.tenants[0].epoch) == (True, True, None)
    assert "email:dora" in tenant.known()
    tenant.verify()


def test_erasures_and_withdrawals_later_than_the_backup_hold(
    own_site: SimulatedGateway, settings: Settings, tmp_path: Path
) -> None:
    tenant = own_site.tenant()
    fill(tenant)
    backup.create_backup(own_site.gateway, settings, tmp_path / "backup")
    erase(tenant, "email:anna")
    tenant.state("store", "withdraw", "email:bob", "phone:2")
    told = backup.restore_backup(own_site.gateway, settings, tmp_path / "backup", dry_run=True)
    done = backup.restore_backup(own_site.gateway, settings, tmp_path / "backup", dry_run=False, replace=True)
    assert [one.acts for one in told.tenants] == [one.acts for one in done.tenants] == [2]
    assert tenant.known().isdisjoint({"email:anna", "phone:1"})
    assert tenant.ledger("email:bob") == "withdraw"
    assert tenant.partition() == set()
    assert tenant.outcomes("store", tenant.record("r1", "email:anna", "phone:1")) == ["suppressed"]
    assert tenant.outcomes("store", tenant.record("r2", "email:bob", "phone:2")) == ["refused"]
    tenant.verify()


@pytest.mark.parametrize("seen_again", [False, True], ids=["wrapped", "keyed_directly"])
def test_what_was_done_after_a_rotation_holds_in_a_backup_from_before(
    own_site: SimulatedGateway, settings: Settings, tmp_path: Path, *, seen_again: bool
) -> None:
    tenant = own_site.tenant()
    fill(tenant)
    backup.create_backup(own_site.gateway, settings, tmp_path / "backup")
    rotate_keys.rotate(own_site.gateway, tenant.tenant_id)
    rotate_keys.rekey(own_site.gateway, tenant.tenant_id)
    if seen_again:
        tenant.send("app", tenant.record("a1", "email:anna", "phone:1"), tenant.record("a2", "email:bob", "phone:2"))
    erase(tenant, "email:anna")
    tenant.state("store", "opt_out", "email:bob", purpose="sale")
    restored = backup.restore_backup(own_site.gateway, settings, tmp_path / "backup", dry_run=False, replace=True)
    assert [one.acts for one in restored.tenants] == [2]
    check_both_acts(tenant)
    for version in (2, 3):
        rotate_keys.rekey(own_site.gateway, tenant.tenant_id)
        status = rotate_keys.key_status(own_site.gateway, tenant.tenant_id)
        on_newest = [one.rows for one in status.chains if one.name.endswith(f"{version}")]
        assert (status.newest, sum(on_newest)) == (version, tenant.counted("pseudonym"))
        check_both_acts(tenant)
        rotate_keys.rotate(own_site.gateway, tenant.tenant_id)
    tenant.verify()


def check_both_acts(tenant: TenantSimulator) -> None:
    """Anna is erased with her phone, Bob has opted out with his, and Carla is as she was."""
    assert tenant.known() == {"email:bob", "phone:2", "email:carla", "customer_id:3"}
    assert [tenant.ledger(one, "sale") for one in ("email:bob", "phone:2", "email:carla")] == ["opt_out", "opt_out", ""]
    for label in ("email:anna", "phone:1"):
        assert tenant.outcomes("store", tenant.record("back", label)) == ["suppressed"]
    assert tenant.outcomes("app", tenant.record("b1", "email:bob")) in (["linked"], ["duplicate"])


def test_a_restored_store_says_from_which_checkpoint_it_goes_on(
    own_site: SimulatedGateway, settings: Settings, tmp_path: Path
) -> None:
    tenant = own_site.tenant()
    audit.checkpoint(own_site.gateway, tenant.tenant_id)
    backup.create_backup(own_site.gateway, settings, tmp_path / "backup")
    size = backup.read_manifest(tmp_path / "backup").tenants[0].log_size
    fill(tenant)
    note = audit.checkpoint(own_site.gateway, tenant.tenant_id)
    backup.restore_backup(own_site.gateway, settings, tmp_path / "backup", dry_run=False, replace=True)
    leaf, opened = opened_entry(tenant, "backup.restored")
    assert opened == {"checkpoint": note}
    assert leaf.facts == {"epoch": 2, "size": size, "known": int(note.split("\n")[1])}
    tenant.verify()


def test_a_checkpoint_kept_elsewhere_counts_when_the_store_is_gone(
    sqlite_site: SimulatedGateway, tmp_path: Path
) -> None:
    gateway, tenant = sqlite_site.gateway, sqlite_site.tenant()
    other = sqlite_site.tenant()
    settings = settings_of(gateway, tmp_path)
    backup.create_backup(gateway, settings, tmp_path / "backup")
    fill(tenant)
    kept = [audit.checkpoint(gateway, one.tenant_id) for one in (tenant, other)]
    lose(sqlite_site.gateway)
    report = backup.restore_backup(
        gateway, settings, tmp_path / "backup", dry_run=False, checkpoints=[*kept, "no note"]
    )
    assert not report.overwrites
    assert opened_entry(tenant, "backup.restored")[1] == {"checkpoint": kept[0]}
    assert opened_entry(other, "backup.restored")[1] == {"checkpoint": kept[1]}
    assert [one.acts for one in report.tenants] == [1, 0]
    for one in (tenant, other):
        one.verify()


def test_a_lost_store_is_restored_without_asking(sqlite_site: SimulatedGateway, tmp_path: Path) -> None:
    tenant = sqlite_site.tenant()
    fill(tenant)
    before = tenant.partition()
    settings = settings_of(sqlite_site.gateway, tmp_path)
    backup.create_backup(sqlite_site.gateway, settings, tmp_path / "backup")
    lose(sqlite_site.gateway)
    backup.restore_backup(sqlite_site.gateway, settings, tmp_path / "backup", dry_run=False)
    assert tenant.partition() == before
    assert stat.S_IMODE(store_of(sqlite_site.gateway).stat().st_mode) == 0o600
    tenant.verify()


def test_a_damaged_store_is_replaced_only_when_asked(sqlite_site: SimulatedGateway, tmp_path: Path) -> None:
    tenant = sqlite_site.tenant()
    settings = settings_of(sqlite_site.gateway, tmp_path)
    backup.create_backup(sqlite_site.gateway, settings, tmp_path / "backup")
    lose(sqlite_site.gateway)
    store_of(sqlite_site.gateway).write_bytes(b"no database " * 1000)
    with pytest.raises(Conflict, match="replaced"):
        backup.restore_backup(sqlite_site.gateway, settings, tmp_path / "backup", dry_run=False)
    with pytest.raises(Unavailable):
        backup.create_backup(sqlite_site.gateway, settings, tmp_path / "none")
    assert not (tmp_path / "none").exists()
    backup.restore_backup(sqlite_site.gateway, settings, tmp_path / "backup", dry_run=False, replace=True)
    tenant.verify()


def test_a_store_in_use_is_not_taken_away(sqlite_site: SimulatedGateway, tmp_path: Path) -> None:
    tenant = sqlite_site.tenant()
    settings = settings_of(sqlite_site.gateway, tmp_path)
    backup.create_backup(sqlite_site.gateway, settings, tmp_path / "backup")
    fill(tenant)
    with reader(store_of(sqlite_site.gateway)), pytest.raises(Conflict, match="in use"):
        backup.restore_backup(sqlite_site.gateway, settings, tmp_path / "backup", dry_run=False, replace=True)
    assert "email:anna" in tenant.known()
    tenant.verify()


def test_what_an_interrupted_restore_left_is_no_hindrance(sqlite_site: SimulatedGateway, tmp_path: Path) -> None:
    tenant = sqlite_site.tenant()
    settings = settings_of(sqlite_site.gateway, tmp_path)
    backup.create_backup(sqlite_site.gateway, settings, tmp_path / "backup")
    home = store_of(sqlite_site.gateway).parent
    for name in (".gateway.db.restoring", ".gateway.db.restoring-wal"):
        (home / name).write_bytes(b"half a store")
    backup.restore_backup(sqlite_site.gateway, settings, tmp_path / "backup", dry_run=False, replace=True)
    assert list(home.glob(".gateway.db*")) == []
    tenant.verify()


def test_without_its_journal_a_store_is_restored_only_when_asked(
    own_site: SimulatedGateway, settings: Settings, tmp_path: Path
) -> None:
    tenant = own_site.tenant()
    fill(tenant)
    backup.create_backup(own_site.gateway, settings, tmp_path / "backup")
    shutil.rmtree(settings.journal)
    for dry_run in (True, False):
        with pytest.raises(Conflict, match=r"journal.*shop"):
            backup.restore_backup(own_site.gateway, settings, tmp_path / "backup", dry_run=dry_run, replace=True)
    backup.restore_backup(
        own_site.gateway, settings, tmp_path / "backup", dry_run=False, replace=True, without_journal=True
    )
    assert fsck(own_site.gateway, tenant.tenant_id).findings == ()
    assert tenant.state("store", "withdraw", "email:bob").outcome == "recorded"
    tenant.verify()


def test_without_keys_nothing_is_restored(own_site: SimulatedGateway, settings: Settings, tmp_path: Path) -> None:
    tenant = own_site.tenant()
    backup.create_backup(own_site.gateway, settings, tmp_path / "backup")
    own_site.gateway.keys.destroy(tenant.tenant_id)
    with pytest.raises(Unavailable, match="keyring"):
        backup.restore_backup(own_site.gateway, settings, tmp_path / "backup", dry_run=False, replace=True)
    assert [tenant_id for tenant_id, _ in list_tenants(own_site.gateway)] == [tenant.tenant_id]


def test_a_tenant_deleted_after_the_backup_stays_without_keys(
    own_site: SimulatedGateway, settings: Settings, tmp_path: Path
) -> None:
    tenant, other = own_site.tenant(), own_site.tenant()
    fill(tenant)
    backup.create_backup(own_site.gateway, settings, tmp_path / "backup")
    delete_tenant(own_site.gateway, tenant.tenant_id, dry_run=False)
    report = backup.restore_backup(own_site.gateway, settings, tmp_path / "backup", dry_run=False, replace=True)
    found = [(one.tenant_id, one.keys, one.epoch) for one in report.tenants]
    assert found == [(tenant.tenant_id, False, None), (other.tenant_id, True, 2)]
    with pytest.raises(Unavailable):
        tenant.send("store", tenant.record("later", "email:dora"))
    delete_tenant(own_site.gateway, tenant.tenant_id, dry_run=False)
    other.verify()


def test_a_backup_of_an_earlier_revision_is_migrated(
    own_site: SimulatedGateway, settings: Settings, tmp_path: Path
) -> None:
    tenant = own_site.tenant()
    fill(tenant)
    before = tenant.partition()
    manifest = backup.create_backup(own_site.gateway, settings, tmp_path / "backup")
    copy = tmp_path / "backup" / str(manifest["file"])
    own_site.gateway.storage.engine.dispose()
    migrate.downgrade(settings.database_url, settings.migrations, "0001")
    copy.write_bytes(b"")
    if own_site.gateway.storage.postgres:
        dump_postgres(own_site.gateway.storage, copy)
    else:
        copy_sqlite(store_of(own_site.gateway), copy)
    early = manifest | {"revision": "0001", "size": copy.stat().st_size, "sha256": sha256_of(copy)}
    (tmp_path / "backup" / backup.MANIFEST).write_bytes(orjson.dumps(early))
    migrate.upgrade(settings.database_url, settings.migrations)
    backup.restore_backup(own_site.gateway, settings, tmp_path / "backup", dry_run=False, replace=True)
    assert migrate.check(settings.database_url, settings.migrations) == []
    assert tenant.partition() == before
    tenant.verify()


def test_a_database_without_tables_is_restored_without_asking(
    own_site: SimulatedGateway, settings: Settings, tmp_path: Path
) -> None:
    tenant = own_site.tenant()
    fill(tenant)
    before = tenant.partition()
    backup.create_backup(own_site.gateway, settings, tmp_path / "backup")
    own_site.gateway.storage.engine.dispose()
    migrate.downgrade(settings.database_url, settings.migrations, "base")
    if not own_site.gateway.storage.postgres:
        lose(own_site.gateway)
    report = backup.restore_backup(own_site.gateway, settings, tmp_path / "backup", dry_run=False)
    assert not report.overwrites
    assert tenant.partition() == before
    tenant.verify()


def test_a_store_behind_its_journal_works_again_when_it_was_replayed(
    own_site: SimulatedGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The act was journaled, and then the machine stopped before its transaction was committed."""
    tenant = own_site.tenant()
    fill(tenant)
    with monkeypatch.context() as patched:
        patched.setattr(UnitOfWork, "commit", interrupted)
        with pytest.raises(KeyboardInterrupt):
            tenant.state("store", "withdraw", "email:bob", "phone:2")
    with pytest.raises(BehindJournal):
        tenant.send("store", tenant.record("later", "email:dora"))
    assert backup.replay_journal(own_site.gateway, tenant.tenant_id) == 1
    assert backup.replay_journal(own_site.gateway, tenant.tenant_id) == 0
    assert tenant.ledger("email:bob") == "withdraw"
    tenant.verify()


def interrupted(_: object) -> None:
    """A commit that does not happen."""
    raise KeyboardInterrupt
