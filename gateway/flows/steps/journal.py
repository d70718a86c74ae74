"""What must survive a restored backup: restrictive acts and erasures, journaled before they are acknowledged.

An entry names people by tombstone tokens only. Replaying it on an older store finds them by computing the token
of every stored pseudonym; a restriction of somebody the store does not know yet becomes a tombstone of that purpose,
which turns into the ledger event when the identifier arrives (`gateway.flows.steps.decide.screen`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypedDict

from gateway.consent.model import RESTRICTIVE
from gateway.flows.context import Gateway
from gateway.flows.steps.hear import Event
from gateway.flows.steps.load import Surroundings
from gateway.identifiers.keys import HmacKey, KeyPurpose
from gateway.identifiers.pseudonyms import tombstone_token
from gateway.storage.unit_of_work import UnitOfWork


class JournaledAct(TypedDict):
    """One restrictive act; `tokens` are hex tombstone tokens."""

    tokens: list[str]
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
            "kind": str(event.assertion.kind),
            "purpose": event.assertion.purpose,
            "occurred_at": event.assertion.occurred_at,
            "regimes": " ".join(event.regimes),
        }
        for event in restrictive
    ]
    end = gateway.journal.append(unit.tenant_id, {"type": "consent", "acts": acts})
    unit.log.applied_journal(end)


def tokens_of(unit: UnitOfWork, around: Surroundings, identifiers: Iterable[int]) -> dict[int, bytes]:
    """Surrogate ids -> pseudonym tokens, of stored identifiers and of those the batch brings."""
    wanted = set(identifiers)
    new = {one: around.new[one].token for one in wanted if one in around.new}
    stored = {row.identifier_id: row.token for row in unit.identifiers.describe(wanted - new.keys())}
    return new | stored


def find_by_tokens(unit: UnitOfWork, key: HmacKey, tokens: Sequence[str]) -> Mapping[str, int]:
    """Hex tombstone tokens -> the ids of the stored identifiers they belong to; looks at the whole store."""
    wanted = {bytes.fromhex(token) for token in tokens}
    found: dict[str, int] = {}
    for row in unit.identifiers.all():
        token = tombstone_token(key, row.token)
        if token in wanted:
            found[token.hex()] = row.identifier_id
    return found
