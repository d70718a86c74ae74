"""A public or unverified record never joins two profiles (issue B, item 4), whatever came first, raw or pre-hashed.

`tests/properties/test_partition.py` says so of the pure function; here it is said of what channels post and the store
keeps, on SQLite.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.flows.ingest import ingest
from gateway.flows.messages import IncomingRecord
from gateway.identifiers.digests import digests_of
from gateway.identifiers.model import HashedIdentifier, RawIdentifier
from gateway.identifiers.pseudonyms import Pseudonymizer
from gateway.kernel.clock import HOUR, SECOND
from tests.databases import migrate
from tests.simulator import MATCHING, NOW, SimulatedGateway, TenantSimulator

MAIL = {
    f"mail{place}": {
        "": f"Ada.{place}+x@gmail.com",
        "uid2": f"ada{place}@gmail.com",
        "google": f"ada{place}@gmail.com",
        "meta": f"ada.{place}+x@gmail.com",
    }
    for place in range(3)
}
NUMBERS = {
    f"number{place}": {"": f"+49171392000{place}", "uid2": f"+49171392000{place}", "meta": f"49171392000{place}"}
    for place in range(3)
}
PLAIN = [f"{kind}:{place}" for kind in ("customer_id", "device_id", "cookie", "session_id") for place in range(3)]
TRUSTED = ("store", "app", "callcentre")

Word = tuple[str, str]
"""Somebody's value, and the platform as which it is hashed; "" for the raw value."""

WORDS: Sequence[Word] = (
    *((name, profile) for name, forms in (MAIL | NUMBERS).items() for profile in forms),
    *((name, "") for name in PLAIN),
)
STRONGER = [word for word in WORDS if not word[0].startswith("session_id")]
NEW: Word = "session_id:new", ""


@dataclass(frozen=True, slots=True)
class Post:
    """A record that a client posts."""

    client: str
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Shelf:
    """A SQLite store for all examples, each with tenants of its own."""

    site: SimulatedGateway

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:  # noqa: ANN401, FBT001 - as hypothesis calls it
        """A failing test shows its history, not everything that is in a gateway."""
        printer.text("shelf")

    def tenant(self, narrow: int) -> TenantSimulator:
        """A tenant in whose profiles few identifiers of a kind fit."""
        tenant = self.site.anew().tenant()
        kinds = tenant.gateway.policies.kinds
        tenant.limited(**{name: replace(rule, per_profile=narrow, shared_above=narrow) for name, rule in kinds.items()})
        return tenant


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    home = tmp_path_factory.mktemp("authority")
    url = f"sqlite:///{home / 'gateway.db'}"
    migrate(url)
    with SimulatedGateway.opened(url, home) as opened:
        yield Shelf(opened)


def identifier(word: Word) -> RawIdentifier | HashedIdentifier:
    """What the channel posts."""
    name, profile = word
    if name not in MAIL | NUMBERS:
        return RawIdentifier(name.partition(":")[0], name)
    kind, forms = ("email", MAIL[name]) if name in MAIL else ("phone", NUMBERS[name])
    if not profile:
        return RawIdentifier(kind, forms[""])
    return HashedIdentifier(kind, sha256(forms[profile].encode()).digest(), profile)


def digests(tenant: TenantSimulator, words: Iterable[Word]) -> dict[bytes, str]:
    """Pseudonyms of what these words assert, as the tenant has them -> a name for each, the same for every tenant."""
    pseudonymizer = Pseudonymizer(tenant.gateway.keys.tenant(tenant.tenant_id))
    return {
        pseudonymizer.all([one])[0].token: f"{one.kind} {one.sha256.hex()[:12]}"
        for word in words
        for one in digests_of(identifier(word), tenant.gateway.policies.kinds, "US-CA")
        if one.use == "link"
    }


def groups(tenant: TenantSimulator) -> dict[str, int]:
    """Digests -> the profiles they stand in."""
    names = digests(tenant, (*WORDS, NEW))
    with tenant.reading() as unit:
        homes = unit.profiles.all_homes(MATCHING)
        return {names[row.token]: homes[row.identifier_id] for row in unit.identifiers.describe(homes)}


def together(homes: Mapping[str, int], among: set[str]) -> set[frozenset[str]]:
    """Which of these digests stand together."""
    profiles: dict[int, set[str]] = {}
    for node, home in homes.items():
        if node in among:
            profiles.setdefault(home, set()).add(node)
    return {frozenset(members) for members in profiles.values()}


def post_all(tenant: TenantSimulator, posts: Mapping[int, Post], seed: int, size: int) -> None:
    """Post these in an order and in batches of their own; each is observed at its moment whatever the order."""
    places = random.Random(seed).sample(sorted(posts), len(posts))
    while places:
        client = posts[places[0]].client
        batch = [place for place in places[:size] if posts[place].client == client]
        places = [place for place in places if place not in batch]
        records = [
            IncomingRecord(
                f"r{place}",
                NOW - HOUR + place * SECOND,
                tuple(identifier(word) for word in posts[place].words),
                "US-CA",
                MATCHING,
                (),
            )
            for place in batch
        ]
        for result in ingest(tenant.gateway, tenant.callers[client], records):
            assert result.outcome in {"created", "linked", "review"}


posts_of = st.lists(
    st.builds(
        Post,
        st.sampled_from((*TRUSTED, "web", "web", "web")),
        st.lists(st.sampled_from(WORDS), min_size=1, max_size=3, unique_by=lambda word: word[0]).map(tuple),
    ),
    min_size=1,
    max_size=14,
)


@settings(max_examples=60)
@given(posts=posts_of, seed=st.integers(0, 99), size=st.integers(1, 5), narrow=st.sampled_from((1, 2, 50)))
def test_without_the_public_records_the_same_trusted_identifiers_stand_together(
    shelf: Shelf, posts: list[Post], seed: int, size: int, narrow: int
) -> None:
    both, alone = shelf.tenant(narrow), shelf.tenant(narrow)
    trusted = {place: post for place, post in enumerate(posts) if post.client != "web"}
    post_all(both, dict(enumerate(posts)), seed, size)
    post_all(alone, trusted, seed + 1, 1)
    known = {*digests(alone, (word for post in trusted.values() for word in post.words)).values()}
    assert together(groups(both), known) == together(groups(alone), known)
    both.verify()


@settings(max_examples=60)
@given(
    posts=posts_of,
    seen=st.lists(st.sampled_from(STRONGER), min_size=1, max_size=3, unique_by=lambda word: word[0]),
    seed=st.integers(0, 99),
    size=st.integers(1, 5),
)
def test_a_public_device_hangs_on_the_one_profile_it_touches_and_on_none_if_it_touches_two(
    shelf: Shelf, posts: list[Post], seen: list[Word], seed: int, size: int
) -> None:
    """A session that nobody else saw, beside what may be of several people; posted first, last or in between."""
    tenant = shelf.tenant(50)
    post_all(tenant, dict(enumerate([*posts, Post("web", (*seen, NEW))])), seed, size)
    homes = groups(tenant)
    (session,) = digests(tenant, [NEW]).values()
    touched = {homes[one] for one in digests(tenant, seen).values()}
    beside = {one for one, home in homes.items() if home == homes[session]} - {session}
    assert (homes[session] in touched, bool(beside)) == ((True, True) if len(touched) == 1 else (False, False))
