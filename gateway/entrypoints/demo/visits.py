"""What the people of the demo do in the five channels: each visit becomes one record, before it is written down."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from gateway.entrypoints.demo import spelling
from gateway.entrypoints.demo.people import Dice, Person
from gateway.entrypoints.demo.story import PURPOSE, SALE, SHOP_PHONE, START
from gateway.kernel.clock import DAY, SECOND, parse_instant
from gateway.policy.model import DEVICE_ACCESS

Identifier = dict[str, str]

DAYS: Final = 180
"""The feeds run from `START` to 30 October 2026."""

_START: Final = parse_instant(START)
_TURN: Final = 89  # who withdraws agreed before this day and calls after it
_JUNK: Final = {
    "email": ("test@test.com", "null", "noemail@mail.example", "n/a"),
    "phone": ("0000000000", "00000000000"),
    "device_id": ("00000000-0000-0000-0000-000000000000",),
}
_ON_DEVICES: Final = frozenset({"web", "app", "iot"})
_METHODS: Final = {"web": "banner", "app": "onboarding", "store": "form", "call_centre": "voice", "iot": "setup"}


@dataclass(frozen=True, slots=True, repr=False)
class Visit:
    """One visit: when (milliseconds), where, what identified the visitor and what they agreed to or refused."""

    channel: str
    at: int
    identifiers: tuple[Identifier, ...]
    jurisdiction: str | None
    consents: tuple[tuple[str, str], ...] = ()  # (event kind, purpose)
    gpc: bool = False
    attributes: dict[str, str] = field(default_factory=dict)

    @property
    def method(self) -> str:
        """How the channel asks for consent."""
        return _METHODS[self.channel]


def visits(people: tuple[Person, ...], dice: Dice) -> dict[str, list[Visit]]:
    """Everybody's visits by channel, each channel in the order of time; the heroine is the first of `people`."""
    found: dict[str, list[Visit]] = {channel: [] for channel in _CHANNELS}
    for visit in _heroine(people[0], dice):
        found[visit.channel].append(_read(visit, people[0]))
    for person in people[1:]:
        for channel in sorted(person.channels):
            usual = 1 + dice.below(2, "visits", channel, person.number)
            for nth in range(1 if channel == "call_centre" and person.stance == "withdrew" else usual):
                visit = _CHANNELS[channel](person, nth, dice)
                found[channel].append(_read(_agree(visit, person, nth, dice), person))
        if person.shop_customer:
            found["store"].append(_shop_visit(person, dice))
    return {channel: sorted(some, key=lambda visit: visit.at) for channel, some in found.items()}


def _web(person: Person, nth: int, dice: Dice) -> Visit:
    topic = ("web", person.number, nth)
    identifiers = [_cookie(person, nth if dice.chance(30, "new browser", *topic) else 0, dice)]
    login = dice.share({"hashed email": 45, "typed email": 15, "hashed phone": 8, "": 32}, "login", *topic)
    identifiers += _sent(login, person, dice, topic)
    stated = None if dice.chance(3, "nowhere", *topic) else person.jurisdiction
    return Visit("web", _moment(person, "web", nth, dice), tuple(identifiers), stated)


def _app(person: Person, nth: int, dice: Dice) -> Visit:
    topic = ("app", person.number, nth)
    identifiers = [_device(person, dice, topic)]
    shares = {"hashed phone": 55, "hashed email": 15, "typed phone": 15, "": 15}
    identifiers += _sent(dice.share(shares, "account", *topic), person, dice, topic)
    if dice.chance(45, "signed in", *topic):
        identifiers.append({"kind": "customer_id", "value": person.customer_id})
    named = {"given_name": person.given, "family_name": person.family} if dice.chance(20, "named", *topic) else {}
    at = _moment(person, "app", nth, dice)
    return Visit("app", at, tuple(identifiers), person.jurisdiction, attributes=named)


def _store(person: Person, nth: int, dice: Dice) -> Visit:
    topic = ("store", person.number, nth)
    identifiers = [_card(person, dice, topic)]
    given = dice.share({"typed email": 55, "hashed email": 7, "": 38}, "given at till", *topic)
    identifiers += _sent(given, person, dice, topic)
    if dice.chance(35, "number at till", *topic):
        identifiers.append(_typed("phone", person, dice, topic))
    at = _moment(person, "store", nth, dice)
    return Visit("store", at, tuple(identifiers), person.jurisdiction, attributes=_address(person, dice, topic))


