"""Consent: how fast decisions are, what loading them costs, and whether the past is as near in a large ledger.

    decisions    1,000 people with 10 ledger events each, decided for a purpose: decisions a second of processor time,
                 freshly loaded (the events are folded) and again; under one and two regimes
    loading      the statements that read these people's events from the store
    as_of        looking up what 100 identifiers said at a past moment as known then, in a ledger of 50,000 and one of
                 5,000,000 events (SQLite), in turn: medians and their ratio

    python -m benchmarks.consent [--events 5000000] [--json]

Decoding of signals is measured by `python -m benchmarks.consent_signals`.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Final
from unittest.mock import patch

from benchmarks.setting import Setting, open_setting
from gateway.consent.decide import Subject, decide
from gateway.consent.ledger import LedgerView
from gateway.kernel.clock import DAY
from gateway.policy.model import PolicySet
from gateway.storage.ledger import LedgerRow
from gateway.storage.session import Session

PEOPLE: Final = 1_000
EVENTS: Final = 10
SMALL: Final = 50_000
_ROUNDS: Final = 7
_ASKED: Final = 100
_LOOK_UPS: Final = 50
_AT_ONCE: Final = 100_000
_KINDS: Final = ("grant", "grant", "grant", "withdraw", "deny", "opt_out")
_PURPOSE: Final = "identity_resolution"


def ledger_rows(policies: PolicySet, people: range, now: int, draw: random.Random) -> Iterator[LedgerRow]:
    """Ten events about each person, on some of the policy's purposes, over two years."""
    purposes = list(policies.purposes)[:5]
    for person in people:
        for place in range(EVENTS):
            at = now - draw.randrange(1, 730) * DAY
            kind, purpose = draw.choice(_KINDS), purposes[place % len(purposes)]
            position = (person - 1) * EVENTS + place
            yield LedgerRow(
                person,
                position,
                purpose,
                kind,
                at,
                at,
                None,
                "gdpr",
                "consent",
                "store",
                1,
                "",
                "",
                verified=True,
                derived=False,
                site="",
            )


def fill(setting: Setting, events: int) -> None:
    """So many events in the setting's ledger, ten about each person."""
    draw, now = random.Random(1), setting.gateway.clock.now()
    for start in range(0, events // EVENTS, _AT_ONCE // EVENTS):
        people = range(start + 1, min(start + _AT_ONCE // EVENTS, events // EVENTS) + 1)
        with setting.gateway.storage.begin(setting.caller.tenant_id, write=True) as unit:
            unit.ledger.append(list(ledger_rows(setting.gateway.policies, people, now, draw)))
            unit.commit()


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements that a session runs meanwhile."""
    run = Session._execute  # noqa: SLF001 - where every statement passes
    seen: list[str] = []

    def noted(self: Session, sql: str, parameters: Sequence[object] = ()) -> object:
        seen.append(sql)
        return run(self, sql, parameters)

    with patch.object(Session, "_execute", noted):
        yield seen


def decisions(setting: Setting) -> dict[str, Any]:
    """Decisions a second of processor time, and the statements that load what they rest on."""
    policies, now = setting.gateway.policies, setting.gateway.clock.now()
    with setting.gateway.storage.begin(setting.caller.tenant_id, write=False) as unit, counted() as statements:
        facts = unit.ledger.facts(range(1, PEOPLE + 1))
    found: dict[str, Any] = {"people": PEOPLE, "events": len(facts), "statements": len(statements)}
    subjects = [Subject({person: "person"}) for person in range(1, PEOPLE + 1)]
    for regimes in (("gdpr",), ("eprivacy", "gdpr"), ("ccpa",)):
        fresh: list[float] = []
        again: list[float] = []
        for _ in range(_ROUNDS * 3):
            view = LedgerView(facts)
            for times in (fresh, again):
                began = time.process_time()
                for subject in subjects:
                    decide(policies, regimes, _PURPOSE, subject, view, now)
                times.append(time.process_time() - began)
        name = "+".join(regimes)
        found[name] = {"loaded": PEOPLE / median(fresh), "folded": PEOPLE / median(again)}
    return found


def as_of(settings: Sequence[Setting], sizes: Sequence[int]) -> dict[str, float]:
    """Seconds to look up the past of 100 identifiers in each ledger, in turn: medians, and the last over the first."""
    draws = [random.Random(2) for _ in settings]
    spent: list[list[float]] = [[] for _ in settings]
    for _ in range(_ROUNDS):
        for place, setting in enumerate(settings):
            spent[place].append(_timed(partial(_look_up, setting, sizes[place], draws[place])))
    medians = [median(times) / _LOOK_UPS for times in spent]
    return {**{f"{size}": one for size, one in zip(sizes, medians, strict=True)}, "ratio": medians[-1] / medians[0]}


def _look_up(setting: Setting, events: int, draw: random.Random) -> None:
    now = setting.gateway.clock.now()
    with setting.gateway.storage.begin(setting.caller.tenant_id, write=False) as unit:
        for _ in range(_LOOK_UPS):
            people = draw.sample(range(1, events // EVENTS + 1), _ASKED)
            moment = now - draw.randrange(1, 700) * DAY
            view = LedgerView(unit.ledger.facts_at(people, moment, moment))
            for person in people:
                view.state(person, _PURPOSE)


def _timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main(arguments: Sequence[str]) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=5_000_000, help="events in the large ledger")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as place:
        settings = [open_setting(Path(place) / name) for name in ("small", "large")]
        sizes = [SMALL, options.events]
        for setting, size in zip(settings, sizes, strict=True):
            fill(setting, size)
        found = {"decisions": decisions(settings[0]), "as_of": as_of(settings, sizes)}
        for setting in settings:
            setting.gateway.storage.engine.dispose()
    print(json.dumps(found) if options.json else _shown(found))


def _shown(found: dict[str, Any]) -> str:
    decided, past = found["decisions"], found["as_of"]
    lines = [f"{decided['people']} people, {decided['events']} events, loaded by {decided['statements']} statements"]
    lines += [
        f"decisions under {name}: {one['loaded']:,.0f}/s freshly loaded, {one['folded']:,.0f}/s folded"
        for name, one in decided.items()
        if isinstance(one, dict)
    ]
    sizes = [name for name in past if name != "ratio"]
    lines += [f"as_of in a ledger of {int(size):,} events: {past[size] * 1000:.2f} ms for {_ASKED}" for size in sizes]
    return "\n".join([*lines, f"ratio {past['ratio']:.2f}"])


if __name__ == "__main__":
    main(sys.argv[1:])
