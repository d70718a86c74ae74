"""Records and their links: the evidence."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from gateway.storage import schema
from gateway.storage.session import Session


class RecordRow(NamedTuple):
    """One record as stored. `basis` are ledger positions and `regimes` names, parted by blanks."""

    record_id: int
    token: bytes
    content: bytes
    graph: str
    purpose: str
    client_id: int
    channel: str
    trusted: bool
    observed_at: int
    received_at: int
    regimes: str
    rule: str
    basis: str
    batch_id: int
    place: int
    active: bool
    review_at: int | None = None
    retracted_at: int | None = None


class StoredLink(NamedTuple):
    """One link as stored; `value` is the place of the value it is a digest of, `forms` whose normal form that is.

    `linking` is False for kinds that never link, `cut` where a limit kept it from joining.
    """

    identifier_id: int
    record_id: int
    kind: str
    ordinal: int
    linking: bool
    cut: bool
    value: int
    forms: int


class KnownRecord(NamedTuple):
    """What decides whether a record is new, a duplicate or a newer version."""

    token: bytes
    record_id: int
    content: bytes
    observed_at: int
    graph: str
    active: bool


class SeenRecord(NamedTuple):
    """What a view needs of a record."""

    record_id: int
    graph: str
    channel: str
    regimes: str
    observed_at: int
    active: bool


class ViewRow(NamedTuple):
    """One active link with what a view shows of its record."""

    record_id: int
    identifier_id: int
    kind: str
    value: int
    cut: bool
    regimes: str
    channel: str
    observed_at: int


class RecordStore:
    """Records of one tenant."""

    def __init__(self, session: Session, tenant_id: int) -> None:
        self._session = session
        self._tenant = tenant_id

    def find(self, tokens: Collection[bytes]) -> dict[bytes, KnownRecord]:
        """Record tokens -> the records that stand under them."""
        columns = ", ".join(KnownRecord._fields)
        sql = f"SELECT {columns} FROM record WHERE tenant_id = ? AND token {{keys}}"  # noqa: S608 - constant
        rows = self._session.rows_by_key(sql, tokens, [self._tenant])
        return {
            bytes(token): KnownRecord(bytes(token), one, bytes(content), observed, graph, bool(active))
            for token, one, content, observed, graph, active in rows
        }

    def get(self, record_ids: Collection[int]) -> list[RecordRow]:
        """Records by id."""
        columns = ", ".join(RecordRow._fields)
        sql = f"SELECT {columns} FROM record WHERE tenant_id = ? AND record_id {{keys}}"  # noqa: S608 - constant
        return [RecordRow._make(row) for row in self._session.rows_by_key(sql, record_ids, [self._tenant])]

    def add(self, records: Sequence[RecordRow], links: Sequence[StoredLink]) -> None:
        """Insert records with their links."""
        self._session.insert(schema.record, [(self._tenant, *row) for row in records])
        self._session.insert(schema.link, [(self._tenant, *row) for row in sorted(links)])

    def of(self, identifiers: Collection[int], *, active_only: bool = False) -> list[int]:
        """Identifiers -> ids of the records that assert any of them."""
        sql = "SELECT DISTINCT record_id FROM link WHERE tenant_id = ? AND identifier_id {keys}"
        found = [one for (one,) in self._session.rows_by_key(sql, identifiers, [self._tenant])]
        if not active_only:
            return found
        active = "SELECT record_id FROM record WHERE tenant_id = ? AND active AND record_id {keys}"
        return [one for (one,) in self._session.rows_by_key(active, found, [self._tenant])]

    def links(self, record_ids: Collection[int]) -> list[StoredLink]:
        """All links of these records, in the records' own order."""
        sql = (
            "SELECT identifier_id, record_id, kind, ordinal, linking, cut, value, forms FROM link WHERE tenant_id = ?"
            " AND record_id {keys} ORDER BY record_id, ordinal"
        )
        return [StoredLink._make(row) for row in self._session.rows_by_key(sql, record_ids, [self._tenant])]

    def links_of(self, record_ids: Collection[int]) -> dict[int, list[StoredLink]]:
        """Record ids -> the links of each, none where there are none."""
        found: dict[int, list[StoredLink]] = {one: [] for one in record_ids}
        for link in self.links(record_ids):
            found[link.record_id].append(link)
        return found

    def asserting(self, identifiers: Collection[int]) -> list[tuple[int, int]]:
        """(identifier, record) for every record that asserts any of `identifiers`."""
        sql = "SELECT identifier_id, record_id FROM link WHERE tenant_id = ? AND identifier_id {keys}"
        return [(one, record) for one, record in self._session.rows_by_key(sql, identifiers, [self._tenant])]

    def seen(self, record_ids: Collection[int]) -> list[SeenRecord]:
        """Record ids -> what a view needs of them."""
        sql = (
            "SELECT record_id, graph, channel, regimes, observed_at, active FROM record"
            " WHERE tenant_id = ? AND record_id {keys}"
        )
        return [SeenRecord._make(row) for row in self._session.rows_by_key(sql, record_ids, [self._tenant])]

    def sent_by(self, channel: str, identifiers: Collection[int]) -> set[int]:
        """Which of `identifiers` a record of this channel asserts."""
        asserted = self.asserting(identifiers)
        sent = {row.record_id for row in self.seen({one for _, one in asserted}) if row.channel == channel}
        return {one for one, record_id in asserted if record_id in sent}

    def retract(self, record_ids: Collection[int], now: int) -> None:
        """Take records out of the partition; they stay until erasure, retention or the policy's grace ends them."""
        sql = "UPDATE record SET active = FALSE, retracted_at = ? WHERE tenant_id = ? AND record_id {keys}"
        self._session.delete_by_key(sql, record_ids, [now, self._tenant])

    def due(self, now: int, after: tuple[int, int], count: int) -> list[tuple[int, int]]:
        """The next (review_at, record) of active records that time may have changed, after `after`, in order."""
        sql = (
            "SELECT review_at, record_id FROM record WHERE tenant_id = ? AND active AND review_at <= ?"
            " AND (review_at, record_id) > (?, ?) ORDER BY review_at, record_id LIMIT ?"
        )
        return [(at, one) for at, one in self._session.rows(sql, [self._tenant, now, *after, count])]

    def after(self, record_id: int, count: int) -> list[int]:
        """The next ids of active records after `record_id`."""
        sql = "SELECT record_id FROM record WHERE tenant_id = ? AND active AND record_id > ? ORDER BY record_id LIMIT ?"
        return [one for (one,) in self._session.rows(sql, [self._tenant, record_id, count])]

    def retracted_before(self, moment: int, after: tuple[int, int], count: int) -> list[tuple[int, int]]:
        """The next (retracted_at, record) of records retracted before `moment`, after `after`, in order."""
        sql = (
            "SELECT retracted_at, record_id FROM record WHERE tenant_id = ? AND retracted_at < ?"
            " AND (retracted_at, record_id) > (?, ?) ORDER BY retracted_at, record_id LIMIT ?"
        )
        return [(at, one) for at, one in self._session.rows(sql, [self._tenant, moment, *after, count])]

    def review_all(self) -> None:
        """Every active record is due."""
        self._session.run("UPDATE record SET review_at = 0 WHERE tenant_id = ? AND active", [self._tenant])

    def decided(self, reviews: Mapping[int, tuple[int | None, str]]) -> None:
        """Record -> when time may change its decision next, and the ledger positions it rests on now."""
        sql = "UPDATE record SET review_at = ?, basis = ? WHERE tenant_id = ? AND record_id = ?"
        rows = [(at, basis, self._tenant, one) for one, (at, basis) in reviews.items()]
        self._session.run_many(sql, rows)

    def delete(self, record_ids: Collection[int]) -> tuple[int, int]:
        """Remove records with their links and decisions -> how many records and links there were."""
        decided = "SELECT batch_id, place FROM record WHERE tenant_id = ? AND record_id {keys}"
        places = self._session.rows_by_key(decided, record_ids, [self._tenant])
        remove = "DELETE FROM decision WHERE tenant_id = ? AND batch_id = ? AND place = ?"
        self._session.run_many(remove, [(self._tenant, batch, place) for batch, place in places])
        links = "DELETE FROM link WHERE tenant_id = ? AND record_id {keys}"
        removed_links = self._session.delete_by_key(links, record_ids, [self._tenant])
        records = "DELETE FROM record WHERE tenant_id = ? AND record_id {keys}"
        return self._session.delete_by_key(records, record_ids, [self._tenant]), removed_links

    def asserted(self, identifiers: Collection[int]) -> set[int]:
        """Which of `identifiers` some record still asserts."""
        sql = "SELECT DISTINCT identifier_id FROM link WHERE tenant_id = ? AND identifier_id {keys}"
        return {one for (one,) in self._session.rows_by_key(sql, identifiers, [self._tenant])}

    def detach(self, pairs: Collection[tuple[int, int]]) -> None:
        """Take identifiers out of records, as (record, identifier): the records stay about whom else they assert."""
        sql = "DELETE FROM link WHERE tenant_id = ? AND record_id = ? AND identifier_id = ?"
        self._session.run_many(sql, [(self._tenant, *pair) for pair in pairs])

    def rest_on(self, bases: Mapping[int, Sequence[int]]) -> None:
        """Record -> the ledger positions it rests on from now on."""
        sql = "UPDATE record SET basis = ? WHERE tenant_id = ? AND record_id = ?"
        rows = [(" ".join(map(str, basis)), self._tenant, one) for one, basis in bases.items()]
        self._session.run_many(sql, rows)
