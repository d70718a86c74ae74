"""Views of a profile for a purpose: what is shown, what is withheld, and every disclosure noted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gateway.audit.entries import EntryKind, parse_leaf
from gateway.flows.admin import system_caller
from gateway.flows.context import Role
from gateway.flows.requests import ResolveRequest
from gateway.flows.resolve import resolve
from gateway.flows.views import ProfileView
from gateway.identifiers.model import RawIdentifier
from gateway.kernel.clock import DAY, HOUR
from gateway.kernel.errors import Frozen, InvalidInput, NotPermitted
from tests.rights_simulator import Office, look_up
from tests.simulator import NOW, TenantSimulator, grant, raw

PERSONAL = "personalization"


def both(at: int = NOW - DAY) -> list[object]:
    return [grant(at=at), grant(PERSONAL, at=at)]


def kinds(view: ProfileView) -> list[str]:
    return sorted(one.kind for one in view.identifiers)


@contextmanager
def nothing_disclosed(tenant: TenantSimulator) -> Iterator[None]:
    """No row, no entry, no id."""
    with tenant.reading() as unit:
        size = unit.log.head().size
    rows = tenant.counted("disclosure")
    yield
    with tenant.reading() as unit:
        assert unit.log.head().size == size
    assert tenant.counted("disclosure") == rows


def test_a_view_shows_kinds_channels_and_dates_never_values(simulator: TenantSimulator) -> None:
    simulator.send("store", simulator.record("r1", "email:anna", "phone:1", at=NOW - 3 * HOUR))
    simulator.send("app", simulator.record("r2", "phone:1", "cookie:a", at=NOW - HOUR))
    view = look_up(simulator, "store", "email:anna")
    assert (view.permitted, view.rule, view.reason) == (True, "gdpr.consent.identity_resolution", "granted")
    assert view.profile_id is not None
    assert view.profile_id.startswith("prf_")
    shown = {one.kind: (one.channels, one.first_seen, one.last_seen) for one in view.identifiers}
    assert shown == {
        "email": (("store",), NOW - 3 * HOUR, NOW - 3 * HOUR),
        "phone": (("app", "store"), NOW - 3 * HOUR, NOW - HOUR),
        "cookie": (("app",), NOW - HOUR, NOW - HOUR),
    }
    assert view.withheld == {}
    home = simulator.homes()["email:anna"]
    assert f"{home:x}" not in repr(view)
    assert str(home) not in repr(view)


def test_a_disclosure_is_a_row_and_an_entry(simulator: TenantSimulator) -> None:
    simulator.send("store", simulator.record("r1", "email:anna"))
    with simulator.reading() as unit:
        size = unit.log.head().size
    look_up(simulator, "store", "email:anna")
    with simulator.reading() as unit:
        ((at, leaf),) = unit.log.entries(size, unit.log.head().size)
        (row,) = unit.disclosures.disclosures_of(simulator.homes().values())
        opening = unit.log.openings_at([at])
    entry = parse_leaf(leaf)
    assert (entry.kind, entry.channel, entry.facts) == (
        EntryKind.DISCLOSURE_MADE,
        "store",
        {"purpose": "identity_resolution"},
    )
    assert set(entry.commitments) == {"profile", "recipient"}
    assert (row.position, row.client_id) == (at, simulator.callers["store"].client_id)
    assert at in opening


class TestPurposes:
    def test_what_the_purpose_may_not_use_is_withheld_and_counted(self, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("r1", "email:anna", "phone:1", consents=[grant(), grant(PERSONAL)]))
        simulator.send("app", simulator.record("r2", "phone:1", "cookie:a"))
        simulator.state("app", "deny", "cookie:a", purpose=PERSONAL)
        simulator.send("app", simulator.record("r3", "cookie:a", "maid:m"))
        view = look_up(simulator, "store", "email:anna", purpose=PERSONAL)
        assert kinds(view) == ["email", "phone"]
        assert view.withheld == {"denied": 2}
        assert kinds(look_up(simulator, "store", "email:anna")) == ["cookie", "email", "maid", "phone"]

    def test_no_consent_for_the_purpose_no_answer(self, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("r1", "email:anna", "phone:1"))
        with nothing_disclosed(simulator):
            view = look_up(simulator, "store", "email:anna", purpose=PERSONAL)
        assert (view.profile_id, view.permitted, view.reason, view.identifiers) == (None, False, "no_consent", ())

    @pytest.mark.parametrize(("kind", "reason"), [("withdraw", "withdrawn"), ("opt_out", "opted_out")])
    def test_a_restriction_refuses(self, simulator: TenantSimulator, kind: str, reason: str) -> None:
        simulator.send("store", simulator.record("r1", "email:anna", consents=[grant(), grant(PERSONAL)]))
        assert look_up(simulator, "store", "email:anna", purpose=PERSONAL).permitted
        simulator.state("web", kind, "email:anna", purpose=PERSONAL)
        with nothing_disclosed(simulator):
            assert look_up(simulator, "store", "email:anna", purpose=PERSONAL).reason == reason
        assert look_up(simulator, "store", "email:anna").permitted

    def test_the_purpose_does_not_learn_of_links_it_may_not_use(self, simulator: TenantSimulator) -> None:
        """Two identifiers are one person's by a record that says no to the purpose: as if there were two people."""
        simulator.send("store", simulator.record("r1", "email:anna", consents=[grant(), grant(PERSONAL)]))
        simulator.send("store", simulator.record("r2", "phone:1", consents=[grant(), grant(PERSONAL)]))
        link = simulator.record("r3", "email:anna", "maid:m", "phone:1", consents=[grant()])
        simulator.state("app", "deny", "maid:m", purpose=PERSONAL)
        simulator.send("store", link)
        assert len(simulator.partition()) == 1
        assert kinds(look_up(simulator, "store", "email:anna", "phone:1")) == ["email", "maid", "phone"]
        with nothing_disclosed(simulator):
            view = look_up(simulator, "store", "email:anna", "phone:1", purpose=PERSONAL)
        assert (view.profile_id, view.reason) == (None, "several_profiles")
        assert kinds(look_up(simulator, "store", "email:anna", purpose=PERSONAL)) == ["email"]

    def test_the_law_of_the_person_counts_not_that_of_the_question(self, simulator: TenantSimulator) -> None:
        """A German's profile is not shown to who says it is a Californian's, where silence would be consent."""
        simulator.send("store", simulator.record("r1", "email:anna", "phone:1"))
        with nothing_disclosed(simulator):
            view = look_up(simulator, "store", "email:anna", purpose=PERSONAL, jurisdiction="US-CA")
        assert (view.profile_id, view.permitted, view.reason) == (None, False, "no_consent")
        simulator.send("store", simulator.record("r2", "email:cal", consents=[], jurisdiction="US-CA"))
        assert look_up(simulator, "store", "email:cal", purpose=PERSONAL, jurisdiction="US-CA").permitted
        assert not look_up(simulator, "store", "email:cal", purpose=PERSONAL, jurisdiction=None).permitted

    def test_unknown_purpose_or_identifier(self, simulator: TenantSimulator) -> None:
        with pytest.raises(InvalidInput):
            look_up(simulator, "store", "email:anna", purpose="world_peace")
        request = ResolveRequest((raw("email:anna"), RawIdentifier("phone", "no number")), PERSONAL)
        with pytest.raises(InvalidInput) as refused:
            resolve(simulator.gateway, simulator.callers["store"], request)
        assert refused.value.field == "identifiers[1].value"


