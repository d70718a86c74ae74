"""Hash profiles beyond the published examples: every rule of the table, and what is refused."""

from __future__ import annotations

import pytest

from gateway.identifiers.hash_profiles.composites import composite_forms, composite_sha256
from gateway.identifiers.hash_profiles.forms import PUBLISHED_SAMPLES, standard_form
from gateway.identifiers.hash_profiles.table import HASH_PROFILES, KIND_NAMES, encoded, sha256, standardize
from gateway.identifiers.model import NormalForm
from gateway.identifiers.texts import MAX_TEXT
from gateway.kernel.errors import InvalidInput
from gateway.policy.loader import load
from tests.architecture.sources import ROOT

RULES = load(ROOT / "policies").kinds

FORMS = [
    ("uid2", "email", "ÄRGER@Example.com", "Ärger@example.com"),
    ("uid2", "email", "J.Doe+x@googlemail.com", "j.doe+x@googlemail.com"),
    ("uid2", "email", "J.Doe+x@mail.gmail.com", "j.doe+x@mail.gmail.com"),
    ("uid2", "email", "\U0001f60atest@test.com", "\U0001f60atest@test.com"),
    ("uid2", "email", "test@\U0001f60atest.com", "test@\U0001f60atest.com"),
    ("uid2", "email", "a@b", "a@b"),
    ("uid2", "phone", "+1234567890", "+1234567890"),
    ("uid2", "phone", "+123456789012345", "+123456789012345"),
    ("google", "email", " J. Doe+x @\tGoogleMail.com\n", "jdoe@googlemail.com"),
    ("google", "email", "J.Doe+x@example.com", "j.doe+x@example.com"),
    ("google", "email", "ÄRGER@Example.com", "ärger@example.com"),
    ("google", "phone", "+44 (0)20 7946 0958", "+442079460958"),
    ("google", "phone", "+1 555 555 0123", "+15555550123"),
    ("google", "phone", "011 44 20 7946 0958", "+442079460958"),
    ("google", "name", "  Mrs. Jane ", "jane"),
    ("google", "name", "Dr.Valéry", "valéry"),
    ("google", "family_name", "Smith-Doe, Jr.", "smith-doe"),
    ("google", "family_name", "O'Neill III", "o'neill"),
    ("google", "name", "Prof. Dr. Ada Byron Ph.D., M.D.", "ada byron"),
    ("google", "name", "Drew", "drew"),
    ("google", "name", "Vi", "vi"),
    ("google", "name", "Miss", "miss"),
    ("google", "name", "Junior", "junior"),
    ("meta", "email", "\u00a0A.B+c@Gmail.com\t", "a.b+c@gmail.com"),
    ("meta", "phone", "+44 (0)20 7946 0958", "442079460958"),
    ("meta", "phone", "00442079460958", "442079460958"),
    ("meta", "phone", "DE 030 23125001", "493023125001"),
    ("meta", "phone", "+39 06 698 12345", "390669812345"),
    ("meta", "phone", "4792234567", "4792234567"),
    ("meta", "phone", "650-555-1212", "16505551212"),
    ("meta", "name", "Mary-Jane  O’Brien, Jr.", "maryjane obrien jr"),
    ("meta", "given_name", "Vale\u0301ry", "valéry"),
    ("meta", "given_name", "Мария", "мария"),
    ("meta", "postal_code", "94035-1234", "94035"),
    ("meta", "postal_code", "02108", "02108"),
    ("meta", "postal_code", "M1 1AE", "m11ae"),
    ("meta", "date_of_birth", "1997-2-16", "19970216"),
    ("snap", "phone", "0044 (0) 844 412 4653", "448444124653"),
    ("snap", "name", "Raphaël", "raphaël"),
    ("drop", "email", " Anna. Smith+X @Gmail.com", "anna.smith+x@gmail.com"),
    ("drop", "phone", "١٢٣-٤٥٦", "123456"),
    ("drop", "phone", "+47 922 34 567", "4792234567"),
    ("drop", "phone", "+1 (479) 223-4567", "4792234567"),
    ("drop", "postal_code", "02108-1234", "2108"),
    ("drop", "postal_code", "021081234", "2108"),
    ("drop", "postal_code", "02108 – 1234", "2108"),
    ("drop", "postal_code", "00300-9999", "300"),
    ("drop", "postal_code", "９０２１０", "90210"),
    ("drop", "postal_code", "K1A 0B1", "k1a0b"),
    ("drop", "maid", "{A3F1C2D4-5678-90AB-CDEF-1234567890AB}", "a3f1c2d4567890abcdef1234567890ab"),
    ("drop", "vin", "1HGCM-82633 A004352", "1hgcm82633a004352"),
    ("drop", "ctvid", "AB-12_cd.34", "ab12cd34"),
]

