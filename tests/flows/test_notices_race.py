"""Versions of one notice that are registered at once follow each other: never are two of them in force."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

from gateway.flows.admin import system_caller
from gateway.flows.context import Role
from gateway.flows.notices import NoticeInput, list_notices, register_notice
from gateway.kernel.errors import Conflict
from tests.simulator import MATCHING, NOW, TenantSimulator


def test_registered_at_once(simulator: TenantSimulator) -> None:
    caller = system_caller(simulator.gateway, simulator.tenant_id, Role.ADMIN)

    def registered(version: int) -> int:
        notice = NoticeInput("till", str(version), ("en",), (MATCHING,), "text", NOW + version)
        try:
            register_notice(simulator.gateway, caller, notice)
        except Conflict:
            return 0
        return 1

    with ThreadPoolExecutor(4) as pool:
        count = sum(pool.map(registered, range(8)))
    kept = [one for one in list_notices(simulator.gateway, caller) if one.notice == "till"]
    assert len(kept) == count > 0
    assert all(one.in_force_to == following.in_force_from for one, following in pairwise(kept))
