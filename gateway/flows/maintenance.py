"""Journey: what has expired goes; run by the jobs."""

from __future__ import annotations

from gateway.flows.context import Gateway
from gateway.kernel.clock import DAY
from gateway.rights.model import FINAL


def sweep(gateway: Gateway, tenant_id: int) -> dict[str, int]:
    """Remove tombstones and export packages whose end has passed, and whom old requests named -> how many of each."""
    now = gateway.clock.now()
    accountable_since = now - gateway.policies.retention.accountability_days * DAY
    ended = sorted(state.value for state in FINAL)
    with gateway.storage.begin(tenant_id, write=True, partition=False) as unit:
        counts = {
            "tombstone": unit.tombstones.sweep(now),
            "right_package": unit.rights.sweep_packages(now),
            "right_subject": unit.rights.sweep_subjects(ended, accountable_since),
        }
        unit.commit()
    return counts
