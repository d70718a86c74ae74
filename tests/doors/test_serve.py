"""`gateway serve` as processes: it answers, restarts what dies, stops as a whole and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from gateway.entrypoints.serve import supervisor
from gateway.entrypoints.serve.supervisor import Child, Supervisor
from tests.doors.processes import alive, descendants, end, eventually, free_port, healthy, running, title
from tests.doors.terminal import Terminal

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in /proc")

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]
IGNORE = "import pathlib, signal, sys, time; signal.signal(15, signal.SIG_IGN); pathlib.Path(sys.argv[1]).touch(); "
STUBBORN = [sys.executable, "-c", f"{IGNORE}time.sleep(60)"]
PARENT = [sys.executable, "-c", f"import subprocess; subprocess.run({SLEEPER})"]
FAILING = [sys.executable, "-c", "raise SystemExit(3)"]


def part(pid: int, words: str) -> int:
    """The one descendant of a process whose title holds these words; 0 when there is none or several."""
    found = [one for one in descendants(pid) if words in title(one)]
    return found[0] if len(found) == 1 else 0


def stop() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def test_it_answers_restarts_what_is_killed_and_stops_as_a_whole(tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "log"
    terminal = Terminal(tmp_path / "home")
    with running(terminal, "serve", "--port", str(port), log=log) as process:
        eventually(lambda: healthy(port), "the gateway answers")
        assert terminal.json("db", "check") == {"findings": []}
        worker = eventually(lambda: part(process.pid, "worker-1"), "there is a worker")
        scheduler = eventually(lambda: part(process.pid, "jobs run"), "there is a scheduler")
        eventually(lambda: '"event":"serving"' in log.read_text(), "it says that it serves")
        os.kill(worker, signal.SIGKILL)
        os.kill(scheduler, signal.SIGKILL)
        eventually(lambda: part(process.pid, "worker-1") not in {0, worker} and healthy(port), "a new worker answers")
        eventually(lambda: part(process.pid, "jobs run") not in {0, scheduler}, "a new scheduler runs")
        children = descendants(process.pid)
        assert len(children) >= 3
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert [title(one) for one in children if alive(one)] == []
        assert not healthy(port)
    assert "Traceback" not in log.read_text()


def test_when_it_is_killed_itself_its_children_stop_too(tmp_path: Path) -> None:
    port = free_port()
    with running(Terminal(tmp_path / "home"), "serve", "--port", str(port), log=tmp_path / "log") as process:
        eventually(lambda: healthy(port), "the gateway answers")
        eventually(lambda: part(process.pid, "jobs run"), "there is a scheduler")
        children = descendants(process.pid)
        process.kill()
        try:
            eventually(lambda: not any(map(alive, children)), "the children stop")
        finally:
            end(children)


def test_several_workers_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    port = free_port()
    terminal = Terminal(tmp_path / "home", {"GATEWAY_DATABASE_URL": postgres_url, "GATEWAY_PORT": str(port)})
    with running(terminal, "serve", "--workers", "2", log=tmp_path / "log") as process:
        eventually(lambda: healthy(port), "the gateway answers")
        eventually(lambda: part(process.pid, "worker-1") and part(process.pid, "worker-2"), "there are two workers")
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


def test_several_workers_on_sqlite_are_refused_before_anything_is_made(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path / "home")
    refused = terminal.run("serve", "--workers", "2")
    assert refused.code == 2
    assert "GATEWAY_DATABASE_URL" in refused.err
    assert not terminal.home.exists()


def test_a_port_that_is_taken_is_named_before_a_child_is_started(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        refused = Terminal(tmp_path / "home").run("serve", "--port", str(other.getsockname()[1]))
    assert refused.code == 4
    assert "in use" in refused.err


def test_what_cannot_start_ends_the_whole_with_a_code(tmp_path: Path) -> None:
    port = free_port()
    terminal = Terminal(tmp_path / "home", {"GATEWAY_MAX_BODY_MIB": "nothing", "GATEWAY_PORT": str(port)})
    assert terminal.run("serve").code == 2
    (tmp_path / "policies").mkdir()
    terminal = Terminal(tmp_path / "home", {"GATEWAY_POLICIES": str(tmp_path / "policies")})
    assert terminal.run("serve", "--port", str(port)).code == 4


def test_a_child_that_cannot_run_is_given_up_and_the_others_are_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "_FIRST_PAUSE", 0.01)
    sleeper, failing = Child("sleeper", SLEEPER), Child("failing", FAILING)
    assert Supervisor([sleeper, failing]).run(lambda: True) is False
    assert failing.quick_deaths == 5
    assert sleeper.process is not None
    assert sleeper.process.returncode == -signal.SIGTERM


def test_a_signal_ends_it_well_and_what_does_not_hear_is_killed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(supervisor, "GRACE", 1.0)
    before = signal.getsignal(signal.SIGTERM)
    stubborn = Child("stubborn", [*STUBBORN, str(tmp_path / "deaf")])

    def ready() -> bool:
        eventually((tmp_path / "deaf").exists, "the child ignores the signal")
        stop()
        return True

    assert Supervisor([stubborn]).run(ready) is True
    assert stubborn.process is not None
    assert stubborn.process.returncode == -signal.SIGKILL
    assert signal.getsignal(signal.SIGTERM) is before


def test_what_a_dead_child_leaves_is_killed_before_it_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "_FIRST_PAUSE", 0.01)
    parent = Child("parent", PARENT)
    left: set[int] = set()

    def ready() -> bool:
        assert parent.process is not None
        pid = parent.process.pid
        left.update(eventually(lambda: descendants(pid), "it has a child of its own"))
        os.kill(pid, signal.SIGKILL)
        return True

    class Watched(Supervisor):
        def pause(self, seconds: float) -> None:
            if parent.quick_deaths and parent.process is not None:
                stop()
            super().pause(seconds)

    assert Watched([parent]).run(ready) is True
    assert [one for one in left if alive(one)] == []
    assert parent.quick_deaths == 1
