"""Engines: how a connection to SQLite or PostgreSQL is opened and what is set on it."""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url

APPLICATION_ROLE = "gateway_app"
"""On PostgreSQL every connection works as this role: it owns nothing and row-level security binds it."""

_SQLITE_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "secure_delete=ON",
    "foreign_keys=ON",
    "busy_timeout=30000",
    "temp_store=MEMORY",
    "cache_size=-131072",
)


def open_engine(url: str, *, as_application: bool = True) -> Engine:
    """Database URL -> engine. `as_application=False` is for migrations, which need the owner's rights."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(parsed, isolation_level="AUTOCOMMIT")
        event.listen(engine, "connect", _prepare_sqlite)
        return engine
    engine = create_engine(parsed, isolation_level="AUTOCOMMIT", pool_size=8, max_overflow=8)
    if as_application:
        event.listen(engine, "connect", _become_application)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None
    for pragma in _SQLITE_PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _become_application(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute(f"SET ROLE {APPLICATION_ROLE}")
    cursor.close()
    connection.commit()
