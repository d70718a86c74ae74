"""Minors: what says that somebody is one, where it stands, and what it takes until they act themselves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.consent.ledger import under
from gateway.consent.model import EventKind, Fact
from gateway.flows.messages import ConsentAssertion, IncomingRecord
from gateway.flows.replay import replay
from gateway.kernel.clock import DAY, parse_instant
from tests.rights_simulator import Office, asked, put_back_afterwards
from tests.simulator import NOW, SimulatedGateway, TenantSimulator, grant

SALE = "sale"
BORN = "2011-12-01"
SIXTEEN = parse_instant("2027-12-01T00:00:00Z")


def of_age(record: IncomingRecord, born: str = BORN) -> IncomingRecord:
    """The record with a date of birth."""
    return replace(record, attributes={"date_of_birth": born})


def ages(tenant: TenantSimulator) -> dict[str, tuple[str, int | None]]:
    """Identifiers of minors -> which age they are under, and until when."""
    with tenant.reading() as unit:
        ids = tenant.ids(unit)
        found: list[Fact] = [fact for fact in unit.ledger.facts(ids.values()) if fact.kind == EventKind.MINOR]
    labels = {number: label for label, number in ids.items()}
    return {labels[fact.identifier_id]: (fact.basis, fact.expires_at) for fact in found}


def sale_of(tenant: TenantSimulator, label: str) -> tuple[bool, str]:
    """Whether data of this Californian may be sold, and why."""
    state = asked(tenant, "store", label, purpose=SALE, jurisdiction="US-CA")
    return state.permitted, state.reason


def californian(tenant: TenantSimulator, name: str, *labels: str, consents: tuple[ConsentAssertion, ...] = ()) -> None:
    """Send the record of a minor in California."""
    tenant.send("store", of_age(tenant.record(name, *labels, jurisdiction="US-CA", consents=consents)))


def test_the_sale_of_a_minors_data_needs_an_opt_in(simulator: TenantSimulator) -> None:
    """Civ. Code 1798.120(c): from 13 to 15 their own."""
    californian(simulator, "r1", "email:anna")
    assert ages(simulator) == {"email:anna": (under(16), SIXTEEN)}
    assert sale_of(simulator, "email:anna") == (False, "minor")
    californian(simulator, "r2", "email:anna", consents=(replace(grant(SALE), kind="opt_in"),))
    assert sale_of(simulator, "email:anna") == (True, "granted")


def test_an_adult_needs_none_and_nothing_is_kept_of_their_age(simulator: TenantSimulator) -> None:
    record = simulator.record("r1", "email:anna", jurisdiction="US-CA", consents=())
    simulator.send("store", of_age(record, "1980-01-01"))
    assert sale_of(simulator, "email:anna") == (True, "not_opted_out")
    assert simulator.counted("ledger") == 0


def test_a_birthday_permits_nothing_by_itself(simulator: TenantSimulator) -> None:
    californian(simulator, "r1", "email:anna")
    simulator.clock.advance(SIXTEEN - NOW)
    assert sale_of(simulator, "email:anna") == (False, "no_consent")
    simulator.state("store", "opt_in", "email:anna", purpose=SALE, jurisdiction="US-CA")
    simulator.clock.advance(1)
    assert sale_of(simulator, "email:anna") == (True, "granted")


def test_it_stands_on_the_whole_profile_and_on_what_is_linked_later(simulator: TenantSimulator) -> None:
    simulator.send("store", simulator.record("r1", "email:anna", "phone:1", jurisdiction="US-CA", consents=()))
    californian(simulator, "r2", "phone:1", "household_id:h")
    simulator.send("store", simulator.record("r3", "email:anna", "cookie:c", jurisdiction="US-CA", consents=()))
    assert ages(simulator) == dict.fromkeys(("email:anna", "phone:1", "cookie:c"), (under(16), SIXTEEN))
    assert sale_of(simulator, "cookie:c") == (False, "minor")


def test_under_the_gdpr_a_minor_is_linked_by_their_parents_consent_alone(simulator: TenantSimulator) -> None:
    """GDPR Art. 8(1)."""
    assert simulator.outcomes("store", of_age(simulator.record("r1", "email:anna"))) == ["refused"]
    parents = replace(grant(at=NOW - DAY // 2), legal_basis="parental_consent")
    assert simulator.outcomes("store", of_age(simulator.record("r2", "email:anna", consents=[parents]))) == ["created"]


def test_learned_later_it_takes_the_links_back(simulator: TenantSimulator) -> None:
    simulator.send("store", simulator.record("r1", "email:anna", "phone:1"))
    simulator.send("store", of_age(simulator.record("r2", "email:anna", "loyalty_id:l", consents=())))
    assert simulator.partition() == set()


def test_a_public_client_is_believed(simulator: TenantSimulator) -> None:
    simulator.send("web", of_age(simulator.record("r1", "cookie:c")))
    assert ages(simulator).keys() == {"cookie:c"}


def test_after_a_restore_it_still_stands(sqlite_site: SimulatedGateway) -> None:
    tenant = sqlite_site.tenant()
    office = Office.of(tenant)
    tenant.send("store", tenant.record("r0", "email:anna", jurisdiction="US-CA", consents=()))
    with put_back_afterwards(tenant):
        californian(tenant, "r1", "email:anna")
        californian(tenant, "r2", "phone:7")
    assert ages(tenant) == {}
    replay(tenant.gateway, office.officer)
    assert ages(tenant) == {"email:anna": (under(16), SIXTEEN)}
    tenant.send("store", tenant.record("r3", "phone:7", jurisdiction="US-CA", consents=()))
    assert ages(tenant) == dict.fromkeys(("email:anna", "phone:7"), (under(16), SIXTEEN))
    tenant.verify()


@pytest.mark.parametrize("born", ["31.02.2011", "unknown", ""])
def test_what_is_no_date_says_nothing(simulator: TenantSimulator, born: str) -> None:
    assert simulator.outcomes("store", of_age(simulator.record("r1", "email:anna"), born)) == ["created"]
    assert ages(simulator) == {}