def _call_centre(person: Person, nth: int, dice: Dice) -> Visit:
    topic = ("call_centre", person.number, nth)
    identifiers = [_typed("phone", person, dice, topic)]
    if nth == 0 or dice.chance(50, "knows number", *topic):
        identifiers.append({"kind": "customer_id", "value": person.customer_id})
    if dice.chance(30, "spells address", *topic):
        identifiers.append(_typed("email", person, dice, topic))
    at = _moment(person, "call_centre", nth, dice)
    attributes = {**_address(person, dice, topic), "date_of_birth": _born(person)}
    return Visit("call_centre", at, tuple(identifiers), person.jurisdiction, attributes=attributes)


def _iot(person: Person, nth: int, dice: Dice) -> Visit:
    topic = ("iot", person.number, nth)
    identifiers = [_sensor(person)]
    if dice.chance(75, "paired", *topic):
        identifiers.append({"kind": "customer_id", "value": person.customer_id})
    if dice.chance(40, "hub", *topic):
        identifiers.append({"kind": "household_id", "value": person.household_id})
    return Visit("iot", _moment(person, "iot", nth, dice), tuple(identifiers), person.jurisdiction)


_CHANNELS: Final[dict[str, Callable[[Person, int, Dice], Visit]]] = {
    "store": _store,
    "call_centre": _call_centre,
    "app": _app,
    "iot": _iot,
    "web": _web,
}


def _shop_visit(person: Person, dice: Dice) -> Visit:
    """A visit where the till was given the shop's own number."""
    topic = ("shop", person.number)
    shop_phone = {"kind": "phone", "value": spelling.phone(SHOP_PHONE, dice, *topic)}
    identifiers = (_card(person, dice, topic), shop_phone)
    at = _moment(person, "shop", 0, dice)
    granted = (("grant", PURPOSE),)
    return Visit("store", at, identifiers, person.jurisdiction, granted, attributes=_address(person, dice, topic))


