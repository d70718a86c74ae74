"""Decisions, changes of the partition and disclosures to recipients: what the log's entries were about."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from gateway.storage import schema
from gateway.storage.session import Session

CONSENT = "consent"
"""The kind of a row that says that somebody in a profile restricted something: it is no change of the partition."""

_REACH = 4096
"""How many entries apart a transaction's consents, changes and decisions are looked for."""


class ChangeRow(NamedTuple):
    """One profile's part in one change: `role` is survivor, absorbed, parent, part or refused."""

    position: int
    profile_id: int
    kind: str
    role: str
    made_at: int


class DisclosureRow(NamedTuple):
    """One profile shown to one client."""

    position: int
    profile_id: int
    client_id: int
    purpose: str
    made_at: int


class DisclosureStore:
    """What entries of the log were about, for one tenant."""

    def __init__(self, session: Session, tenant_id: int) -> None:
        self._session = session
        self._tenant = tenant_id

    def add_decisions(
        self,
        batch_id: int,
        position: int,
        commitments: bytes,
        disclosures: Sequence[tuple[int, str]],
        refused: Sequence[tuple[int, int]] = (),
    ) -> None:
        """A batch's decisions: commitments (32 bytes each, in order) and (place, disclosure text), which can go.

        `refused` are (ledger position, place) for what refusals rest on: they have no record by which to find them.
        """
        self._session.insert(schema.decision_batch, [(self._tenant, batch_id, position, commitments)])
        self._session.insert(schema.decision, [(self._tenant, batch_id, place, text) for place, text in disclosures])
        rows = sorted((self._tenant, at, batch_id, place) for at, place in refused)
        self._session.insert(schema.refusal_fact, rows)

    def batches(self, start: int, end: int) -> list[tuple[int, int, bytes]]:
        """(position, batch id, commitments) of decision batches logged from `start` to before `end`."""
        sql = (
            "SELECT position, batch_id, commitments FROM decision_batch"
            " WHERE tenant_id = ? AND position >= ? AND position < ? ORDER BY position"
        )
        return [(at, batch, bytes(raw)) for at, batch, raw in self._session.rows(sql, [self._tenant, start, end])]

    def batch(self, batch_id: int) -> tuple[int, bytes] | None:
        """Batch id -> (position of its entry, commitments)."""
        sql = "SELECT position, commitments FROM decision_batch WHERE tenant_id = ? AND batch_id = ?"
        found = self._session.one(sql, [self._tenant, batch_id])
        return None if found is None else (int(found[0]), bytes(found[1]))

    def decision(self, batch_id: int, place: int) -> str | None:
        """The disclosure text of one decision; None where it was erased, or never kept."""
        sql = "SELECT disclosure FROM decision WHERE tenant_id = ? AND batch_id = ? AND place = ?"
        found = self._session.one(sql, [self._tenant, batch_id, place])
        return None if found is None else str(found[0])

    def decisions(self, batch_id: int) -> list[tuple[int, str]]:
        """(place, disclosure text) of the decisions of a batch that were not erased."""
        sql = "SELECT place, disclosure FROM decision WHERE tenant_id = ? AND batch_id = ? ORDER BY place"
        return [(place, text) for place, text in self._session.rows(sql, [self._tenant, batch_id])]

    def add_changes(self, rows: Sequence[ChangeRow]) -> None:
        """Index entries by the profiles they changed."""
        self._session.insert(schema.change, [(self._tenant, *row) for row in rows])

    def changes_of(self, profile_ids: Collection[int]) -> list[ChangeRow]:
        """All rows of changes of these profiles."""
        columns = ", ".join(ChangeRow._fields)
        sql = f"SELECT {columns} FROM change WHERE tenant_id = ? AND kind <> ? AND profile_id {{keys}}"  # noqa: S608 - constant
        return [ChangeRow._make(row) for row in self._session.rows_by_key(sql, profile_ids, [self._tenant, CONSENT])]

    def changes_at(self, positions: Collection[int]) -> list[ChangeRow]:
        """All rows of these entries."""
        columns = ", ".join(ChangeRow._fields)
        sql = f"SELECT {columns} FROM change WHERE tenant_id = ? AND position {{keys}}"  # noqa: S608 - constant
        return sorted(ChangeRow._make(row) for row in self._session.rows_by_key(sql, positions, [self._tenant]))

    def changes_made_with(self, record_ids: Collection[int]) -> set[int]:
        """Retracted records -> positions of the changes that their batches made, theirs among them.

        A batch's changes stand right before its decisions and bear the time at which its records were received.
        """
        sql = (
            "SELECT DISTINCT c.position FROM record r CROSS JOIN decision_batch b CROSS JOIN change c"
            " WHERE b.tenant_id = r.tenant_id AND b.batch_id = r.batch_id AND c.tenant_id = r.tenant_id"
            " AND c.position < b.position AND c.position >= b.position - ? AND c.made_at = r.received_at"
            " AND c.kind <> ? AND NOT r.active AND r.tenant_id = ? AND r.record_id {keys}"
        )
        return {at for (at,) in self._session.rows_by_key(sql, record_ids, [_REACH, CONSENT, self._tenant])}

    def changes_made_by(self, identifiers: Collection[int]) -> set[int]:
        """Identifiers -> positions of the changes that followed a restriction of theirs in the same transaction."""
        sql = (
            "SELECT DISTINCT c.position FROM ledger l CROSS JOIN change c WHERE c.tenant_id = l.tenant_id"
            " AND c.position > l.position AND c.position <= l.position + ? AND c.made_at = l.known_at"
            " AND c.kind <> ? AND l.kind NOT IN ('grant', 'opt_in') AND l.tenant_id = ? AND l.identifier_id {keys}"
        )
        return {at for (at,) in self._session.rows_by_key(sql, identifiers, [_REACH, CONSENT, self._tenant])}

    def changes_after(self, position: int, limit: int) -> list[ChangeRow]:
        """The feed: rows after `position`, whole entries, at least `limit` rows where there are as many."""
        columns = ", ".join(ChangeRow._fields)
        sql = f"SELECT {columns} FROM change WHERE tenant_id = ? AND position > ? ORDER BY position, profile_id LIMIT ?"  # noqa: S608 - constant
        rows = [ChangeRow._make(row) for row in self._session.rows(sql, [self._tenant, position, limit])]
        if len(rows) < limit:
            return rows
        whole = [row for row in rows if row.position != rows[-1].position]
        return [*whole, *self.changes_at([rows[-1].position])]

    def erase_changes(self, profile_ids: Collection[int]) -> int:
        """Remove the rows of erased profiles -> how many."""
        sql = "DELETE FROM change WHERE tenant_id = ? AND kind <> 'erased' AND profile_id {keys}"
        return self._session.delete_by_key(sql, profile_ids, [self._tenant])

    def add_disclosures(self, rows: Sequence[DisclosureRow]) -> None:
        """Note to whom profiles were shown."""
        self._session.insert(schema.disclosure, [(self._tenant, *row) for row in rows])

    def disclosures_of(self, profile_ids: Collection[int]) -> list[DisclosureRow]:
        """To whom these profiles were shown."""
        columns = ", ".join(DisclosureRow._fields)
        sql = f"SELECT {columns} FROM disclosure WHERE tenant_id = ? AND profile_id {{keys}}"  # noqa: S608 - constant
        return [DisclosureRow._make(row) for row in self._session.rows_by_key(sql, profile_ids, [self._tenant])]

    def erase_disclosures(self, profile_ids: Collection[int]) -> int:
        """Remove these rows -> how many."""
        sql = "DELETE FROM disclosure WHERE tenant_id = ? AND profile_id {keys}"
        return self._session.delete_by_key(sql, profile_ids, [self._tenant])
