"""A gateway behind its HTTP door, on files of its own, with a client of every kind."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gateway.app import create_app
from gateway.flows.admin import create_client, create_tenant, find_tenant, revoke_client, system_caller
from gateway.flows.context import Gateway, Role
from gateway.flows.run_rights import run_approved
from gateway.kernel.clock import DAY, ManualClock, format_instant
from gateway.settings import Settings
from gateway.wiring import build, initialize
from tests.notices import register

NOW = 1_795_500_000_000  # 2026-11-24
EARLIER = format_instant(NOW - DAY)
LATELY = format_instant(NOW - DAY // 24)
PURPOSE = "identity_resolution"
MAX_BODY = 1 << 20

# What a server says of a body that comes in chunks.
CHUNKED: Mapping[str, Any] = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}

# Name -> role, channel, class, whether it is told outcomes.
CLIENTS: Mapping[str, tuple[Role, str, str, bool]] = {
    "web": (Role.CHANNEL, "web", "trusted", True),
    "store": (Role.CHANNEL, "store", "trusted", True),
    "quiet": (Role.CHANNEL, "quiet", "trusted", False),
    "browser": (Role.CHANNEL, "browser", "public", False),
    "dpo": (Role.DPO, "", "trusted", True),
    "reviewer": (Role.REVIEWER, "", "trusted", True),
    "auditor": (Role.AUDITOR, "", "trusted", True),
    "admin": (Role.ADMIN, "", "trusted", True),
    "revoked": (Role.CHANNEL, "web", "trusted", True),
}


@dataclass(frozen=True, slots=True)
class Site:
    """One gateway: its parts, its app, a test client on it and the API keys by name of the client."""

    settings: Settings
    gateway: Gateway
    clock: ManualClock
    app: Flask
    client: FlaskClient
    keys: Mapping[str, str]
    tenant: int

    def call(self, method: str, path: str, who: str = "", **options: Any) -> TestResponse:
        """A request in the name of a client; `options` as werkzeug's `open` takes them."""
        headers = dict(options.pop("headers", {}))
        if who:
            headers.setdefault("Authorization", f"Bearer {self.keys[who]}")
        return self.client.open(path, method=method, headers=headers, buffered=True, **options)

    def finish(self, kind: str, *identifiers: dict[str, str]) -> str:
        """Let a privacy request go its whole way for the person with these identifiers -> its id."""
        body = {"request": kind, "identifiers": identifiers, "jurisdiction": "DE", "proof": "id_document_checked"}
        submitted = self.call("POST", "/v1/rights", "dpo", json=body)
        assert submitted.status_code == 201, submitted.get_json()
        place = submitted.headers["Location"]
        for action in ("preflight", "approve"):
            acted = self.call("POST", f"{place}/{action}", "dpo")
            assert acted.status_code == 200, acted.get_json()
        self.run_requests()
        return place.rpartition("/")[2]

    def run_requests(self) -> None:
        """Do what the scheduler does: run what is approved."""
        run_approved(self.gateway, system_caller(self.gateway, self.tenant, Role.DPO))

    def rows(self) -> dict[str, int]:
        """Rows of each table."""
        with closing(sqlite3.connect(self.settings.home / "gateway.db")) as connection:
            names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            counts = [f"SELECT '{name}', count(*) FROM \"{name}\"" for name in names]  # noqa: S608 - names of tables
            return dict(connection.execute(" UNION ALL ".join(counts)).fetchall())

    def alive(self) -> None:
        """Check that the next caller is served as if nothing had happened."""
        answered = self.call("POST", "/v1/decisions", "web", json={"records": [record("alive")]})
        assert (answered.status_code, answered.get_json()["results"][0]["outcome"]) == (200, "created")


def make_home(home: Path) -> dict[str, str]:
    """A store with the tenants `shop` and `rival` and all clients, in the directory `home` -> their API keys."""
    settings = settings_of(home)
    initialize(settings)
    gateway = build(settings, ManualClock(NOW))
    keys: dict[str, str] = {}
    shop, rival = create_tenant(gateway, "shop"), create_tenant(gateway, "rival")
    register(gateway, shop, "web-2026")
    for name, (role, channel, client_class, outcomes) in CLIENTS.items():
        row, keys[name] = create_client(
            gateway, shop, name=name, role=role, channel=channel, client_class=client_class, outcomes=outcomes
        )
        if name == "revoked":
            revoke_client(gateway, shop, row.client_id)
    for name in ("dpo", "auditor"):
        _, keys[f"rival-{name}"] = create_client(
            gateway, rival, name=name, role=Role(name), channel="", client_class="trusted", outcomes=True
        )
    gateway.storage.engine.dispose()
    return keys


@contextmanager
def served(template: Path, home: Path, keys: Mapping[str, str]) -> Iterator[Site]:
    """A copy of the store in `template`, at `home`, behind a door of its own."""
    shutil.copytree(template, home)
    settings = settings_of(home)
    clock = ManualClock(NOW)
    gateway = build(settings, clock)
    app = create_app(settings, gateway)
    yield Site(settings, gateway, clock, app, app.test_client(), keys, find_tenant(gateway, "shop"))
    gateway.storage.engine.dispose()


def settings_of(home: Path) -> Settings:
    """Settings of a gateway at `home`, with a body limit that tests reach."""
    read = Settings.from_environment({"GATEWAY_HOME": str(home), "GATEWAY_MAX_BODY_MIB": str(MAX_BODY >> 20)})
    assert read.max_body_bytes == MAX_BODY
    return read


def email(value: str = "jane@shop.example") -> dict[str, str]:
    """An e-mail address as channels send it."""
    return {"kind": "email", "value": value}


def cookie(value: str = "cookie-0001") -> dict[str, str]:
    """A cookie as channels send it."""
    return {"kind": "cookie", "value": value}


def consent(kind: str = "grant", **changes: object) -> dict[str, Any]:
    """A consent event of yesterday."""
    return {"kind": kind, "purpose": PURPOSE, "occurred_at": EARLIER, "notice": "web-2026", **changes}


def record(name: str, *identifiers: dict[str, str], granted: bool = True, **changes: object) -> dict[str, Any]:
    """A record of an hour ago about somebody in Germany who agreed, unless `granted` is False."""
    body: dict[str, Any] = {
        "record_id": name,
        "observed_at": LATELY,
        "jurisdiction": "DE",
        "identifiers": list(identifiers) or [email(), cookie()],
    }
    consents = [consent(), consent(purpose="device_access")]
    return {**body, **({"consents": consents} if granted else {}), **changes}
