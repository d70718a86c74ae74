"""A dump of the database, as an operator makes one, holds nothing that a person said or that could be brute-forced."""

from __future__ import annotations

import re
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.doors.canaries import forms, found
from tests.flows.full_life import EVENT, REFERENCE, live
from tests.postgres_server import PORT, USER, find_programs
from tests.simulator import SimulatedGateway, TenantSimulator, raw

_HEX = re.compile(rb"(?:[0-9A-Fa-f]{2}){8,}")


def dumped(site: SimulatedGateway) -> bytes:
    """The whole database as SQL, by the tool that comes with it."""
    url = site.gateway.storage.engine.url
    if url.get_backend_name() == "sqlite":
        with closing(sqlite3.connect(str(url.database))) as connection:
            return "\n".join(connection.iterdump()).encode()
    programs = find_programs()
    assert programs is not None
    where = ["-h", str(url.query["host"]), "-p", str(PORT), "-U", USER, str(url.database)]
    return subprocess.run([str(programs / "pg_dump"), *where], check=True, capture_output=True).stdout


def readable(dump: bytes) -> bytes:
    """A dump, and behind it all that stands in it as hexadecimal."""
    return b"\n".join([dump, *(bytes.fromhex(one.decode()) for one in _HEX.findall(dump))])


def canaries(tenant: TenantSimulator) -> Iterator[str]:
    """All that people said of themselves: values, ids of records, references."""
    yield from (raw(label).value for label in tenant.labels)
    yield from ("anna-at-the-store", "eve-in-the-app", "public-record", "refused-record", EVENT, REFERENCE)


def test_a_dump_holds_no_value_and_no_digest(site: SimulatedGateway) -> None:
    tenant = site.tenant()
    live(tenant)
    dump = dumped(site)
    assert dump.count(b"INSERT INTO") + dump.count(b"COPY ") > 20
    assert b"identity_resolution" in dump
    assert found(readable(dump), canaries(tenant)) == []


@pytest.mark.parametrize("form", range(sum(1 for _ in forms("anna@shop.example"))))
def test_the_watch_sees_a_canary_in_a_dump(form: int) -> None:
    canary = "anna@shop.example"
    planted = list(forms(canary))[form]
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE kept (value)")
        connection.execute("INSERT INTO kept VALUES (?)", [planted])
        assert found(readable("\n".join(connection.iterdump()).encode()), [canary]) == [canary]
