"""A profile in the view of a purpose: the identifiers that permitted records connect with those asked for."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from gateway.consent.authority import LEDGER_SCOPES
from gateway.consent.decide import Subject, decide
from gateway.consent.ledger import LedgerView
from gateway.consent.model import Decision, Permit, Reason
from gateway.flows.views import ViewedIdentifier
from gateway.policy.model import PolicySet
from gateway.profiles.values import Values
from gateway.storage.records import ViewRow


@dataclass(frozen=True, slots=True)
class Where:
    """For which purpose, at which channel and when (milliseconds) a profile is viewed."""

    purpose: str
    channel: str
    now: int


View = tuple[tuple[ViewedIdentifier, ...], dict[str, int]]


def view_of(
    policies: PolicySet,
    ledger: LedgerView,
    where: Where,
    members: Mapping[int, str],
    records: Mapping[int, list[ViewRow]],
    *,
    asked: Collection[int],
) -> View | None:
    """A profile's members with their kinds, the records that assert them -> what is shown; the rest counted by reason.

    None where permitted records do not connect those asked for with each other: the purpose may not know that they
    are one person's.
    """
    permitted: list[list[ViewRow]] = []
    reasons: dict[int, Reason] = {}
    decided: dict[tuple[str, frozenset[int]], Decision] = {}
    for rows in records.values():
        scopes = {
            row.identifier_id: policies.kinds[row.kind].speaks_as
            for row in rows
            if policies.kinds[row.kind].scope in LEDGER_SCOPES and row.identifier_id in members
        }
        case = (rows[0].regimes, frozenset(scopes))
        decision = decided.get(case)
        if decision is None:
            subject = Subject(scopes, where.channel)
            decision = decide(policies, case[0].split(), where.purpose, subject, ledger, where.now)
            decided[case] = decision
        if isinstance(decision, Permit):
            permitted.append(rows)
        else:
            reasons.update(dict.fromkeys(scopes, decision.reason))
    inside = members.keys() & asked
    shown = _connected(min(inside), permitted, members)
    if not inside <= shown.keys():
        return None
    known = values_of(records.values())
    left = {known.of(one): one for one in sorted(members.keys() - shown.keys(), reverse=True)}
    for one in shown:
        left.pop(known.of(one), None)
    withheld = Counter(str(reasons.get(one, "not_connected")) for one in left.values())
    values = values_of(permitted)
    rows_of: dict[int, list[ViewRow]] = defaultdict(list)
    for one, rows in sorted(shown.items()):
        rows_of[values.of(one)] += rows
    return tuple(_viewed(members[one], rows) for one, rows in rows_of.items()), dict(withheld)


def values_of(records: Iterable[Sequence[ViewRow]]) -> Values:
    """Which identifiers these records say are one."""
    return Values.said(((row.record_id, row.value), row.identifier_id) for rows in records for row in rows)


def _connected(start: int, records: Iterable[list[ViewRow]], members: Mapping[int, str]) -> dict[int, list[ViewRow]]:
    """Identifiers reached from `start` over records, itself among them -> the rows that assert each."""
    by_identifier: dict[int, list[list[ViewRow]]] = defaultdict(list)
    for rows in records:
        for row in rows:
            if row.identifier_id in members and not row.cut:
                by_identifier[row.identifier_id].append(rows)
    seen = {start} & by_identifier.keys()
    frontier = list(seen)
    while frontier:
        for rows in by_identifier[frontier.pop()]:
            reached = {row.identifier_id for row in rows if row.identifier_id in by_identifier and not row.cut} - seen
            seen |= reached
            frontier += reached
    return {one: [row for rows in by_identifier[one] for row in rows if row.identifier_id == one] for one in seen}


def _viewed(kind: str, rows: Sequence[ViewRow]) -> ViewedIdentifier:
    return ViewedIdentifier(
        kind=kind,
        channels=tuple(sorted({row.channel for row in rows})),
        first_seen=min(row.observed_at for row in rows),
        last_seen=max(row.observed_at for row in rows),
    )
