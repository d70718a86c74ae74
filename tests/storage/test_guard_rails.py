"""What may not be changed is refused: by triggers on both back ends, on PostgreSQL by lack of rights even without."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from gateway.kernel.errors import Unavailable
from gateway.storage import schema
from gateway.storage.engine import APPLICATION_ROLE
from gateway.storage.guards import KEPT, NOT_DELETED, NOT_UPDATED
from gateway.storage.session import Row
from gateway.storage.unit_of_work import Storage
from tests.storage.samples import sample_rows

STORES = Path(schema.__file__).parent
TENANTS_TABLES = {table.name for table in schema.metadata.sorted_tables if "tenant_id" in table.columns}


def put_one(storage: Storage, name: str) -> None:
    with storage.begin(1, write=True) as unit:
        unit.session.insert(schema.metadata.tables[name], sample_rows(schema.metadata.tables[name], 1, 1))
        unit.session.commit()


def attempt(storage: Storage, statement: str) -> BaseException | None:
    """Run a statement for tenant 1 and commit -> what the driver raised."""
    try:
        with storage.begin(1, write=True) as unit:
            unit.session.run(statement)
            unit.session.commit()
    except Unavailable as refused:
        return refused.__cause__
    return None


def rows_of(storage: Storage, name: str) -> list[Row]:
    with storage.begin(1, write=False) as unit:
        return unit.session.rows(f'SELECT * FROM "{name}" WHERE tenant_id = 1')  # noqa: S608 - a name of the schema


def assert_refused(storage: Storage, statement: str, event: str) -> None:
    error = attempt(storage, statement)
    if storage.postgres:
        assert isinstance(error, psycopg.errors.InsufficientPrivilege)
    else:
        assert isinstance(error, sqlite3.IntegrityError)
        assert f"{event} on " in str(error)


def test_no_row_is_changed(storage: Storage) -> None:
    for name in NOT_UPDATED:
        put_one(storage, name)
        before = rows_of(storage, name)
        assert_refused(storage, f"UPDATE {name} SET tenant_id = 1", "UPDATE")  # noqa: S608 - a name of the schema
        assert rows_of(storage, name) == before


def test_no_row_is_deleted(storage: Storage) -> None:
    for name in NOT_DELETED:
        put_one(storage, name)
        assert_refused(storage, f"DELETE FROM {name}", "DELETE")  # noqa: S608 - a name of the schema
        assert len(rows_of(storage, name)) == 1


def test_erasure_may_delete_the_rest(storage: Storage) -> None:
    for name in NOT_UPDATED - KEPT:
        put_one(storage, name)
        assert attempt(storage, f"DELETE FROM {name} WHERE tenant_id = 1") is None  # noqa: S608 - of the schema
        assert rows_of(storage, name) == []


def test_no_entry_is_replaced_on_sqlite(sqlite: Storage) -> None:
    put_one(sqlite, "log_entry")
    before = rows_of(sqlite, "log_entry")
    assert_refused(
        sqlite, "INSERT OR REPLACE INTO log_entry (tenant_id, position, leaf) VALUES (1, 1, x'00')", "DELETE"
    )
    assert rows_of(sqlite, "log_entry") == before


@pytest.mark.parametrize(
    "statement", ["UPDATE log_entry SET leaf = ''", "DELETE FROM log_entry", "TRUNCATE log_entry, log_node"]
)
def test_triggers_refuse_the_owner_too(postgres: Storage, shared_postgres: str, statement: str) -> None:
    put_one(postgres, "log_entry")
    engine = create_engine(shared_postgres, poolclass=NullPool)
    with pytest.raises(Exception, match="is refused") as refused, engine.begin() as connection:
        connection.exec_driver_sql(statement)
    assert isinstance(refused.value.__cause__, psycopg.errors.RestrictViolation)


def without_triggers(storage: Storage, statement: str) -> None:
    """Run a statement as the application, in a transaction in which the owner has switched the triggers off."""
    with storage.begin(1, write=True) as unit:
        unit.session.run("RESET ROLE")
        unit.session.run("ALTER TABLE log_entry DISABLE TRIGGER USER")
        unit.session.run(f"SET ROLE {APPLICATION_ROLE}")
        unit.session.run(statement)


def test_the_application_lacks_the_right_even_without_triggers(postgres: Storage) -> None:
    put_one(postgres, "log_entry")
    without_triggers(postgres, "SELECT 1")
    for statement in ("UPDATE log_entry SET leaf = ''", "DELETE FROM log_entry", "TRUNCATE log_entry"):
        with pytest.raises(Unavailable) as refused:
            without_triggers(postgres, statement)
        assert isinstance(refused.value.__cause__, psycopg.errors.InsufficientPrivilege), statement


def test_the_application_may_not_lift_a_guard_rail(postgres: Storage) -> None:
    for statement in (
        "CREATE TABLE stray (id int)",
        "DROP TABLE log_entry",
        "DROP TRIGGER guard_log_entry_update ON log_entry",
        "ALTER TABLE log_entry DISABLE TRIGGER USER",
        "ALTER TABLE log_entry NO FORCE ROW LEVEL SECURITY",
        "ALTER POLICY one_tenant ON log_entry USING (true)",
        "CREATE OR REPLACE FUNCTION gateway_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "SET session_replication_role = replica",
        "UPDATE alembic_version SET version_num = ''",
    ):
        assert isinstance(attempt(postgres, statement), psycopg.errors.InsufficientPrivilege), statement


def test_the_application_owns_nothing(postgres: Storage) -> None:
    with postgres.session(write=False) as session:
        assert session.one("SELECT current_user") == (APPLICATION_ROLE,)
        owned = "SELECT relname FROM pg_class WHERE relowner = ?::regrole"
        assert session.rows(owned, [APPLICATION_ROLE]) == []
        role = "SELECT rolcanlogin, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = ?"
        assert session.one(role, [APPLICATION_ROLE]) == (False, False, False, False, False)


def test_the_application_has_the_rights_its_statements_need_and_no_other(postgres: Storage) -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in STORES.glob("*.py"))
    updated = set(re.findall(r"UPDATE (\w+) SET", sources))
    deleted = set(re.findall(r"DELETE FROM (\w+)", sources)) | (TENANTS_TABLES - KEPT)
    with postgres.session(write=False) as session:
        held = session.rows(
            "SELECT table_name, privilege_type FROM information_schema.role_table_grants WHERE grantee = ?",
            [APPLICATION_ROLE],
        )
    rights = {right: {name for name, held_right in held if held_right == right} for _, right in held}
    assert rights == {
        "SELECT": {*schema.metadata.tables, "alembic_version"},
        "INSERT": set(schema.metadata.tables),
        "UPDATE": updated,
        "DELETE": deleted,
    }


def test_what_the_guards_say_fits_together() -> None:
    assert NOT_DELETED <= KEPT
    assert schema.metadata.tables.keys() >= NOT_UPDATED | KEPT
