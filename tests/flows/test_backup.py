"""Backups: one snapshot with a manifest, made while others write; what is none, or was changed, is refused."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from gateway.flows import backup
from gateway.flows.admin import create_tenant, tenant_name
from gateway.flows.steps.copies import dump_postgres, sqlite_file
from gateway.kernel.errors import Conflict, IntegrityError, InvalidInput, Unavailable
from gateway.settings import Settings
from gateway.storage import migrate
from gateway.storage.engine import open_engine
from gateway.storage.unit_of_work import Storage
from tests.flows.rigs import settings_of
from tests.postgres import Cluster
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


def test_the_manifest_says_what_the_backup_is(own_site: SimulatedGateway, settings: Settings, tmp_path: Path) -> None:
    tenant = own_site.tenant()
    fill(tenant)
    manifest = backup.create_backup(own_site.gateway, settings, tmp_path / "backup")
    read = backup.read_manifest(tmp_path / "backup")
    assert orjson.loads((tmp_path / "backup" / backup.MANIFEST).read_bytes()) == orjson.loads(orjson.dumps(manifest))
    assert (read.backend, read.revision) == (
        "postgresql" if own_site.gateway.storage.postgres else "sqlite",
        migrate.current(settings.database_url, settings.migrations),
    )
    (state,) = read.tenants
    with tenant.reading() as unit:
        head = unit.log.head()
    assert (state.name, state.journal_offset, state.log_size, state.epoch) == (
        tenant_name(own_site.gateway, tenant.tenant_id),
        head.journal_offset,
        head.size,
        1,
    )
    assert state.journal_offset > 0
    assert "root key" in read.not_included
    files = sorted((tmp_path / "backup").iterdir())
    assert [path.name for path in files] == ["manifest.json", read.file]
    assert stat.S_IMODE((tmp_path / "backup").stat().st_mode) == 0o700
    assert stat.S_IMODE(files[1].stat().st_mode) == 0o600


def test_a_backup_goes_into_an_empty_directory(own_site: SimulatedGateway, settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "backup").mkdir()
    (tmp_path / "backup" / "mine").write_text("here")
    with pytest.raises(Conflict, match="not empty"):
        backup.create_backup(own_site.gateway, settings, tmp_path / "backup")
    assert [path.name for path in (tmp_path / "backup").iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("version", 2),
        ("file", "../gateway.db"),
        ("backend", "oracle"),
        ("tenants", [{"name": 1}]),
        ("tenants", 1),
        ("x", 1),
    ],
)
def test_a_manifest_of_another_form_is_refused(
    sqlite_site: SimulatedGateway, tmp_path: Path, member: str, value: object
) -> None:
    settings = settings_of(sqlite_site.gateway, tmp_path)
    manifest = backup.create_backup(sqlite_site.gateway, settings, tmp_path / "backup")
    (tmp_path / "backup" / backup.MANIFEST).write_bytes(orjson.dumps(manifest | {member: value}))
    with pytest.raises(InvalidInput):
        backup.read_manifest(tmp_path / "backup")


def test_what_was_cut_short_is_no_backup(own_site: SimulatedGateway, settings: Settings, tmp_path: Path) -> None:
    fill(own_site.tenant())
    backup.create_backup(own_site.gateway, settings, tmp_path / "backup")
    (tmp_path / "backup" / backup.MANIFEST).unlink()
    with pytest.raises(InvalidInput, match="no backup"):
        backup.restore_backup(own_site.gateway, settings, tmp_path / "backup", dry_run=False, replace=True)


def test_a_copy_that_was_changed_is_refused(own_site: SimulatedGateway, settings: Settings, tmp_path: Path) -> None:
    tenant = own_site.tenant()
    fill(tenant)
    backup.create_backup(own_site.gateway, settings, tmp_path / "backup")
    file = tmp_path / "backup" / backup.read_manifest(tmp_path / "backup").file
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    for damaged in (bytes(content), bytes(content[:-1]), b""):
        file.write_bytes(damaged)
        with pytest.raises(IntegrityError):
            backup.restore_backup(own_site.gateway, settings, tmp_path / "backup", dry_run=False, replace=True)
    tenant.verify()


def test_a_backup_of_another_kind_of_database_is_refused(
    own_site: SimulatedGateway, settings: Settings, tmp_path: Path
) -> None:
    create_tenant(own_site.gateway, "shop")
    manifest = backup.create_backup(own_site.gateway, settings, tmp_path / "backup")
    postgres = own_site.gateway.storage.postgres
    backend, file = ("sqlite", "store.db") if postgres else ("postgresql", "store.dump")
    (tmp_path / "backup" / str(manifest["file"])).rename(tmp_path / "backup" / file)
    other = manifest | {"backend": backend, "file": file}
    (tmp_path / "backup" / backup.MANIFEST).write_bytes(orjson.dumps(other))
    with pytest.raises(Conflict, match="another kind"):
        backup.restore_backup(own_site.gateway, settings, tmp_path / "backup", dry_run=False, replace=True)


def test_a_backup_is_made_while_others_write(sqlite_site: SimulatedGateway, tmp_path: Path) -> None:
    tenant = sqlite_site.tenant()
    fill(tenant)
    settings = settings_of(sqlite_site.gateway, tmp_path)
    before = tenant.partition()
    with sqlite_site.gateway.storage.begin(tenant.tenant_id, write=True) as unit:
        unit.log.freeze(frozen=True)
        backup.create_backup(sqlite_site.gateway, settings, tmp_path / "backup")
        unit.commit()
    backup.restore_backup(sqlite_site.gateway, settings, tmp_path / "backup", dry_run=False, replace=True)
    assert tenant.partition() == before
    tenant.verify()


def test_without_the_programs_of_postgresql_it_says_what_to_do(
    migrated_postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SimulatedGateway.opened(migrated_postgres, tmp_path) as own_site:
        settings = settings_of(own_site.gateway, tmp_path)
        with monkeypatch.context() as patched:
            patched.setenv("PATH", str(tmp_path))
            with pytest.raises(Unavailable, match="pg_dump is not installed"):
                backup.create_backup(own_site.gateway, settings, tmp_path / "backup")
        assert not (tmp_path / "backup").exists()


def test_who_may_not_see_every_tenant_makes_no_backup_that_lacks_one(
    postgres_cluster: Cluster, migrated_postgres: str, tmp_path: Path
) -> None:
    with SimulatedGateway.opened(migrated_postgres, tmp_path) as own_site:
        fill(own_site.tenant())
        database = migrated_postgres.partition("@/")[2].partition("?")[0]
        limited = postgres_cluster.url(database, user="gateway_app")
        engine = own_site.gateway.storage.engine
        with engine.connect() as connection:
            connection.exec_driver_sql("RESET ROLE")
            connection.exec_driver_sql("ALTER ROLE gateway_app LOGIN")
            connection.invalidate()
        other = Storage(open_engine(limited))
        with pytest.raises(Unavailable, match="bypass row-level security"):
            backup.create_backup(
                replace(own_site.gateway, storage=other), settings_of(own_site.gateway, tmp_path), tmp_path / "backup"
            )
        other.engine.dispose()
        with engine.connect() as connection:
            connection.exec_driver_sql("RESET ROLE")
            connection.exec_driver_sql("ALTER ROLE gateway_app NOLOGIN")
            connection.invalidate()
        assert not (tmp_path / "backup").exists()


def test_the_password_is_in_no_process_title(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "pg_dump"
    program.write_text('#!/bin/sh\necho "$@" > "$0.arguments"\necho "$PGUSER:$PGPASSWORD@$PGHOST" > "$0.environment"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("PGUSER", "somebody-else")
    dump_postgres(Storage(open_engine("postgresql+psycopg://owner:canary@db.example/gateway")), tmp_path / "copy")
    assert "canary" not in (tmp_path / "pg_dump.arguments").read_text()
    assert (tmp_path / "pg_dump.environment").read_text() == "owner:canary@db.example\n"


def test_a_store_in_memory_has_no_backup() -> None:
    with pytest.raises(Unavailable, match="memory"):
        sqlite_file(Storage(open_engine("sqlite://")))
