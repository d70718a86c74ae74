"""What every test may ask for: hypothesis profiles, and fresh databases of both kinds, empty or migrated."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from gateway import wiring
from tests.databases import migrate
from tests.loaded import load
from tests.postgres import Cluster
from tests.postgres_server import find_programs

IN_CI = os.environ.get("CI") == "true"

# Two cores carry the tests of several workers: time per example says nothing. In CI a run repeats the last one.
settings.register_profile("default", deadline=None, print_blob=True, derandomize=IN_CI)
settings.register_profile("fuzz", deadline=None, print_blob=True, max_examples=5_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(scope="session", autouse=True)
def policies_read_once() -> Iterator[None]:
    """Gateways that a test process builds share the sets that it has read: reading the shipped one takes 0.2 s."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(wiring, "load", load)
        yield


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Cluster]:
    """A PostgreSQL server of this test process; where none is installed the test is skipped, but in CI it fails."""
    if find_programs() is None:
        message = "PostgreSQL is not installed (Debian: apt-get install postgresql)"
        if IN_CI:
            pytest.fail(message)
        pytest.skip(message)
    with Cluster.started() as cluster:
        yield cluster


@pytest.fixture
def postgres_url(postgres_cluster: Cluster) -> Iterator[str]:
    """SQLAlchemy URL of an empty database that no other test sees."""
    url = postgres_cluster.create()
    yield url
    postgres_cluster.drop(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty database: on each back end, one after the other."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'gateway.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to be copied."""
    file = tmp_path_factory.mktemp("template") / "gateway.db"
    migrate(f"sqlite:///{file}")
    return file


@pytest.fixture
def migrated_sqlite(sqlite_template: Path, tmp_path: Path) -> str:
    """URL of a migrated SQLite database that no other test sees."""
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'gateway.db')}"


@pytest.fixture
def migrated_postgres(postgres_cluster: Cluster) -> Iterator[str]:
    """URL of a migrated PostgreSQL database that no other test sees."""
    url = postgres_cluster.create(template="migrated", build=migrate)
    yield url
    postgres_cluster.drop(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def migrated_database(request: pytest.FixtureRequest) -> str:
    """URL of a migrated database: on each back end, one after the other."""
    return str(request.getfixturevalue("migrated_sqlite" if request.param == "sqlite" else "migrated_postgres"))
