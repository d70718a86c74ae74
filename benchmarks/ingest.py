"""Ingest against its floor: how much the gateway costs over writing the same rows.

Records of three identifiers (e-mail, phone, cookie; 20 % new people, the rest returning) in batches of 1,000 go from
parsed JSON through the whole flow into SQLite with synchronous=FULL, in one process. After each batch the very rows
it wrote are written by plain `executemany`, in one transaction too, into a second database: that is the floor. Both
are timed in turn, so noise of the machine hits both. Printed: records a second, the ratio, and peak memory.

    python -m benchmarks.ingest [--records 200000] [--raw] [--preload 3000000]
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import random
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sqlalchemy import Table

from benchmarks.setting import NOTICE, Setting, open_setting
from gateway.entrypoints.wire.records import parse_record
from gateway.flows.ingest import ingest
from gateway.kernel.clock import format_instant
from gateway.policy.model import DEVICE_ACCESS
from gateway.storage.session import Session

NEW_SHARE = 0.2
ASKED_FOR = ("identity_resolution", DEVICE_ACCESS)
Rows = list[tuple[Table, list[Any]]]


class Feed:
    """Wire records of a growing population, the same for a seed."""

    def __init__(self, seed: int, now: int, *, raw: bool) -> None:
        self._random = random.Random(seed)
        self._now = now
        self._raw = raw
        self._sent = 0
        self.people = 0

    def batch(self, size: int) -> list[dict[str, object]]:
        """The next `size` records."""
        return [self._record() for _ in range(size)]

    def newcomer(self) -> dict[str, object]:
        """A record of a new person."""
        return self._record_of(self.people, new=True)

    def _record(self) -> dict[str, object]:
        new = self.people == 0 or self._random.random() < NEW_SHARE
        return self._record_of(self.people if new else self._random.randrange(self.people), new=new)

    def _record_of(self, person: int, *, new: bool) -> dict[str, object]:
        self.people += new
        self._sent += 1
        record: dict[str, object] = {
            "record_id": f"r{self._sent}",
            "observed_at": format_instant(self._now - 10_000_000 + self._sent),
            "identifiers": self.identifiers(person),
            "jurisdiction": "DE",
        }
        if new:
            stated = format_instant(self._now - 10_000_000)
            record["consents"] = [
                {"kind": "grant", "purpose": purpose, "occurred_at": stated, "notice": NOTICE} for purpose in ASKED_FOR
            ]
        return record

    def identifiers(self, person: int) -> list[dict[str, object]]:
        """The three identifiers of a person, as this feed sends them."""
        cookie: dict[str, object] = {"kind": "cookie", "value": f"c-{person:012x}"}
        email, phone = f"person{person}@mail.example", f"+4930{23_000_000 + person}"
        if self._raw:
            return [{"kind": "email", "value": email}, {"kind": "phone", "value": phone}, cookie]
        return [
            {"kind": "email", "sha256": _digest(email), "profile": "uid2"},
            {"kind": "phone", "sha256": _digest(phone), "profile": "uid2"},
            cookie,
        ]


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@contextmanager
def captured() -> Iterator[Rows]:
    """Every row the gateway inserts while this is open."""
    rows: Rows = []
    insert = Session.insert

    def capture(self: Session, table: Table, values: Sequence[Sequence[object]]) -> None:
        rows.append((table, list(values)))
        insert(self, table, values)

    with patch.object(Session, "insert", capture):
        yield rows


def floor_of(setting: Setting, path: Path) -> sqlite3.Connection:
    """A database with the gateway's tables and settings, for plain writing."""
    source = sqlite3.connect(setting.database)
    target = sqlite3.connect(path, isolation_level=None)
    source.backup(target)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-131072"):
        target.execute(f"PRAGMA {pragma}")
    for (name,) in target.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        target.execute(f'DROP TRIGGER "{name}"')
    return target


def write_floor(connection: sqlite3.Connection, rows: Rows) -> float:
    """The rows of one batch by plain executemany -> seconds."""
    began = time.perf_counter()
    connection.execute("BEGIN IMMEDIATE")
    for table, values in rows:
        if values:
            marks = ",".join("?" * len(table.columns))
            connection.executemany(f'INSERT OR REPLACE INTO "{table.name}" VALUES ({marks})', values)  # noqa: S608 - names come from the schema
    connection.execute("COMMIT")
    return time.perf_counter() - began


def run(setting: Setting, feed: Feed, records: int, size: int, floor: sqlite3.Connection | None) -> tuple[float, float]:
    """Ingest `records` in batches of `size` -> seconds of the gateway, seconds of the floor."""
    spent = spent_floor = 0.0
    with captured() as rows:
        for _ in range(records // size):
            batch = feed.batch(size)
            rows.clear()
            began = time.perf_counter()
            now = setting.gateway.clock.now()
            results = ingest(
                setting.gateway, setting.caller, [parse_record(one, at, now) for at, one in enumerate(batch)]
            )
            spent += time.perf_counter() - began
            if any(one.outcome not in ("created", "linked") for one in results):
                raise SystemExit("a record of the benchmark was not taken")
            if floor is not None:
                spent_floor += write_floor(floor, rows)
    return spent, spent_floor


def main(argv: Sequence[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--batch", type=int, default=1_000)
    parser.add_argument("--raw", action="store_true")
    parser.add_argument("--preload", type=int, default=0, help="identifiers in the store before the clock starts")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        setting = open_setting(Path(folder))
        feed = Feed(1, setting.gateway.clock.now(), raw=given.raw)
        if given.preload:
            preload(setting, feed, given.preload)
        floor = floor_of(setting, Path(folder) / "floor.db")
        spent, spent_floor = run(setting, feed, given.records, given.batch, floor)
    figures = {
        "input": "raw" if given.raw else "pre-hashed",
        "records": given.records,
        "identifiers_before": given.preload,
        "records_per_second": round(given.records / spent),
        "floor_per_second": round(given.records / spent_floor),
        "ratio": round(spent_floor / spent, 3),
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    if given.json:
        sys.stdout.write(json.dumps(figures) + "\n")
    else:
        for name, value in figures.items():
            sys.stdout.write(f"{name:>20}  {value}\n")


def preload(setting: Setting, feed: Feed, identifiers: int) -> None:
    """Fill the store through the flow itself, with new people only, in large batches."""
    people = identifiers // 3
    while feed.people < people:
        batch = [feed.newcomer() for _ in range(min(10_000, people - feed.people))]
        now = setting.gateway.clock.now()
        ingest(setting.gateway, setting.caller, [parse_record(one, at, now) for at, one in enumerate(batch)])


if __name__ == "__main__":
    main()
