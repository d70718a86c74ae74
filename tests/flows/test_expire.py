"""Identifiers end with the time their kind is kept, and take their links along; what restricts them stays."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import pytest

from gateway.flows import expire as flow
from gateway.flows.admin import system_caller
from gateway.flows.changes import changes
from gateway.flows.context import Role
from gateway.flows.expire import Expired, expire
from gateway.flows.messages import IncomingRecord
from gateway.identifiers.model import HashedIdentifier, RawIdentifier
from gateway.kernel.clock import DAY, HOUR
from gateway.kernel.errors import BehindJournal, Frozen, NotPermitted
from tests.rights_simulator import Office, look_up
from tests.simulator import MATCHING, NOW, TenantSimulator

COOKIE, SESSION, EMAIL, IP = 395, 30, 1095, 90
"""Days that these kinds are kept, as shipped."""

NOTHING = Expired({}, {})


def run(tenant: TenantSimulator, *, days: int = 0, dry_run: bool = False) -> Expired:
    """Let `days` go by, and the job run."""
    tenant.clock.advance(days * DAY)
    return expire(tenant.gateway, system_caller(tenant.gateway, tenant.tenant_id, Role.DPO), dry_run=dry_run)


def seen(tenant: TenantSimulator, name: str, *labels: str, after: int = 0) -> IncomingRecord:
    """A Californian record, observed `after` days."""
    return tenant.record(name, *labels, at=NOW - HOUR + after * DAY, jurisdiction="US-CA", consents=[])


class TestLinks:
    def test_a_cookie_expires_and_its_profile_loses_it(self, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("r1", "customer_id:a", "cookie:c", jurisdiction="US-CA"))
        profile = simulator.homes()["customer_id:a"]
        assert run(simulator, days=COOKIE - 1) == NOTHING
        assert simulator.partition() == {frozenset({"customer_id:a", "cookie:c"})}
        gone = run(simulator, days=2)
        assert gone.identifiers == {"cookie": 1}
        assert gone.counts["links"] == 1
        assert simulator.homes() == {"customer_id:a": profile}, "nobody asked to be forgotten: the profile keeps its id"
        assert simulator.known() == {"customer_id:a"}
        assert simulator.ledger("customer_id:a") == "grant", "the same word, of whom it is left"
        assert run(simulator) == NOTHING

    def test_two_people_joined_by_a_session_alone_part_again(self, simulator: TenantSimulator) -> None:
        simulator.send("store", seen(simulator, "r1", "email:anna", "session_id:s"))
        simulator.send("app", seen(simulator, "r2", "email:bob", "session_id:s"))
        assert len(simulator.partition()) == 1
        assert run(simulator, days=SESSION + 1).identifiers == {"session_id": 1}
        assert simulator.partition() == {frozenset({"email:anna"}), frozenset({"email:bob"})}

    def test_a_later_record_prolongs(self, simulator: TenantSimulator) -> None:
        simulator.send("store", seen(simulator, "r1", "email:anna", "session_id:s"))
        simulator.clock.advance(20 * DAY)
        simulator.send("store", seen(simulator, "r2", "session_id:s", after=20))
        assert run(simulator, days=SESSION - 1) == NOTHING
        assert run(simulator, days=2).identifiers == {"session_id": 1}

    def test_a_record_that_replaces_another_prolongs(self, simulator: TenantSimulator) -> None:
        simulator.send("store", seen(simulator, "r1", "email:anna", "session_id:s"))
        simulator.clock.advance(20 * DAY)
        simulator.send("store", seen(simulator, "r1", "email:anna", "session_id:s", after=20))
        assert run(simulator, days=SESSION - 1) == NOTHING
        assert run(simulator, days=2).identifiers == {"session_id": 1}

    def test_records_with_nothing_else_go_also_retracted_ones(self, simulator: TenantSimulator) -> None:
        simulator.send("store", seen(simulator, "r1", "session_id:s"), seen(simulator, "r2", "session_id:t"))
        simulator.state("store", "opt_out", "session_id:t", jurisdiction="US-CA")
        gone = run(simulator, days=SESSION + 1)
        assert (gone.identifiers, gone.counts["records_deleted"]) == ({"session_id": 2}, 2)
        assert gone.counts["profiles_ended"] == 1
        left = {table: simulator.counted(table) for table in ("record", "link", "profile", "membership", "decision")}
        assert set(left.values()) == {0}
        assert simulator.known() == {"session_id:t"}, "opted out"

    def test_an_address_that_never_linked_goes_and_nobody_moves(self, simulator: TenantSimulator) -> None:
        simulator.send("store", seen(simulator, "r1", "email:anna", "ip:1", "household_id:h"))
        before = simulator.counted("change")
        assert run(simulator, days=IP + 1).identifiers == {"ip": 1}
        assert simulator.known() == {"email:anna", "household_id:h"}
        assert simulator.counted("change") == before

    def test_a_household_ends_with_the_last_record_of_anybody(self, simulator: TenantSimulator) -> None:
        simulator.send("store", seen(simulator, "r1", "email:anna", "household_id:h"))
        gone = run(simulator, days=EMAIL + 1)
        assert (gone.identifiers, gone.counts["records_deleted"]) == ({"email": 1}, 1)
        assert simulator.counted("pseudonym") == 0

    def test_what_a_cookie_hung_on_no_more_it_hangs_on_another(self, simulator: TenantSimulator) -> None:
        """A device seen by the public with two customers hangs on none; when the one is gone it is the other's."""
        simulator.limited(customer_id=replace(simulator.gateway.policies.kinds["customer_id"], retention_days=30))
        simulator.send("store", seen(simulator, "r1", "customer_id:1"), seen(simulator, "r2", "email:anna"))
        simulator.send(
            "web",
            seen(simulator, "w1", "customer_id:1", "device_id:d"),
            seen(simulator, "w2", "email:anna", "device_id:d"),
        )
        simulator.state("store", "opt_out", "email:anna", purpose="sale", jurisdiction="US-CA")
        assert frozenset({"device_id:d"}) in simulator.partition()
        run(simulator, days=31)
        assert simulator.partition() == {frozenset({"email:anna", "device_id:d"})}
        assert simulator.ledger("device_id:d", "sale") == "opt_out", "inherited, as by any merge"


