"""The scheduler: what it runs when, that one failure stops nothing else, and that it stops when told."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from gateway.entrypoints.jobs.schedule import JOBS, Job, plan, run_job
from gateway.flows import admin
from gateway.flows.context import Caller, Gateway
from gateway.kernel import logs
from gateway.settings import Settings
from gateway.wiring import build
from tests.doors.processes import eventually, running
from tests.doors.terminal import CANARY, TENANT, Terminal, record

INGEST = ("ingest", "-", "--format", "ndjson", "--tenant", TENANT, "--channel", "web")


@pytest.fixture
def gateway(terminal: Terminal) -> Iterator[Gateway]:
    """The gateway behind the terminal, with a second tenant."""
    terminal.ok("tenant", "create", "other")
    built = build(Settings.from_environment({"GATEWAY_HOME": str(terminal.home)}))
    yield built
    built.storage.engine.dispose()


def test_the_plan_is_what_the_help_says(gateway: Gateway) -> None:
    scheduler = BackgroundScheduler(timezone=UTC)
    plan(scheduler, gateway)
    planned = {job.id: job for job in scheduler.get_jobs()}
    intervals = {
        name: job.trigger.interval.total_seconds()
        for name, job in planned.items()
        if isinstance(job.trigger, IntervalTrigger)
    }
    hourly = dict.fromkeys(("checkpoint", "sweep", "rekey", "reevaluate"), 3600)
    assert intervals == {"replay": 60, "rights": 30, **hourly}
    now = datetime.now(UTC)
    daily_ones = {"expire", "fsck", "unpermitted"}
    for name in daily_ones:
        daily = planned[name].trigger
        first = daily.get_next_fire_time(None, now)
        second = daily.get_next_fire_time(first, first)
        assert (second - first).total_seconds() == 24 * 3600
    assert {name for name, job in planned.items() if hasattr(job, "next_run_time")} == intervals.keys() - {"rekey"}
    assert planned.keys() == intervals.keys() | daily_ones
    assert all(job.max_instances == 1 and job.coalesce for job in planned.values())


def test_every_job_does_its_work_for_every_tenant(gateway: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    for job in JOBS:
        run_job(gateway, job)
    assert "job_failed" not in capsys.readouterr().err
    for tenant_id, _ in admin.list_tenants(gateway):
        with gateway.storage.begin(tenant_id, write=False) as unit:
            assert unit.log.last_checkpoint() is not None


def test_a_failure_is_logged_by_type_and_stops_nothing_else(
    gateway: Gateway, capsys: pytest.CaptureFixture[str]
) -> None:
    done: list[int] = []

    def fail_once(_gateway: Gateway, caller: Caller) -> int:
        done.append(caller.tenant_id)
        if len(done) == 1:
            raise KeyError(CANARY)
        return 1

    logs.configure()
    run_job(gateway, Job("failing", IntervalTrigger(seconds=1), at_start=True, run=fail_once))
    assert done == [1, 2]
    printed = capsys.readouterr().err
    assert '"event":"job_failed"' in printed
    assert "builtins.KeyError" in printed
    assert '"event":"job_done"' in printed
    assert CANARY not in printed


def test_a_database_that_is_away_does_not_end_the_scheduler(
    gateway: Gateway, terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.storage.engine.dispose()
    (terminal.home / "gateway.db").rename(terminal.home / "away.db")
    logs.configure()
    for job in JOBS:
        run_job(gateway, job)
    assert capsys.readouterr().err.count('"event":"job_failed"') == len(JOBS)


def test_the_scheduler_runs_what_was_approved_and_stops_when_told(terminal: Terminal, tmp_path: Path) -> None:
    terminal.ok(*INGEST, given=record(1, email=CANARY))
    submit = ("rights", "submit", "erasure", "--tenant", TENANT, "--jurisdiction", "DE", "--proof", "account_login")
    request = terminal.json(*submit, given=f"email {CANARY}")["id"]
    for action in ("preflight", "approve"):
        terminal.ok("rights", action, request, "--tenant", TENANT)

    def completed() -> bool:
        shown = terminal.json("rights", "show", request, "--tenant", TENANT)
        return bool(shown["state"] == "completed")

    log = tmp_path / "log"
    with running(terminal, "jobs", "run", log=log) as process:
        eventually(completed, "the erasure was run")
        eventually(lambda: '"event":"scheduler_started"' in log.read_text(), "the scheduler says that it runs")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    printed = log.read_text()
    assert '"event":"job_done"' in printed
    assert "job_failed" not in printed
    assert CANARY not in printed
