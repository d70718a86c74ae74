"""Each fast path agrees with the library it stands in for: e-mail, phone numbers, the plain record and question."""

from __future__ import annotations

import random

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from gateway.entrypoints.wire.plain import plain_question, plain_record
from gateway.entrypoints.wire.records import by_schema, parse_record
from gateway.entrypoints.wire.resolve import parse_resolve, question_by_schema
from gateway.flows.messages import IncomingRecord
from gateway.flows.requests import ResolveRequest
from gateway.identifiers.emails import _by_library, is_address, is_plain_address, uid2_email
from gateway.identifiers.phones import clean_e164, e164, library_e164
from gateway.kernel.errors import InvalidInput
from tests.unit.wire.samples import GOOD_RECORDS, NOW, RECORDS, comparable, damaged, record

# --- e-mail -----------------------------------------------------------------------------------------------

_LABELS = st.sampled_from(
    [
        "a",
        "-",
        "--",
        "a-",
        "-a",
        "xn--",
        "xn--bcher-kva",
        "ab--cd",
        "1",
        "example",
        "gmail",
        "x" * 63,
        "x" * 64,
        "",
        "é",
    ]
) | st.text("abz019-_.", max_size=5)
_ENDS = (
    st.sampled_from(["com", "gmail.com", "test", "local", "localhost", "invalid", "arpa", "onion", "example"]) | _LABELS
)
_DOMAINS = st.builds(lambda labels, end: ".".join([*labels, end]), st.lists(_LABELS, max_size=5), _ENDS)
_LOCALS = st.text("abz019_+-.'\"@ é\n", max_size=10) | st.sampled_from(["x" * 64, "x" * 65, "a.b", "+", "a+b"])
_ADDRESSES = st.builds("{}@{}".format, _LOCALS, _DOMAINS) | st.text("ab.@-", max_size=12)


@given(_ADDRESSES)
@example("a@b-c.d-e.example")
@example("x" * 60 + "@b.co")
def test_email_validator_accepts_what_the_fast_path_accepts(address: str) -> None:
    if is_plain_address(address):
        assert is_address(address)
        assert len(address) <= 64
    try:
        form: str | None = uid2_email(address)
    except InvalidInput:
        form = None
    try:
        expected: str | None = _by_library(address.strip(" ").lower()) if address.isascii() else form
    except InvalidInput:
        expected = None
    assert form == expected


@given(st.from_regex(r"[a-z0-9_]+([.+-][a-z0-9]+){0,2}@([a-z0-9]{1,8}\.){1,2}(com|de|info|example)", fullmatch=True))
def test_ordinary_addresses_take_the_fast_path(address: str) -> None:
    assert is_plain_address(address) == (len(address) <= 64)


# --- phone ------------------------------------------------------------------------------------------------

_TYPES = [kind for kind in PhoneNumberType.values() if kind != PhoneNumberType.UNKNOWN]


def _examples() -> list[str]:
    """E.164 of every example number in the library's metadata, whatever the region and type."""
    numbers = [
        phonenumbers.example_number_for_type(region, kind)
        for region in sorted(phonenumbers.SUPPORTED_REGIONS)
        for kind in _TYPES
    ]
    numbers += [
        phonenumbers.example_number_for_non_geo_entity(code)
        for code in sorted(phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS)
    ]
    texts = {phonenumbers.format_number(number, PhoneNumberFormat.E164) for number in numbers if number is not None}
    return sorted(texts)


EXAMPLES = _examples()
_REGIONS = st.sampled_from([None, "US", "CA", "DE", "IT", "AR", "BR", "RU", "KZ", "GB", "JE", "MX"])


def _agrees(text: str, region: str | None) -> bool:
    """Whether the fast path took the text; if it did, the library must say the same."""
    fast = clean_e164(text)
    if fast is None:
        return False
    assert library_e164(text, region) == fast
    return True


def test_every_example_number_agrees_and_nearly_all_take_the_fast_path() -> None:
    taken = [_agrees(text, None) for text in EXAMPLES]
    assert len(taken) > 1_000
    assert sum(taken) / len(taken) > 0.95


