"""What anybody can do with a bare hash: form the SHA-256 of every number of a block, on all cores, and compare.

A process for each core is told on its standard input what to look for, so that no process title says it. All write
to one pipe, `done COUNT` after each chunk and `found NUMBER`; a line is shorter than PIPE_BUF, so it stays whole. They
are in a session of their own: Ctrl-C reaches the demo alone, which ends them, and when the demo is killed the next line
they write (SIGPIPE) does. Standard library only: each process runs this file, isolated.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import IO, Final, TextIO, cast

CORES: Final = os.cpu_count() or 1
CHUNK: Final = 50_000


@dataclass(frozen=True, slots=True)
class Search:
    """How many numbers were tried in how many seconds, and those whose digest was looked for."""

    tried: int
    seconds: float
    found: tuple[str, ...] = field(repr=False)

    @property
    def rate(self) -> float:
        """Numbers a second, the start of the processes included."""
        return self.tried / self.seconds


def search(prefix: str, digits: int, size: int, digests: Collection[bytes], advance: Callable[[int], None]) -> Search:
    """Look for `digests` among `prefix` and the first `size` numbers of so many digits; `advance` hears of each chunk.

    Raises subprocess.CalledProcessError when a process ends before its work is done.
    """
    started = time.monotonic()
    found: list[str] = []
    tried = 0
    with _workers(prefix, digits, size, digests) as lines:
        for line in lines:
            what, value = line.split()
            if what == "found":
                found.append(value)
            else:
                tried += int(value)
                advance(int(value))
    return Search(tried, time.monotonic() - started, tuple(found))


def matches(prefix: str, digits: int, numbers: range, digests: Collection[bytes]) -> Iterator[str]:
    """Those of `prefix` and a number of so many digits whose SHA-256 is among `digests`."""
    form = b"%b%%0%dd" % (prefix.encode(), digits)
    for number in numbers:
        if sha256(form % number).digest() in digests:
            yield (form % number).decode()


@contextmanager
def _workers(prefix: str, digits: int, size: int, digests: Collection[bytes]) -> Iterator[TextIO]:
    """Start the processes -> the lines they write; at the end none of them is left."""
    wanted = [one.hex() for one in digests]
    processes: list[subprocess.Popen[str]] = []
    reading, writing = os.pipe()
    try:
        with os.fdopen(reading, encoding="ascii") as lines:
            with os.fdopen(writing, "wb") as shared:
                firsts = range(0, min(size, CORES * CHUNK), CHUNK)
                processes.extend(_start(shared, [prefix, digits, size, first, wanted]) for first in firsts)
            yield lines
        for process in processes:
            if process.wait() != 0:
                raise subprocess.CalledProcessError(process.returncode, "search")
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _start(shared: IO[bytes], task: Sequence[object]) -> subprocess.Popen[str]:
    """Start a process that writes to `shared` -> the process, which has been told its task."""
    command = [sys.executable, "-I", "-S", __file__]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=shared, text=True, start_new_session=True)
    with cast("IO[str]", process.stdin) as told:
        json.dump(task, told)
    return process


def main() -> None:
    """One process: read the task, search every CORES-th chunk from `first` on."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    prefix, digits, size, first, wanted = json.load(sys.stdin)
    digests = frozenset(map(bytes.fromhex, wanted))
    for start in range(first, size, CORES * CHUNK):
        numbers = range(start, min(start + CHUNK, size))
        for number in matches(prefix, digits, numbers, digests):
            os.write(sys.stdout.fileno(), f"found {number}\n".encode())
        os.write(sys.stdout.fileno(), f"done {len(numbers)}\n".encode())


if __name__ == "__main__":
    main()
