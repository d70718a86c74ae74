"""Writes the demo's five channel feeds: `python -m gateway.entrypoints.demo.generate OUT_DIR`.

The same seed gives the same bytes on every machine. The order: draw the people, let them visit the channels, write each
visit as a record, then spoil the feed the way real feeds are spoiled: a few invalid records (their ids say `-bad-`),
some records sent twice, some sent again with a newer `observed_at`. Nothing fails but the writing of the files.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from gateway.entrypoints.demo.people import Dice, cast
from gateway.entrypoints.demo.story import FEEDS, NOTICES, PURPOSE, SALE
from gateway.entrypoints.demo.visits import Visit, visits
from gateway.kernel.clock import DAY, format_instant, parse_instant

SEED: Final = "gateway-demo-2026"

Wire = dict[str, object]

_CONSENTS: Final = (f"consent:{PURPOSE}", f"consent:{SALE}")
_HEAD: Final = ("record_id", "observed_at", "jurisdiction", "purpose")
_ADDRESS: Final = ("given_name", "family_name", "postal_code", "city", "country")
COLUMNS: Final = {
    "store": (*_HEAD, "loyalty_id", "email", "email:sha256:uid2", "phone", *_CONSENTS, "notice", *_ADDRESS),
    "call_centre": (*_HEAD, "customer_id", "phone", "email", _CONSENTS[0], "notice", *_ADDRESS, "date_of_birth"),
}
"""The columns of the CSV feeds, by channel."""

_PREFIXES: Final = {"web": "web", "app": "app", "store": "till", "call_centre": "call", "iot": "hub"}
_SENT_TWICE_EVERY: Final = 50
_SENT_NEWER_EVERY: Final = 80
_LOOKS_HASHED: Final = {"kind": "email", "value": "b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514"}

_BAD: Final[Mapping[str, Sequence[Mapping[str, object]]]] = {
    "web": (
        {"observed_at": "2026-13-40T25:61:00Z"},
        {"observed_at": None},
        {"identifiers": [_LOOKS_HASHED]},
        {"identifiers": [{"kind": "fingerprint", "value": "canvas-7f3a"}]},
        {"identifiers": [{"kind": "email", "sha256": "dvECjPKZHya0/SIhSGwP0m8SgTv1vzLxPULUOsm880M="}]},
    ),
    "app": (
        {"observed_at": "2036-02-01T08:00:00.000Z"},
        {"identifiers": [{"kind": "phone", "sha256": "10e6f0b47054a833", "profile": "uid2"}]},
        {"record_id": None},
    ),
    "store": (
        {"observed_at": "31.02.2026"},
        {"email": _LOOKS_HASHED["value"], "email:sha256:uid2": ""},
        {"record_id": ""},
    ),
    "call_centre": ({"observed_at": "2026-02-30T10:00:00Z"}, {"phone": "call back", "customer_id": "", "email": ""}),
    "iot": ({"identifiers": None}, {"identifiers": [{"kind": "zigbee", "value": "00:0d:6f:00:0b:42"}]}),
}
"""By channel, what is wrong with its invalid records: fields set, or taken away (None)."""


def feeds(seed: str = SEED) -> dict[str, bytes]:
    """File name -> content (UTF-8, one record a line) of the five feeds that `seed` gives."""
    dice = Dice(seed)
    by_channel = visits(cast(dice), dice)
    written: dict[str, bytes] = {}
    for feed in FEEDS:
        record = _csv_row if feed.channel in COLUMNS else _ndjson_record
        plain = [
            record(visit, f"{_PREFIXES[feed.channel]}-{at:04d}") for at, visit in enumerate(by_channel[feed.channel], 1)
        ]
        spoiled = _spoil(feed.channel, plain, dice)
        text = _csv_text(feed.channel, spoiled) if feed.channel in COLUMNS else _ndjson_text(spoiled)
        written[feed.file_name] = text.encode()
    return written


def _ndjson_record(visit: Visit, record_id: str) -> Wire:
    observed_at = format_instant(visit.at)
    record: Wire = {
        "record_id": record_id,
        "observed_at": observed_at,
        "identifiers": [dict(identifier) for identifier in visit.identifiers],
    }
    if visit.jurisdiction is not None:
        record["jurisdiction"] = visit.jurisdiction
    if visit.attributes:
        record["attributes"] = dict(visit.attributes)
    if visit.gpc:
        record["signals"] = {"gpc": True}
    if visit.consents:
        record["consents"] = [_consent(visit, kind, purpose, observed_at) for kind, purpose in visit.consents]
    record["purpose"] = PURPOSE
    return record


def _consent(visit: Visit, kind: str, purpose: str, occurred_at: str) -> Wire:
    item: Wire = {"kind": kind, "purpose": purpose, "occurred_at": occurred_at, "method": visit.method}
    return {**item, "notice": NOTICES[visit.channel]} if kind == "grant" else item


def _csv_row(visit: Visit, record_id: str) -> Wire:
    row: Wire = dict.fromkeys(COLUMNS[visit.channel], "")
    row |= {"record_id": record_id, "observed_at": format_instant(visit.at), "purpose": PURPOSE, **visit.attributes}
    row["jurisdiction"] = visit.jurisdiction or ""
    for identifier in visit.identifiers:
        if "sha256" in identifier:
            row[f"{identifier['kind']}:sha256:{identifier['profile']}"] = identifier["sha256"]
        else:
            row[identifier["kind"]] = identifier["value"]
    row |= {f"consent:{purpose}": kind for kind, purpose in visit.consents}
    if any(kind == "grant" for kind, _ in visit.consents):
        row["notice"] = NOTICES[visit.channel]
    return row


def _spoil(channel: str, records: list[Wire], dice: Dice) -> list[Wire]:
    """The feed as it really arrives: with repetitions behind their originals and invalid records in between."""
    arrived: list[Wire] = []
    for count, record in enumerate(records, 1):
        arrived.append(record)
        if count % _SENT_TWICE_EVERY == 0:
            arrived.append(record)
        elif count % _SENT_NEWER_EVERY == 0:
            later = parse_instant(str(record["observed_at"])) + DAY
            arrived.append({**record, "observed_at": format_instant(later)})
    for number, fault in enumerate(_BAD[channel], 1):
        place = dice.below(len(arrived), "bad", channel, number)
        broken = {**arrived[place], "record_id": f"{_PREFIXES[channel]}-bad-{number}", **fault}
        arrived.insert(place, {name: value for name, value in broken.items() if value is not None})
    return arrived


def _ndjson_text(records: Sequence[Wire]) -> str:
    return "".join(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n" for record in records)


def _csv_text(channel: str, records: Sequence[Wire]) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS[channel], lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue()


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the feeds into the directory named on the command line. Raises OSError when it cannot be written."""
    parser = argparse.ArgumentParser(
        prog="python -m gateway.entrypoints.demo.generate", description="Write the demo's feeds."
    )
    parser.add_argument("out_dir", type=Path, metavar="OUT_DIR")
    out_dir: Path = parser.parse_args(arguments).out_dir
    out_dir.mkdir(parents=True, exist_ok=True)
    for name, content in feeds().items():
        (out_dir / name).write_bytes(content)


if __name__ == "__main__":
    main()
