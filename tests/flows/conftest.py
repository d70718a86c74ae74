"""What tests of flows may ask for: a tenant on a fresh store, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.settings import Settings
from gateway.storage.migrate import upgrade
from tests.postgres import Cluster
from tests.simulator import SimulatedGateway, TenantSimulator


def migrated(url: str) -> None:
    """Fill the template that databases of tests are copied from."""
    upgrade(url, Settings.from_environment({}).migrations)


@pytest.fixture(params=["sqlite", "postgresql"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SimulatedGateway]:
    """A gateway on a fresh, migrated store of either back end."""
    if request.param == "sqlite":
        with SimulatedGateway.opened(tmp_path / "gateway") as opened:
            yield opened
        return
    cluster: Cluster = request.getfixturevalue("postgres_cluster")
    url = cluster.create(template="migrated", build=migrated)
    with SimulatedGateway.opened(tmp_path / "gateway", url) as opened:
        yield opened
    cluster.drop(url)


@pytest.fixture
def simulator(site: SimulatedGateway) -> Iterator[TenantSimulator]:
    """A tenant on a fresh store; what must hold of every store is verified at the end."""
    tenant = site.tenant()
    yield tenant
    tenant.verify()
