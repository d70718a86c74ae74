"""HTTP with two workers: batches against the in-process rate, single calls against a bare Flask endpoint.

On a throw-away PostgreSQL (its fsync is off, so the figures compare work, not disks) the store is filled with people
through the flow itself. Then, under the server that `gateway serve` uses: records a second in batches of 500 against
the same flow called in this process; and requests a second of a single-record POST, `/v1/decisions` and
`/v1/profiles/resolve` against a bare Flask JSON endpoint (`benchmarks.bare`), 64 connections each.

    python -m benchmarks.http [--people 1000000] [--seconds 5] [--sqlite]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from benchmarks.ingest import Feed, preload
from benchmarks.setting import Setting, open_setting
from gateway.entrypoints.serve.command import healthy, web_command
from gateway.entrypoints.wire.records import parse_record
from gateway.flows.ingest import ingest
from tests.postgres import Cluster

BATCH = 500
CONNECTIONS = 64
Bodies = Callable[[], bytes]


@contextmanager
def serving(application: str, workers: int, environment: dict[str, str]) -> Iterator[int]:
    """`application` under the gateway's own web server -> its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    serve = web_command("127.0.0.1", port, workers)
    command = [application if part == "gateway.app:create_app" else part for part in serve]
    with subprocess.Popen(command, env={**os.environ, **environment}, stderr=subprocess.DEVNULL) as server:
        try:
            for _ in range(300):
                if listening(port) and (application != "gateway.app:create_app" or healthy("127.0.0.1", port)):
                    break
                time.sleep(0.1)
            yield port
        finally:
            server.terminate()


def listening(port: int) -> bool:
    """Whether somebody takes connections there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def answered(port: int, path: str, api_key: str, bodies: Sequence[bytes], seconds: float) -> float:
    """Requests a second that are answered with success, over all connections, kept open."""
    counts = [0] * CONNECTIONS
    until = time.perf_counter() + seconds

    def call(place: int) -> None:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            for body in bodies[place::CONNECTIONS]:
                if time.perf_counter() > until:
                    return
                head = (
                    f"POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {api_key}\r\n"
                    f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
                )
                connection.sendall(head.encode() + body)
                if not read_answer(connection).startswith(b"HTTP/1.1 20"):
                    raise SystemExit(f"{path} was not answered with success")
                counts[place] += 1

    began = time.perf_counter()
    threads = [threading.Thread(target=call, args=(place,)) for place in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - began)


def read_answer(connection: socket.socket) -> bytes:
    """One whole HTTP answer with a Content-Length."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, rest = data.partition(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    while len(rest) < length:
        rest += connection.recv(65536)
    return head


def in_process(setting: Setting, feed: Feed, seconds: float) -> float:
    """Records a second of the flow called directly, in batches of 500, JSON text included."""
    done, began = 0, time.perf_counter()
    texts = [json.dumps(feed.batch(BATCH)) for _ in range(200)]
    began = time.perf_counter()
    while time.perf_counter() - began < seconds and texts:
        now = setting.gateway.clock.now()
        records = [parse_record(one, at, now) for at, one in enumerate(json.loads(texts.pop()))]
        ingest(setting.gateway, setting.caller, records)
        done += BATCH
    return done / (time.perf_counter() - began)


def measure(people: int, seconds: float, *, sqlite: bool) -> dict[str, float | str]:
    """All figures of one run."""
    with tempfile.TemporaryDirectory() as folder, nullcontext() if sqlite else Cluster.started() as cluster:
        url = cluster.create() if cluster is not None else ""
        setting = open_setting(Path(folder), url)
        feed = Feed(1, setting.gateway.clock.now(), raw=False)
        preload(setting, feed, people * 3)
        workers = 1 if sqlite else 2
        chosen = setting.settings
        environment = {"GATEWAY_HOME": str(chosen.home), "GATEWAY_DATABASE_URL": chosen.database_url}
        direct = in_process(setting, feed, seconds)
        with serving("benchmarks.bare:create_app", workers, environment) as port:
            body = json.dumps({"records": feed.batch(1)}).encode()
            bare = answered(port, "/bare", setting.api_key, [body] * 200_000, seconds)
        figures: dict[str, float | str] = {
            "store": "SQLite" if sqlite else "PostgreSQL",
            "people": people,
            "workers": workers,
            "in_process_records_per_second": round(direct),
            "bare_flask_per_second": round(bare),
        }
        with serving("gateway.app:create_app", workers, environment) as port:
            batches = [json.dumps({"records": feed.batch(BATCH)}).encode() for _ in range(160)]
            rate = answered(port, "/v1/records", setting.api_key, batches, seconds) * BATCH
            figures["http_records_per_second"] = round(rate)
            figures["http_over_in_process"] = round(rate / direct, 2)
            for name, path, bodies in calls(feed):
                rate = answered(port, path, setting.api_key, bodies, seconds)
                figures[f"{name}_per_second"] = round(rate)
                figures[f"{name}_cost_over_bare"] = round(bare / rate, 2)
        setting.gateway.storage.engine.dispose()
    return figures


def calls(feed: Feed) -> list[tuple[str, str, list[bytes]]]:
    """(name, path, bodies) of the single calls."""
    count = 40_000
    draw = random.Random(2)
    known = [feed.identifiers(draw.randrange(feed.people)) for _ in range(count)]
    questions = [{"identifiers": one, "purpose": "identity_resolution", "jurisdiction": "DE"} for one in known]
    return [
        ("single_record", "/v1/records", [json.dumps({"records": feed.batch(1)}).encode() for _ in range(count)]),
        ("decision", "/v1/decisions", [json.dumps({"records": feed.batch(1)}).encode() for _ in range(count)]),
        ("resolve", "/v1/profiles/resolve", [json.dumps(one).encode() for one in questions]),
    ]


def main(argv: Sequence[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--sqlite", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(argv)
    figures = measure(given.people, given.seconds, sqlite=given.sqlite)
    if given.json:
        sys.stdout.write(json.dumps(figures) + "\n")
        return
    for name, value in figures.items():
        sys.stdout.write(f"{name:>30}  {value}\n")


if __name__ == "__main__":
    main()
