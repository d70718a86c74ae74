"""What is known around a batch: learned once, and not overwritten by what is read later."""

from __future__ import annotations

from gateway.profiles.model import Member, Profile
from gateway.profiles.neighborhood import Neighborhood
from tests.unit.profiles.evidence import C1, E1, E2, P1, P2, rules


def row(profile_id: int, outside: int = 0) -> Profile:
    return Profile(profile_id, 1, frozenset(), irregular=False, outside=outside)


def test_profiles_are_learned_whole() -> None:
    near = Neighborhood(rules())
    near.learn([Member(E1, 7, "email"), Member(P1, 7, "phone")], [row(7)])
    assert (near.home, near.members) == ({E1: 7, P1: 7}, {7: [E1, P1]})
    assert near.kinds[P1].name == "phone"


def test_what_is_known_stays() -> None:
    near = Neighborhood(rules())
    near.learn([Member(E1, 7, "email")], [row(7)])
    near.learn([Member(E1, 7, "email"), Member(E2, 8, "email")], [row(7, outside=5), row(8)])
    assert near.profiles[7].outside == 0
    assert near.members == {7: [E1], 8: [E2]}


def test_most_persons_of_one_kind() -> None:
    near = Neighborhood(rules())
    members = [(E1, "email"), (P1, "phone"), (P2, "phone"), (C1, "cookie")]
    near.learn([Member(one, 7, kind) for one, kind in members], [row(7)])
    assert near.most_persons(7) == 2
    near.learn([Member(33, 8, "cookie")], [row(8)])
    assert near.most_persons(8) == 0
