"""Journey: the log is shown: checkpoints, entries, proofs, exports. Nothing here is held back while merging is frozen.

A checkpoint is signed only when it continues the last one signed. Over HTTP an export never holds openings, so it
holds no personal data, and it is a function of the log up to a checkpoint: its id names that checkpoint, the archive
is made when it is fetched, and nothing is kept that an erasure would have to reach. Openings are given to the operator
alone, as files for an auditor, and that is an entry.
"""

from __future__ import annotations

import heapq
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from gateway.audit.checkpoint import Checkpoint, SigningKey, VerifierKey, open_checkpoint, sign
from gateway.audit.encodings import to_base64url
from gateway.audit.entries import EntryKind
from gateway.audit.export import write_export
from gateway.audit.merkle import HASH_BYTES
from gateway.audit.opening import Opening
from gateway.audit.proofs import consistency_proof, inclusion_proof, verify_consistency
from gateway.audit.verify import write_proof
from gateway.flows.admin import system_scribe, tenant_name
from gateway.flows.context import Caller, Gateway, Role
from gateway.identifiers.keys import KeyPurpose
from gateway.kernel.errors import IntegrityError, InvalidInput, NotFound
from gateway.kernel.ids import decode, encode
from gateway.storage.log import Head
from gateway.storage.unit_of_work import UnitOfWork

MOST_ENTRIES = 1000
_READERS = (Role.AUDITOR, Role.DPO, Role.ADMIN)
_BATCHES_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class ExportView:
    """An export that can be fetched: the log `origin` up to `size` entries."""

    id: str
    origin: str
    size: int


def signing_key(gateway: Gateway, tenant_id: int) -> SigningKey:
    """The key of the tenant's log; its name is the log's origin. Raises NotFound, Unavailable."""
    seed = gateway.keys.tenant(tenant_id).secret(KeyPurpose.LOG)
    return SigningKey(seed, f"consent-gateway/{tenant_name(gateway, tenant_id)}/{tenant_id}")


def verifier_key(gateway: Gateway, tenant_id: int) -> str:
    """What the operator publishes, so that anybody can check the tenant's checkpoints."""
    return signing_key(gateway, tenant_id).vkey


def checkpoint(gateway: Gateway, tenant_id: int) -> str:
    """The note for the log as it is now: a new one, signed and kept, if the log grew since the last.

    Raises IntegrityError when the log does not continue the last checkpoint.
    """
    key = signing_key(gateway, tenant_id)
    with gateway.storage.begin(tenant_id, write=True, partition=False) as unit:
        head = unit.log.lock()
        last = unit.log.last_checkpoint()
        if last is not None:
            before = _open(last, key)
            _check_continues(unit, before, head)
            if before.size == head.size:
                return last
        note = sign(Checkpoint(key.name, head.size, head.frontier.root()), key)
        unit.log.add_checkpoint(head.size, note, gateway.clock.now())
        unit.commit()
    return note


def latest_checkpoint(gateway: Gateway, tenant_id: int) -> str:
    """The newest note that was made; the first is made when it is asked for."""
    with gateway.storage.begin(tenant_id, write=False) as unit:
        last = unit.log.last_checkpoint()
    return checkpoint(gateway, tenant_id) if last is None else last


def entries(gateway: Gateway, caller: Caller, start: int, end: int) -> list[tuple[int, str]]:
    """(index, leaf text) from `start` to before `end`, at most 1000. Raises InvalidInput out of range."""
    caller.require(*_READERS)
    with gateway.storage.begin(caller.tenant_id, write=False) as unit:
        if not 0 <= start < end <= unit.log.head().size:
            raise InvalidInput("the log has no such range of entries", field="end", rule="range")
        if end - start > MOST_ENTRIES:
            raise InvalidInput(f"at most {MOST_ENTRIES} entries at once", field="end", rule="count")
        return [(index, leaf.decode()) for index, leaf in unit.log.entries(start, end)]


def inclusion(gateway: Gateway, caller: Caller, index: int, size: int) -> list[bytes]:
    """The audit path of entry `index` in the tree of the first `size` entries. Raises InvalidInput out of range."""
    caller.require(*_READERS)
    with gateway.storage.begin(caller.tenant_id, write=False) as unit:
        _check_size(unit, size, "size")
        return inclusion_proof(unit.log, index, size)


def consistency(gateway: Gateway, caller: Caller, old: int, new: int) -> list[bytes]:
    """The proof that the tree of `new` entries continues that of `old`. Raises InvalidInput out of range."""
    caller.require(*_READERS)
    with gateway.storage.begin(caller.tenant_id, write=False) as unit:
        _check_size(unit, new, "to")
        return consistency_proof(unit.log, old, new)


def proof(gateway: Gateway, tenant_id: int, index: int) -> str:
    """A tlog-proof file for entry `index` under the latest checkpoint, or under a new one if the entry is newer.

    Raises InvalidInput when the log has no such entry.
    """
    key = signing_key(gateway, tenant_id)
    note = latest_checkpoint(gateway, tenant_id)
    if index >= _open(note, key).size:
        note = checkpoint(gateway, tenant_id)
    with gateway.storage.begin(tenant_id, write=False) as unit:
        return write_proof(index, inclusion_proof(unit.log, index, _open(note, key).size), note)


