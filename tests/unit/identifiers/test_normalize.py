"""Normal forms: what counts as the same identifier, what is refused, and that a form is a fixed point."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.identifiers.normalize import normalize
from gateway.identifiers.phones import library_e164
from gateway.identifiers.texts import MAX_TEXT, text_fault
from gateway.kernel.errors import InvalidInput
from tests.unit.identifiers.kind_rules import RULES

SAME = [
    ("email", " Jane.Doe@Example.COM ", "jane.doe@example.com"),
    ("email", "J.a.n.e+news@GMAIL.com", "jane@gmail.com"),
    ("email", "J.a.n.e+news@googlemail.com", "j.a.n.e+news@googlemail.com"),
    ("email", "JÜRGEN@example.com", "jÜrgen@example.com"),
    ("email", "a..b@gmail.com", "ab@gmail.com"),
    ("email", "info@BÜCHER.example", "info@bÜcher.example"),
    ("phone", " +49 (0)30 23125042 ", "+493023125042"),
    ("phone", "tel:+1-650-555-1212", "+16505551212"),
    ("phone", "+٤٩٣٠٢٣١٢٥٠٤٢", "+493023125042"),
    ("cookie", "  GA1.2.Ab ", "GA1.2.Ab"),
    ("cookie", "Cafe\u0301", "Café"),
    ("customer_id", " C-00Ä1 ", "c-00ä1"),
    ("customer_id", "STRASSE", "strasse"),
    ("customer_id", "Straße", "strasse"),
    ("national_id", "12 34-56:78.9X", "123456789x"),
    ("national_id", "12\u201334\u00a056", "123456"),
    ("device_id", "AF3581BB-0FA4-51F4-95C4-71E01C198CBA", "af3581bb0fa451f495c471e01c198cba"),
    ("device_id", "00:0D:6F:00:0B:42", "000d6f000b42"),
    ("ip", "2001:DB8::1", "2001:db8::1"),
]

NATIONAL = [
    ("030/23125042", "DE", "+493023125042"),
    ("(650) 555-1212", "US-CA", "+16505551212"),
    ("02.61.91.45.59", "FR", "+33261914559"),
    ("0049 176 04069082", "DE", "+4917604069082"),
    ("011 49 30 23125042", "US", "+493023125042"),
    ("+493023125042", "US", "+493023125042"),
    ("312 345", "AD", "+376312345"),
]

REFUSED = [
    ("email", "jane", "not_an_email"),
    ("email", "jane@localhost", "not_an_email"),
    ("email", "jane@example.test", "not_an_email"),
    ("email", '"jane"@example.com', "not_an_email"),
    ("email", "Jane <jane@example.com>", "not_an_email"),
    ("email", "jane@[127.0.0.1]", "not_an_email"),
    ("email", "jane@example.com\u00a0", "not_an_email"),
    ("email", "jane doe@example.com", "not_an_email"),
    ("email", "a..b@example.com", "not_an_email"),
    ("email", "jane\n@example.com", "control_characters"),
    ("phone", "+1 111 111 1111", "not_a_phone"),
    ("phone", "650 555 1212", "not_a_phone"),
    ("phone", "+1 650 555 1212 ext. 7", "not_a_phone"),
    ("phone", "+999 123456789", "not_a_phone"),
    ("phone", "+4921137815977849", "not_a_phone"),  # valid for the library, but more than E.164's 15 digits
    ("phone", "call back", "not_a_phone"),
    ("phone", "9" * 300, "not_a_phone"),
    ("national_id", "-:. -", "empty"),
    ("cookie", " \u2003 ", "empty"),
    ("cookie", "", "empty"),
    ("cookie", "a\x00b", "control_characters"),
    ("cookie", "a\u2028b", "control_characters"),
    ("cookie", "a\ud800", "lone_surrogate"),
    ("cookie", "x" * (MAX_TEXT + 1), "too_long"),
    ("customer_id", "ß" * MAX_TEXT, "too_long"),
]


@pytest.mark.parametrize(("kind", "raw", "form"), SAME)
def test_normal_form(kind: str, raw: str, form: str) -> None:
    assert normalize(raw, RULES[kind]) == form


@pytest.mark.parametrize(("raw", "jurisdiction", "form"), NATIONAL)
def test_a_national_number_is_read_in_the_jurisdiction_of_the_record(raw: str, jurisdiction: str, form: str) -> None:
    assert normalize(raw, RULES["phone"], jurisdiction) == form


def test_the_refusal_of_a_national_number_says_what_is_missing() -> None:
    with pytest.raises(InvalidInput, match="jurisdiction"):
        normalize("650 555 1212", RULES["phone"])
    with pytest.raises(InvalidInput, match=r"number$"):
        normalize("650 555 1212", RULES["phone"], "ZZ")


def test_a_number_that_the_library_reads_in_two_ways_is_refused() -> None:
    assert library_e164("88107924121", "BY") == "+3758107924121"
    assert library_e164("+3758107924121", None) is None
    with pytest.raises(InvalidInput):
        normalize("88107924121", RULES["phone"], "BY")


@pytest.mark.parametrize(("kind", "raw", "rule"), REFUSED)
def test_refused(kind: str, raw: str, rule: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        normalize(raw, RULES[kind])
    assert (caught.value.field, caught.value.rule) == ("value", rule)


_NASTY = st.sampled_from(
    [*"İıßẞΐΣσς\u0345\u0301\u0327ﬁKÅ", " ", "-", ".", ":", "\u00a0", "\u2013", "+", "@", "@gmail.com"]
)
_TEXTS = st.lists(st.one_of(_NASTY, st.characters()), max_size=12).map("".join)
_EMAILS = st.builds(
    "{}@{}".format, _TEXTS, st.sampled_from(["gmail.com", "GMAIL.com", "Example.org", "bücher.example"])
)
_PHONES = st.from_regex(r"(\+|00|0)?[0-9 ().-]{5,18}", fullmatch=True)


@pytest.mark.parametrize("kind", sorted(RULES))
@given(text=st.one_of(_TEXTS, _EMAILS, _PHONES), country=st.sampled_from([None, "DE", "US-CA", "AR", "ZZ"]))
@example(text="+.a+@gmail.com", country=None)
@example(text="8 800 555 35 35", country="RU")
def test_a_normal_form_is_a_fixed_point_and_nothing_else_is_raised(kind: str, text: str, country: str | None) -> None:
    rule = RULES[kind]
    try:
        form = normalize(text, rule, country)
    except InvalidInput:
        return
    assert normalize(form, rule, country) == form
    assert normalize(form, rule, None) == form
    assert form.strip() == form != ""
    form.encode()


@pytest.mark.parametrize("kind", ["cookie", "customer_id", "national_id"])
@given(text=st.text(st.sampled_from("aÅé\u0301\u0327\u0345ǰẞ") | st.characters(categories=["L", "M"])))
def test_composed_and_decomposed_text_are_the_same_identifier(kind: str, text: str) -> None:
    spellings = [unicodedata.normalize(form, text) for form in ("NFC", "NFD")]
    if any(text_fault(spelling) or not spelling.strip() for spelling in spellings):
        return
    assert len({normalize(spelling, RULES[kind]) for spelling in spellings}) == 1


@given(st.text(st.characters(categories=["Lu", "Ll", "Nd"]), min_size=1, max_size=50))
def test_letter_case_never_separates_casefolded_identifiers(text: str) -> None:
    rule = RULES["customer_id"]
    assert normalize(text, rule) == normalize(text.casefold(), rule)
    if text.isascii():
        assert normalize(text, rule) == normalize(text.upper(), rule)


@given(st.text(), st.integers(0, 300))
def test_a_text_without_fault_is_short_enough_printable_and_encodable(text: str, limit: int) -> None:
    fault = text_fault(text, limit)
    if fault is None:
        assert len(text) <= limit
        assert not any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in text)
        text.encode()
    else:
        assert fault.rule in {"too_long", "control_characters", "lone_surrogate"}
