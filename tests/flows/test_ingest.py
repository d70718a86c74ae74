"""Records through ingest."""

from __future__ import annotations

from tests.simulator import TenantSimulator


def test_a(simulator: TenantSimulator) -> None:
    s = simulator
    assert s.outcomes("store", s.record("r1", "email:anna", "phone:1"), s.record("r2", "phone:1", "cookie:c")) == [
        "created",
        "linked",
    ]
    assert s.partition() == {frozenset({"email:anna", "phone:1", "cookie:c"})}
