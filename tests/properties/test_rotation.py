"""Two tenants live through the same, and the keys of one are rotated meanwhile: nobody can tell them apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.flows import rotate_keys
from gateway.flows.steps.name import learn_chains
from gateway.identifiers.chains import chain_name
from gateway.kernel.clock import SECOND
from gateway.kernel.errors import Conflict
from tests.databases import migrate
from tests.properties.tape import Tape
from tests.rights_simulator import Office
from tests.simulator import MATCHING, SimulatedGateway, TenantSimulator, grant

LABELS = ("email:a", "email:b", "phone:1", "phone:2", "cookie:x", "cookie:y")
CLIENTS = ("store", "app", "web")
PURPOSES = (MATCHING, "sale")
STEPS = ("send", "send", "send", "again", "state", "erase", "restrict")
TURNS = ("", "", "rotate", "page", "rekey", "retire", "destroy")


@pytest.fixture(scope="module", name="site")
def opened_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedGateway]:
    home = tmp_path_factory.mktemp("rotation")
    url = f"sqlite:///{home / 'gateway.db'}"
    migrate(url)
    with SimulatedGateway.opened(url, home) as opened:
        yield opened


class Life:
    """One tenant and what happens to it; `answers` are all it ever gave."""

    def __init__(self, site: SimulatedGateway) -> None:
        self.tenant: TenantSimulator = site.anew().tenant()
        self.office = Office.of(self.tenant)
        self.answers: list[object] = []

    def step(self, number: int, choose: Tape) -> None:
        """One act, as the tape has it. No two records are of one moment: between these the tenant's key decides."""
        self.tenant.clock.advance(10 * SECOND)
        now = self.tenant.clock.now()
        kind, client = STEPS[choose.below(len(STEPS))], CLIENTS[choose.below(len(CLIENTS))]
        labels = [LABELS[place] for place in choose.several(range(len(LABELS)), 1 + choose.below(3))]
        purpose = PURPOSES[choose.below(2)]
        if kind in ("send", "again"):
            name = f"r{choose.below(3)}" if kind == "again" else f"n{number}"
            consents = [grant(at=now)] if choose.below(3) else []
            record = self.tenant.record(name, *labels, at=now - choose.below(2) * 15 * SECOND, consents=consents)
            self.answers.append(self.tenant.outcomes(client, record))
        elif kind == "state":
            event = ("grant", "withdraw", "opt_out", "object")[choose.below(4)]
            result = self.tenant.state(client, event, *labels, purpose=purpose, at=now)
            self.answers.append((result.outcome, result.links_retracted))
        elif kind == "erase":
            self.answers.append(self.office.receipt(self.office.complete("erasure", labels[0])).counts)
        else:
            self.office.complete("objection", labels[0], purposes=(purpose,))

    def seen(self) -> object:
        """Everything that the outside can tell of it."""
        ledger = {(one, purpose): self.tenant.ledger(one, purpose) for one in LABELS for purpose in PURPOSES}
        rows = [self.tenant.counted(table) for table in ("pseudonym", "link", "membership", "demotion", "ledger")]
        return self.answers, self.tenant.partition(), ledger, rows

    def turn(self, what: str, choose: Tape) -> None:
        """One act upon its keys, as far as it is allowed."""
        gateway, tenant = self.tenant.gateway, self.tenant.tenant_id
        with self.tenant.reading() as unit:
            chains = learn_chains(gateway, unit)
        if what == "rotate" and len(chains) < 9:
            rotate_keys.rotate(gateway, tenant)
        elif what == "page":
            _some(self.tenant, 1 + choose.below(3))
        elif what == "rekey":
            rotate_keys.rekey(gateway, tenant)
        elif what == "retire":
            _allowed(lambda: rotate_keys.retire(gateway, tenant, chain_name(chains[choose.below(len(chains))])))
        elif what == "destroy":
            held = gateway.keys.tenant(tenant).versions
            _allowed(lambda: rotate_keys.destroy_version(gateway, tenant, held[choose.below(len(held))]))


def _allowed(act: Callable[[], None]) -> None:
    with suppress(Conflict):
        act()


def _some(tenant: TenantSimulator, limit: int) -> None:
    """A job that is killed after its first rows."""
    with tenant.gateway.storage.begin(tenant.tenant_id, write=True) as unit:
        rotate_keys.wrap_run(tenant.gateway, unit, unit.identifiers.page(b"", limit))
        unit.commit()


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tape=st.binary(min_size=80, max_size=200), turns=st.binary(min_size=30, max_size=30))
def test_a_rotation_changes_nothing_that_can_be_seen(site: SimulatedGateway, tape: bytes, turns: bytes) -> None:
    plain, rotated = Life(site), Life(site)
    one, other, choose = Tape(tape), Tape(tape), Tape(turns)
    number = 0
    while one:
        plain.step(number, one)
        rotated.turn(TURNS[choose.below(len(TURNS))], choose)
        rotated.step(number, other)
        assert rotated.seen() == plain.seen()
        number += 1
    rotated.tenant.verify()
