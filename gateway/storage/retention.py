"""How old identifiers are: a walk over all of them, a page at a time, each page by key."""

from __future__ import annotations

from collections.abc import Collection

from gateway.storage.session import Session


class RetentionStore:
    """Ages of one tenant's identifiers; reads only."""

    def __init__(self, session: Session, tenant_id: int) -> None:
        self._session = session
        self._tenant = tenant_id

    def page(self, after: int, limit: int) -> list[int]:
        """The next `limit` identifiers behind `after` (0 to begin), in order; [] at the end."""
        sql = (
            "SELECT identifier_id FROM pseudonym WHERE tenant_id = ? AND identifier_id > ?"
            " ORDER BY identifier_id LIMIT ?"
        )
        return [one for (one,) in self._session.rows(sql, [self._tenant, after, limit])]

    def last_seen(self, identifiers: Collection[int]) -> dict[int, tuple[str, int]]:
        """Identifiers -> (kind, when the last record that asserts it was observed), of those that a record asserts."""
        sql = (
            "SELECT l.identifier_id, MIN(l.kind), MAX(r.observed_at) FROM link l CROSS JOIN record r"
            " WHERE r.tenant_id = l.tenant_id AND r.record_id = l.record_id AND l.tenant_id = ?"
            " AND l.identifier_id {keys} GROUP BY l.identifier_id"
        )
        rows = self._session.rows_by_key(sql, identifiers, [self._tenant])
        return {one: (kind, observed_at) for one, kind, observed_at in rows}

    def last_stated(self, identifiers: Collection[int]) -> dict[int, int]:
        """Identifiers -> when the last consent event about it became known, of those that the ledger names."""
        sql = (
            "SELECT identifier_id, MAX(known_at) FROM ledger WHERE tenant_id = ? AND identifier_id {keys}"
            " GROUP BY identifier_id"
        )
        return dict(self._session.rows_by_key(sql, identifiers, [self._tenant]))
