"""The one table where match pseudonyms stand: token -> surrogate id."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from gateway.storage import schema
from gateway.storage.session import Session


class StoredIdentifier(NamedTuple):
    """One row: the pseudonym's token (32 bytes) and what it stands for."""

    token: bytes
    identifier_id: int
    kind: str
    namespace: str


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
        sql = "SELECT token, identifier_id, kind, namespace FROM pseudonym WHERE tenant_id = ? AND identifier_id {keys}"
        rows = self._session.rows_by_key(sql, identifiers, [self._tenant])
        return [StoredIdentifier(bytes(token), *rest) for token, *rest in rows]

    def all(self) -> Iterable[StoredIdentifier]:
        """Every row of the tenant; for replay and fsck, which look at the whole store."""
        sql = "SELECT token, identifier_id, kind, namespace FROM pseudonym WHERE tenant_id = ?"
        return (StoredIdentifier(bytes(token), *rest) for token, *rest in self._session.rows(sql, [self._tenant]))

    def add(self, rows: Sequence[StoredIdentifier], chain: int) -> None:
        """Insert new identifiers, all on the same chain of key versions."""
        stored = [(self._tenant, row.token, row.identifier_id, row.kind, row.namespace, chain) for row in sorted(rows)]
        self._session.insert(schema.pseudonym, stored)

    def delete(self, identifiers: Collection[int]) -> int:
        """Remove identifiers -> how many there were."""
        sql = "DELETE FROM pseudonym WHERE tenant_id = ? AND identifier_id {keys}"
        return self._session.delete_by_key(sql, identifiers, [self._tenant])
