"""Journey: what has expired goes; run by the jobs."""

from __future__ import annotations

from gateway.flows.context import Gateway


def sweep(gateway: Gateway, tenant_id: int) -> dict[str, int]:
    """Remove tombstones and export packages whose end has passed -> how many of each."""
    now = gateway.clock.now()
    with gateway.storage.begin(tenant_id, write=True, partition=False) as unit:
        counts = {"tombstone": unit.tombstones.sweep(now), "right_package": unit.rights.sweep_packages(now)}
        unit.commit()
    return counts
