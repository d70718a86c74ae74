"""FEBRL data set 3 through the gateway: 5,000 records of 2,000 people, a tenth of whom do not consent.

soc_sec_id goes in as `national_id`, the records are spread over five channels, and each channel sends as a client of
its own, in batches of 500. Printed: precision and recall over the true pairs among the consenting, and how many merges
were found in those who do not consent (must be none).

    python -m benchmarks.febrl [--seed gateway] [--json]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmarks.febrl_feed import PURPOSE, FebrlFeed, Score, records, score
from benchmarks.setting import Setting, open_setting
from gateway.entrypoints.wire.records import parse_record
from gateway.flows.admin import create_client
from gateway.flows.context import Caller, Role
from gateway.flows.ingest import ingest
from gateway.identifiers.pseudonyms import RecordTokens

CSV = Path(__file__).resolve().parent.parent / "tests" / "data" / "febrl3.csv"
BATCH = 500


def send(setting: Setting, feed: FebrlFeed) -> Counter[str]:
    """Send every channel's records -> outcomes, counted."""
    outcomes: Counter[str] = Counter()
    for channel, wire in feed.by_channel().items():
        caller = client_of(setting, channel)
        now = setting.gateway.clock.now()
        parsed = [parse_record(one, at, now) for at, one in enumerate(wire)]
        for start in range(0, len(parsed), BATCH):
            results = ingest(setting.gateway, caller, parsed[start : start + BATCH])
            outcomes.update(result.outcome for result in results)
    return outcomes


def client_of(setting: Setting, channel: str) -> Caller:
    """A trusted client of its own for a channel."""
    row, _ = create_client(
        setting.gateway,
        setting.caller.tenant_id,
        name=channel,
        role=Role.CHANNEL,
        channel=channel,
        client_class="trusted",
        outcomes=True,
    )
    return Caller(row.tenant_id, row.client_id, row.name, Role.CHANNEL, channel, row.client_class, row.outcomes)


def profiles_of(setting: Setting, feed: FebrlFeed) -> dict[str, int]:
    """record_id -> the profile it stands in; records without one are left out."""
    keys = setting.gateway.keys.tenant(setting.caller.tenant_id)
    tokens = {RecordTokens(keys, feed.channels[one]).of(one): one for one in feed.channels}
    with setting.gateway.storage.begin(setting.caller.tenant_id, write=False) as unit:
        stored = {known.record_id: tokens[token] for token, known in unit.records.find(tokens).items() if known.active}
        links = [link for link in unit.records.links(stored) if link.linking and not link.cut]
        home = unit.profiles.home_of(PURPOSE, {link.identifier_id for link in links})
    return {stored[link.record_id]: home[link.identifier_id] for link in links if link.identifier_id in home}


def measure(seed: str) -> tuple[Counter[str], Score]:
    """A whole run in a fresh store."""
    with tempfile.TemporaryDirectory() as folder:
        setting = open_setting(Path(folder))
        feed = records(CSV, seed)
        outcomes = send(setting, feed)
        return outcomes, score(profiles_of(setting, feed), feed.truth, feed.consenting)


def main(argv: Sequence[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", default="gateway")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(argv)
    outcomes, found = measure(given.seed)
    figures = {**dict(sorted(outcomes.items())), **found.figures()}
    if given.json:
        sys.stdout.write(json.dumps(figures) + "\n")
        return
    for name, value in figures.items():
        sys.stdout.write(f"{name:>16}  {value:.4f}\n" if isinstance(value, float) else f"{name:>16}  {value}\n")


if __name__ == "__main__":
    main()
