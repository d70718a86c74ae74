"""Processes of the gateway's own commands: started, watched and never left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TypeVar

from tests.doors.terminal import Terminal

T = TypeVar("T")

PATIENCE: Final = 60.0
_POLL: Final = 0.05


def eventually(found: Callable[[], T | None], what: str, *, within: float = PATIENCE) -> T:
    """Ask until the answer is neither None nor false -> the answer. Raises AssertionError when it never is."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        answer = found()
        if answer:
            return answer
        time.sleep(_POLL)
    raise AssertionError(f"it did not happen: {what}")


@contextmanager
def running(terminal: Terminal, *arguments: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A command of the gateway as a process; what it and its children print goes to `log`."""
    command = [sys.executable, "-m", "gateway.entrypoints.main", *arguments]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=terminal.subprocess_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            end({process.pid, *descendants(process.pid)})
            process.wait()


def end(pids: Iterable[int]) -> None:
    """Kill what of these processes is still there."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def descendants(pid: int) -> set[int]:
    """The living processes that a process started, and those that they did."""
    children = {one for one, parent in _parents() if parent == pid}
    return children.union(*(descendants(one) for one in children))


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended and was not waited for does not."""
    return any(one == pid for one, _ in _parents())


def title(pid: int) -> str:
    """What `ps` shows of a process; "" when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except OSError:
        return ""


def _parents() -> Iterator[tuple[int, int]]:
    """(pid, pid of its parent) of all processes but zombies."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                state, parent, *_ = (entry / "stat").read_text().rpartition(")")[2].split()
                if state != "Z":
                    yield int(entry.name), int(parent)


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def healthy(port: int) -> bool:
    """Whether the gateway on this port answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
