"""Step 7: everything a batch changed is written with its entries, in the one transaction.

The head of the log is locked here, last. If a restriction or a tombstone came in since the batch was read, its
decisions are stale: `Stale` is raised, nothing is written, and the flow decides anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256

from gateway.audit.commitments import batch_root, disclosure, salts
from gateway.audit.encodings import to_base64url
from gateway.audit.entries import EntryKind
from gateway.consent.ledger import Evidence
from gateway.consent.model import RESTRICTIVE, Permit
from gateway.flows.context import Caller, Gateway
from gateway.flows.steps.entries import Scribe
from gateway.flows.steps.hear import PROVISIONAL, Event, Hearing
from gateway.flows.steps.journal import journal_events
from gateway.flows.steps.link import Linked
from gateway.flows.steps.load import Batch, Surroundings
from gateway.flows.steps.prepare import Item
from gateway.kernel.clock import format_instant
from gateway.kernel.ids import encode
from gateway.matching.exact import RULE
from gateway.profiles.engine import Plan
from gateway.profiles.neighborhood import Neighborhood
from gateway.storage.disclosures import CONSENT, ChangeRow
from gateway.storage.ledger import LedgerRow
from gateway.storage.log import Entry
from gateway.storage.records import RecordRow, StoredLink
from gateway.storage.tombstones import RETURNED
from gateway.storage.unit_of_work import UnitOfWork


def decision_id(batch_id: int, place: int) -> str:
    """The outside name of a decision."""
    return f"{encode('dec', batch_id)}.{place}"


def write_all(
    gateway: Gateway, caller: Caller, unit: UnitOfWork, batch: Batch, hearing: Hearing, linked: Linked
) -> None:
    """Identifiers, ledger, evidence, partition, decisions and entries of one batch."""
    base = unit.log.lock_unchanged(batch.around.restrictions)
    scribe = Scribe.of(caller, gateway.policies.digest, batch.around.now)
    entries = [scribe.consent(event) for event in hearing.events]
    positions = {PROVISIONAL + at: base + at for at in range(len(hearing.events))}
    changes = partition_entries(scribe, linked.plans, _decision_names(batch), base + len(entries), entries)
    _decisions(scribe, unit, batch, base, entries, positions, client_class=caller.client_class)
    _refused_merges(scribe, linked, batch, base, entries, changes)
    _write_identifiers(unit, batch, hearing)
    write_events(unit, caller, hearing.events, base, batch.around.now)
    _write_records(caller, unit, batch, linked, positions)
    for graph, plan in linked.plans.items():
        apply_plan(unit, graph, batch.around.near[graph], plan, base)
    unit.disclosures.add_changes(
        [*changes, *consent_rows(hearing.events, batch.around.near.values(), base, scribe.now)]
    )
    _yield_tombstones(unit, batch)
    rekey(unit, batch.around)
    entries += scribe.attempts(hearing.attempts)
    if entries:
        unit.log.append(entries, restrictions=count_restrictive(hearing.events))
    journal_events(gateway, unit, batch.around, hearing.events)


def apply_plan(unit: UnitOfWork, graph: str, near: Neighborhood, plan: Plan, position: int) -> None:
    """Write a plan and what it does to the ids that recipients know; new profiles take `position` as their age."""
    unit.profiles.apply(graph, plan, [(one, near.kinds[one].name) for one in plan.moved], position)
    unit.outward.follow(*plan.fates(near))


def _yield_tombstones(unit: UnitOfWork, batch: Batch) -> None:
    """Whoever came back is suppressed no longer, but for what was observed before; recalled restrictions stand now."""
    back = {stone for item in batch.items for stone in item.lifts}
    unit.tombstones.lift([*back, *{stone for item in batch.items for stone in item.recalled}])
    unit.tombstones.put([stone._replace(scope=RETURNED) for stone in back])


def partition_entries(
    scribe: Scribe, plans: Mapping[str, Plan], decisions: Mapping[int, str], start: int, entries: list[Entry]
) -> list[ChangeRow]:
    """Append one entry per change to `entries` -> the rows that index them; positions begin at `start`.

    `decisions` names the decision of each new record.
    """
    rows: list[ChangeRow] = []
    for graph, plan in plans.items():
        for change in plan.changes:
            causes = [decisions[one] for one in plan.causes.get(change.profile_id, ()) if one in decisions]
            entries.append(scribe.change(graph, change, causes))
            rows += change_rows(start, change.kind, change.profile_id, change.others, scribe.now)
            start += 1
    return rows


def _decision_names(batch: Batch) -> dict[int, str]:
    return {item.record_id: decision_id(batch.batch_id, item.index) for item in batch.items if item.linking}


def change_rows(position: int, kind: str, profile_id: int, others: Sequence[int], now: int) -> list[ChangeRow]:
    """One change -> a row for each profile it concerns."""
    role, other = {"merged": ("survivor", "absorbed"), "split": ("part", "parent")}.get(kind, ("profile", "profile"))
    rows = [ChangeRow(position, profile_id, kind, role, now)]
    return rows + [ChangeRow(position, one, kind, other, now) for one in others]


def consent_rows(events: Sequence[Event], near: Iterable[Neighborhood], base: int, now: int) -> list[ChangeRow]:
    """For recipients: profiles whose people restricted something (GDPR Art. 19; 11 CCR 7026(f)).

    A row for each profile that was looked up, at the event's position; derived events add none of their own.
    """
    homes = [neighborhood.home for neighborhood in near]
    return [
        ChangeRow(base + at, profile, CONSENT, "profile", now)
        for at, event in enumerate(events)
        if event.assertion.kind in RESTRICTIVE and not event.derived
        for profile in sorted({home[one] for home in homes for one in event.identifiers if one in home})
    ]


def count_restrictive(events: Sequence[Event]) -> int:
    """How many events tighten somebody's state."""
    return sum(event.assertion.kind in RESTRICTIVE for event in events)


