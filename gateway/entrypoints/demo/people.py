"""The invented people of the demo: drawn once from a seed, the same on every machine and Python version."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeVar

from gateway.entrypoints.demo.story import HEROINE

T = TypeVar("T")
Stance = Literal["granted", "silent", "denied", "withdrew", "allowed", "opted_out"]

GMAIL: Final = "gmail.com"
_GMAIL_TAIL: Final = "ofthegatewaysamplefeed"
_MAIL_DOMAINS: Final = ("mail.example", "post.example", "webmail.example", "inbox.example")
_QUOTAS: Final = {"DE": 90, "FR": 60, "GB": 55, "US-CA": 50, "SE": 44}
_STANCES_EUROPE: Final[Mapping[Stance, int]] = {"silent": 18, "denied": 7, "withdrew": 7, "granted": 68}
_STANCES_CALIFORNIA: Final[Mapping[Stance, int]] = {"opted_out": 35, "allowed": 65}
_FAMILY_SIZE: Final = 4
_SHOP_CUSTOMERS: Final = 30
_ASCII: Final = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "é": "e", "è": "e", "ç": "c", "å": "a", "ï": "i"}
)

_GIVEN: Final = {
    "DE": "Anke Birgit Clemens Dörte Ewald Frauke Gerrit Heike Ingo Jürgen Karsten Liesel Mirko Nele Ortwin",
    "FR": "Amélie Baptiste Capucine Damien Élodie Fabrice Gaëlle Hugo Inès Joël Léontine Maxence Océane",
    "GB": "Alistair Beatrix Callum Daphne Edwin Fiona Graham Harriet Isla Jasper Keira Lachlan Morag",
    "US-CA": "Aiden Brooklyn Carlos Dakota Esmeralda Freddie Guadalupe Hank Ivy Jamal Kaylee Luz Mason",
    "SE": "Alva Björn Cecilia Dag Ebba Folke Gunilla Håkan Ingrid Jonas Kerstin Linnéa Måns",
}
_FAMILY: Final = {
    "DE": "Ahlbrecht Brinkmann Claußen Dierks Eggers Fröhlich Grothe Hülsmann Immel Jahnke Kröger Lüders",
    "FR": "Aubertin Beaulac Charpentier Delorme Esnault Fauchère Garcin Hérault Jacquemin Lavigne Morvan",
    "GB": "Ashdown Birtwistle Cartwright Dunmore Eastleigh Fairbairn Goodall Hathersage Inglethorpe Kirkby",
    "US-CA": "Alvarado Brightwater Castellanos Dunleavy Echeverria Fairbanks Gallegos Hollister Ibarra Kwon",
    "SE": "Almqvist Bergdahl Cederlund Dahlgren Ekholm Forsman Granath Hedlund Isaksson Källström Lundmark",
}
_PLACES: Final = {
    "DE": (("Berlin", "10115"), ("Hamburg", "20095"), ("München", "80331"), ("Leipzig", "04109")),
    "FR": (("Paris", "75011"), ("Lyon", "69002"), ("Nantes", "44000"), ("Bordeaux", "33000")),
    "GB": (("London", "SE1 7PB"), ("Leeds", "LS1 4AP"), ("Manchester", "M1 1AE"), ("Bristol", "BS1 5TR")),
    "US-CA": (("Oakland", "94607"), ("San Diego", "92101"), ("Los Angeles", "90012"), ("Fresno", "93721")),
    "SE": (("Malmö", "211 22"), ("Uppsala", "753 20"), ("Göteborg", "411 06"), ("Umeå", "903 26")),
}


class Dice:
    """Draws that depend on seed and topic alone, so that changing one rule leaves all other draws as they are."""

    def __init__(self, seed: str) -> None:
        self._seed = seed

    def below(self, limit: int, *topic: object) -> int:
        """A number from 0 to `limit` - 1 for this topic."""
        text = "|".join(map(str, (self._seed, *topic)))
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") % limit

    def chance(self, percent: int, *topic: object) -> bool:
        """True for `percent` topics of a hundred."""
        return self.below(100, *topic) < percent

    def pick(self, choices: Sequence[T], *topic: object) -> T:
        """One of the choices for this topic."""
        return choices[self.below(len(choices), *topic)]

    def share(self, shares: Mapping[T, int], *topic: object) -> T:
        """One of the choices for this topic, each drawn in proportion to its share (whole numbers)."""
        return self.pick([choice for choice, share in shares.items() for _ in range(share)], *topic)


@dataclass(frozen=True, slots=True, repr=False)
class Person:
    """One invented person: who they are, what identifies them and what they think of being recognized."""

    number: int
    jurisdiction: str
    given: str
    family: str
    mail_parts: tuple[str, ...]
    mail_domain: str
    phone: str  # E.164
    customer_id: str
    loyalty_id: str
    household_id: str
    born: tuple[int, int, int]  # year, month, day
    place: tuple[str, str]  # city, postal code
    stance: Stance
    channels: frozenset[str]
    shop_customer: bool = False

    @property
    def email(self) -> str:
        """The address in the normal form of the uid2 profile."""
        return f"{('' if self.mail_domain == GMAIL else '.').join(self.mail_parts)}@{self.mail_domain}"

    @property
    def country(self) -> str:
        """ISO 3166 country of the jurisdiction."""
        return self.jurisdiction[:2]


def cast(dice: Dice) -> tuple[Person, ...]:
    """Everybody in the feeds: the heroine first, a family of four that shares a phone, then by jurisdiction."""
    people = [_heroine()]
    shop_customers = 0
    for jurisdiction, quota in _QUOTAS.items():
        phones = _phones(jurisdiction, dice)
        for index in range(quota):
            in_family = jurisdiction == "FR" and index < _FAMILY_SIZE
            phone = phones[0] if in_family else phones[index + 1]
            person = _person(len(people), jurisdiction, phone, dice, in_family=in_family)
            if jurisdiction == "DE" and person.stance == "granted" and shop_customers < _SHOP_CUSTOMERS:
                shop_customers += 1
                person = replace(person, channels=person.channels | {"store"}, shop_customer=True)
            people.append(person)
    return tuple(people)


def _person(number: int, jurisdiction: str, phone: str, dice: Dice, *, in_family: bool) -> Person:
    given = dice.pick(_GIVEN[jurisdiction].split(), "given", number)
    family = "Rivoire" if in_family else dice.pick(_FAMILY[jurisdiction].split(), "family", number)
    parts = (_ascii(given), _ascii(family), f"{number:03d}")
    gmail = dice.chance(15, "gmail", number)
    stance: Stance = "granted" if in_family else _stance(jurisdiction, number, dice)
    channels = frozenset({"store", "call_centre", "iot"}) if in_family else _channels(number, stance, dice)
    return Person(
        number=number,
        jurisdiction=jurisdiction,
        given=given,
        family=family,
        mail_parts=(*parts, _GMAIL_TAIL) if gmail else parts,
        mail_domain=GMAIL if gmail else dice.pick(_MAIL_DOMAINS, "domain", number),
        phone=phone,
        customer_id=f"C-{number:03d}{dice.below(1000, 'customer', number):03d}",
        loyalty_id=f"6331{dice.below(10_000, 'card', number):04d}{number:04d}",
        household_id="HH-FAMILY-1" if in_family else f"HH-{dice.below(9000, 'household', number) + 1000}-{number:03d}",
        born=(
            1945 + dice.below(60, "year", number),
            dice.below(12, "month", number) + 1,
            dice.below(28, "day", number) + 1,
        ),
        place=_PLACES[jurisdiction][0] if in_family else dice.pick(_PLACES[jurisdiction], "place", number),
        stance=stance,
        channels=channels,
    )


def _stance(jurisdiction: str, number: int, dice: Dice) -> Stance:
    stances = _STANCES_CALIFORNIA if jurisdiction == "US-CA" else _STANCES_EUROPE
    return dice.share(stances, "stance", number)


def _channels(number: int, stance: Stance, dice: Dice) -> frozenset[str]:
    odds = {"web": 72, "app": 52, "store": 55, "call_centre": 46, "iot": 36}
    chosen = {channel for channel, percent in odds.items() if dice.chance(percent, "channel", channel, number)}
    if stance == "withdrew":
        chosen |= {"app", "call_centre"}
    return frozenset(chosen or {"store"})


def _heroine() -> Person:
    local, _, domain = HEROINE.email.lower().partition("@")
    given, family = HEROINE.name.split()
    return Person(
        number=0,
        jurisdiction=HEROINE.jurisdiction,
        given=given,
        family=family,
        mail_parts=tuple(local.split(".")),
        mail_domain=domain,
        phone=HEROINE.phone,
        customer_id=HEROINE.customer_id,
        loyalty_id="633148150000",
        household_id="HH-4815-000",
        born=(1987, 6, 24),
        place=_PLACES["SE"][0],
        stance="granted",
        channels=frozenset(),
    )


def _phones(jurisdiction: str, dice: Dice) -> list[str]:
    """Numbers set aside for fiction, in a drawn order (E.164); never the heroine's nor the shop's."""
    pools: dict[str, list[str]] = {
        "DE": [f"+49{prefix}{n:02d}" for prefix in ("17139200", "176040690") for n in range(100)],
        "FR": [f"+33{prefix}{n:04d}" for prefix in ("19900", "26191") for n in range(0, 10_000, 97)],
        "GB": [f"+44{prefix}{n:03d}" for prefix in ("2079460", "1614960") for n in range(0, 1000, 11)],
        "US-CA": [f"+1{area}55501{n:02d}" for area in (213, 415, 510, 619) for n in range(100)],
        "SE": [f"+46701740{n}" for n in range(605, 700)],
    }
    free = [number for number in pools[jurisdiction] if number != HEROINE.phone]
    return sorted(free, key=lambda number: dice.below(1 << 60, "phone", number))


def _ascii(name: str) -> str:
    return name.lower().translate(_ASCII)
