"""Reads the shipped feeds as plain records, without the gateway's own readers."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
from dataclasses import dataclass, field

import phonenumbers

from gateway.entrypoints.demo.story import FEEDS, Feed

Node = tuple[str, str, str]
"""Kind, hash profile and digest (hex) of an identifier; of a plain kind "" and the value instead."""


JUNK = frozenset(
    {"test@test.com", "null", "noemail@mail.example", "n/a", "0000000000", "00000000000"}
    | {"00000000-0000-0000-0000-000000000000"}
)
"""Values that are blocked before hashing and so join nobody."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One record of a feed: channel, id, time, what it asserts."""

    channel: str
    record_id: str
    observed_at: str
    jurisdiction: str
    identifiers: tuple[dict[str, str], ...]
    consents: tuple[str, ...]  # event kinds, for the purpose of the demo or every purpose
    sale: tuple[str, ...]  # event kinds for the purpose sale
    gpc: bool
    attributes: dict[str, str] = field(default_factory=dict)

    def nodes(self) -> frozenset[Node]:
        """The identifiers by what they mean, but junk."""
        return frozenset(node for identifier in self.identifiers for node in _nodes(identifier, self.jurisdiction[:2]))


def good_records() -> list[Sent]:
    """All records but the invalid ones, feed by feed; a record that is sent twice is there twice."""
    return [record for feed in FEEDS for record in sent(feed) if "-bad-" not in record.record_id and record.record_id]


def sent(feed: Feed) -> list[Sent]:
    """All records of one feed, the invalid ones too."""
    text = feed.read().decode()
    if feed.file_name.endswith(".csv"):
        return [_from_csv(feed.channel, row) for row in csv.DictReader(io.StringIO(text, newline=""), strict=True)]
    return [_from_json(feed.channel, json.loads(line)) for line in text.splitlines()]


def folded(address: str) -> str:
    """A raw address -> its normal form under the profile uid2."""
    local, _, domain = address.strip(" ").lower().partition("@")
    return f"{local.split('+')[0].replace('.', '')}@{domain}" if domain == "gmail.com" else f"{local}@{domain}"


def e164(raw: str, country: str) -> str:
    """A raw phone of the country -> E.164; "" for a number that libphonenumber calls invalid."""
    parsed = phonenumbers.parse(raw, country)
    if not phonenumbers.is_valid_number(parsed):
        return ""
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def digest_of(identifier: dict[str, str]) -> bytes:
    """The bytes of a pre-hashed value, sent in hex or Base64."""
    text = identifier["sha256"]
    return bytes.fromhex(text) if len(text) == 64 else base64.b64decode(text, validate=True)


def _nodes(identifier: dict[str, str], country: str) -> set[Node]:
    kind = identifier["kind"]
    if "sha256" in identifier:
        return {(kind, identifier["profile"], digest_of(identifier).hex())}
    raw = identifier["value"]
    if raw in JUNK:
        return set()
    if kind == "email":
        return {(kind, "uid2", hashlib.sha256(folded(raw).encode()).hexdigest())}
    if kind == "phone":
        return {(kind, "uid2", hashlib.sha256(e164(raw, country).encode()).hexdigest())}
    return {(kind, "", raw.strip())}


def _from_csv(channel: str, row: dict[str, str]) -> Sent:
    kinds = ("loyalty_id", "customer_id", "phone", "email")
    identifiers = [{"kind": kind, "value": row[kind]} for kind in kinds if row.get(kind)]
    if row.get("email:sha256:uid2"):
        identifiers.append({"kind": "email", "sha256": row["email:sha256:uid2"], "profile": "uid2"})
    said = row["consent:identity_resolution"]
    names = ("given_name", "family_name", "date_of_birth", "postal_code", "city", "country")
    return Sent(
        channel=channel,
        record_id=row["record_id"],
        observed_at=row["observed_at"],
        jurisdiction=row["jurisdiction"],
        identifiers=tuple(identifiers),
        consents=(said,) if said else (),
        sale=tuple(filter(None, [row.get("consent:sale")])),
        gpc=False,
        attributes={name: row[name] for name in names if row.get(name)},
    )


def _from_json(channel: str, record: dict[str, object]) -> Sent:
    listed: list[dict[str, str]] = json.loads(json.dumps(record.get("consents", [])))
    identifiers: list[dict[str, str]] = json.loads(json.dumps(record.get("identifiers", [])))
    return Sent(
        channel=channel,
        record_id=str(record.get("record_id", "")),
        observed_at=str(record.get("observed_at", "")),
        jurisdiction=str(record.get("jurisdiction", "")),
        identifiers=tuple(identifiers),
        consents=tuple(consent["kind"] for consent in listed if consent["purpose"] not in {"sale", "device_access"}),
        sale=tuple(consent["kind"] for consent in listed if consent["purpose"] == "sale"),
        gpc=record.get("signals") == {"gpc": True},
    )
