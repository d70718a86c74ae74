"""Around every request: when it began, then headers, one line of log and the counters."""

from __future__ import annotations

from time import perf_counter_ns
from typing import Final

from flask import Flask, Response, g, request

from gateway.entrypoints.api.door import current_caller, current_door
from gateway.kernel import logs

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"})
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}
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
    for name, value in _HEADERS.items():
        response.headers[name] = value
    response.headers.setdefault(_POLICY, _NOTHING)
    elapsed = perf_counter_ns() - g.began if "began" in g else 0
    route = "unmatched" if request.url_rule is None else request.url_rule.rule
    method = request.method if request.method in _METHODS else "other"
    current_door().metrics.count_request(route, method, response.status_code, elapsed / 1e9)
    fields: logs.Fields = {
        "method": method,
        "route": route,
        "status": response.status_code,
        "ms": round(elapsed / 1e6, 3),
    }
    caller = current_caller()
    if caller is not None:
        fields |= {"tenant": caller.tenant_id, "client": caller.client_id}
    if "count" in g:
        fields["count"] = g.count
    logs.event("request", **fields)
    return response