def _heroine(person: Person, dice: Dice) -> Iterator[Visit]:
    """Each channel once or twice; only the till's second record holds identifiers of both halves of her profile."""
    granted = (("grant", PURPOSE),)
    card = {"kind": "loyalty_id", "value": person.loyalty_id}
    customer = {"kind": "customer_id", "value": person.customer_id}
    cookie, device, sensor = _cookie(person, 0, dice), {"kind": "device_id", "value": _uuid(person)}, _sensor(person)
    typed_email = {"kind": "email", "value": f" {'.'.join(person.mail_parts).title()}+Shop@GMAIL.com "}
    first, last, country = person.phone[3:5], person.phone[5:], person.country
    typed_phone = {"kind": "phone", "value": f"0{first}-{last[:3]} {last[3:5]} {last[5:]} "}
    spoken_phone = {"kind": "phone", "value": f"+46 (0){first} {last}"}
    address = _address(person, dice, ("heroine",))
    attributes = {"store": address, "call_centre": {**address, "date_of_birth": _born(person)}}
    plan: tuple[tuple[str, int, tuple[Identifier, ...], bool], ...] = (
        ("web", 12, (cookie, spelling.hashed("email", person.email, dice, "heroine", 0)), True),
        ("app", 28, (device, spelling.hashed("phone", person.phone, dice, "heroine")), True),
        ("store", 36, (card, typed_email), True),
        ("call_centre", 61, (spoken_phone, customer), True),
        ("iot", 65, (sensor, customer), False),
        ("web", 98, (cookie, spelling.hashed("email", person.email, dice, "heroine", 1)), False),
        ("store", 121, (card, typed_phone), False),
        ("iot", 154, (sensor, customer), False),
    )
    for channel, day, identifiers, grants in plan:
        at = _START + day * DAY + dice.below(DAY // SECOND, "heroine", channel, day) * SECOND
        consents = granted if grants else ()
        yield Visit(channel, at, identifiers, country, consents, attributes=attributes.get(channel, {}))


def _agree(visit: Visit, person: Person, nth: int, dice: Dice) -> Visit:
    """What the visitor says about being recognized, by their stance and the channel."""
    channel, topic = visit.channel, ("says", visit.channel, person.number, nth)
    if person.stance == "granted" and dice.chance({"iot": 25, "call_centre": 60}.get(channel, 85), *topic):
        return replace(visit, consents=(("grant", PURPOSE),))
    if person.stance == "withdrew" and channel != "iot":
        return replace(visit, consents=(("withdraw" if channel == "call_centre" else "grant", PURPOSE),))
    if person.stance == "denied" and channel != "iot":
        return replace(visit, consents=(("deny", PURPOSE),))
    if person.stance == "allowed" and channel in {"app", "store"} and dice.chance(25, *topic):
        return replace(visit, consents=(("opt_out", SALE),))
    if person.stance == "opted_out" and channel == "web":
        return replace(visit, gpc=True)
    if person.stance == "opted_out" and channel != "iot":
        return replace(visit, consents=(("opt_out", "*" if channel == "app" else PURPOSE),))
    return visit


def _read(visit: Visit, person: Person) -> Visit:
    """In Europe a channel that reads an identifier from the visitor's device asks for that, every time."""
    if visit.channel in _ON_DEVICES and person.stance in {"granted", "withdrew"}:
        return replace(visit, consents=(*visit.consents, ("grant", DEVICE_ACCESS)))
    return visit


def _moment(person: Person, channel: str, nth: int, dice: Dice) -> int:
    """When the visit is, in milliseconds; those who withdraw agree early in the year and call later."""
    first, days = 0, DAYS
    if person.stance == "withdrew":
        first, days = (_TURN, DAYS - _TURN) if channel == "call_centre" else (0, _TURN)
    millisecond = dice.below(days * DAY, "moment", channel, person.number, nth)
    return _START + first * DAY + millisecond


def _sent(what: str, person: Person, dice: Dice, topic: tuple[object, ...]) -> list[Identifier]:
    """`how kind`, such as "hashed email", -> that identifier of the person; nothing for ""."""
    if not what:
        return []
    how, kind = what.split()
    if how == "typed":
        return [_typed(kind, person, dice, topic)]
    return [spelling.hashed(kind, person.email if kind == "email" else person.phone, dice, *topic)]


def _typed(kind: str, person: Person, dice: Dice, topic: tuple[object, ...]) -> Identifier:
    if dice.chance(5, "junk", kind, *topic):
        return {"kind": kind, "value": _JUNK[kind][person.number % len(_JUNK[kind])]}
    if kind == "email":
        return {"kind": kind, "value": spelling.email(person.mail_parts, person.mail_domain, dice, *topic)}
    return {"kind": kind, "value": spelling.phone(person.phone, dice, *topic)}


def _cookie(person: Person, browser: int, dice: Dice) -> Identifier:
    first, second = (dice.below(9 * 10**8, part, "cookie", person.number, browser) + 10**8 for part in ("a", "b"))
    return {"kind": "cookie", "value": f"GA1.2.{first}.{second}"}


def _device(person: Person, dice: Dice, topic: tuple[object, ...]) -> Identifier:
    if dice.chance(3, "no device", *topic):
        return {"kind": "device_id", "value": _JUNK["device_id"][0]}
    text = _uuid(person)
    return {"kind": "device_id", "value": text.upper() if person.number % 2 else text}


def _uuid(person: Person) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"phone-{person.number}.demo.example"))


def _sensor(person: Person) -> Identifier:
    return {"kind": "device_id", "value": f"TH-{person.number:04d}-{7919 * (person.number + 1) % 9973:04d}"}


def _card(person: Person, dice: Dice, topic: tuple[object, ...]) -> Identifier:
    return {"kind": "loyalty_id", "value": person.loyalty_id + (" " if dice.chance(10, "card blank", *topic) else "")}


def _address(person: Person, dice: Dice, topic: tuple[object, ...]) -> dict[str, str]:
    shout = dice.chance(15, "shout", *topic)
    city, postal_code = person.place
    names = {"given_name": person.given, "family_name": person.family, "city": city}
    written = {name: text.upper() if shout else text for name, text in names.items()}
    return {**written, "postal_code": postal_code, "country": person.country}


def _born(person: Person) -> str:
    year, month, day = person.born
    return f"{month:02d}/{day:02d}/{year}" if person.country == "US" else f"{year}-{month:02d}-{day:02d}"
