"""What each operation shares: its gateway, its caller, and its entry in the OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any, Final, TypeVar

from flask import Response, current_app, g, request

from gateway.entrypoints.api.callers import Callers
from gateway.entrypoints.api.gather import Gatherer
from gateway.entrypoints.api.metrics import Metrics
from gateway.entrypoints.api.queries import check_names
from gateway.flows.context import Caller, Gateway
from gateway.flows.decide import decide_records
from gateway.flows.ingest import ingest
from gateway.flows.messages import IncomingRecord, Problem, RecordResult
from gateway.flows.readiness import Readiness
from gateway.flows.resolve import Question, resolve_all
from gateway.flows.views import ProfileView
from gateway.kernel.errors import NotPermitted
from gateway.settings import Settings

_EXTENSION: Final = "gateway"

_View = TypeVar("_View", bound=Callable[..., Response])
Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Door:
    """What the operations of one app are given."""

    gateway: Gateway
    settings: Settings
    callers: Callers
    metrics: Metrics
    readiness: Readiness
    records: Gatherer[IncomingRecord | Problem, RecordResult]
    decisions: Gatherer[IncomingRecord | Problem, RecordResult]
    views: Gatherer[Question, ProfileView]

    @classmethod
    def of(cls, gateway: Gateway, settings: Settings) -> Door:
        """The door of a gateway, with counters and queues of its own."""
        return cls(
            gateway,
            settings,
            Callers(gateway),
            Metrics(),
            Readiness(gateway, settings),
            records=Gatherer(partial(ingest, gateway)),
            decisions=Gatherer(partial(decide_records, gateway)),
            views=Gatherer(partial(resolve_all, gateway)),
        )

    @property
    def limit(self) -> int:
        """Bytes a body may have, also when unpacked."""
        return self.settings.max_body_bytes

    def now(self) -> int:
        """Milliseconds since the epoch."""
        return self.gateway.clock.now()

    def is_public(self, caller: Caller) -> bool:
        """Whether anybody can read the client's key: it stands in a browser or an app."""
        return not caller.authority(self.gateway.policies).rules.verified

    def require_confidential(self, caller: Caller) -> None:
        """Raises NotPermitted for a client whose key anybody can read: it learns nothing about people."""
        if self.is_public(caller):
            raise NotPermitted("a public client can send records and consents, and ask nothing")


def operation(
    blueprint: Any,  # noqa: ANN401 - flask-smorest ships no types
    method: str,
    rule: str,
    document: Document,
    *,
    query: Document | None = None,
    path: Sequence[Document] = (),
) -> Callable[[_View], _View]:
    """Register a view `(door, caller, **path) -> Response` under a rule, with what OpenAPI says of it.

    `query` names the query parameters it takes, any other is refused before the view runs; `path` describes the parts
    of the rule that vary.
    """
    known = frozenset(query or ())

    def register(view: _View) -> _View:
        @wraps(view)
        def endpoint(**path: str) -> Response:
            door = current_door()
            caller = door.callers.named(request.headers.get("Authorization", ""))
            g.caller = caller
            check_names(known)
            return view(door, caller, **path)

        documented = blueprint.doc(**document)(endpoint)
        blueprint.add_url_rule(rule, None, documented, methods=[method], parameters=list(path))
        return view

    return register


def open_operation(
    blueprint: Any,  # noqa: ANN401 - flask-smorest ships no types
    rule: str,
    document: Document,
) -> Callable[[_View], _View]:
    """Register a view `() -> Response` of the method GET that anybody may call, with what OpenAPI says of it."""

    def register(view: _View) -> _View:
        @wraps(view)
        def endpoint() -> Response:
            check_names(())
            return view()

        blueprint.add_url_rule(rule, None, blueprint.doc(**document)(endpoint), methods=["GET"])
        return view

    return register


def place(app: Any, door: Door) -> None:  # noqa: ANN401 - any app with extensions
    """Give the app its door."""
    app.extensions[_EXTENSION] = door


def current_door() -> Door:
    """The door of the app that answers this request."""
    door: Door = current_app.extensions[_EXTENSION]
    return door
