"""The partition, kept incrementally: what a batch of records added and removed changes.

Order of events in `plan`:
  1. a record whose identifiers all stand in one profile already changes nothing (the common case);
  2. the others fall into groups by the profiles and new identifiers they touch;
  3. a group of trusted records over regular profiles that lose no record, far from every limit, simply becomes one
     profile;
  4. for all other groups the connected evidence is loaded and `partition` answers; the difference is the change.
The older profile's id survives a merge, the largest part keeps it on a split.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from gateway.policy.model import KindRule
from gateway.profiles.closure import Closure, ClosureReader, connected
from gateway.profiles.diff import Named, components_of, name_components
from gateway.profiles.model import Change, Evidence, Profile
from gateway.profiles.neighborhood import Neighborhood
from gateway.profiles.partition import partition


class Ids(Protocol):
    """Where fresh profile ids come from."""

    def __call__(self) -> int:
        """One fresh id."""
        ...


@dataclass(slots=True)
class Plan:
    """Everything a batch does to the partition, ready to be written and logged."""

    changes: list[Change] = field(default_factory=list)
    moved: dict[int, int] = field(default_factory=dict)  # identifier -> its new profile
    fresh: set[int] = field(default_factory=set)  # those of `moved` that had no profile before
    homeless: set[int] = field(default_factory=set)  # identifiers that leave every profile
    profiles: dict[int, Profile] = field(default_factory=dict)  # new or changed rows
    ended: set[int] = field(default_factory=set)
    cuts: dict[tuple[int, int], bool] = field(default_factory=dict)  # (record, identifier) -> cut now?
    demoted: dict[int, bool] = field(default_factory=dict)
    demoted_public: dict[int, bool] = field(default_factory=dict)
    causes: dict[int, list[int]] = field(default_factory=dict)  # profile -> records that changed it

    def arrivals(self) -> dict[int, list[int]]:
        """Profile -> the identifiers that move into it."""
        arrivals: dict[int, list[int]] = {}
        for one, home in self.moved.items():
            arrivals.setdefault(home, []).append(one)
        return arrivals

    def members_after(self, near: Neighborhood, profile_id: int, arrivals: Mapping[int, Sequence[int]]) -> list[int]:
        """Who stands in a profile once the plan is written; `arrivals` as above."""
        stay = [
            one
            for one in near.members.get(profile_id, ())
            if one not in self.homeless and self.moved.get(one, profile_id) == profile_id
        ]
        return [*stay, *(one for one in arrivals.get(profile_id, ()) if near.home.get(one) != profile_id)]

    def fates(self, near: Neighborhood) -> tuple[dict[int, int], set[int]]:
        """(profiles that went whole into another -> that one; others that members left and that did not simply end)"""
        into = {one: change.profile_id for change in self.changes if change.kind == "merged" for one in change.others}
        left = {
            near.home[one]
            for one in self.moved.keys() | self.homeless
            if one in near.home
            and (one in self.homeless or self.moved[one] not in (near.home[one], into.get(near.home[one])))
        }
        whole = {one: survivor for one, survivor in into.items() if one not in left}
        return whole, left - (self.ended - into.keys())


@dataclass(slots=True)
class _Group:
    """Records that touch each other's profiles or new identifiers."""

    records: list[Evidence] = field(default_factory=list)
    profiles: set[int] = field(default_factory=set)
    identifiers: set[int] = field(default_factory=set)


def plan(
    near: Neighborhood,
    added: Sequence[Evidence],
    removed: Mapping[int, tuple[int, ...]],
    reader: ClosureReader,
    ids: Ids,
) -> Plan:
    """Records added and removed (record -> its identifiers) -> the changes of the partition.

    `near` must hold the homes and demotions of all identifiers concerned, and the touched profiles whole.
    """
    result = Plan()
    open_records = [record for record in added if not _settle(record, near, result)]
    complex_groups: list[_Group] = []
    lost = {one for identifiers in removed.values() for one in identifiers}
    shaken = {near.home[one] for one in lost if one in near.home}
    for group in _groups(open_records, near):
        if not (group.profiles.isdisjoint(shaken) and group.identifiers.isdisjoint(lost)):
            complex_groups.append(group)
        elif _is_simple(group, near, result):
            _join_group(group, near, result, ids)
        elif not group.profiles and not (group.identifiers & (near.demoted | near.demoted_public)):
            new = {record.record_id for record in group.records}
            _apply(Closure(group.records, added=new), near, result, ids)
        else:
            complex_groups.append(group)
    if complex_groups or removed:
        seeds = {identifier for group in complex_groups for identifier in group.identifiers}
        closure = connected(seeds, added, removed, near, reader)
        _apply(closure, near, result, ids)
    result.fresh = {one for one in result.moved if one not in near.home}
    return result


