"""The generator gives the shipped bytes again, and its spellings mean what they spell."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.entrypoints.demo import generate, spelling
from gateway.entrypoints.demo.people import Dice, Person, cast
from gateway.entrypoints.demo.story import FEEDS, HEROINE, NOW, SHOP_PHONE, START
from gateway.entrypoints.demo.visits import DAYS, visits
from gateway.kernel.clock import DAY, parse_instant
from tests.unit.demo.reading import digest_of, e164, folded

PEOPLE = cast(Dice(generate.SEED))
people = st.sampled_from(PEOPLE)
seeds = st.text(max_size=8)


def test_shipped_feeds_are_what_the_generator_writes() -> None:
    assert generate.feeds() == {feed.file_name: feed.read() for feed in FEEDS}


@pytest.mark.parametrize("hash_seed", ["1", "77"])
def test_command_writes_the_same_bytes_in_any_process(tmp_path: Path, hash_seed: str) -> None:
    out_dir = tmp_path / "new" / "feeds"
    command = [sys.executable, "-m", "gateway.entrypoints.demo.generate", str(out_dir)]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[3], env={**os.environ, "PYTHONHASHSEED": hash_seed})
    assert {path.name: path.read_bytes() for path in out_dir.iterdir()} == generate.feeds()


def test_another_seed_tells_another_story_about_the_same_heroine() -> None:
    other = generate.feeds("another seed")
    assert other.keys() == generate.feeds().keys()
    for name, content in other.items():
        assert content != generate.feeds()[name]
    assert HEROINE.customer_id.encode() in other["call_centre.csv"]


def test_people_share_no_identifier_but_the_family_its_phone_and_household() -> None:
    for name in ("email", "customer_id", "loyalty_id"):
        assert len({getattr(person, name) for person in PEOPLE}) == len(PEOPLE)
    for name in ("phone", "household_id"):
        sharing = [person for person in PEOPLE if person.family == "Rivoire"]
        assert len({getattr(person, name) for person in sharing}) == 1
        assert len({getattr(person, name) for person in PEOPLE}) == len(PEOPLE) - len(sharing) + 1


def test_every_number_is_valid_for_libphonenumber_in_its_country() -> None:
    for person in PEOPLE:
        parsed = phonenumbers.parse(person.phone)
        assert phonenumbers.is_valid_number_for_region(parsed, person.country)
    assert phonenumbers.is_valid_number_for_region(phonenumbers.parse(SHOP_PHONE), "DE")


@given(person=people, seed=seeds)
def test_every_spelling_of_a_phone_is_that_phone(person: Person, seed: str) -> None:
    assert e164(spelling.phone(person.phone, Dice(seed)), person.country) == person.phone


@given(seed=seeds)
def test_every_spelling_of_the_shop_phone_is_that_phone(seed: str) -> None:
    assert e164(spelling.phone(SHOP_PHONE, Dice(seed)), "DE") == SHOP_PHONE


@given(person=people, seed=seeds)
def test_every_spelling_of_an_address_folds_to_it(person: Person, seed: str) -> None:
    assert folded(spelling.email(person.mail_parts, person.mail_domain, Dice(seed))) == person.email


@given(person=people, seed=seeds, kind=st.sampled_from(["email", "phone"]))
def test_hashed_identifier_is_the_digest_of_its_normal_form(person: Person, seed: str, kind: str) -> None:
    normal = person.email if kind == "email" else person.phone
    identifier = spelling.hashed(kind, normal, Dice(seed))
    assert digest_of(identifier) == hashlib.sha256(normal.encode()).digest()


@given(seed=seeds)
def test_published_uid2_examples(seed: str) -> None:
    """The examples of the UID2 documentation for user@example.com and +12345678901."""
    email = digest_of(spelling.hashed("email", "user@example.com", Dice(seed)))
    phone = digest_of(spelling.hashed("phone", "+12345678901", Dice(seed)))
    assert email.hex() == "b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514"
    assert phone.hex() == "10e6f0b47054a83359477dcb35231db6de5c69fb1816e1a6b98e192de9e5b9ee"


@given(limit=st.integers(1, 1 << 62), seed=seeds, topic=st.tuples(st.text(max_size=4), st.integers()))
def test_draws_are_below_their_limit_and_repeat(limit: int, seed: str, topic: tuple[str, int]) -> None:
    drawn = Dice(seed).below(limit, *topic)
    assert 0 <= drawn < limit
    assert drawn == Dice(seed).below(limit, *topic)


def test_shares_are_kept_in_the_long_run() -> None:
    dice = Dice("shares")
    drawn = [dice.share({"many": 75, "few": 25}, number) for number in range(2_000)]
    assert 0.70 < drawn.count("many") / len(drawn) < 0.80


def test_visits_are_in_order_within_the_year_and_before_the_demo_takes_place() -> None:
    for visited in visits(PEOPLE, Dice(generate.SEED)).values():
        times = [visit.at for visit in visited]
        assert times == sorted(times)
        assert parse_instant(START) <= times[0] <= times[-1] < parse_instant(START) + DAYS * DAY
    assert parse_instant(NOW) > parse_instant(START) + (DAYS + 1) * DAY  # the latest record sent again, a day newer


def test_nobody_and_nothing_personal_shows_in_a_repr() -> None:
    person = PEOPLE[0]
    shown = f"{person!r} {HEROINE!r} {visits(PEOPLE[:1], Dice('x'))!r}"
    for text in (person.family, person.email, HEROINE.email, person.phone, person.customer_id):
        assert text not in shown
