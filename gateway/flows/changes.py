"""Journey: the feed of what happened to profiles, with the caller's own ids for them."""

from __future__ import annotations

from gateway.flows.context import Caller, Gateway, Role, check_store
from gateway.flows.outward import outward_id
from gateway.flows.views import ChangePage, ChangeView
from gateway.storage.disclosures import ChangeRow

MAX_PAGE = 1000
_NAMES = {"profile": "profile", "survivor": "profile", "part": "profile", "erased": "profile"}
_HIDDEN = frozenset({"refused"})


def changes(gateway: Gateway, caller: Caller, after: int, limit: int) -> ChangePage:
    """Changes of profiles behind log position `after` (-1 for all), oldest first, about `limit` of them.

    A caller reads of profiles its channel has sent records for, or that were shown to it.
    """
    caller.require(Role.CHANNEL, Role.DPO)
    with gateway.storage.begin(caller.tenant_id, write=False) as unit:
        check_store(gateway, unit, merging=False)
        rows = unit.disclosures.changes_after(after, max(1, min(limit, MAX_PAGE)))
    by_position: dict[int, list[ChangeRow]] = {}
    for row in rows:
        if row.kind not in _HIDDEN:
            by_position.setdefault(row.position, []).append(row)
    views = []
    for position, several in sorted(by_position.items()):
        named: dict[str, tuple[str, ...]] = {}
        for row in several:
            role = _NAMES.get(row.role, row.role)
            named[role] = (*named.get(role, ()), outward_id(gateway, caller, row.profile_id))
        views.append(ChangeView(position, several[0].kind, named, several[0].made_at))
    return ChangePage(tuple(views), max((row.position for row in rows), default=after))