def _settle(record: Evidence, near: Neighborhood, result: Plan) -> bool:
    """True when the record cannot change the partition; keeps the profile's flags and regimes up to date."""
    linking = [one for one in record.identifiers if one not in near.demoted]
    homes = {near.home.get(one) for one in linking}
    if len(homes) != 1 or None in homes:
        return False
    home = homes.pop()
    if home is None:
        return False
    profile = result.profiles.get(home) or near.profiles[home]
    if _unsettles_leaves(record, linking, profile, near) or _unsettles_values(record, profile):
        return False
    outside = profile.outside + len(record.identifiers) - len(linking)
    room = min([near.kinds[one].shared_above for one in linking]) - outside
    if len(near.members[home]) > room and near.most_persons(home) > room:
        return False
    irregular = profile.irregular or not record.trusted or outside > 0
    regimes = profile.regimes.union(record.regimes)
    if (irregular, outside, regimes) != (profile.irregular, profile.outside, profile.regimes):
        result.profiles[home] = replace(profile, regimes=regimes, irregular=irregular, outside=outside)
    return True


def _unsettles_values(record: Evidence, profile: Profile) -> bool:
    """A trusted record may place a person's digest that stands here because public ones call it the same value as
    another; digests said to be one value make room for what a limit may have kept outside.
    """
    return (record.trusted and profile.hanging) or (profile.outside > 0 and bool(record.several()))


def _unsettles_leaves(record: Evidence, linking: Sequence[int], profile: Profile, near: Neighborhood) -> bool:
    """Devices without a person: a trusted record frees them from what they hung on, an older public one gives them
    precedence where a profile has room for few. Beside a person of the same profile neither changes anything.
    """
    doubtful = profile.irregular if record.trusted else profile.outside > 0
    return doubtful and all(near.kinds[one].scope != "person" for one in linking)


def _groups(records: Iterable[Evidence], near: Neighborhood) -> list[_Group]:
    parent: dict[tuple[str, int], tuple[str, int]] = {}

    def find(node: tuple[str, int]) -> tuple[str, int]:
        while parent.setdefault(node, node) != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    def node_of(identifier: int) -> tuple[str, int]:
        home = near.home.get(identifier)
        return ("identifier", identifier) if home is None else ("profile", home)

    listed = list(records)
    for record in listed:
        first = find(node_of(record.identifiers[0]))
        for identifier in record.identifiers[1:]:
            parent[find(node_of(identifier))] = first
            first = find(first)
    groups: dict[tuple[str, int], _Group] = {}
    for record in listed:
        group = groups.setdefault(find(node_of(record.identifiers[0])), _Group())
        group.records.append(record)
        group.identifiers.update(record.identifiers)
        group.profiles.update(near.home[one] for one in record.identifiers if one in near.home)
    return list(groups.values())


def _is_simple(group: _Group, near: Neighborhood, result: Plan) -> bool:
    if any(not record.trusted for record in group.records):
        return False
    if any(result.profiles.get(one, near.profiles[one]).irregular for one in group.profiles):
        return False
    if not group.identifiers.isdisjoint(near.demoted) or not group.identifiers.isdisjoint(near.demoted_public):
        return False
    everyone = group.identifiers.union(*(near.members[one] for one in group.profiles))
    counts: Counter[str] = Counter()
    rules: dict[str, KindRule] = {}
    for identifier in everyone:
        rule = near.kinds[identifier]
        counts[rule.name] += 1
        rules[rule.name] = rule
    persons = max((counts[name] for name, rule in rules.items() if rule.scope == "person"), default=0)
    return all(
        counts[name] <= rule.per_profile and (persons <= rule.shared_above or persons <= 1)
        for name, rule in rules.items()
    )