def write_events(unit: UnitOfWork, caller: Caller, events: Sequence[Event], base: int, now: int) -> None:
    """The ledger rows of heard events; the first stands at log position `base`."""
    unit.ledger.append(
        [
            LedgerRow(
                one,
                base + at,
                event.assertion.purpose,
                str(event.assertion.kind),
                event.assertion.occurred_at,
                now,
                event.assertion.expires_at,
                " ".join(event.regimes),
                event.assertion.legal_basis,
                caller.channel,
                caller.client_id,
                event.assertion.method,
                event.assertion.notice,
                event.verified,
                event.derived,
                event.assertion.site,
            )
            for at, event in enumerate(events)
            for one in event.identifiers
        ]
    )
    unit.ledger.keep_signals({base + at: event.text for at, event in enumerate(events) if event.text})


def _decisions(
    scribe: Scribe,
    unit: UnitOfWork,
    batch: Batch,
    base: int,
    entries: list[Entry],
    positions: Mapping[int, int],
    *,
    client_class: str,
) -> None:
    """All decisions of the batch are one entry: the root over their salted commitments.

    Those on duplicates cannot be opened: no record holds them, so erasure would not find them.
    """
    decided = [item for item in batch.items if item.decision is not None]
    if not decided:
        return
    position = base + len(entries)
    texts: list[tuple[int, str]] = []
    digests: list[bytes] = []
    refused: list[tuple[int, int]] = []
    at = format_instant(batch.around.now)
    for item, salt in zip(decided, salts(len(decided)), strict=True):
        value = _decision_value(item, batch, at, client_class, positions)
        text = disclosure(salt, "decisions", value)
        if item.outcome != "duplicate":
            texts.append((item.index, text))
            if not item.linking:
                refused += [(one, item.index) for one in _rests_on(item, positions)]
        digests.append(sha256(text.encode("ascii")).digest())
    root = batch_root([to_base64url(one) for one in digests])
    permitted = sum(isinstance(item.decision, Permit) for item in decided)
    facts: dict[str, str | int] = {"permitted": permitted, "refused": len(decided) - permitted}
    entries.append(scribe.write(EntryKind.DECISIONS_BATCH, "consent.decide", facts, roots={"decisions": root}))
    unit.disclosures.add_decisions(batch.batch_id, position, b"".join(digests), texts, refused)


def _decision_value(
    item: Item, batch: Batch, at: str, client_class: str, positions: Mapping[int, int]
) -> dict[str, object]:
    """What was decided, and all that it was decided from: `gateway consent replay` decides it again."""
    decision = item.decision
    value: dict[str, object] = {
        "id": decision_id(batch.batch_id, item.index),
        "at": at,
        "purpose": item.record.purpose,
        "regimes": list(decision.regimes) if decision else [],
        "rule": decision.rule if decision else "",
        "reason": str(decision.reason) if decision else "",
        "permitted": isinstance(decision, Permit),
        "class": client_class,
        "channel": batch.around.channel,
        "kinds": sorted({rule.name for rule in item.rules}),
        "heard": _placed(item.heard, positions),
    }
    if item.met:
        value["met"] = [[list(one.regimes), _placed(one.heard, positions)] for one in item.met]
    if isinstance(decision, Permit):
        value["basis"] = [positions.get(one, one) for one in decision.basis]
        value["expires_at"] = decision.expires_at
    return value


