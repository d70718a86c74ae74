"""Journey: the store is copied away and comes back (DESIGN section 6). Keys and journal are never part of it.

Backup:
    1 copy       one snapshot, while the gateway goes on: SQLite's online backup, or pg_dump
    2 manifest   what it is, with its hash; written last, so what was cut short is no backup
Restore, which writes nothing before all of this holds:
    1 manifest   is one, and the copy has its hash
    2 store      nothing alive is overwritten unasked
    3 keys and journal are there
    4 put back   and migrated
    5 epoch      the log of each tenant goes on with an entry that commits to the last checkpoint known
    6 journal    erasures and opt-outs later than the backup are carried out again
On SQLite 4 to 6 happen on a copy, and the finished store takes its place by one rename. On PostgreSQL a store that has
not come to the end of 6 is behind its journal and refuses to work.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from gateway.audit.checkpoint import SigningKey, VerifierKey, open_checkpoint
from gateway.audit.entries import EntryKind
from gateway.flows.admin import has_keys, list_tenants, system_caller, system_scribe
from gateway.flows.audit import signing_key
from gateway.flows.context import Gateway, Role
from gateway.flows.replay import replay
from gateway.flows.steps.copies import (
    copy_sqlite,
    dump_postgres,
    load_postgres,
    make_private,
    remove,
    remove_beside,
    settle,
    sha256_of,
    sqlite_file,
    sync,
)
from gateway.kernel.clock import DAY, format_instant
from gateway.kernel.errors import Conflict, IntegrityError, InvalidInput, Unavailable
from gateway.settings import Settings
from gateway.storage import migrate
from gateway.storage.engine import open_engine
from gateway.storage.unit_of_work import Storage

MANIFEST: Final = "manifest.json"
_FILES: Final[Mapping[str, str]] = {"sqlite": "store.db", "postgresql": "store.dump"}


@dataclass(frozen=True, slots=True)
class TenantState:
    """A tenant when the backup was begun; `journal_offset` is how far the journal was applied at least (bytes)."""

    tenant_id: int
    name: str
    journal_offset: int
    log_size: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup is. `expires_at` is when the policy wants it destroyed; `sha256` (hex) is of `file`."""

    created_at: str
    expires_at: str
    backend: str
    file: str
    size: int
    sha256: str
    revision: str
    policy: str
    tenants: tuple[TenantState, ...]
    not_included: str = "the keyring and its root key, without which this says nothing; the journal"
    version: int = 1


