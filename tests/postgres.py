"""Databases for tests, made in a throw-away PostgreSQL cluster that the test run starts itself.

    with Cluster.started() as cluster:
        url = cluster.create()                                  empty
        url = cluster.create(template="migrated", build=fill)   a copy of what `fill(url)` made the first time

The server is a process of its own, `tests/postgres_server.py`, which ends with this one.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from tests import postgres_server

_STOP_SECONDS = 30


class ClusterFailed(Exception):
    """The server did not start; what it said stands on standard error."""


class Cluster:
    """A running server. Its databases go with it; `drop` only saves room before that."""

    def __init__(self, directory: str) -> None:
        self.directory = Path(directory)
        self._names = (f"test_{number}" for number in itertools.count(1))
        self._templates: set[str] = set()

    @classmethod
    @contextmanager
    def started(cls) -> Iterator[Cluster]:
        """Start a server (about a second) and stop it at the end. Raises `ClusterFailed`."""
        # -I -S: the server's program needs no package, and coverage shall not start in it.
        command = [sys.executable, "-I", "-S", str(postgres_server.__file__)]
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as server:
            try:
                directory = server.stdout.readline().strip() if server.stdout else ""
                if not directory:
                    raise ClusterFailed("PostgreSQL did not start: see standard error")
                yield cls(directory)
            finally:
                if server.stdin:
                    server.stdin.close()
                try:
                    server.wait(_STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    server.terminate()

    def url(self, database: str, user: str = postgres_server.USER) -> str:
        """Name of a database and of a role -> SQLAlchemy URL."""
        return f"postgresql+psycopg://{user}@/{database}?host={quote(str(self.directory))}&port={postgres_server.PORT}"

    def create(self, template: str = "", build: Callable[[str], None] | None = None) -> str:
        """A fresh database -> its URL: empty, or a copy of the named template.

        `build` fills the template, given its URL, when it is asked for the first time in this cluster.
        """
        name = next(self._names)
        if template and template not in self._templates:
            if build is None:
                raise ValueError("a new template needs a function that builds it")
            self._execute("CREATE DATABASE {}", template)
            build(self.url(template))
            # A database that somebody is connected to cannot be copied.
            self._execute("ALTER DATABASE {} WITH ALLOW_CONNECTIONS false", template)
            self._execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {}", literal=template)
            self._templates.add(template)
        self._execute("CREATE DATABASE {} TEMPLATE {}", name, template or "template0")
        return self.url(name)

    def drop(self, url: str) -> None:
        """Drop the database of a URL made by `create`, whoever is still connected to it."""
        self._execute("DROP DATABASE {} WITH (FORCE)", url.partition("@/")[2].partition("?")[0])

    def _execute(self, statement: str, *names: str, literal: str | None = None) -> None:
        values: list[sql.Composable] = [sql.Identifier(name) for name in names]
        if literal is not None:
            values.append(sql.Literal(literal))
        with psycopg.connect(
            host=str(self.directory),
            port=postgres_server.PORT,
            user=postgres_server.USER,
            dbname="postgres",
            autocommit=True,
        ) as connection:
            connection.execute(sql.SQL(statement).format(*values))
