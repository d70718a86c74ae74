"""Around every request: when it began, then headers, one line of log and the counters."""

from __future__ import annotations

from time import perf_counter_ns
from typing import Final

from flask import Flask, Response, g, request

from gateway.entrypoints.api.door import current_door
from gateway.kernel import logs

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"})
_HEADERS: Final = (("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"))
_POLICY: Final = "Content-Security-Policy"
_NOTHING: Final = "default-src 'none'; frame-ancestors 'none'"


def register(app: Flask) -> None:
    """Let the app time, count and log its requests and set the security headers."""
    app.before_request(_begin)
    app.after_request(_end)


def note_count(count: int) -> None:
    """How many records, events or rows this request is about, for its line of log."""
    g.count = count


def _begin() -> None:
    g.began = perf_counter_ns()


def _end(response: Response) -> Response:
    headers = response.headers
    for name, value in _HEADERS:
        headers.add(name, value)
    if _POLICY not in headers:
        headers.add(_POLICY, _NOTHING)
    seen = vars(g)
    elapsed = perf_counter_ns() - seen.get("began", perf_counter_ns())
    rule = request.url_rule
    route = "unmatched" if rule is None else rule.rule
    method = request.method if request.method in _METHODS else "other"
    status = response.status_code
    current_door().metrics.count_request(route, method, status, elapsed / 1e9)
    fields: logs.Fields = {"method": method, "route": route, "status": status, "ms": round(elapsed / 1e6, 3)}
    if "caller" in seen:
        caller = seen["caller"]
        fields |= {"tenant": caller.tenant_id, "client": f"{caller.client_id:x}"}
    if "count" in seen:
        fields["count"] = seen["count"]
    logs.event("request", **fields)
    return response
