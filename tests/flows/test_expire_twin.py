"""After expiry the partition equals that of a twin which never had the expired links (issue B, item 3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.flows.admin import system_caller
from gateway.flows.context import Role
from gateway.flows.expire import expire
from gateway.flows.messages import IncomingRecord
from gateway.kernel.clock import DAY, SECOND
from gateway.storage.schema import metadata
from tests.databases import migrate
from tests.simulator import MATCHING, NOW, SimulatedGateway, TenantSimulator

KEPT = {"customer_id": None, "email": 50, "device_id": 40, "cookie": 30, "session_id": 10, "ip": 20}
"""Kind -> days it is kept in these histories."""

LABELS = [f"{kind}:{place}" for kind in KEPT for place in (1, 2, 3)]


@dataclass(frozen=True, slots=True)
class Seen:
    """A record: who sends it, its number, what it asserts, how many days ago it was observed."""

    client: str
    number: int
    labels: tuple[str, ...]
    age: int


@dataclass(frozen=True, slots=True)
class Said:
    """A consent event about one identifier."""

    label: str
    kind: str


History = list[Seen | Said]

_seen = st.builds(
    Seen,
    st.sampled_from(("store", "app", "callcentre", "web", "web")),
    st.integers(0, 12),
    st.lists(st.sampled_from(LABELS), min_size=1, max_size=4, unique=True).map(tuple),
    st.integers(0, 60),
)
_said = st.builds(Said, st.sampled_from(LABELS[:-3]), st.sampled_from(("opt_out", "object", "grant", "restrict")))
histories = st.lists(st.one_of(_seen, _seen, _seen, _said), min_size=1, max_size=20)


@dataclass(frozen=True, slots=True)
class Shelf:
    """A SQLite store for all examples, each with tenants of its own."""

    site: SimulatedGateway

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:  # noqa: ANN401, FBT001 - as hypothesis calls it
        """A failing test shows its history, not everything that is in a gateway."""
        printer.text("shelf")


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    """The store."""
    home = tmp_path_factory.mktemp("expiry")
    url = f"sqlite:///{home / 'gateway.db'}"
    migrate(url)
    with SimulatedGateway.opened(url, home) as opened:
        yield Shelf(opened)


def tenant_of(shelf: Shelf, *, narrow: int) -> TenantSimulator:
    """A tenant whose kinds are kept for a few days, and have limits that few records reach."""
    tenant = shelf.site.anew().tenant()
    kinds = tenant.gateway.policies.kinds
    tenant.limited(
        **{
            kind: replace(kinds[kind], retention_days=days, per_profile=narrow, shared_above=narrow)
            for kind, days in KEPT.items()
        }
    )
    return tenant


def record(tenant: TenantSimulator, place: int, step: Seen, labels: Sequence[str]) -> IncomingRecord:
    """In California, where nobody has to be asked; no two records are observed at the same moment."""
    at = NOW - step.age * DAY - place * SECOND
    return tenant.record(f"r{step.number}", *labels, at=at, jurisdiction="US-CA", consents=[])


def live(tenant: TenantSimulator, history: History) -> None:
    for place, step in enumerate(history):
        tenant.clock.advance(SECOND)
        if isinstance(step, Seen):
            tenant.send(step.client, record(tenant, place, step, step.labels))
        else:
            tenant.state("store", step.kind, step.label, purpose="sale", jurisdiction="US-CA")


def standing(history: History) -> dict[tuple[str, int], tuple[int, Seen]]:
    """Channel and number of a record -> the version in force: the one observed last of those that link anything."""
    found: dict[tuple[str, int], tuple[int, Seen]] = {}
    for place, step in enumerate(history):
        if isinstance(step, Seen) and any(not label.startswith("ip:") for label in step.labels):
            was = found.get((step.client, step.number))
            if was is None or (-step.age, -place) >= (-was[1].age, -was[0]):
                found[step.client, step.number] = place, step
    return found


def expired(history: History, now: int) -> set[str]:
    """Labels that records in force assert, all of them too old."""
    last: dict[str, int] = {}
    for place, step in standing(history).values():
        for label in step.labels:
            last[label] = max(last.get(label, 0), NOW - step.age * DAY - place * SECOND)
    days = {label: KEPT[label.partition(":")[0]] for label in last}
    return {label for label, at in last.items() if (kept := days[label]) is not None and at < now - kept * DAY}


def never_had(tenant: TenantSimulator, history: History, gone: set[str]) -> None:
    """The twin: the same records without what has expired."""
    for place, step in standing(history).values():
        if labels := [label for label in step.labels if label not in gone]:
            tenant.send(step.client, record(tenant, place, step, labels))


def naming(tenant: TenantSimulator, identifiers: set[int]) -> set[str]:
    """Tables in which one of these ids stands."""
    with tenant.reading() as unit:
        return {
            table.name
            for table in metadata.sorted_tables
            if "identifier_id" in table.columns
            for (one,) in unit.session.rows(
                f"SELECT identifier_id FROM {table.name} WHERE tenant_id = ?",  # noqa: S608 - from the schema
                [tenant.tenant_id],
            )
            if one in identifiers
        }


def check(shelf: Shelf, history: History, narrow: int) -> None:
    one, twin = tenant_of(shelf, narrow=narrow), tenant_of(shelf, narrow=narrow)
    live(one, history)
    gone = expired(history, one.clock.now())
    with one.reading() as unit:
        ids = one.ids(unit)
    restricted = {label for label in ids if one.ledger(label, "sale") in {"opt_out", "object", "restrict"}}
    expire(one.gateway, system_caller(one.gateway, one.tenant_id, Role.DPO))
    one.verify()
    never_had(twin, history, gone)
    twin.verify()
    assert one.partition() == twin.partition()
    assert one.counted("demotion") == twin.counted("demotion")
    assert naming(one, {ids[label] for label in gone - restricted if label in ids}) == set()
    assert naming(one, {ids[label] for label in gone & restricted}) <= {"pseudonym", "ledger"}
    assert gone & restricted <= one.known()
    assert {label for label in restricted if one.ledger(label, "sale") in {"opt_out", "object", "restrict"}} == {
        label for label in restricted if label in one.known()
    }


@settings(max_examples=60)
@given(history=histories, narrow=st.sampled_from((1, 2, 50)))
def test_the_partition_is_that_of_a_twin_without_the_expired_links(shelf: Shelf, history: History, narrow: int) -> None:
    check(shelf, history, narrow)


@pytest.mark.fuzz
@settings(max_examples=1_000)
@given(history=histories, narrow=st.sampled_from((1, 2, 3, 50)))
def test_many_twins(shelf: Shelf, history: History, narrow: int) -> None:
    check(shelf, history, narrow)


def test_these_histories_do_expire(shelf: Shelf) -> None:
    """What the property says is said of something."""
    tenant = tenant_of(shelf, narrow=50)
    history: History = [Seen("store", 1, ("email:1", "session_id:1"), 11), Seen("app", 1, ("session_id:1",), 12)]
    live(tenant, history)
    assert expired(history, tenant.clock.now()) == {"session_id:1"}
    assert tenant.partition(MATCHING) == {frozenset({"email:1", "session_id:1"})}
    expire(tenant.gateway, system_caller(tenant.gateway, tenant.tenant_id, Role.DPO))
    assert tenant.partition(MATCHING) == {frozenset({"email:1"})}
