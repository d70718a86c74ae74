"""No journey looks a profile up that no decision permits: each is run while every law refuses everything.

The store has profiles, made under the shipped policies. What the journeys ask it is read from SQLite's own trace.
"""

from __future__ import annotations

import pkgutil
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import event

import gateway.flows
from gateway.flows import admin, audit, maintenance, notices, rotate_keys
from gateway.flows.changes import changes
from gateway.flows.consent_receipt import consent_receipt
from gateway.flows.context import Caller, Role
from gateway.flows.decide import decide_records
from gateway.flows.expire import expire
from gateway.flows.forget_unpermitted import forget_unpermitted
from gateway.flows.fsck import fsck
from gateway.flows.import_consent import Import, run_import
from gateway.flows.messages import IncomingRecord
from gateway.flows.preview_consent import preview_consent
from gateway.flows.reevaluate import reevaluate
from gateway.flows.replay import replay
from gateway.flows.replay_decision import replay_decision
from gateway.flows.requests import ConsentEventInput, ReceiptRequest
from gateway.flows.simulate import simulate
from gateway.kernel.ids import encode
from gateway.policy.model import PolicySet, Regime
from tests.databases import migrate
from tests.notices import shown
from tests.rights_simulator import Office, asked, look_up
from tests.simulator import SimulatedGateway, TenantSimulator, grant, raw

LOOK_UP: Final = re.compile(r"\b(?:FROM|JOIN|UPDATE|INTO)\s+\"?(?:membership|profile)\"?\b", re.IGNORECASE)
PEOPLE: Final = ("anna", "bob", "carl")


def refusing(policies: PolicySet) -> PolicySet:
    """The same set, but that no law permits anything on any basis."""

    def never(law: Regime) -> Regime:
        consent = {
            purpose: tuple(replace(one, default="deny", legal_bases=frozenset(), age_gates=()) for one in rules)
            for purpose, rules in law.consent.items()
        }
        return replace(law, consent=consent)

    regimes = {name: never(law) for name, law in policies.regimes.items()}
    return replace(policies, regimes=regimes, digest="sha256:" + "0" * 64)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedGateway]:
    """A gateway whose store these tests share, each with a tenant of its own."""
    home: Path = tmp_path_factory.mktemp("deny")
    url = f"sqlite:///{home / 'gateway.db'}"
    migrate(url)
    with SimulatedGateway.opened(url, home) as opened:
        yield opened


@pytest.fixture
def office(site: SimulatedGateway) -> Office:
    """A tenant with profiles and an officer, under a set that refuses everything from now on."""
    tenant = site.anew().tenant()
    for name in PEOPLE:
        tenant.send("store", *records(tenant, name))
    assert len(tenant.partition()) == len(PEOPLE)
    assert look_up(tenant, "store", "email:anna").identifiers
    tenant.gateway = replace(tenant.gateway, policies=refusing(tenant.gateway.policies))
    return Office.of(tenant)


def records(tenant: TenantSimulator, name: str) -> list[IncomingRecord]:
    """Two records of one person, who consents and lives in two countries."""
    first = tenant.record(f"{name}-1", f"email:{name}", f"customer_id:{name}", consents=[grant(), grant("sale")])
    return [first, tenant.record(f"{name}-2", f"email:{name}", f"cookie:{name}", jurisdiction="US-CA")]


@contextmanager
def statements(tenant: TenantSimulator) -> Iterator[list[str]]:
    """What is asked of the store inside the block, as SQLite runs it."""
    asked_of_it: list[str] = []

    def trace(connection: sqlite3.Connection, *_: object) -> None:
        connection.set_trace_callback(asked_of_it.append)

    def quiet(connection: sqlite3.Connection, *_: object) -> None:
        connection.set_trace_callback(None)

    engine = tenant.gateway.storage.engine
    event.listen(engine, "checkout", trace)
    event.listen(engine, "checkin", quiet)
    try:
        yield asked_of_it
    finally:
        event.remove(engine, "checkout", trace)
        event.remove(engine, "checkin", quiet)


