"""One transaction's statements, written once for SQLite and PostgreSQL.

SQL stands with `?` placeholders. Reads by key take any number of keys; inserts of many rows are one
`executemany` on SQLite and one statement over arrays on PostgreSQL. The driver is called directly: per-row work of
the SQL toolkit would cost more than the rows themselves (measured; see README, decisions).

On PostgreSQL statements without an answer are kept until one with an answer is due, or the commit, and are sent with
it (pipeline mode): the way to the server costs more than most of them. What is wrong with one is raised then, and
nothing after it was run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import PoolProxiedConnection, Table

from gateway.storage.arrays import Packed, Packer, binaries, integers, packer

Row = tuple[Any, ...]
_CHUNK = 4096
_STEP = 512


class Session:
    """Statements on one open transaction of a pooled driver connection."""

    def __init__(self, connection: PoolProxiedConnection, *, postgres: bool) -> None:
        self.postgres = postgres
        self._driver: Any = connection.driver_connection
        self._cursor = connection.cursor()
        self._kept: list[tuple[Callable[..., object], str, Sequence[object]]] = []
        self._open = False

    def begin(self, *, write: bool) -> None:
        """Open the transaction; on SQLite a writer takes the write lock now, so what it read stays true."""
        if self.postgres:
            self.tell("BEGIN" if write else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        else:
            self._execute("BEGIN IMMEDIATE" if write else "BEGIN")
            self._open = True

    def commit(self) -> None:
        """Make the transaction durable."""
        self._execute("COMMIT")
        self._open = False

    def rollback(self) -> None:
        """Undo the transaction; nothing when it was committed."""
        self._kept.clear()
        if self._open:
            self._open = False
            self._cursor.execute("ROLLBACK")

    def tell(self, sql: str, parameters: Sequence[object] = ()) -> None:
        """A statement of whose answer nothing is needed."""
        if self.postgres:
            self._kept.append((self._cursor.execute, _placeholders(sql), parameters))
        else:
            self._execute(sql, parameters)

    def send(self) -> None:
        """Have everything done that was asked so far: what is wrong with it is raised now."""
        if self._kept:
            self._execute("SELECT 1")

    def _execute(self, sql: str, parameters: Sequence[object] = ()) -> None:
        """Run a statement in the driver's own spelling, after those that were kept."""
        kept, self._kept = self._kept, []
        if kept:
            self._open = True
            with self._driver.pipeline():
                for run, *statement in kept:
                    run(*statement)
                self._cursor.execute(sql, parameters)
        else:
            self._cursor.execute(sql, parameters)

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """All rows of a SELECT (or of a statement with RETURNING)."""
        self._execute(_placeholders(sql) if self.postgres else sql, parameters)
        return list(self._cursor.fetchall())

    def one(self, sql: str, parameters: Sequence[object] = ()) -> Row | None:
        """The only row, or None."""
        found = self.rows(sql, parameters)
        return found[0] if found else None

    def run(self, sql: str, parameters: Sequence[object] = ()) -> int:
        """A statement without rows -> how many rows it touched."""
        self._execute(_placeholders(sql) if self.postgres else sql, parameters)
        return int(self._cursor.rowcount)

    def run_many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        """One statement for each of `rows`."""
        if rows and self.postgres:
            self._kept.append((self._cursor.executemany, _placeholders(sql), rows))
        elif rows:
            self._cursor.executemany(sql, rows)

    def rows_by_key(self, sql: str, keys: Iterable[object], parameters: Sequence[object] = ()) -> list[Row]:
        """Rows of a SELECT whose `{keys}` stands for "one of `keys`", each row once; `parameters` come before."""
        wanted = list(dict.fromkeys(keys))
        if not wanted:
            return []
        if self.postgres:
            self._execute(_by_array(sql), [*parameters, _packed(wanted)])
            return list(self._cursor.fetchall())
        found: list[Row] = []
        for start in range(0, len(wanted), _CHUNK):
            chunk = wanted[start : start + _CHUNK]
            size = _rounded(len(chunk))
            padded = chunk + [chunk[-1]] * (size - len(chunk))
            self._execute(_by_list(sql, size), [*parameters, *padded])
            found += self._cursor.fetchall()
        return found

    def delete_by_key(self, sql: str, keys: Iterable[object], parameters: Sequence[object] = ()) -> int:
        """Like `rows_by_key` for DELETE or UPDATE -> how many rows it touched."""
        wanted = list(dict.fromkeys(keys))
        if not wanted:
            return 0
        if self.postgres:
            self._execute(_by_array(sql), [*parameters, _packed(wanted)])
            return int(self._cursor.rowcount)
        touched = 0
        for start in range(0, len(wanted), _CHUNK):
            chunk = wanted[start : start + _CHUNK]
            self._execute(_by_list(sql, len(chunk)), [*parameters, *chunk])
            touched += int(self._cursor.rowcount)
        return touched

    def insert(self, table: Table, rows: Sequence[Sequence[object]]) -> None:
        """Insert rows; each holds all columns of `table` in their order."""
        if not rows:
            return
        if self.postgres and len(rows) > 1:
            sql, packers = _insert_arrays(table)
            columns = zip(*rows, strict=True)
            self.tell(sql, [pack(column) for pack, column in zip(packers, columns, strict=True)])
        else:
            self.run_many(_insert(table), rows)


def _rounded(count: int) -> int:
    """How many places a list of `count` keys gets: few distinct sizes, so that prepared statements are used again."""
    return 1 << (count - 1).bit_length() if count <= _STEP else -(-count // _STEP) * _STEP


@lru_cache(maxsize=512)
def _placeholders(sql: str) -> str:
    return sql.replace("?", "%s")


@lru_cache(maxsize=512)
def _by_array(sql: str) -> str:
    return _placeholders(sql).replace("{keys}", "= ANY(%s)")


def _packed(keys: list[Any]) -> Packed:
    return binaries(keys) if isinstance(keys[0], bytes) else integers(keys)


@lru_cache(maxsize=512)
def _by_list(sql: str, size: int) -> str:
    return sql.replace("{keys}", f"IN ({','.join('?' * size)})")


@lru_cache(maxsize=64)
def _insert(table: Table) -> str:
    places = ",".join("?" * len(table.columns))
    return f"INSERT INTO {_target(table)} VALUES ({places})"  # noqa: S608 - names come from the schema


@lru_cache(maxsize=64)
def _insert_arrays(table: Table) -> tuple[str, list[Packer]]:
    packers = [packer(column) for column in table.columns]
    places = ",".join(["%s"] * len(packers))
    return f"INSERT INTO {_target(table)} SELECT * FROM unnest({places})", packers  # noqa: S608 - as above


def _target(table: Table) -> str:
    columns = ",".join(f'"{column.name}"' for column in table.columns)
    return f'"{table.name}" ({columns})'
