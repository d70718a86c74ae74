"""Journey: the feed of what happened to profiles, with the caller's own ids for them.

    1 page       entries of the log that changed profiles
    2 filter     a channel reads of profiles in which it has sent an identifier that is or was moved there; of the end
                 of a profile, and of what has expired in it, by the notice that was left for it
    3 name       pairwise ids, made for this client; where it is told of a profile for the first time, the page is read
                 again in a transaction that writes, for an id is stored

The number of statements does not depend on the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from gateway.audit.entries import parse_leaf
from gateway.flows.context import Caller, Gateway, Role, check_store
from gateway.flows.outward import outward_ids, to_text
from gateway.flows.steps.ancestry import identifiers_in
from gateway.flows.steps.depart import CASCADE, NOTICE
from gateway.flows.steps.lapse import EXPIRED
from gateway.flows.views import ChangePage, ChangeView
from gateway.storage.disclosures import ChangeRow
from gateway.storage.unit_of_work import UnitOfWork

MAX_PAGE = 1000
_NAMES = {"profile": "profile", "survivor": "profile", "part": "profile", "erased": "profile"}
_HIDDEN = "refused"
_ERASED = "erased"
_BY_NOTICE = (_ERASED, EXPIRED)


@dataclass(slots=True)
class _Found:
    """A page: rows to show, the ids by which the client knows their profiles, and the last position looked at.

    Of a profile that was erased these are also the ids it was given for what had been merged into it.
    """

    shown: list[ChangeRow]
    names: dict[int, tuple[str, ...]]
    last: int

    def unnamed(self) -> set[int]:
        """Profiles that the client is told of for the first time."""
        return {row.profile_id for row in self.shown} - self.names.keys()


def changes(gateway: Gateway, caller: Caller, after: int, limit: int) -> ChangePage:
    """Changes of profiles behind log position `after` (-1 for all), oldest first, about `limit` of them.

    A page may hold fewer, or none, of those that were looked at; `next` goes on behind them all the same.
    """
    caller.require(Role.CHANNEL, Role.DPO)
    limit = max(1, min(limit, MAX_PAGE))
    with gateway.storage.begin(caller.tenant_id, write=False) as unit:
        found = _read(gateway, caller, unit, after, limit)
    if found.unnamed():
        with gateway.storage.begin(caller.tenant_id, write=True, partition=False) as unit:
            unit.log.lock()
            found = _read(gateway, caller, unit, after, limit)
            new = outward_ids(unit, caller.client_id, found.unnamed(), gateway.clock.now())
            found.names.update({one: (text,) for one, text in new.items()})
            unit.commit()
    by_position: dict[int, list[ChangeRow]] = {}
    for row in found.shown:
        by_position.setdefault(row.position, []).append(row)
    views = tuple(_view(found.names, several) for _, several in sorted(by_position.items()))
    return ChangePage(views, found.last)


def _read(gateway: Gateway, caller: Caller, unit: UnitOfWork, after: int, limit: int) -> _Found:
    """Steps 1 and 2, and the ids that the client has."""
    check_store(gateway, unit, merging=False)
    rows = unit.disclosures.changes_after(after, limit)
    shown = [row for row in rows if row.kind not in (_HIDDEN, *_BY_NOTICE)]
    if caller.role is Role.CHANNEL:
        shown = _known(unit, caller.channel, shown)
    shown += _ends(unit, caller, [row for row in rows if row.kind in _BY_NOTICE])
    own = unit.outward.ids(caller.client_id, {row.profile_id for row in shown})
    names: dict[int, tuple[str, ...]] = {one: (to_text(raw),) for one, raw in own.items()}
    for one, raw in unit.outward.aliases(caller.client_id, {row.profile_id for row in shown if row.kind == _ERASED}):
        names[one] = (*names.get(one, ()), to_text(raw))
    return _Found(shown, names, max((row.position for row in rows), default=after))


def _known(unit: UnitOfWork, channel: str, rows: Sequence[ChangeRow]) -> list[ChangeRow]:
    """Rows of profiles that hold an identifier the channel sent, or into or out of which the change moved one."""
    members, _ = unit.profiles.load({row.profile_id for row in rows})
    openings = unit.log.openings_at({row.position for row in rows})
    moved = {at: identifiers_in(raw) for at, raw in openings.items()}
    concerned = {member.identifier_id for member in members}.union(*moved.values())
    sent = unit.records.sent_by(channel, concerned)
    homes = {member.profile_id for member in members if member.identifier_id in sent}
    return [row for row in rows if row.profile_id in homes or _touches(row, moved, sent)]


def _touches(row: ChangeRow, moved: Mapping[int, AbstractSet[int]], sent: AbstractSet[int]) -> bool:
    return not moved.get(row.position, frozenset[int]()).isdisjoint(sent)


def _ends(unit: UnitOfWork, caller: Caller, rows: Sequence[ChangeRow]) -> list[ChangeRow]:
    """Erased profiles, and those in which something expired: a channel reads of those it knew, the officer of all that
    were erased.
    """
    leaves = {at: parse_leaf(leaf) for at, leaf in unit.log.leaves_at({row.position for row in rows}).items()}
    officer = caller.role is Role.DPO
    meant = {
        at
        for at, leaf in leaves.items()
        if leaf.facts.get("step") == (CASCADE if officer else NOTICE) and (officer or leaf.channel == caller.channel)
    }
    return [row for row in rows if row.position in meant]


def _view(names: Mapping[int, tuple[str, ...]], rows: Sequence[ChangeRow]) -> ChangeView:
    named: dict[str, tuple[str, ...]] = {}
    for row in rows:
        role = _NAMES.get(row.role, row.role)
        named[role] = (*named.get(role, ()), *names[row.profile_id])
    return ChangeView(rows[0].position, rows[0].kind, named, rows[0].made_at)