class TestConsent:
    def test_an_opted_out_cookie_is_still_opted_out_when_it_comes_back(self, simulator: TenantSimulator) -> None:
        simulator.send("web", seen(simulator, "r1", "cookie:c"))
        simulator.state("web", "opt_out", "cookie:c", purpose="sale", jurisdiction="US-CA")
        simulator.state("store", "grant", "cookie:c", purpose="personalization", jurisdiction="US-CA")
        gone = run(simulator, days=COOKIE + 1)
        assert (gone.counts["consents"], gone.counts["restrictions_kept"]) == (1, 1)
        assert simulator.known() == {"cookie:c"}
        assert simulator.ledger("cookie:c", "personalization") == ""
        assert run(simulator, days=COOKIE + 1) == NOTHING
        simulator.send("store", seen(simulator, "r2", "cookie:c", "email:anna", after=2 * COOKIE))
        assert [simulator.ledger(label, "sale") for label in ("cookie:c", "email:anna")] == ["opt_out", "opt_out"]

    def test_a_restriction_is_kept_though_a_permission_had_overruled_it(self, simulator: TenantSimulator) -> None:
        simulator.send("store", seen(simulator, "r1", "cookie:c"))
        simulator.state("store", "object", "cookie:c", purpose="*", at=NOW - 30, jurisdiction="US-CA")
        simulator.state("store", "grant", "cookie:c", at=NOW - 20, jurisdiction="US-CA")
        assert simulator.ledger("cookie:c") == "grant"
        run(simulator, days=COOKIE + 1)
        assert simulator.ledger("cookie:c") == "object"

    def test_what_was_lifted_is_no_restriction(self, simulator: TenantSimulator) -> None:
        simulator.send("store", seen(simulator, "r1", "cookie:c"))
        simulator.state("store", "restrict", "cookie:c", purpose="sale", at=NOW - 30, jurisdiction="US-CA")
        simulator.state("store", "unrestrict", "cookie:c", purpose="sale", at=NOW - 20, jurisdiction="US-CA")
        run(simulator, days=COOKIE + 1)
        assert simulator.counted("ledger") == simulator.counted("pseudonym") == 0

    def test_a_permission_that_stood_on_it_alone_stands_no_longer(self, simulator: TenantSimulator) -> None:
        """The device was let in by the cookie's consent, which nobody has any more."""
        simulator.send("store", simulator.record("r1", "cookie:c"))
        assert simulator.outcomes("store", simulator.record("r2", "cookie:c", "device_id:d", consents=[])) == ["linked"]
        gone = run(simulator, days=COOKIE + 1)
        assert (gone.counts["records_deleted"], gone.counts["records_retracted"]) == (1, 1)
        assert simulator.partition() == set()
        assert simulator.known() == {"device_id:d"}

    def test_a_permission_that_stands_on_another_too_goes_on(self, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("r1", "cookie:c", "device_id:d"))
        simulator.send("store", simulator.record("r2", "device_id:d", "ctvid:t", consents=[]))
        gone = run(simulator, days=COOKIE + 1)
        assert gone.identifiers == {"cookie": 1, "ctvid": 1}
        assert gone.counts["records_retracted"] == 0
        assert simulator.partition() == {frozenset({"device_id:d"})}
        with simulator.reading() as unit:
            (row,) = unit.records.get(unit.records.of([simulator.ids(unit)["device_id:d"]]))[:1]
            (event,) = unit.ledger.rows([simulator.ids(unit)["device_id:d"]])
        assert row.basis == str(event.position), "where the event stands now"

    def test_what_only_the_ledger_knows_expires_by_its_last_word(self, simulator: TenantSimulator) -> None:
        simulator.state("store", "grant", "email:anna")
        simulator.state("store", "deny", "email:bob")
        simulator.clock.advance(20 * DAY)
        simulator.state("store", "grant", "email:anna", purpose="sale")
        assert run(simulator, days=EMAIL - 10) == NOTHING
        assert run(simulator, days=20).identifiers == {"email": 1}
        assert simulator.known() == {"email:bob"}

    def test_nothing_of_it_is_in_the_journal(self, simulator: TenantSimulator) -> None:
        """An old backup that is restored expires again by itself."""
        simulator.send("store", seen(simulator, "r1", "cookie:c"))
        before = simulator.gateway.journal.size(simulator.tenant_id)
        run(simulator, days=COOKIE + 1)
        assert simulator.gateway.journal.size(simulator.tenant_id) == before


