"""What each operation shares: its gateway, its caller, and its entry in the OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final, TypeVar

from flask import Blueprint, Response, current_app, g, request

from gateway.entrypoints.api.metrics import Metrics
from gateway.entrypoints.api.queries import check_names
from gateway.flows.admin import authenticate
from gateway.flows.context import Caller, Gateway
from gateway.kernel.errors import NotPermitted, Unauthenticated
from gateway.settings import Settings

_EXTENSION: Final = "gateway"
_LONGEST_KEY: Final = 200

_View = TypeVar("_View", bound=Callable[..., Response])
Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Door:
    """What the operations of one app are given."""

    gateway: Gateway
    settings: Settings
    metrics: Metrics

    @property
    def limit(self) -> int:
        """Bytes a body may have, also when unpacked."""
        return self.settings.max_body_bytes

    def now(self) -> int:
        """Milliseconds since the epoch."""
        return self.gateway.clock.now()

    def require_confidential(self, caller: Caller) -> None:
        """Raises NotPermitted for a client whose key anybody can read: it learns nothing about people."""
        if not caller.authority(self.gateway.policies).rules.verified:
            raise NotPermitted("a public client can send records and consents, and ask nothing")


def operation(
    blueprint: Any,  # noqa: ANN401 - flask-smorest ships no types
    method: str,
    rule: str,
    document: Document,
    *,
    query: Document | None = None,
) -> Callable[[_View], _View]:
    """Register a view `(door, caller, **path) -> Response` under a rule, with what OpenAPI says of it.

    `query` maps the query parameters it takes to their JSON schemas; any other is refused before the view runs.
    """
    known = frozenset(query or ())

    def register(view: _View) -> _View:
        @wraps(view)
        def endpoint(**path: str) -> Response:
            door = current_door()
            caller = _authenticate(door.gateway)
            check_names(known)
            return view(door, caller, **path)

        blueprint.add_url_rule(rule, None, blueprint.doc(**document)(endpoint), methods=[method])
        return view

    return register


def place(app: Any, door: Door) -> None:  # noqa: ANN401 - any app with extensions
    """Give the app its door."""
    app.extensions[_EXTENSION] = door


def current_door() -> Door:
    """The door of the app that answers this request."""
    door: Door = current_app.extensions[_EXTENSION]
    return door


def current_caller() -> Caller | None:
    """Who asks, None before that is known and where nobody needs to be known."""
    caller: Caller | None = g.get("caller")
    return caller


def _authenticate(gateway: Gateway) -> Caller:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.isascii() or not 0 < len(key) <= _LONGEST_KEY:
        raise Unauthenticated("an API key is needed: Authorization: Bearer gw_…")
    caller = authenticate(gateway, key.strip())
    g.caller = caller
    return caller