def export(gateway: Gateway, tenant_id: int, directory: Path, *, openings: bool) -> dict[str, str | int]:
    """Write the log up to now into `directory`, for the operator -> origin, size, root (hex) and verifier key.

    With `openings` the files hold what was not erased: personal data, to be handled as such. Raises Conflict when the
    directory holds an export already.
    """
    key = signing_key(gateway, tenant_id)
    note = checkpoint(gateway, tenant_id)
    if openings:
        _note_disclosure(gateway, tenant_id)
    _write(gateway, tenant_id, directory, note, openings=openings)
    shown = _open(note, key)
    return {"origin": shown.origin, "size": shown.size, "root": shown.root.hex(), "vkey": key.vkey}


def start_export(gateway: Gateway, caller: Caller) -> ExportView:
    """An export of the log as it is now, to be fetched by `export_zip`."""
    caller.require(*_READERS)
    shown = _open(checkpoint(gateway, caller.tenant_id), signing_key(gateway, caller.tenant_id))
    return ExportView(encode("exp", shown.size), shown.origin, shown.size)


def export_zip(gateway: Gateway, caller: Caller, export_id: str) -> BinaryIO:
    """The export as a ZIP archive, without openings: an open file, at its beginning, that is gone when it is closed.

    Raises NotFound for an id that `start_export` did not give for this tenant.
    """
    caller.require(*_READERS)
    note = _note_of(gateway, caller, export_id)
    with ExitStack() as unless_done:
        file = unless_done.enter_context(tempfile.TemporaryFile())
        with tempfile.TemporaryDirectory() as name, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            _write(gateway, caller.tenant_id, Path(name), note, openings=False)
            for path in sorted(Path(name).iterdir()):
                archive.write(path, path.name)
        file.seek(0)
        unless_done.pop_all()
    return file


def _write(gateway: Gateway, tenant_id: int, directory: Path, note: str, *, openings: bool) -> None:
    key = signing_key(gateway, tenant_id)
    size = _open(note, key).size
    with gateway.storage.begin(tenant_id, write=False) as unit:
        write_export(
            directory,
            key.name,
            key.vkey,
            unit.log.entries(0, size),
            _openings(unit, size) if openings else (),
            note,
            batches=_batches(unit, size),
        )


def _openings(unit: UnitOfWork, size: int) -> Iterator[tuple[int, list[str]]]:
    """(index, disclosure texts) of entries and of batches of decisions, in order."""
    of_entries = ((at, list(Opening.from_bytes(raw).disclosures)) for at, raw in unit.log.openings(0, size))
    of_batches = (
        (at, texts)
        for at, batch, _ in _runs(unit, size)
        if (texts := [text for _, text in unit.disclosures.decisions(batch)])
    )
    return heapq.merge(of_entries, of_batches, key=lambda one: one[0])


def _batches(unit: UnitOfWork, size: int) -> Iterator[tuple[int, str, list[str]]]:
    """(index, name, commitments) of the batches of decisions, in order."""
    for at, _, raw in _runs(unit, size):
        yield at, "decisions", [to_base64url(raw[one : one + HASH_BYTES]) for one in range(0, len(raw), HASH_BYTES)]


def _runs(unit: UnitOfWork, size: int) -> Iterator[tuple[int, int, bytes]]:
    for start in range(0, size, _BATCHES_AT_ONCE):
        yield from unit.disclosures.batches(start, min(start + _BATCHES_AT_ONCE, size))


def _note_disclosure(gateway: Gateway, tenant_id: int) -> None:
    with gateway.storage.begin(tenant_id, write=True, partition=False) as unit:
        facts: dict[str, str | int] = {"export": "openings", "size": unit.log.lock().size}
        unit.log.append([system_scribe(gateway).write(EntryKind.DISCLOSURE_MADE, "audit.export", facts)])
        unit.commit()


def _note_of(gateway: Gateway, caller: Caller, export_id: str) -> str:
    try:
        size = str(decode("exp", export_id))
    except ValueError:
        raise NotFound("there is no such export") from None
    with gateway.storage.begin(caller.tenant_id, write=False) as unit:
        for note in unit.log.checkpoints():
            if note.split("\n")[1:2] == [size]:
                return note
    raise NotFound("there is no such export")


def _open(note: str, key: SigningKey) -> Checkpoint:
    return open_checkpoint(note, [VerifierKey.parse(key.vkey)])


def _check_continues(unit: UnitOfWork, before: Checkpoint, head: Head) -> None:
    if before.size > head.size:
        raise IntegrityError("the log is shorter than its last checkpoint")
    path = consistency_proof(unit.log, before.size, head.size)
    verify_consistency(before.size, before.root, head.size, head.frontier.root(), path)


def _check_size(unit: UnitOfWork, size: int, field: str) -> None:
    if size > unit.log.head().size:
        raise InvalidInput("the log has not that many entries", field=field, rule="range")
