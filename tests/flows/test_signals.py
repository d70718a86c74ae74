"""Signals that come with records: GPC, TC, GPP and US Privacy strings become ledger events, once, and say no more.

That a signal came is an event of its own, which keeps its text sealed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.consent.model import EventKind
from gateway.flows.admin import set_tcf_vendor
from gateway.flows.messages import IncomingRecord, RecordResult
from gateway.flows.steps.signals import at_latest, signal_context
from gateway.identifiers.sealing import unseal
from gateway.kernel.clock import DAY, HOUR
from tests.flows.rigs import erase
from tests.rights_simulator import asked
from tests.simulator import NOW, TenantSimulator, grant
from tests.spoken import VENDOR, said, tc_text, us_text

ADVERTISING = ("sale", "sharing", "targeted_advertising")
CALIFORNIA = (*ADVERTISING, "health_sale")
ANALYTICS = "analytics"
AGREED = tc_text(said(1, 7, 8, 9, 10))
REFUSED = tc_text(said())


def sent(results: list[RecordResult]) -> RecordResult:
    """The only result."""
    (result,) = results
    return result


@pytest.fixture
def vendor(simulator: TenantSimulator) -> TenantSimulator:
    """A tenant that is a vendor of the TCF."""
    set_tcf_vendor(simulator.gateway, simulator.tenant_id, VENDOR)
    return simulator


def visit(tenant: TenantSimulator, name: str, *labels: str, at: int = NOW - HOUR, **signals: Any) -> IncomingRecord:
    """A visit of a site that brings these strings."""
    record = tenant.record(name, *(labels or ("cookie:c",)), at=at)
    return replace(record, **signals)


def texts(tenant: TenantSimulator) -> list[str]:
    """The texts of signals that are kept, opened again."""
    keys = tenant.gateway.keys.tenant(tenant.tenant_id)
    with tenant.reading() as unit:
        facts = [fact for fact in unit.ledger.facts(tenant.ids(unit).values()) if fact.kind == EventKind.SIGNAL]
        tokens = {fact.position: fact.basis for fact in facts}
        sealed = unit.ledger.signals(tokens)
    return [unseal(keys, signal_context(tokens[at]), text).decode() for at, text in sorted(sealed.items())]


class TestGpc:
    """11 CCR 7025: it opts the person out of advertising and sale, as the rules say, and of nothing else."""

    def test_it_binds_the_whole_profile_and_who_joins_it(self, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("r1", "email:anna", "cookie:c", jurisdiction="US-CA", consents=[]))
        signal = simulator.record("r2", "cookie:c", jurisdiction="US-CA", consents=[], gpc=True)
        assert simulator.outcomes("web", signal) == ["linked"]
        assert simulator.outcomes("store", simulator.record("r3", "email:anna", "phone:1")) == ["linked"]
        for label in ("email:anna", "cookie:c", "phone:1"):
            assert [simulator.ledger(label, purpose) for purpose in CALIFORNIA] == ["opt_out"] * 4
        assert simulator.ledger("cookie:c") == ""
        assert len(simulator.partition()) == 1

    @pytest.mark.parametrize("beside", [(), ("household_id:h",)], ids=["alone", "beside a household"])
    def test_transitions_are_recorded_not_every_request(
        self, simulator: TenantSimulator, beside: tuple[str, ...]
    ) -> None:
        for place in range(3):
            visit = simulator.record(
                f"r{place}", "cookie:c", *beside, at=NOW - HOUR + place, jurisdiction="US-CA", consents=[], gpc=True
            )
            simulator.send("web", visit)
        assert simulator.counted("ledger") == 1 + len(CALIFORNIA)

    def test_the_gdpr_hears_it_as_an_objection_to_advertising_and_its_site_is_told(
        self, simulator: TenantSimulator
    ) -> None:
        """GDPR Art. 21(5): by automated means using technical specifications."""
        result = sent(simulator.send("store", simulator.record("r1", "email:anna", gpc=True)))
        assert (result.outcome, result.gpc) == ("created", True)
        assert [simulator.ledger("email:anna", purpose) for purpose in ADVERTISING] == ["opt_out"] * 3
        assert simulator.ledger("email:anna") == "grant"
        assert not sent(simulator.send("store", simulator.record("r2", "email:anna"))).gpc

    def test_after_a_later_opt_in_it_counts_again(self, simulator: TenantSimulator) -> None:
        visit = simulator.record("r1", "cookie:c", at=NOW - 3 * HOUR, jurisdiction="US-CA", consents=[], gpc=True)
        simulator.send("web", visit)
        simulator.state("web", "opt_in", "cookie:c", purpose="sale", at=NOW - 2 * HOUR)
        simulator.send("web", replace(visit, record_id="r2", observed_at=NOW - HOUR))
        assert simulator.ledger("cookie:c", "sale") == "opt_out"

    def test_a_gpp_string_may_say_it_too(self, simulator: TenantSimulator) -> None:
        text = us_text("usca", GpcSegmentIncluded=True, Gpc=True)
        simulator.send("web", replace(visit(simulator, "r1", gpp=text), jurisdiction="US-CA"))
        assert [simulator.ledger("cookie:c", purpose) for purpose in CALIFORNIA] == ["opt_out"] * 4


class TestTcStrings:
    def test_it_speaks_for_the_device_alone(self, vendor: TenantSimulator) -> None:
        vendor.send("store", visit(vendor, "r1", "email:anna", "cookie:c", tcf=AGREED))
        assert [vendor.ledger(label, ANALYTICS) for label in ("cookie:c", "email:anna")] == ["grant", ""]
        assert vendor.ledger("cookie:c", "personalization") == "deny"
        assert vendor.ledger("cookie:c", "sale") == "", "no purpose of the framework is a consent to a sale"

    def test_it_permits_no_linking(self, vendor: TenantSimulator) -> None:
        everything = tc_text(said(*range(1, 25)))
        record = replace(visit(vendor, "r1", tcf=everything), consents=())
        assert sent(vendor.send("web", record)).outcome == "refused"
        assert vendor.ledger("cookie:c") == ""

    def test_to_a_tenant_that_is_no_vendor_it_says_nothing_but_that_it_came(self, simulator: TenantSimulator) -> None:
        simulator.send("web", visit(simulator, "r1", tcf=AGREED))
        assert simulator.ledger("cookie:c", ANALYTICS) == ""
        assert texts(simulator) == [AGREED]

    def test_where_no_rule_names_it_neither(self, vendor: TenantSimulator) -> None:
        vendor.send("web", replace(visit(vendor, "r1", tcf=REFUSED), jurisdiction="US-CA"))
        assert vendor.ledger("cookie:c", ANALYTICS) == ""

    def test_its_text_is_kept_sealed_and_goes_with_the_person(self, vendor: TenantSimulator) -> None:
        vendor.send("web", visit(vendor, "r1", tcf=AGREED))
        assert texts(vendor) == [AGREED]
        with vendor.reading() as unit:
            ((stored,),) = unit.session.rows("SELECT sealed FROM signal_text WHERE tenant_id = ?", [vendor.tenant_id])
        assert AGREED.encode() not in bytes(stored)
        erase(vendor, "cookie:c")
        assert vendor.counted("signal_text") == vendor.counted("ledger") == 0

    def test_seen_twice_it_is_heard_once(self, vendor: TenantSimulator) -> None:
        vendor.send("web", visit(vendor, "r1", tcf=AGREED))
        before = vendor.counted("ledger")
        vendor.send("web", replace(visit(vendor, "r2", at=NOW - 1, tcf=AGREED), consents=()))
        assert (vendor.counted("ledger"), vendor.counted("signal_text")) == (before, 1)

    def test_a_withdrawal_is_not_undone_by_the_old_string_seen_again(self, vendor: TenantSimulator) -> None:
        today = tc_text(said(1, 7, 8, 9, 10, last_updated_at=NOW - NOW % DAY))
        vendor.send("web", visit(vendor, "r1", at=NOW - 3 * HOUR, tcf=today))
        assert vendor.ledger("cookie:c", ANALYTICS) == "grant"
        vendor.state("callcentre", "withdraw", "cookie:c", purpose=ANALYTICS, at=NOW - 2 * HOUR)
        vendor.send("web", visit(vendor, "r2", at=NOW - HOUR, tcf=today))
        assert vendor.ledger("cookie:c", ANALYTICS) == "withdraw"

    def test_nor_by_an_old_string_that_was_not_seen_before(self, vendor: TenantSimulator) -> None:
        vendor.state("callcentre", "withdraw", "cookie:c", purpose=ANALYTICS, at=NOW - 2 * HOUR)
        vendor.send("web", visit(vendor, "r1", tcf=AGREED))
        assert vendor.ledger("cookie:c", ANALYTICS) == "withdraw"

    def test_a_new_choice_counts(self, vendor: TenantSimulator) -> None:
        vendor.send("web", visit(vendor, "r1", at=NOW - 3 * HOUR, tcf=REFUSED))
        assert vendor.ledger("cookie:c", ANALYTICS) == "deny"
        today = tc_text(said(1, 7, 8, 9, 10, last_updated_at=NOW - NOW % DAY))
        vendor.send("web", visit(vendor, "r2", at=NOW - HOUR, tcf=today))
        assert vendor.ledger("cookie:c", ANALYTICS) == "grant"

    def test_a_service_specific_one_holds_at_its_channel_alone(self, vendor: TenantSimulator) -> None:
        own = tc_text(said(1, 7, 8, 9, 10, is_service_specific=True))
        vendor.send("store", visit(vendor, "r1", "device_id:d", tcf=own))
        vendor.send("app", visit(vendor, "r2", "device_id:d"))
        permitted = {name: asked(vendor, name, "device_id:d", purpose=ANALYTICS).permitted for name in ("store", "app")}
        assert permitted == {"store": True, "app": False}
        vendor.send("app", visit(vendor, "r3", "device_id:d", tcf=own))
        assert not asked(vendor, "app", "device_id:d", purpose=ANALYTICS).permitted, "it is the store's own string"

    @pytest.mark.parametrize("name", ["tcf", "gpp", "usp"])
    def test_a_damaged_string_is_a_problem_and_nothing_is_written(self, vendor: TenantSimulator, name: str) -> None:
        with vendor.reading() as unit:
            size = unit.log.head().size
        signals: dict[str, Any] = {name: AGREED[:-3] + "!"}
        result = sent(vendor.send("web", visit(vendor, "r1", **signals)))
        assert result.outcome == "invalid"
        assert result.problem is not None
        assert result.problem.field == f"signals.{name}"
        assert AGREED[:12] not in repr(result)
        assert [vendor.counted(table) for table in ("ledger", "record", "pseudonym", "signal_text")] == [0] * 4
        with vendor.reading() as unit:
            assert unit.log.head().size == size


class TestUsStrings:
    def test_they_opt_out_and_bind_the_profile(self, simulator: TenantSimulator) -> None:
        strings: dict[str, Any] = {"usp": "1YYN", "gpp": us_text("usca", SaleOptOut=1)}
        for name, text in strings.items():
            simulator.send("store", simulator.record(f"{name}-1", f"email:{name}", f"cookie:{name}", consents=[]))
            record = replace(visit(simulator, f"{name}-2", f"cookie:{name}", **{name: text}), jurisdiction="US-CA")
            simulator.send("web", replace(record, consents=()))
            simulator.send("store", simulator.record(f"{name}-3", f"email:{name}", f"cookie:{name}"))
            assert simulator.ledger(f"cookie:{name}", "sale") == "opt_out"
            assert simulator.ledger(f"email:{name}", "sale") == "opt_out"
            assert simulator.ledger(f"email:{name}") == "grant"
        assert simulator.ledger("cookie:gpp", "sharing") == "", "a field of its own"

    def test_one_that_opts_out_of_nothing_restricts_nothing(self, simulator: TenantSimulator) -> None:
        simulator.send("web", visit(simulator, "r1", usp="1YNN", gpp=us_text("usca", SaleOptOut=2)))
        assert simulator.ledger("cookie:c", "sale") == ""
        assert len(texts(simulator)) == 2

    def test_a_known_child_is_one_on_every_identifier(self, simulator: TenantSimulator) -> None:
        """Place 1 of usnat speaks of those from 13 to 15: until 16 it may be three years, counted from the visit."""
        at = NOW - HOUR
        text = us_text("usnat", KnownChildSensitiveDataConsents=(1, 0, 0))
        record = replace(visit(simulator, "r1", "email:anna", "cookie:c", at=at, gpp=text), jurisdiction="US-CA")
        simulator.send("store", record)
        with simulator.reading() as unit:
            facts = unit.ledger.facts(simulator.ids(unit).values())
        found = [(fact.basis, fact.expires_at) for fact in facts if fact.kind == EventKind.MINOR]
        assert found == [("under:16", at_latest(at, 3))] * 2
        sale = asked(simulator, "store", "email:anna", purpose="sale", jurisdiction="US-CA")
        assert (sale.permitted, sale.reason) == (False, "minor")
        given = grant("sale", at=NOW - 1)
        simulator.send("store", simulator.record("r2", "email:anna", jurisdiction="US-CA", consents=[given]))
        assert asked(simulator, "store", "email:anna", purpose="sale", jurisdiction="US-CA").permitted
