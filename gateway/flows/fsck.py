"""Journey: the live store is checked against its log and against itself (DESIGN section 7).

    1 log         formed anew from its leaves, beside everything that belongs to its entries   (steps.examine)
    2 tombstones  no identifier that is in the store was erased
    3 partition   recomputed whole from the evidence, for each graph
    4 rows        none refers to another that is not there
    5 result      a log found edited freezes merging and resolving; otherwise the result is an entry of its own

1 to 4 read one snapshot. Findings are values; nothing is repaired. Raises Unavailable when keys or store cannot be had.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType

from gateway.audit.checkpoint import SigningKey
from gateway.audit.entries import EntryKind
from gateway.flows.admin import system_scribe
from gateway.flows.audit import signing_key
from gateway.flows.context import Gateway
from gateway.flows.steps.examine import Tally, examine_log
from gateway.identifiers.keys import KeyPurpose
from gateway.identifiers.pseudonyms import tombstone_token
from gateway.kernel.errors import Frozen, IntegrityError, Unavailable
from gateway.profiles.closure import evidence_of
from gateway.profiles.partition import partition
from gateway.storage.schema import metadata
from gateway.storage.tombstones import ERASED
from gateway.storage.unit_of_work import UnitOfWork

_EDITED: Mapping[str, str] = MappingProxyType(
    {
        "store.types": "a value is of another type than its column: nothing else was checked",
        "log.head": "the head is damaged, or not the tree of the entries",
        "log.leaf": "an entry is missing, superfluous or not canonical",
        "log.node": "a kept hash of the tree is not that of the entries",
        "log.checkpoint": "a checkpoint is not signed by the log's key, or not of these entries",
        "log.opening": "an opening does not fit its entry",
        "log.decisions": "the decisions of a batch are not those its entry commits to",
        "ledger.entry": "a row of the ledger is not what its entry says, or has none",
        "ledger.rows": "the rows of the ledger are not those its entry can be opened to",
        "change.entry": "the index of changes is not that of the entries",
    }
)
_STORE: Mapping[str, str] = MappingProxyType(
    {
        "keys.chain": "a row stands on a chain of key versions that is not in use: it is never found",
        "tombstone.active": "an identifier is in the store that was erased and must not be",
        "partition.kind": "a link has a kind that the policy does not know: the partition was not recomputed",
        "partition.home": "an identifier is not in the profile that the evidence puts it in",
        "partition.demotion": "an identifier is demoted, or not, against the evidence",
        "partition.cut": "a link is cut, or not, against the evidence",
        "journal.behind": "the journal holds acts that this store has not applied: run gateway restore --replay",
        "journal.lost": "the journal is shorter than what this store has applied",
    }
)
_ORPHANS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "link.record": ("a link has no record", "link c LEFT JOIN record p USING (tenant_id, record_id)"),
        "record.link": ("a record has no link", "record c LEFT JOIN link p USING (tenant_id, record_id)"),
        "link.pseudonym": (
            "a link is of an identifier without pseudonym",
            "link c LEFT JOIN pseudonym p USING (tenant_id, identifier_id)",
        ),
        "membership.pseudonym": (
            "a member of a profile has no pseudonym",
            "membership c LEFT JOIN pseudonym p USING (tenant_id, identifier_id)",
        ),
        "ledger.pseudonym": (
            "a row of the ledger is of an identifier without pseudonym",
            "ledger c LEFT JOIN pseudonym p USING (tenant_id, identifier_id)",
        ),
        "demotion.pseudonym": (
            "a demoted identifier has no pseudonym",
            "demotion c LEFT JOIN pseudonym p USING (tenant_id, identifier_id)",
        ),
        "membership.profile": (
            "a member has no profile in its graph",
            "membership c LEFT JOIN profile p USING (tenant_id, profile_id, graph)",
        ),
        "profile.members": (
            "a profile has no member",
            "profile c LEFT JOIN membership p USING (tenant_id, profile_id, graph)",
        ),
        "decision.batch": (
            "a decision belongs to no batch",
            "decision c LEFT JOIN decision_batch p USING (tenant_id, batch_id)",
        ),
    }
)
"""Rule -> what it means, and the join whose rows must all find their partner."""

_SQLITE_TYPES: Mapping[type, str] = MappingProxyType(
    {int: "'integer', 'null'", bool: "'integer', 'null'", bytes: "'blob'", str: "'text'"}
)
_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that the store breaks, `count` times. `detail` is a sentence without personal data."""

    rule: str
    detail: str
    count: int


@dataclass(frozen=True, slots=True)
class FsckReport:
    """What was found and how much was looked at; `edited` when the log was found edited, which freezes the tenant."""

    findings: tuple[Finding, ...]
    checked: Mapping[str, int]
    edited: bool


def fsck(gateway: Gateway, tenant_id: int) -> FsckReport:
    """Check everything of a tenant -> the report, which is an entry too, unless the tenant is frozen."""
    key = signing_key(gateway, tenant_id)
    tally = Tally()
    with gateway.storage.begin(tenant_id, write=False) as unit:
        _types(gateway, unit, tally)
        if not tally.wrong:
            _log(unit, key, tally)
            _chains(unit, tally)
            _tombstones(gateway, unit, tally)
            for graph in gateway.policies.graphs:
                _partition(gateway, unit, graph, tally)
            for rule, (_, join) in _ORPHANS.items():
                tally.found(rule, _orphans(unit, join))
    return _conclude(gateway, tenant_id, tally)


