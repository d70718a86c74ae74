"""Two spellings of one value get one pseudonym, two values get two, and a normal form is the form of itself.

Everything goes the way records go, under the shipped policies: `pseudonymize`, which drops repetitions.
"""

from __future__ import annotations

import unicodedata

import phonenumbers
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat

from gateway.flows.steps.prepare import digest_all
from gateway.identifiers.digests import FORMS
from gateway.identifiers.keys import HmacKey, TenantKeys
from gateway.identifiers.model import RawIdentifier
from gateway.identifiers.normalize import normalize
from gateway.identifiers.pseudonyms import Pseudonymizer
from gateway.kernel.errors import InvalidInput
from gateway.policy.loader import load
from gateway.settings import Settings
from tests.properties.test_fast_paths import EXAMPLES

POLICIES = load(Settings.from_environment({}).policies)
PSEUDONYMIZER = Pseudonymizer(TenantKeys({}, {1: HmacKey(bytes(range(32)))}))
COMPACT = sorted(kind for kind, rule in POLICIES.kinds.items() if rule.normalizer == "compact")
FOLDED = sorted(kind for kind, rule in POLICIES.kinds.items() if rule.normalizer == "casefold")
PLAIN = sorted(kind for kind, rule in POLICIES.kinds.items() if rule.normalizer == "plain")

_BLANKS = st.sampled_from(["", " ", "  "])
_NAMES = st.from_regex(r"[a-z][a-z0-9_]{2,8}(\.[a-z0-9]{1,4}){0,2}", fullmatch=True)
_TAGS = st.sampled_from(["", "+", "+news", "+Shop.2026", "+a+b"])
_DOMAINS = st.sampled_from(["shop.example", "mail.bücher.example", "googlemail.com"])
_UUIDS = st.uuids(version=4).map(str)
_VINS = st.from_regex(r"[A-HJ-NPR-Z0-9]{8}[A-Z][A-HJ-NPR-Z0-9]{8}", fullmatch=True)
_SCREENS = st.from_regex(r"[a-zA-Z]{2,6}[ :.-][a-zA-Z0-9]{4,16}", fullmatch=True)
_VALUES = {"maid": _UUIDS, "device_id": _UUIDS, "ctvid": _UUIDS | _SCREENS, "vin": _VINS, "national_id": _VINS}


def pseudonyms(kind: str, *values: str, country: str | None = None) -> set[bytes]:
    """The tokens of raw values of a kind in its own normal form, sent in one record."""
    namespace = "steam" if POLICIES.kinds[kind].namespaced else ""
    sent = [RawIdentifier(kind, value, namespace) for value in values]
    names = digest_all(sent, POLICIES, country)
    made = PSEUDONYMIZER.all(names.digests)
    assert len(made) == len({one.token for one in made})
    return {one.token for one, forms in zip(made, names.forms, strict=True) if forms & FORMS[""]}


@st.composite
def cased(draw: st.DrawFn, text: str) -> str:
    """A text with some letters in the other case, as far as one letter stays one letter."""
    swap = draw(st.integers(0, 2 ** len(text) - 1))
    return "".join(one.swapcase() if swap >> at & 1 and one.isascii() else one for at, one in enumerate(text))


@st.composite
def separated(draw: st.DrawFn, text: str, marks: str) -> str:
    """A text without its separators, and others put between its letters."""
    bare = [one for one in text if one not in " :.-"]
    gaps = draw(st.lists(st.sampled_from(["", "", "", *marks]), min_size=len(bare), max_size=len(bare)))
    return "".join(one + gap for one, gap in zip(bare, gaps, strict=True))


@st.composite
def addresses_of_gmail(draw: st.DrawFn, mailbox: str) -> str:
    """A mailbox of gmail as people type it."""
    dotted = draw(separated(mailbox, ".")).strip(".")
    return draw(_BLANKS) + draw(cased(f"{dotted}{draw(_TAGS)}@gmail.com")) + draw(_BLANKS)


