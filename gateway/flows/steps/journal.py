"""What must survive a restored backup: restrictive acts and erasures, journaled before they are acknowledged.

An entry names people by tombstone tokens only. Replaying it on an older store finds them by computing the token
of every stored pseudonym; a restriction of somebody the store does not know yet becomes a tombstone of that purpose,
which turns into the ledger event when the identifier arrives (`gateway.flows.steps.decide.screen`).
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final, NotRequired, TypedDict

from gateway.consent.model import RESTRICTIVE, EventKind
from gateway.flows.context import Gateway
from gateway.flows.messages import ConsentAssertion
from gateway.flows.steps.hear import Event
from gateway.flows.steps.load import Surroundings
from gateway.identifiers.chains import versions
from gateway.identifiers.keys import KeyPurpose
from gateway.identifiers.pseudonyms import tombstone_token, wrap
from gateway.storage.identifiers import StoredIdentifier
from gateway.storage.tombstones import ERASED, RETURNED, Tombstone
from gateway.storage.unit_of_work import UnitOfWork

_AT_ONCE: Final = 10_000
_APART: Final = "|"

Known = dict[str, tuple[int, int]]
"""Hex tombstone token -> (chain of key versions of the pseudonym, identifier id, 0 for one the store did not have).

Ids are random and stand in the store alone: they outlast a rotation, after which no token is what it was.
"""


class JournaledAct(TypedDict):
    """One restrictive act; `tokens` are hex tombstone tokens, `derived` whether it came to them by their profile.

    `known` is where they stand; older entries lack it.
    """

    tokens: list[str]
    derived: bool
    kind: str
    purpose: str
    occurred_at: int
    regimes: str
    known: Known
    basis: NotRequired[str]
    expires_at: NotRequired[int | None]
    site: NotRequired[str]


def restated(act: JournaledAct) -> ConsentAssertion:
    """A journaled act as it was stated."""
    return ConsentAssertion(
        act["kind"],
        act["purpose"],
        act["occurred_at"],
        act.get("basis", ""),
        "journal",
        expires_at=act.get("expires_at"),
        site=act.get("site", ""),
    )


def recalled(stone: Tombstone) -> ConsentAssertion:
    """A restriction that was kept as a tombstone, as it was stated."""
    kind, _, rest = stone.source.partition(_APART)
    basis, _, until = rest.partition(_APART)
    expires_at = int(until) if until else None
    return ConsentAssertion(kind, stone.scope, stone.erased_at, basis, "journal", expires_at=expires_at)


def _source(act: JournaledAct) -> str:
    """Kind, and of a minor the age and when they reach it: what `recalled` reads."""
    if act["kind"] != EventKind.MINOR:
        return act["kind"]
    return _APART.join((act["kind"], act.get("basis", ""), str(act.get("expires_at"))))


def journal_events(gateway: Gateway, unit: UnitOfWork, around: Surroundings, events: Iterable[Event]) -> None:
    """Write the restrictive ones of `events` to the journal, durably; called last before the commit."""
    restrictive = [event for event in events if event.assertion.kind in RESTRICTIVE]
    if not restrictive:
        return
    key = gateway.keys.tenant(unit.tenant_id).hmac(KeyPurpose.SUPPRESS)
    rows = rows_of(unit, around, {one for event in restrictive for one in event.identifiers})
    tokens = {one: tombstone_token(key, row.token).hex() for one, row in rows.items()}
    acts: list[JournaledAct] = [
        {
            "tokens": [tokens[one] for one in event.identifiers if one in tokens],
            "derived": event.derived,
            "kind": str(event.assertion.kind),
            "purpose": event.assertion.purpose,
            "occurred_at": event.assertion.occurred_at,
            "regimes": " ".join(event.regimes),
            "known": {tokens[one]: (rows[one].chain, one) for one in event.identifiers if one in tokens},
            "basis": event.assertion.legal_basis if event.assertion.kind == EventKind.MINOR else "",
            "expires_at": event.assertion.expires_at,
            "site": event.assertion.site,
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
    rows = [
        Tombstone(
            token=bytes.fromhex(token),
            chain=act.get("known", {}).get(token, (1, 0))[0],
            regime=next(iter(act["regimes"].split()), ""),
            scope=act["purpose"],
            source=_source(act),
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


def rows_of(unit: UnitOfWork, around: Surroundings, identifiers: Iterable[int]) -> dict[int, StoredIdentifier]:
    """Surrogate ids -> their rows, of stored identifiers and of those the batch brings."""
    wanted = set(identifiers)
    new = {one: around.new[one] for one in wanted if one in around.new}
    return new | {row.identifier_id: row for row in unit.identifiers.describe(wanted - new.keys())}


def chains_in(entry: Mapping[str, Any]) -> set[int]:
    """The chains of key versions that the tokens of a journal entry stand on; older entries do not say."""
    return {chain for part in [entry, *entry.get("acts", ())] for chain, _ in part.get("known", {}).values()}


def tokens_in(entry: Mapping[str, Any]) -> dict[str, int]:
    """All hex tombstone tokens that a journal entry names -> their ids, 0 where it does not say."""
    found: dict[str, int] = {}
    for part in [entry, *entry.get("acts", ())]:
        found |= dict.fromkeys([*part.get("tokens", ()), *part.get("staying", ())], 0)
        found |= {token: identifier for token, (_, identifier) in part.get("known", {}).items()}
    return found


def find_by_tokens(gateway: Gateway, unit: UnitOfWork, tokens: Mapping[str, int]) -> dict[str, int]:
    """Hex tombstone tokens with ids -> the ids of the stored identifiers they belong to.

    Where the store does not know the id, it looks at all of it: an identifier that left and came back has another.
    """
    ids = {row.identifier_id for row in unit.identifiers.describe({one for one in tokens.values() if one})}
    found = {token: one for token, one in tokens.items() if one in ids}
    wanted = {bytes.fromhex(token) for token in tokens.keys() - found.keys()}
    rows = iter(unit.identifiers.all() if wanted else ())
    while chunk := list(islice(rows, _AT_ONCE)):
        found |= _met(gateway, unit, chunk, wanted)
    return found


def _met(
    gateway: Gateway, unit: UnitOfWork, rows: Sequence[StoredIdentifier], wanted: Collection[bytes]
) -> dict[str, int]:
    """Rows whose tombstone would stand under a wanted token, now or once later versions wrapped them."""
    keys = gateway.keys.tenant(unit.tenant_id)
    key = keys.hmac(KeyPurpose.SUPPRESS)
    found: dict[str, int] = {}
    for chain in {row.chain for row in rows}:
        alike = [row for row in rows if row.chain == chain]
        for last in range(versions(chain)[-1], keys.newest + 1):
            tokens = wrap(keys, [row.token for row in alike], chain, last)
            for row, token in zip(alike, tokens, strict=True):
                buried = tombstone_token(key, token)
                if buried in wanted:
                    found[buried.hex()] = row.identifier_id
    return found
