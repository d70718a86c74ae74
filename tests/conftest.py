"""What every test may ask for: hypothesis profiles and fresh PostgreSQL databases."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.postgres import Cluster
from tests.postgres_server import find_programs

IN_CI = os.environ.get("CI") == "true"

# Two cores carry the tests of several workers: time per example says nothing. In CI a run repeats the last one.
settings.register_profile("default", deadline=None, print_blob=True, derandomize=IN_CI)
settings.register_profile("fuzz", deadline=None, print_blob=True, max_examples=5_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


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
