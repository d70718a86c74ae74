"""All profiles' forms of one raw value of a record: what coincides, what is left out, and in which country."""

from __future__ import annotations

import pytest

from gateway.identifiers.hash_profiles.forms import normal_forms

EMAILS = [
    ("Jane@Example.com", {"uid2", "google", "meta", "snap", "drop"}, {"jane@example.com"}),
    ("jane@localhost", set(), set()),
    ("Jane <jane@example.com>", set(), set()),
    ("", set(), set()),
    ("jane@example.com\u00a0", {"google", "meta", "snap", "drop"}, {"jane@example.com"}),
    ("jane doe@example.com", {"google", "drop"}, {"janedoe@example.com"}),
    (".jane@gmail.com", {"uid2", "google"}, {"jane@gmail.com"}),
]

PHONES = [
    (
        ("(650) 555-1212", "US-CA"),
        {"uid2": "+16505551212", "google": "+16505551212", "meta": "16505551212", "drop": "6505551212"},
    ),
    (
        ("030/23125001", "DE"),
        {"uid2": "+493023125001", "google": "+493023125001", "meta": "493023125001", "drop": "3023125001"},
    ),
    (("312 345", "AD"), {"google": "+376312345", "meta": "376312345", "drop": "376312345"}),
    (("555-127-3811", "US"), {"drop": "5551273811"}),
    (("(650) 555-1212", None), {"drop": "6505551212"}),
    (("555-0123", "US"), {}),
    (("call me", "US"), {}),
]


@pytest.mark.parametrize(("raw", "profiles", "texts"), EMAILS)
def test_an_address_has_the_forms_that_can_exist(raw: str, profiles: set[str], texts: set[str]) -> None:
    forms = normal_forms("email", raw)
    assert (set(forms), set(forms.values())) == (profiles, texts)


def test_the_forms_of_a_mailbox_at_gmail_differ() -> None:
    assert normal_forms("email", "J.Doe+x@GoogleMail.com") == {
        "uid2": "j.doe+x@googlemail.com",
        "google": "jdoe@googlemail.com",
        "meta": "j.doe+x@googlemail.com",
        "snap": "j.doe+x@googlemail.com",
        "drop": "j.doe+x@googlemail.com",
    }


@pytest.mark.parametrize(("number", "forms"), PHONES)
def test_a_number_is_read_once_in_its_country(number: tuple[str, str | None], forms: dict[str, str]) -> None:
    expected = {**forms, "snap": forms["meta"]} if "meta" in forms else forms
    assert normal_forms("phone", *number) == expected


def test_other_kinds_have_the_profiles_that_know_them() -> None:
    assert normal_forms("ctvid", "SmartTV_9F8E7D6C") == {"drop": "smarttv9f8e7d6c"}
    assert normal_forms("given_name", "Valéry") == dict.fromkeys(("google", "meta", "snap"), "valéry") | {
        "drop": "valery"
    }
    assert normal_forms("date_of_birth", "2/16/1997", "DE") == {}
    assert normal_forms("cookie", "abc") == {}
