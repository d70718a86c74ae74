"""The throw-away PostgreSQL cluster: databases are separate, templates are copied, nothing outlives the run."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from tests.postgres import Cluster

ROOT = Path(__file__).parents[2]


def run(url: str, *statements: str) -> list[tuple[object, ...]]:
    """Run statements in one transaction -> rows of the last one, none where it returns no rows."""
    with create_engine(url, poolclass=NullPool).begin() as connection:
        results = [connection.execute(text(statement)) for statement in statements]
        return [tuple(row) for row in results[-1]] if results[-1].returns_rows else []


def tables(url: str) -> list[tuple[object, ...]]:
    return run(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")


def test_a_database_is_fresh_and_takes_tables(postgres_url: str) -> None:
    assert tables(postgres_url) == []
    run(postgres_url, "CREATE TABLE person (name text)", "INSERT INTO person VALUES ('Zoë')")
    assert run(postgres_url, "SELECT name FROM person") == [("Zoë",)]


def test_two_databases_are_separate(postgres_cluster: Cluster, postgres_url: str) -> None:
    other = postgres_cluster.create()
    run(postgres_url, "CREATE TABLE only_here (id int)")
    assert tables(other) == []
    postgres_cluster.drop(other)


def test_a_template_is_built_once_and_copied(postgres_cluster: Cluster) -> None:
    built: list[str] = []

    def build(url: str) -> None:
        built.append(url)
        run(url, "CREATE TABLE from_template (id int)")

    urls = [postgres_cluster.create(template="test_cluster", build=build) for _ in range(2)]
    run(urls[0], "CREATE TABLE added (id int)")
    assert len(built) == 1
    assert tables(urls[0]) == [("added",), ("from_template",)]
    assert tables(urls[1]) == [("from_template",)]


def test_a_template_can_be_copied_while_its_builder_is_connected(postgres_cluster: Cluster) -> None:
    kept = []

    def build(url: str) -> None:
        kept.append(create_engine(url).connect())

    url = postgres_cluster.create(template="left_open", build=build)
    assert tables(url) == []
    kept[0].invalidate()
    kept[0].close()


def test_an_unknown_template_needs_a_builder(postgres_cluster: Cluster) -> None:
    with pytest.raises(ValueError, match="builds"):
        postgres_cluster.create(template="nobody_made_it")


def test_a_dropped_database_is_gone_even_with_a_connection_open(postgres_cluster: Cluster) -> None:
    url = postgres_cluster.create()
    connection = create_engine(url, poolclass=NullPool).connect()
    postgres_cluster.drop(url)
    with pytest.raises(OperationalError, match="does not exist"):
        tables(url)
    connection.invalidate()
    connection.close()


def test_settings_are_those_of_a_throw_away_cluster(postgres_url: str) -> None:
    assert run(postgres_url, "SHOW listen_addresses") == [("",)]
    assert run(postgres_url, "SHOW fsync") == [("off",)]
    assert run(postgres_url, "SHOW server_encoding") == [("UTF8",)]
    assert run(postgres_url, "SHOW lc_collate") == [("C.UTF-8",)]


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda sent: sent.name)
def test_nothing_is_left_when_the_run_is_killed(postgres_cluster: Cluster, sent: signal.Signals) -> None:
    """`postgres_cluster` is only asked for its skip: the cluster under test belongs to the killed process."""
    assert postgres_cluster.directory.exists()
    program = (
        "from tests.postgres import Cluster\n"
        "with Cluster.started() as cluster:\n"
        "    print(cluster.directory, flush=True)\n"
        "    input()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as run_:
        assert run_.stdout is not None
        directory = Path(run_.stdout.readline().strip())
        assert (directory / ".s.PGSQL.5432").exists()
        run_.send_signal(sent)
        # Standard error ends when the last process that holds it has: the cluster's own program.
        run_.communicate(timeout=60)
    assert not directory.exists()
