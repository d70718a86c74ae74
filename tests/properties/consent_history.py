"""Histories of consent, read from a tape: visits, words, and time that passes. What is said may come in late."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gateway.flows.admin import activate_policies, system_caller
from gateway.flows.context import Role
from gateway.flows.messages import ConsentAssertion, RecordResult
from gateway.flows.reevaluate import reevaluate
from gateway.kernel.clock import DAY, HOUR, SECOND
from gateway.policy.model import PolicySet
from gateway.settings import Settings
from tests.databases import migrate
from tests.loaded import load
from tests.properties.tape import Tape
from tests.simulator import MATCHING, SimulatedGateway, TenantSimulator, without_device_access

LABELS = ("email:1", "phone:1", "customer_id:1", "loyalty_id:1", "cookie:1", "device_id:1")
"""One identifier of each of six kinds, so that a kind in a view says which."""
CODES = ("DE", "US-CA", "US-CA", "GB")
CLIENTS = ("store", "store", "store", "web")
SALE, SUPPORT = "sale", "customer_support"
PURPOSES = (MATCHING, SALE, SUPPORT)
BASES = ("consent", "consent", "contract", "parental_consent")
KINDS = (
    *("grant", "grant", "grant", "opt_in", "withdraw", "deny", "opt_out", "object"),
    *("restrict", "unrestrict", "expire", "invalidate"),
)
AGES: tuple[Mapping[str, str], ...] = (
    *({}, {}, {}, {}, {}),
    *({"date_of_birth": born} for born in ("2015-06-30", "2013-12-24", "2011-01-15", "2010-11-30", "1980-01-01")),
    *({"age_band": band} for band in ("<13", "13-15", "16-17")),
)


@dataclass(frozen=True, slots=True)
class Visit:
    """A record of somebody, and what it brings."""

    client: str
    labels: tuple[str, ...]
    code: str
    at: int
    consents: tuple[ConsentAssertion, ...]
    gpc: bool
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Word:
    """A consent event about somebody."""

    client: str
    labels: tuple[str, ...]
    code: str
    said: ConsentAssertion


@dataclass(frozen=True, slots=True)
class Wait:
    """Time passes; then what is due may be decided again."""

    days: int
    review: bool


@dataclass(frozen=True, slots=True)
class Law:
    """Another policy set comes into force: the shipped one, or the one under which consents to the GDPR end sooner."""

    short: bool


Step = Visit | Word | Wait | Law


def short_lived(home: Path) -> PolicySet:
    """The shipped set, but that a consent under the GDPR lasts for 100 days instead of 730; its files are in `home`."""
    shutil.copytree(Settings.from_environment({}).policies, home)
    law = home / "gdpr.yaml"
    law.write_text(law.read_text("utf-8").replace("consent_lifetime_days: 730", "consent_lifetime_days: 100"), "utf-8")
    return without_device_access(load(home))


@dataclass(frozen=True, slots=True)
class Setting:
    """A gateway whose store the tests of a file share, and two policy sets by `Law.short`."""

    site: SimulatedGateway
    sets: Mapping[bool, PolicySet]

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:  # noqa: ANN401, FBT001 - as hypothesis calls it
        """A failing test shows its history, not everything that is in a gateway."""
        printer.text("setting")

    @classmethod
    @contextmanager
    def opened(cls, home: Path) -> Iterator[Setting]:
        """One on a new store in `home`."""
        url = f"sqlite:///{home / 'gateway.db'}"
        migrate(url)
        with SimulatedGateway.opened(url, home) as site:
            yield cls(site, {False: site.gateway.policies, True: short_lived(home / "policies")})


def next_step(tape: Tape, now: int) -> Step:
    """The next thing that happens."""
    choice = tape.below(16)
    if choice == 0:
        return Law(short=tape.below(2) > 0)
    if choice <= 2:
        return Wait((1, 40, 150, 400)[tape.below(4)], review=tape.below(2) > 0)
    client, code = CLIENTS[tape.below(4)], CODES[tape.below(4)]
    if choice <= 7:
        labels = _labels(tape, 1 + tape.below(2))
        return Word(client, labels, code, _said(tape, KINDS[tape.below(len(KINDS))], now))
    labels = _labels(tape, 1 + tape.below(3))
    at = now - tape.below(60) * HOUR
    kinds = ["grant" if tape.below(6) else KINDS[tape.below(len(KINDS))] for _ in range(tape.below(3))]
    return Visit(
        client,
        labels,
        code,
        at,
        tuple(_said(tape, kind, now) for kind in kinds),
        gpc=tape.below(8) == 1,
        attributes=AGES[tape.below(len(AGES))],
    )


def _labels(tape: Tape, count: int) -> tuple[str, ...]:
    return tuple(LABELS[place] for place in tape.several(range(len(LABELS)), count))


def _said(tape: Tape, kind: str, now: int) -> ConsentAssertion:
    """Permissive statements name their purpose: one to everything is taken from nobody."""
    restrictive = kind in ("withdraw", "deny", "opt_out", "object", "restrict", "invalidate")
    purpose = ("*" if restrictive and tape.below(5) == 1 else "") or (MATCHING, MATCHING, SALE, SUPPORT)[tape.below(4)]
    at = now - tape.below(250) * DAY // 2
    ends = now + (tape.below(120) - 20) * DAY if kind == "grant" and tape.below(5) == 1 else None
    return ConsentAssertion(kind, purpose, at, BASES[tape.below(4)], expires_at=ends)


def carry_out(tenant: TenantSimulator, step: Step, number: int, sets: Mapping[bool, PolicySet]) -> RecordResult | None:
    """Let a step happen; `sets` are the policy sets by `Law.short`. -> the result of a visit."""
    gateway = tenant.gateway
    if isinstance(step, Visit):
        record = tenant.record(f"r{number}", *step.labels, at=step.at, jurisdiction=step.code, consents=step.consents)
        (result,) = tenant.send(step.client, replace(record, gpc=step.gpc, attributes=step.attributes))
        return result
    if isinstance(step, Word):
        tenant.state_all(step.client, step.said, *step.labels, jurisdiction=step.code)
    elif isinstance(step, Wait):
        tenant.clock.advance(step.days * DAY + SECOND)
        if step.review:
            reevaluate(gateway, system_caller(gateway, tenant.tenant_id, Role.DPO), dry_run=False)
    else:
        tenant.gateway = replace(gateway, policies=sets[step.short])
        activate_policies(tenant.gateway, tenant.tenant_id)
    return None
