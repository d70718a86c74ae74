"""The shipped feeds hold the story: who is in them, how messy they are, and how little of it is wrong."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable

import pytest

from gateway.entrypoints.demo.generate import COLUMNS
from gateway.entrypoints.demo.story import FEEDS, HEROINE, NOTICES, NOW, PURPOSE, SHOP_PHONE, START, Feed
from gateway.kernel.clock import parse_instant
from tests.unit.demo.reading import JUNK, Node, Sent, digest_of, e164, folded, good_records, sent

RECORDS = good_records()
LOOKS_HASHED = re.compile(r"[0-9A-Fa-f]{64}|[0-9A-Za-z+/]{43}=")


def _of_heroine() -> list[Sent]:
    hers = {
        ("loyalty_id", "", "633148150000"),
        ("customer_id", "", HEROINE.customer_id),
        *_nodes_of("email", HEROINE.email),
        *_nodes_of("phone", HEROINE.phone),
    }
    return [record for record in RECORDS if record.nodes() & hers]


def _nodes_of(kind: str, value: str) -> frozenset[Node]:
    record = Sent("", "", "", HEROINE.jurisdiction, ({"kind": kind, "value": value},), (), (), gpc=False)
    return record.nodes()


def _components(records: Iterable[Sent]) -> list[set[Node]]:
    """Records joined by what they share, as sets of identifiers."""
    found: list[set[Node]] = []
    for record in records:
        joined = set(record.nodes())
        apart = []
        for component in found:
            if component & joined:
                joined |= component
            else:
                apart.append(component)
        found = [*apart, joined]
    return found


def _typed(kind: str) -> list[tuple[Sent, str]]:
    return [
        (record, identifier["value"])
        for record in RECORDS
        for identifier in record.identifiers
        if identifier["kind"] == kind and identifier.get("value", "") not in {"", *JUNK}
    ]


def test_size() -> None:
    assert sum(len(feed.read()) for feed in FEEDS) < 600_000
    assert 1_150 <= len(RECORDS) <= 1_350
    assert {feed.channel for feed in FEEDS if feed.public} == {"web"}


@pytest.mark.parametrize("feed", FEEDS, ids=lambda feed: feed.channel)
def test_each_feed_repeats_itself_and_has_invalid_records(feed: Feed) -> None:
    records = sent(feed)
    ids = Counter(record.record_id for record in records)
    again = [record for record in records if ids[record.record_id] > 1]
    assert len(again) < len(records) / 10
    assert max(ids.values()) == 2
    versions = {record_id: set[str]() for record_id in ids}
    for record in again:
        versions[record.record_id].add(record.observed_at)
    assert {1, 2} <= {len(times) for times in versions.values()}  # the same again, and a newer one
    bad = [record for record in records if "-bad-" in record.record_id or not record.record_id]
    assert 2 <= len(bad) <= 5


def test_invalid_records_break_the_rules_the_story_tells() -> None:
    web = {record.record_id: record for record in sent(FEEDS[-1]) if "-bad-" in record.record_id}
    with pytest.raises(ValueError, match="month must be"):
        parse_instant(web["web-bad-1"].observed_at)
    assert web["web-bad-2"].observed_at == ""
    assert len(web["web-bad-3"].identifiers[0]["value"]) == 64
    assert web["web-bad-4"].identifiers[0]["kind"] == "fingerprint"
    assert "profile" not in web["web-bad-5"].identifiers[0]
    missing = {feed.channel for feed in FEEDS if any(record.record_id == "" for record in sent(feed))}
    assert missing == {"app", "store"}


def test_all_other_records_are_well_formed() -> None:
    for record in RECORDS:
        assert parse_instant(START) <= parse_instant(record.observed_at) < parse_instant(NOW)
        assert record.jurisdiction in {"DE", "FR", "SE", "GB", "US-CA", *([""] if record.channel == "web" else [])}
        kinds = [identifier["kind"] for identifier in record.identifiers]
        assert kinds
        assert len(set(kinds)) == len(kinds)
        for identifier in record.identifiers:
            if "sha256" in identifier:
                assert len(digest_of(identifier)) == 32
                assert identifier["profile"] == "uid2"
            else:
                assert not LOOKS_HASHED.fullmatch(identifier["value"])


@pytest.mark.parametrize(
    "feed", [feed for feed in FEEDS if feed.file_name.endswith(".ndjson")], ids=lambda feed: feed.channel
)
def test_json_records_have_the_fields_of_the_wire_format(feed: Feed) -> None:
    fields = {"record_id", "observed_at", "identifiers", "attributes", "jurisdiction", "signals", "consents", "purpose"}
    for line in feed.read().decode().splitlines():
        record = json.loads(line)
        assert record.keys() <= fields
        assert record["purpose"] == PURPOSE
        for consent in record.get("consents", []):
            assert {"kind", "purpose", "occurred_at", "method"} <= consent.keys() <= {*consent, "notice"}
            assert (consent.get("notice") == NOTICES[feed.channel]) == (consent["kind"] == "grant")


@pytest.mark.parametrize("channel", sorted(COLUMNS))
def test_csv_feeds_have_the_columns_named_by_kind(channel: str) -> None:
    feed = next(feed for feed in FEEDS if feed.channel == channel)
    assert tuple(feed.read().decode().split("\n", 1)[0].split(",")) == COLUMNS[channel]


def test_addresses_are_nobodys() -> None:
    gmail = 0
    for _, raw in _typed("email"):
        local, _, domain = folded(raw).partition("@")
        if domain == "gmail.com":
            gmail += 1
            assert len(local) > 30  # gmail gives out no longer one
        else:
            assert domain.endswith(".example")
    assert gmail > 20


def test_phones_are_valid_and_set_aside_for_fiction() -> None:
    fiction = (
        "+4917139200",
        "+49176040690",
        "+493023125",
        "+3319900",
        "+3326191",
        "+442079460",
        "+441614960",
        "+46701740",
    )
    for record, raw in _typed("phone"):
        country = record.jurisdiction[:2] or None
        if country is None:
            assert raw.startswith("+")
            continue
        number = e164(raw, country)
        assert number.startswith(fiction) or (number[:2] == "+1" and number[5:10] == "55501")


def test_addresses_and_phones_are_messy() -> None:
    emails = [raw for _, raw in _typed("email")]
    phones = [raw for _, raw in _typed("phone")]
    for mark in (" ", "+", "."):
        assert any(mark in raw for raw in emails)
    assert any(raw.isupper() for raw in emails)
    for mark in (" ", "(", "/", "-", ".", "+", "00"):
        assert any(mark in raw for raw in phones)
    for raws in (emails, phones):
        assert any(raw.endswith(" ") for raw in raws)


def test_some_values_are_junk_or_hashed_in_either_encoding() -> None:
    listed = [identifier for record in RECORDS for identifier in record.identifiers]
    junk = {identifier["value"] for identifier in listed if identifier.get("value") in JUNK}
    assert {"test@test.com", "null", "00000000-0000-0000-0000-000000000000"} <= junk
    assert any(set(value) == {"0"} for value in junk)
    hashed = {(one["kind"], one["profile"], len(one["sha256"])) for one in listed if "sha256" in one}
    assert hashed == {(kind, "uid2", size) for kind in ("email", "phone") for size in (44, 64)}


def test_heroine_is_in_all_channels_and_one_visit_to_the_till_joins_her() -> None:
    hers = _of_heroine()
    assert {record.channel for record in hers} == {feed.channel for feed in FEEDS}
    assert {record.jurisdiction for record in hers} == {"SE"}
    assert len(_components(hers)) == 1
    joining = [r for r in hers if {"loyalty_id", "phone"} <= {identifier["kind"] for identifier in r.identifiers}]
    assert len(joining) == 1
    halves = _components(record for record in hers if record not in joining)
    assert sorted(sorted({kind for kind, _, _ in half}) for half in halves) == [
        ["cookie", "email", "loyalty_id"],
        ["customer_id", "device_id", "phone"],
    ]
    others = [record for record in RECORDS if record not in hers]
    assert not set().union(*(record.nodes() for record in hers)) & set().union(*(record.nodes() for record in others))


def test_heroine_agrees_where_she_is_known_by_name() -> None:
    said = {(record.channel, kind) for record in _of_heroine() for kind in record.consents}
    assert said == {(channel, "grant") for channel in ("web", "app", "store", "call_centre")}


def test_shop_phone_is_typed_in_for_thirty_cards() -> None:
    rows = [record for record, raw in _typed("phone") if e164(raw, record.jurisdiction[:2] or "DE") == SHOP_PHONE]
    cards = {
        identifier["value"].strip()
        for row in rows
        for identifier in row.identifiers
        if identifier["kind"] == "loyalty_id"
    }
    assert len(cards) == 30
    assert {row.channel for row in rows} == {"store"}
    assert {row.consents for row in rows} == {("grant",)}


def test_a_family_shares_its_phone() -> None:
    family = [record for record in RECORDS if record.attributes.get("family_name", "").title() == "Rivoire"]
    called = [record for record in family if record.channel == "call_centre"]
    phones = {node for record in called for node in record.nodes() if node[0] == "phone"}
    names = {record.attributes["given_name"].title() for record in family}
    customers = {value for record in called for kind, _, value in record.nodes() if kind == "customer_id"}
    assert len(names) == 4
    assert len(customers) == 4
    assert len(phones) == 1


def test_refusals_of_every_sort() -> None:
    said: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for record in RECORDS:
        said[record.jurisdiction, record.channel].update(record.consents)
    assert {"grant", "deny", "withdraw"} <= said["DE", "call_centre"]
    assert "opt_out" in said["US-CA", "store"]
    assert "opt_out" in said["US-CA", "app"]
    assert {record.jurisdiction for record in RECORDS if record.gpc} <= {"US-CA", ""}
    assert sum(record.gpc for record in RECORDS) >= 10
    assert "grant" not in said["US-CA", "store"]
    assert {(record.jurisdiction, kind) for record in RECORDS for kind in record.sale} == {("US-CA", "opt_out")}


def test_some_germans_never_agree_to_anything() -> None:
    by_customer: defaultdict[str, set[str]] = defaultdict(set)
    for record in RECORDS:
        for kind, _, value in record.nodes():
            if kind == "customer_id" and record.jurisdiction == "DE":
                by_customer[value].update(record.consents)
    assert sum(said == set() for said in by_customer.values()) >= 5


def test_who_withdraws_has_agreed_before() -> None:
    agreed: defaultdict[Node, list[str]] = defaultdict(list)
    withdrew: dict[Node, str] = {}
    for record in RECORDS:
        for node in record.nodes():
            if "grant" in record.consents:
                agreed[node].append(record.observed_at)
            if "withdraw" in record.consents:
                withdrew[node] = record.observed_at
    both = agreed.keys() & withdrew.keys()
    assert len(both) >= 10
    for node in both:
        assert max(agreed[node]) < withdrew[node]
