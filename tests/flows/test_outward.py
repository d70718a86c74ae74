"""Asking by the id a client was given: whom it names, for whom, and for which purpose an old one still answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from unittest.mock import patch

import pytest

from gateway.flows.outward import outward_ids, to_text
from gateway.flows.views import ProfileView
from gateway.storage.session import Session
from tests.rights_simulator import Office, look_up, look_up_id
from tests.simulator import TenantSimulator, grant

PERSONAL = "personalization"
NOBODY = "prf_" + "0" * 24


def told(tenant: TenantSimulator, client: str, *labels: str, record: str = "") -> str:
    """The id by which `client` learns of the profile of these labels, with consent to both purposes."""
    sent = tenant.record(record or f"{client}-{labels}", *labels, consents=[grant(), grant(PERSONAL)])
    (result,) = tenant.send(client, sent)
    assert result.profile_id is not None
    return result.profile_id


def by_id(tenant: TenantSimulator, client: str, one: str, purpose: str = "identity_resolution") -> ProfileView:
    (view,) = look_up_id(tenant, client, one, purpose=purpose)
    return view


def not_found(view: ProfileView) -> bool:
    return (view.profile_id, view.permitted, view.rule, view.reason) == (None, False, "not_found", "not_found")


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements that the database answers while this is open."""
    asked: list[str] = []
    execute = Session._execute

    def note(self: Session, sql: str, parameters: Sequence[object] = ()) -> None:
        asked.append(sql)
        execute(self, sql, parameters)

    with patch.object(Session, "_execute", note):
        yield asked


class TestAnId:
    def test_is_answered_as_its_identifiers_are(self, simulator: TenantSimulator) -> None:
        one = told(simulator, "store", "email:anna", "phone:1")
        simulator.send("app", simulator.record("a1", "phone:1", "cookie:c"))
        view = by_id(simulator, "store", one)
        assert view == look_up(simulator, "store", "email:anna", "phone:1")
        assert view.profile_id == one
        assert simulator.counted("disclosure") == 2

    def test_is_refused_as_its_identifiers_are(self, simulator: TenantSimulator) -> None:
        (result,) = simulator.send("store", simulator.record("r1", "email:anna"))
        view = by_id(simulator, "store", result.profile_id or "", PERSONAL)
        assert view == look_up(simulator, "store", "email:anna", purpose=PERSONAL)
        assert (view.profile_id, view.reason) == (None, "no_consent")

    def test_names_nobody_for_another_recipient_or_when_made_up(self, simulator: TenantSimulator) -> None:
        one, other = told(simulator, "store", "email:anna"), told(simulator, "app", "email:anna")
        assert one != other
        assert not_found(by_id(simulator, "app", one))
        assert not_found(by_id(simulator, "store", other))
        assert not_found(by_id(simulator, "store", NOBODY))

    def test_names_nobody_in_another_graph(self, simulator: TenantSimulator) -> None:
        one = told(simulator, "store", "email:anna")
        graphs = {name: purpose.graph for name, purpose in simulator.gateway.policies.purposes.items()}
        elsewhere = next(name for name, graph in graphs.items() if graph != graphs["identity_resolution"])
        assert not_found(by_id(simulator, "store", one, elsewhere))

    def test_names_nobody_after_the_end(self, simulator: TenantSimulator) -> None:
        erased, dissolved = told(simulator, "store", "email:anna"), told(simulator, "store", "email:bob")
        Office.of(simulator).complete("erasure", "email:anna")
        simulator.state("store", "withdraw", "email:bob")
        assert not_found(by_id(simulator, "store", erased))
        assert not_found(by_id(simulator, "store", dissolved))

    def test_is_made_only_for_who_is_shown_it(self, simulator: TenantSimulator) -> None:
        simulator.send("web", simulator.record("w1", "email:anna", "cookie:c"))
        assert simulator.counted("outward_id") == 0
        simulator.send("store", simulator.record("s1", "email:anna"))
        assert simulator.counted("outward_id") == 1