class TestWhoAsks:
    def test_only_for_what_ones_own_channel_has_sent(self, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("r1", "email:anna", "phone:1"))
        with nothing_disclosed(simulator):
            assert look_up(simulator, "app", "email:anna").reason == "not_found"
            assert look_up(simulator, "app", "email:nobody").reason == "not_found"
        simulator.send("app", simulator.record("a1", "phone:1", "cookie:a"))
        assert kinds(look_up(simulator, "app", "phone:1", "email:anna")) == ["cookie", "email", "phone"]

    @pytest.mark.parametrize("role", [Role.DPO, Role.AUDITOR, Role.REVIEWER, Role.ADMIN])
    def test_roles(self, simulator: TenantSimulator, role: Role) -> None:
        caller = system_caller(simulator.gateway, simulator.tenant_id, role)
        with pytest.raises(NotPermitted):
            resolve(simulator.gateway, caller, ResolveRequest((raw("email:anna"),), PERSONAL))

    def test_each_recipient_has_its_own_stable_id(self, simulator: TenantSimulator) -> None:
        for client in ("store", "app"):
            simulator.send(client, simulator.record(f"{client}1", "email:anna"))
        one, other = look_up(simulator, "store", "email:anna"), look_up(simulator, "app", "email:anna")
        assert one.profile_id != other.profile_id
        simulator.send("store", simulator.record("s2", "email:anna", "phone:1"))
        assert look_up(simulator, "store", "phone:1").profile_id == one.profile_id

    def test_frozen(self, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("r1", "email:anna"))
        for frozen in (True, False):
            with simulator.gateway.storage.begin(simulator.tenant_id, write=True) as unit:
                unit.log.freeze(frozen=frozen)
                unit.commit()
            if frozen:
                with pytest.raises(Frozen):
                    look_up(simulator, "store", "email:anna")
        assert look_up(simulator, "store", "email:anna").permitted


class TestSeveral:
    def test_identifiers_of_several_profiles(self, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("r1", "email:anna"), simulator.record("r2", "email:bob"))
        with nothing_disclosed(simulator):
            view = look_up(simulator, "store", "email:anna", "email:bob")
        assert (view.profile_id, view.permitted, view.reason) == (None, True, "several_profiles")

    def test_what_many_share_speaks_for_nobody(self, simulator: TenantSimulator) -> None:
        people = [f"email:p{place}" for place in range(7)]
        simulator.send("store", *[simulator.record(f"r{one}", one, "phone:9") for one in people])
        simulator.state("web", "withdraw", "phone:9")
        with nothing_disclosed(simulator):
            assert look_up(simulator, "store", "phone:9").reason == "not_found"
        assert kinds(look_up(simulator, "store", people[0], "phone:9")) == ["email"]

    def test_the_erased_are_not_found(self, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("r1", "email:anna", "phone:1"))
        Office.of(simulator).complete("erasure", "email:anna")
        with nothing_disclosed(simulator):
            assert look_up(simulator, "store", "email:anna", "phone:1").reason == "not_found"
