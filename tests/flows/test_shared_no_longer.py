"""An identifier that several people shared speaks for its records again when they share it no longer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.flows.messages import ConsentAssertion, IncomingRecord
from gateway.kernel.clock import HOUR
from tests.rights_simulator import Office, asked
from tests.simulator import NOW, TenantSimulator, check_restrictions

BOTH = {frozenset({"email:2"}), frozenset({"email:3"})}


@pytest.fixture
def shared(simulator: TenantSimulator) -> TenantSimulator:
    """Two people in California, and a cookie that both were seen with: it links nobody, and says nothing for them."""
    simulator.limited(cookie=replace(simulator.gateway.policies.kinds["cookie"], shared_above=1))
    simulator.send("store", seen(simulator, "r2", "cookie:d", "email:3"), seen(simulator, "r3", "cookie:d", "email:2"))
    assert simulator.partition() == BOTH
    return simulator


def seen(
    simulator: TenantSimulator, name: str, *labels: str, at: int = NOW - HOUR, says: ConsentAssertion | None = None
) -> IncomingRecord:
    return simulator.record(name, *labels, at=at, jurisdiction="US-CA", consents=[says] if says else [])


def object_by_cookie(simulator: TenantSimulator) -> None:
    """Somebody objects to everything, known by the cookie alone: nobody's records may go by it."""
    assert simulator.state("store", "object", "cookie:d", purpose="*").links_retracted == 0
    assert simulator.partition() == BOTH


def check_gone(simulator: TenantSimulator, left: set[frozenset[str]]) -> None:
    assert simulator.partition() == left
    with simulator.reading() as unit:
        check_restrictions(unit, "core", simulator.gateway.policies)


def test_a_refused_record_that_tightens_one_of_them(shared: TenantSimulator) -> None:
    """What it states lands on cookie and e-mail; by the e-mail the one record goes, by the cookie then the other."""
    objection = ConsentAssertion("object", "*", NOW - 5)
    assert shared.outcomes("store", seen(shared, "r1", "email:2", "cookie:d", says=objection)) == ["refused"]
    check_gone(shared, set())


def test_a_statement_that_tightens_one_of_them(shared: TenantSimulator) -> None:
    object_by_cookie(shared)
    assert shared.state("store", "opt_out", "email:2").links_retracted == 1
    check_gone(shared, set())


def test_a_newer_record_without_it(shared: TenantSimulator) -> None:
    object_by_cookie(shared)
    assert shared.outcomes("store", seen(shared, "r3", "email:2", at=NOW - 1)) == ["linked"]
    check_gone(shared, {frozenset({"email:2"})})


def test_a_new_record_of_the_same_batch_is_refused_too(shared: TenantSimulator) -> None:
    object_by_cookie(shared)
    batch = [seen(shared, "r3", "email:2", at=NOW - 1), seen(shared, "r4", "email:3", "cookie:d")]
    assert shared.outcomes("store", *batch)[1] == "refused"
    check_gone(shared, {frozenset({"email:2"})})


def test_the_erasure_of_one_of_them(shared: TenantSimulator) -> None:
    object_by_cookie(shared)
    Office.of(shared).complete("erasure", "email:2")
    check_gone(shared, set())


def test_without_a_refusal_everybody_stays(shared: TenantSimulator) -> None:
    shared.send("store", seen(shared, "r3", "email:2", at=NOW - 1))
    check_gone(shared, {frozenset({"email:2"}), frozenset({"email:3", "cookie:d"})})


def test_a_query_permits_nothing_by_what_is_shared(simulator: TenantSimulator) -> None:
    simulator.state("store", "grant", "phone:1")
    assert asked(simulator, "store", "phone:1").permitted
    for place in range(8):
        simulator.send("store", simulator.record(f"r{place}", f"email:a{place}", "phone:1"))
    assert not asked(simulator, "store", "phone:1").permitted
    simulator.state("store", "grant", "email:a1")
    assert asked(simulator, "store", "phone:1", "email:a1").permitted
