"""The feed: pages without gaps, ids of one's own, and nothing of people one's channel never met."""

from __future__ import annotations

import pytest

from gateway.flows.admin import create_client, system_caller
from gateway.flows.changes import changes
from gateway.flows.context import Caller, Role
from gateway.flows.views import ChangeView
from gateway.kernel.clock import DAY
from gateway.kernel.errors import NotPermitted
from tests.rights_simulator import Office, look_up
from tests.simulator import NOW, TenantSimulator

ALL = 1000


def feed(tenant: TenantSimulator, client: str, after: int = -1) -> list[ChangeView]:
    return list(changes(tenant.gateway, tenant.callers[client], after, ALL).changes)


def shape(views: list[ChangeView]) -> list[tuple[str, dict[str, int]]]:
    """What happened, and how many profiles stand in each role."""
    return [(view.kind, {role: len(ids) for role, ids in view.profiles.items()}) for view in views]


def names(views: list[ChangeView]) -> set[str]:
    return {one for view in views for ids in view.profiles.values() for one in ids}


def outcome_id(tenant: TenantSimulator, client: str, *labels: str, record: str = "q1") -> str:
    (result,) = tenant.send(client, tenant.record(record, *labels))
    assert result.profile_id is not None
    return result.profile_id


def test_the_erased_leave_their_end_behind_and_nothing_else(simulator: TenantSimulator) -> None:
    office = Office.of(simulator)
    anna = outcome_id(simulator, "store", "email:anna")
    merged = outcome_id(simulator, "store", "phone:1", record="q2")
    simulator.send("store", simulator.record("r3", "email:anna", "cookie:c"))
    simulator.send("store", simulator.record("r4", "email:anna", "phone:1"))
    office.complete("erasure", "email:anna")
    (view,) = feed(simulator, "store")
    assert (view.kind, view.profiles) == ("erased", {"profile": (anna, merged)}), "every id it was ever given for her"


def test_a_living_profiles_history(simulator: TenantSimulator) -> None:
    older = outcome_id(simulator, "store", "email:anna")
    younger = outcome_id(simulator, "store", "phone:1", "cookie:c", record="q2")
    simulator.send("store", simulator.record("r3", "email:anna", "maid:m"))
    simulator.send("store", simulator.record("r4", "email:anna", "phone:1"))
    simulator.state("store", "withdraw", "phone:1")
    views = feed(simulator, "store")
    assert [view.kind for view in views] == ["created", "created", "extended", "merged", "consent", "split"]
    assert views[3].profiles == {"profile": (older,), "absorbed": (younger,)}
    assert views[4].profiles == views[5].profiles == {"profile": (older,)}
    assert [view.made_at for view in views] == [NOW] * 6


def test_a_withdrawal_that_splits_nothing_is_told(simulator: TenantSimulator) -> None:
    profile = outcome_id(simulator, "store", "email:anna", "phone:1")
    simulator.send("app", simulator.record("a1", "email:foreign"))
    simulator.state("store", "withdraw", "email:anna", purpose="personalization")
    simulator.state("store", "grant", "email:anna", purpose="analytics")
    assert [(view.kind, view.profiles) for view in feed(simulator, "store")][1:] == [
        ("consent", {"profile": (profile,)})
    ]
    assert [view.kind for view in feed(simulator, "app")] == ["created"], "who sent nothing of it is not told"


def test_pages_follow_each_other_without_gap_or_repetition(simulator: TenantSimulator) -> None:
    for place in range(5):
        simulator.send("store", *[simulator.record(f"r{place}-{one}", f"email:p{place}-{one}") for one in range(3)])
    simulator.send("app", simulator.record("a1", "email:foreign"))
    simulator.send("store", simulator.record("m", "email:p0-0", "email:p1-1", "email:p2-2"))
    whole = feed(simulator, "store")
    for limit in (1, 2, 4, 7, 1000, 10**9, 0, -5):
        paged: list[ChangeView] = []
        after = -1
        while (page := changes(simulator.gateway, simulator.callers["store"], after, limit)).next != after:
            paged += page.changes
            after = page.next
        assert paged == whole
        assert page.changes == ()
    assert len(whole) == 16


def test_ids_are_pairwise_and_stable(simulator: TenantSimulator) -> None:
    for client in ("store", "app"):
        simulator.send(client, simulator.record(f"{client}1", "email:anna"))
    store, app = feed(simulator, "store"), feed(simulator, "app")
    assert len(store) == len(app) == 1
    assert names(store).isdisjoint(names(app))
    assert names(store) == {look_up(simulator, "store", "email:anna").profile_id}
    assert feed(simulator, "store") == store


