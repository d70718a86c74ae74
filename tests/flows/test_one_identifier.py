"""One value that each platform hashes in its own way is one identifier, for as long as a record says so."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace

import pytest

from gateway.flows.messages import ConsentAssertion, IncomingRecord
from gateway.flows.record_consent import record_consent
from gateway.flows.requests import ConsentEventInput, ResolveRequest
from gateway.flows.resolve import resolve
from gateway.flows.views import ProfileView
from gateway.identifiers.digests import FORMS, composite_digests, digests_of
from gateway.identifiers.hash_profiles.drop import DROP_VERSION
from gateway.identifiers.model import HashedIdentifier, RawIdentifier
from gateway.identifiers.pseudonyms import Pseudonymizer
from gateway.kernel.clock import HOUR
from tests.rights_simulator import Office
from tests.simulator import MATCHING, NOW, TenantSimulator, grant


@pytest.fixture
def office(simulator: TenantSimulator) -> Office:
    return Office.of(simulator)


ADDRESS = " Jane.Doe+shop@GoogleMail.com"
FORMS_OF_ADDRESS = {
    "uid2": "jane.doe+shop@googlemail.com",
    "google": "janedoe@googlemail.com",
    "meta": "jane.doe+shop@googlemail.com",
}
NUMBER = "+49 171 3920001"
FORMS_OF_NUMBER = {"uid2": "+491713920001", "google": "+491713920001", "meta": "491713920001"}
VALUES = pytest.mark.parametrize(
    ("kind", "raw", "forms"), [("email", ADDRESS, FORMS_OF_ADDRESS), ("phone", NUMBER, FORMS_OF_NUMBER)]
)
POSTED = {"callcentre": "meta", "app": "uid2", "web": "google"}
"""Channel -> the platform as which it hashes; the store posts the raw value."""


def posted(
    record_id: str,
    *identifiers: RawIdentifier | HashedIdentifier,
    at: int = NOW - HOUR,
    attributes: Mapping[str, str] | None = None,
) -> IncomingRecord:
    """A record of a person who agreed."""
    return IncomingRecord(record_id, at, identifiers, "US-CA", MATCHING, (grant(),), attributes=attributes or {})


def sha256(form: str) -> bytes:
    """32 bytes."""
    return hashlib.sha256(form.encode()).digest()


def hashed(kind: str, forms: Mapping[str, str], profile: str) -> HashedIdentifier:
    """The value as a platform hashes it."""
    return HashedIdentifier(kind, sha256(forms[profile]), profile)


def seen(simulator: TenantSimulator, client: str, identifier: RawIdentifier | HashedIdentifier) -> ProfileView:
    """What `client` is told when it asks by this identifier."""
    return resolve(simulator.gateway, simulator.callers[client], ResolveRequest((identifier,), MATCHING, "US-CA"))


def send_all(simulator: TenantSimulator, kind: str, raw: str, forms: Mapping[str, str]) -> None:
    for client, profile in POSTED.items():
        cookie = RawIdentifier("cookie", f"c-{client}")
        simulator.send(client, posted(f"{client}-1", hashed(kind, forms, profile), cookie))
    simulator.send("store", posted("store-1", RawIdentifier(kind, raw), RawIdentifier("customer_id", "k-1")))


def homes(simulator: TenantSimulator) -> set[int]:
    """The profiles there are."""
    with simulator.reading() as unit:
        return {*unit.profiles.all_homes(MATCHING).values()}


def channels_beside(simulator: TenantSimulator, identifier: HashedIdentifier) -> tuple[str, ...]:
    """The channels in an identifier's view, which tell the profiles apart."""
    client = next(name for name, profile in POSTED.items() if profile == identifier.profile)
    view = seen(simulator, client, identifier)
    return tuple(sorted({channel for one in view.identifiers for channel in one.channels}))


