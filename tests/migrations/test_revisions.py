"""Each revision goes up and down with data in it, and together they make what the schema says, on both back ends."""

from __future__ import annotations

import stat
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, create_engine, inspect, text
from sqlalchemy.engine.interfaces import ReflectedIndex
from sqlalchemy.pool import NullPool

from gateway.kernel.errors import Unavailable
from gateway.storage import schema
from gateway.storage.migrate import check, current, downgrade, is_current, upgrade
from tests.databases import MIGRATIONS, migrate
from tests.postgres import Cluster
from tests.storage.samples import sample_rows

REVISIONS = [(one.down_revision, one.revision) for one in ScriptDirectory(str(MIGRATIONS)).walk_revisions()][::-1]
Contents = dict[str, list[dict[str, object]]]
Row = tuple[tuple[str, object], ...]


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    with create_engine(url, poolclass=NullPool).begin() as connection:
        yield connection


def reflected(connection: Connection) -> MetaData:
    found = MetaData()
    found.reflect(connection)
    return found


def fill(url: str, first: int) -> None:
    """Two rows into every table there is, whatever its columns at this revision."""
    with connected(url) as connection:
        for table in reflected(connection).sorted_tables:
            if table.name != "alembic_version":
                one_per_tenant = [column.name for column in table.primary_key] == ["tenant_id"]
                for tenant_id in (first, first + 1):
                    rows = sample_rows(table, tenant_id, 1, first=first if one_per_tenant else first + tenant_id)
                    names = [column.name for column in table.columns]
                    connection.execute(table.insert(), [dict(zip(names, row, strict=True)) for row in rows])


def contents(url: str) -> Contents:
    with connected(url) as connection:
        return {
            table.name: [dict(row) for row in connection.execute(table.select()).mappings()]
            for table in reflected(connection).sorted_tables
            if table.name != "alembic_version"
        }


def common(left: Contents, right: Contents) -> tuple[dict[str, set[Row]], dict[str, set[Row]]]:
    """The tables and columns that both have."""
    both = {name: left[name][0].keys() & right[name][0].keys() for name in left.keys() & right.keys()}
    return _narrowed(left, both), _narrowed(right, both)


def _narrowed(rows: Contents, columns: Mapping[str, Collection[str]]) -> dict[str, set[Row]]:
    return {
        name: {tuple((column, row[column]) for column in sorted(kept)) for row in rows[name]}
        for name, kept in columns.items()
    }


@pytest.mark.parametrize(("before", "after"), REVISIONS)
def test_a_revision_goes_up_and_down_with_data_in_it(empty_database: str, before: str | None, after: str) -> None:
    if before is not None:
        upgrade(empty_database, MIGRATIONS, before)
        fill(empty_database, first=1)
    old = contents(empty_database) if before else {}
    upgrade(empty_database, MIGRATIONS, after)
    assert current(empty_database, MIGRATIONS) == after
    kept, known = common(contents(empty_database), old)
    assert kept == known
    fill(empty_database, first=11)
    full = contents(empty_database)
    assert all(full.values())
    downgrade(empty_database, MIGRATIONS, before or "base")
    assert current(empty_database, MIGRATIONS) == before
    lower = contents(empty_database)
    kept, known = common(lower, full)
    assert kept == known
    assert lower.keys() == old.keys()
    upgrade(empty_database, MIGRATIONS, after)
    assert contents(empty_database).keys() == full.keys()


def test_consent_finds_earlier_records_due_and_dates_earlier_retractions(empty_database: str) -> None:
    upgrade(empty_database, MIGRATIONS, "0005")
    fill(empty_database, first=1)
    upgrade(empty_database, MIGRATIONS, "0006")
    full = contents(empty_database)
    active = {row["active"]: row for row in full["record"]}
    assert (active[True]["review_at"], active[True]["retracted_at"]) == (0, None)
    assert (active[False]["review_at"], active[False]["retracted_at"]) == (None, active[False]["received_at"])
    assert {row["site"] for row in full["ledger"]} == {row["recipient"] for row in full["client"]} == {""}
    assert {row["tcf_vendor"] for row in full["tenant"]} == {None}


def test_nothing_is_left_below_the_first_revision(empty_database: str) -> None:
    migrate(empty_database)
    fill(empty_database, first=1)
    downgrade(empty_database, MIGRATIONS, "base")
    assert current(empty_database, MIGRATIONS) is None
    with connected(empty_database) as connection:
        assert inspect(connection).get_table_names() == ["alembic_version"]
        if connection.dialect.name == "postgresql":
            functions = "SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
            assert connection.scalar(text(functions)) == 0
        else:
            assert connection.scalar(text("SELECT count(*) FROM sqlite_master WHERE type = 'trigger'")) == 0


def _described(index: ReflectedIndex) -> str:
    options = {name: str(option) for name, option in index.get("dialect_options", {}).items()}
    return f"{index['name']} {index['column_names']} {index['unique']} {options}"


