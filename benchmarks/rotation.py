"""A rotation against its floor: how much wrapping costs over the bare UPDATE statements.

A store of identifiers (one tenant, SQLite with synchronous=FULL) gets a new version of its match key and wraps all of
them. Inside each run the very rows it wrote are updated by plain `executemany`, in one transaction too, in a copy of
the database under the same settings: that is the floor. Both are timed in turn. Printed: rows a second and the ratio.

    python -m benchmarks.rotation [--rows 1000000] [--json]
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final
from unittest.mock import patch

from benchmarks.ingest import floor_of
from benchmarks.setting import Setting, open_setting
from gateway.flows.rotate_keys import key_status, rekey, rotate
from gateway.storage.chains import ChainStore
from gateway.storage.identifiers import StoredIdentifier

_AT_ONCE: Final = 100_000
_KINDS: Final = ("email", "phone", "cookie")
_UPDATE: Final = "UPDATE pseudonym SET token = ?, chain = ? WHERE tenant_id = ? AND token = ?"


def fill(setting: Setting, rows: int) -> None:
    """So many identifiers under the first key."""
    kinds = itertools.cycle(_KINDS)
    for start in range(1, rows + 1, _AT_ONCE):
        made = range(start, min(start + _AT_ONCE, rows + 1))
        with setting.gateway.storage.begin(setting.caller.tenant_id, write=True) as unit:
            unit.identifiers.add([StoredIdentifier(os.urandom(32), one, next(kinds), "", 1) for one in made])
            unit.commit()


class Floor:
    """Takes the rows of each run and writes them plainly, in `spent` seconds; `away` are all but the gateway's."""

    def __init__(self, connection: sqlite3.Connection, tenant_id: int) -> None:
        for pragma in ("secure_delete=ON", "wal_autocheckpoint=10000"):
            connection.execute(f"PRAGMA {pragma}")
        self._connection = connection
        self._tenant = tenant_id
        self._rows: list[tuple[bytes, int, int, bytes]] = []
        self.spent = self.away = 0.0

    def take(self, pairs: Sequence[tuple[bytes, bytes]], chain: int) -> None:
        """Rows as `ChainStore.move` gets them."""
        began = time.perf_counter()
        self._rows += sorted((new, chain, self._tenant, old) for old, new in pairs)
        self.away += time.perf_counter() - began

    def write(self) -> None:
        """The rows of one run, in one transaction."""
        began = time.perf_counter()
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(_UPDATE, self._rows)
        self._connection.execute("COMMIT")
        self._rows.clear()
        spent = time.perf_counter() - began
        self.spent += spent
        self.away += spent


def run(setting: Setting, floor: Floor) -> tuple[int, float]:
    """Rotate -> (rows wrapped, the gateway's seconds)."""
    move = ChainStore.move

    def captured(self: ChainStore, tokens: Iterable[tuple[bytes, bytes]], chain: int) -> None:
        pairs = list(tokens)
        floor.take(pairs, chain)
        move(self, pairs, chain)

    with patch.object(ChainStore, "move", captured):
        began = time.perf_counter()
        rotate(setting.gateway, setting.caller.tenant_id)
        wrapped = rekey(setting.gateway, setting.caller.tenant_id, told=lambda _: floor.write())
        return wrapped, time.perf_counter() - began - floor.away


def main(argv: Sequence[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        setting = open_setting(Path(folder))
        fill(setting, given.rows)
        floor = Floor(floor_of(setting, Path(folder) / "floor.db"), setting.caller.tenant_id)
        wrapped, spent = run(setting, floor)
        chains = key_status(setting.gateway, setting.caller.tenant_id).chains
    if [(one.name, one.rows) for one in chains] != [("2", 0), ("1-2", given.rows)]:
        raise SystemExit("the rotation of the benchmark did not finish")
    figures = {
        "rows": wrapped,
        "rows_per_second": round(wrapped / spent),
        "floor_per_second": round(wrapped / floor.spent),
        "ratio": round(floor.spent / spent, 3),
    }
    if given.json:
        sys.stdout.write(json.dumps(figures) + "\n")
        return
    for name, value in figures.items():
        sys.stdout.write(f"{name:>16}  {value}\n")


if __name__ == "__main__":
    main()