@given(st.data(), _NAMES)
def test_dots_tags_and_case_do_not_separate_a_mailbox_of_gmail(data: st.DataObject, name: str) -> None:
    spellings = [data.draw(addresses_of_gmail(name)) for _ in range(3)]
    assert len(pseudonyms("email", f"{name}@gmail.com", *spellings)) == 1


@given(st.data(), _NAMES, _DOMAINS)
def test_case_and_outer_blanks_do_not_separate_an_address_but_dots_and_tags_do(
    data: st.DataObject, name: str, domain: str
) -> None:
    address = f"{name}@{domain}"
    spelled = data.draw(_BLANKS) + data.draw(cased(address)) + data.draw(_BLANKS)
    assert len(pseudonyms("email", address, spelled)) == 1
    assert len(pseudonyms("email", address, f"{name}+tag@{domain}", f"{name[0]}.{name[1:]}@{domain}")) == 3


@st.composite
def numbers(draw: st.DrawFn, number: phonenumbers.PhoneNumber) -> str:
    """A number in national, international or URI form, with other punctuation, outer blanks and full-width digits."""
    forms = [PhoneNumberFormat.E164, PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.NATIONAL]
    text = phonenumbers.format_number(number, draw(st.sampled_from(forms)))
    text = text.replace("-", draw(st.sampled_from(["-", " ", ".", "/", ""])))
    if draw(st.booleans()):
        text = "".join(chr(ord(one) + 0xFEE0) if one.isdecimal() else one for one in text)
    return draw(_BLANKS) + text + draw(_BLANKS)


@given(st.data(), st.sampled_from(EXAMPLES))
def test_national_and_international_numbers_are_one(data: st.DataObject, e164: str) -> None:
    number = phonenumbers.parse(e164)
    country = phonenumbers.region_code_for_number(number)
    assume(country is not None)
    spelled = data.draw(numbers(number))
    assert len(pseudonyms("phone", e164, spelled, country=country)) == 1


@pytest.mark.parametrize("kind", COMPACT)
@given(st.data())
def test_case_and_separators_do_not_separate_ids_of_things(kind: str, data: st.DataObject) -> None:
    value = data.draw(_VALUES[kind])
    spelled = data.draw(separated(data.draw(cased(value)), " -:.\u2013\u00a0"))
    assert len(pseudonyms(kind, value, spelled)) == 1
    assert len(pseudonyms(kind, value, f"{spelled}7")) == 2


@given(
    st.sampled_from([*PLAIN, *FOLDED]),
    st.data(),
    st.text(st.characters(categories=["L", "N", "M"]), min_size=6, max_size=20),
)
def test_outer_blanks_and_composition_do_not_separate_ids(kind: str, data: st.DataObject, text: str) -> None:
    value = f"id{text}"
    spelled = unicodedata.normalize(data.draw(st.sampled_from(["NFC", "NFD"])), value)
    assert len(pseudonyms(kind, value, data.draw(_BLANKS) + spelled + data.draw(_BLANKS))) == 1
    assert len(pseudonyms(kind, value, value.replace("id", "ID"))) == (1 if kind in FOLDED else 2)


_ANYTHING = st.text(max_size=16) | _NAMES | _UUIDS | st.sampled_from(EXAMPLES) | st.emails()


@pytest.mark.parametrize("kind", sorted(name for name, rule in POLICIES.kinds.items() if rule.scope != "screen"))
@given(_ANYTHING, st.sampled_from([None, "DE", "US-CA", "SE"]))
def test_the_normal_form_of_every_kind_is_a_fixed_point(kind: str, text: str, country: str | None) -> None:
    rule = POLICIES.kinds[kind]
    try:
        form = normalize(text, rule, country)
        tokens = pseudonyms(kind, text, country=country)
    except InvalidInput:
        return
    assert normalize(form, rule, country) == normalize(form, rule) == form
    assert pseudonyms(kind, form) == tokens
