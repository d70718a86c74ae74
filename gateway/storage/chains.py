"""Rows that stand on chains of key versions: counted, and moved to another chain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from gateway.storage.session import Session

_COUNTED: Final = ("pseudonym", "tombstone", "right_subject")


class ChainStore:
    """Tokens of one tenant and their chains."""

    def __init__(self, session: Session, tenant_id: int) -> None:
        self._session = session
        self._tenant = tenant_id

    def counts(self) -> dict[int, dict[str, int]]:
        """Chain -> rows on it by table, of chains that have any; reads all of these tables."""
        found: dict[int, dict[str, int]] = {}
        for table in _COUNTED:
            sql = f"SELECT chain, COUNT(*) FROM {table} WHERE tenant_id = ? GROUP BY chain"  # noqa: S608 - constant
            for chain, rows in self._session.rows(sql, [self._tenant]):
                found.setdefault(chain, {})[table] = rows
        return found

    def move(self, tokens: Iterable[tuple[bytes, bytes]], chain: int) -> None:
        """Pseudonym tokens get new ones of `chain`, as (old, new), also where requests name them."""
        rows = sorted((new, chain, self._tenant, old) for old, new in tokens)
        self._session.run_many("UPDATE pseudonym SET token = ?, chain = ? WHERE tenant_id = ? AND token = ?", rows)
        self.move_requests({old: new for new, _, _, old in rows}, chain)

    def move_requests(self, tokens: Mapping[bytes, bytes], chain: int) -> None:
        """The same for those whom only requests name, as old -> new."""
        if self._session.one("SELECT 1 FROM right_subject WHERE tenant_id = ? LIMIT 1", [self._tenant]) is None:
            return
        sql = "SELECT DISTINCT token FROM right_subject WHERE tenant_id = ? AND token {keys}"
        named = [bytes(old) for (old,) in self._session.rows_by_key(sql, tokens, [self._tenant])]
        rows = [(tokens[old], chain, self._tenant, old) for old in named]
        self._session.run_many("UPDATE right_subject SET token = ?, chain = ? WHERE tenant_id = ? AND token = ?", rows)

    def in_requests(self) -> list[tuple[bytes, int]]:
        """(token, chain) of everybody whom requests name."""
        sql = "SELECT DISTINCT token, chain FROM right_subject WHERE tenant_id = ?"
        return [(bytes(token), chain) for token, chain in self._session.rows(sql, [self._tenant])]
