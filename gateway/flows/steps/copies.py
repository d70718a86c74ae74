"""For backup and restore: copies of the database, by SQLite's own means or by PostgreSQL's programs, and files."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from gateway.kernel.errors import Conflict, Unavailable
from gateway.storage.unit_of_work import Storage

_ENVIRONMENT: Final[Mapping[str, str]] = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
}
_BESIDE = ("-wal", "-shm", "-journal")


def sqlite_file(storage: Storage) -> Path:
    """The file of an SQLite store. Raises Unavailable for one in memory."""
    database = storage.engine.url.database
    if not database or database == ":memory:":
        raise Unavailable("a store in memory has no backup")
    return Path(database)


def copy_sqlite(store: Path, copy: Path) -> None:
    """Copy a store that may be in use, into an empty file. Raises Unavailable when it cannot be read or is damaged.

    It is one step, so that writers who go on do not make it begin anew.
    """
    try:
        with closing(sqlite3.connect(store)) as live, closing(sqlite3.connect(copy)) as made:
            live.backup(made)
            made.execute("PRAGMA journal_mode=DELETE")
            whole = made.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
    except sqlite3.Error as error:
        raise Unavailable("the store cannot be copied") from error
    if not whole:
        raise Unavailable("the store is damaged: fall back on an earlier backup")


def settle(store: Path) -> None:
    """Bring all of an SQLite store into its one file; nothing happens to a file that is damaged, or not there.

    Raises Conflict when somebody else has it open.
    """
    if not store.exists():
        return
    try:
        with closing(sqlite3.connect(store, timeout=1)) as connection:
            alone = connection.execute("PRAGMA journal_mode=DELETE").fetchone() == ("delete",)
    except sqlite3.OperationalError:
        alone = False
    except sqlite3.DatabaseError:
        return
    if not alone:
        raise Conflict("the store is in use: stop the gateway first")


def dump_postgres(storage: Storage, copy: Path) -> None:
    """Dump the database into the file `copy`, in one snapshot. Raises Unavailable."""
    _run(storage, "pg_dump", ["--format=custom", "--no-owner", "--no-password", f"--file={copy}"])


def load_postgres(storage: Storage, copy: Path) -> None:
    """Put a dump in the place of what the database holds, in one transaction. Raises Unavailable."""
    options = ["--clean", "--if-exists", "--no-owner", "--no-password", "--single-transaction", "--exit-on-error"]
    _run(storage, "pg_restore", [*options, f"--dbname={_connection(storage)['dbname']}", str(copy)])


def make_private(file: Path) -> None:
    """Make an empty file that only its owner can read."""
    os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def sha256_of(file: Path) -> str:
    """The hash of a file's content, in hex."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sync(path: Path) -> None:
    """Make a file, or the names in a directory, durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(store: Path) -> None:
    """Remove an SQLite store with what stands beside it."""
    store.unlink(missing_ok=True)
    remove_beside(store)


def remove_beside(store: Path) -> None:
    """Remove what SQLite keeps beside a store, lest another store takes it for its own."""
    for suffix in _BESIDE:
        store.with_name(store.name + suffix).unlink(missing_ok=True)


def _connection(storage: Storage) -> dict[str, str]:
    engine = storage.engine
    return {name: str(value) for name, value in engine.dialect.create_connect_args(engine.url)[1].items()}


def _run(storage: Storage, program: str, arguments: Sequence[str]) -> None:
    """Run one of PostgreSQL's programs. The password goes by the environment; what it says may hold data: not shown."""
    found = shutil.which(program)
    if found is None:
        raise Unavailable(f"{program} is not installed (Debian: postgresql-client): install it, or copy by hand")
    given = {_ENVIRONMENT[name]: value for name, value in _connection(storage).items() if name in _ENVIRONMENT}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")} | given
    done = subprocess.run(
        [found, *arguments], env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    if done.returncode:
        raise Unavailable(
            f"{program} failed with status {done.returncode}: it needs a role that owns the tables and may bypass"
            " row-level security, and a version not older than the server's"
        )
