"""The erasure's cascade (GDPR Art. 17, CCPA 1798.105): one transaction, all tables, from the journal's entry.

The entry is made first and written to the journal; applying it is the same act whether the run goes through, is
resumed after a crash, or is replayed on a restored backup:

    1 consents     the person's events; what they restricted for others is written again   (steps.loosen)
    2 evidence     records, links and decisions; records of others that lose their basis
    3 partition    profiles end, others change, channels are told                          (steps.depart)
    4 log          openings, the index of changes, disclosures, recipients' ids            (steps.ancestry)
    5 identifiers  pseudonyms, also those that nothing names any more; tombstones
    6 requests     exports, and what requests say of the person

What stays: tombstones, the log without openings, and the request's accountability half.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TypedDict

from gateway.consent.authority import LEDGER_SCOPES
from gateway.flows.context import Caller, Gateway, Role
from gateway.flows.steps.ancestry import ancestry, trail
from gateway.flows.steps.depart import Departure, plan_departure, write_departure
from gateway.flows.steps.entries import Scribe
from gateway.flows.steps.journal import Known
from gateway.flows.steps.loosen import baseless, erase_consents
from gateway.flows.steps.reach import Held, Reach, records_about, values_in
from gateway.identifiers.keys import KeyPurpose
from gateway.identifiers.model import Pseudonym
from gateway.identifiers.pseudonyms import tombstone_token
from gateway.kernel.clock import DAY
from gateway.policy.model import PolicySet
from gateway.storage.records import StoredLink
from gateway.storage.tombstones import ERASED, RETURNED, Tombstone
from gateway.storage.unit_of_work import UnitOfWork

Counts = dict[str, int]
SCRIBE_CHANNEL = "rights"


class ErasureEntry(TypedDict):
    """An erasure in the journal, by hex tombstone tokens.

    `tokens` are all identifiers erased, `proved` those of them that the request proved, `staying` those of the person
    that other people's records assert too; `tombstones` which of `tokens` leave one, and its end (milliseconds).
    `known` is where each stands (`gateway.flows.steps.journal.Known`); older entries lack it.
    """

    type: str
    request: str
    regime: str
    tokens: list[str]
    proved: list[str]
    staying: list[str]
    tombstones: list[tuple[str, int | None]]
    erased_at: int
    known: Known


def erasure_entry(
    gateway: Gateway, tenant_id: int, request_id: int, regime: str, who: Reach, proved: Sequence[Pseudonym]
) -> tuple[ErasureEntry, dict[str, int]]:
    """(What will be erased, as the journal keeps it; its tokens -> ids of those the store holds).

    `proved` are of the request itself: those the store does not know get a tombstone all the same.
    """
    key = gateway.keys.tenant(tenant_id).hmac(KeyPurpose.SUPPRESS)
    now = gateway.clock.now()
    rules = gateway.policies.kinds
    kinds = {row.token: row.kind for row in who.identifiers.values()}
    known = {row.token: (row.chain, row.identifier_id) for row in [*who.identifiers.values(), *who.staying.values()]}
    stored = kinds.keys() | {row.token for row in who.shared.values()}
    for one in proved:
        if stored.isdisjoint(one.tokens) and rules[one.kind].scope in LEDGER_SCOPES:
            kinds[one.token] = one.kind
            known[one.token] = one.chains[0], 0
    named = {token: tombstone_token(key, token).hex() for token in sorted(kinds)}
    staying = {tombstone_token(key, row.token).hex(): one for one, row in who.staying.items()}
    tombstones: list[tuple[str, int | None]] = []
    for token, hidden in named.items():
        if rules[kinds[token]].tombstoned:
            days = gateway.policies.retention.tombstone_days.get(kinds[token])
            tombstones.append((hidden, None if days is None else now + days * DAY))
    found = {named[row.token]: one for one, row in who.identifiers.items()}
    entry: ErasureEntry = {
        "type": "erasure",
        "request": f"{request_id:x}",
        "regime": regime,
        "tokens": list(named.values()),
        "proved": [named[row.token] for one, row in who.identifiers.items() if one in who.proved],
        "staying": list(staying),
        "tombstones": tombstones,
        "erased_at": now,
        "known": {tombstone_token(key, token).hex(): where for token, where in known.items()},
    }
    return entry, found | staying


def apply_erasure(
    gateway: Gateway,
    unit: UnitOfWork,
    scribe: Scribe,
    entry: ErasureEntry,
    found: Mapping[str, int],
    named: Collection[bytes],
) -> Counts:
    """Carry out an entry -> rows per table that went. `found` are ids of its tokens in the store.

    `named` are pseudonyms that the request itself proved: the store may know them from other requests alone.
    """
    erased = _ids(entry["tokens"], found)
    staying = _ids(entry["staying"], found)
    rows = unit.identifiers.describe(erased)
    tokens = {row.token for row in rows} | set(named)
    held = records_about(gateway, unit, erased, _ids(entry["proved"], found), staying)
    departure = Departure(erased, [one for one in held if not one.foreign], [one for one in held if one.foreign])
    leaving = [one.row.record_id for one in departure.whole]
    homes = {home for graph in gateway.policies.graphs for home in unit.profiles.home_of(graph, erased).values()}
    begin = trail(unit, homes, [one.row.record_id for one in held], erased)
    counts: Counts = {"tombstone": _put_tombstones(unit, entry)}
    kinds = {row.identifier_id: row.kind for row in rows}
    loosened = erase_consents(gateway, unit, scribe, kinds, staying, leaving)
    counts["ledger"] = loosened.rows
    refused = baseless(gateway, unit, loosened, departure.parted, erased, leaving)
    departure.take_whole(refused)
    _erase_evidence(gateway, unit, departure, counts)
    plan_departure(gateway, unit, departure)
    counts["membership"] = sum(len(planned.homeless) for _, planned in departure.plans.values())
    counts["profile"] = len(departure.ended)
    write_departure(gateway, unit, scribe, departure, _rights(gateway, unit.tenant_id))
    _erase_from_log(unit, homes, begin, departure, loosened.positions, counts)
    counts["demotion"] = unit.profiles.forget_demotions(erased)
    gone = erased | _orphans(unit, departure, loosened.others)
    counts["pseudonym"] = _identifiers(gateway.policies, held, gone)
    unit.identifiers.delete(gone)
    counts["right_package"] = unit.rights.drop_packages(unit.rights.requests_about(tokens))
    counts["right_subject"] = unit.rights.forget_tokens(tokens)
    return counts


def _ids(tokens: Sequence[str], found: Mapping[str, int]) -> set[int]:
    return {found[token] for token in tokens if token in found}


def _rights(gateway: Gateway, tenant_id: int) -> Caller:
    """Who writes what an erasure must write: nobody's client."""
    verified = next((name for name in sorted(gateway.policies.classes) if gateway.policies.classes[name].verified), "")
    return Caller(tenant_id, 0, "system", Role.DPO, SCRIBE_CHANNEL, verified, outcomes=True)