@VALUES
def test_what_four_channels_post_is_one_identifier(
    simulator: TenantSimulator, kind: str, raw: str, forms: Mapping[str, str]
) -> None:
    send_all(simulator, kind, raw, forms)
    assert len(homes(simulator)) == 1
    view = seen(simulator, "store", RawIdentifier(kind, raw))
    assert sorted(one.kind for one in view.identifiers) == ["cookie", "cookie", "cookie", "customer_id", kind]
    (one,) = (one for one in view.identifiers if one.kind == kind)
    assert one.channels == ("app", "callcentre", "store", "web")
    assert view.withheld == {}
    for client, profile in POSTED.items():
        assert seen(simulator, client, hashed(kind, forms, profile)).identifiers == view.identifiers


@VALUES
def test_without_the_raw_record_they_part_again(
    simulator: TenantSimulator, kind: str, raw: str, forms: Mapping[str, str]
) -> None:
    send_all(simulator, kind, raw, forms)
    later = posted("store-1", RawIdentifier("customer_id", "k-1"), at=NOW - HOUR + 1)
    assert [one.outcome for one in simulator.send("store", later)] == ["created"]
    beside = [channels_beside(simulator, hashed(kind, forms, profile)) for profile in forms]
    assert len(set(beside)) == len(set(forms.values()))
    assert "store" not in {channel for channels in beside for channel in channels}


def test_a_limit_counts_identifiers_and_not_digests(simulator: TenantSimulator) -> None:
    limited = replace(simulator.gateway.policies.kinds["phone"], per_profile=2)
    simulator.limited(phone=limited)
    numbers = [RawIdentifier("phone", f"+4917139200{place:02d}") for place in (10, 11, 12)]
    key = RawIdentifier("customer_id", "k-1")
    outcomes = [
        simulator.send("store", posted(f"r{at}", one, key, at=NOW - HOUR + at))[0].outcome
        for at, one in enumerate(numbers)
    ]
    assert outcomes == ["created", "linked", "review"]


def test_digests_of_one_number_are_not_several_people(simulator: TenantSimulator) -> None:
    """A cookie beside three numbers, each with two digests, is beside three people and not six."""
    limited = replace(simulator.gateway.policies.kinds["cookie"], shared_above=3)
    simulator.limited(cookie=limited)
    for place in range(4):
        assert simulator.counted("demotion") == 0
        number = RawIdentifier("phone", f"+4917139200{place:02d}")
        simulator.send("store", posted(f"r{place}", number, RawIdentifier("cookie", "c")))
    assert simulator.counted("demotion") == 1


def test_a_public_record_joins_no_two_by_its_raw_value(simulator: TenantSimulator) -> None:
    simulator.send("store", posted("s1", hashed("phone", FORMS_OF_NUMBER, "meta"), RawIdentifier("customer_id", "k-1")))
    simulator.send("app", posted("a1", hashed("phone", FORMS_OF_NUMBER, "uid2"), RawIdentifier("customer_id", "k-2")))
    assert len(homes(simulator)) == 2
    simulator.send("web", posted("w1", RawIdentifier("phone", NUMBER), RawIdentifier("cookie", "c")))
    assert len(homes(simulator)) == 3, "the cookie hangs on none"


def test_a_public_record_hangs_on_the_one_its_raw_value_touches(simulator: TenantSimulator) -> None:
    simulator.send("store", posted("s1", hashed("phone", FORMS_OF_NUMBER, "meta"), RawIdentifier("customer_id", "k-1")))
    simulator.send("web", posted("w1", RawIdentifier("phone", NUMBER), RawIdentifier("cookie", "c")))
    assert len(homes(simulator)) == 1


PERSON = {"given_name": "José", "family_name": "García", "date_of_birth": "1985-03-15", "postal_code": "90001"}


