"""Journey: a store that is older than its journal catches up before it serves anybody (DESIGN section 6).

Every act the journal holds behind the store's offset is carried out again, in order, each in one transaction with its
new offset: erasures run their cascade, restrictions enter the ledger, and those of people the store does not know
become tombstones of that purpose. Interrupted, it goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from gateway.audit.entries import EntryKind
from gateway.consent.authority import Authority
from gateway.flows.context import Caller, Gateway
from gateway.flows.erase import carry_out
from gateway.flows.messages import ConsentAssertion
from gateway.flows.record_consent import write_hearing
from gateway.flows.steps.cascade import ErasureEntry
from gateway.flows.steps.entries import Scribe
from gateway.flows.steps.hear import Hearing
from gateway.flows.steps.journal import JournaledAct, find_by_tokens
from gateway.flows.steps.load import surroundings
from gateway.flows.steps.prepare import Named
from gateway.identifiers.keys import KeyPurpose
from gateway.identifiers.model import Pseudonym
from gateway.kernel.errors import Unavailable
from gateway.storage.tombstones import Tombstone
from gateway.storage.unit_of_work import UnitOfWork


def replay(gateway: Gateway, caller: Caller) -> int:
    """Carry out what the journal holds and the store does not -> how many entries that were.

    Raises Unavailable when the journal is damaged or of a kind this version does not know.
    """
    key = gateway.keys.tenant(caller.tenant_id).hmac(KeyPurpose.SUPPRESS)
    done = 0
    while True:
        with gateway.storage.begin(caller.tenant_id, write=True) as unit:
            entries = gateway.journal.entries(caller.tenant_id, unit.log.head().journal_offset)
            following = next(entries, None)
            if following is None:
                return done
            end, entry = following
            if entry.get("type") == "erasure":
                erasure = cast("ErasureEntry", entry)
                found = find_by_tokens(unit, key, erasure["tokens"])
                carry_out(gateway, unit, erasure, list(found.values()), end)
            elif entry.get("type") == "consent":
                acts = cast("list[JournaledAct]", entry["acts"])
                found = find_by_tokens(unit, key, [token for act in acts for token in act["tokens"]])
                _consents(gateway, caller, unit, acts, found)
                unit.log.applied_journal(end)
            else:
                raise Unavailable("the journal holds an act this version does not know: upgrade the gateway")
            scribe = Scribe.of(caller, gateway.policies.digest, gateway.clock.now())
            unit.log.append([scribe.write(EntryKind.JOURNAL_REPLAYED, "journal.replay", {"entries": 1})])
            unit.commit()
        done += 1


def _consents(
    gateway: Gateway, caller: Caller, unit: UnitOfWork, acts: list[JournaledAct], found: Mapping[str, int]
) -> None:
    rows = {row.identifier_id: row for row in unit.identifiers.describe(found.values())}
    people: list[Named] = []
    for place, act in enumerate(acts):
        known = [rows[found[token]] for token in act["tokens"] if token in found]
        pseudonyms = [Pseudonym(row.kind, row.token, row.namespace) for row in known]
        people.append(Named(place, pseudonyms, [gateway.policies.kinds[one.kind] for one in pseudonyms]))
    around = surroundings(gateway, unit, people, gateway.policies.graphs)
    hearing = Hearing(around.ledger, around.rules, around.now)
    authority = Authority(gateway.policies.classes["trusted"])
    for act, person in zip(acts, people, strict=True):
        assertion = ConsentAssertion(act["kind"], act["purpose"], act["occurred_at"], "", "journal")
        hearing.hear([assertion], person.ids, authority, tuple(act["regimes"].split()))
    write_hearing(gateway, caller, unit, around, hearing, journaled=True)
    chain = gateway.keys.tenant(unit.tenant_id).chain
    unit.tombstones.put(
        [
            Tombstone(
                bytes.fromhex(token), chain, act["regimes"], act["purpose"], act["kind"], 0, act["occurred_at"], None
            )
            for act in acts
            for token in act["tokens"]
            if token not in found
        ]
    )