def _put_tombstones(unit: UnitOfWork, entry: ErasureEntry) -> int:
    chains = {token: chain for token, (chain, _) in entry.get("known", {}).items()}
    request, erased_at = int(entry["request"], 16), entry["erased_at"]
    rows = [
        Tombstone(
            bytes.fromhex(token), chains.get(token, 1), entry["regime"], ERASED, "erasure", request, erased_at, ends_at
        )
        for token, ends_at in entry["tombstones"]
    ]
    unit.tombstones.put(rows)
    unit.tombstones.lift([row._replace(scope=RETURNED) for row in rows])
    return len(rows)


def _erase_evidence(gateway: Gateway, unit: UnitOfWork, departure: Departure, counts: Counts) -> None:
    counts["record"], counts["link"] = unit.records.delete([one.row.record_id for one in departure.whole])
    pairs = [
        (one.row.record_id, link.identifier_id)
        for one in departure.parted
        for link in _of_the_person(gateway.policies, one, departure.erased)
    ]
    unit.records.detach(pairs)
    counts["link"] += len(pairs)


def _of_the_person(policies: PolicySet, held: Held, erased: Collection[int]) -> list[StoredLink]:
    """Links of a record that stays: to what is erased, and to what screens by it or by the record's attributes."""
    gone = {link.value for link in held.links if link.identifier_id in erased}
    named = {link.value for link in held.links if policies.kinds[link.kind].scope != "screen"}
    return [
        link
        for link in held.links
        if link.identifier_id in erased
        or (policies.kinds[link.kind].scope == "screen" and (link.value in gone or link.value not in named))
    ]


def _erase_from_log(
    unit: UnitOfWork,
    homes: Collection[int],
    begin: Collection[int],
    departure: Departure,
    events: Collection[int],
    counts: Counts,
) -> None:
    """What could open an entry about the person, and the index of the profiles that were theirs."""
    past = ancestry(unit, homes, begin, departure.erased)
    shown = {row.position for row in unit.disclosures.disclosures_of(past.ended)}
    counts["log_opening"] = unit.log.erase_openings(past.named.keys() | shown | set(events))
    counts["change"] = unit.disclosures.erase_changes(past.ended)
    counts["disclosure"] = unit.disclosures.erase_disclosures(past.ended)
    counts["outward_id"] = unit.outward.erase(past.ended, departure.ended)


def _identifiers(policies: PolicySet, held: Sequence[Held], gone: Collection[int]) -> int:
    """How many identifiers these are: digests of one value count once, what screens by attributes not at all."""
    values = values_in(held)
    screening = {
        link.identifier_id for one in held for link in one.links if policies.kinds[link.kind].scope == "screen"
    }
    return len({values.of(one) for one in gone if one not in screening})


def _orphans(unit: UnitOfWork, departure: Departure, others: Collection[int]) -> set[int]:
    """Identifiers that stood beside the person's and that nothing names any more."""
    left = {link.identifier_id for one in departure.whole for link in one.links} | set(others)
    left -= departure.erased
    left -= unit.records.asserted(left)
    return left - {fact.identifier_id for fact in unit.ledger.facts(left)}