def hashed(form: str, profile: str) -> HashedIdentifier:
    return HashedIdentifier("phone", hashlib.sha256(form.encode()).digest(), profile)


class TestDigests:
    NUMBER = RawIdentifier("phone", "+491713920001")

    def posted(self, name: str, *identifiers: RawIdentifier | HashedIdentifier, after: int = 0) -> IncomingRecord:
        return IncomingRecord(name, NOW - HOUR + after * DAY, identifiers, "US-CA", MATCHING, ())

    def test_digests_of_one_value_expire_together(self, simulator: TenantSimulator) -> None:
        simulator.send("store", self.posted("r1", self.NUMBER, RawIdentifier("customer_id", "k")))
        assert simulator.counted("pseudonym") == 4, "two forms, one that screens, and the customer"
        assert run(simulator, days=EMAIL + 1).identifiers == {"phone": 1}
        assert simulator.counted("pseudonym") == 1

    @pytest.mark.parametrize(("form", "profile"), [("491713920001", "meta"), ("+491713920001", "uid2")])
    def test_one_that_is_seen_again_keeps_the_others(self, simulator: TenantSimulator, form: str, profile: str) -> None:
        simulator.send("store", self.posted("r1", self.NUMBER, RawIdentifier("customer_id", "k")))
        simulator.clock.advance(500 * DAY)
        simulator.send("app", self.posted("a1", hashed(form, profile), after=500))
        assert run(simulator, days=EMAIL - 499) == NOTHING
        assert simulator.counted("pseudonym") == 4
        assert run(simulator, days=500).identifiers == {"phone": 1}
        assert simulator.counted("pseudonym") == 1

    def test_what_screens_does_not_keep_a_value_that_is_not_seen_again(self, simulator: TenantSimulator) -> None:
        """Two numbers end in the same ten digits: the older expires, and what screens stays for the other."""
        simulator.send("store", self.posted("r1", RawIdentifier("phone", "+16502530000")))
        simulator.clock.advance(500 * DAY)
        simulator.send("store", self.posted("r2", RawIdentifier("phone", "+496502530000"), after=500))
        assert run(simulator, days=EMAIL - 499).identifiers == {"phone": 1}
        assert simulator.counted("pseudonym") == 3

    def test_what_screens_by_attributes_expires_by_itself(self, simulator: TenantSimulator) -> None:
        person = {"given_name": "José", "family_name": "García", "date_of_birth": "1985-03-15", "postal_code": "90001"}
        record = self.posted("r1", RawIdentifier("customer_id", "k"))
        simulator.send("store", replace(record, attributes=person))
        assert simulator.counted("pseudonym") == 2
        gone = run(simulator, days=EMAIL + 1)
        assert (gone.identifiers, gone.counts["links"]) == ({}, 1)
        assert simulator.known() == set()
        assert (simulator.counted("pseudonym"), simulator.counted("record")) == (1, 1)


