"""Journey: a tenant's match key is rotated, and no raw value is needed for it (DESIGN section 3).

    1 rotate     a new version in the keyring, durable; then the store uses it: new identifiers are keyed by it alone,
                 look-ups compute every chain of versions in use
    2 rekey      what older chains keyed is wrapped by the new version, run by run, while ingest goes on; whoever is
                 seen again meanwhile is keyed by the new version directly (`gateway.flows.steps.record.rekey`)
    3 retire     a chain on which nothing stands is looked up no more
    4 destroy    a version that no chain contains is destroyed

Each run is one transaction: killed, it goes on where it stopped. Tombstones cannot be wrapped, for the pseudonym they
were made of is gone: their chain, and the keys in it, last until they end or the person is seen again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from gateway.audit.entries import EntryKind
from gateway.flows.admin import system_scribe
from gateway.flows.context import Gateway, check_store
from gateway.flows.steps.name import learn_chains
from gateway.identifiers.chains import MOST_VERSIONS, chain_name, newest_version, rotated, versions, wrapped
from gateway.identifiers.pseudonyms import wrap
from gateway.kernel.errors import Conflict, NotFound
from gateway.storage.unit_of_work import UnitOfWork

WHOLE_RUN = 100_000
"""Rows of one transaction where others can wait for seconds: tokens are random, so that each run writes nearly all
pages anew, and runs of fewer rows would do so more often (`benchmarks/rotation.py`)."""


@dataclass(frozen=True, slots=True)
class ChainStatus:
    """A chain in use, and what stands on it: rows (one for each digest), tombstones, and digests that requests name."""

    name: str
    rows: int
    tombstones: int
    requests: int


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """A tenant's match keys: versions in the keyring, the newest in use, and chains in use, that for what is new first.

    `unfinished` says that a `rekey` has something to wrap or a chain to retire.
    """

    versions: tuple[int, ...]
    newest: int
    chains: tuple[ChainStatus, ...]
    unfinished: bool


def key_status(gateway: Gateway, tenant_id: int) -> KeyStatus:
    """What a tenant's tokens stand on. Raises Unavailable when its keys cannot be had."""
    with gateway.storage.begin(tenant_id, write=False) as unit:
        chains = learn_chains(gateway, unit)
        counts = unit.chains.counts()
    rows = []
    for chain in chains:
        here = counts.get(chain, {})
        figures = [here.get(table, 0) for table in ("pseudonym", "tombstone", "right_subject")]
        rows.append(ChainStatus(chain_name(chain), *figures))
    newest = newest_version(chains)
    older = [row for chain, row in zip(chains, rows, strict=True) if versions(chain)[-1] < newest]
    unfinished = any(row.rows or row.requests or not row.tombstones for row in older)
    return KeyStatus(gateway.keys.refresh(tenant_id).versions, newest, tuple(rows), unfinished)


def rotate(gateway: Gateway, tenant_id: int) -> int:
    """A new version of the match key, in use from now on -> its number. One that was made and never used is taken.

    Raises Conflict where the number of versions has no more room, Unavailable when the keyring fails.
    """
    with gateway.storage.begin(tenant_id, write=True) as unit:
        check_store(gateway, unit, merging=False)
        chains = unit.log.lock().chains
        used = newest_version(chains)
        if used == MOST_VERSIONS:
            raise Conflict(f"a tenant has at most {MOST_VERSIONS} versions of its match key: make a new tenant")
        made = gateway.keys.refresh(tenant_id).newest
        version = made if made > used else gateway.keys.add_version(tenant_id)
        unit.log.use_chains(rotated(chains, version))
        _note(gateway, unit, EntryKind.KEYS_ROTATED, "keys.rotate", {"version": version})
        unit.commit()
    gateway.keys.refresh(tenant_id)
    return version