REFUSED = [
    ("uid2", "email", "te st@test.com", "not_an_email"),
    ("uid2", "email", "\u00a0jane@example.com", "not_an_email"),
    ("uid2", "email", "jane@example.com\n", "not_an_email"),
    ("uid2", "phone", "+12345678901\n", "not_a_phone"),
    ("uid2", "phone", "+١٢٣٤٥٦٧٨٩٠", "not_a_phone"),
    ("google", "email", "+x@googlemail.com", "not_an_email"),
    ("google", "email", "a@b@c.com", "not_an_email"),
    ("google", "phone", "+1 650 555 1212 ext. 7", "not_a_phone"),
    ("google", "phone", "555-0123", "not_a_phone"),
    ("google", "phone", "+999 123456789", "not_a_phone"),
    ("meta", "email", "te st@test.com", "not_an_email"),
    ("meta", "name", " - . ", "empty"),
    ("meta", "phone", "call me", "not_a_phone"),
    ("drop", "name", "--'", "empty"),
    ("drop", "postal_code", "00000", "empty"),
    ("drop", "phone", "none at all", "empty"),
    ("drop", "email", "a\x00b@example.com", "control_characters"),
    ("drop", "name", "a\ud800", "lone_surrogate"),
    ("drop", "name", "x" * (MAX_TEXT + 1), "too_long"),
    ("drop", "maid", "z3f1c2d4-5678-90ab-cdef-1234567890ab", "not_a_maid"),
    ("drop", "maid", "a3f1c2d4-5678-90ab-cdef-1234567890abc", "not_a_maid"),
    ("drop", "vin", "1HGCM82633A00435", "not_a_vin"),
    ("drop", "vin", "1HGCM82633A0043522", "not_a_vin"),
    ("drop", "ctvid", "abc-123", "not_a_ctvid"),
    ("drop", "ctvid", "a" * 33, "not_a_ctvid"),
]

