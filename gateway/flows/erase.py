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

from collections.abc import Mapping
from dataclasses import replace

from gateway.flows.context import Gateway, check_store
from gateway.flows.steps.cascade import SCRIBE_CHANNEL, ErasureEntry, apply_erasure, erasure_entry
from gateway.flows.steps.entries import Scribe
from gateway.flows.steps.preflight import whom
from gateway.flows.steps.requests import (
    StoredRequest,
    acted_on,
    completed,
    note_step,
    read,
    with_request,
    write,
)
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
        proved = acted_on(gateway, unit, stored)
        entry, found = erasure_entry(gateway, tenant_id, request_id, stored.request.regime, who, proved)
        end = gateway.journal.append(tenant_id, entry)
        carry_out(gateway, unit, entry, found, end)
        unit.commit()
    with gateway.storage.begin(tenant_id, write=False) as unit:
        return read(unit, request_id)


def carry_out(
    gateway: Gateway, unit: UnitOfWork, entry: ErasureEntry, found: Mapping[str, int], journal_end: int
) -> None:
    """Steps 4 and 5 for a journaled entry. `found` are ids of its tokens, `journal_end` is where the journal then ends.

    What is in the journal is done, whatever has become of the request meanwhile.
    """
    now = gateway.clock.now()
    scribe = Scribe("system", SCRIBE_CHANNEL, gateway.policies.digest, now)
    request_id = int(entry["request"], 16)
    known = unit.rights.get(request_id, lock=True)
    stored = None if known is None else StoredRequest.from_json(known)
    named = [] if stored is None else [token for one in acted_on(gateway, unit, stored) for token in one.tokens]
    counts = apply_erasure(gateway, unit, scribe, entry, found, named)
    if stored is not None:
        counts["right_subject"] += unit.rights.forget_subjects([request_id])
        done = completed(stored.request, now, step=ERASURE_STEPS[-1])
        write(unit, replace(with_request(stored, done), counts=counts))
        note_step(unit, scribe, done, "receipt")
    unit.log.applied_journal(journal_end)
