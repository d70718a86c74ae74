"""What several tests of the operator's journeys do: erase somebody, lose the store, edit it unseen by the gateway."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from gateway.flows import rights
from gateway.flows.admin import system_caller
from gateway.flows.context import Gateway, Role
from gateway.flows.requests import RightsSubmission
from gateway.flows.run_rights import run_approved
from gateway.rights.model import Action, RequestKind
from gateway.settings import Settings
from tests.simulator import NOW, TenantSimulator, raw


def store_of(gateway: Gateway) -> Path:
    """The SQLite file of a gateway."""
    return Path(str(gateway.storage.engine.url.database))


def settings_of(gateway: Gateway, home: Path) -> Settings:
    """The settings of a gateway whose files are in `home`."""
    url = gateway.storage.engine.url.render_as_string(hide_password=False)
    return Settings.from_environment({"GATEWAY_HOME": str(home), "GATEWAY_DATABASE_URL": url})


def tamper(gateway: Gateway, *statements: str) -> None:
    """Run SQL, with the guarding triggers gone meanwhile; each statement must change something."""
    with closing(sqlite3.connect(store_of(gateway))) as connection:
        guards = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in guards:
            connection.execute(f'DROP TRIGGER "{name}"')
        for statement in statements:
            assert connection.execute(statement).rowcount > 0, statement
        for _, sql in guards:
            connection.execute(sql)
        connection.commit()


def ask(gateway: Gateway, sql: str) -> list[tuple[object, ...]]:
    """Rows of a SELECT."""
    with closing(sqlite3.connect(store_of(gateway))) as connection:
        return connection.execute(sql).fetchall()


def erase(tenant: TenantSimulator, label: str) -> None:
    """The person with this identifier asks for erasure, and the officer grants it."""
    run_request(tenant, RequestKind.ERASURE, label)


def run_request(tenant: TenantSimulator, kind: RequestKind, label: str) -> None:
    """A request of the person with this identifier is submitted, approved and run."""
    officer = system_caller(tenant.gateway, tenant.tenant_id, Role.DPO)
    request = RightsSubmission(kind, (raw(label),), "DE", "account_login", NOW)
    made = rights.submit(tenant.gateway, officer, request)
    for action in (Action.PREFLIGHT, Action.APPROVE):
        rights.act(tenant.gateway, officer, made.id, action)
    run_approved(tenant.gateway, officer)


def lose(gateway: Gateway) -> None:
    """The disk with the SQLite store is gone."""
    gateway.storage.engine.dispose()
    for path in store_of(gateway).parent.glob("gateway.db*"):
        path.unlink()
