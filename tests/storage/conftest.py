"""A store with two tenants, on each back end.

To copy a PostgreSQL database takes most of a second. So the tests here share one, and each begins by emptying it;
those that change more than rows ask for `migrated_postgres`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from gateway.storage import schema
from gateway.storage.engine import open_engine, open_owner_engine
from gateway.storage.tenants import TenantStore
from gateway.storage.unit_of_work import Storage
from tests.databases import migrate
from tests.postgres import Cluster


@pytest.fixture(scope="session")
def shared_postgres(postgres_cluster: Cluster) -> str:
    """URL of the migrated database that the tests of this directory share."""
    return postgres_cluster.create(template="migrated", build=migrate)


@pytest.fixture
def postgres_engine(shared_postgres: str) -> Iterator[Engine]:
    """The application's engine on the shared database, which is empty again."""
    owner = open_owner_engine(shared_postgres, write=True)
    with owner.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))  # no trigger refuses anything
        for table in schema.metadata.sorted_tables:
            connection.execute(table.delete())
    engine = open_engine(shared_postgres)
    yield engine
    engine.dispose()


@pytest.fixture
def sqlite_engine(migrated_sqlite: str) -> Iterator[Engine]:
    """The application's engine on a SQLite file of the test's own."""
    engine = open_engine(migrated_sqlite)
    yield engine
    engine.dispose()


def with_tenants(engine: Engine) -> Storage:
    """A migrated database -> a store with the tenants 1 and 2, each with an empty log."""
    storage = Storage(engine)
    with storage.session(write=True) as session:
        assert [TenantStore(session).create(name, 0) for name in ("one", "two")] == [1, 2]
        session.commit()
    for tenant_id in (1, 2):
        with storage.begin(tenant_id, write=True) as unit:
            unit.log.create()
            unit.commit()
    return storage


@pytest.fixture(params=["sqlite_engine", "postgres_engine"], ids=["sqlite", "postgresql"])
def storage(request: pytest.FixtureRequest) -> Storage:
    """A store with the tenants 1 and 2: on each back end, one after the other."""
    return with_tenants(request.getfixturevalue(request.param))


@pytest.fixture
def sqlite(sqlite_engine: Engine) -> Storage:
    """The same on SQLite alone."""
    return with_tenants(sqlite_engine)


@pytest.fixture
def postgres(postgres_engine: Engine) -> Storage:
    """The same on PostgreSQL alone."""
    return with_tenants(postgres_engine)
