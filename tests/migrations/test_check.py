"""What differs from the schema is found, and every guard rail that was taken down."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from alembic.script import ScriptDirectory

from gateway.storage.engine import open_owner_engine
from gateway.storage.migrate import check, downgrade, findings
from tests.databases import MIGRATIONS, migrate
from tests.postgres import Cluster

NEWEST = ScriptDirectory(str(MIGRATIONS)).get_current_head()

Drift = tuple[Sequence[str], Sequence[str]]

ON_BOTH: dict[str, Drift] = {
    "index": (["DROP INDEX ix_ledger_position"], ["missing index: ledger.ix_ledger_position"]),
    "column": (["ALTER TABLE record ADD COLUMN note TEXT"], ["superfluous column: record.note"]),
    "renamed": (
        ["ALTER TABLE client RENAME COLUMN channel TO door"],
        ["missing column: client.channel", "superfluous column: client.door"],
    ),
    "table": (["CREATE TABLE stray (id INTEGER)"], ["superfluous table: stray"]),
    "unique": (
        ["DROP INDEX ix_record_token", "CREATE INDEX ix_record_token ON record (tenant_id, token)"],
        ["superfluous index: record.ix_record_token", "missing index: record.ix_record_token"],
    ),
}
CHECKPOINT_KEYED_OTHERWISE = (
    "CREATE TABLE checkpoint (tenant_id INTEGER NOT NULL, size BIGINT NOT NULL, note TEXT NOT NULL,"
    " made_at BIGINT NOT NULL, PRIMARY KEY (size, tenant_id))"
)
ON_SQLITE: dict[str, Drift] = {
    "dropped": (["DROP TABLE demotion"], ["missing table: demotion"]),
    "trigger": (["DROP TRIGGER guard_ledger_update"], ["ledger: no trigger refuses update"]),
    "key": (
        [
            "DROP TABLE checkpoint",
            CHECKPOINT_KEYED_OTHERWISE,
        ],
        ["different primary key: checkpoint", "checkpoint: no trigger refuses update"],
    ),
}
ON_POSTGRESQL: dict[str, Drift] = {
    "dropped": (
        ["DROP TABLE demotion"],
        [
            "missing table: demotion",
            *(f"demotion: gateway_app lacks the right to {right}" for right in ("delete", "insert", "select")),
            "demotion: row-level security is not in force",
        ],
    ),
    "type": (["ALTER TABLE record ALTER purpose TYPE varchar(20)"], ["different type: record.purpose"]),
    "null": (["ALTER TABLE record ALTER purpose DROP NOT NULL"], ["different nullable: record.purpose"]),
    "foreign": (["ALTER TABLE head DROP CONSTRAINT fk_head_tenant"], ["missing fk: head.fk_head_tenant"]),
    "constraint": (
        ["ALTER TABLE client DROP CONSTRAINT uq_client_key_prefix"],
        ["missing constraint: client.uq_client_key_prefix"],
    ),
    "key": (["ALTER TABLE link DROP CONSTRAINT pk_link"], ["different primary key: link"]),
    "trigger": (["DROP TRIGGER guard_ledger_update ON ledger"], ["ledger: no trigger refuses update"]),
    "disabled": (
        ["ALTER TABLE log_node DISABLE TRIGGER ALL"],
        ["log_node: no trigger refuses delete", "log_node: no trigger refuses update"],
    ),
    "force": (["ALTER TABLE head NO FORCE ROW LEVEL SECURITY"], ["head: row-level security is not in force"]),
    "security": (["ALTER TABLE head DISABLE ROW LEVEL SECURITY"], ["head: row-level security is not in force"]),
    "policy": (["CREATE POLICY all_rows ON profile USING (true)"], ["profile: row-level security is not in force"]),
    "widened": (["ALTER POLICY one_tenant ON link USING (true)"], ["link: row-level security is not in force"]),
    "granted": (["GRANT UPDATE ON log_entry TO gateway_app"], ["log_entry: gateway_app has the right to update"]),
    "everybody": (["GRANT DELETE ON head TO PUBLIC"], ["head: gateway_app has the right to delete"]),
    "revoked": (["REVOKE SELECT ON profile FROM gateway_app"], ["profile: gateway_app lacks the right to select"]),
}
CASES = [
    *(pytest.param("sqlite", *drift, id=f"sqlite-{name}") for name, drift in (ON_BOTH | ON_SQLITE).items()),
    *(pytest.param("postgresql", *drift, id=f"postgresql-{name}") for name, drift in (ON_BOTH | ON_POSTGRESQL).items()),
]


@pytest.fixture(scope="module")
def shared_postgres(postgres_cluster: Cluster) -> str:
    """URL of the migrated database whose every change here is rolled back."""
    return postgres_cluster.create(template="migrated", build=migrate)


@pytest.mark.parametrize(("backend", "statements", "expected"), CASES)
def test_drift_is_found(
    request: pytest.FixtureRequest, backend: str, statements: Sequence[str], expected: Sequence[str]
) -> None:
    url = request.getfixturevalue("migrated_sqlite" if backend == "sqlite" else "shared_postgres")
    with open_owner_engine(url, write=True).connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
        assert findings(connection) == expected
        connection.rollback()


def test_check_finds_nothing_in_a_migrated_database(migrated_database: str) -> None:
    assert check(migrated_database, MIGRATIONS) == []


def test_check_says_how_far_a_database_is_behind(migrated_database: str) -> None:
    downgrade(migrated_database, MIGRATIONS, "0001")
    assert check(migrated_database, MIGRATIONS) == [f"the database is at revision 0001, this program needs {NEWEST}"]
    downgrade(migrated_database, MIGRATIONS, "base")
    assert check(migrated_database, MIGRATIONS) == [f"the database is at revision none, this program needs {NEWEST}"]
