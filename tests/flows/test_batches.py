"""A batch is a fixed number of statements, and what another connection commits meanwhile is not overlooked."""

from __future__ import annotations

import sqlite3
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from types import CodeType, FrameType

import psycopg
import pytest
from sqlalchemy.engine import make_url

from gateway.flows.messages import ConsentAssertion, IncomingRecord
from gateway.flows.steps.entries import Scribe
from gateway.flows.steps.hear import Event
from gateway.flows.steps.record import write_events
from gateway.kernel.clock import HOUR
from gateway.kernel.errors import Unavailable
from tests.flows.rigs import store_of
from tests.simulator import MATCHING, NOW, SimulatedGateway, TenantSimulator, grant

KEPT_NODE = 1
"""Every 256 entries the log keeps a node of its tree, by a statement of its own."""

_EXECUTE = {"execute", "executemany"}


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Count the calls to the database drivers: `executemany` is one, however many rows it takes."""
    calls: Counter[str] = Counter()

    def is_psycopg(code: CodeType) -> bool:
        return code.co_name in _EXECUTE and code.co_filename.endswith("psycopg/cursor.py")

    def watch(frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and is_psycopg(frame.f_code):
            calls["psycopg"] += 1
        elif event == "c_call" and isinstance(getattr(argument, "__self__", None), sqlite3.Cursor):
            calls["sqlite3"] += getattr(argument, "__name__", "") in _EXECUTE

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        yield calls
    finally:
        sys.setprofile(before)


def mixed(simulator: TenantSimulator, run: int, size: int, code: str) -> list[IncomingRecord]:
    """New people, returning ones, merges, refusals, opt-outs and newer versions, a tenth or more of each."""
    records = []
    for place in range(size):
        person, kind = place // 10, place % 10
        name = f"{run}-{person}"
        labels: tuple[str, ...]
        match kind:
            case 0 | 1:
                labels = (f"email:{name}", f"cookie:{name}-{kind}")
            case 2 | 3:
                labels = (f"customer_id:{name}", f"device_id:{name}-{kind}")
            case 4:
                labels = (f"email:{name}", f"customer_id:{name}")
            case _:
                labels = (f"email:{name}", f"loyalty_id:{name}-{kind}")
        consents = [] if kind == 5 else [grant()]
        if kind == 6:
            labels = (f"account_id:{name}",)
            consents = [ConsentAssertion("opt_out", MATCHING, NOW - HOUR)]
        records.append(
            simulator.record(f"r-{name}-{kind}", *labels, jurisdiction=code, consents=consents, at=NOW - HOUR - place)
        )
    return records


def statements(simulator: TenantSimulator, client: str, records: list[IncomingRecord]) -> int:
    """How many statements this batch takes."""
    with counted() as calls:
        simulator.send(client, *records)
    return calls.total()


@pytest.mark.parametrize(("client", "code"), [("store", "DE"), ("web", "US-CA")])
def test_a_batch_of_500_takes_no_more_statements_than_one_of_10(
    simulator: TenantSimulator, client: str, code: str
) -> None:
    simulator.send("store", *mixed(simulator, 0, 10, code))
    small = statements(simulator, client, mixed(simulator, 1, 10, code))
    assert 10 < small < 60
    assert statements(simulator, client, mixed(simulator, 2, 500, code)) <= small + KEPT_NODE


def test_nor_when_all_of_them_are_replaced(simulator: TenantSimulator) -> None:
    def sent(run: int, size: int) -> int:
        first = [simulator.record(f"r-{run}-{one}", f"email:{run}-{one}", f"cookie:{run}") for one in range(size)]
        simulator.send("store", *first)
        newer = [replace(one, observed_at=one.observed_at + 1, identifiers=one.identifiers[:1]) for one in first]
        return statements(simulator, "store", newer)

    shared = replace(simulator.gateway.policies.kinds["cookie"], shared_above=10**6, per_profile=10**6)
    simulator.limited(cookie=shared, email=replace(simulator.gateway.policies.kinds["email"], per_profile=10**6))
    assert sent(2, 200) <= sent(1, 10) + KEPT_NODE


def test_nor_when_what_many_share_is_shared_no_longer(simulator: TenantSimulator) -> None:
    def sent(run: int, size: int) -> int:
        records = [
            simulator.record(f"r-{run}-{one}-{place}", f"email:{run}-{one}-{place}", f"cookie:{run}-{one}")
            for one in range(size)
            for place in range(3)
        ]
        simulator.send("store", *records)
        before = len(simulator.partition())
        newer = [replace(one, observed_at=one.observed_at + 1, identifiers=one.identifiers[:1]) for one in records[::3]]
        count = statements(simulator, "store", newer)
        assert len(simulator.partition()) == before - size
        return count

    simulator.limited(cookie=replace(simulator.gateway.policies.kinds["cookie"], shared_above=2))
    assert sent(2, 60) <= sent(1, 3) + KEPT_NODE


class InterruptedClock:
    """A clock that, asked for the time, first lets something else happen; ingest asks while it reads the store."""

    def __init__(self, now: int, meanwhile: Callable[[], None], times: int = 1) -> None:
        self._now = now
        self._meanwhile = meanwhile
        self._left = times

    def now(self) -> int:
        """Milliseconds since the epoch."""
        if self._left:
            self._left -= 1
            self._meanwhile()
        return self._now


def interrupted(simulator: TenantSimulator, meanwhile: Callable[[], None], times: int = 1) -> TenantSimulator:
    """The same tenant, sent to while something else happens."""
    clock = InterruptedClock(simulator.clock.now(), meanwhile, times)
    return replace(simulator, gateway=replace(simulator.gateway, clock=clock))


def withdraw(simulator: TenantSimulator, label: str, at: int) -> None:
    """Commit a withdrawal from another connection that does not wait for the partition lock."""
    gateway, caller = simulator.gateway, simulator.callers["store"]
    with gateway.storage.begin(simulator.tenant_id, write=True, partition=False) as unit:
        number = simulator.ids(unit)[label]
        said = Event(ConsentAssertion("withdraw", MATCHING, at), (number,), ("gdpr",), verified=True, derived=False)
        entry = Scribe.of(caller, gateway.policies.digest, at).consent(said)
        base = unit.log.append([entry], restrictions=1)
        write_events(unit, caller, [said], base, at)
        unit.commit()


@pytest.fixture
def postgres(postgres_site: SimulatedGateway) -> Iterator[TenantSimulator]:
    """Anna is known by her phone, and has agreed by e-mail; a record that would link the two comes next."""
    tenant = postgres_site.tenant()
    tenant.send("store", tenant.record("r0", "phone:1"))
    tenant.state("store", "grant", "email:anna", at=NOW - HOUR)
    yield tenant
    tenant.verify()


def linking(simulator: TenantSimulator) -> IncomingRecord:
    """The record that would link them; it brings no consent of its own."""
    return simulator.record("r1", "email:anna", "phone:1", consents=[])


def test_a_withdrawal_committed_meanwhile_refuses_the_merge(postgres: TenantSimulator) -> None:
    busy = interrupted(postgres, lambda: withdraw(postgres, "email:anna", NOW))
    (result,) = busy.send("store", linking(postgres))
    assert result.outcome == "refused"
    assert result.decision is not None
    assert result.decision.reason == "withdrawn"
    assert postgres.partition() == {frozenset({"phone:1"})}


def test_consents_that_keep_changing_end_in_a_refusal_to_decide(postgres: TenantSimulator) -> None:
    times = iter(range(100))
    busy = interrupted(postgres, lambda: withdraw(postgres, "email:anna", NOW + next(times)), times=100)
    with pytest.raises(Unavailable, match="keep changing"):
        busy.send("store", linking(postgres))
    assert postgres.partition() == {frozenset({"phone:1"})}


def test_a_withdrawal_by_its_own_flow_waits_and_then_splits(postgres: TenantSimulator) -> None:
    retracted: list[int] = []

    def state() -> None:
        retracted.append(postgres.state("app", "withdraw", "email:anna").links_retracted)

    writer = threading.Thread(target=state)

    def meanwhile() -> None:
        writer.start()
        wait_for_a_waiting_lock(postgres)

    (result,) = interrupted(postgres, meanwhile).send("store", linking(postgres))
    writer.join()
    assert (result.outcome, retracted) == ("linked", [1])
    assert postgres.partition() == {frozenset({"phone:1"})}


def wait_for_a_waiting_lock(simulator: TenantSimulator) -> None:
    """Return when another connection waits for the tenant's partition lock."""
    url = make_url(simulator.gateway.storage.engine.url).set(drivername="postgresql").render_as_string()
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = %s"
    with psycopg.connect(url, autocommit=True) as connection:
        while connection.execute(waiting, [simulator.tenant_id]).fetchone() == (0,):
            pass


def test_on_sqlite_nobody_writes_meanwhile(sqlite_site: SimulatedGateway) -> None:
    tenant = sqlite_site.tenant()
    refused: list[str] = []

    def meanwhile() -> None:
        with closing(sqlite3.connect(store_of(tenant.gateway), timeout=0, isolation_level=None)) as other:
            try:
                other.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                refused.append(str(error))

    assert interrupted(tenant, meanwhile).outcomes("store", tenant.record("r1", "email:anna")) == ["created"]
    assert refused == ["database is locked"]
    tenant.verify()
