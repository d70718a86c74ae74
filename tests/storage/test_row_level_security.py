"""PostgreSQL shows a transaction the rows of its tenant, and none where no tenant is set."""

from __future__ import annotations

import psycopg
import pytest

from gateway.kernel.errors import Unavailable
from gateway.storage import schema
from gateway.storage.guards import SHARED
from gateway.storage.session import Session
from gateway.storage.unit_of_work import Storage
from tests.storage.samples import sample_rows

GUARDED = [table for table in schema.metadata.sorted_tables if table.name not in SHARED]
ADDED = [table for table in GUARDED if table.name != "head"]


@pytest.fixture
def filled(postgres: Storage) -> Storage:
    """Tenant 1 has two rows in each guarded table, tenant 2 three; of heads each has its one."""
    for tenant_id in (1, 2):
        with postgres.begin(tenant_id, write=True) as unit:
            for table in ADDED:
                unit.session.insert(table, sample_rows(table, tenant_id, tenant_id + 1))
            unit.session.commit()
    return postgres


def tenants_seen(session: Session) -> dict[str, list[int]]:
    """Table -> the tenants of the rows that a statement without condition finds."""
    return {
        table.name: sorted(one for (one,) in session.rows(f'SELECT tenant_id FROM "{table.name}"'))  # noqa: S608 - of the schema
        for table in GUARDED
    }


def test_every_table_of_a_tenant_is_guarded() -> None:
    assert all("tenant_id" in table.columns for table in GUARDED)
    assert {"record", "pseudonym", "log_entry", "ledger", "right_subject"} <= {table.name for table in GUARDED}


@pytest.mark.parametrize("tenant_id", [1, 2])
def test_a_statement_without_condition_finds_the_tenants_own_rows(filled: Storage, tenant_id: int) -> None:
    with filled.begin(tenant_id, write=False) as unit:
        expected = {table.name: [tenant_id] * (1 if table.name == "head" else tenant_id + 1) for table in GUARDED}
        assert tenants_seen(unit.session) == expected


def test_without_a_tenant_nothing_is_visible(filled: Storage) -> None:
    nothing: dict[str, list[int]] = {table.name: [] for table in GUARDED}
    with filled.session(write=False) as session:
        assert tenants_seen(session) == nothing
    # The pool hands out the connection again on which tenant 1 was set for one transaction.
    filled.engine.dispose()
    with filled.begin(1, write=False) as unit:
        pid = unit.session.one("SELECT pg_backend_pid()")
    with filled.session(write=False) as session:
        assert session.one("SELECT pg_backend_pid()") == pid
        assert tenants_seen(session) == nothing


@pytest.mark.parametrize("count", [1, 2])
def test_a_row_of_another_tenant_cannot_be_inserted(filled: Storage, count: int) -> None:
    for table in ADDED:
        rows = sample_rows(table, 2, count, first=100)
        with pytest.raises(Unavailable) as refused, filled.begin(1, write=True) as unit:  # noqa: PT012 - what was inserted is sent, and refused, at the end
            unit.session.insert(table, rows)
            unit.session.send()
        assert isinstance(refused.value.__cause__, psycopg.errors.InsufficientPrivilege)
        assert f'row-level security policy for table "{table.name}"' in str(refused.value.__cause__)


def test_rows_of_another_tenant_are_neither_changed_nor_deleted(filled: Storage) -> None:
    with filled.begin(1, write=True) as unit:
        assert unit.session.run("UPDATE record SET active = FALSE WHERE tenant_id = 2") == 0
        assert unit.session.run("UPDATE record SET active = FALSE") == 2
        assert unit.session.run("DELETE FROM pseudonym WHERE tenant_id = 2") == 0
        assert unit.session.run("DELETE FROM pseudonym") == 2
        unit.session.commit()
    with filled.begin(2, write=False) as unit:
        assert len(unit.session.rows("SELECT 1 FROM pseudonym")) == 3


def test_a_row_cannot_be_handed_to_another_tenant(filled: Storage) -> None:
    with pytest.raises(Unavailable) as refused, filled.begin(1, write=True) as unit:
        unit.session.run("UPDATE record SET tenant_id = 2")
    assert "row-level security" in str(refused.value.__cause__)


def test_what_is_read_before_the_tenant_is_known_is_open(filled: Storage) -> None:
    with filled.session(write=False) as session:
        assert session.rows("SELECT tenant_id FROM tenant ORDER BY 1") == [(1,), (2,)]
        assert session.rows("SELECT 1 FROM client") == []
        assert session.rows("SELECT 1 FROM policy_set") == []


def test_the_policy_is_tested_once_for_a_statement_not_for_each_row(filled: Storage) -> None:
    sql = "EXPLAIN SELECT record_id FROM link WHERE tenant_id = ? AND identifier_id {keys}"
    with filled.begin(1, write=False) as unit:
        plan = [line.strip() for (line,) in unit.session.rows_by_key(sql, [1, 2], [1])]
    assert [line.partition(":")[0] for line in plan if "gateway.tenant" in line] == ["One-Time Filter"]
