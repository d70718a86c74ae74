"""Hash profiles: a form is a fixed point, two spellings of one value give one digest, nothing unforeseen is raised."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from gateway.identifiers.emails import uid2_email
from gateway.identifiers.hash_profiles import drop_names
from gateway.identifiers.hash_profiles.forms import normal_forms
from gateway.identifiers.hash_profiles.table import HASH_PROFILES, standardize
from gateway.identifiers.phones import e164
from gateway.kernel.errors import InvalidInput
from tests.properties.test_fast_paths import EXAMPLES

PAIRS = sorted((profile.name, kind) for profile in HASH_PROFILES.values() for kind in profile.kinds)

_MARKS = "\u0301\u0306\u0308\u0307\u0323\u0345\u05b8\u064e\u093f\u3099\u309a\u200c\u200d\ufe00\U000e0100\u034f\u20e3"
_LETTERS = "aZéøßŁİıŋƀʔʼйёЇґђЩὰΣςϐΐאبمहかｶ정각山𝐉ﬁǅŉ０٣Ⅳ²"
_TEXTS = st.text(st.sampled_from(_MARKS + _LETTERS + " -.,'·\t") | st.characters(), max_size=12)
_NAMES = st.lists(st.sampled_from(["Mr.", "Dr. ", " Jr.", ", III", "Ph. D.", " "]) | _TEXTS, max_size=5).map("".join)
_EMAILS = st.builds("{}@{}".format, _TEXTS, st.sampled_from(["gmail.com", "GoogleMail.com", "x.example", "É.example"]))
_PHONES = st.from_regex(r"(\+|00|0|US |DE )?[0-9 ().-]{5,18}", fullmatch=True) | st.sampled_from(EXAMPLES)
_DATES = st.dates().flatmap(
    lambda day: st.sampled_from(["%Y-%m-%d", "%Y%m%d", "%m/%d/%Y", "%B %d, %Y", "%d %b %Y"]).map(day.strftime)
)
_CODES = st.from_regex(r"0{0,3}[0-9a-zA-Z]{3,17}([- ][0-9]{4})?", fullmatch=True) | st.uuids().map(str)
_COUNTRIES = st.sampled_from([None, "US", "US-CA", "DE", "GB", "IT", "RU", "ZZ"])


@pytest.mark.parametrize(("profile", "kind"), PAIRS)
@given(text=st.one_of(_TEXTS, _NAMES, _EMAILS, _PHONES, _DATES, _CODES), country=_COUNTRIES)
@example(text="4792234567", country=None)
@example(text="+47 922 34 567", country=None)
@example(text="+1 (0) 650 555 1212", country="US")
@example(text="02108-1234", country=None)
def test_a_form_is_a_fixed_point_and_nothing_else_is_raised(
    profile: str, kind: str, text: str, country: str | None
) -> None:
    try:
        form = standardize(profile, kind, text, country)
    except InvalidInput:
        return
    assert form
    assert standardize(profile, kind, form) == form
    form.encode()


@pytest.mark.parametrize("profile", ["google", "meta", "snap", "drop"])
@given(text=st.lists(st.sampled_from(_LETTERS) | st.characters(categories=["L", "M"]), max_size=8).map("".join))
def test_composed_and_decomposed_names_are_one(profile: str, text: str) -> None:
    spellings = [unicodedata.normalize(form, text) for form in ("NFC", "NFD")]
    forms = set()
    for spelling in spellings:
        try:
            forms.add(standardize(profile, "name", spelling))
        except InvalidInput as error:
            forms.add(error.rule)
    assert len(forms) == 1


@given(st.text(st.sampled_from(_MARKS + _LETTERS + "-' ") | st.characters(), max_size=20))
def test_a_name_of_drop_holds_letters_digits_and_their_own_marks(text: str) -> None:
    form = drop_names.name(text, None)
    assert form == unicodedata.normalize("NFC", form) == drop_names.name(form, None)
    for letter in form:
        assert letter.isalnum() or unicodedata.category(letter) in {"Mn", "Mc"}
        assert letter not in drop_names.TABLE


@given(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=20), st.data())
def test_case_and_punctuation_never_separate_names_of_drop(text: str, data: st.DataObject) -> None:
    spelled = "".join(letter + data.draw(st.sampled_from(["", " ", "-", "'", "."])) for letter in text)
    assert standardize("drop", "name", spelled.upper()) == standardize("drop", "name", text) == text.lower()


@pytest.mark.parametrize("profile", ["google", "meta", "snap"])
@given(number=st.sampled_from(EXAMPLES), at=st.integers(2, 6), mark=st.sampled_from([" ", "-", ".", " - "]))
def test_two_spellings_of_a_number_are_one(profile: str, number: str, at: int, mark: str) -> None:
    spelled = number[:at] + mark + number[at:]
    assert (
        standardize(profile, "phone", spelled)
        == standardize(profile, "phone", number)
        == (number if profile == "google" else number[1:])
    )


@given(st.sampled_from(EXAMPLES) | _PHONES, _COUNTRIES)
def test_the_forms_of_a_record_are_those_asked_for_directly(text: str, country: str | None) -> None:
    forms = normal_forms("phone", text, country)
    try:
        number = e164(text, country)
    except InvalidInput:
        assert set(forms) <= {"drop"}
        return
    for profile, form in forms.items():
        assert standardize(profile, "phone", number) == form


@given(_EMAILS | st.emails())
def test_the_forms_of_an_address_are_those_asked_for_directly(text: str) -> None:
    forms = normal_forms("email", text)
    for profile, form in forms.items():
        assert standardize(profile, "email", text) == form
    try:
        expected = uid2_email(text)
    except InvalidInput:
        assert "uid2" not in forms
        return
    assume(text == text.strip() and text.isprintable())
    assert forms["uid2"] == expected