def _join_group(group: _Group, near: Neighborhood, result: Plan, ids: Ids) -> None:
    regimes = frozenset(regime for record in group.records for regime in record.regimes)
    fresh = tuple(sorted(one for one in group.identifiers if one not in near.home))
    old = sorted((near.profiles[one] for one in group.profiles), key=lambda one: (one.age, one.profile_id))
    target = old[0].profile_id if old else ids()
    absorbed = tuple(profile.profile_id for profile in old[1:])
    arriving = fresh + tuple(one for profile in absorbed for one in near.members[profile])
    result.moved.update(dict.fromkeys(arriving, target))
    result.ended.update(absorbed)
    known = (result.profiles.get(one.profile_id, one).regimes for one in old)
    age = old[0].age if old else -1
    result.profiles[target] = Profile(target, age, regimes.union(*known), irregular=False, outside=0)
    for ended in absorbed:
        result.profiles.pop(ended, None)
    kind = "created" if not old else "merged" if absorbed else "extended"
    result.changes.append(Change(kind, target, absorbed, arriving, ()))
    result.causes.setdefault(target, []).extend(record.record_id for record in group.records)


def _apply(closure: Closure, near: Neighborhood, result: Plan, ids: Ids) -> None:
    """Partition the connected evidence and write the difference to the stored homes into `result`."""
    found = partition(closure.records, near.kinds, closure.demoted, closure.demoted_public)
    here = closure.identifiers()
    for (record, identifier), was in closure.cuts.items():
        if was and (record, identifier) not in found.cuts:
            result.cuts[record, identifier] = False
    for edge in found.cuts:
        if not closure.cuts.get(edge, False):
            result.cuts[edge] = True
    _demotions(here, found.demoted, near.demoted, result.demoted)
    _demotions(here, found.demoted_public, near.demoted_public, result.demoted_public)
    old = {one: near.home[one] for one in here if one in near.home}
    homeless = {one for one in old if one not in found.component}
    result.homeless |= homeless
    named = name_components(components_of(found), old, near.profiles, ids)
    for one in named:
        _write(one, closure, near, result)
    living = {one.profile_id for one in named}
    ended = set(old.values()) - living
    result.ended |= ended
    absorbed = {other for one in named for other in one.absorbed}
    for profile in sorted(ended - absorbed):
        gone = tuple(sorted(one for one, home in old.items() if home == profile))
        result.changes.append(Change("dissolved", profile, (), (), gone))
    for profile in ended:
        result.profiles.pop(profile, None)


def _demotions(here: Collection[int], now: Collection[int], before: Collection[int], into: dict[int, bool]) -> None:
    for identifier in here:
        if (identifier in now) != (identifier in before):
            into[identifier] = identifier in now


def _write(one: Named, closure: Closure, near: Neighborhood, result: Plan) -> None:
    outside, public, hanging, regimes, causes = closure.surroundings(one.members, near.kinds)
    old = near.profiles.get(one.profile_id)
    age = old.age if old else -1
    irregular = bool(outside) or public
    result.profiles[one.profile_id] = Profile(one.profile_id, age, regimes, irregular, outside, hanging)
    arriving = tuple(sorted(member for member in one.members if near.home.get(member) != one.profile_id))
    result.moved.update(dict.fromkeys(arriving, one.profile_id))
    leaving = tuple(sorted(member for member in near.members.get(one.profile_id, ()) if member not in one.members))
    kind = (
        "merged"
        if one.absorbed
        else "created"
        if old is None and one.parent is None
        else "split"
        if leaving or one.parent is not None
        else "extended"
        if arriving
        else ""
    )
    if kind:
        others = one.absorbed if kind == "merged" else (one.parent,) if one.parent is not None else ()
        result.changes.append(Change(kind, one.profile_id, tuple(others), arriving, leaving))
    result.causes.setdefault(one.profile_id, []).extend(causes)
