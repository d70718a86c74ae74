"""Requests that arrive while another one of the same client is at work share the next transaction (group commit).

The order of events: the first request runs at once; those that arrive meanwhile wait; when it is done, the first of
them runs for all of them. Flows work on batches, so ten waiting requests cost hardly more than one. A lone request
waits for nobody. What one request raises is its own: a group that fails for an unknown reason is run again, each
request by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Event, Lock
from typing import Final, Generic, TypeVar

from gateway.flows.context import Caller
from gateway.kernel.errors import GatewayError, Unavailable

MOST: Final = 1_000
"""Items that one group holds, unless a single request brings more."""

_Asked = TypeVar("_Asked")
_Answer = TypeVar("_Answer")


class _Ticket(Generic[_Asked, _Answer]):
    """One request's items and, in the end, its answers or what went wrong."""

    def __init__(self, items: Sequence[_Asked]) -> None:
        self.items = list(items)
        self.called = Event()
        self.group: list[_Ticket[_Asked, _Answer]] = []
        self.answers: list[_Answer] = []
        self.error: Exception | None = Unavailable("the request was not run: send it again")


class Gatherer(Generic[_Asked, _Answer]):
    """Runs `run(caller, items) -> one answer an item, in order` for groups of requests of one client."""

    def __init__(self, run: Callable[[Caller, list[_Asked]], list[_Answer]]) -> None:
        self._run = run
        self._lock = Lock()
        self._waiting: dict[Caller, list[_Ticket[_Asked, _Answer]]] = {}

    def ask(self, caller: Caller, items: Sequence[_Asked]) -> list[_Answer]:
        """A request's items -> their answers. Raises what `run` raises for this request."""
        ticket: _Ticket[_Asked, _Answer] = _Ticket(items)
        with self._lock:
            line = self._waiting.get(caller)
            if line is None:
                self._waiting[caller] = []
                ticket.group = [ticket]
            else:
                line.append(ticket)
        if not ticket.group:
            ticket.called.wait()
        if ticket.group:
            try:
                self._serve(caller, ticket.group)
            finally:
                for other in ticket.group[1:]:
                    other.called.set()
                self._call_next(caller)
        if ticket.error is not None:
            raise ticket.error
        return ticket.answers

    def _serve(self, caller: Caller, group: list[_Ticket[_Asked, _Answer]]) -> None:
        """Run a group. What the gateway itself says holds for all of its requests; any other error is looked for."""
        try:
            answers = iter(self._run(caller, [item for ticket in group for item in ticket.items]))
        except Exception as error:  # noqa: BLE001 - raised again in the thread of each request
            if len(group) > 1 and not isinstance(error, GatewayError):
                for ticket in group:
                    self._serve(caller, [ticket])
            else:
                for ticket in group:
                    ticket.error = error
            return
        for ticket in group:
            ticket.answers = [next(answers) for _ in ticket.items]
            ticket.error = None

    def _call_next(self, caller: Caller) -> None:
        """Hand over to the first that waits, with a group; the line ends when nobody does."""
        with self._lock:
            line = self._waiting[caller]
            if not line:
                del self._waiting[caller]
                return
            count, size = 1, len(line[0].items)
            while count < len(line) and size + len(line[count].items) <= MOST:
                size += len(line[count].items)
                count += 1
            group, self._waiting[caller] = line[:count], line[count:]
        group[0].group = group
        group[0].called.set()
