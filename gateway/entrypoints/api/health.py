"""/healthz, /readyz and /metrics, for whoever runs the gateway, and /.well-known/gpc.json. They need no key and say
nothing about anybody.
"""

from __future__ import annotations

from http import HTTPStatus
from ipaddress import ip_address
from typing import Final

from flask import Response, request
from flask_smorest import Blueprint

from gateway.entrypoints.api import metrics, openapi
from gateway.entrypoints.api.answers import answer
from gateway.entrypoints.api.door import current_door, open_operation
from gateway.entrypoints.api.schemas import GpcSchema, HealthSchema, ReadinessSchema, content
from gateway.flows.readiness import OK
from gateway.kernel.errors import NotPermitted

BLUEPRINT: Final = Blueprint("health", __name__, description="For whoever runs the gateway; no key is needed")

_GPC_SINCE: Final = "2026-11-29"
_FORWARDED: Final = ("Forwarded", "Via", "X-Forwarded-For", "X-Real-IP")


@open_operation(
    BLUEPRINT,
    "/healthz",
    openapi.described("Is the process alive?", {200: HealthSchema}, needs="Touches nothing.", key=False),
)
def healthz() -> Response:
    """The process answers."""
    return answer({"status": "ok"})


@open_operation(
    BLUEPRINT,
    "/readyz",
    openapi.described(
        "Can the gateway serve?",
        {200: ReadinessSchema, 503: ReadinessSchema},
        needs="Asks for database, migrations, keys, policy and journal.",
        key=False,
    ),
)
def readyz() -> Response:
    """Each part, and whether all are as they must be."""
    checks = current_door().readiness.checks()
    ready = all(found == OK for found in checks.values())
    status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
    return answer({"status": "ready" if ready else "not_ready", "checks": checks}, status)


@open_operation(
    BLUEPRINT,
    "/metrics",
    openapi.described(
        "Figures for Prometheus",
        {200: content("text/plain")},
        needs="From the gateway's own machine only, and not through a proxy: the figures are of all tenants together.",
        refusals=[403],
        key=False,
    ),
)
def show_metrics() -> Response:
    """All counters. Raises NotPermitted for a caller on another machine, or behind a proxy on this one."""
    if not _is_loopback(request.remote_addr) or any(name in request.headers for name in _FORWARDED):
        raise NotPermitted("metrics are read on the gateway's own machine, not through a proxy")
    return Response(current_door().metrics.exposed(), content_type=metrics.CONTENT_TYPE)


@open_operation(
    BLUEPRINT,
    "/.well-known/gpc.json",
    openapi.described(
        "Is Global Privacy Control supported?", {200: GpcSchema}, needs="As the GPC specification has it.", key=False
    ),
)
def gpc() -> Response:
    """It is (https://privacycg.github.io/gpc-spec/, section 4)."""
    return answer({"gpc": True, "lastUpdate": _GPC_SINCE})


def _is_loopback(address: str | None) -> bool:
    try:
        return ip_address(address or "").is_loopback
    except ValueError:
        return False
