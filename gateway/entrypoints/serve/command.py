"""`gateway serve`.

    1 prepare   home directory, root key, migrations
    2 build     keys, policies and store must be there before a port is opened
    3 replay    the journal of each tenant, where the store is behind it
    4 run       web workers (granian) and the scheduler, until SIGTERM or SIGINT

Children are processes of their own: the scheduler never shares one with a web worker.
"""

from __future__ import annotations

import errno
import http.client
import os
import socket
import sys
import tempfile
import time
from functools import partial
from typing import Final

import click

from gateway import wiring
from gateway.entrypoints.serve.supervisor import GRACE, Child, Supervisor
from gateway.flows import admin, backup
from gateway.kernel import logs
from gateway.kernel.errors import InvalidInput, Unavailable
from gateway.settings import Settings

_READY_SECONDS: Final = 60.0
_THREADS: Final = 32
"""Requests a worker handles at once; one that sends its body slowly holds one of them."""

_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what such an address answers on here


@click.command("serve", short_help="The API, with the scheduler beside it.")
@click.option("--host", envvar="GATEWAY_HOST", default="127.0.0.1", show_default=True, show_envvar=True)
@click.option(
    "--port", envvar="GATEWAY_PORT", type=click.IntRange(1, 65535), default=8080, show_default=True, show_envvar=True
)
@click.option(
    "--workers",
    envvar="GATEWAY_WORKERS",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    show_envvar=True,
    help="Web processes; more than one needs PostgreSQL.",
)
def serve(host: str, port: int, workers: int) -> None:
    """Serve the API, with the scheduler beside it as its own process.

    Makes what `gateway init` makes, applies migrations and replays the journal first. A child that dies is started
    again; SIGTERM and SIGINT stop all of them.
    """
    logs.configure()
    settings = Settings.from_environment()
    if workers > 1 and settings.is_sqlite:
        message = "SQLite has one writer: set GATEWAY_DATABASE_URL to a PostgreSQL database, or leave --workers out"
        raise InvalidInput(message, field="--workers", rule="needs_postgresql")
    prepare(settings)
    check_free(host, port)
    if workers > 1:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="gateway-metrics-")
    supervisor = Supervisor([Child("web", web_command(host, port, workers)), Child("scheduler", scheduler_command())])
    if not supervisor.run(partial(announce, supervisor, host, port)):
        raise Unavailable("a part of the gateway could not run: see what it wrote above")
    logs.event("stopped")


def prepare(settings: Settings) -> None:
    """Steps 1 to 3. Raises Unavailable with what is missing."""
    if notice := wiring.initialize(settings):
        logs.event("root_key_made")
        click.echo(notice, err=True)
    gateway = wiring.build(settings)
    for tenant_id, _ in admin.list_tenants(gateway):
        if replayed := backup.replay_journal(gateway, tenant_id):
            logs.event("journal_replayed", tenant=tenant_id, count=replayed)
        admin.activate_policies(gateway, tenant_id)
    gateway.storage.engine.dispose()


def web_command(host: str, port: int, workers: int) -> list[str]:
    """The web server's command line. It restarts its own workers, each of which has a few threads."""
    return [
        *(sys.executable, "-m", "granian", "gateway.app:create_app", "--factory", "--interface", "wsgi"),
        *("--host", host, "--port", str(port), "--workers", str(workers), "--http", "1", "--no-ws"),
        *("--blocking-threads", str(_THREADS), "--backpressure", str(_THREADS * 4)),
        *("--respawn-failed-workers", "--respawn-interval", "0.5", "--workers-kill-timeout", str(int(GRACE) - 1)),
        *("--log-level", "error", "--no-access-log"),
    ]


def scheduler_command() -> list[str]:
    """The scheduler's command line."""
    return [sys.executable, "-m", "gateway.entrypoints.main", "jobs", "run"]


def check_free(host: str, port: int) -> None:
    """Raises Unavailable where the address cannot be listened on, for example because somebody else does."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        why = "it is in use" if error.errno == errno.EADDRINUSE else "the system refuses it"
        raise Unavailable(f"cannot listen on port {port}, {why}: choose another --host or --port") from None


def announce(supervisor: Supervisor, host: str, port: int) -> bool:
    """Wait until the gateway answers and say so -> False when it does not within a minute or a child ends before."""
    until = time.monotonic() + _READY_SECONDS
    while not supervisor.stopping:
        if healthy(_EVERYWHERE.get(host, host), port):
            logs.event("serving")
            if sys.stderr.isatty():
                shown = f"[{host}]" if ":" in host else host
                click.echo(f"The gateway answers on http://{shown}:{port} until Ctrl-C.", err=True)
            return True
        if supervisor.failed() or time.monotonic() > until:
            return False
        supervisor.pause(0.1)
    return True


def healthy(host: str, port: int) -> bool:
    """Whether GET /healthz is answered with 200."""
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