def release(gateway: Gateway, tenant_id: int) -> FsckReport:
    """After somebody examined a frozen tenant: let it go on. Raises Frozen while its log is not found whole."""
    report = fsck(gateway, tenant_id)
    if report.edited:
        raise Frozen("the log of this tenant is still found edited: restore it from a backup")
    with gateway.storage.begin(tenant_id, write=True, partition=False) as unit:
        unit.log.freeze(frozen=False)
        facts: dict[str, str | int] = {"findings": sum(one.count for one in report.findings)}
        unit.log.append([system_scribe(gateway).write(EntryKind.FSCK_COMPLETED, "fsck.released", facts)])
        unit.commit()
    return report


def _types(gateway: Gateway, unit: UnitOfWork, tally: Tally) -> None:
    """SQLite keeps a value of any type in any column: what somebody wrote there must not reach the stores."""
    if gateway.storage.postgres:
        return
    for table in metadata.sorted_tables:
        if "tenant_id" in table.columns:
            right = " AND ".join(
                f"typeof({one.name}) IN ({_SQLITE_TYPES[one.type.python_type]})" for one in table.columns
            )
            sql = f"SELECT COUNT(*) FROM {table.name} WHERE tenant_id = ? AND NOT ({right})"  # noqa: S608 - from the schema
            ((count,),) = unit.session.rows(sql, [unit.tenant_id])
            tally.found("store.types", count)


def _log(unit: UnitOfWork, key: SigningKey, tally: Tally) -> None:
    try:
        head = unit.log.head()
    except (IntegrityError, Unavailable):
        tally.found("log.head")
    else:
        examine_log(unit, head, key, tally)


def _chains(unit: UnitOfWork, tally: Tally) -> None:
    """Everything that is found by a token stands on a chain that look-ups compute; a damaged head was reported."""
    try:
        used = unit.log.head().chains
    except (IntegrityError, Unavailable):
        return
    lost = [sum(rows.values()) for chain, rows in unit.chains.counts().items() if chain not in used]
    tally.found("keys.chain", sum(lost))


def _tombstones(gateway: Gateway, unit: UnitOfWork, tally: Tally) -> None:
    """Nobody in the store is under the tombstone of an erasure that is in force."""
    if not unit.tombstones.any():
        return
    key = gateway.keys.tenant(unit.tenant_id).hmac(KeyPurpose.SUPPRESS)
    now = gateway.clock.now()
    rows = iter(unit.identifiers.all())
    while chunk := list(islice(rows, _AT_ONCE)):
        standing = unit.tombstones.find([tombstone_token(key, row.token) for row in chunk], now)
        erased = sum(stone.scope == ERASED for several in standing.values() for stone in several)
        tally.found("tombstone.active", erased)
        tally.checked["identifiers"] += len(chunk)


def _partition(gateway: Gateway, unit: UnitOfWork, graph: str, tally: Tally) -> None:
    """The stored partition is the one that the permitted records make (DESIGN section 5)."""
    reader = unit.profiles.reader(graph)
    links = reader.all_links()
    homes = unit.profiles.all_homes(graph)
    tally.checked["links"] += len(links)
    tally.checked["members"] += len(homes)
    known = gateway.policies.kinds
    strangers = sum(link.kind not in known for link in links)
    if strangers:
        tally.found("partition.kind", strangers)
        return
    right = partition(evidence_of(links), {link.identifier_id: known[link.kind] for link in links})
    tally.found("partition.home", _differences(_named(homes), _named(right.component)))
    trusted, public = reader.demotions({link.identifier_id for link in links} | homes.keys())
    tally.found("partition.demotion", len(trusted ^ right.demoted) + len(public ^ right.demoted_public))
    cut = {(link.record_id, link.identifier_id) for link in links if link.cut}
    tally.found("partition.cut", len(cut ^ right.cuts))


def _named(homes: Mapping[int, int]) -> dict[int, int]:
    """Identifier -> any label of its group, as identifier -> smallest member of its group."""
    smallest: dict[int, int] = {}
    for identifier in sorted(homes):
        smallest.setdefault(homes[identifier], identifier)
    return {identifier: smallest[label] for identifier, label in homes.items()}


def _differences(one: Mapping[int, int], other: Mapping[int, int]) -> int:
    return sum(one.get(identifier) != other.get(identifier) for identifier in one.keys() | other.keys())


def _orphans(unit: UnitOfWork, join: str) -> int:
    sql = f"SELECT COUNT(*) FROM {join} WHERE c.tenant_id = ? AND p.tenant_id IS NULL"  # noqa: S608 - constant
    ((count,),) = unit.session.rows(sql, [unit.tenant_id])
    return int(count)


def _conclude(gateway: Gateway, tenant_id: int, tally: Tally) -> FsckReport:
    """Freeze, or compare the journal while nobody writes it and make the entry."""
    edited = not tally.wrong.keys().isdisjoint(_EDITED)
    with gateway.storage.begin(tenant_id, write=True) as unit:
        if edited:
            unit.log.freeze(frozen=True)
        else:
            head = unit.log.lock()
            size = gateway.journal.size(tenant_id)
            tally.found("journal.behind", int(size > head.journal_offset))
            tally.found("journal.lost", int(size < head.journal_offset))
            if not head.frozen:
                facts: dict[str, str | int] = {"findings": tally.wrong.total(), "entries": tally.checked["entries"]}
                unit.log.append([system_scribe(gateway).write(EntryKind.FSCK_COMPLETED, "fsck", facts)])
        unit.commit()
    return FsckReport(tuple(_findings(tally)), MappingProxyType(dict(tally.checked)), edited)


def _findings(tally: Tally) -> Iterator[Finding]:
    texts = {**_EDITED, **_STORE, **{rule: text for rule, (text, _) in _ORPHANS.items()}}
    for rule, text in texts.items():
        if rule in tally.wrong:
            where = f"; first at entry {tally.first[rule]}" if rule in tally.first else ""
            yield Finding(rule, text + where, tally.wrong[rule])
