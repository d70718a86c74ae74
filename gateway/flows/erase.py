"""Journey: an approved erasure is run (GDPR Art. 17; Cal. Civ. Code 1798.105; DESIGN section 6).

    1 start          the request is running
    2 reach          from the proved identifiers over trusted links; what hangs on others only if it was approved
    3 journal        the erasure is written outside the store, durably, before anything goes
    4 cascade        one transaction: tombstones, records, links, profiles, ledger, openings, decisions, pseudonyms,
                     the identifying half of requests, earlier exports
    5 finish         the request is completed, with its entry in the log, in the same transaction

Killed before 3 nothing has happened and the run starts again; killed after it the store is behind its journal, refuses
to work, and `replay` carries out the very entry that was journaled.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from gateway.flows.context import Gateway, check_store
from gateway.flows.steps.cascade import ErasureEntry, apply_erasure, erasure_entry
from gateway.flows.steps.entries import Scribe
from gateway.flows.steps.preflight import whom
from gateway.flows.steps.requests import StoredRequest, acting, note_step, read, with_request, write
from gateway.rights.cascade import ERASURE_STEPS
from gateway.rights.model import State
from gateway.storage.unit_of_work import UnitOfWork


def erase(gateway: Gateway, tenant_id: int, request_id: int) -> StoredRequest:
    """Run an erasure that is running -> the completed request. Raises BehindJournal when a replay must come first."""
    with gateway.storage.begin(tenant_id, write=True) as unit:
        check_store(gateway, unit, merging=False)
        stored = read(unit, request_id, lock=True)
        if stored.request.state is not State.RUNNING:
            return stored
        who = whom(gateway, unit, stored)
        subjects = acting(gateway, tenant_id, stored, unit.rights.subjects(request_id))
        proved = [(row.token, row.kind) for row in subjects]
        entry = erasure_entry(gateway, tenant_id, request_id, stored.request.regime, who, proved)
        end = gateway.journal.append(tenant_id, entry)
        carry_out(gateway, unit, entry, who.identifiers, end)
        unit.commit()
    with gateway.storage.begin(tenant_id, write=False) as unit:
        return read(unit, request_id)


def carry_out(
    gateway: Gateway, unit: UnitOfWork, entry: ErasureEntry, identifiers: Collection[int], journal_end: int
) -> None:
    """Steps 4 and 5 for a journaled entry; `journal_end` is where the journal ends behind it."""
    now = gateway.clock.now()
    scribe = Scribe("system", "rights", gateway.policies.digest, now)
    counts = apply_erasure(gateway, unit, scribe, entry, identifiers)
    request_id = int(entry["request"], 16)
    if unit.rights.get(request_id) is not None:
        stored = read(unit, request_id, lock=True)
        counts["right_subject"] += unit.rights.forget_subjects([request_id])
        done = replace(stored.request, state=State.COMPLETED, step=ERASURE_STEPS[-1], completed_at=now, held_from=None)
        write(unit, replace(with_request(stored, done), counts=counts))
        note_step(unit, scribe, done, "receipt")
    unit.log.applied_journal(journal_end)
