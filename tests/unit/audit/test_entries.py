"""The leaf: canonical, free of free text, and read back only in the form in which it is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.canonical import MAX_INTEGER, canonical
from gateway.audit.entries import EntryKind, Leaf, is_slug, leaf, parse_leaf
from gateway.kernel.clock import hour_of
from gateway.kernel.errors import IntegrityError

SLUGS = st.from_regex(re.compile(r"[a-z0-9_.:-]{0,80}"), fullmatch=True)
NAMES = st.from_regex(re.compile(r"[a-z0-9_.:-]{1,80}"), fullmatch=True)
COMMITMENTS = st.from_regex(re.compile(r"[A-Za-z0-9_-]{43}"), fullmatch=True)
HELD = st.dictionaries(NAMES, COMMITMENTS | st.lists(COMMITMENTS, max_size=3), max_size=5)
FACTS = st.dictionaries(NAMES, SLUGS | st.integers(-MAX_INTEGER, MAX_INTEGER), max_size=5)
HOURS = st.integers(0, 4 * 10**12).map(hour_of)
COMMITMENT = "A" * 43


class Members(TypedDict):
    """The keyword arguments of `leaf`."""

    hour: str
    actor: str
    channel: str
    rule: str
    policy: str
    commitments: Mapping[str, str | list[str]]
    facts: Mapping[str, str | int]


def members() -> Members:
    return {
        "hour": "2026-11-24T16:00Z",
        "actor": "channel",
        "channel": "web",
        "rule": "gdpr.consent",
        "policy": "sha256:" + "ab" * 32,
        "commitments": {"profile": COMMITMENT},
        "facts": {"count": 3},
    }


@given(st.sampled_from(EntryKind), HOURS, st.tuples(SLUGS, SLUGS, SLUGS, SLUGS), HELD, FACTS)
def test_a_leaf_is_canonical_and_reads_back(
    kind: EntryKind,
    hour: str,
    slugs: tuple[str, str, str, str],
    held: dict[str, str | list[str]],
    facts: dict[str, str | int],
) -> None:
    actor, channel, rule, policy = slugs
    data = leaf(kind, hour=hour, actor=actor, channel=channel, rule=rule, policy=policy, commitments=held, facts=facts)
    expected = Leaf(kind.value, hour, actor, channel, rule, policy, held, facts)
    assert parse_leaf(data) == expected
    names = ("kind", "hour", "actor", "channel", "rule", "policy", "commitments", "facts")
    assert data == canonical({"v": 1, **{name: getattr(expected, name) for name in names}, "kind": kind.value})


def test_a_leaf_in_full() -> None:
    assert leaf(EntryKind.PROFILE_MERGED, **members()) == (
        b'{"actor":"channel","channel":"web","commitments":{"profile":"' + b"A" * 43 + b'"},"facts":{"count":3},'
        b'"hour":"2026-11-24T16:00Z","kind":"profile.merged","policy":"sha256:' + b"ab" * 32 + b'",'
        b'"rule":"gdpr.consent","v":1}'
    )


def test_facts_may_be_left_out_and_any_mapping_will_do() -> None:
    given_members = members()
    given_members["commitments"] = MappingProxyType({"b": [COMMITMENT, COMMITMENT], "a": COMMITMENT})
    del given_members["facts"]  # type: ignore[misc]  # the default of `leaf` is under test
    data = leaf(EntryKind.DECISIONS_BATCH, **given_members)
    assert parse_leaf(data).facts == {}
    assert data.index(b'"a"') < data.index(b'"b"')


@pytest.mark.parametrize(
    "fact",
    [
        "Ada",
        "ada@example.com",
        "a b",
        "ü",
        "x" * 81,
        "a\n",
        '"',
        "\\",
        1.5,
        True,
        None,
        [],
        {},
        MAX_INTEGER + 1,
        "\ud800",
    ],
)
def test_a_fact_that_could_be_personal_is_refused(fact: str | int) -> None:
    given_members = members()
    given_members["facts"] = {"count": 1, "note": fact}
    with pytest.raises(IntegrityError, match="facts") as refused:
        leaf(EntryKind.PROFILE_CREATED, **given_members)
    assert len(str(fact)) < 3 or str(fact) not in str(refused.value)


@pytest.mark.parametrize("name", ["actor", "channel", "rule", "policy"])
@pytest.mark.parametrize("text", ["Ada Lovelace", "ada@example.com", "x" * 81, "+49", "\ud800"])
def test_every_member_is_a_slug(name: str, text: str) -> None:
    given_members = members()
    given_members[name] = text  # type: ignore[literal-required]  # one of the literal names above
    with pytest.raises(IntegrityError, match=name):
        leaf(EntryKind.PROFILE_CREATED, **given_members)
    assert not is_slug(text)


@pytest.mark.parametrize("hour", ["2026-11-24T16:30Z", "2026-11-24T16:00:00Z", "2026-11-24", "", "2026-11-24T16:00Z\n"])
def test_a_leaf_tells_the_hour_and_no_more(hour: str) -> None:
    given_members = members()
    given_members["hour"] = hour
    with pytest.raises(IntegrityError, match="hour"):
        leaf(EntryKind.PROFILE_CREATED, **given_members)


@pytest.mark.parametrize(
    "held",
    [
        {"profile": "p1"},
        {"profile": "A" * 44},
        {"p": ["A" * 43, "ada"]},
        {"": COMMITMENT},
        {"Ada": COMMITMENT},
        {"p": 1},
    ],
)
def test_only_commitments_stand_among_the_commitments(held: dict[str, str | list[str]]) -> None:
    given_members = members()
    given_members["commitments"] = held
    with pytest.raises(IntegrityError, match="commitments"):
        leaf(EntryKind.PROFILE_CREATED, **given_members)


GOOD = leaf(EntryKind.PROFILE_CREATED, **members())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        GOOD + b"\n",
        GOOD.replace(b'"v":1', b'"v":2'),
        GOOD.replace(b'"v":1', b'"v":1,"w":1'),
        GOOD.replace(b'"v":1', b'"v": 1'),
        GOOD.replace(b'"count":3', b'"count":3.0'),
        GOOD.replace(b'"count":3', b'"count":03'),
        GOOD.replace(b'"count":3', b'"count":-0'),
        GOOD.replace(b'"count":3', b'"count":9007199254740992'),
        GOOD.replace(b'"count":3', b'"count":3,"a":1'),
        GOOD.replace(b'"count":3', b'"count":3,"count":3'),
        GOOD.replace(b'"web"', b'"w\\u0065b"'),
        GOOD.replace(b'"web"', b'"Web"'),
        GOOD.replace(b'"profile.created"', b'""'),
    ],
)
def test_a_leaf_that_could_not_have_been_written_is_refused(data: bytes) -> None:
    assert data != GOOD
    with pytest.raises(IntegrityError):
        parse_leaf(data)


def test_a_kind_of_a_later_version_is_read() -> None:
    assert parse_leaf(GOOD.replace(b"profile.created", b"role.granted")).kind == "role.granted"
