"""Requests: the accountability half that stays, and the identifying half that goes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from gateway.storage import schema
from gateway.storage.session import Session


class SubjectRow(NamedTuple):
    """One identifier of a request: pseudonym token with its chain of key versions, and digest and text sealed under the
    request's key, b"" once it ended.
    """

    token: bytes
    kind: str
    namespace: str
    sealed: bytes
    chain: int


class RightsStore:
    """Requests of one tenant. Bodies are JSON texts made and read by the flows."""

    def __init__(self, session: Session, tenant_id: int) -> None:
        self._session = session
        self._tenant = tenant_id

    def add(
        self, request_id: int, reference: bytes, body: str, state: str, due_at: int, subjects: Sequence[SubjectRow]
    ) -> None:
        """A new request; `reference` (16 bytes) is what makes its submission idempotent."""
        row = (self._tenant, request_id, reference, body, state, due_at)
        self._session.insert(schema.right_request, [row])
        self._session.insert(schema.right_subject, [(self._tenant, request_id, *one) for one in subjects])

    def by_reference(self, reference: bytes) -> int | None:
        """The request submitted under this reference."""
        sql = "SELECT request_id FROM right_request WHERE tenant_id = ? AND reference = ?"
        found = self._session.one(sql, [self._tenant, reference])
        return None if found is None else int(found[0])

    def get(self, request_id: int, *, lock: bool = False) -> str | None:
        """The request's body; locked until the transaction ends where `lock` is True."""
        suffix = " FOR UPDATE" if lock and self._session.postgres else ""
        sql = f"SELECT body FROM right_request WHERE tenant_id = ? AND request_id = ?{suffix}"  # noqa: S608 - constant
        found = self._session.one(sql, [self._tenant, request_id])
        return None if found is None else str(found[0])

    def put(self, request_id: int, body: str, state: str, due_at: int) -> None:
        """Write the request's new body."""
        sql = "UPDATE right_request SET body = ?, state = ?, due_at = ? WHERE tenant_id = ? AND request_id = ?"
        self._session.run(sql, [body, state, due_at, self._tenant, request_id])

    def bodies(self, state: str | None = None) -> list[str]:
        """Bodies of all requests, or of those in one state, the most urgent first."""
        where = "" if state is None else " AND state = ?"
        sql = f"SELECT body FROM right_request WHERE tenant_id = ?{where} ORDER BY due_at, request_id"  # noqa: S608 - constant
        parameters = [self._tenant] if state is None else [self._tenant, state]
        return [body for (body,) in self._session.rows(sql, parameters)]

    def subjects(self, request_id: int) -> list[SubjectRow]:
        """The identifying half, empty once it was destroyed."""
        columns = ", ".join(SubjectRow._fields)
        sql = f"SELECT {columns} FROM right_subject WHERE tenant_id = ? AND request_id = ? ORDER BY token"  # noqa: S608 - constant
        rows = self._session.rows(sql, [self._tenant, request_id])
        return [SubjectRow(bytes(token), kind, name, bytes(sealed), chain) for token, kind, name, sealed, chain in rows]

    def requests_about(self, tokens: Collection[bytes]) -> list[int]:
        """Requests whose identifying half names any of these pseudonyms."""
        sql = "SELECT DISTINCT request_id FROM right_subject WHERE tenant_id = ? AND token {keys}"
        return [one for (one,) in self._session.rows_by_key(sql, tokens, [self._tenant])]

    def forget_subjects(self, request_ids: Collection[int]) -> int:
        """Destroy the identifying half of these requests -> rows removed."""
        sql = "DELETE FROM right_subject WHERE tenant_id = ? AND request_id {keys}"
        return self._session.delete_by_key(sql, request_ids, [self._tenant])

    def forget_texts(self, request_id: int) -> None:
        """A request has ended: whom it named stays known by pseudonym alone, for the person's next export."""
        rows = self.subjects(request_id)
        self.forget_subjects([request_id])
        kept = [(self._tenant, request_id, row.token, row.kind, row.namespace, b"", row.chain) for row in rows]
        self._session.insert(schema.right_subject, kept)

    def sweep_subjects(self, states: Sequence[str], before: int) -> int:
        """Remove the identifying half of requests in these states that were due before then -> rows removed."""
        places = ",".join("?" * len(states))
        old = f"SELECT request_id FROM right_request WHERE tenant_id = ? AND due_at < ? AND state IN ({places})"  # noqa: S608 - placeholders only
        sql = f"DELETE FROM right_subject WHERE tenant_id = ? AND request_id IN ({old})"  # noqa: S608 - the statement above
        return self._session.run(sql, [self._tenant, self._tenant, before, *states])

    def forget_tokens(self, tokens: Collection[bytes]) -> int:
        """Destroy what any request says of these pseudonyms -> rows removed."""
        sql = "DELETE FROM right_subject WHERE tenant_id = ? AND token {keys}"
        return self._session.delete_by_key(sql, tokens, [self._tenant])

    def add_step(self, request_id: int, position: int, step: str, made_at: int) -> None:
        """Note a step with its place in the log."""
        self._session.insert(schema.right_step, [(self._tenant, request_id, position, step, made_at)])

    def steps(self, request_id: int) -> list[tuple[int, str, int]]:
        """(log position, step, time) in order."""
        sql = "SELECT position, step, made_at FROM right_step WHERE tenant_id = ? AND request_id = ? ORDER BY position"
        return [(at, step, made) for at, step, made in self._session.rows(sql, [self._tenant, request_id])]

    def put_package(self, request_id: int, sealed: bytes, expires_at: int) -> None:
        """Keep an export, sealed, until `expires_at`."""
        self.drop_packages([request_id])
        self._session.insert(schema.right_package, [(self._tenant, request_id, sealed, expires_at)])

    def package(self, request_id: int, now: int) -> bytes | None:
        """The sealed export, if it has not expired."""
        sql = "SELECT sealed FROM right_package WHERE tenant_id = ? AND request_id = ? AND expires_at > ?"
        found = self._session.one(sql, [self._tenant, request_id, now])
        return None if found is None else bytes(found[0])

    def drop_packages(self, request_ids: Collection[int]) -> int:
        """Remove exports -> how many."""
        sql = "DELETE FROM right_package WHERE tenant_id = ? AND request_id {keys}"
        return self._session.delete_by_key(sql, request_ids, [self._tenant])

    def sweep_packages(self, now: int) -> int:
        """Remove expired exports -> how many."""
        return self._session.run(
            "DELETE FROM right_package WHERE tenant_id = ? AND expires_at <= ?", [self._tenant, now]
        )
