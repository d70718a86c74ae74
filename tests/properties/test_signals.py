"""Consent signals: what is written is read, and damage is refused or says what the damaged string says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.consent.signals.errors import MalformedSignal
from gateway.consent.signals.fields import gpp_fields, tcf_fields
from gateway.consent.signals.gpp import GppString, UsSection, decode_gpp
from gateway.consent.signals.ids import IdBits, IdRanges
from gateway.consent.signals.parts import PublisherPurposes, PublisherRestriction, RestrictionType
from gateway.consent.signals.tcf import DISCLOSED_FROM, TcString, decode_tcf
from gateway.consent.signals.us_layouts import LAYOUTS, Field, Layout
from gateway.consent.signals.usp import decode_usp
from gateway.kernel.clock import DAY
from tests.signal_strings import ALPHABET, gpp_text, is_gpp_text, is_tc_string, tc_segments, text_of

DECODERS: Final[list[Callable[[str], object]]] = [decode_tcf, decode_gpp, decode_usp]
FILLS: Final = st.sampled_from([6, 8, 24])
LETTERS: Final = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=2, max_size=2)


def id_bits(sizes: st.SearchStrategy[int]) -> st.SearchStrategy[IdBits]:
    return sizes.flatmap(lambda size: st.builds(IdBits, st.integers(0, (1 << size) - 1), st.just(size)))


def ascending(steps: list[tuple[int, int]]) -> IdRanges:
    """Steps from the end of one range to the start of the next, and lengths less one -> ranges."""
    found, last = [], 0
    for step, more in steps:
        found.append((last + step, last + step + more))
        last += step + more
    return IdRanges(tuple(found))


ID_RANGES: Final = st.lists(st.tuples(st.integers(1, 4_000), st.sampled_from([0, 0, 1, 60, 4_000])), max_size=8).map(
    ascending
)
VENDORS: Final = id_bits(st.integers(0, 60)) | ID_RANGES
PURPOSES: Final = id_bits(st.just(24))
PUBLISHERS: Final = st.integers(0, 63).flatmap(
    lambda count: st.builds(
        PublisherPurposes, PURPOSES, PURPOSES, st.just(count), id_bits(st.just(count)), id_bits(st.just(count))
    )
)
TIMES: Final = st.integers(17_000, 22_000).map(lambda day: day * DAY)


@st.composite
def tc_strings(draw: st.DrawFn) -> TcString:
    created = draw(TIMES.filter(lambda time: time > 1_530_000_000_000))
    return TcString(
        version=2,
        created_at=created,
        last_updated_at=created + 100 * draw(st.integers(0, 10**9)),
        cmp_id=draw(st.integers(0, 4_095)),
        cmp_version=draw(st.integers(0, 4_095)),
        consent_screen=draw(st.integers(0, 63)),
        consent_language=draw(LETTERS),
        vendor_list_version=draw(st.integers(0, 4_095)),
        policy_version=draw(st.integers(0, 63)),
        is_service_specific=draw(st.booleans()),
        use_non_standard_texts=draw(st.booleans()),
        special_feature_opt_ins=draw(id_bits(st.just(12))),
        purpose_consents=draw(PURPOSES),
        purpose_legitimate_interests=draw(PURPOSES),
        purpose_one_treatment=draw(st.booleans()),
        publisher_country=draw(LETTERS),
        vendor_consents=draw(VENDORS),
        vendor_legitimate_interests=draw(VENDORS),
        publisher_restrictions=draw(
            st.lists(
                st.builds(PublisherRestriction, st.integers(1, 24), st.sampled_from(RestrictionType), ID_RANGES),
                max_size=3,
            ).map(tuple)
        ),
        disclosed_vendors=draw(VENDORS if created >= DISCLOSED_FROM else st.none() | VENDORS),
        allowed_vendors=draw(st.none() | VENDORS),
        publisher=draw(st.none() | PUBLISHERS),
    )


@st.composite
def tc_texts(draw: st.DrawFn, said: st.SearchStrategy[TcString]) -> tuple[TcString, str]:
    """A TC string, and a text that says it: its segments in any order, filled up in any way."""
    decoded = draw(said)
    core, *others = tc_segments(decoded).values()
    segments = [core, *draw(st.permutations(others))]
    return decoded, ".".join(text_of(bits, draw(FILLS)) for bits in segments)


def values(field: Field) -> st.SearchStrategy[Any]:
    if field.only is not None:
        return st.just(field.only)
    if field.width <= 1:
        return st.booleans() if field.width else st.just(value=True)
    one = st.integers(0, 2)
    return one if field.length is None else st.tuples(*[one] * field.length)


@st.composite
def us_sections(draw: st.DrawFn, layout: Layout) -> UsSection:
    version, core = draw(st.sampled_from(list(layout.cores.items())))
    fields: dict[str, Any] = {core[0].name: draw(st.integers(0, 63)) if version is None else version}
    fields |= {field.name: draw(values(field)) for field in core[1:]}
    if layout.segment:
        absent = draw(st.booleans())
        fields |= {field.name: missing(field) if absent else draw(values(field)) for field in layout.segment}
    return UsSection(fields)


def missing(field: Field) -> object:
    if field.width <= 1:
        return False
    return field.only or (0,) * (field.length or 0)


@st.composite
def gpp_strings(draw: st.DrawFn) -> GppString:
    numbers = sorted(draw(st.sets(st.sampled_from(list(LAYOUTS)), min_size=1, max_size=2)))
    return GppString({LAYOUTS[number].name: draw(us_sections(LAYOUTS[number])) for number in numbers})


def damaged(text: str, changes: Callable[[str], Iterable[str]]) -> Iterator[str]:
    """Every truncation, every string without one of its characters, every one with another in a place."""
    for at, letter in enumerate(text):
        yield text[:at]
        yield text[:at] + text[at + 1 :]
        yield from (text[:at] + other + text[at + 1 :] for other in changes(letter))


def one_bit(letter: str) -> Iterable[str]:
    """The characters that differ in one bit, and one that never is in a string."""
    place = ALPHABET.find(letter)
    return [ALPHABET[place ^ 1 << bit] for bit in range(6)] + ["="] if place >= 0 else ["A", "="]


def anything(letter: str) -> Iterable[str]:
    return set(f"{ALPHABET}.~= +/\né") - {letter}


@given(tc_texts(tc_strings()))
def test_a_tc_string_is_read_as_it_was_written(both: tuple[TcString, str]) -> None:
    said, text = both
    assert decode_tcf(text) == said
    assert is_tc_string(text, said)
    assert tcf_fields(said)["VendorConsents"] == list(said.vendor_consents)


@given(VENDORS, st.integers(-1, 70_000))
def test_a_set_of_ids_is_a_set(ids: IdBits | IdRanges, other: int) -> None:
    listed = list(ids)
    assert listed == sorted(set(listed))
    assert len(ids) == len(listed)
    assert all(one in ids for one in listed)
    assert (other in ids) == (other in set(listed))


@given(gpp_strings(), st.sampled_from([6, 8]))
def test_us_sections_are_read_as_they_were_written(said: GppString, fill: int) -> None:
    text = gpp_text(said.sections, fill)  # type: ignore[arg-type]  # all of them are US sections
    decoded = decode_gpp(text)
    assert gpp_fields(decoded) == gpp_fields(said)
    assert is_gpp_text(text, decoded)


def check_damage_to_tc_strings(text: str, changes: Callable[[str], Iterable[str]] = one_bit) -> None:
    for other in damaged(text, changes):
        try:
            decoded = decode_tcf(other)
        except MalformedSignal:
            continue
        assert is_tc_string(other, decoded)


def check_damage_to_gpp_strings(text: str, changes: Callable[[str], Iterable[str]] = one_bit) -> None:
    for other in damaged(text, changes):
        try:
            decoded = decode_gpp(other)
        except MalformedSignal:
            continue
        assert decoded.sections == {} or is_gpp_text(other, decoded)


@settings(max_examples=5)
@given(tc_texts(tc_strings()))
def test_damage_to_a_tc_string_is_refused_or_said(both: tuple[TcString, str]) -> None:
    check_damage_to_tc_strings(both[1])


@settings(max_examples=25)
@given(gpp_strings(), st.sampled_from([6, 8]))
def test_damage_to_a_gpp_string_is_refused_or_said(said: GppString, fill: int) -> None:
    check_damage_to_gpp_strings(gpp_text(said.sections, fill))  # type: ignore[arg-type]  # as above


@pytest.mark.fuzz
@given(tc_texts(tc_strings()), gpp_strings())
def test_damage_is_refused_or_said_in_long(both: tuple[TcString, str], said: GppString) -> None:
    check_damage_to_tc_strings(both[1], anything)
    check_damage_to_gpp_strings(gpp_text(said.sections, 8), anything)  # type: ignore[arg-type]  # as above


@pytest.mark.parametrize("decode", DECODERS, ids=["tcf", "gpp", "usp"])
@given(
    st.text(max_size=40)
    | st.text(f"{ALPHABET}.~", max_size=200)
    | st.builds(
        "{}{}".format, st.sampled_from(["C", "CQQHQsAQQHQsA", "DBAB", "DBABLA~", "DBACLAAA~"]), st.text(f"{ALPHABET}.~")
    )
)
def test_nothing_but_a_malformed_signal_is_raised(decode: Callable[[str], object], text: str) -> None:
    with suppress(MalformedSignal):
        decode(text)