JUNK = [
    *(
        (profile, "email", text)
        for profile in HASH_PROFILES
        for text in ("null", "N/A", " Test@Test.com ", "noemail@x.de")
    ),
    *(
        (profile, "phone", text)
        for profile in HASH_PROFILES
        for text in ("0", "000-000-0000", "+0000000000", "unknown")
    ),
    ("google", "phone", "+1 111 111 1111"),
    ("meta", "phone", "+1 111 111 1111"),
    ("drop", "maid", "00000000-0000-0000-0000-000000000000"),
    ("drop", "maid", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"),
    ("drop", "ctvid", "undefined"),
    ("drop", "ctvid", "0000 0000"),
    ("drop", "vin", "11111111111111111"),
]


@pytest.mark.parametrize(("profile", "kind", "raw", "form"), FORMS)
def test_form(profile: str, kind: str, raw: str, form: str) -> None:
    assert standard_form(profile, kind, raw, RULES).text == form
    assert standardize(profile, kind, form) == form


@pytest.mark.parametrize(("profile", "kind", "raw", "rule"), REFUSED)
def test_refused(profile: str, kind: str, raw: str, rule: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        standardize(profile, kind, raw)
    assert (caught.value.field, caught.value.rule) == ("value", rule)
    assert raw.strip() not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(("profile", "kind", "raw"), JUNK)
def test_placeholders_are_refused_for_every_profile(profile: str, kind: str, raw: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        standard_form(profile, kind, raw, RULES)
    assert caught.value.rule == "junk"


def test_what_a_platform_publishes_as_its_sample_is_answered() -> None:
    assert {
        text for text in PUBLISHED_SAMPLES if any(rule.denies(text) for rule in RULES.values())
    } == PUBLISHED_SAMPLES
    for profile in HASH_PROFILES:
        assert standard_form(profile, "email", "USER@example.com", RULES).text == "user@example.com"


@pytest.mark.parametrize("kind", ["name", "postal_code", "email", "vin"])
def test_a_digest_is_not_hashed_again(kind: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        standard_form("drop", kind, sha256("mary").hex(), RULES)
    assert caught.value.rule == "looks_hashed"


@pytest.mark.parametrize(
    ("profile", "text", "country", "form"),
    [
        ("google", "030/23125001", "DE", "+493023125001"),
        ("google", "020 7946 0958", "GB", "+442079460958"),
        ("meta", "020 7946 0958", "GB", "442079460958"),
        ("snap", "(650) 555-1212", "US-CA", "16505551212"),
        ("snap", "+44 844 412 4653", "DE", "448444124653"),
        ("meta", "493023125001", "DE", "493023125001"),
        ("drop", "030/23125001", "DE", "3023125001"),
    ],
)
def test_a_national_number_is_read_in_its_country(profile: str, text: str, country: str, form: str) -> None:
    assert standardize(profile, "phone", text, country) == form


DATES = [
    *("1776-07-04", "1776/7/4", "1776.07.04", "17760704", "7/4/1776", "07-04-1776", "July 4, 1776", "jul 4 1776"),
    *("JULY 4TH, 1776", "4 July 1776", "4th of July 1776", "04-Jul-1776", "Jul. 4, 1776", " July  4,1776 "),
    *("1776-07-04T00:00:00Z", "1776-07-04 00:00:00.000", "１７７６-０７-０４"),
]
NO_DATES = [
    *("7/4/76", "76-07-04", "1776-13-04", "1900-02-29", "2/30/1990", "13/1/1990", "July 32, 1776", "Juli 4, 1776"),
    *("04.07.1776", "0076-07-04", "07041776", "1776-07", "1776-07-04T10:00:00Z", "4 1776", "1776-07/04", "yesterday"),
]


@pytest.mark.parametrize("profile", ["meta", "drop"])
@pytest.mark.parametrize("text", DATES)
def test_a_date_of_birth(profile: str, text: str) -> None:
    assert standardize(profile, "date_of_birth", text) == "17760704"


@pytest.mark.parametrize("text", NO_DATES)
def test_a_date_that_is_none_or_could_be_two(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        standardize("drop", "date_of_birth", text)
    assert caught.value.rule == "not_a_date"


def test_months_come_first_only_in_the_united_states() -> None:
    assert standardize("drop", "date_of_birth", "2/3/1997", "US-CA") == "19970203"
    assert standardize("drop", "date_of_birth", "1997-02-03", "DE") == "19970203"
    with pytest.raises(InvalidInput):
        standardize("drop", "date_of_birth", "2/3/1997", "DE")


def test_unknown_profiles_and_kinds_are_named() -> None:
    with pytest.raises(InvalidInput) as caught:
        standardize("md5", "email", "jane@example.com")
    assert (caught.value.field, caught.value.rule) == ("profile", "unknown_profile")
    with pytest.raises(InvalidInput) as caught:
        standardize("uid2", "vin", "1HGCM82633A004352")
    assert (caught.value.field, caught.value.rule) == ("kind", "kind_not_in_profile")


def test_kinds_answer_to_the_names_others_use() -> None:
    assert {KIND_NAMES[name] for name in ("dob", "date_of_birth")} == {"date_of_birth"}
    assert {KIND_NAMES[name] for name in ("zip", "zp", "postal_code")} == {"postal_code"}
    assert {KIND_NAMES[name] for name in ("first", "fn", "given_name")} == {"given_name"}


def test_a_form_never_shows_its_text() -> None:
    form = NormalForm("drop", "name", "martinez", "drop-1.2.0")
    assert "martinez" not in f"{form!r} {form}"


JANE = {"first": "José", "last": "O’Brien", "vin": "1HGCM82633A004352"}


def test_a_composite_is_the_digest_of_its_fields_digests() -> None:
    forms = composite_forms("NameVIN", JANE, RULES)
    assert [form.text for form in forms.values()] == ["jose", "obrien", "1hgcm82633a004352"]
    joined = "".join(encoded(sha256(form.text), "drop") for form in forms.values())
    assert composite_sha256(form.text for form in forms.values()) == sha256(joined)


@pytest.mark.parametrize(
    ("values", "field", "rule"),
    [
        ({"first": "Ada", "last": "Byron"}, "vin", "required"),
        ({**JANE, "zip": "90210"}, "zip", "unknown_field"),
        ({**JANE, "jane@example.com": ""}, "", "unknown_field"),
        ({**JANE, "vin": "1HGCM"}, "vin", "not_a_vin"),
        ({**JANE, "last": " "}, "last", "empty"),
    ],
)
def test_a_composite_needs_all_its_fields_and_no_other(values: dict[str, str], field: str, rule: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        composite_forms("NameVIN", values, RULES)
    assert (caught.value.field, caught.value.rule) == (field, rule)


def test_a_composite_that_does_not_exist() -> None:
    with pytest.raises(InvalidInput) as caught:
        composite_forms("Email", {}, RULES)
    assert (caught.value.field, caught.value.rule) == ("list", "unknown_list")
