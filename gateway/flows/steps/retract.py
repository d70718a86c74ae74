"""When consent tightens: stored records that no longer have a basis leave the partition."""

from __future__ import annotations

from collections.abc import Collection

from gateway.consent.authority import LEDGER_SCOPES
from gateway.consent.decide import Subject, decide
from gateway.consent.ledger import LedgerView
from gateway.consent.model import Refusal
from gateway.policy.model import PolicySet
from gateway.profiles.neighborhood import Neighborhood
from gateway.storage.records import StoredLink
from gateway.storage.unit_of_work import UnitOfWork

Retracted = dict[str, dict[int, tuple[int, ...]]]
"""Graph -> record -> the identifiers by which it linked."""


def retract(
    policies: PolicySet,
    unit: UnitOfWork,
    ledger: LedgerView,
    near: dict[str, Neighborhood],
    tightened: Collection[int],
    now: int,
) -> Retracted:
    """Decide all active records with a tightened identifier again -> those that are refused now, by graph.

    `ledger` and `near` are extended by what these records need.
    """
    found: Retracted = {}
    record_ids = unit.records.of(tightened, active_only=True)
    if not record_ids:
        return found
    links: dict[int, list[StoredLink]] = {}
    for link in unit.records.links(record_ids):
        links.setdefault(link.record_id, []).append(link)
    kinds = {link.identifier_id: link.kind for several in links.values() for link in several}
    unknown = [one for one in kinds if not ledger.facts(one)]
    for fact in unit.ledger.facts(unknown):
        ledger.add(fact)
    rows = unit.records.get(record_ids)
    for graph in sorted({row.graph for row in rows}):
        extend(policies, unit, near, graph, kinds)
    for row in rows:
        shared = near[row.graph].demoted
        scopes = {
            link.identifier_id: scope
            for link in links[row.record_id]
            if (scope := policies.kinds[link.kind].scope) in LEDGER_SCOPES and link.identifier_id not in shared
        }
        decision = decide(policies, row.regimes.split(), row.purpose, Subject(scopes), ledger, now)
        if isinstance(decision, Refusal):
            linking = tuple(link.identifier_id for link in links[row.record_id] if link.linking)
            found.setdefault(row.graph, {})[row.record_id] = linking
    return found


def extend(
    policies: PolicySet, unit: UnitOfWork, near: dict[str, Neighborhood], graph: str, kinds: dict[int, str]
) -> None:
    """Make sure homes and demotions of these identifiers are known in `near[graph]`."""
    neighborhood = near.setdefault(graph, Neighborhood(policies.kinds))
    neighborhood.learn_kinds(kinds)
    missing = [one for one in kinds if one not in neighborhood.home]
    reader = unit.profiles.reader(graph)
    members, profiles = reader.homes(missing)
    neighborhood.learn(members, profiles)
    by_trusted, by_public = reader.demotions(missing)
    neighborhood.demoted |= by_trusted
    neighborhood.demoted_public |= by_public
