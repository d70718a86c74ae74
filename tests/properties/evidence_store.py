"""The store of one graph, in memory: what `gateway.profiles.engine.plan` asks, and what it says to change.

After each step `check` compares everything that stands with `partition` over all the evidence.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from gateway.policy.model import KindRule, Scope
from gateway.profiles.closure import LinkRow
from gateway.profiles.engine import Plan, plan
from gateway.profiles.model import Change, Evidence, Member, Profile
from gateway.profiles.neighborhood import Neighborhood
from gateway.profiles.partition import partition

T = TypeVar("T")
Groups = dict[int, set[int]]
"""Label or profile id -> its identifiers."""
KINDS: dict[str, tuple[Scope, int]] = {
    "email": ("person", 0),
    "phone": ("person", 0),
    "device": ("device", 1),
    "cookie": ("device", 2),
    "session": ("device", 3),
}
"""Kind -> scope and rank."""

NO_LIMIT = 10**6


def rule(name: str, *, per_profile: int = NO_LIMIT, shared_above: int = NO_LIMIT) -> KindRule:
    """The rule of one of `KINDS`."""
    scope, rank = KINDS[name]
    return KindRule(
        name,
        "plain",
        scope,
        may_link=True,
        rank=rank,
        namespaced=False,
        read_from_device=False,
        per_profile=per_profile,
        shared_above=shared_above,
        deny=frozenset(),
        retention_days=None,
    )


@dataclass(slots=True)
class EvidenceStore:
    """Records, profiles, cuts and demotions. `kinds` names the kind of each identifier that may come."""

    rules: Mapping[str, KindRule]
    kinds: Mapping[int, str]
    records: dict[int, Evidence] = field(default_factory=dict)
    home: dict[int, int] = field(default_factory=dict)
    profiles: dict[int, Profile] = field(default_factory=dict)
    cuts: set[tuple[int, int]] = field(default_factory=set)
    demoted: set[int] = field(default_factory=set)
    demoted_public: set[int] = field(default_factory=set)
    steps: int = 0
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1_000_000))

    def links_around(self, identifiers: Collection[int], *, trusted_only: bool) -> list[LinkRow]:
        """`ClosureReader.links_around`."""
        wanted = set(identifiers)
        return [
            LinkRow(
                record.record_id,
                one,
                self.kinds[one],
                place,
                record.values[place] if record.values else place,
                record.forms[place] if record.forms else 1,
                (record.record_id, one) in self.cuts,
                record.trusted,
                record.observed_at,
                record.tiebreak,
                " ".join(record.regimes),
            )
            for record in self.records.values()
            if not wanted.isdisjoint(record.identifiers) and (record.trusted or not trusted_only)
            for place, one in enumerate(record.identifiers)
        ]

    def homes(self, identifiers: Collection[int]) -> tuple[list[Member], list[Profile]]:
        """`ClosureReader.homes`."""
        found = {self.home[one] for one in identifiers if one in self.home}
        members = [Member(one, home, self.kinds[one]) for one, home in self.home.items() if home in found]
        return members, [self.profiles[one] for one in found]

    def demotions(self, identifiers: Collection[int]) -> tuple[set[int], set[int]]:
        """`ClosureReader.demotions`."""
        return self.demoted.intersection(identifiers), self.demoted_public.intersection(identifiers)

    def step(self, added: Sequence[Evidence] = (), removed: Iterable[int] = ()) -> list[Change]:
        """Add and remove records as one batch -> the changes, which are held against what came about."""
        gone = {record: self.records[record].identifiers for record in removed}
        near = Neighborhood(self.rules)
        asserted = {one for record in added for one in record.identifiers}
        concerned = asserted.union(*gone.values())
        near.learn_kinds({one: self.kinds[one] for one in concerned})
        near.learn(*self.homes(concerned))
        near.demoted, near.demoted_public = self.demotions(asserted)
        planned = plan(near, added, gone, self, lambda: next(self._ids))
        before = self.groups()
        self._write(planned, near, added, gone)
        check_changes(planned.changes, before, self.groups())
        return planned.changes

    def groups(self) -> Groups:
        """The profiles with their members."""
        return grouped(self.home)

    def components(self) -> set[frozenset[int]]:
        """The profiles as sets of identifiers."""
        return {frozenset(members) for members in self.groups().values()}

    def check(self) -> None:
        """Everything stored is as `partition` has it over all records."""
        right = partition(self.records.values(), {one: self.rules[name] for one, name in self.kinds.items()})
        assert self.components() == {frozenset(members) for members in right.groups().values()}
        assert self.cuts == right.cuts
        assert self.demoted == right.demoted
        assert self.demoted_public == right.demoted_public
        assert self.profiles.keys() == self.groups().keys()
        for profile_id, members in self.groups().items():
            self._check_row(self.profiles[profile_id], members)

    def _check_row(self, row: Profile, members: set[int]) -> None:
        """The row never says that a profile is simpler than it is."""
        linking = members - self.demoted_public
        touching = [
            record
            for record in self.records.values()
            if not (members if record.trusted else linking).isdisjoint(record.identifiers)
        ]
        outside = {one for record in touching for one in record.identifiers} - members
        assert row.outside >= len(outside)
        assert row.irregular or (not outside and all(record.trusted for record in touching))
        assert row.regimes.issuperset(regime for record in touching for regime in record.regimes)

    def _write(
        self, planned: Plan, near: Neighborhood, added: Sequence[Evidence], removed: Mapping[int, tuple[int, ...]]
    ) -> None:
        for record, identifiers in removed.items():
            del self.records[record]
            self.cuts.difference_update((record, one) for one in identifiers)
        self.records.update({record.record_id: record for record in added})
        assert planned.fresh == planned.moved.keys() - self.home.keys()
        assert planned.homeless.isdisjoint(planned.moved)
        for one in planned.homeless:
            del self.home[one]
        self.home.update(planned.moved)
        for one in planned.ended:
            self.profiles.pop(one, None)
        for one, row in planned.profiles.items():
            assert (row.age >= 0) == (one in near.profiles)
            self.profiles[one] = row if row.age >= 0 else replace(row, age=self.steps)
        self.steps += 1
        _flag(self.cuts, planned.cuts)
        _flag(self.demoted, planned.demoted)
        _flag(self.demoted_public, planned.demoted_public)


def _flag(flagged: set[T], now: Mapping[T, bool]) -> None:
    for one, is_so in now.items():
        (flagged.add if is_so else flagged.discard)(one)


def grouped(labels: Mapping[int, int]) -> Groups:
    """Identifier -> label as label -> identifiers."""
    groups: Groups = defaultdict(set)
    for one, label in labels.items():
        groups[label].add(one)
    return dict(groups)


def check_changes(changes: Sequence[Change], before: Groups, after: Groups) -> None:
    """The changes tell all that happened to every profile, once, and nothing else."""
    named = [change.profile_id for change in changes]
    assert len(named) == len(set(named))
    for change in changes:
        was, now = before.get(change.profile_id, set()), after.get(change.profile_id, set())
        assert was != now
        assert set(change.added) == now - was
        assert set(change.removed) == was - now
        check_kind(change, before, after)
    absorbed = {other for change in changes if change.kind == "merged" for other in change.others}
    for profile in before.keys() | after.keys():
        if before.get(profile) != after.get(profile):
            assert profile in named or (profile in absorbed and profile not in after)


def check_kind(change: Change, before: Groups, after: Groups) -> None:
    """The change is of the kind it says."""
    was, now = before.get(change.profile_id, set()), after.get(change.profile_id, set())
    match change.kind:
        case "created":
            assert not was
            assert not change.others
        case "extended":
            assert was < now
            assert not change.others
        case "merged":
            assert was
            assert change.others
            assert all(other not in after and before[other] & now for other in change.others)
        case "split":
            assert was - now or (not was and before[change.others[0]] & now)
        case "dissolved":
            assert not now
        case _:
            raise AssertionError(change.kind)
