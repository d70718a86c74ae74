"""Evidence in, components out, changes between the two. Ids are surrogates and never count in a decision."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple


class Evidence(NamedTuple):
    """One permitted record as the partition sees it.

    `identifiers` are its linkable identifiers in the record's own order; `tiebreak` is the keyed hash of its
    content (16 bytes); `regimes` are those the record was decided under. In parallel to the identifiers, `values` is
    the place of the value that each is a digest of, and `forms` the bits that say whose normal form it is; () where
    each is a value of its own in one form.
    """

    record_id: int
    trusted: bool
    observed_at: int
    tiebreak: bytes
    identifiers: tuple[int, ...]
    regimes: tuple[str, ...] = ()
    values: tuple[int, ...] = ()
    forms: tuple[int, ...] = ()

    def without(self, gone: Collection[int]) -> Evidence:
        """The same record when it no longer asserts these."""
        kept = [at for at, one in enumerate(self.identifiers) if one not in gone]
        return self._replace(
            identifiers=tuple(self.identifiers[at] for at in kept),
            values=tuple(self.values[at] for at in kept) if self.values else (),
            forms=tuple(self.forms[at] for at in kept) if self.forms else (),
        )

    def several(self) -> list[list[int]]:
        """Identifiers that are digests of one value, for each value that has more than one."""
        if len(set(self.values)) == len(self.values):
            return []
        places: dict[int, list[int]] = {}
        for place, identifier in zip(self.values, self.identifiers, strict=True):
            places.setdefault(place, []).append(identifier)
        return [identifiers for identifiers in places.values() if len(identifiers) > 1]

    @property
    def order(self) -> tuple[int, bytes]:
        """Where it stands among evidence of the same tier and score."""
        return self.observed_at, self.tiebreak


class Member(NamedTuple):
    """One identifier in a profile."""

    identifier_id: int
    profile_id: int
    kind: str


@dataclass(frozen=True, slots=True)
class Profile:
    """A component over active links. `age` orders profiles: the log position that made it.

    `irregular` is True when public evidence, a cut or a demoted identifier touches it: then a change is computed
    from the evidence, not from the sizes alone. `outside` is an upper bound of how many identifiers outside are
    asserted beside its members. `hanging` is True when a person identifier, or one of several
    digests of a value, stands in it by public records alone.
    """

    profile_id: int
    age: int
    regimes: frozenset[str]
    irregular: bool
    outside: int
    hanging: bool = False


@dataclass(frozen=True, slots=True)
class Partition:
    """The whole answer: components as label -> members, what was cut, who is demoted."""

    component: Mapping[int, int]  # identifier -> label; labels are arbitrary
    cuts: frozenset[tuple[int, int]]  # (record, identifier)
    demoted: frozenset[int]  # by trusted records: link nobody
    demoted_public: frozenset[int]  # by public records alone: hang nobody

    def groups(self) -> dict[int, set[int]]:
        """Label -> its identifiers."""
        groups: dict[int, set[int]] = {}
        for identifier, label in self.component.items():
            groups.setdefault(label, set()).add(identifier)
        return groups


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the partition: what became of one profile.

    `kind` is created, extended, merged, split or dissolved; `profile_id` the profile that lives on (for split:
    the one that was cut, for dissolved: the one that ended); `others` the absorbed profiles of a merge, or the
    new ones of a split; `added` and `removed` the identifiers that came and went.
    """

    kind: str
    profile_id: int
    others: tuple[int, ...]
    added: tuple[int, ...]
    removed: tuple[int, ...]
