"""Within the cascade: the person's consents go, and what rested on them is decided anew.

An event that names the person goes with all its rows. Where it restricted somebody else too, that restriction is
written again, as an entry that names them alone: erasure lifts nobody's restriction (DESIGN section 4). What several
people share loses the person's word. Records of others that stood on the person's consent are decided again; without
a basis of their own they never should have been there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from gateway.consent.authority import LEDGER_SCOPES
from gateway.consent.decide import Subject, decide
from gateway.consent.ledger import LedgerView
from gateway.consent.model import RESTRICTIVE, Refusal
from gateway.flows.context import Gateway
from gateway.flows.messages import ConsentAssertion
from gateway.flows.steps.entries import Scribe
from gateway.flows.steps.hear import Event
from gateway.flows.steps.reach import Held, demoted
from gateway.storage.ledger import LedgerRow
from gateway.storage.records import RecordRow, StoredLink
from gateway.storage.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Loosened:
    """What the ledger lost: `positions` of its events, how many `rows`, and `others` who stood there too."""

    positions: frozenset[int]
    rows: int
    others: frozenset[int]


def erase_consents(
    gateway: Gateway, unit: UnitOfWork, scribe: Scribe, erased: Collection[int], staying: Collection[int]
) -> Loosened:
    """Erase every event that stands on one of `erased`, but keep what binds others, unless they share it."""
    positions = unit.ledger.positions(erased)
    others = [row for row in unit.ledger.rows_at(positions) if row.identifier_id not in erased]
    shared = demoted(gateway, unit, {row.identifier_id for row in others}) | set(staying)
    gone = unit.ledger.erase(positions)
    bound: dict[int, list[LedgerRow]] = defaultdict(list)
    for row in others:
        if row.kind in RESTRICTIVE and row.identifier_id not in shared:
            bound[row.position].append(row)
    _write_again(unit, scribe, list(bound.values()))
    kept = sum(map(len, bound.values()))
    return Loosened(frozenset(positions), gone - kept, frozenset(row.identifier_id for row in others))


def _write_again(unit: UnitOfWork, scribe: Scribe, events: Sequence[Sequence[LedgerRow]]) -> None:
    if not events:
        return
    entries = [scribe.consent(_event(rows)) for rows in events]
    start = unit.log.append(entries)
    unit.ledger.append([row._replace(position=start + at) for at, rows in enumerate(events) for row in rows])


def _event(rows: Sequence[LedgerRow]) -> Event:
    one = rows[0]
    stated = ConsentAssertion(one.kind, one.purpose, one.occurred_at, one.basis, one.method, one.notice, one.expires_at)
    identifiers = tuple(row.identifier_id for row in rows)
    return Event(stated, identifiers, tuple(one.regimes.split()), one.verified, one.derived)


def baseless(
    gateway: Gateway,
    unit: UnitOfWork,
    loosened: Loosened,
    parted: Sequence[Held],
    erased: Collection[int],
    leaving: Collection[int],
) -> list[Held]:
    """Records of others in force that rested on erased events, `parted` ones among them -> those refused now.

    The others get the basis they have now. `leaving` are records that go anyway.
    """
    rows = _rested_on(unit, loosened, [one.row.record_id for one in parted], leaving)
    links: dict[int, list[StoredLink]] = {row.record_id: [] for row in rows}
    for link in unit.records.links(links):
        links[link.record_id].append(link)
    kinds = {link.identifier_id: link.kind for several in links.values() for link in several}
    ledger = LedgerView(unit.ledger.facts(kinds))
    shared = {row.graph: unit.profiles.demotions(row.graph, kinds)[0] for row in rows}
    refused: list[Held] = []
    bases: dict[int, Sequence[int]] = {}
    for row in rows:
        scopes = {
            link.identifier_id: scope
            for link in links[row.record_id]
            if (scope := gateway.policies.kinds[link.kind].scope) in LEDGER_SCOPES
            and link.identifier_id not in shared[row.graph]
            and link.identifier_id not in erased
        }
        decision = decide(
            gateway.policies, row.regimes.split(), row.purpose, Subject(scopes), ledger, gateway.clock.now()
        )
        if isinstance(decision, Refusal):
            refused.append(Held(row, links[row.record_id], frozenset()))
        else:
            bases[row.record_id] = decision.basis
    unit.records.rest_on(bases)
    return refused


def _rested_on(
    unit: UnitOfWork, loosened: Loosened, parted: Collection[int], leaving: Collection[int]
) -> list[RecordRow]:
    others = unit.records.of(loosened.others, active_only=True)
    rows = unit.records.get({*others, *parted} - set(leaving))
    return [
        row for row in sorted(rows) if row.active and not loosened.positions.isdisjoint(map(int, row.basis.split()))
    ]
