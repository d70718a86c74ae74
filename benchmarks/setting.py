"""A gateway with one tenant and one trusted client, for benchmarks."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from gateway.flows.admin import create_client, create_tenant
from gateway.flows.context import Caller, Gateway, Role
from gateway.settings import Settings
from gateway.wiring import build, initialize


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
    row, api_key = create_client(
        gateway, tenant, name="crm", role=Role.CHANNEL, channel="store", client_class="trusted", outcomes=True
    )
    caller = Caller(tenant, row.client_id, row.name, Role.CHANNEL, row.channel, row.client_class, row.outcomes)
    return Setting(gateway, caller, api_key, settings.home / "gateway.db", settings)
