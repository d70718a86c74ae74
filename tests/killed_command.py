"""Runs a command of the gateway that kills itself (SIGKILL) before the Nth SQL statement that begins with a word.

python -m tests.killed_command COMMIT 3 keys rotate --tenant acme
"""

from __future__ import annotations

import itertools
import os
import signal
import sqlite3
import sys

from sqlalchemy import Engine, event

from gateway.entrypoints.main import gateway


def main(word: str, number: int, arguments: list[str]) -> None:
    """Run the command with a trap on SQLite."""
    met = itertools.count(1)

    def statement(sql: str) -> None:
        if sql.startswith(word) and next(met) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(connection: sqlite3.Connection, _record: object) -> None:
        connection.set_trace_callback(statement)

    event.listen(Engine, "connect", watch)
    gateway.main(arguments)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