def test_two_clients_of_one_channel_do_not_share_ids(simulator: TenantSimulator) -> None:
    row, _ = create_client(
        simulator.gateway,
        simulator.tenant_id,
        name="second",
        role=Role.CHANNEL,
        channel="store",
        client_class="trusted",
        outcomes=True,
    )
    second = Caller(simulator.tenant_id, row.client_id, "second", Role.CHANNEL, "store", "trusted", outcomes=True)
    simulator.send("store", simulator.record("r1", "email:anna"))
    other = list(changes(simulator.gateway, second, -1, ALL).changes)
    assert shape(other) == shape(feed(simulator, "store"))
    assert names(other).isdisjoint(names(feed(simulator, "store")))


class TestWhatAChannelSees:
    def test_nothing_of_people_it_never_met(self, simulator: TenantSimulator) -> None:
        office = Office.of(simulator)
        simulator.send("app", simulator.record("a1", "email:bob"), simulator.record("a2", "phone:2"))
        simulator.send("app", simulator.record("a3", "email:bob", "phone:2"))
        simulator.send("app", simulator.record("a4", "email:eve"))
        simulator.state("app", "withdraw", "email:eve")
        office.complete("erasure", "email:bob")
        assert feed(simulator, "store") == []
        assert [view.kind for view in feed(simulator, "app")] == ["created", "dissolved", "erased"]

    def test_what_others_do_to_a_profile_it_knows(self, simulator: TenantSimulator) -> None:
        known = outcome_id(simulator, "store", "email:anna")
        simulator.send("app", simulator.record("a1", "phone:1", "cookie:c"))
        simulator.send("app", simulator.record("a2", "email:anna", "phone:1"))
        views = feed(simulator, "store")
        assert shape(views) == [("created", {"profile": 1}), ("merged", {"profile": 1})], (
            "the other was the app's alone"
        )
        assert views[-1].profiles["profile"] == (known,)

    def test_that_its_profile_was_absorbed(self, simulator: TenantSimulator) -> None:
        simulator.send("app", simulator.record("a1", "phone:1"))
        absorbed = outcome_id(simulator, "store", "email:anna")
        simulator.send("app", simulator.record("a2", "email:anna", "phone:1"))
        merged = feed(simulator, "store")[-1]
        assert (merged.kind, merged.profiles["absorbed"]) == ("merged", (absorbed,))
        assert merged.profiles["profile"] == (look_up(simulator, "store", "email:anna").profile_id,)

    def test_that_its_profile_dissolved(self, simulator: TenantSimulator) -> None:
        known = outcome_id(simulator, "store", "email:anna", "phone:1")
        simulator.state("app", "withdraw", "email:anna")
        views = feed(simulator, "store")
        assert [view.kind for view in views] == ["created", "dissolved"]
        assert names(views) == {known}

    def test_the_end_of_profiles_it_knew_and_of_no_other(self, simulator: TenantSimulator) -> None:
        office = Office.of(simulator)
        known = outcome_id(simulator, "store", "email:anna")
        simulator.send("app", simulator.record("a1", "email:anna", "phone:1"))
        simulator.send("callcentre", simulator.record("c1", "email:bob"))
        for label in ("email:anna", "email:bob"):
            office.complete("erasure", label)
        assert [view.profiles for view in feed(simulator, "store")] == [{"profile": (known,)}]
        assert [view.kind for view in feed(simulator, "app")] == ["erased"]
        assert names(feed(simulator, "callcentre")).isdisjoint(names(feed(simulator, "app")))
        officer = changes(simulator.gateway, office.officer, -1, ALL).changes
        assert shape(list(officer)) == [("erased", {"profile": 1}), ("erased", {"profile": 1})]

    def test_who_hung_a_cookie_on_somebody_learns_no_more(self, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("r1", "email:victim"))
        simulator.send("web", simulator.record("w1", "email:victim", "cookie:attacker"))
        simulator.send("store", simulator.record("r2", "email:other"))
        assert all(view.kind in ("created", "extended") for view in feed(simulator, "web"))
        assert len(names(feed(simulator, "web"))) == 1

    def test_refused_merges_are_for_review_not_for_recipients(self, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("r1", "national_id:a", "phone:1", at=NOW - DAY))
        assert simulator.outcomes("store", simulator.record("r2", "national_id:b", "phone:1")) == ["review"]
        assert [view.kind for view in feed(simulator, "store")] == ["created", "created"]


def test_the_officer_reads_all(simulator: TenantSimulator) -> None:
    simulator.send("store", simulator.record("r1", "email:anna"))
    simulator.send("app", simulator.record("r2", "email:bob"))
    officer = system_caller(simulator.gateway, simulator.tenant_id, Role.DPO)
    assert len(changes(simulator.gateway, officer, -1, ALL).changes) == 2
    for role in (Role.AUDITOR, Role.REVIEWER, Role.ADMIN):
        with pytest.raises(NotPermitted):
            changes(simulator.gateway, system_caller(simulator.gateway, simulator.tenant_id, role), -1, ALL)
