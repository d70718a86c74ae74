"""Figures for Prometheus: how many requests and what became of records. No label ever comes from a request's text.

Each app counts in a registry of its own. Where several processes serve, `PROMETHEUS_MULTIPROC_DIR` names a directory
that they share, and `/metrics` adds them up (prometheus_client's multiprocess mode).
"""

from __future__ import annotations

import os
from collections import Counter as Tally
from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from gateway.flows.messages import IncomingRecord, Problem, RecordResult
from gateway.flows.views import ConsentResult

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The counters of one app."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "gateway_http_requests",
            "HTTP requests by route template, method and status",
            ["route", "method", "status"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "gateway_http_request_seconds",
            "Time to answer, by route template",
            ["route"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._records = Counter(
            "gateway_records",
            "Records ingested, by outcome and the reason of the decision or the rule that was broken",
            ["outcome", "reason"],
            registry=self._registry,
        )
        self._attributes = Counter(
            "gateway_attributes_dropped",
            "Attributes of records that were dropped, since no policy keeps any",
            registry=self._registry,
        )
        self._consents = Counter(
            "gateway_consent_events",
            "Consent events, by outcome and the rule that was broken",
            ["outcome", "reason"],
            registry=self._registry,
        )

        self._known: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def count_request(self, route: str, method: str, status: int, seconds: float) -> None:
        """One request was answered."""
        known = self._known.get((route, method, status))
        if known is None:
            known = (self._requests.labels(route, method, str(status)), self._seconds.labels(route))
            self._known[route, method, status] = known
        requests, durations = known
        requests.inc()
        durations.observe(seconds)

    def count_records(self, records: Iterable[IncomingRecord | Problem], results: Iterable[RecordResult]) -> None:
        """A batch of records was ingested."""
        self._attributes.inc(sum(len(one.attributes) for one in records if isinstance(one, IncomingRecord)))
        _add(self._records, ((one.outcome, _reason(one)) for one in results))

    def count_consents(self, results: Iterable[ConsentResult]) -> None:
        """A batch of consent events was taken in."""
        _add(self._consents, ((one.outcome, one.problem.rule if one.problem else "") for one in results))

    def exposed(self) -> bytes:
        """All figures in Prometheus' text format."""
        registry = self._registry
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # it has no types
        return generate_latest(registry)


def _add(counter: Counter, labels: Iterable[tuple[str, str]]) -> None:
    for each, count in Tally(labels).items():
        counter.labels(*each).inc(count)


def _reason(result: RecordResult) -> str:
    if result.problem is not None:
        return result.problem.rule
    return "" if result.decision is None else result.decision.reason
