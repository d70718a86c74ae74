"""Keeps children running: restarts what dies, stops all of them together, leaves nothing behind.

    start    every child, each the leader of its own process group
    watch    a child that ends is restarted after a pause that doubles with each quick death, up to half a minute
    give up  a child that dies quickly five times in a row cannot run: the others are stopped
    stop     on SIGTERM or SIGINT: SIGTERM to every child, and SIGKILL to its group once the grace is over;
             a second signal ends the grace at once

What is left of a dead child's group is killed before it is started again, or its workers would go on beside the new.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.entrypoints.serve import leash
from gateway.kernel import logs

GRACE: Final = 9.0
"""Seconds a child gets to finish what it is doing: a container has ten before it is killed."""

_POLL: Final = 0.1
_SETTLED: Final = 30.0
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 30.0
_QUICK_DEATHS: Final = 5


@dataclass(slots=True)
class Child:
    """One child: its name, its command, and how it fares. Times are seconds of the monotonic clock."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    restart_at: float = 0.0
    quick_deaths: int = 0


class Supervisor:
    """Runs children until a signal comes or one of them cannot run."""

    def __init__(self, children: Sequence[Child]) -> None:
        self._children = children
        self._wake = threading.Event()
        self._signals = 0

    def run(self, ready: Callable[[], bool]) -> bool:
        """Start all children and keep them running -> True after a signal, False when one could not run.

        `ready` is called once they are started; where it returns False they are stopped as well.
        """
        before = {number: signal.signal(number, self._stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            for child in self._children:
                self._start(child)
            return (self._signals > 0 or ready()) and self._watch()
        finally:
            self._end()
            for number, handler in before.items():
                signal.signal(number, handler)

    @property
    def stopping(self) -> bool:
        """Whether a signal has come."""
        return self._signals > 0

    def failed(self) -> bool:
        """Whether a child has ended since it was started."""
        return any(child.process is not None and child.process.poll() is not None for child in self._children)

    def pause(self, seconds: float) -> None:
        """Wait, but not longer than until a signal comes."""
        self._wake.wait(seconds)

    def _stop(self, *_signal: object) -> None:
        self._signals += 1
        self._wake.set()

    def _start(self, child: Child) -> None:
        command = [sys.executable, "-I", "-S", str(Path(leash.__file__)), str(os.getpid()), *child.command]
        child.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
        child.started_at = time.monotonic()
        logs.event("child_started", step=child.name)

    def _watch(self) -> bool:
        while not self.stopping:
            for child in self._children:
                if child.process is None:
                    if time.monotonic() >= child.restart_at:
                        self._start(child)
                elif child.process.poll() is not None and not self._bury(child, child.process):
                    return False
            self.pause(_POLL)
        return True

    def _bury(self, child: Child, process: subprocess.Popen[bytes]) -> bool:
        """Clear up after a child that ended and say when it starts again -> False when it should not."""
        _kill_group(process)
        now = time.monotonic()
        child.process = None
        child.quick_deaths = child.quick_deaths + 1 if now - child.started_at < _SETTLED else 1
        pause = min(_FIRST_PAUSE * 2 ** (child.quick_deaths - 1), _LONGEST_PAUSE)
        child.restart_at = now + pause
        if child.quick_deaths >= _QUICK_DEATHS:
            logs.event("child_given_up", level=logging.ERROR, step=child.name, count=child.quick_deaths)
            return False
        logs.event("child_ended", level=logging.WARNING, step=child.name, status=process.returncode)
        return True

    def _end(self) -> None:
        running = [child.process for child in self._children if child.process is not None]
        for process in running:
            if process.poll() is None:
                process.terminate()
        until, signals = time.monotonic() + GRACE, self._signals
        while time.monotonic() < until and self._signals <= max(signals, 1):
            if all(process.poll() is not None for process in running):
                break
            time.sleep(_POLL)
        for process in running:
            _kill_group(process)
            process.wait()


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
