"""Whatever happens, an id keeps naming the profile it was given for, as an alias where that was merged, to its
recipient alone; a split withdraws aliases, the end of a profile all of its ids, and an erasure the ids of profiles that
are no more and have a history with the person.
"""

from __future__ import annotations

import itertools
import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from gateway.flows.changes import changes
from gateway.kernel.clock import SECOND
from tests.rights_simulator import Office, look_up, look_up_id
from tests.simulator import NOW, SimulatedGateway, TenantSimulator, grant
from tests.twins import Template

_NUMBERS = itertools.count()
_CLIENTS = ("store", "app", "callcentre")
_LABELS = tuple(f"{kind}:{number}" for kind in ("email", "phone") for number in range(1, 4))
_client = st.sampled_from(_CLIENTS)
_label = st.sampled_from(_LABELS)


@dataclass(slots=True)
class Given:
    """An id as its recipient holds it: for whom it was made, and whom it names now (None: nobody any more)."""

    client: str
    made_for: int
    names: int | None


class Recipients(RuleBasedStateMachine):
    """What recipients were told, beside what the store makes of it. `template` and `home` are set by the test."""

    template: ClassVar[Template]
    home: ClassVar[Path]

    def __init__(self) -> None:
        super().__init__()
        self.place = self.home / f"run{next(_NUMBERS)}"
        shutil.copytree(self.template.home, self.place)
        self.stack = ExitStack()
        self.records = itertools.count()
        self.given: dict[str, Given] = {}
        self.members: dict[int, set[str]] = {}
        self.held: dict[int, set[str]] = {}
        self.labels: set[str] = set()
        self.now = NOW

    @initialize(clients=st.lists(_client, min_size=len(_LABELS), max_size=len(_LABELS)))
    def start(self, clients: list[str]) -> None:
        """Everybody begins alone, known to one client: then there is much to merge."""
        self.restart()
        for client, label in zip(clients, _LABELS, strict=True):
            self.send(client, {label})

    @rule()
    def restart(self) -> None:
        """The program ends and is started again."""
        self.stack.close()
        site = self.stack.enter_context(SimulatedGateway.opened(f"sqlite:///{self.place / 'gateway.db'}", self.place))
        site.clock.advance(self.now - NOW)
        callers = self.template.office.tenant.callers
        self.tenant = TenantSimulator(site.gateway, site.clock, self.template.tenant_id, callers, self.labels)
        self.office = Office(self.tenant, self.template.office.officer)

    def teardown(self) -> None:
        self.tenant.verify()
        self.stack.close()

    @rule(client=_client, labels=st.sets(_label, min_size=2, max_size=3))
    def send(self, client: str, labels: set[str]) -> None:
        moment = self.tick()
        consents = [grant(at=moment)]
        record = self.tenant.record(f"r{next(self.records)}", *sorted(labels), at=moment, consents=consents)
        (result,) = self.tenant.send(client, record)
        self.follow()
        if result.profile_id is not None:
            homes = self.tenant.homes()
            self.told(client, result.profile_id, {homes[one] for one in labels if one in homes})

    @rule(client=_client, label=_label)
    def withdraw(self, client: str, label: str) -> None:
        self.tenant.state(client, "withdraw", label, at=self.tick())
        self.follow()

    @rule(label=_label)
    def erase(self, label: str) -> None:
        self.tick()
        known = self.tenant.known()
        self.office.complete("erasure", label)
        self.follow()
        theirs = self.past_of(known - self.tenant.known())
        for one, given in self.given.items():
            if given.names is not None and not self.made_for(given.client, one):
                assert given.made_for in theirs
                given.names = None

    @rule(client=_client, label=_label)
    def look(self, client: str, label: str) -> None:
        view = look_up(self.tenant, client, label)
        if view.profile_id is not None:
            self.told(client, view.profile_id, {self.tenant.homes()[label]})

    @rule(client=_client)
    def read(self, client: str) -> None:
        page = changes(self.tenant.gateway, self.tenant.callers[client], -1, 1000)
        with self.tenant.reading() as unit:
            rows = {view.position: unit.disclosures.changes_at([view.position]) for view in page.changes}
        for view in page.changes:
            for one in (one for several in view.profiles.values() for one in several):
                self.told(client, one, {row.profile_id for row in rows[view.position]})

    def tick(self) -> int:
        self.tenant.clock.advance(SECOND)
        self.now = self.tenant.clock.now()
        return self.now

    def told(self, client: str, one: str, profiles: set[int]) -> None:
        """The client is told of one of these profiles: by the id it has for it, or by a new one that nobody has."""
        own = {name for name, given in self.given.items() if given.client == client and given.made_for in profiles}
        known = self.given.get(one)
        if known is not None:
            assert known.client == client
            assert known.made_for in profiles or known.names is None
        else:
            (made_for,) = profiles if len(profiles) == 1 else self.made_for(client, one)
            assert made_for in profiles
            assert all(self.given[name].made_for != made_for for name in own)
            self.given[one] = Given(client, made_for, made_for if made_for in self.members else None)

    def made_for(self, client: str, one: str) -> list[int]:
        """For which profile the store says that it made an id."""
        with self.tenant.reading() as unit:
            sql = "SELECT profile_id FROM outward_id WHERE tenant_id = ? AND client_id = ? AND outward = ?"
            key = [unit.tenant_id, self.tenant.callers[client].client_id, bytes.fromhex(one.removeprefix("prf_"))]
            return [profile for (profile,) in unit.session.rows(sql, key)]

    def past_of(self, erased: set[str]) -> set[int]:
        """Ended profiles with which somebody erased has a history: they held them, or met a profile that did.

        Who was merged in the same moment as such a profile is forgotten with it: the log tells not who came from where.
        """
        met: set[int] = set()
        labels = set(erased)
        while more := {one for one, held in self.held.items() if not held.isdisjoint(labels)} - met:
            met |= more
            labels.update(*(self.held[one] for one in more))
        return met - self.members.keys()

    def follow(self) -> None:
        """Who is named now, by what became of the profiles: which live, went whole into another, or lost members."""
        before, self.members = self.members, {}
        for label, home in self.tenant.homes().items():
            self.members.setdefault(home, set()).add(label)
            self.held.setdefault(home, set()).add(label)
        for given in self.given.values():
            if given.names is None:
                continue
            held = before[given.names]
            if given.names not in self.members:
                given.names = next((one for one, members in self.members.items() if held <= members), None)
            elif given.names != given.made_for and not held <= self.members[given.names]:
                given.names = None

    @invariant()
    def every_id_is_answered_for_whom_it_names(self) -> None:
        for client in _CLIENTS:
            mine = [one for one, given in self.given.items() if given.client == client]
            sent = self.sent(client)
            for one, view in zip(mine, look_up_id(self.tenant, client, *mine), strict=True):
                home = self.given[one].names
                if home is None or self.members[home].isdisjoint(sent):
                    assert (view.profile_id, view.permitted, view.reason) == (None, False, "not_found")
                else:
                    assert view.profile_id is not None
                    self.told(client, view.profile_id, {home})
                    assert self.given[view.profile_id].names == home

    @invariant()
    def nobody_is_answered_for_an_id_of_somebody_else(self) -> None:
        for client in _CLIENTS:
            foreign = [one for one, given in self.given.items() if given.client != client]
            assert {view.reason for view in look_up_id(self.tenant, client, *foreign)} <= {"not_found"}

    def sent(self, client: str) -> set[str]:
        """What the client's channel has sent and the store still holds."""
        with self.tenant.reading() as unit:
            ids = self.tenant.ids(unit)
            sent = unit.records.sent_by(client, ids.values())
        return {label for label, number in ids.items() if number in sent}


@pytest.fixture(scope="module")
def machine(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> type[Recipients]:
    home = tmp_path_factory.mktemp("template")
    (home / "gateway.db").write_bytes(sqlite_template.read_bytes())
    Recipients.template = Template.made(f"sqlite:///{home / 'gateway.db'}", home)
    Recipients.home = tmp_path_factory.mktemp("recipients")
    return Recipients


def test_an_id_names_whom_it_was_given_for(machine: type[Recipients]) -> None:
    run_state_machine_as_test(machine, settings=settings(max_examples=25, stateful_step_count=15))


@pytest.mark.fuzz
def test_an_id_names_whom_it_was_given_for_in_long_histories(machine: type[Recipients]) -> None:
    run_state_machine_as_test(machine, settings=settings(max_examples=1_000, stateful_step_count=40))