class TestAnAlias:
    """The store knew the phone's profile, which went into the older one of the e-mail."""

    @pytest.fixture
    def ids(self, simulator: TenantSimulator) -> tuple[str, str]:
        older, younger = told(simulator, "store", "email:anna"), told(simulator, "store", "phone:1")
        told(simulator, "callcentre", "email:anna", "phone:1", record="join")
        return older, younger

    def test_answers_with_the_present_id(self, simulator: TenantSimulator, ids: tuple[str, str]) -> None:
        older, younger = ids
        for purpose in ("identity_resolution", PERSONAL):
            view = by_id(simulator, "store", younger, purpose)
            assert view == by_id(simulator, "store", older, purpose)
            assert (view.profile_id, len(view.identifiers)) == (older, 2)

    def test_is_silent_where_the_purpose_may_not_link(self, simulator: TenantSimulator) -> None:
        """As in test_resolve: they are one person's by a record that says no to the purpose."""
        older, younger = told(simulator, "store", "email:anna"), told(simulator, "store", "phone:1")
        simulator.state("app", "deny", "maid:m", purpose=PERSONAL)
        simulator.send("store", simulator.record("r3", "email:anna", "maid:m", "phone:1"))
        assert by_id(simulator, "store", younger).profile_id == older
        assert not_found(by_id(simulator, "store", younger, PERSONAL))
        assert by_id(simulator, "store", older, PERSONAL).reason == "denied"
        assert look_up(simulator, "store", "phone:1", purpose=PERSONAL).permitted

    def test_is_silent_where_the_purpose_is_refused(self, simulator: TenantSimulator, ids: tuple[str, str]) -> None:
        older, younger = ids
        simulator.state("store", "opt_out", "email:anna", purpose=PERSONAL)
        assert by_id(simulator, "store", older, PERSONAL).reason == "opted_out"
        assert not_found(by_id(simulator, "store", younger, PERSONAL))

    def test_of_who_never_knew_the_other_leads_to_an_id_of_its_own(self, simulator: TenantSimulator) -> None:
        told(simulator, "store", "email:anna")
        younger = told(simulator, "app", "phone:1")
        told(simulator, "store", "email:anna", "phone:1", record="join")
        present = by_id(simulator, "app", younger).profile_id
        assert present not in (None, younger)
        assert by_id(simulator, "app", present or "").profile_id == present

    def test_is_withdrawn_by_a_split(self, simulator: TenantSimulator, ids: tuple[str, str]) -> None:
        older, younger = ids
        simulator.send("app", simulator.record("a1", "email:anna", "cookie:c"))
        simulator.state("app", "withdraw", "cookie:c")
        assert simulator.partition() == {frozenset({"email:anna", "phone:1"})}
        assert not_found(by_id(simulator, "store", younger))
        assert by_id(simulator, "store", older).profile_id == older

    def test_goes_with_the_erased(self, simulator: TenantSimulator, ids: tuple[str, str]) -> None:
        Office.of(simulator).complete("erasure", "email:anna")
        assert [not_found(view) for view in look_up_id(simulator, "store", *ids)] == [True, True]

    def test_follows_from_merge_to_merge(self, simulator: TenantSimulator, ids: tuple[str, str]) -> None:
        older, younger = ids
        third = told(simulator, "store", "email:ann")
        told(simulator, "store", "email:ann", "phone:1", record="again")
        assert {view.profile_id for view in look_up_id(simulator, "store", younger, third)} == {older}


def test_a_disclosure_of_many_costs_what_one_costs(simulator: TenantSimulator) -> None:
    spent = []
    simulator.send("store", simulator.record("first", "email:first"))
    for size in (1, 40):
        records = [simulator.record(f"r{size}-{place}", f"email:p{size}-{place}") for place in range(size)]
        with counted() as asked:
            results = simulator.send("store", *records)
        with counted() as asked_for:
            look_up_id(simulator, "store", *[result.profile_id or "" for result in results])
        spent.append((len(asked), len(asked_for)))
    assert spent[0] == spent[1]


def test_whoever_tells_a_recipient_uses_the_same_ids(simulator: TenantSimulator) -> None:
    """What sends messages to recipients asks for their ids as flows do."""
    one = told(simulator, "store", "email:anna")
    (home,) = set(simulator.homes().values())
    clients = [simulator.callers[name].client_id for name in ("store", "app")]
    with simulator.gateway.storage.begin(simulator.tenant_id, write=True, partition=False) as unit:
        mine, other = (outward_ids(unit, client, [home], 5)[home] for client in clients)
        assert outward_ids(unit, clients[1], [home], 6) == {home: other}
        unit.commit()
    assert mine == one != other
    with simulator.reading() as unit:
        assert to_text(unit.outward.ids(clients[1], [home])[home]) == other
