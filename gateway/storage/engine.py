"""Engines: how a connection to SQLite or PostgreSQL is opened and what is set on it."""

from __future__ import annotations

import sqlite3
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from gateway.storage import arrays

APPLICATION_ROLE = "gateway_app"
"""On PostgreSQL every connection works as this role: it owns nothing and row-level security binds it."""

# The time-out comes first: changing the journal mode may have to wait for another starter. With recursive triggers
# INSERT OR REPLACE meets the triggers that refuse DELETE.
_POSTGRES_SETTINGS = ("jit = off", "enable_seqscan = off", "enable_hashjoin = off", "enable_mergejoin = off")
"""Every statement of a flow reads a few rows by key. Until the tables are analyzed the planner cannot know that and
scans them whole (measured: 75 ms instead of 2 ms for a view)."""

_SQLITE_PRAGMAS = (
    "busy_timeout=30000",
    "journal_mode=WAL",
    "synchronous=FULL",
    "secure_delete=ON",
    "foreign_keys=ON",
    "recursive_triggers=ON",
    "temp_store=MEMORY",
    "wal_autocheckpoint=10000",
    "cache_size=-131072",
)


def open_engine(url: str) -> Engine:
    """Database URL -> the engine that the stores work on: pooled, as the application's role, no implicit BEGIN."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(parsed, isolation_level="AUTOCOMMIT", connect_args={"cached_statements": 512})
        event.listen(engine, "connect", _prepare_sqlite)
        return engine
    engine = create_engine(parsed, isolation_level="AUTOCOMMIT", pool_size=8, max_overflow=8)
    event.listen(engine, "connect", _become_application)
    return engine


def open_owner_engine(url: str, *, write: bool) -> Engine:
    """Database URL -> an engine with the owner's rights, for migrations. Nothing is pooled.

    `begin` opens a transaction that covers DDL on both back ends and, with `write` on SQLite, takes the write lock.
    """
    engine = create_engine(make_url(url), poolclass=NullPool)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_immediate if write else _begin)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None
    for pragma in _SQLITE_PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _become_application(connection: psycopg.Connection[Any], _record: object) -> None:
    arrays.register(connection)
    connection.execute(f"SET ROLE {APPLICATION_ROLE}")
    for setting in _POSTGRES_SETTINGS:
        connection.execute(f"SET {setting}")
    connection.commit()