def test_what_screens_is_formed_and_links_nobody(simulator: TenantSimulator) -> None:
    """Two people of one name, birthday and ZIP, whose numbers end in the same ten digits, stay apart."""
    car = RawIdentifier("vin", "1HGCM82633A004352")
    here, abroad = RawIdentifier("phone", "+16502530000"), RawIdentifier("phone", "+496502530000")
    simulator.send("store", posted("s1", here, car, attributes=PERSON))
    assert [one.outcome for one in simulator.send("store", posted("s2", abroad, attributes=PERSON))] == ["created"]
    assert len(homes(simulator)) == 2
    policies = simulator.gateway.policies
    ndz, name_vin = composite_digests(PERSON, car.value, policies.kinds, "US-CA")
    assert [(one.kind, one.use, one.namespace) for one in (ndz, name_vin)] == [
        ("drop_ndz", "screen", DROP_VERSION),
        ("drop_name_vin", "screen", DROP_VERSION),
    ]
    (number,) = digests_of(HashedIdentifier("phone", sha256("6502530000"), "drop"), policies.kinds, None)
    pseudonymizer = Pseudonymizer(simulator.gateway.keys.tenant(simulator.tenant_id))
    with simulator.reading() as unit:
        for one, records in ((ndz, 2), (name_vin, 1), (number, 2)):
            (found,) = unit.identifiers.find([pseudonymizer.all([one])[0].token]).values()
            links = unit.records.links(unit.records.of([found]))
            assert [link.linking for link in links if link.identifier_id == found] == [False] * records


def test_no_channel_can_send_what_screens(simulator: TenantSimulator) -> None:
    digest = HashedIdentifier("drop_ndz", b"x" * 32)
    (result,) = simulator.send("store", posted("s1", digest))
    assert (result.outcome, result.problem and result.problem.rule) == ("invalid", "unknown_kind")


def test_a_number_as_drop_hashes_it_links_nobody(simulator: TenantSimulator) -> None:
    digest = HashedIdentifier("phone", sha256("1713920001"), "drop")
    (result,) = simulator.send("store", posted("s1", digest))
    assert result.outcome == "refused"
    simulator.send("store", posted("s2", digest, RawIdentifier("email", "a@shop.example")))
    simulator.send("store", posted("s3", digest, RawIdentifier("email", "b@shop.example")))
    assert len(homes(simulator)) == 2
    assert seen(simulator, "store", digest).profile_id is None


def test_a_request_about_one_form_reaches_all(office: Office, simulator: TenantSimulator) -> None:
    simulator.send(
        "store",
        posted(
            "s1",
            RawIdentifier("phone", "+491713920001"),
            RawIdentifier("email", "anna@shop.example"),
            attributes=PERSON,
        ),
    )
    simulator.send("callcentre", posted("m1", hashed("phone", FORMS_OF_NUMBER, "meta"), RawIdentifier("cookie", "c")))
    office.complete("erasure", "email:anna")
    assert simulator.counted("pseudonym") == 0
    again = posted("m2", hashed("phone", FORMS_OF_NUMBER, "meta"))
    assert [one.outcome for one in simulator.send("callcentre", again)] == ["suppressed"]
    assert simulator.outcomes("store", simulator.record("s2", "phone:20001")) == ["created"]


def test_forms_are_one_bit_for_each_profile_that_differs() -> None:
    assert sorted(set(FORMS.values())) == [1, 2, 4, 8]


@VALUES
def test_a_withdrawal_of_one_form_binds_all(
    simulator: TenantSimulator, kind: str, raw: str, forms: Mapping[str, str]
) -> None:
    """Also the records that never knew the raw value, which is gone by then."""
    send_all(simulator, kind, raw, forms)
    withdrawn = ConsentAssertion("withdraw", MATCHING, simulator.clock.now())
    event = ConsentEventInput((hashed(kind, forms, "meta"),), withdrawn, "US-CA")
    record_consent(simulator.gateway, simulator.callers["callcentre"], [event])
    assert homes(simulator) == set()
    for client, profile in POSTED.items():
        again = replace(posted(f"{client}-2", hashed(kind, forms, profile)), consents=())
        assert [one.outcome for one in simulator.send(client, again)] == ["refused"]
