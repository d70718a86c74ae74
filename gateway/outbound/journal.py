"""The journal: erasures, opt-outs, objections and withdrawals, outside the backup set.

One file per tenant, a line per act: CRC-32 of the text in hex, a blank, canonical JSON. A line is fsynced before
the act is acknowledged. Positions are byte offsets; the store remembers how far it has applied them. A line torn by
a crash or a full disk was never acknowledged: it does not count, and the next append cuts it off. Entries hold
tombstone tokens only, which mean nothing without the tenant's suppress key.
"""

from __future__ import annotations

import errno
import fcntl
import os
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import orjson

from gateway.kernel.errors import Unavailable


class Journal:
    """The journals of all tenants, in one directory of mode 0700."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._ends: dict[int, tuple[int, int, int]] = {}  # tenant -> (bytes, changed at, end of the last whole entry)

    def size(self, tenant_id: int) -> int:
        """End of the last whole entry in bytes; 0 when there is none. Raises Unavailable when it cannot be read."""
        path = self._path(tenant_id)
        try:
            found = path.stat()
            known = self._ends.get(tenant_id)
            if known is None or known[:2] != (found.st_size, found.st_mtime_ns):
                with path.open("rb") as file:
                    known = found.st_size, found.st_mtime_ns, _end_of_entries(file)
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise Unavailable("the journal cannot be read") from error
        self._ends[tenant_id] = known
        return known[2]

    def append(self, tenant_id: int, entry: Mapping[str, object]) -> int:
        """Write one act durably -> the journal's new end. Raises Unavailable when that fails."""
        text = orjson.dumps(entry, option=orjson.OPT_SORT_KEYS)
        line = b"%08x %b\n" % (zlib.crc32(text), text)
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            new = not self._path(tenant_id).exists()
            descriptor = os.open(self._path(tenant_id), os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(descriptor, "rb+") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                file.truncate(_end_of_entries(file))
                _write_whole(file.fileno(), line)
                os.fsync(file.fileno())
                end = os.fstat(file.fileno()).st_size
            if new:
                _sync_directory(self._directory)
        except OSError as error:
            raise Unavailable("the journal cannot be written: nothing was acknowledged") from error
        return end

    def entries(self, tenant_id: int, start: int = 0) -> Iterator[tuple[int, dict[str, object]]]:
        """(offset behind the entry, entry) from byte `start` on. Raises Unavailable for a damaged line."""
        try:
            with self._path(tenant_id).open("rb") as file:
                file.seek(start)
                for line in file:
                    if not line.endswith(b"\n"):
                        return
                    check, _, text = line[:-1].partition(b" ")
                    if check != b"%08x" % zlib.crc32(text):
                        raise Unavailable("the journal is damaged: restore it from its own copy")
                    yield file.tell(), orjson.loads(text)
        except FileNotFoundError:
            return

    def destroy(self, tenant_id: int) -> None:
        """Remove a deleted tenant's journal."""
        self._path(tenant_id).unlink(missing_ok=True)

    def _path(self, tenant_id: int) -> Path:
        return self._directory / f"tenant-{tenant_id}.journal"


def _end_of_entries(file: BinaryIO) -> int:
    """Where the last whole line ends: a look at the last byte, unless the last line is torn."""
    end = file.seek(0, os.SEEK_END)
    if end == 0:
        return 0
    file.seek(end - 1)
    if file.read(1) == b"\n":
        return end
    file.seek(0)
    return file.read().rfind(b"\n") + 1


def _write_whole(descriptor: int, line: bytes) -> None:
    if os.write(descriptor, line) != len(line):
        raise OSError(errno.ENOSPC, "only a part was written")


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
