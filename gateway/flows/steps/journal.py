"""What must survive a restored backup: restrictive acts and erasures, journaled before they are acknowledged.

An entry names people by tombstone tokens only. Replaying it on an older store finds them by computing the token
of every stored pseudonym; a restriction of somebody the store does not know yet becomes a tombstone of that purpose,
which turns into the ledger event when the identifier arrives (`gateway.flows.steps.decide.screen`).
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from typing import TypedDict

from gateway.consent.model import RESTRICTIVE
from gateway.flows.context import Gateway
from gateway.flows.steps.hear import Event
from gateway.flows.steps.load import Surroundings
from gateway.identifiers.keys import HmacKey, KeyPurpose
from gateway.identifiers.pseudonyms import tombstone_token
from gateway.storage.tombstones import ERASED, RETURNED, Tombstone
from gateway.storage.unit_of_work import UnitOfWork


class JournaledAct(TypedDict):
    """One restrictive act; `tokens` are hex tombstone tokens, `derived` whether it came to them by their profile."""

    tokens: list[str]
    derived: bool
    kind: str
    purpose: str
    occurred_at: int
    regimes: str


def journal_events(gateway: Gateway, unit: UnitOfWork, around: Surroundings, events: Iterable[Event]) -> None:
    """Write the restrictive ones of `events` to the journal, durably; called last before the commit."""
    restrictive = [event for event in events if event.assertion.kind in RESTRICTIVE]
    if not restrictive:
        return
    key = gateway.keys.tenant(unit.tenant_id).hmac(KeyPurpose.SUPPRESS)
    tokens = tokens_of(unit, around, {one for event in restrictive for one in event.identifiers})
    acts: list[JournaledAct] = [
        {
            "tokens": [tombstone_token(key, tokens[one]).hex() for one in event.identifiers if one in tokens],
            "derived": event.derived,
            "kind": str(event.assertion.kind),
            "purpose": event.assertion.purpose,
            "occurred_at": event.assertion.occurred_at,
            "regimes": " ".join(event.regimes),
        }
        for event in restrictive
    ]
    write_acts(gateway, unit, acts)


def write_acts(gateway: Gateway, unit: UnitOfWork, acts: Sequence[JournaledAct]) -> None:
    """Acts become one durable entry; the store is not behind it once the transaction commits."""
    unit.session.send()
    end = gateway.journal.append(unit.tenant_id, {"type": "consent", "acts": acts})
    unit.log.applied_journal(end)


def remember(gateway: Gateway, unit: UnitOfWork, acts: Iterable[JournaledAct], known: Container[str]) -> None:
    """Restrictions on tokens that are not `known` become tombstones: the latest of each kind and purpose."""
    chain = gateway.keys.tenant(unit.tenant_id).chain
    rows = [
        Tombstone(
            token=bytes.fromhex(token),
            chain=chain,
            regime=next(iter(act["regimes"].split()), ""),
            scope=act["purpose"],
            source=act["kind"],
            request_id=0,
            erased_at=act["occurred_at"],
            ends_at=None,
        )
        for act in acts
        for token in act["tokens"]
        if token not in known
    ]
    standing = unit.tombstones.find({row.token for row in rows}, gateway.clock.now())
    rows += [stone for several in standing.values() for stone in several if stone.scope not in (ERASED, RETURNED)]
    unit.tombstones.put(sorted(rows, key=lambda row: row.erased_at))


def tokens_of(unit: UnitOfWork, around: Surroundings, identifiers: Iterable[int]) -> dict[int, bytes]:
    """Surrogate ids -> pseudonym tokens, of stored identifiers and of those the batch brings."""
    wanted = set(identifiers)
    new = {one: around.new[one].token for one in wanted if one in around.new}
    stored = {row.identifier_id: row.token for row in unit.identifiers.describe(wanted - new.keys())}
    return new | stored


def tokens_in(entry: Mapping[str, object]) -> set[str]:
    """All hex tombstone tokens that a journal entry names."""
    parts = entry.get("acts")
    named = [entry, *parts] if isinstance(parts, list) else [entry]
    lists = [part.get(name) for part in named if isinstance(part, dict) for name in ("tokens", "staying")]
    return {str(token) for several in lists if isinstance(several, list) for token in several}


def find_by_tokens(unit: UnitOfWork, key: HmacKey, tokens: Collection[str]) -> dict[str, int]:
    """Hex tombstone tokens -> the ids of the stored identifiers they belong to; looks at the whole store."""
    wanted = {bytes.fromhex(token) for token in tokens}
    found: dict[str, int] = {}
    for row in unit.identifiers.all():
        token = tombstone_token(key, row.token)
        if token in wanted:
            found[token.hex()] = row.identifier_id
    return found
