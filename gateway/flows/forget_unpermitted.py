"""Journey: what no purpose permits any more is deleted after the policy's grace (GDPR Art. 5(1)(e), 17(1)(b)).

A record that was retracted stays for `unpermitted_grace_days`, so that what was done can be looked into. Then it is
decided for every purpose; unless one still permits it, it goes with its links, its decision, and the identifiers that
nothing names any more. What the person said stays in the ledger, on the identifiers it stands on: it goes on binding.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.audit.entries import EntryKind
from gateway.consent.decide import decide
from gateway.consent.ledger import LedgerView
from gateway.consent.model import Permit
from gateway.flows.context import Caller, Gateway, Role, check_store
from gateway.flows.steps.ancestry import identifiers_in
from gateway.flows.steps.entries import Scribe
from gateway.flows.steps.record import forget_unnamed
from gateway.flows.steps.stored import runs, subject_of
from gateway.kernel.clock import DAY
from gateway.storage.records import RecordRow, StoredLink
from gateway.storage.unit_of_work import UnitOfWork

RUN: Final = 500
RULE: Final = "retention.unpermitted"


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many retracted records were looked at, and how many records and identifiers went."""

    looked_at: int
    records: int
    identifiers: int


def forget_unpermitted(
    gateway: Gateway, caller: Caller, *, dry_run: bool, looked_at: Callable[[int], object] = lambda _: None
) -> Forgotten:
    """Delete what no purpose permits, or only count it. Needs the role dpo or admin.

    Raises BehindJournal, Frozen and Unavailable. A dry run does not know which identifiers would go.
    """
    caller.require(Role.DPO, Role.ADMIN)
    found = records = identifiers = 0
    before = gateway.clock.now() - gateway.policies.retention.unpermitted_grace_days * DAY
    for run in runs(gateway, caller.tenant_id, lambda unit, last: unit.records.retracted_before(before, last, RUN)):
        went, forgotten = _forget(gateway, caller, run, dry_run=dry_run)
        found, records, identifiers = found + len(run), records + went, identifiers + forgotten
        looked_at(len(run))
    return Forgotten(found, records, identifiers)


def _forget(gateway: Gateway, caller: Caller, run: Collection[int], *, dry_run: bool) -> tuple[int, int]:
    with gateway.storage.begin(caller.tenant_id, write=not dry_run) as unit:
        check_store(gateway, unit, merging=True)
        rows = [row for row in unit.records.get(run) if not row.active]
        links = unit.records.links_of([row.record_id for row in rows])
        going = _unpermitted(gateway, unit, rows, links)
        if dry_run or not going:
            return len(going), 0
        named = {link.identifier_id for one in going for link in links[one]}
        openings = unit.log.openings_at(unit.disclosures.changes_made_with(going))
        unit.log.erase_openings({at for at, raw in openings.items() if identifiers_in(raw) <= named})
        unit.records.delete(going)
        forgotten = forget_unnamed(unit, named)
        scribe = Scribe.of(caller, gateway.policies.digest, gateway.clock.now())
        facts: dict[str, str | int] = {"records": len(going), "identifiers": forgotten}
        unit.log.append([scribe.write(EntryKind.RECORDS_REVIEWED, RULE, facts)])
        unit.commit()
    return len(going), forgotten


def _unpermitted(
    gateway: Gateway, unit: UnitOfWork, rows: Collection[RecordRow], links: Mapping[int, Sequence[StoredLink]]
) -> set[int]:
    """Records that no purpose of the policy permits; whoever is shared speaks for nobody, as everywhere."""
    policies, now = gateway.policies, gateway.clock.now()
    named = {link.identifier_id for several in links.values() for link in several}
    ledger = LedgerView(unit.ledger.facts(named))
    shared = {graph: unit.profiles.demotions(graph, named)[0] for graph in {row.graph for row in rows}}
    going: set[int] = set()
    for row in rows:
        subject = subject_of(policies, row.channel, links[row.record_id], shared[row.graph])
        decisions = (
            decide(policies, row.regimes.split(), purpose, subject, ledger, now) for purpose in policies.purposes
        )
        if not any(isinstance(one, Permit) for one in decisions):
            going.add(row.record_id)
    return going