@dataclass(frozen=True, slots=True)
class RestoredTenant:
    """A tenant of the restored store. `acts` of the journal were carried out again, or will be.

    One without `keys` was deleted after the backup, or its keys are lost: it refuses all work.
    """

    tenant_id: int
    name: str
    keys: bool
    acts: int
    epoch: int | None


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What a restore did, or, in a dry run, will do."""

    created_at: str
    overwrites: bool
    dry_run: bool
    tenants: tuple[RestoredTenant, ...]


def create_backup(gateway: Gateway, settings: Settings, target: Path) -> dict[str, object]:
    """Copy the whole store into the directory `target`, which is new or empty -> the manifest.

    Raises Conflict when there is something in it, Unavailable when the store, or pg_dump, cannot be had.
    """
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(target.iterdir()):
        raise Conflict("the directory of the backup is not empty")
    backend = "postgresql" if gateway.storage.postgres else "sqlite"
    copy = target / _FILES[backend]
    with ExitStack() as unless_done:
        unless_done.callback(shutil.rmtree, target, ignore_errors=True)
        tenants = tuple(_state(gateway, tenant_id, name) for tenant_id, name in list_tenants(gateway))
        make_private(copy)
        if gateway.storage.postgres:
            dump_postgres(gateway.storage, copy)
        else:
            copy_sqlite(sqlite_file(gateway.storage), copy)
        now = gateway.clock.now()
        manifest = Manifest(
            created_at=format_instant(now),
            expires_at=format_instant(now + gateway.policies.retention.backups_days * DAY),
            backend=backend,
            file=copy.name,
            size=copy.stat().st_size,
            sha256=sha256_of(copy),
            revision=migrate.current(settings.database_url, settings.migrations) or "",
            policy=gateway.policies.digest,
            tenants=tenants,
        )
        sync(copy)
        _write_manifest(target, manifest)
        unless_done.pop_all()
    return dataclasses.asdict(manifest)


def read_manifest(source: Path) -> Manifest:
    """The manifest of the backup in directory `source`, whose copy has the hash it names.

    Raises InvalidInput when there is no backup, IntegrityError when the copy was changed or cut short.
    """
    try:
        read = orjson.loads((source / MANIFEST).read_bytes())
        tenants = tuple(TenantState(**one) for one in read.pop("tenants"))
        manifest = Manifest(**read, tenants=tenants)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        raise InvalidInput("the directory holds no backup of a gateway", field=MANIFEST, rule="manifest") from None
    if manifest.version != 1 or manifest.file != _FILES.get(manifest.backend):
        raise InvalidInput("the backup is of a kind this version does not know", field=MANIFEST, rule="version")
    copy = source / manifest.file
    if not copy.is_file() or copy.stat().st_size != manifest.size or sha256_of(copy) != manifest.sha256:
        raise IntegrityError("the copy in the backup is not the one its manifest was written for")
    return manifest


def restore_backup(
    gateway: Gateway,
    settings: Settings,
    source: Path,
    *,
    dry_run: bool,
    replace: bool = False,
    without_journal: bool = False,
    checkpoints: Sequence[str] = (),
) -> RestoreReport:
    """Put the backup in directory `source` in the place of the store, brought up to the journal -> what was done.

    `replace` overwrites a store that has tenants; `without_journal` goes on though the journal is gone, and with it
    every later erasure and opt-out; `checkpoints` are notes kept elsewhere, for the new epoch to commit to.
    Raises Conflict where one of these is needed or the store is in use, Unavailable when the keys cannot be had.
    """
    manifest = read_manifest(source)
    if (manifest.backend == "postgresql") != gateway.storage.postgres:
        raise Conflict("the backup is of another kind of database than the store")
    alive, notes = _alive(gateway)
    if alive and not replace and not dry_run:
        raise Conflict("there is a store with tenants already: ask for it to be replaced")
    _check_journal(gateway, manifest, without_journal=without_journal)
    planned = tuple(_plan(gateway, state) for state in manifest.tenants)
    if planned and not any(one.keys for one in planned):
        raise Unavailable("the keyring holds keys of no tenant in the backup: bring it and its root key back first")
    if dry_run:
        return RestoreReport(manifest.created_at, alive, dry_run, planned)
    put_back = _restore_postgres if gateway.storage.postgres else _restore_sqlite
    tenants = put_back(gateway, settings, source, manifest, [*notes, *checkpoints])
    return RestoreReport(manifest.created_at, alive, dry_run, tenants)


def replay_journal(gateway: Gateway, tenant_id: int) -> int:
    """Carry out the acts of the journal that the store does not know -> how many; each is an entry of the log."""
    return replay(gateway, system_caller(gateway, tenant_id, Role.DPO))


def _state(gateway: Gateway, tenant_id: int, name: str) -> TenantState:
    with gateway.storage.begin(tenant_id, write=False) as unit:
        head = unit.log.head()
    return TenantState(tenant_id, name, head.journal_offset, head.size, head.epoch)


def _alive(gateway: Gateway) -> tuple[bool, list[str]]:
    """Whether there is a store that holds something, or cannot be read; and the newest checkpoints in it."""
    if not gateway.storage.postgres:
        file = sqlite_file(gateway.storage)
        if not file.exists() or not file.stat().st_size:
            return False, []
    try:
        tenants = list_tenants(gateway)
        return bool(tenants), [note for tenant_id, _ in tenants if (note := _last_checkpoint(gateway, tenant_id))]
    except Unavailable:
        return not gateway.storage.postgres, []


def _last_checkpoint(gateway: Gateway, tenant_id: int) -> str | None:
    with gateway.storage.begin(tenant_id, write=False) as unit:
        return unit.log.last_checkpoint()


def _check_journal(gateway: Gateway, manifest: Manifest, *, without_journal: bool) -> None:
    lost = [
        one.name
        for one in manifest.tenants
        if has_keys(gateway, one.tenant_id) and gateway.journal.size(one.tenant_id) < one.journal_offset
    ]
    if lost and not without_journal:
        raise Conflict(
            f"the journal ends before what the backup knows of it ({', '.join(lost)}): bring it back first,"
            " or erasures and opt-outs that are later than the backup are lost"
        )


def _plan(gateway: Gateway, state: TenantState) -> RestoredTenant:
    acts = sum(1 for _ in gateway.journal.entries(state.tenant_id, state.journal_offset))
    return RestoredTenant(state.tenant_id, state.name, has_keys(gateway, state.tenant_id), acts, None)


def _restore_sqlite(
    gateway: Gateway, settings: Settings, source: Path, manifest: Manifest, notes: Sequence[str]
) -> tuple[RestoredTenant, ...]:
    store = sqlite_file(gateway.storage)
    staged = store.with_name(f".{store.name}.restoring")
    gateway.storage.engine.dispose()
    settle(store)
    store.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as cleanup:
        cleanup.callback(remove, staged)
        remove(staged)
        make_private(staged)
        shutil.copyfile(source / manifest.file, staged)
        url = f"sqlite:///{staged}"
        migrate.upgrade(url, settings.migrations)
        beside = dataclasses.replace(gateway, storage=Storage(open_engine(url)))
        cleanup.callback(beside.storage.engine.dispose)
        tenants = _catch_up(beside, notes)
        beside.storage.engine.dispose()
        settle(staged)
        sync(staged)
        settle(store)
        remove_beside(store)
        staged.replace(store)
        sync(store.parent)
    return tenants


def _restore_postgres(
    gateway: Gateway, settings: Settings, source: Path, manifest: Manifest, notes: Sequence[str]
) -> tuple[RestoredTenant, ...]:
    """The schema is brought to the backup's own revision first: so its objects, and the role it names, are there."""
    gateway.storage.engine.dispose()
    migrate.upgrade(settings.database_url, settings.migrations)
    migrate.downgrade(settings.database_url, settings.migrations, manifest.revision)
    load_postgres(gateway.storage, source / manifest.file)
    migrate.upgrade(settings.database_url, settings.migrations)
    return _catch_up(gateway, notes)


