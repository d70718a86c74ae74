"""Imports of consent events that wait for a second person. No person's data."""

from __future__ import annotations

from typing import NamedTuple

from gateway.storage import schema
from gateway.storage.session import Session


class ImportRow(NamedTuple):
    """One import: a keyed token of its events, what it would do as JSON, who did what when (clients, milliseconds)."""

    import_id: int
    digest: bytes
    summary: str
    proposed_by: int
    proposed_at: int
    approved_by: int | None = None
    approved_at: int | None = None
    done_at: int | None = None


class ImportStore:
    """Imports of one tenant."""

    def __init__(self, session: Session, tenant_id: int) -> None:
        self._session = session
        self._tenant = tenant_id

    def add(self, row: ImportRow) -> None:
        """A new proposal."""
        self._session.insert(schema.consent_import, [(self._tenant, *row)])

    def get(self, import_id: int) -> ImportRow | None:
        """One import."""
        columns = ", ".join(ImportRow._fields)
        sql = f"SELECT {columns} FROM consent_import WHERE tenant_id = ? AND import_id = ?"  # noqa: S608 - constant
        found = self._session.one(sql, [self._tenant, import_id])
        return None if found is None else ImportRow._make(found)._replace(digest=bytes(found[1]))

    def approve(self, import_id: int, client_id: int, now: int) -> int:
        """Somebody approves it -> 1, or 0 where it was approved before."""
        sql = (
            "UPDATE consent_import SET approved_by = ?, approved_at = ?"
            " WHERE tenant_id = ? AND import_id = ? AND approved_at IS NULL"
        )
        return self._session.run(sql, [client_id, now, self._tenant, import_id])

    def done(self, import_id: int, now: int) -> None:
        """It was carried out."""
        sql = "UPDATE consent_import SET done_at = ? WHERE tenant_id = ? AND import_id = ?"
        self._session.run(sql, [now, self._tenant, import_id])
