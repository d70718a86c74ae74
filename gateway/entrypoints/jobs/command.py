"""`gateway jobs run`: the scheduler, in a process of its own until SIGTERM or SIGINT."""

from __future__ import annotations

import logging
import signal
from datetime import UTC

import click
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.blocking import BlockingScheduler

from gateway import wiring
from gateway.entrypoints.jobs.schedule import plan
from gateway.flows import admin
from gateway.kernel import logs
from gateway.kernel.errors import Unavailable
from gateway.settings import Settings

_THREADS = 4


@click.group("jobs", short_help="The scheduler.")
def jobs() -> None:
    """Work that nobody asks for: checkpoints, approved privacy requests, retention, checks."""


@jobs.command("run")
def run() -> None:
    """Run the scheduler alone, until it is stopped. `gateway serve` runs it beside the web workers.

    Replays the journal where the store is behind it (each minute), signs checkpoints (hourly), runs approved privacy
    requests (every 30 seconds), removes tombstones and exports that have ended (hourly), lets identifiers go whose time
    is over (daily) and checks the store against its log (daily).
    One scheduler per database is enough.
    """
    logs.configure()
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)
    settings = Settings.from_environment()
    gateway = wiring.build(settings)
    if not wiring.is_current(settings):
        raise Unavailable("the database does not fit this program: run `gateway db upgrade`")
    for tenant_id, _ in admin.list_tenants(gateway):
        admin.activate_policies(gateway, tenant_id)
    scheduler = BlockingScheduler(executors={"default": ThreadPoolExecutor(_THREADS)}, timezone=UTC)
    plan(scheduler, gateway)

    def stop(*_signal: object) -> None:
        scheduler.shutdown(wait=False)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    logs.event("scheduler_started")
    scheduler.start()
    logs.event("scheduler_stopped")
