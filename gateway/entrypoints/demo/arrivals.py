"""Scenes 1 to 3: records arrive, and what the gateway makes of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from gateway.entrypoints.demo.stage import Stage, counted
from gateway.entrypoints.demo.story import FEEDS, PURPOSE, SHOP_PHONE, Feed
from gateway.flows.context import Role
from gateway.flows.ingest import ingest
from gateway.flows.messages import IncomingRecord, Problem, RecordResult
from gateway.flows.requests import ResolveRequest
from gateway.flows.resolve import resolve
from gateway.identifiers.model import RawIdentifier
from gateway.policy.explain import explain

BATCH: Final = 50
OUTCOMES: Final = ("linked", "created", "refused", "duplicate", "review", "suppressed", "invalid")
_EXPLAINED: Final = ("no_consent", "no_device_access", "opted_out")
_CALIFORNIA: Final = "ccpa"
_SHOP_TAIL: Final = SHOP_PHONE[-9:]


@dataclass(slots=True)
class Arrivals:
    """What became of each record, by channel."""

    results: dict[str, list[RecordResult]] = field(default_factory=dict)
    shop_cards: set[str] = field(default_factory=set, repr=False)

    def every(self) -> list[RecordResult]:
        """All results."""
        return [result for several in self.results.values() for result in several]


def take_in(stage: Stage) -> Arrivals:
    """Send all feeds, fifty records at a time -> what became of each record."""
    arrivals = Arrivals()
    feeds = {feed: list(stage.read(feed)) for feed in FEEDS}
    with stage.progress(sum(map(len, feeds.values()))) as advance:
        for feed, records in feeds.items():
            arrivals.shop_cards |= _cards_beside_the_shop_phone(records)
            arrivals.results[feed.channel] = []
            for start in range(0, len(records), BATCH):
                batch = records[start : start + BATCH]
                arrivals.results[feed.channel] += ingest(stage.gateway, stage.clients[feed.channel], batch)
                advance(len(batch), feed.channel)
    return arrivals


def show_outcomes(stage: Stage, arrivals: Arrivals) -> None:
    """Scene 1: a line per channel."""
    seen = [outcome for outcome in OUTCOMES if any(one.outcome == outcome for one in arrivals.every())]
    rows = [_line(feed, arrivals.results[feed.channel], seen) for feed in FEEDS]
    totals = Counter[str](result.outcome for result in arrivals.every())
    rows.append(["all", len(arrivals.every()), *(totals[outcome] for outcome in seen)])
    stage.show(("channel", "records", *seen), rows)
    invalid = Counter(result.problem.rule for result in arrivals.every() if result.problem)
    stage.say("A bad record never spoils its batch. The rules that were broken:")
    stage.fact("invalid", counted(dict(invalid.most_common())), "red")
    stage.say(
        "The web's key stands in browsers: that client is only told `accepted` or `invalid`, and may assert little."
    )


def _line(feed: Feed, results: Sequence[RecordResult], outcomes: Sequence[str]) -> list[str | int]:
    counts = Counter[str](result.outcome for result in results)
    return [
        feed.channel,
        len(results),
        *(counts[outcome] for outcome in outcomes),
    ]


def show_refusals(stage: Stage, arrivals: Arrivals) -> None:
    """Scene 2: why records were refused, what the law says about three of them, and which signals were heard."""
    reasons = {
        feed.channel: Counter(
            result.decision.reason
            for result in arrivals.results[feed.channel]
            if result.outcome == "refused" and result.decision
        )
        for feed in FEEDS
    }
    totals = sum(reasons.values(), Counter[str]())
    rows: list[list[str | int]] = [
        [reason, count, *(by_channel[reason] for by_channel in reasons.values())]
        for reason, count in totals.most_common()
    ]
    stage.show(("refused because", "all", *reasons), rows)
    for reason in _EXPLAINED:
        _explain(stage, arrivals, reason)
    honored = sum(result.gpc for results in arrivals.results.values() for result in results)
    law, now = stage.gateway.policies.regimes[_CALIFORNIA], stage.clock.now()
    rules = {purpose: law.rule(purpose, now) for purpose in stage.gateway.policies.purposes}
    covered = ", ".join(purpose for purpose, rule in rules.items() if rule and "gpc" in rule.signals)
    stage.fact("honored", f"Global Privacy Control of {honored} visits, in {law.title} an opt-out of {covered}")


def _explain(stage: Stage, arrivals: Arrivals, reason: str) -> None:
    for channel, results in arrivals.results.items():
        for result in results:
            decision = result.decision
            if result.outcome == "refused" and decision and decision.reason == reason:
                policies, now = stage.gateway.policies, stage.clock.now()
                laws = [explain(policies, regime, decision.purpose, now) for regime in decision.regimes]
                law = next((one for one in laws if one.rule == decision.rule), laws[0])
                stage.fact("refused", f"{channel} record {result.record_id}: {reason}", "yellow")
                stage.fact("rule", decision.rule)
                stage.fact("the law", law.sentence)
                return


def show_shop_phone(stage: Stage, arrivals: Arrivals) -> None:
    """Scene 3: a number that many people share links nobody."""
    homes = {_profile_of(stage, "loyalty_id", card) for card in arrivals.shop_cards} - {None}
    few = stage.gateway.policies.kinds["phone"].shared_above
    stage.say(
        f"The clerk typed the shop's own number for {len(arrivals.shop_cards)} customers. A phone may stand beside "
        f"{few} people's other identifiers; with the next one the gateway demoted it by itself and took back the links "
        "that rested on it alone."
    )
    stage.fact("customers", f"{len(homes)} different profiles", "bold green")
    found = _profile_of(stage, "phone", SHOP_PHONE)
    stage.fact("the number", "names nobody" if found is None else f"names {found}", "bold green")


def _cards_beside_the_shop_phone(records: Sequence[IncomingRecord | Problem]) -> set[str]:
    """The loyalty cards of those for whom the shop's number was typed, however it was spelled."""
    cards = set[str]()
    for record in records:
        if isinstance(record, IncomingRecord):
            raw = [one for one in record.identifiers if isinstance(one, RawIdentifier)]
            digits = ["".join(filter(str.isdigit, one.value)) for one in raw if one.kind == "phone"]
            if any(number.endswith(_SHOP_TAIL) for number in digits):
                cards |= {one.value.strip() for one in raw if one.kind == "loyalty_id"}
    return cards


def _profile_of(stage: Stage, kind: str, value: str) -> str | None:
    """What the till is told, in Germany."""
    question = ResolveRequest((RawIdentifier(kind, value),), PURPOSE, "DE")
    return resolve(stage.gateway, stage.operator(Role.CHANNEL, "store"), question).profile_id