def _placed(heard: Sequence[Evidence], positions: Mapping[int, int]) -> list[object]:
    return [[speaks_as, [positions.get(one, one) for one in at]] for speaks_as, at in heard]


def _rests_on(item: Item, positions: Mapping[int, int]) -> set[int]:
    """The ledger positions that a refusal could be opened by: an erasure of any of them takes the opening with it."""
    everything = [item.heard, *(one.heard for one in item.met)]
    return {positions.get(one, one) for heard in everything for _, at in heard for one in at}


def _refused_merges(
    scribe: Scribe, linked: Linked, batch: Batch, base: int, entries: list[Entry], changes: list[ChangeRow]
) -> None:
    """A link that a limit cut is recorded, so that it can be reviewed."""
    for graph, plan in linked.plans.items():
        for (record_id, identifier), cut in plan.cuts.items():
            if not cut or record_id not in linked.evidence:
                continue
            home = profile_of(plan, batch.around.near[graph], linked.evidence[record_id].identifiers)
            values: dict[str, object] = {}
            if home is not None:
                values = {"profile": f"{home:x}", "identifier": f"{identifier:x}"}
                changes.append(ChangeRow(base + len(entries), home, "refused", "refused", batch.around.now))
            entries.append(scribe.write(EntryKind.MERGE_REFUSED, "limits.per_profile", {}, values))


def profile_of(plan: Plan | None, near: Neighborhood, identifiers: Sequence[int]) -> int | None:
    """Where a record stands after the plan: the profile of its strongest identifier that has one."""
    moved = plan.moved if plan else {}
    homeless = plan.homeless if plan else set()
    homes = {one: moved.get(one) or near.home.get(one) for one in identifiers if one not in homeless}
    found = set(homes.values()) - {None}
    if len(found) <= 1:
        return found.pop() if found else None
    return homes[min((one for one in homes if homes[one]), key=lambda one: near.kinds[one].rank)]


def rekey(unit: UnitOfWork, around: Surroundings) -> None:
    """Whoever was seen again needs no older key any more."""
    newest = unit.log.head().chains[0]
    if around.moved:
        unit.chains.move(around.moved.items(), newest)
    if around.older:
        unit.chains.move_requests(around.older, newest)
    if around.buried:
        unit.tombstones.move(around.buried, newest)


def _write_identifiers(unit: UnitOfWork, batch: Batch, hearing: Hearing) -> None:
    """Only identifiers that stored records or ledger events need."""
    stored = {one for item in batch.items if item.linking for one in item.ids}
    wanted = [batch.around.new[one] for one in stored | hearing.identifiers() if one in batch.around.new]
    unit.identifiers.add(wanted)


def _write_records(
    caller: Caller, unit: UnitOfWork, batch: Batch, linked: Linked, positions: Mapping[int, int]
) -> None:
    before = {link.identifier_id for link in unit.records.links(linked.replaced)}
    if linked.replaced:
        unit.records.delete(linked.replaced)
    unit.records.retract([one for records in linked.retracted.values() for one in records], batch.around.now)
    records: list[RecordRow] = []
    links: list[StoredLink] = []
    for item in batch.items:
        permit = item.decision
        if not item.linking or not isinstance(permit, Permit):
            continue
        plan = linked.plans[item.graph]
        evidence = linked.evidence[item.record_id]
        records.append(
            RecordRow(
                item.record_id,
                item.token,
                item.content,
                item.graph,
                item.record.purpose,
                caller.client_id,
                caller.channel,
                evidence.trusted,
                item.record.observed_at,
                batch.around.now,
                " ".join(permit.regimes),
                RULE,
                " ".join(str(positions.get(one, one)) for one in permit.basis),
                batch.batch_id,
                item.index,
                active=True,
                review_at=permit.expires_at,
            )
        )
        kept = set(item.linking)
        links += [
            StoredLink(
                one,
                item.record_id,
                rule.name,
                place,
                one in kept,
                plan.cuts.get((item.record_id, one), False),
                item.names.values[place],
                item.names.forms[place],
            )
            for place, (one, rule) in enumerate(zip(item.ids, item.rules, strict=True))
            if one in kept or not rule.may_link
        ]
    unit.records.add(records, links)
    forget_unnamed(unit, before - {link.identifier_id for link in links})


def forget_unnamed(unit: UnitOfWork, identifiers: set[int]) -> int:
    """Identifiers of records that went go if nothing names them: an erasure would not find them -> how many."""
    left = identifiers - unit.records.asserted(identifiers)
    gone = left - {fact.identifier_id for fact in unit.ledger.facts(left)}
    unit.identifiers.delete(gone)
    return len(gone)
