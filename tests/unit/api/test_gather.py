"""Requests that wait share a batch; each gets its own answers, in order, and only its own errors."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.entrypoints.api.gather import MOST, Gatherer
from gateway.flows.context import Caller, Role
from gateway.kernel.errors import Frozen

CALLER = Caller(1, 2, "crm", Role.CHANNEL, "store", "trusted", outcomes=True)
OTHER = Caller(1, 3, "shop", Role.CHANNEL, "web", "trusted", outcomes=True)


class Flow:
    """Doubles numbers; the first batch waits until the test lets it go on."""

    def __init__(self, fail: Callable[[list[int]], None] = lambda _: None) -> None:
        self.started = threading.Event()
        self.free = threading.Event()
        self.batches: list[list[int]] = []
        self._fail = fail

    def __call__(self, caller: Caller, items: list[int]) -> list[int]:
        assert caller == CALLER
        first = not self.batches
        self.batches.append(items)
        if first:
            self.started.set()
            assert self.free.wait(30)
        self._fail(items)
        return [2 * one for one in items]


def gathered(flow: Flow, requests: list[list[int]]) -> list[Future[list[int]]]:
    """The first request is at work while all the others come in, one after another."""
    gatherer = Gatherer(flow)
    with ThreadPoolExecutor(len(requests)) as pool:
        asked = [pool.submit(gatherer.ask, CALLER, requests[0])]
        assert flow.started.wait(30)
        for place, request in enumerate(requests[1:], start=1):
            asked.append(pool.submit(gatherer.ask, CALLER, request))
            while len(gatherer._waiting[CALLER]) < place:
                pass
        flow.free.set()
    assert not gatherer._waiting
    return asked


@given(st.lists(st.lists(st.integers(), max_size=3), min_size=1, max_size=8))
def test_each_request_gets_its_own_answers(requests: list[list[int]]) -> None:
    flow = Flow()
    asked = gathered(flow, requests)
    assert [one.result() for one in asked] == [[2 * item for item in request] for request in requests]
    assert flow.batches == [
        requests[0],
        *([[item for request in requests[1:] for item in request]] if requests[1:] else []),
    ]


def test_a_group_has_a_limit_but_a_single_request_has_none() -> None:
    flow = Flow()
    sizes = [1, MOST + 5, MOST - 1, 1, 1]
    assert [len(one.result()) for one in gathered(flow, [[7] * size for size in sizes])] == sizes
    assert [len(batch) for batch in flow.batches] == [1, MOST + 5, MOST, 1]


def test_an_unknown_error_strikes_only_the_request_it_belongs_to() -> None:
    def fail(items: list[int]) -> None:
        if 13 in items:
            raise ZeroDivisionError

    asked = gathered(Flow(fail), [[1], [2], [13, 3], [4]])
    with pytest.raises(ZeroDivisionError):
        asked[2].result()
    assert [one.result() for one in (asked[0], asked[1], asked[3])] == [[2], [4], [8]]


def test_what_the_gateway_says_holds_for_the_whole_group() -> None:
    def fail(items: list[int]) -> None:
        if items != [1]:
            raise Frozen("the log was found edited")

    flow = Flow(fail)
    asked = gathered(flow, [[1], [2], [3]])
    assert asked[0].result() == [2]
    for one in asked[1:]:
        with pytest.raises(Frozen):
            one.result()
    assert flow.batches == [[1], [2, 3]]


def test_clients_do_not_wait_for_each_other() -> None:
    seen: list[Caller] = []
    inside = threading.Event()
    done = threading.Event()

    def run(caller: Caller, items: list[int]) -> list[int]:
        seen.append(caller)
        if caller == CALLER:
            inside.set()
            assert done.wait(30)
        return items

    gatherer = Gatherer(run)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(gatherer.ask, CALLER, [1])
        assert inside.wait(30)
        assert gatherer.ask(OTHER, [2]) == [2]
        done.set()
        assert slow.result() == [1]
    assert seen == [CALLER, OTHER]