def rekey(
    gateway: Gateway, tenant_id: int, *, per_second: int | None = None, told: Callable[[int], None] = lambda _: None
) -> int:
    """Wrap what stands on older versions, until nothing does -> rows wrapped; chains left empty are retired.

    `per_second` rows at most, with others served in between; `told` hears the rows looked at in each run.
    """
    size = WHOLE_RUN if per_second is None else max(1, per_second // 5)
    after: bytes | None = b""
    done = 0
    while after is not None:
        began = time.monotonic()
        with gateway.storage.begin(tenant_id, write=True) as unit:
            check_store(gateway, unit, merging=False)
            chains = learn_chains(gateway, unit)
            if _unfinished(chains):
                rows = unit.identifiers.page(after, size)
                done += wrap_run(gateway, unit, rows)
                told(len(rows))
                after = rows[-1][0] if rows else None
            else:
                after = None
            unit.commit()
        if per_second is not None:
            time.sleep(max(0.0, size / per_second - (time.monotonic() - began)))
    _finish(gateway, tenant_id)
    return done


def retire(gateway: Gateway, tenant_id: int, name: str) -> None:
    """A chain, by its name, is looked up no more.

    Raises NotFound for one that is not in use, Conflict for the newest, for one on which something stands, and for one
    that what waits will be wrapped into.
    """
    with gateway.storage.begin(tenant_id, write=True) as unit:
        check_store(gateway, unit, merging=False)
        chains = unit.log.lock().chains
        chain = next((one for one in chains if chain_name(one) == name), None)
        if chain is None:
            raise NotFound(f"no such chain is in use: {', '.join(map(chain_name, chains))} are")
        if chain == chains[0]:
            raise Conflict("new identifiers stand on the newest chain: rotate first")
        counts = unit.chains.counts()
        if chain in counts:
            what = ", ".join(f"{count} of {table}" for table, count in counts[chain].items())
            raise Conflict(f"rows stand on this chain ({what}): they would never be found again")
        newest = newest_version(chains)
        if chain in {wrapped(one, newest) for one in _waiting(counts, newest)}:
            raise Conflict("rows of older versions are still to be wrapped into this chain: finish `keys rotate` first")
        _retire(gateway, unit, [chain])
        unit.commit()


def destroy_version(gateway: Gateway, tenant_id: int, version: int, *, dry_run: bool = False) -> None:
    """Destroy a version of the match key. Backups that were made while it was in use can be looked up in no more.

    `dry_run` asks whether it can be done.

    Raises NotFound for one the keyring has not, Conflict where a chain in use contains it.
    """
    with gateway.storage.begin(tenant_id, write=True) as unit:
        check_store(gateway, unit, merging=False)
        chains = unit.log.lock().chains
        holding = [chain_name(chain) for chain in chains if version in versions(chain)]
        if holding:
            raise Conflict(f"chains in use contain this version ({', '.join(holding)}): retire them first")
        if version not in gateway.keys.refresh(tenant_id).versions:
            raise NotFound("the tenant has no such version of its match key")
        if dry_run:
            return
        gateway.keys.destroy_version(tenant_id, version)
        _note(gateway, unit, EntryKind.KEYS_DESTROYED, "keys.destroy", {"version": version})
        unit.commit()


def _waiting(counts: Mapping[int, Mapping[str, int]], newest: int) -> list[int]:
    """Chains with rows that can be wrapped by the newest version and are not; tombstones cannot."""
    return [one for one, rows in counts.items() if versions(one)[-1] < newest and rows.keys() - {"tombstone"}]


def _unfinished(chains: Collection[int]) -> bool:
    newest = newest_version(chains)
    return any(versions(chain)[-1] < newest for chain in chains)


def wrap_run(gateway: Gateway, unit: UnitOfWork, rows: Sequence[tuple[bytes, int]]) -> int:
    """Of (token, chain) those on older versions are wrapped -> how many."""
    keys, newest = gateway.keys.tenant(unit.tenant_id), newest_version(unit.log.head().chains)
    done = 0
    for chain in {chain for _, chain in rows if versions(chain)[-1] < newest}:
        old = [token for token, one in rows if one == chain]
        unit.chains.move(zip(old, wrap(keys, old, chain, newest), strict=True), wrapped(chain, newest))
        done += len(old)
    return done


def _finish(gateway: Gateway, tenant_id: int) -> None:
    """Whom only requests name is wrapped too; chains that are empty by then are retired, but for the newest."""
    with gateway.storage.begin(tenant_id, write=True) as unit:
        chains = learn_chains(gateway, unit)
        if not _unfinished(chains):
            return
        keys, newest = gateway.keys.tenant(tenant_id), newest_version(chains)
        named = unit.chains.in_requests()
        for chain in {chain for _, chain in named if versions(chain)[-1] < newest}:
            old = [token for token, one in named if one == chain]
            new = wrap(keys, old, chain, newest)
            unit.chains.move_requests(dict(zip(old, new, strict=True)), wrapped(chain, newest))
        counts = unit.chains.counts()
        empty = [one for one in chains[1:] if one not in counts]
        if empty and not _waiting(counts, newest):
            _retire(gateway, unit, empty)
        unit.commit()


def _retire(gateway: Gateway, unit: UnitOfWork, gone: Collection[int]) -> None:
    unit.log.use_chains([one for one in unit.log.lock().chains if one not in gone])
    _note(gateway, unit, EntryKind.KEYS_RETIRED, "keys.retire", {"chains": "_".join(map(chain_name, sorted(gone)))})


def _note(gateway: Gateway, unit: UnitOfWork, kind: EntryKind, rule: str, facts: dict[str, str | int]) -> None:
    unit.log.append([system_scribe(gateway).write(kind, rule, facts)])
