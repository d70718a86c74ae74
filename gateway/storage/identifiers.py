"""The one table where match pseudonyms stand: token -> surrogate id."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from gateway.storage import schema
from gateway.storage.session import Session


class StoredIdentifier(NamedTuple):
    """One row: the pseudonym's token (32 bytes), what it stands for, and the chain of key versions that made it."""

    token: bytes
    identifier_id: int
    kind: str
    namespace: str
    chain: int


class IdentifierStore:
    """Identifiers of one tenant."""

    def __init__(self, session: Session, tenant_id: int) -> None:
        self._session = session
        self._tenant = tenant_id

    def find(self, tokens: Collection[bytes]) -> dict[bytes, int]:
        """Pseudonym tokens -> surrogate ids of those that are known."""
        sql = "SELECT token, identifier_id FROM pseudonym WHERE tenant_id = ? AND token {keys}"
        return {bytes(token): one for token, one in self._session.rows_by_key(sql, tokens, [self._tenant])}

    def describe(self, identifiers: Collection[int]) -> list[StoredIdentifier]:
        """Surrogate ids -> their rows."""
        sql = (
            "SELECT token, identifier_id, kind, namespace, chain FROM pseudonym"
            " WHERE tenant_id = ? AND identifier_id {keys}"
        )
        rows = self._session.rows_by_key(sql, identifiers, [self._tenant])
        return [StoredIdentifier(bytes(token), *rest) for token, *rest in rows]

    def all(self) -> Iterable[StoredIdentifier]:
        """Every row of the tenant; for replay and fsck, which look at the whole store."""
        sql = "SELECT token, identifier_id, kind, namespace, chain FROM pseudonym WHERE tenant_id = ?"
        return (StoredIdentifier(bytes(token), *rest) for token, *rest in self._session.rows(sql, [self._tenant]))

    def page(self, after: bytes, limit: int) -> list[tuple[bytes, int]]:
        """(token, chain) of the rows behind a token, in its order."""
        sql = "SELECT token, chain FROM pseudonym WHERE tenant_id = ? AND token > ? ORDER BY token LIMIT ?"
        return [(bytes(token), chain) for token, chain in self._session.rows(sql, [self._tenant, after, limit])]

    def add(self, rows: Sequence[StoredIdentifier]) -> None:
        """Insert new identifiers."""
        self._session.insert(schema.pseudonym, [(self._tenant, *row) for row in sorted(rows)])

    def delete(self, identifiers: Collection[int]) -> int:
        """Remove identifiers -> how many there were."""
        sql = "DELETE FROM pseudonym WHERE tenant_id = ? AND identifier_id {keys}"
        return self._session.delete_by_key(sql, identifiers, [self._tenant])
