"""The tenant's log: leaves in order, kept tree nodes, erasable openings, and the head row that is locked last.

There is no update and no delete of an entry; only openings can go. The head row holds the tree's right edge, so
appending reads nothing else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from gateway.audit.entries import EntryKind
from gateway.audit.merkle import Frontier, leaf_hash
from gateway.kernel.errors import IntegrityError, Stale, Unavailable
from gateway.storage import schema
from gateway.storage.session import Session

_PARTITION = frozenset({EntryKind.PROFILE_CREATED, EntryKind.PROFILE_MERGED, EntryKind.PROFILE_SPLIT})


class Entry(NamedTuple):
    """One entry to append: kind, canonical leaf and its opening (b"" for none)."""

    kind: EntryKind
    leaf: bytes
    opening: bytes = b""


@dataclass(frozen=True, slots=True)
class Head:
    """The head row. `restrictions` counts restrictive events and tombstones: when it moved, decisions are stale.

    `chains` are the chains of key versions that tokens may stand on, the one for new rows first.
    """

    size: int
    frontier: Frontier
    restrictions: int
    journal_offset: int
    epoch: int
    frozen: bool
    chains: tuple[int, ...]


class LogStore:
    """The log of one tenant."""

    def __init__(self, session: Session, tenant_id: int) -> None:
        self._session = session
        self._tenant = tenant_id
        self._locked: Head | None = None
        self._seen: Head | None = None
        self.changes_logged = 0

    def create(self) -> None:
        """The head row of a new tenant."""
        self._session.insert(schema.head, [(self._tenant, 0, Frontier().to_bytes(), 0, 0, 1, False, "1")])

    def head(self) -> Head:
        """The head as this transaction knows it, not locked. Raises Unavailable when the tenant has none."""
        if self._locked is not None:
            return self._locked
        if self._seen is None:
            self._seen = self._read("")
        return self._seen

    def lock(self) -> Head:
        """Lock the head row until the transaction ends; from here on positions can be given out.

        Raises Stale when keys were rotated since this transaction saw the head: what it looked up may have moved.
        """
        if self._locked is None:
            locked = self._read(" FOR UPDATE") if self._session.postgres else self._seen or self._read("")
            if self._seen is not None and self._seen.chains != locked.chains:
                raise Stale("the keys were rotated meanwhile")
            self._locked = locked
        return self._locked

    def lock_unchanged(self, restrictions: int) -> int:
        """Lock the head -> its size. Raises Stale when a restriction or tombstone came in since `restrictions`."""
        head = self.lock()
        if head.restrictions != restrictions:
            raise Stale("consents changed while this was decided")
        return head.size

    def append(self, entries: Sequence[Entry], *, restrictions: int = 0) -> int:
        """Append entries under the lock -> position of the first. `restrictions` is added to that counter."""
        head = self.lock()
        frontier, nodes = head.frontier.append([leaf_hash(entry.leaf) for entry in entries])
        numbered = list(enumerate(entries, start=head.size))
        self._session.insert(schema.log_entry, [(self._tenant, at, entry.leaf) for at, entry in numbered])
        openings = [(self._tenant, at, entry.opening) for at, entry in numbered if entry.opening]
        self._session.insert(schema.log_opening, openings)
        kept = [(self._tenant, node.level, node.index, node.hash) for node in nodes]
        self._session.insert(schema.log_node, kept)
        counted = head.restrictions + restrictions
        self._session.tell(
            "UPDATE head SET size = ?, frontier = ?, restrictions = ? WHERE tenant_id = ?",
            [frontier.size, frontier.to_bytes(), counted, self._tenant],
        )
        self._locked = replace(head, size=frontier.size, frontier=frontier, restrictions=counted)
        self.changes_logged += sum(entry.kind in _PARTITION for entry in entries)
        return head.size

    def applied_journal(self, offset: int) -> None:
        """Note that the journal is applied up to byte `offset`."""
        self.lock()
        self._session.run("UPDATE head SET journal_offset = ? WHERE tenant_id = ?", [offset, self._tenant])

    def use_chains(self, chains: Sequence[int]) -> None:
        """From now on these are the chains in use."""
        self._locked = replace(self.lock(), chains=tuple(chains))
        self._session.run("UPDATE head SET chains = ? WHERE tenant_id = ?", [" ".join(map(str, chains)), self._tenant])

    def freeze(self, *, frozen: bool) -> None:
        """Stop or allow merging and resolving."""
        self._session.run("UPDATE head SET frozen = ? WHERE tenant_id = ?", [frozen, self._tenant])

    def open_epoch(self) -> int:
        """After a restore: the next epoch's number."""
        epoch = self.lock().epoch + 1
        self._session.run("UPDATE head SET epoch = ? WHERE tenant_id = ?", [epoch, self._tenant])
        return epoch

    def entries(self, start: int, end: int) -> Iterator[tuple[int, bytes]]:
        """(position, leaf) from `start` to before `end`, read in runs of 4096."""
        sql = (
            "SELECT position, leaf FROM log_entry WHERE tenant_id = ? AND position >= ? AND position < ?"
            " ORDER BY position"
        )
        for at in range(start, end, 4096):
            for position, leaf in self._session.rows(sql, [self._tenant, at, min(at + 4096, end)]):
                yield position, bytes(leaf)

    def openings(self, start: int, end: int) -> Iterator[tuple[int, bytes]]:
        """(position, opening bytes) of the entries whose opening was not erased."""
        sql = (
            "SELECT position, disclosures FROM log_opening"
            " WHERE tenant_id = ? AND position >= ? AND position < ? ORDER BY position"
        )
        for at in range(start, end, 4096):
            for position, disclosures in self._session.rows(sql, [self._tenant, at, min(at + 4096, end)]):
                yield position, bytes(disclosures)

    def openings_at(self, positions: Collection[int]) -> dict[int, bytes]:
        """Positions -> the opening bytes of those whose opening was not erased."""
        sql = "SELECT position, disclosures FROM log_opening WHERE tenant_id = ? AND position {keys}"
        return {at: bytes(raw) for at, raw in self._session.rows_by_key(sql, positions, [self._tenant])}

    def leaves_at(self, positions: Collection[int]) -> dict[int, bytes]:
        """Positions -> leaves."""
        sql = "SELECT position, leaf FROM log_entry WHERE tenant_id = ? AND position {keys}"
        return {at: bytes(leaf) for at, leaf in self._session.rows_by_key(sql, positions, [self._tenant])}

    def erase_openings(self, positions: Collection[int]) -> int:
        """Remove the openings of these entries -> how many there were."""
        sql = "DELETE FROM log_opening WHERE tenant_id = ? AND position {keys}"
        return self._session.delete_by_key(sql, positions, [self._tenant])

    def leaf_hashes(self, start: int, end: int) -> list[bytes]:
        """Leaf hashes from `start` to before `end` (`gateway.audit.proofs.HashReader`)."""
        hashes = [leaf_hash(leaf) for _, leaf in self.entries(start, end)]
        if len(hashes) != end - start:
            raise IntegrityError("the log lacks an entry")
        return hashes

    def nodes(self, level: int, start: int, end: int) -> list[bytes]:
        """Kept subtree roots at `level` (`gateway.audit.proofs.HashReader`)."""
        sql = (
            "SELECT hash FROM log_node WHERE tenant_id = ? AND level = ? AND position >= ? AND position < ?"
            " ORDER BY position"
        )
        return [bytes(one) for (one,) in self._session.rows(sql, [self._tenant, level, start, end])]

    def add_checkpoint(self, size: int, note: str, made_at: int) -> None:
        """Keep a signed checkpoint; of two of the same size the first stays."""
        sql = "INSERT INTO checkpoint (tenant_id, size, note, made_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
        self._session.run(sql, [self._tenant, size, note, made_at])

    def last_checkpoint(self) -> str | None:
        """The newest checkpoint's note."""
        sql = "SELECT note FROM checkpoint WHERE tenant_id = ? ORDER BY size DESC LIMIT 1"
        found = self._session.one(sql, [self._tenant])
        return None if found is None else str(found[0])

    def checkpoints(self) -> list[str]:
        """All notes, oldest first."""
        sql = "SELECT note FROM checkpoint WHERE tenant_id = ? ORDER BY size"
        return [note for (note,) in self._session.rows(sql, [self._tenant])]

    def _read(self, lock: str) -> Head:
        columns = "size, frontier, restrictions, journal_offset, epoch, frozen, chains"
        found = self._session.one(f"SELECT {columns} FROM head WHERE tenant_id = ?{lock}", [self._tenant])  # noqa: S608 - constant
        if found is None:
            raise Unavailable("the tenant has no log")
        size, frontier, restrictions, journal_offset, epoch, frozen, chains = found
        edge = Frontier.from_bytes(bytes(frontier))
        if edge.size != size:
            raise Unavailable("the head of the log is damaged")
        return Head(size, edge, restrictions, journal_offset, epoch, bool(frozen), tuple(map(int, chains.split())))
