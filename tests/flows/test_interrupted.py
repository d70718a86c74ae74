"""An erasure that is killed (SIGKILL) at any point is finished by the next run, as if nothing had happened."""

from __future__ import annotations

import itertools
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway.flows.admin import system_caller
from gateway.flows.context import Role
from gateway.flows.run_rights import run_approved
from gateway.flows.steps.requests import request_id
from gateway.kernel.errors import BehindJournal
from gateway.rights.model import State
from tests.rights_simulator import Office, look_up
from tests.simulator import NOW, SimulatedGateway, TenantSimulator
from tests.twins import dump

ROOT = Path(__file__).parents[2]
_NUMBERS = itertools.count()


@dataclass(frozen=True, slots=True)
class Approved:
    """A home in which an erasure waits for its run; copies of it are run and killed by `killer`."""

    home: Path
    office: Office
    request: str
    killer: subprocess.Popen[str]

    def copy(self) -> Path:
        """A new copy of the home."""
        target = self.home.with_name(f"copy{next(_NUMBERS)}")
        shutil.copytree(self.home, target)
        return target

    def killed(self, home: Path, point: str) -> dict[str, int]:
        """Run the request in `home` up to `point`."""
        order = {"home": str(home), "tenant": self.office.tenant.tenant_id, "request": self.request, "point": point}
        assert self.killer.stdin is not None
        assert self.killer.stdout is not None
        self.killer.stdin.write(json.dumps(order) + "\n")
        self.killer.stdin.flush()
        answered: dict[str, int] = json.loads(self.killer.stdout.readline())
        return answered


@pytest.fixture(scope="module")
def approved(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Approved]:
    home = tmp_path_factory.mktemp("approved") / "home"
    home.mkdir()
    shutil.copy(sqlite_template, home / "gateway.db")
    with SimulatedGateway.opened(f"sqlite:///{home / 'gateway.db'}", home) as site:
        office = Office.of(site.tenant())
        tenant = office.tenant
        people = [f"email:p{place}" for place in range(6)]
        tenant.send("store", *[tenant.record(f"r{one}", one, "phone:9") for one in people])
        tenant.send("app", tenant.record("c1", people[0], "customer_id:0", "cookie:0"))
        tenant.send("web", tenant.record("w1", people[0], "cookie:w"))
        tenant.state("store", "opt_out", people[1], purpose="sale")
        tenant.state("store", "opt_out", people[0], purpose="sale")
        look_up(tenant, "store", people[0])
        office.complete("access", people[0])
        request = office.submit("erasure", people[0]).id
        office.approve(request)
    program = [sys.executable, "-m", "tests.killed"]
    with subprocess.Popen(program, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as killer:
        yield Approved(home, office, request, killer)
        assert killer.stdin is not None
        killer.stdin.close()


def tenant_of(approved: Approved, site: SimulatedGateway) -> TenantSimulator:
    """The tenant on its copied store."""
    one = approved.office.tenant
    return TenantSimulator(site.gateway, site.clock, one.tenant_id, one.callers, one.labels)


def end(approved: Approved, home: Path) -> dict[str, Any]:
    """Let the job run in `home` -> everything it leaves: tables, tombstones, the request, receipts."""
    with SimulatedGateway.opened(f"sqlite:///{home / 'gateway.db'}", home) as site:
        tenant = tenant_of(approved, site)
        run_approved(site.gateway, system_caller(site.gateway, tenant.tenant_id, Role.DPO))
        with tenant.reading() as unit:
            body = orjson.loads(unit.rights.get(request_id(approved.request)) or "{}")
            steps = [step for _, step, _ in unit.rights.steps(request_id(approved.request))]
            stones = sorted(unit.session.rows("SELECT * FROM tombstone"))
            assert unit.log.head().journal_offset == site.gateway.journal.size(tenant.tenant_id) > 0
        assert (body["request"]["state"], steps.count("receipt")) == (State.COMPLETED, 1)
        tenant.verify()
        return {"tables": dump(tenant), "tombstones": stones, "request": body}


@pytest.fixture(scope="module")
def statements(approved: Approved) -> int:
    """How many statements the cascade takes."""
    answered = approved.killed(approved.copy(), "never")
    assert answered["signal"] == 0
    return answered["statements"]


@pytest.fixture(scope="module")
def undisturbed(approved: Approved) -> dict[str, Any]:
    """What a run leaves that nobody killed."""
    return end(approved, approved.copy())


@pytest.mark.parametrize("point", ["journal:before", "journal:after", "commit:before", "commit:after"])
def test_killed_around_journal_and_commit(approved: Approved, undisturbed: dict[str, Any], point: str) -> None:
    home = approved.copy()
    assert approved.killed(home, point)["signal"] == signal.SIGKILL
    if point in ("journal:after", "commit:before"):
        with SimulatedGateway.opened(f"sqlite:///{home / 'gateway.db'}", home) as site:
            tenant = tenant_of(approved, site)
            record = tenant.record("new", "email:new", at=NOW)
            with pytest.raises(BehindJournal):
                tenant.send("store", record)
    assert end(approved, home) == undisturbed


def check_killed_at(approved: Approved, undisturbed: dict[str, Any], points: range) -> None:
    for point in points:
        home = approved.copy()
        assert approved.killed(home, f"statement:{point}")["signal"] == signal.SIGKILL
        assert end(approved, home) == undisturbed
        shutil.rmtree(home)


def test_killed_within_the_cascade(approved: Approved, undisturbed: dict[str, Any], statements: int) -> None:
    assert statements > 40
    check_killed_at(approved, undisturbed, range(1, statements + 1, 7))


@pytest.mark.fuzz
def test_killed_at_every_statement(approved: Approved, undisturbed: dict[str, Any], statements: int) -> None:
    check_killed_at(approved, undisturbed, range(1, statements + 1))
