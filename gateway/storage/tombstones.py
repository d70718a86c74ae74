"""Tombstones: who was erased and must not come back, under tokens that need the suppress key."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from gateway.storage import schema
from gateway.storage.session import Session

ERASED = "erased"
"""The scope of an erasure: nothing about this person is taken in."""

RETURNED = "returned"
"""The scope of an erasure whose person came back by a new consent: only what was observed before it stays out."""

_NEVER = -(1 << 62)
"""A time at which every tombstone is in force."""

# Any other scope is the purpose of a restriction ("*" for all) whose identifier is not in the store.


class Tombstone(NamedTuple):
    """One tombstone; `scope` as above, `source` what made it (an event's kind for a restriction); times in ms.

    An identifier may stand under several: one for each scope and source.
    """

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

    def find(self, tokens: Collection[bytes], now: int) -> dict[bytes, list[Tombstone]]:
        """Tombstone tokens -> the tombstones in force at `now`."""
        columns = ", ".join(Tombstone._fields)
        sql = (
            f"SELECT {columns} FROM tombstone WHERE tenant_id = ? AND (ends_at IS NULL OR ends_at > ?)"  # noqa: S608 - constant
            " AND token {keys}"
        )
        found: dict[bytes, list[Tombstone]] = {}
        for row in self._session.rows_by_key(sql, tokens, [self._tenant, now]):
            found.setdefault(bytes(row[0]), []).append(Tombstone(bytes(row[0]), *row[1:]))
        return found

    def put(self, rows: Collection[Tombstone]) -> None:
        """Add tombstones; of two for the same token, scope and source the one in `rows` stays, the last of them."""
        latest = {(row.token, row.scope, row.source): row for row in rows}
        self.lift(latest.values())
        self._session.insert(schema.tombstone, [(self._tenant, *row) for row in latest.values()])

    def move(self, tokens: Mapping[bytes, bytes], chain: int) -> None:
        """Tombstones under old tokens stand under new ones of this chain; of two alike the later stays."""
        old = self.find(tokens, _NEVER)
        if old:
            moved = [row._replace(token=tokens[token], chain=chain) for token, rows in old.items() for row in rows]
            there = self.find({row.token for row in moved}, _NEVER)
            self.lift([row for rows in old.values() for row in rows])
            rows = moved + [row for several in there.values() for row in several]
            self.put(sorted(rows, key=lambda row: row.erased_at))

    def lift(self, rows: Collection[Tombstone]) -> None:
        """Remove these tombstones, as told by token, scope and source."""
        sql = "DELETE FROM tombstone WHERE tenant_id = ? AND token = ? AND scope = ? AND source = ?"
        self._session.run_many(sql, [(self._tenant, row.token, row.scope, row.source) for row in rows])

    def sweep(self, now: int) -> int:
        """Remove tombstones whose end has passed -> how many."""
        return self._session.run("DELETE FROM tombstone WHERE tenant_id = ? AND ends_at <= ?", [self._tenant, now])