def _catch_up(gateway: Gateway, notes: Sequence[str]) -> tuple[RestoredTenant, ...]:
    """Steps 5 and 6 for every tenant whose keys are there."""
    tenants: list[RestoredTenant] = []
    for tenant_id, name in list_tenants(gateway):
        keys = has_keys(gateway, tenant_id)
        epoch = _open_epoch(gateway, tenant_id, notes) if keys else None
        acts = replay_journal(gateway, tenant_id) if keys else 0
        tenants.append(RestoredTenant(tenant_id, name, keys, acts, epoch))
    return tuple(tenants)


def _open_epoch(gateway: Gateway, tenant_id: int, notes: Sequence[str]) -> int:
    key = signing_key(gateway, tenant_id)
    with gateway.storage.begin(tenant_id, write=True) as unit:
        head = unit.log.lock()
        known, note = _newest([*notes, unit.log.last_checkpoint()], key)
        epoch = unit.log.open_epoch()
        facts: dict[str, str | int] = {"epoch": epoch, "size": head.size, "known": known}
        values = {"checkpoint": note}
        unit.log.append([system_scribe(gateway).write(EntryKind.BACKUP_RESTORED, "backup.restore", facts, values)])
        journal = gateway.journal.size(tenant_id)
        if journal < head.journal_offset:
            unit.log.applied_journal(journal)
        unit.commit()
    return epoch


def _newest(notes: Iterable[str | None], key: SigningKey) -> tuple[int, str]:
    """Size and text of the largest checkpoint that the log's key signed; 0 and "" where there is none."""
    verifier = VerifierKey.parse(key.vkey)
    best = (0, "")
    for note in notes:
        try:
            best = max(best, (open_checkpoint(note or "", [verifier]).size, note or ""))
        except IntegrityError:
            continue
    return best


def _write_manifest(target: Path, manifest: Manifest) -> None:
    path = target / MANIFEST
    path.write_bytes(orjson.dumps(manifest, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    sync(path)
    sync(target)
