"""The ids by which recipients know profiles: drawn at random at the first disclosure, one per recipient and profile.

A row belongs for good to the profile it was made for; `merged_into` is the profile that this one went into whole, which
its id names from then on, as an alias.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from gateway.storage import schema
from gateway.storage.session import Session


class NamedProfile(NamedTuple):
    """The living profile that an id names, and its graph; `alias` where the id was given for one merged into it."""

    profile_id: int
    graph: str
    alias: bool


class OutwardStore:
    """Outward ids of one tenant's recipients."""

    def __init__(self, session: Session, tenant_id: int) -> None:
        self._session = session
        self._tenant = tenant_id

    def ids(self, client_id: int, profile_ids: Collection[int]) -> dict[int, bytes]:
        """Profiles -> the recipient's own ids of those it was told of."""
        sql = "SELECT profile_id, outward FROM outward_id WHERE tenant_id = ? AND client_id = ? AND profile_id {keys}"
        rows = self._session.rows_by_key(sql, profile_ids, [self._tenant, client_id])
        return {one: bytes(outward) for one, outward in rows}

    def aliases(self, client_id: int, profile_ids: Collection[int]) -> list[tuple[int, bytes]]:
        """Profiles -> (profile, the recipient's id for one that was merged into it), in a fixed order."""
        sql = "SELECT merged_into, outward FROM outward_id WHERE tenant_id = ? AND client_id = ? AND merged_into {keys}"
        rows = self._session.rows_by_key(sql, profile_ids, [self._tenant, client_id])
        return sorted((one, bytes(outward)) for one, outward in rows)

    def find(self, client_id: int, outward: Collection[bytes]) -> dict[bytes, NamedProfile]:
        """A recipient's ids -> the living profiles they name; withdrawn, foreign and unknown ids are left out."""
        sql = (
            "SELECT o.outward, p.profile_id, p.graph, o.merged_into IS NOT NULL FROM outward_id o CROSS JOIN profile p"
            " WHERE p.tenant_id = o.tenant_id AND p.profile_id = COALESCE(o.merged_into, o.profile_id)"
            " AND o.tenant_id = ? AND o.client_id = ? AND o.outward {keys}"
        )
        rows = self._session.rows_by_key(sql, outward, [self._tenant, client_id])
        return {bytes(one): NamedProfile(profile, graph, bool(alias)) for one, profile, graph, alias in rows}

    def add(self, client_id: int, ids: Mapping[int, bytes], made_at: int) -> None:
        """Note the ids under which a recipient is told of profiles for the first time."""
        self._session.insert(
            schema.outward_id,
            [(self._tenant, one, client_id, outward, None, made_at) for one, outward in sorted(ids.items())],
        )

    def follow(self, absorbed: Mapping[int, int], parted: Collection[int]) -> None:
        """After a change of the partition: ids of `absorbed` profiles become aliases of what these went into, aliases
        of `parted` ones are withdrawn.
        """
        withdraw = "UPDATE outward_id SET merged_into = NULL WHERE tenant_id = ? AND merged_into {keys}"
        self._session.delete_by_key(withdraw, parted, [self._tenant])
        moves = [(into, self._tenant, one) for one, into in absorbed.items()]
        for column in ("merged_into", "profile_id"):
            sql = f"UPDATE outward_id SET merged_into = ? WHERE tenant_id = ? AND {column} = ?"  # noqa: S608 - of the two above
            self._session.run_many(sql, moves)

    def erase(self, profile_ids: Collection[int], told: Collection[int]) -> int:
        """Remove the ids of erased profiles -> how many; those stay by which the notice of the end names the `told`."""
        aliases = "SELECT profile_id FROM outward_id WHERE tenant_id = ? AND merged_into {keys}"
        kept = {one for (one,) in self._session.rows_by_key(aliases, told, [self._tenant])}.union(told)
        sql = "DELETE FROM outward_id WHERE tenant_id = ? AND profile_id {keys}"
        return self._session.delete_by_key(sql, [one for one in profile_ids if one not in kept], [self._tenant])