class TestWhoIsTold:
    def feed(self, tenant: TenantSimulator, client: str) -> list[tuple[str, tuple[str, ...]]]:
        page = changes(tenant.gateway, tenant.callers[client], -1, 1000)
        return [(view.kind, view.profiles.get("profile", ())) for view in page.changes]

    def test_channels_of_the_split_and_of_what_they_sent(self, simulator: TenantSimulator) -> None:
        (one,) = simulator.send("store", seen(simulator, "r1", "email:anna", "cookie:c"))
        (other,) = simulator.send("app", seen(simulator, "r2", "cookie:c"))
        (third,) = simulator.send("callcentre", seen(simulator, "r3", "email:anna"))
        run(simulator, days=COOKIE + 1)
        assert self.feed(simulator, "store")[-2:] == [("split", (one.profile_id,)), ("expired", (one.profile_id,))]
        assert self.feed(simulator, "app") == [("expired", (other.profile_id,))], "it sent nothing else of her"
        assert self.feed(simulator, "callcentre")[-1] == ("split", (third.profile_id,))

    def test_of_the_end(self, simulator: TenantSimulator) -> None:
        before = simulator.counted("log_opening")
        (one,) = simulator.send("store", seen(simulator, "r1", "cookie:c"))
        look_up(simulator, "store", "cookie:c", jurisdiction="US-CA")
        assert run(simulator, days=COOKIE + 1).counts["profiles_ended"] == 1
        assert self.feed(simulator, "store") == [("expired", (one.profile_id,))]
        assert simulator.counted("disclosure") == 0
        assert simulator.counted("log_opening") == before, "nobody is left whom the log could name"

    def test_who_is_left_can_be_erased_as_before(self, simulator: TenantSimulator) -> None:
        office = Office.of(simulator)
        simulator.send("store", seen(simulator, "r1", "email:anna", "cookie:c"), seen(simulator, "r2", "email:bob"))
        simulator.send("app", seen(simulator, "r3", "email:anna", "session_id:s"))
        run(simulator, days=COOKIE + 1)
        office.complete("erasure", "email:anna")
        assert simulator.partition() == {frozenset({"email:bob"})}
        assert [kind for kind, _ in self.feed(simulator, "app")] == ["erased"]


