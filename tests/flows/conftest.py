"""What tests of flows may ask for: a tenant of their own, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import migrate
from tests.postgres import Cluster
from tests.simulator import SimulatedGateway, TenantSimulator


@pytest.fixture(scope="session")
def shared_site(postgres_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedGateway]:
    """A gateway on PostgreSQL that all tests share, each with a tenant of its own: a copy of the database is slow."""
    url = postgres_cluster.create(template="migrated", build=migrate)
    with SimulatedGateway.opened(url, tmp_path_factory.mktemp("gateway")) as opened:
        yield opened


@pytest.fixture
def sqlite_site(migrated_sqlite: str, tmp_path: Path) -> Iterator[SimulatedGateway]:
    """A gateway on a SQLite file of the test's own."""
    with SimulatedGateway.opened(migrated_sqlite, tmp_path) as opened:
        yield opened


@pytest.fixture
def postgres_site(shared_site: SimulatedGateway) -> SimulatedGateway:
    """The gateway on PostgreSQL, with a clock of the test's own."""
    return shared_site.anew()


@pytest.fixture(params=["sqlite", "postgresql"])
def site(request: pytest.FixtureRequest) -> SimulatedGateway:
    """A gateway on each back end, one after the other."""
    found: SimulatedGateway = request.getfixturevalue("sqlite_site" if request.param == "sqlite" else "postgres_site")
    return found


@pytest.fixture
def simulator(site: SimulatedGateway) -> Iterator[TenantSimulator]:
    """A tenant on each back end; what must hold of every store is verified at the end."""
    tenant = site.tenant()
    yield tenant
    tenant.verify()