def _system(tenant: TenantSimulator) -> Caller:
    return admin.system_caller(tenant.gateway, tenant.tenant_id, Role.ADMIN)


def _events() -> list[ConsentEventInput]:
    """Everybody consents to matching, anew."""
    return [ConsentEventInput((raw(f"email:{name}"), raw(f"cookie:{name}")), shown(grant()), "DE") for name in PEOPLE]


def _ingest(office: Office) -> None:
    """Of somebody known and of somebody new, for both graphs, by a trusted and by a public client."""
    tenant = office.tenant
    sent = [*records(tenant, "anna"), tenant.record("bob-3", "email:bob", "phone:7"), *records(tenant, "new")]
    sent += [replace(one, purpose="fraud_prevention", record_id=f"{one.record_id}-f") for one in sent]
    again = [replace(one, record_id=f"{one.record_id}-again") for one in sent]
    for client in ("store", "web"):
        assert set(tenant.outcomes(client, *again)) == {"refused"}


def _decide(office: Office) -> None:
    tenant = office.tenant
    sent = [replace(one, record_id=f"{one.record_id}-asked") for one in records(tenant, "anna")]
    results = decide_records(tenant.gateway, tenant.callers["store"], sent)
    assert {result.outcome for result in results} == {"refused"}


def _resolve(office: Office) -> None:
    tenant = office.tenant
    for purpose in tenant.gateway.policies.purposes:
        for code in ("DE", "US-CA", None):
            assert not look_up(tenant, "store", "email:anna", purpose=purpose, jurisdiction=code).permitted


def _record_consent(office: Office) -> None:
    for said in (grant(), grant("sale"), replace(grant(), kind="opt_in"), replace(grant(), kind="unrestrict")):
        result = office.tenant.state_all("store", replace(said, occurred_at=said.occurred_at + 1), "email:anna")
        assert result.outcome == "recorded"


def _preview(office: Office) -> None:
    tenant = office.tenant
    assert preview_consent(tenant.gateway, tenant.callers["store"], _events()).widened == {}


def _import(office: Office) -> None:
    """One that widens nobody, for nothing is permitted: it needs no approval."""
    tenant = office.tenant
    (results,) = run_import(tenant.gateway, tenant.callers["store"], Import(_events(), bytes(32)))
    assert {result.outcome for result in results} <= {"recorded", "known"}


def _receipt(office: Office) -> None:
    assert consent_receipt(office.tenant.gateway, office.officer, ReceiptRequest((raw("email:anna"),), None))


def _query(office: Office) -> None:
    for purpose in office.tenant.gateway.policies.purposes:
        assert not asked(office.tenant, "store", "email:anna", purpose=purpose).permitted


def _replay_decision(office: Office) -> None:
    """One that was made before: the set of its time is read by its digest."""
    tenant = office.tenant
    with tenant.reading() as unit:
        sql = "SELECT batch_id, place FROM decision WHERE tenant_id = ? LIMIT 1"
        ((batch, place),) = unit.session.rows(sql, [tenant.tenant_id])
    decision = f"{encode('dec', batch)}.{place}"
    assert replay_decision(tenant.gateway, office.officer, decision).logged["permitted"]


def _admin(office: Office) -> None:
    tenant = office.tenant
    admin.list_clients(tenant.gateway, tenant.tenant_id)
    admin.activate_policies(tenant.gateway, tenant.tenant_id)


def _audit(office: Office) -> None:
    audit.checkpoint(office.tenant.gateway, office.tenant.tenant_id)
    audit.entries(office.tenant.gateway, _system(office.tenant), 0, 5)


def _rotate(office: Office) -> None:
    gateway_, tenant_id = office.tenant.gateway, office.tenant.tenant_id
    rotate_keys.rotate(gateway_, tenant_id)
    rotate_keys.key_status(gateway_, tenant_id)