def structure(connection: Connection) -> dict[str, dict[str, Any]]:
    """Everything reflection tells of tables, with the names of constraints."""
    inspector = inspect(connection)
    found: dict[str, dict[str, Any]] = {
        name: {
            "columns": [(one["name"], repr(one["type"]), one["nullable"]) for one in inspector.get_columns(name)],
            "key": inspector.get_pk_constraint(name),
            "unique": inspector.get_unique_constraints(name),
            "foreign": inspector.get_foreign_keys(name),
            "indexes": sorted(map(_described, inspector.get_indexes(name))),
            "checks": inspector.get_check_constraints(name),
        }
        for name in inspector.get_table_names()
        if name != "alembic_version"
    }
    if connection.dialect.name == "sqlite":
        for row in connection.execute(text("SELECT name, wr, strict FROM pragma_table_list")):
            if row.name in found:
                found[row.name]["without_rowid"] = (row.wr, row.strict)
    return found


def test_the_revisions_make_what_the_schema_says(empty_database: str) -> None:
    with connected(empty_database) as connection:
        schema.metadata.create_all(connection)
        expected = structure(connection)
        schema.metadata.drop_all(connection)
    migrate(empty_database)
    with connected(empty_database) as connection:
        assert structure(connection) == expected
    assert check(empty_database, MIGRATIONS) == []


def test_upgrading_again_changes_nothing(empty_database: str) -> None:
    migrate(empty_database)
    fill(empty_database, first=1)
    before = contents(empty_database)
    migrate(empty_database)
    assert contents(empty_database) == before
    assert is_current(empty_database, MIGRATIONS)


def test_a_failed_revision_leaves_nothing_behind(empty_database: str) -> None:
    upgrade(empty_database, MIGRATIONS, "0001")
    with connected(empty_database) as connection:
        connection.execute(text("DROP TABLE right_step"))  # the next revision has to guard it
    with pytest.raises(Unavailable):
        migrate(empty_database)
    assert current(empty_database, MIGRATIONS) == "0001"
    with connected(empty_database) as connection:
        postgres = connection.dialect.name == "postgresql"
        triggers = "SELECT tgname FROM pg_trigger" if postgres else "SELECT name FROM sqlite_master"
        assert [name for (name,) in connection.execute(text(triggers)) if name.startswith("guard")] == []


def test_a_new_sqlite_file_is_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "gateway.db"
    migrate(f"sqlite:///{file}")
    with connected(f"sqlite:///{file}") as connection:
        connection.execute(text("INSERT INTO tenant (tenant_id, name, created_at) VALUES (1, 'one', 0)"))
        files = list(tmp_path.iterdir())
        assert {one.suffix for one in files} == {".db", ".db-wal", ".db-shm"}
        assert {stat.S_IMODE(one.stat().st_mode) for one in files} == {0o600}


def test_a_place_that_cannot_hold_a_file_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot be made"):
        migrate(f"sqlite:///{tmp_path}/missing/gateway.db")


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        migrate("postgresql+psycopg://nobody@/nothing?host=/nowhere")


def test_a_database_newer_than_the_program_is_unavailable(migrated_database: str) -> None:
    with connected(migrated_database) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for ask in (current, is_current, check, upgrade):
        with pytest.raises(Unavailable):
            ask(migrated_database, MIGRATIONS)


def test_asking_makes_no_sqlite_file(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'gateway.db'}"
    assert current(url, MIGRATIONS) is None
    assert not is_current(url, MIGRATIONS)
    assert check(url, MIGRATIONS) == ["there is no database"]
    assert list(tmp_path.iterdir()) == []


def test_a_directory_of_migrations_may_have_any_name(tmp_path: Path) -> None:
    moved = tmp_path / "100%s here"
    moved.symlink_to(MIGRATIONS)
    url = f"sqlite:///{tmp_path / 'gateway.db'}"
    upgrade(url, moved)
    assert check(url, moved) == []


@pytest.fixture
def owners_database(postgres_cluster: Cluster) -> Iterator[str]:
    """URL of a database whose owner is no superuser but may make roles, as an operator would set it up."""
    url = postgres_cluster.create()
    name = url.partition("@/")[2].partition("?")[0]
    with connected(url) as connection:
        connection.execute(text(f"CREATE ROLE keeper_{name} LOGIN CREATEROLE"))
        connection.execute(text(f"ALTER DATABASE {name} OWNER TO keeper_{name}"))
    yield postgres_cluster.url(name, user=f"keeper_{name}")
    postgres_cluster.drop(url)


def test_an_owner_without_superpowers_can_migrate(owners_database: str) -> None:
    migrate(owners_database)
    assert check(owners_database, MIGRATIONS) == []
    with connected(owners_database) as connection:
        connection.execute(text("INSERT INTO tenant (tenant_id, name, created_at) VALUES (1, 'one', 0)"))
        connection.execute(text("SET ROLE gateway_app"))
        assert connection.scalar(text("SELECT count(*) FROM tenant")) == 1
        connection.execute(text("RESET ROLE"))
        connection.execute(text("SELECT set_config('gateway.tenant', '1', true)"))
        connection.execute(text("INSERT INTO log_entry (tenant_id, position, leaf) VALUES (1, 0, '')"))
        connection.execute(text("SELECT set_config('gateway.tenant', '2', true)"))
        assert connection.scalar(text("SELECT count(*) FROM log_entry")) == 0
    downgrade(owners_database, MIGRATIONS, "base")
