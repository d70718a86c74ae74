"""Several programs that start at once: one migrates, the others find it done, and none of them fails."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from gateway.storage.migrate import check, downgrade
from tests.databases import MIGRATIONS
from tests.postgres import Cluster

ROOT = Path(__file__).parents[2]
PROGRAM = "import sys; from tests.databases import migrate; print('ready', flush=True); input(); migrate(sys.argv[1])"


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


def test_starters_on_one_and_on_several_databases_of_a_new_cluster(postgres_cluster: Cluster) -> None:
    """The role belongs to the cluster: two databases make it at the same time, and the last one takes it along.

    `postgres_cluster` is only asked for its skip: the role is known there already.
    """
    with Cluster.started() as fresh:
        assert fresh.directory != postgres_cluster.directory
        one, two = fresh.create(), fresh.create()
        start_together([one, two, one])
        assert [check(one, MIGRATIONS), check(two, MIGRATIONS)] == [[], []]
        for url, left in ((one, 1), (two, 0)):
            downgrade(url, MIGRATIONS, "base")
            with create_engine(url, poolclass=NullPool).connect() as connection:
                roles = "SELECT count(*) FROM pg_roles WHERE rolname = 'gateway_app'"
                assert connection.scalar(text(roles)) == left