class TestRun:
    def many(self, simulator: TenantSimulator, count: int = 7) -> None:
        labels = [f"cookie:{place}" for place in range(count)]
        simulator.send("store", *[seen(simulator, f"r{one}", one, "customer_id:a") for one in labels])
        simulator.state("store", "opt_out", labels[0], purpose="sale", jurisdiction="US-CA")

    def test_a_dry_run_counts_and_changes_nothing(self, simulator: TenantSimulator) -> None:
        self.many(simulator)
        simulator.clock.advance((COOKIE + 1) * DAY)
        before = simulator.counted("log_entry")
        counted = run(simulator, dry_run=True)
        assert (simulator.counted("log_entry"), len(simulator.known())) == (before, 8)
        gone = run(simulator)
        assert (counted.identifiers, counted.counts["links"]) == (gone.identifiers, gone.counts["links"])
        assert gone.identifiers == {"cookie": 7}

    def test_killed_between_two_runs_it_goes_on(
        self, simulator: TenantSimulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Small pages and runs; whoever watches the progress ends it in the middle, as a signal would."""
        self.many(simulator)
        monkeypatch.setattr(flow, "_PAGE", 2)
        monkeypatch.setattr(flow, "RUN", 2)
        simulator.clock.advance((COOKIE + 1) * DAY)
        caller = system_caller(simulator.gateway, simulator.tenant_id, Role.ADMIN)
        looked_at: list[int] = []

        def kill(count: int) -> None:
            looked_at.append(count)
            if len(looked_at) == 3:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            expire(simulator.gateway, caller, looked_at=kill)
        left = simulator.counted("link") - 7
        assert 0 < left < 7
        simulator.verify()
        assert expire(simulator.gateway, caller).identifiers == {"cookie": left}
        assert simulator.partition() == {frozenset({"customer_id:a"})}

    def test_who_comes_in_meanwhile_stays(self, simulator: TenantSimulator) -> None:
        """Found to be old, then seen again before the run begins: it is looked at again under the lock."""
        simulator.send("store", seen(simulator, "r1", "cookie:c"), seen(simulator, "r2", "cookie:d"))
        simulator.clock.advance((COOKIE + 1) * DAY)
        again = seen(simulator, "r3", "cookie:c", after=COOKIE)
        caller = system_caller(simulator.gateway, simulator.tenant_id, Role.DPO)
        gone = expire(simulator.gateway, caller, looked_at=lambda _: simulator.send("app", again))
        assert gone.identifiers == {"cookie": 1}
        assert simulator.known() == {"cookie:c"}

    def test_side_by_side_with_channels(self, simulator: TenantSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
        """Half of the cookies are seen again while two jobs run: these stay, each in its profile."""
        cookies = [f"cookie:{place}" for place in range(24)]
        simulator.send("store", *[seen(simulator, f"r{one}", one, f"email:{at}") for at, one in enumerate(cookies)])
        simulator.clock.advance((COOKIE + 1) * DAY)
        monkeypatch.setattr(flow, "RUN", 3)
        again = [seen(simulator, f"s{one}", one, after=COOKIE) for one in cookies[::2]]
        work: list[Callable[[], object]] = [partial(run, simulator), partial(run, simulator)]
        work += [partial(simulator.send, "app", record) for record in again]
        with ThreadPoolExecutor(4) as pool:
            for done in [pool.submit(each) for each in work]:
                done.result()
        run(simulator)
        assert simulator.known() >= set(cookies[::2])
        assert simulator.known().isdisjoint(cookies[1::2])

    def test_it_waits_while_the_store_is_frozen_or_behind(self, simulator: TenantSimulator) -> None:
        simulator.send("store", seen(simulator, "r1", "cookie:c"))
        simulator.clock.advance((COOKIE + 1) * DAY)
        for frozen in (True, False):
            with simulator.gateway.storage.begin(simulator.tenant_id, write=True) as unit:
                unit.log.freeze(frozen=frozen)
                unit.commit()
            if frozen:
                with pytest.raises(Frozen):
                    run(simulator)
        simulator.gateway.journal.append(simulator.tenant_id, {"type": "consent", "acts": []})
        with pytest.raises(BehindJournal):
            run(simulator)
        with simulator.gateway.storage.begin(simulator.tenant_id, write=True) as unit:
            unit.log.applied_journal(simulator.gateway.journal.size(simulator.tenant_id))
            unit.commit()
        assert run(simulator).identifiers == {"cookie": 1}

    def test_no_channel_may_start_it(self, simulator: TenantSimulator) -> None:
        with pytest.raises(NotPermitted):
            expire(simulator.gateway, simulator.callers["store"])