QUIET: Mapping[str, Callable[[Office], object]] = {
    "ingest": _ingest,
    "decide": _decide,
    "resolve": _resolve,
    "record_consent": _record_consent,
    "preview_consent": _preview,
    "import_consent": _import,
    "consent_receipt": _receipt,
    "query_consent": _query,
    "replay_decision": _replay_decision,
    "admin": _admin,
    "audit": _audit,
    "maintenance": lambda office: maintenance.sweep(office.tenant.gateway, office.tenant.tenant_id),
    "notices": lambda office: notices.list_notices(office.tenant.gateway, _system(office.tenant)),
    "rotate_keys": _rotate,
}
"""Journeys that match, disclose, or have nothing to do with profiles: refused everything, they look up none."""


def _changes(office: Office) -> None:
    for caller in (office.officer, office.tenant.callers["store"]):
        changes(office.tenant.gateway, caller, -1, 50)


def _simulate(office: Office) -> None:
    policies = office.tenant.gateway.policies
    simulate(office.tenant.gateway, office.officer, policies, policies)


WALKING: Mapping[str, tuple[str, Callable[[Office], object]]] = {
    "changes": ("tells clients what became of profiles they were given", _changes),
    "reevaluate": (
        "takes apart what nothing permits any more",
        lambda office: reevaluate(office.tenant.gateway, office.officer, dry_run=False),
    ),
    "simulate": ("counts the profiles that a set would change", _simulate),
    "fsck": ("holds the whole partition against the log", lambda office: fsck(office.tenant.gateway, _tenant(office))),
    "expire": (
        "takes what is too old out of its profile",
        lambda office: expire(office.tenant.gateway, office.officer, dry_run=False),
    ),
    "forget_unpermitted": (
        "deletes what nothing permits, with its history",
        lambda office: forget_unpermitted(office.tenant.gateway, office.officer, dry_run=False),
    ),
    "replay": (
        "carries out erasures and restrictions again",
        lambda office: replay(office.tenant.gateway, office.officer),
    ),
    "export": ("gives the person what is held of them", lambda office: office.complete("access", "email:carl")),
    "restrict": ("a restriction binds the whole profile", lambda office: office.complete("opt_out", "email:bob")),
    "erase": ("an erasure reaches the whole profile", lambda office: office.complete("erasure", "email:carl")),
}
"""Journeys that by their nature walk profiles, and why: none of them may link anybody."""

BESIDE: Mapping[str, str] = {
    "rights": "steps of requests: run above",
    "run_rights": "starts the three that carry requests out: run above",
    "backup": "copies and restores whole stores",
    "readiness": "asks whether parts answer, on behalf of nobody",
    "context": "no journey: what each is given",
    "messages": "no journey: what goes in and out",
    "requests": "no journey: what goes in",
    "views": "no journey: what comes out",
    "outward": "no journey: ids for profiles that one has found",
}


def _tenant(office: Office) -> int:
    return office.tenant.tenant_id


def test_every_journey_is_here() -> None:
    modules = {one.name for one in pkgutil.iter_modules(gateway.flows.__path__) if not one.ispkg}
    listed = [*QUIET, *WALKING, *BESIDE]
    assert sorted(listed) == sorted(modules)


def test_the_trace_shows_look_ups(office: Office) -> None:
    """What the other tests do not find, this one does: a person's restriction is written on their whole profile."""
    with statements(office.tenant) as seen:
        office.tenant.state("store", "object", "email:anna", purpose="analytics")
    assert [one for one in seen if LOOK_UP.search(one)]


@pytest.mark.parametrize("journey", QUIET)
def test_without_a_permit_no_profile_is_looked_up(office: Office, journey: str) -> None:
    with statements(office.tenant) as seen:
        QUIET[journey](office)
    assert seen
    assert [one for one in seen if LOOK_UP.search(one)] == []


@pytest.mark.parametrize("journey", WALKING)
def test_what_walks_profiles_links_nobody(office: Office, journey: str) -> None:
    _, run = WALKING[journey]
    before = office.tenant.partition()
    run(office)
    assert [group for group in office.tenant.partition() if not any(group <= one for one in before)] == []
