"""What the log can still tell of a person: entries that name their identifiers, and the profiles that were theirs.

A profile that lives on belongs to somebody else too, so of its entries only those count that name the person. One that
has ended belongs to the person when it held their identifiers, and then all of its entries count.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from gateway.audit.opening import Opening
from gateway.storage.disclosures import ChangeRow
from gateway.storage.unit_of_work import UnitOfWork


@dataclass(slots=True)
class Ancestry:
    """What was found.

    `named` maps positions of changes to the person's identifiers that the opening there names, none where only one of
    their profiles is named; `ended` are their profiles that are no more; `rows` the changes at those positions.
    """

    named: dict[int, frozenset[int]] = field(default_factory=dict)
    ended: set[int] = field(default_factory=set)
    rows: list[ChangeRow] = field(default_factory=list)


def trail(unit: UnitOfWork, homes: Collection[int], records: Collection[int], identifiers: Collection[int]) -> set[int]:
    """Positions at which to begin: changes of the person's profiles, and those around records and restrictions of
    theirs that are in no profile any more.
    """
    positions = {row.position for row in unit.disclosures.changes_of(homes)}
    return positions | unit.disclosures.changes_made_with(records) | unit.disclosures.changes_made_by(identifiers)


def ancestry(
    unit: UnitOfWork, homes: Collection[int], begin: Collection[int], identifiers: Collection[int]
) -> Ancestry:
    """Profiles in which `identifiers` stand or stood until now, and positions from `trail` -> all that is theirs."""
    found = Ancestry(ended=set(homes) - unit.profiles.living(homes))
    names = {f"{one:x}": one for one in identifiers}
    seen = set(homes)
    rows: dict[int, list[ChangeRow]] = {}
    persons: dict[int, frozenset[int]] = {}
    waiting = set(begin)
    while waiting:
        for row in unit.disclosures.changes_at(waiting):
            rows.setdefault(row.position, []).append(row)
        for at, raw in unit.log.openings_at(waiting).items():
            persons[at] = frozenset(names[text] for text in _texts(raw) if text in names)
        waiting = set()
        while met := _take(found, rows, persons) - seen:
            seen |= met
            found.ended |= met - unit.profiles.living(met)
            waiting |= {row.position for row in unit.disclosures.changes_of(met)} - rows.keys()
    return found


def _take(found: Ancestry, rows: Mapping[int, list[ChangeRow]], persons: Mapping[int, frozenset[int]]) -> set[int]:
    """Take in what names the person or one of their ended profiles -> all profiles there."""
    met: set[int] = set()
    for at in rows.keys() - found.named.keys():
        profiles = {row.profile_id for row in rows[at]}
        if persons.get(at) or not profiles.isdisjoint(found.ended):
            found.named[at] = persons.get(at, frozenset())
            found.rows += rows[at]
            met |= profiles
    return met


def identifiers_in(opening: bytes) -> set[int]:
    """The opening of a change -> the identifiers that came or went."""
    values = dict(Opening.from_bytes(opening).values())
    lists = [values.get(name) for name in ("added", "removed")]
    return {int(text, 16) for several in lists if isinstance(several, list) for text in several}


def _texts(opening: bytes) -> Iterator[str]:
    """Every text in an opening's values."""
    for _, value in Opening.from_bytes(opening).values():
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            yield from (one for one in value if isinstance(one, str))
