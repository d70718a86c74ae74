"""Several programs that start at once: one migrates, the others find it done, and none of them fails."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from gateway.storage.migrate import check, downgrade
from tests.databases import MIGRATIONS, migrate
from tests.postgres import Cluster

ROOT = Path(__file__).parents[2]
PROGRAM = "import sys; from tests.databases import migrate; print('ready', flush=True); input(); migrate(sys.argv[1])"
ROLE = "FROM pg_roles WHERE rolname = 'gateway_app'"


def start_together(urls: Sequence[str]) -> None:
    """One process for each URL; all migrate when the last is ready."""
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, url],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for url in urls
    ]
    for program in programs:
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
    for program in programs:
        assert program.stdin is not None
        program.stdin.write("\n")
        program.stdin.flush()
    for program in programs:
        _, errors = program.communicate(timeout=120)
        assert (program.returncode, errors) == (0, "")


def test_starters_on_one_sqlite_file(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'gateway.db'}"
    start_together([url] * 2)
    assert check(url, MIGRATIONS) == []


@pytest.fixture
def fresh_cluster(postgres_cluster: Cluster) -> Iterator[Cluster]:
    """A cluster that does not know the application's role yet, where PostgreSQL is installed at all."""
    with Cluster.started() as fresh:
        assert fresh.directory != postgres_cluster.directory
        yield fresh


def test_starters_in_a_new_cluster(fresh_cluster: Cluster) -> None:
    """The role belongs to the cluster: the first database makes it, and the last one takes it along."""
    one, two = fresh_cluster.create(), fresh_cluster.create()
    start_together([one, two, one])
    assert [check(one, MIGRATIONS), check(two, MIGRATIONS)] == [[], []]
    for url, left in ((one, 1), (two, 0)):
        downgrade(url, MIGRATIONS, "base")
        with create_engine(url, poolclass=NullPool).connect() as connection:
            assert connection.scalar(text(f"SELECT count(*) {ROLE}")) == left
    with ThreadPoolExecutor(1) as pool, create_engine(one, poolclass=NullPool).connect() as connection:
        connection.execute(text("CREATE ROLE gateway_app"))
        migrating = pool.submit(migrate, two)
        wait_for_a_waiter(one)
        connection.commit()
        migrating.result(60)
    assert check(two, MIGRATIONS) == []


def wait_for_a_waiter(url: str) -> None:
    """Return when some transaction of the cluster waits for another one."""
    deadline = time.monotonic() + 60
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'"
    with create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT").connect() as connection:
        while not connection.scalar(text(waiting)):
            assert time.monotonic() < deadline, "nobody waits"
