"""Journey: a store that is older than its journal catches up before it serves anybody (DESIGN section 6).

Every act the journal holds behind the store's offset is carried out again, in order, each in one transaction with its
new offset: erasures run their cascade, restrictions enter the ledger, and those of people the store does not know
become tombstones of that purpose. Where a match key was rotated after the backup, the store uses the new version again:
what such an act leaves is found by it. Interrupted, it goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import cast

from gateway.audit.entries import EntryKind
from gateway.flows.context import Caller, Gateway, Role
from gateway.flows.erase import carry_out
from gateway.flows.record_consent import write_hearing
from gateway.flows.steps.cascade import ErasureEntry
from gateway.flows.steps.entries import Scribe
from gateway.flows.steps.hear import Hearing
from gateway.flows.steps.journal import JournaledAct, chains_in, find_by_tokens, remember, restated, tokens_in
from gateway.flows.steps.load import surroundings
from gateway.flows.steps.name import as_stored, somebody
from gateway.flows.steps.prepare import Named
from gateway.identifiers.chains import newest_version, rotated, versions
from gateway.kernel.errors import Unavailable
from gateway.storage.unit_of_work import UnitOfWork


def replay(gateway: Gateway, caller: Caller) -> int:
    """Carry out what the journal holds and the store does not -> how many entries that were.

    Needs the role dpo or admin. Raises Unavailable when the journal is damaged or of a kind this version does not know.
    """
    caller.require(Role.DPO, Role.ADMIN)
    found: dict[str, int] | None = None
    done = 0
    while True:
        with gateway.storage.begin(caller.tenant_id, write=True) as unit:
            start = unit.log.head().journal_offset
            end, entry = next(gateway.journal.entries(caller.tenant_id, start), (start, None))
            if entry is None:
                return done
            if found is None:
                found = _find_all(gateway, unit, start)
            scribe = Scribe.of(caller, gateway.policies.digest, gateway.clock.now())
            _catch_up_keys(gateway, unit, scribe, chains_in(entry))
            if entry.get("type") == "erasure":
                carry_out(gateway, unit, cast("ErasureEntry", entry), found, end)
            elif entry.get("type") == "consent":
                _consents(gateway, caller, unit, cast("list[JournaledAct]", entry["acts"]), found)
                unit.log.applied_journal(end)
            else:
                raise Unavailable("the journal holds an act this version does not know: upgrade the gateway")
            unit.log.append([scribe.write(EntryKind.JOURNAL_REPLAYED, "journal.replay", {"entries": 1})])
            unit.commit()
        done += 1


def _find_all(gateway: Gateway, unit: UnitOfWork, start: int) -> dict[str, int]:
    """Tokens -> ids for everybody the journal names from `start` on, in one pass over the store.

    Nobody else can write to a store that is behind its journal: until the end, only erasures take some away.
    """
    tokens: dict[str, int] = {}
    for _, entry in gateway.journal.entries(unit.tenant_id, start):
        tokens |= {token: one for token, one in tokens_in(entry).items() if one or token not in tokens}
    return find_by_tokens(gateway, unit, tokens)


def _catch_up_keys(gateway: Gateway, unit: UnitOfWork, scribe: Scribe, named: Collection[int]) -> None:
    """The chains that an act stands on are in use, as they were when it was journaled.

    All but those with a version that was destroyed since: what stands on them is found no more.
    """
    missing = set(named) - set(unit.log.head().chains)
    if not missing:
        return
    held = gateway.keys.refresh(unit.tenant_id).versions
    found = [chain for chain in sorted(missing) if set(versions(chain)) <= set(held)]
    chains = unit.log.lock().chains
    newest = newest_version([*chains, *found])
    if newest > newest_version(chains):
        chains = tuple(rotated(chains, newest))
        unit.log.append([scribe.write(EntryKind.KEYS_ROTATED, "keys.rotate", {"version": newest})])
    unit.log.use_chains(list(dict.fromkeys([*chains, *found])))


def _consents(
    gateway: Gateway, caller: Caller, unit: UnitOfWork, acts: list[JournaledAct], found: Mapping[str, int]
) -> None:
    named = {found[token] for act in acts for token in act["tokens"] if token in found}
    rows = {row.identifier_id: row for row in unit.identifiers.describe(named)}
    people: list[Named] = []
    for place, act in enumerate(acts):
        known = [rows[found[token]] for token in act["tokens"] if found.get(token) in rows]
        people.append(somebody(gateway, [as_stored(unit, row) for row in known], place))
    around = surroundings(gateway, unit, people, gateway.policies.graphs)
    hearing = Hearing(around.ledger, around.rules, around.now)
    for act, person in zip(acts, people, strict=True):
        hearing.bind(restated(act), person.ids, tuple(act["regimes"].split()), derived=act["derived"])
    write_hearing(gateway, caller, unit, around, hearing, journaled=True)
    remember(gateway, unit, acts, {token for token, one in found.items() if one in rows})
