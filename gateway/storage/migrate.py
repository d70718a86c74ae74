"""Migrations: bringing a database to the schema of this program, and telling where it differs.

`upgrade` and `downgrade` are one transaction each, on SQLite too, under a lock: of several starters one migrates and
the others find it done. On PostgreSQL they need the owner of the tables; everything else works as the application's
role. All raise Unavailable when the database cannot be reached or refuses the work.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from gateway.kernel.errors import Unavailable
from gateway.storage import schema
from gateway.storage.engine import open_owner_engine
from gateway.storage.guards import missing_guards

# Two numbers: another space of keys than that of the tenants' partition locks.
_LOCK = "SELECT pg_advisory_xact_lock(1734702201, 0)"

_VERBS = {"add": "missing", "remove": "superfluous", "modify": "different"}


def upgrade(url: str, migrations: Path, revision: str = "head") -> None:
    """Apply the revisions in `migrations` that the database lacks. A new SQLite file is for its owner only (0600)."""
    file = _sqlite_file(url)
    if file is not None:
        try:
            os.close(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600))
        except OSError as error:
            raise Unavailable("the database file cannot be made") from error
    with _owner(url, write=True) as connection:
        command.upgrade(_config(migrations, connection), revision)


def downgrade(url: str, migrations: Path, revision: str) -> None:
    """Go back to `revision`, "base" for nothing: what later revisions added is gone, with the data in it."""
    with _owner(url, write=True) as connection:
        command.downgrade(_config(migrations, connection), revision)


def current(url: str, migrations: Path) -> str | None:
    """The revision of the database, None before the first. Raises Unavailable for one that `migrations` lacks."""
    if _is_missing(url):
        return None
    with _owner(url, write=False) as connection:
        revision = MigrationContext.configure(connection).get_current_revision()
    if revision is not None and revision not in _revisions(migrations):
        raise Unavailable("the database is newer than this program")
    return revision


def is_current(url: str, migrations: Path) -> bool:
    """Whether the database stands at the newest revision. Raises Unavailable for one that `migrations` lacks."""
    return current(url, migrations) == ScriptDirectory(str(migrations)).get_current_head()


def check(url: str, migrations: Path) -> list[str]:
    """What is wrong with the database, one finding a line; [] when it is as this program needs it.

    A database that is not at the newest revision gets that one finding, any other those of `findings`.
    """
    if _is_missing(url):
        return ["there is no database"]
    revision, newest = current(url, migrations), ScriptDirectory(str(migrations)).get_current_head()
    if revision != newest:
        return [f"the database is at revision {revision or 'none'}, this program needs {newest}"]
    with _owner(url, write=False) as connection:
        return findings(connection)


def findings(connection: Connection) -> list[str]:
    """Where a database at the newest revision differs from `gateway.storage.schema`, and the guard rails it lacks.

    Compared are tables, columns, types, nulls, keys and indexes.
    """
    return [*_drift(connection), *missing_guards(connection)]


@contextmanager
def _owner(url: str, *, write: bool) -> Iterator[Connection]:
    engine = open_owner_engine(url, write=write)
    try:
        with engine.begin() as connection:
            if write and connection.dialect.name == "postgresql":
                connection.execute(text(_LOCK))
            yield connection
    except (SQLAlchemyError, CommandError) as error:
        raise Unavailable("the database cannot be reached, or refused the work") from error
    finally:
        engine.dispose()


def _config(migrations: Path, connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _revisions(migrations: Path) -> set[str]:
    return {script.revision for script in ScriptDirectory(str(migrations)).walk_revisions()}


def _sqlite_file(url: str) -> Path | None:
    parsed = make_url(url)
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


def _is_missing(url: str) -> bool:
    file = _sqlite_file(url)
    return file is not None and not file.exists()


def _drift(connection: Connection) -> Iterator[str]:
    for difference in compare_metadata(MigrationContext.configure(connection), schema.metadata):
        yield _described(difference)
    stored = {
        name: key["constrained_columns"] for (_, name), key in inspect(connection).get_multi_pk_constraint().items()
    }
    for table in schema.metadata.sorted_tables:
        if stored.get(table.name) not in (None, [column.name for column in table.primary_key.columns]):
            yield f"different primary key: {table.name}"


def _described(difference: object) -> str:
    """Alembic's tuple (for what is wrong with one column a list of them) -> `missing table: x` and the like."""
    if isinstance(difference, list):
        return ", ".join(_described(one) for one in difference)
    if not isinstance(difference, tuple):
        return str(difference)
    operation, *parts = difference
    verb, _, what = str(operation).partition("_")
    names = [getattr(part, "name", part) for part in parts if isinstance(part, str) or hasattr(part, "name")]
    table = [part.table.name for part in parts if getattr(part, "table", None) is not None]
    path = ".".join(dict.fromkeys([*table, *map(str, names[:2])]))
    return f"{_VERBS.get(verb, verb)} {what}: {path}"
