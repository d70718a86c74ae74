"""A gateway with one tenant and one trusted client, for benchmarks."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.flows.admin import create_client, create_tenant, system_caller
from gateway.flows.context import Caller, Gateway, Role
from gateway.flows.notices import NoticeInput, register_notice
from gateway.settings import Settings
from gateway.wiring import build, initialize

NOTICE: Final = "bench-notice"
"""What the people of benchmarks were shown: it asks for everything, and was always in force."""


@dataclass(frozen=True, slots=True)
class Setting:
    """The gateway, its one client and, on SQLite, the database file."""

    gateway: Gateway
    caller: Caller
    api_key: str
    database: Path
    settings: Settings


def open_setting(home: Path, database_url: str = "") -> Setting:
    """A fresh gateway under `home` (on `database_url` if given, else SQLite)."""
    chosen = {"GATEWAY_HOME": str(home / "home"), "GATEWAY_DATABASE_URL": database_url}
    settings = Settings.from_environment({**os.environ, **chosen})
    initialize(settings)
    gateway = build(settings)
    tenant = create_tenant(gateway, "bench")
    notice = NoticeInput(NOTICE, "1", ("en",), tuple(gateway.policies.purposes), "May we recognize you?", 0)
    register_notice(gateway, system_caller(gateway, tenant, Role.ADMIN), notice)
    row, api_key = create_client(
        gateway, tenant, name="crm", role=Role.CHANNEL, channel="store", client_class="trusted", outcomes=True
    )
    caller = Caller(tenant, row.client_id, row.name, Role.CHANNEL, row.channel, row.client_class, row.outcomes)
    return Setting(gateway, caller, api_key, settings.home / "gateway.db", settings)
