"""Consent signals by hand: each rule of damage, and what no vector shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import pytest

from gateway.consent.signals.bits import MAX_LENGTH
from gateway.consent.signals.errors import MalformedSignal
from gateway.consent.signals.fields import gpp_fields, tcf_fields, usp_fields
from gateway.consent.signals.gpc import sec_gpc
from gateway.consent.signals.gpp import UsSection, decode_gpp
from gateway.consent.signals.ids import IdBits, IdRanges
from gateway.consent.signals.parts import PublisherRestriction, RestrictionType
from gateway.consent.signals.tcf import DISCLOSED_FROM, TcString, decode_tcf
from gateway.consent.signals.tcf_canada import TcCanadaString
from gateway.consent.signals.usp import decode_usp
from gateway.kernel.clock import parse_instant
from gateway.kernel.errors import InvalidInput
from tests.signal_strings import fibonacci, tc_segments, text_of

NONE: Final = IdBits(0, 24)
PLAIN: Final = TcString(
    version=2,
    created_at=parse_instant("2024-02-01T00:00:00Z"),
    last_updated_at=parse_instant("2024-02-01T00:00:00Z"),
    cmp_id=1,
    cmp_version=1,
    consent_screen=1,
    consent_language="DE",
    vendor_list_version=1,
    policy_version=4,
    is_service_specific=True,
    use_non_standard_texts=False,
    special_feature_opt_ins=IdBits(0, 12),
    purpose_consents=IdBits(1 << 23, 24),
    purpose_legitimate_interests=NONE,
    purpose_one_treatment=False,
    publisher_country="DE",
    vendor_consents=IdRanges(((5, 9), (12, 12))),
    vendor_legitimate_interests=IdBits(0, 0),
    publisher_restrictions=(),
    disclosed_vendors=None,
    allowed_vendors=None,
    publisher=None,
)
CORE: Final = tc_segments(PLAIN)[0]
DISCLOSED: Final = text_of("001" + "0" * 17, 24)
HEAD: Final = CORE[:213]
NO_VENDORS: Final = "0" * 17


def written(said: TcString) -> str:
    return ".".join(text_of(bits, 24) for bits in tc_segments(said).values())


def core_of(bits: str) -> str:
    return text_of(bits, 24)


def with_bits(at: int, bits: str) -> str:
    return core_of(CORE[:at] + bits + CORE[at + len(bits) :])


def with_vendors(highest: int, *entries: str, count: int | None = None) -> str:
    ranges = f"{highest:016b}1{len(entries) if count is None else count:012b}" + "".join(entries)
    return core_of(HEAD + ranges + NO_VENDORS + "0" * 12)


def with_restriction(purpose: int, kind: int) -> str:
    return core_of(HEAD + NO_VENDORS * 2 + f"{1:012b}{purpose:06b}{kind:02b}{1:012b}0{7:016b}")


def one(number: int) -> str:
    return f"0{number:016b}"


def several(first: int, last: int) -> str:
    return f"1{first:016b}{last:016b}"


DAMAGED: Final[Mapping[str, tuple[str, str]]] = {
    "nothing": ("", "not_base64url"),
    "padding": (f"{core_of(CORE)}=", "not_base64url"),
    "white space": (f"{core_of(CORE)}\n", "not_base64url"),
    "a plus": (f"{core_of(CORE)}+", "not_base64url"),
    "a slash": (f"{core_of(CORE)}/", "not_base64url"),
    "not ASCII": (f"{core_of(CORE)}é", "not_base64url"),
    "surrogate": (f"{core_of(CORE)}\ud800", "not_base64url"),
    "too long": ("C" * (MAX_LENGTH + 1), "too_long"),
    "version 1": (with_bits(0, f"{1:06b}"), "unknown_version"),
    "before the GDPR": (with_bits(6, f"{0:036b}"), "bad_time"),
    "after this century": (with_bits(42, "1" * 36), "bad_time"),
    "language": (with_bits(108, f"{26:06b}"), "not_a_letter"),
    "country": (with_bits(207, f"{63:06b}"), "not_a_letter"),
    "core only begun": (core_of(CORE)[:20], "truncated"),
    "vendors beyond the end": (core_of(HEAD + f"{900:016b}0"), "truncated"),
    "no restrictions": (text_of(HEAD + NO_VENDORS * 2, 6), "truncated"),
    "a whole group of zeros": (f"{core_of(CORE)}AAAA", "trailing_bits"),
    "a one that fills up": (text_of(CORE + "1", 24), "trailing_bits"),
    "id 0": (with_vendors(9, one(0)), "bad_range"),
    "range that ends before it starts": (with_vendors(9, several(5, 4)), "bad_range"),
    "descending": (with_vendors(9, one(5), one(4)), "bad_range"),
    "overlapping": (with_vendors(9, several(2, 5), several(5, 6)), "bad_range"),
    "beyond the highest": (with_vendors(9, several(5, 10)), "bad_range"),
    "more entries than there are": (with_vendors(9, one(5), count=4_095), "bad_range"),
    "restriction of purpose 0": (with_restriction(0, 1), "bad_restriction"),
    "restriction of purpose 25": (with_restriction(25, 1), "bad_restriction"),
    "restriction of type 3": (with_restriction(1, 3), "bad_restriction"),
    "empty segment": (f"{core_of(CORE)}.", "not_base64url"),
    "segment twice": (f"{core_of(CORE)}.{DISCLOSED}.{DISCLOSED}", "bad_segment"),
    "core twice": (f"{core_of(CORE)}.{core_of(CORE)}", "bad_segment"),
    "unknown segment": (f"{core_of(CORE)}.{text_of('100' + '0' * 17, 24)}", "bad_segment"),
    "five segments": (f"{core_of(CORE)}.{'.'.join([DISCLOSED] * 4)}", "bad_segment"),
    "no core": (DISCLOSED, "truncated"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_tc_string(name: str) -> None:
    text, rule = DAMAGED[name]
    with pytest.raises(MalformedSignal) as caught:
        decode_tcf(text)
    assert isinstance(caught.value, InvalidInput)
    assert (caught.value.field, caught.value.rule) == ("tcf", rule)
    assert text == "" or text not in str(caught.value)


def test_an_update_is_not_before_the_creation() -> None:
    earlier = replace(PLAIN, last_updated_at=PLAIN.created_at - 100)
    with pytest.raises(MalformedSignal, match="times"):
        decode_tcf(written(earlier))


def test_vendors_are_disclosed_from_28_february_2026() -> None:
    border = (DISCLOSED_FROM - 100, DISCLOSED_FROM)
    before, from_then = (replace(PLAIN, created_at=time, last_updated_at=time) for time in border)
    assert decode_tcf(written(before)) == before
    with pytest.raises(MalformedSignal) as caught:
        decode_tcf(written(from_then))
    assert caught.value.rule == "vendors_not_disclosed"
    disclosing = replace(from_then, disclosed_vendors=IdBits(0, 0))
    assert decode_tcf(written(disclosing)) == disclosing


def test_ids_are_looked_up_and_listed() -> None:
    decoded = decode_tcf(written(PLAIN))
    assert list(decoded.vendor_consents) == [5, 6, 7, 8, 9, 12]
    assert [number for number in range(-1, 15) if number in decoded.vendor_consents] == [5, 6, 7, 8, 9, 12]
    assert list(decoded.purpose_consents) == [1]
    assert 1 in decoded.purpose_consents
    assert not {-1, 0, 2, 24, 25} & set(decoded.purpose_consents)


def test_restrictions_have_a_type() -> None:
    (restriction,) = decode_tcf(with_restriction(2, 0)).publisher_restrictions
    assert restriction == PublisherRestriction(2, RestrictionType.NOT_ALLOWED, IdRanges(((7, 7),)))


def test_fields_of_segments_that_are_not_there_are_left_out() -> None:
    fields = tcf_fields(decode_tcf(written(PLAIN)))
    assert not {"VendorsDisclosed", "VendorsAllowed", "PublisherConsents"} & fields.keys()


@pytest.mark.parametrize("value", [None, "", "0", "1 ", " 1", "1, 1", "true", "١", "11"])
def test_only_1_is_a_signal(value: str | None) -> None:
    assert not sec_gpc(value)
    assert sec_gpc("1")


NO_USP: Final = ["", "1YN", "1YNNN", "2YNN", "1ynn", "1YNN\n", "1Y N", "١YNN", "1Y-X"]


@pytest.mark.parametrize("text", NO_USP, ids=map(str, range(len(NO_USP))))
def test_a_damaged_us_privacy_string(text: str) -> None:
    with pytest.raises(MalformedSignal) as caught:
        decode_usp(text)
    assert caught.value.field == "usp"


def test_a_us_privacy_string() -> None:
    decoded = decode_usp("1NY-")
    assert (decoded.notice, decoded.opted_out_of_sale, decoded.lspa_covered) == (False, True, None)
    assert usp_fields(decoded) == {"Version": 1, "Notice": "N", "OptOutSale": "Y", "LspaCovered": "-"}


USNAT: Final = "CRpoghCqFIho"
GPP_DAMAGED: Final[Mapping[str, tuple[str, str]]] = {
    "nothing": ("", "not_base64url"),
    "a TC string": (core_of(CORE), "unknown_version"),
    "no section": ("DBABLA", "section_count"),
    "a section too many": (f"DBABLA~{USNAT}~{USNAT}", "section_count"),
    "very many sections": ("DBABLA" + "~" * 9_000, "section_count"),
    "an empty section": ("DBABLA~", "not_base64url"),
    "an empty segment": (f"DBABLA~{USNAT}.", "not_base64url"),
    "a segment too many": (f"DBABLA~{USNAT}.QA.QA", "bad_segment"),
    "a segment that Virginia does not have": ("DBABRg~BBaQpKA.QA", "bad_segment"),
    "another type of segment": (f"DBABLA~{USNAT}.gA", "bad_value"),
    "a value of 3": (f"DBABLA~C{'w' * 11}", "bad_value"),
    "version 3": (f"DBABLA~D{USNAT[1:]}", "unknown_version"),
    "version 1 in the layout of version 2": (f"DBABLA~B{USNAT[1:]}", "trailing_bits"),
    "cut off": (f"DBABLA~{USNAT[:-2]}", "truncated"),
    "too long": ("D" * (MAX_LENGTH + 1), "too_long"),
}


@pytest.mark.parametrize("name", GPP_DAMAGED)
def test_a_damaged_gpp_string(name: str) -> None:
    text, rule = GPP_DAMAGED[name]
    with pytest.raises(MalformedSignal) as caught:
        decode_gpp(text)
    assert (caught.value.field, caught.value.rule) == ("gpp", rule)


def header(*numbers: int) -> str:
    offsets = [number - before for number, before in zip(numbers, (0, *numbers), strict=False)]
    return text_of(f"{3:06b}{1:06b}{len(numbers):012b}" + "".join(f"0{fibonacci(one)}" for one in offsets), 8)


@pytest.mark.parametrize("number", [1, 3, 4, 28, 4_181])
def test_an_unknown_section_is_named(number: int) -> None:
    with pytest.raises(MalformedSignal, match=f"no section {number} ") as caught:
        decode_gpp(f"{header(number)}~{USNAT}")
    assert caught.value.rule == "unknown_section"


def test_sections_are_in_the_order_of_their_ids() -> None:
    text = f"{header(2, 6, 7)}~{written(PLAIN)}~1YYN~{USNAT}"
    decoded = decode_gpp(text)
    assert list(decoded.sections) == ["tcfeuv2", "uspv1", "usnat"]
    assert decoded.sections["tcfeuv2"] == PLAIN
    with pytest.raises(MalformedSignal, match="uspv1: ") as caught:
        decode_gpp(text.replace("1YYN", "1yyn"))
    assert (caught.value.field, caught.value.rule) == ("gpp", "bad_usp")


def test_without_the_segment_gpc_is_not_said() -> None:
    section = decode_gpp(f"DBABLA~{USNAT}").sections["usnat"]
    assert isinstance(section, UsSection)
    assert (section.fields["GpcSegmentIncluded"], section.fields["Gpc"]) == (False, False)
    assert gpp_fields(decode_gpp("DBAA")) == {"sections": {}}


def canada(vendors: str, restrictions: str = "0" * 12) -> str:
    head = f"{1:06b}{CORE[6:138]}0" + "0" * 60
    return f"{header(5)}~{text_of(head + vendors + NO_VENDORS + restrictions, 8)}"


@pytest.mark.parametrize("ranges", [f"0{fibonacci(3)}1{fibonacci(4)}{fibonacci(93)}", f"{one(3)}{several(7, 100)}"])
def test_canada_has_two_codings_of_ranges(ranges: str) -> None:
    section = decode_gpp(canada(f"{100:016b}1{2:012b}{ranges}")).sections["tcfcav1"]
    assert isinstance(section, TcCanadaString)
    assert list(section.vendor_express_consents) == [3, *range(7, 101)]


def test_canadian_restrictions_that_can_be_read_in_two_ways() -> None:
    singles = "".join(one(number) for number in (1_001, 1_003, 1_005, 1_007, 1_009))
    with pytest.raises(MalformedSignal) as caught:
        decode_gpp(canada(NO_VENDORS, f"{1:012b}{2:06b}{1:02b}{5:012b}{singles}"))
    assert caught.value.rule == "ambiguous"
    with pytest.raises(MalformedSignal, match="highest"):
        decode_gpp(canada(f"{101:016b}1{1:012b}{several(7, 100)}"))
