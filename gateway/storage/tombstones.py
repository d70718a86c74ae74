"""Tombstones: who was erased and must not come back, under tokens that need the suppress key."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from gateway.storage import schema
from gateway.storage.session import Session


ERASED = "erased"
"""The scope of an erasure. Any other scope is the purpose of a restriction whose identifier is not in the store."""


class Tombstone(NamedTuple):
    """One tombstone; `scope` is ERASED or a purpose ("*" for all), `source` what made it; times in milliseconds."""

    token: bytes
    chain: int
    regime: str
    scope: str
    source: str
    request_id: int
    erased_at: int
    ends_at: int | None


class TombstoneStore:
    """Tombstones of one tenant."""

    def __init__(self, session: Session, tenant_id: int) -> None:
        self._session = session
        self._tenant = tenant_id

    def any(self) -> bool:
        """Whether the tenant has a tombstone at all."""
        return self._session.one("SELECT 1 FROM tombstone WHERE tenant_id = ? LIMIT 1", [self._tenant]) is not None

    def find(self, tokens: Collection[bytes], now: int) -> dict[bytes, Tombstone]:
        """Tombstone tokens -> the tombstones in force at `now`."""
        columns = ", ".join(Tombstone._fields)
        sql = (
            f"SELECT {columns} FROM tombstone WHERE tenant_id = ? AND (ends_at IS NULL OR ends_at > ?)"  # noqa: S608 - constant
            " AND token {keys}"
        )
        rows = self._session.rows_by_key(sql, tokens, [self._tenant, now])
        return {bytes(row[0]): Tombstone(bytes(row[0]), *row[1:]) for row in rows}

    def put(self, rows: Sequence[Tombstone]) -> None:
        """Add tombstones; one that stands already is replaced by the later."""
        sql = "DELETE FROM tombstone WHERE tenant_id = ? AND token {keys}"
        self._session.delete_by_key(sql, [row.token for row in rows], [self._tenant])
        self._session.insert(schema.tombstone, [(self._tenant, *row) for row in rows])

    def lift(self, tokens: Collection[bytes]) -> int:
        """Remove tombstones that yielded to a new, proven consent -> how many."""
        sql = "DELETE FROM tombstone WHERE tenant_id = ? AND token {keys}"
        return self._session.delete_by_key(sql, tokens, [self._tenant])

    def sweep(self, now: int) -> int:
        """Remove tombstones whose end has passed -> how many."""
        return self._session.run("DELETE FROM tombstone WHERE tenant_id = ? AND ends_at <= ?", [self._tenant, now])