def test_neighbors_of_every_example_number_agree() -> None:
    draw = random.Random(20261124)
    taken = 0
    for text in EXAMPLES:
        for _ in range(6):
            digits = list(text[1:])
            for _ in range(draw.randint(1, 3)):
                digits[draw.randrange(len(digits))] = draw.choice("0123456789")
            taken += _agrees("+" + "".join(digits[: draw.choice([len(digits), len(digits), len(digits) - 1])]), None)
    assert taken > len(EXAMPLES)


@st.composite
def _edited_numbers(draw: st.DrawFn) -> str:
    digits = list(draw(st.sampled_from(EXAMPLES))[1:])
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(digits)))
        digits[at : at + draw(st.integers(0, 1))] = draw(st.text("0123456789", max_size=2))
    for _ in range(draw(st.integers(0, 3))):
        digits.insert(draw(st.integers(0, len(digits))), draw(st.sampled_from([" ", "(", ")", "-", ".", "(0)", "  "])))
    return "+" + "".join(digits)


@given(_edited_numbers(), _REGIONS)
@example("+4407911123456", "GB")
@example("+78005553535", "RU")
@example("+5491123456789", "AR")
@example("+390612345678", "IT")
@example("+3758103084778", None)  # matches Belarus's patterns, but the library strips its national prefix 810
def test_edited_numbers_agree(text: str, region: str | None) -> None:
    _agrees(text, region)


@given(st.from_regex(r"\+[0-9 ().-]{1,20}", fullmatch=True), _REGIONS)
def test_arbitrary_clean_numbers_agree(text: str, region: str | None) -> None:
    _agrees(text, region)


@given(_edited_numbers(), _REGIONS)
def test_a_number_becomes_what_the_library_says_or_is_refused(text: str, region: str | None) -> None:
    expected = library_e164(text, region)
    try:
        form = e164(text, region)
    except InvalidInput:
        assert expected is None or len(expected) > 16 or library_e164(expected, None) != expected
    else:
        assert form == expected


@pytest.mark.slow
def test_every_calling_code_agrees_on_many_random_numbers() -> None:
    draw = random.Random(1)
    for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
        for _ in range(400):
            _agrees(f"+{code}" + "".join(draw.choices("0123456789", k=draw.randint(4, 12))), None)


# --- records ----------------------------------------------------------------------------------------------


def _same_as_schema(data: object) -> IncomingRecord | None:
    plain = plain_record(data, NOW)
    slow = by_schema(data, 3, NOW)
    if plain is not None:
        assert comparable(plain) == comparable(slow)
    assert comparable(parse_record(data, 3, NOW)) == comparable(slow)
    return plain


@given(RECORDS)
def test_records_right_and_wrong(data: object) -> None:
    _same_as_schema(data)


@given(damaged())
def test_records_damaged_anywhere(data: object) -> None:
    _same_as_schema(data)


@given(GOOD_RECORDS)
def test_plain_records_take_the_fast_path(data: object) -> None:
    assert _same_as_schema(data) is not None


def test_the_full_sample_takes_the_fast_path() -> None:
    assert _same_as_schema(record()) is not None


# --- questions --------------------------------------------------------------------------------------------


def _questions(records: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """What asks for the identifiers of a record, right or wrong, and now and then says something more."""
    kept = st.sampled_from([("purpose",), ("purpose", "jurisdiction"), ("jurisdiction",), ("purpose", "gpc")])
    return st.builds(_question, records, kept, st.sampled_from(["identity_resolution", "sale", "", 3, "No Slug"]))


def _question(data: object, kept: tuple[str, ...], purpose: object) -> object:
    if not isinstance(data, dict):
        return data
    wanted = {"purpose": purpose, "jurisdiction": data.get("jurisdiction", "DE"), "gpc": True}
    return {"identifiers": data.get("identifiers")} | {name: wanted[name] for name in kept}


@given(_questions(RECORDS | damaged()))
def test_questions_right_and_wrong(data: object) -> None:
    plain, slow = plain_question(data), question_by_schema(data)
    if plain is not None:
        assert comparable(plain) == comparable(slow)
    assert comparable(parse_resolve(data)) == comparable(slow)


@given(GOOD_RECORDS)
def test_plain_questions_take_the_fast_path(data: dict[str, object]) -> None:
    question = {"identifiers": data["identifiers"], "purpose": "identity_resolution"}
    assert comparable(plain_question(question)) == comparable(question_by_schema(question))
    assert isinstance(plain_question(question), ResolveRequest)
