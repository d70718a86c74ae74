"""For fsck: the log is read from its first entry to its last, beside everything that is said to belong to its entries.

In runs of 256 entries: the tree is formed anew and compared with the kept nodes, the head and each checkpoint; every
leaf must be canonical; openings, decisions, ledger rows and changes must be those of their entry. Memory stays the same
for a log of any length. What is wrong is counted by rule, never shown.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise
from typing import NamedTuple

from gateway.audit.checkpoint import SigningKey, VerifierKey, open_checkpoint
from gateway.audit.commitments import batch_root, commitment
from gateway.audit.encodings import to_base64url
from gateway.audit.entries import EntryKind, Leaf, parse_leaf
from gateway.audit.merkle import HASH_BYTES, Frontier, Node, leaf_hash
from gateway.audit.opening import Opening
from gateway.kernel.clock import day_of, format_instant
from gateway.kernel.errors import IntegrityError
from gateway.storage.disclosures import CONSENT, ChangeRow
from gateway.storage.log import Head
from gateway.storage.unit_of_work import UnitOfWork

_RUN = 256
_PARTITION = frozenset({EntryKind.PROFILE_CREATED, EntryKind.PROFILE_MERGED, EntryKind.PROFILE_SPLIT})
_OTHER_CHANGES: Mapping[str, str] = {
    EntryKind.MERGE_REFUSED: "refused",
    EntryKind.RIGHT_STEP: "erased",
    EntryKind.IDENTIFIERS_EXPIRED: "expired",
    EntryKind.CONSENT_RECORDED: CONSENT,
}
_LEDGER = (
    "SELECT position, identifier_id, purpose, kind, occurred_at, basis, method, notice, derived, regimes, expires_at,"
    " verified, site FROM ledger WHERE tenant_id = ? AND position >= ? AND position < ?"
)


@dataclass(slots=True)
class Tally:
    """What was looked at, and what was wrong: how often, and at which entry first."""

    checked: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    first: dict[str, int] = field(default_factory=dict)

    def found(self, rule: str, count: int = 1, at: int | None = None) -> None:
        """Something breaks `rule`, `count` times; a count of 0 is nothing."""
        if count:
            self.wrong[rule] += count
            if at is not None:
                self.first.setdefault(rule, at)


class _LedgerLine(NamedTuple):
    """A ledger row, as far as its entry can confirm it."""

    position: int
    identifier_id: int
    purpose: str
    kind: str
    occurred_at: int
    basis: str
    method: str
    notice: str
    derived: bool
    regimes: str
    expires_at: int | None
    verified: bool
    site: str

    @property
    def held(self) -> tuple[object, ...]:
        """What the opening of its entry says of it."""
        stated = (self.basis, self.method, self.notice)
        context = (self.regimes.split(), self.expires_at, bool(self.verified), self.site)
        return f"{self.identifier_id:x}", format_instant(self.occurred_at), *stated, *context


@dataclass(slots=True)
class _Beside:
    """What the store holds for a run of entries, by position."""

    openings: Mapping[int, bytes]
    batches: Mapping[int, tuple[int, bytes]]
    ledger: Mapping[int, list[_LedgerLine]]
    changes: Mapping[int, list[ChangeRow]]


def examine_log(unit: UnitOfWork, head: Head, key: SigningKey, tally: Tally) -> None:
    """The whole log against its head, nodes, checkpoints and side tables."""
    roots = _checkpoints(unit, head, key, tally)
    tree = Frontier()
    nodes: Counter[int] = Counter()
    for start, end in pairwise(sorted({*range(0, head.size, _RUN), *roots, head.size})):
        leaves = dict(unit.log.entries(start, end))
        tree, completed = tree.append([leaf_hash(leaves.get(at, b"")) for at in range(start, end)])
        _nodes(unit, completed, tally)
        nodes.update(node.level for node in completed)
        if end in roots and tree.root() != roots[end]:
            tally.found("log.checkpoint", at=end - 1)
        beside = _beside(unit, start, end)
        for at in range(start, end):
            _entry(unit, at, leaves.get(at, b""), beside, tally)
    if tree != head.frontier:
        tally.found("log.head")
    tally.checked["entries"] += head.size
    tally.checked["nodes"] += nodes.total()
    _beyond(unit, head.size, nodes.total(), tally)


def _checkpoints(unit: UnitOfWork, head: Head, key: SigningKey, tally: Tally) -> dict[int, bytes]:
    """Size -> root of every kept checkpoint that bears the log's signature."""
    verifier = VerifierKey.parse(key.vkey)
    roots: dict[int, bytes] = {0: Frontier().root()}
    for note in unit.log.checkpoints():
        tally.checked["checkpoints"] += 1
        try:
            shown = open_checkpoint(note, [verifier])
        except IntegrityError:
            tally.found("log.checkpoint")
            continue
        if shown.origin != key.name or shown.size > head.size:
            tally.found("log.checkpoint", at=shown.size)
        else:
            roots[shown.size] = shown.root
    return roots


def _nodes(unit: UnitOfWork, completed: Iterable[Node], tally: Tally) -> None:
    for node in completed:
        if unit.log.nodes(node.level, node.index, node.index + 1) != [node.hash]:
            tally.found("log.node", at=node.index << node.level)


def _beside(unit: UnitOfWork, start: int, end: int) -> _Beside:
    ledger: dict[int, list[_LedgerLine]] = defaultdict(list)
    for row in unit.session.rows(_LEDGER, [unit.tenant_id, start, end]):
        ledger[row[0]].append(_LedgerLine._make(row))
    changes: dict[int, list[ChangeRow]] = defaultdict(list)
    for change in unit.disclosures.changes_at(range(start, end)):
        changes[change.position].append(change)
    batches = {at: (batch, raw) for at, batch, raw in unit.disclosures.batches(start, end)}
    return _Beside(dict(unit.log.openings(start, end)), batches, ledger, changes)


