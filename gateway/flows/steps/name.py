"""Step 2: digests become pseudonyms, in every chain of key versions that the tenant's store has in use.

The chains stand in the head of the log. They are remembered between transactions, since keys are rotated seldom, and
compared when pseudonyms are looked up: if they changed meanwhile, `Stale` is raised and the flow names anew.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

from gateway.flows.context import Gateway
from gateway.flows.steps.prepare import Named, Names
from gateway.identifiers.chains import newest_version
from gateway.identifiers.keys import HmacKey
from gateway.identifiers.model import Digest, Pseudonym
from gateway.identifiers.pseudonyms import Pseudonymizer, tombstone_token
from gateway.kernel.errors import Stale, Unavailable
from gateway.storage.identifiers import StoredIdentifier
from gateway.storage.unit_of_work import UnitOfWork

_TRIES = 5

Result = TypeVar("Result")


def until_fresh(act: Callable[[], Result]) -> Result:
    """Do it again while what it rests on changes under it. Raises Unavailable when that does not end."""
    for _ in range(_TRIES):
        try:
            return act()
        except Stale:
            continue
    raise Unavailable("consents or keys keep changing under this: send it again")


def name(gateway: Gateway, tenant_id: int, people: Sequence[Names]) -> None:
    """Give everybody pseudonyms. Raises Unavailable when a key cannot be had."""
    digests = [one for names in people for one in names.digests]
    try:
        pseudonyms = _pseudonyms(gateway, tenant_id, digests)
    except Unavailable:
        if gateway.chains.pop(tenant_id, None) is None:
            raise
        pseudonyms = _pseudonyms(gateway, tenant_id, digests)
    made = iter(pseudonyms)
    for names in people:
        names.pseudonyms = [next(made) for _ in names.digests]


def _pseudonyms(gateway: Gateway, tenant_id: int, digests: Sequence[Digest]) -> list[Pseudonym]:
    """A key of a chain that is remembered may be gone: then the chains have to be read again."""
    if tenant_id not in gateway.chains:
        with gateway.storage.begin(tenant_id, write=False) as unit:
            learn_chains(gateway, unit)
    return Pseudonymizer(gateway.keys.tenant(tenant_id), gateway.chains[tenant_id]).all(digests)


def recognize(
    gateway: Gateway, unit: UnitOfWork, pseudonyms: Collection[Pseudonym]
) -> tuple[dict[bytes, int], dict[bytes, bytes]]:
    """Pseudonyms -> (newest token -> id, of those the store knows; those of their tokens that stand on older chains ->
    the newest).

    Raises Stale when they are not of today's chains.
    """
    chains = unit.log.head().chains
    if any(one.chains != chains for one in pseudonyms):
        learn_chains(gateway, unit)
        raise Stale("the keys were rotated meanwhile")
    found = unit.identifiers.find({token for one in pseudonyms for token in one.tokens})
    if len(chains) == 1:
        return found, {}
    older = {token: one.token for one in pseudonyms for token in one.tokens[1:] if token in found}
    return {older.get(token, token): identifier for token, identifier in found.items()}, older


def learn_chains(gateway: Gateway, unit: UnitOfWork) -> tuple[int, ...]:
    """The chains in use, remembered for the next transactions, with the keys they need."""
    chains = unit.log.head().chains
    if newest_version(chains) not in gateway.keys.tenant(unit.tenant_id).versions:
        gateway.keys.refresh(unit.tenant_id)
    gateway.chains[unit.tenant_id] = chains
    return chains


def as_stored(unit: UnitOfWork, row: StoredIdentifier) -> Pseudonym:
    """A stored identifier as one to be looked up: by the one token it stands under."""
    return Pseudonym(row.kind, (row.token,), unit.log.head().chains, row.namespace)


def somebody(gateway: Gateway, pseudonyms: Sequence[Pseudonym], index: int = 0) -> Named:
    """One whose pseudonyms are known already, in the order of their tokens."""
    listed = sorted(pseudonyms, key=lambda one: one.token)
    rules = [gateway.policies.kinds[one.kind] for one in listed]
    return Named(index, Names(rules=rules, pseudonyms=listed))


def hidden(key: HmacKey, pseudonym: Pseudonym) -> list[bytes]:
    """A pseudonym -> the tokens its tombstones stand under, one for each chain."""
    return [tombstone_token(key, token) for token in pseudonym.tokens]
