"""Within the cascade: the person's consents go, and what rested on them is decided anew.

An event that names the person goes with all its rows. Two things are written again, as an entry that does not name the
person: what restricts somebody else whom the store knows otherwise, for erasure lifts nobody's restriction (DESIGN
section 4); and what another person said of themselves where only a device of this one stood beside them. What several
people share loses the person's word. Records of others that stood on the person's consent are decided again; without
a basis of their own they never should have been there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from gateway.consent.decide import decide
from gateway.consent.ledger import LedgerView
from gateway.consent.model import RESTRICTIVE, Refusal
from gateway.flows.context import Gateway
from gateway.flows.messages import ConsentAssertion
from gateway.flows.steps.entries import Scribe
from gateway.flows.steps.hear import Event
from gateway.flows.steps.reach import Held, demoted
from gateway.flows.steps.stored import subject_of
from gateway.storage.ledger import LedgerRow
from gateway.storage.records import RecordRow
from gateway.storage.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Loosened:
    """What the ledger lost: `positions` of its events, how many `rows`, and `others` who stood there too."""

    positions: frozenset[int]
    rows: int
    others: frozenset[int]


def erase_consents(
    gateway: Gateway,
    unit: UnitOfWork,
    scribe: Scribe,
    erased: Mapping[int, str],
    staying: Collection[int],
    leaving: Collection[int],
) -> Loosened:
    """Erase every event that stands on one of `erased` (with their kinds), but what is others'.

    `staying` are the person's that others hold too, `leaving` records that go as a whole.
    """
    positions = unit.ledger.positions(erased)
    rows = unit.ledger.rows_at(positions)
    persons = {one for one, kind in erased.items() if gateway.policies.kinds[kind].scope == "person"}
    theirs = {row.position for row in rows if row.identifier_id in persons}
    others = [row for row in rows if row.identifier_id not in erased]
    gone = unit.ledger.erase(positions)
    kept = _kept(gateway, unit, others, theirs, staying, leaving)
    write_again(unit, scribe, kept)
    stay = sum(map(len, kept.values()))
    return Loosened(frozenset(positions), gone - stay, frozenset(row.identifier_id for row in others))


def _kept(
    gateway: Gateway,
    unit: UnitOfWork,
    others: Sequence[LedgerRow],
    theirs: Collection[int],
    staying: Collection[int],
    leaving: Collection[int],
) -> dict[int, list[LedgerRow]]:
    """Rows of others that are written again, by their position; `theirs` are positions where the person spoke."""
    ids = {row.identifier_id for row in others}
    shared = demoted(gateway, unit, ids) | set(staying)
    asserted = {link.identifier_id for link in unit.records.links(set(unit.records.of(ids)) - set(leaving))}
    known = asserted | {fact.identifier_id for fact in unit.ledger.facts(ids)}
    kinds = {row.identifier_id: row.kind for row in unit.identifiers.describe(ids)}
    persons = {one for one, kind in kinds.items() if gateway.policies.kinds[kind].scope == "person"}
    speaking = {row.position for row in others if row.identifier_id in persons} - set(theirs)
    kept: dict[int, list[LedgerRow]] = defaultdict(list)
    for row in others:
        restricts = row.kind in RESTRICTIVE and row.identifier_id in known and row.identifier_id not in shared
        if row.position in speaking or restricts:
            kept[row.position].append(row)
    return kept


def write_again(unit: UnitOfWork, scribe: Scribe, events: Mapping[int, Sequence[LedgerRow]]) -> dict[int, int]:
    """Events that were erased, each by its position as the rows that are to stay of it -> where each stands now."""
    if not events:
        return {}
    in_order = sorted(events)
    start = unit.log.append([scribe.consent(_event(events[at])) for at in in_order])
    moved = {was: start + place for place, was in enumerate(in_order)}
    unit.ledger.append([row._replace(position=moved[was]) for was in in_order for row in events[was]])
    return moved


def _event(rows: Sequence[LedgerRow]) -> Event:
    one = rows[0]
    stated = ConsentAssertion(
        one.kind, one.purpose, one.occurred_at, one.basis, one.method, one.notice, one.expires_at, site=one.site
    )
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
    return decide_again(gateway, unit, rows, erased)


def decide_again(gateway: Gateway, unit: UnitOfWork, rows: Sequence[RecordRow], erased: Collection[int]) -> list[Held]:
    """Stored records, decided now without the word of `erased` -> those refused; the others get the basis they have."""
    links = unit.records.links_of([row.record_id for row in rows])
    kinds = {link.identifier_id: link.kind for several in links.values() for link in several}
    ledger = LedgerView(unit.ledger.facts(kinds))
    shared = {row.graph: unit.profiles.demotions(row.graph, kinds)[0] for row in rows}
    now = gateway.clock.now()
    refused: list[Held] = []
    reviews: dict[int, tuple[int | None, str]] = {}
    for row in rows:
        subject = subject_of(gateway.policies, row.channel, links[row.record_id], shared[row.graph].union(erased))
        decision = decide(gateway.policies, row.regimes.split(), row.purpose, subject, ledger, now)
        if isinstance(decision, Refusal):
            refused.append(Held(row, links[row.record_id], frozenset()))
        else:
            reviews[row.record_id] = decision.expires_at, " ".join(map(str, decision.basis))
    unit.records.decided(reviews)
    return refused


def _rested_on(
    unit: UnitOfWork, loosened: Loosened, parted: Collection[int], leaving: Collection[int]
) -> list[RecordRow]:
    others = unit.records.of(loosened.others, active_only=True)
    rows = unit.records.get({*others, *parted} - set(leaving))
    return [
        row for row in sorted(rows) if row.active and not loosened.positions.isdisjoint(map(int, row.basis.split()))
    ]