def _entry(unit: UnitOfWork, at: int, data: bytes, beside: _Beside, tally: Tally) -> None:
    try:
        leaf = parse_leaf(data)
    except IntegrityError:
        tally.found("log.leaf", at=at)
        return
    values = None
    if at in beside.openings:
        tally.checked["openings"] += 1
        values = _values(leaf, beside.openings[at])
        if values is None:
            tally.found("log.opening", at=at)
            return
    if (leaf.kind == EntryKind.DECISIONS_BATCH) != (at in beside.batches):
        tally.found("log.decisions", at=at)
    elif at in beside.batches:
        _decisions(unit, at, leaf, *beside.batches[at], tally)
    _ledger(at, leaf, values, beside.ledger.get(at, []), tally)
    _changes(at, leaf, values, beside.changes.get(at, []), tally)


def _values(leaf: Leaf, opening: bytes) -> dict[str, object] | None:
    """What an opening discloses; None unless each disclosure fits a commitment of the leaf, and no two the same."""
    try:
        opened = Opening.from_bytes(opening)
        values = dict(opened.values())
    except IntegrityError:
        return None
    held = {name: leaf.commitments.get(name) for name in values}
    fits = all(held[name] == commitment(text) for name, text in zip(values, opened.disclosures, strict=False))
    return values if fits and len(values) == len(opened.disclosures) else None


def _decisions(unit: UnitOfWork, at: int, leaf: Leaf, batch_id: int, raw: bytes, tally: Tally) -> None:
    """The batch's commitments have the root in the leaf, and each decision still kept is one of them."""
    members = [raw[one : one + HASH_BYTES] for one in range(0, len(raw), HASH_BYTES)]
    if leaf.commitments.get("decisions") != batch_root([to_base64url(one) for one in members]):
        tally.found("log.decisions", at=at)
    left = Counter(members)
    for _, text in unit.disclosures.decisions(batch_id):
        tally.checked["decisions"] += 1
        digest = sha256(text.encode()).digest()
        if not left[digest]:
            tally.found("log.decisions", at=at)
        left[digest] -= 1


def _ledger(at: int, leaf: Leaf, values: Mapping[str, object] | None, rows: list[_LedgerLine], tally: Tally) -> None:
    """Ledger rows say what their entry says; those of an entry that can still be opened are all there."""
    tally.checked["ledger"] += len(rows)
    if leaf.kind != EntryKind.CONSENT_RECORDED:
        tally.found("ledger.entry", len(rows), at)
        return
    facts = leaf.facts
    for row in rows:
        purpose = "any" if row.purpose == "*" else row.purpose
        said = (row.kind, purpose, day_of(row.occurred_at), int(row.derived))
        if said != (facts.get("event"), facts.get("purpose"), facts.get("day"), facts.get("derived")):
            tally.found("ledger.entry", at=at)
    stored = sorted((row.held for row in rows), key=repr)
    if stored != ([] if values is None else list(_stated(values))):
        tally.found("ledger.rows", at=at)


def _stated(values: Mapping[str, object]) -> Iterator[tuple[object, ...]]:
    """The rows that the opening of a consent entry stands for, sorted; none where it is not one."""
    match values:
        case {
            "identifiers": [*ids],
            "occurred_at": str(moment),
            "statement": [_, method, notice, basis],
            "held": [[*regimes], expires_at, verified, *site],
        }:
            context = (moment, basis, method, notice, regimes, expires_at, verified, site[0] if site else "")
            yield from sorted(((one, *context) for one in ids), key=repr)
        case _:
            yield ()


def _changes(at: int, leaf: Leaf, values: Mapping[str, object] | None, rows: list[ChangeRow], tally: Tally) -> None:
    """Changes and entries are one to one, but for what was erased."""
    tally.checked["changes"] += len(rows)
    if leaf.kind in _PARTITION:
        kinds = {row.kind for row in rows} - {leaf.facts.get("change")}
        stored = sorted(f"{row.profile_id:x}" for row in rows)
        match values:
            case None:
                most = leaf.facts.get("profiles")
                right = isinstance(most, int) and len(rows) <= most
            case {"profile": str(one), "others": [*others]}:
                right = stored == sorted(map(str, [one, *others]))
            case _:
                right = False
        if kinds or not right:
            tally.found("change.entry", at=at)
        return
    tally.found("change.entry", sum(row.kind != _OTHER_CHANGES.get(leaf.kind) for row in rows), at)


def _beyond(unit: UnitOfWork, size: int, nodes: int, tally: Tally) -> None:
    """Rows that belong to no entry of the log."""
    for table, rule in (
        ("log_entry", "log.leaf"),
        ("log_opening", "log.opening"),
        ("decision_batch", "log.decisions"),
        ("ledger", "ledger.entry"),
        ("change", "change.entry"),
        ("disclosure", "change.entry"),
    ):
        sql = f"SELECT COUNT(*) FROM {table} WHERE tenant_id = ? AND (position >= ? OR position < 0)"  # noqa: S608 - constant
        ((count,),) = unit.session.rows(sql, [unit.tenant_id, size])
        tally.found(rule, count)
    ((kept,),) = unit.session.rows("SELECT COUNT(*) FROM log_node WHERE tenant_id = ?", [unit.tenant_id])
    if kept != nodes:
        tally.found("log.node")
