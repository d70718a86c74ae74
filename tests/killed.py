"""A program that runs an approved request in a child process, which kills itself (SIGKILL) at a point of the run.

It reads a JSON object a line, {"home", "tenant", "request", "point"}, and answers each with how the child ended:
{"signal", "statements"}. Points: `journal:before`, `journal:after`, `statement:N` (before the Nth SQL statement behind
the journal's append), `commit:before`, `commit:after`, and `never`.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import event

from gateway.flows.admin import system_caller
from gateway.flows.context import Role
from gateway.flows.run_rights import run
from gateway.flows.steps.requests import request_id
from gateway.outbound.journal import Journal
from gateway.settings import Settings
from tests.simulator import SimulatedGateway


@dataclass(slots=True)
class Trap:
    """Kills the process when the run comes to `point`; `statements` counts those behind the journal's append."""

    point: str
    armed: bool = False
    committed: bool = False
    statements: int = 0

    def reach(self, point: str) -> None:
        """The run is at this point now."""
        if point == self.point:
            os.kill(os.getpid(), signal.SIGKILL)

    def statement(self, sql: str) -> None:
        """SQLite is about to carry out a statement."""
        if not self.armed:
            return
        if self.committed:
            self.reach("commit:after")
        elif sql == "COMMIT":
            self.reach("commit:before")
            self.committed = True
        else:
            self.statements += 1
            self.reach(f"statement:{self.statements}")


class TrappedJournal(Journal):
    """A journal that reaches a trap before and after it is written."""

    def __init__(self, directory: Path, trap: Trap) -> None:
        super().__init__(directory)
        self._trap = trap

    def append(self, tenant_id: int, entry: Mapping[str, object]) -> int:
        """Write, between two points."""
        self._trap.reach("journal:before")
        end = super().append(tenant_id, entry)
        self._trap.reach("journal:after")
        self._trap.armed = True
        return end


def child(home: Path, tenant: int, request: str, point: str) -> int:
    """Run the request with a trap at `point` -> statements behind the journal's append."""
    trap = Trap(point)

    def watch(connection: sqlite3.Connection, _record: object) -> None:
        connection.set_trace_callback(trap.statement)

    with SimulatedGateway.opened(f"sqlite:///{home / 'gateway.db'}", home) as site:
        event.listen(site.gateway.storage.engine, "connect", watch)
        journal = Settings.from_environment({"GATEWAY_HOME": str(home)}).journal
        gateway = replace(site.gateway, journal=TrappedJournal(journal, trap))
        run(gateway, system_caller(gateway, tenant, Role.DPO), request_id(request))
    return trap.statements


def answer(order: dict[str, Any]) -> dict[str, int]:
    """Let a child run, and see how it ends."""
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(reading)
        os.write(writing, b"%d" % child(Path(order["home"]), order["tenant"], order["request"], order["point"]))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(process, 0)
    return {"signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0, "statements": int(said or 0)}


def main() -> None:
    """Answer orders until there are no more."""
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
