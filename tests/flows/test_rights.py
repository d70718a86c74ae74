"""Privacy requests from submission to receipt: who may do what, clocks by regime, holds, failures, duplicates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import cast

import pytest

from gateway.audit.verify import verify_proof
from gateway.flows import audit, rights
from gateway.flows.admin import system_caller
from gateway.flows.context import Caller, Role
from gateway.flows.maintenance import sweep
from gateway.flows.run_rights import run, run_approved
from gateway.flows.steps.requests import request_id
from gateway.kernel.clock import DAY, format_instant, parse_instant
from gateway.kernel.errors import Conflict, GatewayError, InvalidInput, NotFound, NotPermitted
from gateway.rights.model import Action, RequestKind, State
from gateway.rights.receipt import STATEMENT
from gateway.storage import schema
from gateway.storage.rights import SubjectRow
from tests.rights_simulator import PASSPORT, Office
from tests.simulator import NOW, TenantSimulator, grant

OPT_OUTS = ("sale", "sharing", "targeted_advertising")


@pytest.fixture
def office(simulator: TenantSimulator) -> Office:
    return Office.of(simulator)


@contextmanager
def damaged(office: Office, request: str) -> Iterator[None]:
    """Meanwhile what the request says of the person does not open."""
    tenant, number = office.tenant, request_id(request)

    def put(rows: Sequence[SubjectRow]) -> None:
        with tenant.gateway.storage.begin(tenant.tenant_id, write=True) as unit:
            unit.rights.forget_subjects([number])
            unit.session.insert(schema.right_subject, [(tenant.tenant_id, number, *row) for row in rows])
            unit.commit()

    with tenant.reading() as unit:
        rows = unit.rights.subjects(number)
    put([row._replace(sealed=bytes(len(row.sealed))) for row in rows])
    yield
    put(rows)


class TestWhoMay:
    def test_only_the_officer_acts(self, office: Office, simulator: TenantSimulator) -> None:
        request = office.submit("access", "email:anna").id
        gateway = simulator.gateway
        others = [simulator.callers["store"], simulator.callers["web"]]
        others += [system_caller(gateway, simulator.tenant_id, role) for role in (Role.AUDITOR, Role.REVIEWER)]
        for caller in others:
            for action in Action:
                with pytest.raises(NotPermitted):
                    rights.act(gateway, caller, request, action)
            with pytest.raises(NotPermitted):
                rights.package(gateway, caller, request)
            with pytest.raises(NotPermitted):
                run_approved(gateway, caller)
            with pytest.raises(NotPermitted):
                run(gateway, caller, request_id(request))
        for action in (Action.START, Action.FINISH):
            with pytest.raises(Conflict, match="not by hand"):
                office.act(request, action)

    def test_a_channel_sees_its_own_requests_and_not_what_is_held(
        self, office: Office, simulator: TenantSimulator
    ) -> None:
        """The preflight would tell a shop whether, and in how many other channels, somebody is known."""
        simulator.send("app", simulator.record("r1", "email:anna"))
        own = office.submit("erasure", "email:anna", client="store", proof="account_login").id
        foreign = office.submit("erasure", "email:anna", client="app", proof="account_login").id
        assert office.act(own, Action.PREFLIGHT).preflight is not None
        assert rights.show(simulator.gateway, simulator.callers["store"], own).preflight is None
        with pytest.raises(NotFound):
            rights.show(simulator.gateway, simulator.callers["store"], foreign)
        for caller in (simulator.callers["store"], simulator.callers["web"]):
            with pytest.raises(NotPermitted):
                rights.list_requests(simulator.gateway, caller)

    def test_a_channel_vouches_by_its_login_alone_and_a_public_one_by_nothing(self, office: Office) -> None:
        proofs = {
            (client, proof): office.submit("erasure", "email:anna", client=client, proof=proof).request.proof
            for client in ("store", "web")
            for proof in ("account_login", PASSPORT, "email_link")
        }
        assert {case for case, kept in proofs.items() if kept} == {("store", "account_login")}

    def test_one_link_proves_one_address(self, office: Office) -> None:
        """Otherwise naming somebody's address beside one's own would prove both."""
        with pytest.raises(InvalidInput) as refused:
            office.submit("access", "email:mine", "email:victim", proof="email_link")
        assert (refused.value.field, refused.value.rule) == ("proof", "proves_one_address")
        request = office.submit("access", "phone:1", "phone:2", "email:anna", proof="").id
        with pytest.raises(InvalidInput):
            office.act(request, Action.VERIFY, proof="phone_code")
        assert office.state_of(request) is State.SUBMITTED
        assert office.act(request, Action.VERIFY, proof="email_link").request.state is State.VERIFIED

    def test_unknown_requests(self, office: Office) -> None:
        for name in ("req_0000000000000000", "req_", "dec_0000000000000000", "../x"):
            with pytest.raises(NotFound):
                office.state_of(name)

    def test_another_tenants_officer_finds_nothing(self, office: Office, simulator: TenantSimulator) -> None:
        request = office.submit("access", "email:anna").id
        stranger: Caller = replace(office.officer, tenant_id=simulator.tenant_id + 1_000_000)
        with pytest.raises(GatewayError):
            rights.show(simulator.gateway, stranger, request)


class TestClocks:
    """Issue A: deadlines are not `requested_at + 30 days`, whatever the regime; the shortest where none is known."""

    @pytest.mark.parametrize(
        ("jurisdiction", "kind", "due", "extended", "acknowledged"),
        [
            ("DE", "erasure", "2027-01-04", "2027-03-02", None),
            ("GB", "access", "2027-01-04", "2027-03-02", None),
            ("US-CA", "erasure", "2027-01-16", "2027-03-02", "2026-12-16"),
            ("US-CA", "opt_out", "2026-12-23", None, None),
            ("XX", "erasure", "2026-12-17", None, None),
        ],
    )
    def test_by_regime(
        self,
        office: Office,
        jurisdiction: str,
        kind: str,
        due: str,
        extended: str | None,
        acknowledged: str | None,
    ) -> None:
        received = parse_instant("2026-12-02T12:00:00Z")
        office.tenant.clock.advance(received - office.tenant.clock.now())
        view = office.submit(kind, "email:anna", jurisdiction=jurisdiction)
        request = view.request
        assert format_instant(request.due_at)[:10] == due
        assert (request.acknowledge_by and format_instant(request.acknowledge_by)[:10]) == acknowledged
        if extended is None:
            with pytest.raises(Conflict):
                office.act(view.id, Action.EXTEND)
        else:
            assert format_instant(office.act(view.id, Action.EXTEND).request.due_at)[:10] == extended

    def test_the_most_urgent_comes_first(self, office: Office, simulator: TenantSimulator) -> None:
        late = office.submit("erasure", "email:anna").id
        soon = office.submit("opt_out", "email:anna", jurisdiction="US-CA", proof="").id
        listed = [view.id for view in rights.list_requests(simulator.gateway, office.officer)]
        assert listed == [soon, late]
        verified = rights.list_requests(simulator.gateway, office.officer, State.VERIFIED)
        assert [view.id for view in verified] == [late]

    def test_nothing_was_received_in_the_future(self, office: Office) -> None:
        assert office.submit("access", "email:anna", received_at=NOW + DAY).request.received_at == NOW


class TestDuplicates:
    """Issue A: an unverified duplicate parks or supersedes the verified request."""

    def test_an_unverified_duplicate_changes_nothing(self, office: Office, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("r1", "email:anna"))
        request = office.submit("erasure", "email:anna").id
        office.act(request, Action.PREFLIGHT)
        duplicate = office.submit("erasure", "email:anna", client="web", proof="account_login").id
        office.act(duplicate, Action.PREFLIGHT)
        with pytest.raises(Conflict, match="not verified"):
            office.act(duplicate, Action.APPROVE)
        office.act(request, Action.APPROVE)
        office.act(duplicate, Action.DENY, reason="unverifiable")
        assert office.run() == {request: State.COMPLETED}
        assert simulator.known() == set()
        assert office.state_of(duplicate) is State.DENIED

    def test_the_same_reference_is_the_same_request(self, office: Office) -> None:
        one = office.submit("erasure", "email:anna", reference="letter-17")
        assert office.submit("access", "email:bob", reference="letter-17") == one
        others = {
            office.submit("erasure", "email:anna").id,
            office.submit("erasure", "email:anna", reference="letter-18").id,
            office.submit("erasure", "email:anna", client="store", reference="letter-17").id,
        }
        assert one.id not in others
        assert len(others) == 3

    def test_a_bad_submission_leaves_nothing(self, office: Office, simulator: TenantSimulator) -> None:
        before = simulator.counted("right_request")
        for labels, proof in ((("email:anna", "nonsense:x"), PASSPORT), (("email:anna",), "crystal_ball")):
            with pytest.raises(InvalidInput) as refused:
                office.submit("erasure", *labels, proof=proof)
            assert "anna" not in str(refused.value)
        assert simulator.counted("right_request") == before


class TestHolds:
    """Issue A: releasing a legal hold never resumes the erasure."""

    def test_a_hold_stops_the_run_and_its_release_resumes_it(self, office: Office, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("r1", "email:anna"))
        request = office.submit("erasure", "email:anna").id
        office.approve(request)
        office.act(request, Action.HOLD, reason="legal_hold")
        assert office.run() == {}
        assert simulator.known() == {"email:anna"}
        assert office.act(request, Action.RELEASE).request.state is State.APPROVED
        assert office.run() == {request: State.COMPLETED}
        assert simulator.known() == set()

    def test_a_hold_on_a_run_that_was_interrupted(self, office: Office, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("r1", "email:anna"))
        request = office.submit("access", "email:anna").id
        office.approve(request)
        with damaged(office, request):
            assert office.run() == {request: State.RUNNING}
        office.act(request, Action.HOLD, reason="others_rights")
        assert office.run() == {}
        office.act(request, Action.RELEASE)
        assert office.run() == {request: State.COMPLETED}

    def test_what_the_journal_holds_is_carried_out_under_a_late_hold(
        self, office: Office, simulator: TenantSimulator
    ) -> None:
        request = office.submit("erasure", "email:anna").id
        office.approve(request)
        office.run()
        held = office.submit("erasure", "email:bob").id
        assert office.act(held, Action.HOLD, reason="legal_hold").request.hold_reason == "legal_hold"
        done = rights.show(simulator.gateway, office.officer, request)
        assert (done.request.hold_reason, done.request.hold_since, done.possible) == ("", None, ())


class TestFailures:
    """Issue A: success is shown although one failed and nothing retries; one failure fails everything."""

    def test_one_that_fails_keeps_no_other_and_is_tried_again(
        self, office: Office, simulator: TenantSimulator, capsys: pytest.CaptureFixture[str]
    ) -> None:
        simulator.send("store", simulator.record("r1", "email:anna"), simulator.record("r2", "email:bob"))
        access, erasure = office.submit("access", "email:anna").id, office.submit("erasure", "email:bob").id
        for request in (access, erasure):
            office.approve(request)
        with damaged(office, access):
            assert office.run() == {access: State.RUNNING, erasure: State.COMPLETED}
        assert simulator.known() == {"email:anna"}
        with pytest.raises(Conflict):
            office.package(access)
        with pytest.raises(Conflict):
            office.receipt(access)
        assert office.run() == {access: State.COMPLETED}
        assert "anna" not in capsys.readouterr().err

    def test_a_fault_of_the_program_shows_when_all_have_had_their_turn(
        self, office: Office, simulator: TenantSimulator
    ) -> None:
        simulator.send("store", simulator.record("r2", "email:bob"))
        access, erasure = office.submit("access", "email:anna").id, office.submit("erasure", "email:bob").id
        for request in (access, erasure):
            office.approve(request)
        with pytest.raises(AttributeError):
            run_approved(replace(simulator.gateway, controller=cast("str", None)), office.officer)
        assert (office.state_of(access), office.state_of(erasure)) == (State.RUNNING, State.COMPLETED)

    def test_a_request_runs_once(self, office: Office, simulator: TenantSimulator) -> None:
        request = office.complete("erasure", "email:anna")
        with simulator.reading() as unit:
            size = unit.log.head().size
        assert office.run() == {}
        with pytest.raises(Conflict):
            run(simulator.gateway, office.officer, request_id(request))
        with simulator.reading() as unit:
            assert unit.log.head().size == size
            assert [step for _, step, _ in unit.rights.steps(request_id(request))].count("receipt") == 1


class TestReceipts:
    def test_it_says_what_was_done_and_proves_it(self, office: Office, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("r1", "email:anna", "phone:1"))
        request = office.complete("erasure", "email:anna")
        receipt = office.receipt(request)
        assert (receipt.request, receipt.kind, receipt.counts["record"]) == (request, RequestKind.ERASURE, 1)
        days = simulator.gateway.policies.retention.backups_days
        assert receipt.last_backup_day == format_instant(NOW + days * DAY)[:10]
        with simulator.reading() as unit:
            ((_, leaf),) = unit.log.entries(receipt.log_index, receipt.log_index + 1)
        shown = verify_proof(receipt.proof, leaf, audit.verifier_key(simulator.gateway, simulator.tenant_id))
        assert shown.index == receipt.log_index
        text = receipt.as_text()
        assert STATEMENT in text
        assert "anna" not in text

    def test_every_step_is_an_entry(self, office: Office, simulator: TenantSimulator) -> None:
        request = office.complete("erasure", "email:anna")
        steps = rights.show(simulator.gateway, office.officer, request).steps
        assert [step for step, _, _ in steps] == ["submitted", "preflight", "approve", "started", "receipt"]
        with simulator.reading() as unit:
            leaves = dict(unit.log.entries(0, unit.log.head().size))
        assert all(f'"step":"{step}"'.encode() in leaves[at] for step, at, _ in steps)
        assert all(b"anna" not in leaf for leaf in leaves.values())


class TestRestrictions:
    @pytest.mark.parametrize(
        ("kind", "event", "purposes"),
        [("opt_out", "opt_out", OPT_OUTS), ("objection", "object", ("analytics", "sale"))],
    )
    def test_it_binds_the_whole_person(
        self, office: Office, simulator: TenantSimulator, kind: str, event: str, purposes: tuple[str, ...]
    ) -> None:
        simulator.send("store", simulator.record("r1", "email:anna", "phone:1", consents=[grant(), grant("sale")]))
        simulator.send("web", simulator.record("w1", "email:anna", "cookie:w"))
        office.complete(kind, "email:anna", purposes=purposes if kind == "objection" else (), jurisdiction="US-CA")
        for label in ("email:anna", "phone:1", "cookie:w"):
            assert [simulator.ledger(label, purpose) for purpose in purposes] == [event] * len(purposes)
        assert simulator.ledger("phone:1") == "grant"

    def test_a_restriction_of_everything_splits_the_profile(self, office: Office, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("r1", "email:anna", "phone:1"))
        request = office.complete("restriction", "email:anna")
        assert simulator.partition() == set()
        assert office.receipt(request).counts == {"ledger": 3, "record": 1}
        assert simulator.outcomes("app", simulator.record("r2", "phone:1", "cookie:c")) == ["refused"]
        later = NOW + DAY
        simulator.clock.advance(2 * DAY)
        back = simulator.record("r3", "email:anna", "phone:1", at=later, consents=[grant(at=later)])
        assert simulator.outcomes("store", back) == ["created"]

    def test_somebody_unknown_is_remembered(self, office: Office, simulator: TenantSimulator) -> None:
        office.complete("opt_out", "email:anna", "phone:1", jurisdiction="US-CA", proof="")
        simulator.send("store", simulator.record("r1", "phone:1", "cookie:c", jurisdiction="US-CA"))
        assert simulator.ledger("cookie:c", "sale") == "opt_out"

    def test_an_opt_out_needs_no_proof_and_an_objection_does(self, office: Office) -> None:
        objection = office.submit("objection", "email:anna", proof="").id
        with pytest.raises(Conflict, match="not verified"):
            office.act(objection, Action.APPROVE)
        opt_out = office.submit("opt_out", "email:anna", jurisdiction="US-CA", proof="").id
        with pytest.raises(Conflict, match="forbids"):
            office.act(opt_out, Action.VERIFY, proof=PASSPORT)
        assert office.act(opt_out, Action.APPROVE).request.state is State.APPROVED

    def test_a_shared_phone_opts_nobody_else_out(self, office: Office, simulator: TenantSimulator) -> None:
        """Opting everybody out is DROP's rule alone (DESIGN section 6)."""
        people = [f"email:p{place}" for place in range(7)]
        simulator.send("store", *[simulator.record(f"r{one}", one, "phone:9") for one in people])
        office.complete("opt_out", people[0], "phone:9", jurisdiction="US-CA", proof="")
        assert [simulator.ledger(one, "sale") for one in (*people, "phone:9")] == ["opt_out"] + [""] * 7

    def test_a_household_opts_nobody_out(self, office: Office, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("r1", "email:anna", "household_id:h"))
        office.complete("opt_out", "household_id:h", jurisdiction="US-CA", proof="")
        assert simulator.ledger("email:anna", "sale") == ""


def test_whom_a_request_named_is_kept_for_exports_and_then_forgotten(
    office: Office, simulator: TenantSimulator
) -> None:
    done = office.complete("opt_out", "email:anna", jurisdiction="US-CA", proof="")
    denied = office.submit("access", "email:anna").id
    office.act(denied, Action.DENY, reason="excessive")
    waiting = office.submit("access", "email:anna").id
    with simulator.reading() as unit:
        texts = {one: [row.sealed for row in unit.rights.subjects(request_id(one))] for one in (done, denied, waiting)}
    assert (texts[done], texts[denied]) == ([b""], [b""])
    assert texts[waiting] != [b""]
    years = simulator.gateway.policies.retention.accountability_days * DAY
    simulator.clock.advance(years)
    assert sweep(simulator.gateway, simulator.tenant_id)["right_subject"] == 0
    simulator.clock.advance(60 * DAY)
    assert sweep(simulator.gateway, simulator.tenant_id)["right_subject"] == 2
    assert [office.subjects(one) for one in (done, denied, waiting)] == [0, 0, 1]
    assert office.state_of(denied) is State.DENIED
