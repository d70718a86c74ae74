"""What runs when, for every tenant, and what happens when it fails.

    replay       at the start, then each minute   a store behind its journal catches up
    checkpoint   at the start, then hourly        the log is signed as it stands
    rights       every 30 seconds                 approved privacy requests are run
    sweep        hourly                           tombstones and exports that have ended go
    rekey        hourly                           what older keys made is wrapped by the newest, 5,000 rows a second
    reevaluate   hourly                           what time or a new policy may have changed is decided again
    unpermitted  daily at 02:47 UTC               what no purpose permits any more goes, after its grace
    expire       daily at 02:17 UTC               identifiers older than their kind is kept go
    fsck         daily at 03:17 UTC               the store is checked against its log

A job that fails is logged by the type of its error and does not keep another job or tenant from running. A job is
never started while its last run goes on, and runs that were missed are made up for by one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from apscheduler.schedulers.base import BaseScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from gateway.flows import admin, audit
from gateway.flows.context import Caller, Gateway, Role
from gateway.flows.expire import expire
from gateway.flows.forget_unpermitted import forget_unpermitted
from gateway.flows.fsck import fsck
from gateway.flows.maintenance import sweep
from gateway.flows.reevaluate import reevaluate
from gateway.flows.replay import replay
from gateway.flows.rotate_keys import rekey
from gateway.flows.run_rights import run_approved
from gateway.kernel import logs

MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
_ROWS_PER_SECOND: Final = 5_000


@dataclass(frozen=True, slots=True)
class Job:
    """One kind of work: `run` does it for one tenant and says how much there was to do."""

    name: str
    trigger: BaseTrigger
    at_start: bool
    run: Callable[[Gateway, Caller], int]


def _checkpoint(gateway: Gateway, caller: Caller) -> int:
    audit.checkpoint(gateway, caller.tenant_id)
    return 0


def _rights(gateway: Gateway, caller: Caller) -> int:
    return len(run_approved(gateway, caller))


def _sweep(gateway: Gateway, caller: Caller) -> int:
    return sum(sweep(gateway, caller.tenant_id).values())


def _rekey(gateway: Gateway, caller: Caller) -> int:
    return rekey(gateway, caller.tenant_id, per_second=_ROWS_PER_SECOND)


def _expire(gateway: Gateway, caller: Caller) -> int:
    return sum(expire(gateway, caller).identifiers.values())


def _reevaluate(gateway: Gateway, caller: Caller) -> int:
    return reevaluate(gateway, caller, dry_run=False).records


def _unpermitted(gateway: Gateway, caller: Caller) -> int:
    return forget_unpermitted(gateway, caller, dry_run=False).records


def _fsck(gateway: Gateway, caller: Caller) -> int:
    report = fsck(gateway, caller.tenant_id)
    findings = sum(finding.count for finding in report.findings)
    if findings:
        logs.event("fsck_found", level=logging.ERROR, tenant=caller.tenant_id, count=findings)
    return findings


JOBS: Final[Sequence[Job]] = (
    Job("replay", IntervalTrigger(seconds=MINUTE, timezone=UTC), at_start=True, run=replay),
    Job("checkpoint", IntervalTrigger(seconds=HOUR, timezone=UTC), at_start=True, run=_checkpoint),
    Job("rights", IntervalTrigger(seconds=30, timezone=UTC), at_start=True, run=_rights),
    Job("sweep", IntervalTrigger(seconds=HOUR, timezone=UTC), at_start=True, run=_sweep),
    Job("rekey", IntervalTrigger(seconds=HOUR, timezone=UTC), at_start=False, run=_rekey),
    Job("reevaluate", IntervalTrigger(seconds=HOUR, timezone=UTC), at_start=True, run=_reevaluate),
    Job("unpermitted", CronTrigger(hour=2, minute=47, timezone=UTC), at_start=False, run=_unpermitted),
    Job("expire", CronTrigger(hour=2, minute=17, timezone=UTC), at_start=False, run=_expire),
    Job("fsck", CronTrigger(hour=3, minute=17, timezone=UTC), at_start=False, run=_fsck),
)


def run_job(gateway: Gateway, job: Job) -> None:
    """Run a job for every tenant. Raises nothing: failures are logged."""
    try:
        tenants = admin.list_tenants(gateway)
    except Exception as error:  # noqa: BLE001 - a job must not end the scheduler
        logs.failure("job_failed", error, step=job.name)
        return
    for tenant_id, _ in tenants:
        try:
            count = job.run(gateway, admin.system_caller(gateway, tenant_id, Role.DPO))
        except Exception as error:  # noqa: BLE001 - the other tenants' turn comes all the same
            logs.failure("job_failed", error, step=job.name, tenant=tenant_id)
        else:
            if count:
                logs.event("job_done", step=job.name, tenant=tenant_id, count=count)


def plan(scheduler: BaseScheduler, gateway: Gateway, jobs: Sequence[Job] = JOBS) -> None:
    """Enter the jobs into a scheduler that was not started yet."""
    now = datetime.now(UTC)
    for job in jobs:
        first = {"next_run_time": now} if job.at_start else {}
        scheduler.add_job(
            run_job,
            job.trigger,
            (gateway, job),
            id=job.name,
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
            **first,
        )
