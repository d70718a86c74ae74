"""The consent ledger's erasable half: who, exactly when. Its immutable half is the log entry at `position`.

There is no update, and no delete but the one erasure makes; triggers and, on PostgreSQL, missing rights guard it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from gateway.consent.model import Fact
from gateway.storage import schema
from gateway.storage.session import Session

_COLUMNS = "identifier_id, purpose, kind, occurred_at, position, expires_at, basis, verified, derived, site"


class LedgerRow(NamedTuple):
    """One event on one identifier, as it is stored."""

    identifier_id: int
    position: int
    purpose: str
    kind: str
    occurred_at: int
    known_at: int
    expires_at: int | None
    regimes: str
    basis: str
    channel: str
    client_id: int
    method: str
    notice: str
    verified: bool
    derived: bool
    site: str


class LedgerStore:
    """Ledger events of one tenant."""

    def __init__(self, session: Session, tenant_id: int) -> None:
        self._session = session
        self._tenant = tenant_id

    def facts(self, identifiers: Collection[int]) -> list[Fact]:
        """Everything the ledger says of these identifiers."""
        sql = f"SELECT {_COLUMNS} FROM ledger WHERE tenant_id = ? AND identifier_id {{keys}}"  # noqa: S608 - constant
        return [Fact._make(row) for row in self._session.rows_by_key(sql, identifiers, [self._tenant])]

    def facts_at(self, identifiers: Collection[int], as_of: int, known_at: int) -> list[Fact]:
        """What had happened by `as_of` as it was known at `known_at` (both milliseconds)."""
        sql = (
            f"SELECT {_COLUMNS} FROM ledger WHERE tenant_id = ? AND occurred_at <= ? AND known_at <= ?"  # noqa: S608 - constant
            " AND identifier_id {keys}"
        )
        rows = self._session.rows_by_key(sql, identifiers, [self._tenant, as_of, known_at])
        return [Fact._make(row) for row in rows]

    def rows(self, identifiers: Collection[int]) -> list[LedgerRow]:
        """Whole rows, for exports."""
        columns = ", ".join(LedgerRow._fields)
        sql = f"SELECT {columns} FROM ledger WHERE tenant_id = ? AND identifier_id {{keys}} ORDER BY position"  # noqa: S608 - constant
        return [LedgerRow._make(row) for row in self._session.rows_by_key(sql, identifiers, [self._tenant])]

    def rows_at(self, positions: Collection[int]) -> list[LedgerRow]:
        """Whole rows of these events, on whomever they stand."""
        columns = ", ".join(LedgerRow._fields)
        sql = f"SELECT {columns} FROM ledger WHERE tenant_id = ? AND position {{keys}}"  # noqa: S608 - constant
        return [LedgerRow._make(row) for row in self._session.rows_by_key(sql, positions, [self._tenant])]

    def stated_by(self, channel: str, identifiers: Collection[int]) -> set[int]:
        """Which of `identifiers` this channel has stated an event about."""
        sql = (
            "SELECT DISTINCT identifier_id FROM ledger WHERE tenant_id = ? AND channel = ? AND NOT derived"
            " AND identifier_id {keys}"
        )
        return {one for (one,) in self._session.rows_by_key(sql, identifiers, [self._tenant, channel])}

    def append(self, rows: Sequence[LedgerRow]) -> None:
        """Add events; their positions were assigned under the head lock."""
        self._session.insert(schema.ledger, [(self._tenant, *row) for row in sorted(rows)])

    def positions(self, identifiers: Collection[int]) -> list[int]:
        """Log positions of the events on these identifiers."""
        sql = "SELECT DISTINCT position FROM ledger WHERE tenant_id = ? AND identifier_id {keys}"
        return [position for (position,) in self._session.rows_by_key(sql, identifiers, [self._tenant])]

    def keep_signals(self, texts: Mapping[int, bytes]) -> None:
        """Keep the sealed texts of signals, by the position of the event that says one was received."""
        self._session.insert(schema.signal_text, [(self._tenant, *row) for row in sorted(texts.items())])

    def signals(self, positions: Collection[int]) -> dict[int, bytes]:
        """Positions -> the sealed texts of the signals received there."""
        sql = "SELECT position, sealed FROM signal_text WHERE tenant_id = ? AND position {keys}"
        return {at: bytes(text) for at, text in self._session.rows_by_key(sql, positions, [self._tenant])}

    def erase(self, positions: Collection[int]) -> int:
        """Erasure's delete: all rows of these events, the texts of signals, and the openings of refusals that rest on
        them -> how many rows there were.
        """
        refused = "SELECT DISTINCT batch_id, place FROM refusal_fact WHERE tenant_id = ? AND position {keys}"
        places = [(self._tenant, *row) for row in self._session.rows_by_key(refused, positions, [self._tenant])]
        for table in ("decision", "refusal_fact"):
            sql = f"DELETE FROM {table} WHERE tenant_id = ? AND batch_id = ? AND place = ?"  # noqa: S608 - constants
            self._session.run_many(sql, places)
        texts = "DELETE FROM signal_text WHERE tenant_id = ? AND position {keys}"
        self._session.delete_by_key(texts, positions, [self._tenant])
        sql = "DELETE FROM ledger WHERE tenant_id = ? AND position {keys}"
        return self._session.delete_by_key(sql, positions, [self._tenant])
