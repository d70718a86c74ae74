"""The stored partition, and the evidence around a change (`gateway.profiles.closure.ClosureReader`)."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from gateway.profiles.closure import LinkRow
from gateway.profiles.engine import Plan
from gateway.profiles.model import Member, Profile
from gateway.storage import schema
from gateway.storage.session import Session


class ProfileStore:
    """Profiles of one tenant, per graph."""

    def __init__(self, session: Session, tenant_id: int) -> None:
        self._session = session
        self._tenant = tenant_id
        self.changes_applied = 0

    def home_of(self, graph: str, identifiers: Collection[int]) -> dict[int, int]:
        """Identifiers -> their profiles in `graph`."""
        sql = (
            "SELECT identifier_id, profile_id FROM membership WHERE tenant_id = ? AND graph = ?"
            " AND identifier_id {keys}"
        )
        return dict(self._session.rows_by_key(sql, identifiers, [self._tenant, graph]))

    def load(self, profile_ids: Collection[int]) -> tuple[list[Member], list[Profile]]:
        """Whole profiles: all members, and the rows."""
        members = "SELECT identifier_id, profile_id, kind FROM membership WHERE tenant_id = ? AND profile_id {keys}"
        rows = (
            "SELECT profile_id, age, regimes, irregular, outside, hanging FROM profile"
            " WHERE tenant_id = ? AND profile_id {keys}"
        )
        return (
            [Member._make(row) for row in self._session.rows_by_key(members, profile_ids, [self._tenant])],
            [
                Profile(one, age, frozenset(regimes.split()), bool(irregular), outside, bool(hanging))
                for one, age, regimes, irregular, outside, hanging in self._session.rows_by_key(
                    rows, profile_ids, [self._tenant]
                )
            ],
        )

    def living(self, profile_ids: Collection[int]) -> set[int]:
        """Which of these profiles there are."""
        sql = "SELECT profile_id FROM profile WHERE tenant_id = ? AND profile_id {keys}"
        return {one for (one,) in self._session.rows_by_key(sql, profile_ids, [self._tenant])}

    def all_homes(self, graph: str) -> dict[int, int]:
        """The whole partition of a graph; for fsck and recomputation."""
        sql = "SELECT identifier_id, profile_id FROM membership WHERE tenant_id = ? AND graph = ?"
        return dict(self._session.rows(sql, [self._tenant, graph]))

    def demotions(self, graph: str, identifiers: Collection[int]) -> tuple[set[int], set[int]]:
        """Which identifiers are demoted by trusted, and by public records."""
        if not self._any_demotion(graph):
            return set(), set()
        sql = (
            "SELECT identifier_id, by_trusted, by_public FROM demotion WHERE tenant_id = ? AND graph = ?"
            " AND identifier_id {keys}"
        )
        rows = self._session.rows_by_key(sql, identifiers, [self._tenant, graph])
        return {one for one, trusted, _ in rows if trusted}, {one for one, _, public in rows if public}

    def _any_demotion(self, graph: str) -> bool:
        sql = "SELECT 1 FROM demotion WHERE tenant_id = ? AND graph = ? LIMIT 1"
        return self._session.one(sql, [self._tenant, graph]) is not None

    def forget_demotions(self, identifiers: Collection[int]) -> int:
        """Erasure: remove what is noted of these identifiers -> rows removed."""
        sql = "DELETE FROM demotion WHERE tenant_id = ? AND identifier_id {keys}"
        return self._session.delete_by_key(sql, identifiers, [self._tenant])

    def reader(self, graph: str) -> GraphReader:
        """What `gateway.profiles.engine.plan` asks of the store."""
        return GraphReader(self._session, self._tenant, graph, self)

    def apply(self, graph: str, plan: Plan, kinds: Iterable[tuple[int, str]], position: int) -> None:
        """Write a plan; new profiles take `position` (a place in the log) as their age."""
        self.changes_applied += len(plan.changes)
        self._move(graph, plan, dict(kinds))
        known = "DELETE FROM profile WHERE tenant_id = ? AND profile_id {keys}"
        changed = [one for one, row in plan.profiles.items() if row.age >= 0]
        self._session.delete_by_key(known, [*plan.ended, *changed], [self._tenant])
        rows = [
            (
                self._tenant,
                one,
                graph,
                row.age if row.age >= 0 else position,
                " ".join(sorted(row.regimes)),
                row.irregular,
                row.outside,
                row.hanging,
            )
            for one, row in plan.profiles.items()
        ]
        self._session.insert(schema.profile, rows)
        cut = "UPDATE link SET cut = ? WHERE tenant_id = ? AND record_id = ? AND identifier_id = ?"
        self._session.run_many(cut, [(now, self._tenant, *edge) for edge, now in plan.cuts.items()])
        self._demote(graph, plan)

    def _move(self, graph: str, plan: Plan, kinds: dict[int, str]) -> None:
        leaving = "DELETE FROM membership WHERE tenant_id = ? AND graph = ? AND identifier_id {keys}"
        gone = plan.homeless | (plan.moved.keys() - plan.fresh)
        self._session.delete_by_key(leaving, gone, [self._tenant, graph])
        rows = [(self._tenant, graph, one, home, kinds[one]) for one, home in sorted(plan.moved.items())]
        self._session.insert(schema.membership, rows)

    def _demote(self, graph: str, plan: Plan) -> None:
        touched = plan.demoted.keys() | plan.demoted_public.keys()
        if not touched:
            return
        trusted, public = self.demotions(graph, touched)
        sql = "DELETE FROM demotion WHERE tenant_id = ? AND graph = ? AND identifier_id {keys}"
        self._session.delete_by_key(sql, touched, [self._tenant, graph])
        rows = [
            (
                self._tenant,
                graph,
                one,
                plan.demoted.get(one, one in trusted),
                plan.demoted_public.get(one, one in public),
            )
            for one in touched
        ]
        self._session.insert(schema.demotion, [row for row in rows if row[3] or row[4]])


class GraphReader:
    """Reads the evidence of one graph around a change."""

    def __init__(self, session: Session, tenant_id: int, graph: str, profiles: ProfileStore) -> None:
        self._session = session
        self._tenant = tenant_id
        self._graph = graph
        self._profiles = profiles

    def links_around(self, identifiers: Collection[int], *, trusted_only: bool) -> list[LinkRow]:
        """All linking links of all active records that assert any of `identifiers`."""
        sql = "SELECT DISTINCT record_id FROM link WHERE tenant_id = ? AND linking AND identifier_id {keys}"
        asserting = [one for (one,) in self._session.rows_by_key(sql, identifiers, [self._tenant])]
        return self._links(asserting, trusted_only=trusted_only)

    def all_links(self) -> list[LinkRow]:
        """Every linking link of the graph; for the whole recomputation."""
        sql = "SELECT record_id FROM record WHERE tenant_id = ? AND graph = ? AND active"
        everything = [one for (one,) in self._session.rows(sql, [self._tenant, self._graph])]
        return self._links(everything, trusted_only=False)

    def _links(self, record_ids: Collection[int], *, trusted_only: bool) -> list[LinkRow]:
        records = (
            "SELECT record_id, trusted, observed_at, content, regimes FROM record"
            " WHERE tenant_id = ? AND active AND graph = ? AND (trusted OR NOT ?) AND record_id {keys}"
        )
        rows = self._session.rows_by_key(records, record_ids, [self._tenant, self._graph, trusted_only])
        told = {
            record: (bool(trusted), observed, bytes(content), regimes)
            for record, trusted, observed, content, regimes in rows
        }
        links = (
            "SELECT record_id, identifier_id, kind, ordinal, value, forms, cut FROM link"
            " WHERE tenant_id = ? AND linking AND record_id {keys}"
        )
        return [
            LinkRow(record, one, kind, ordinal, value, forms, bool(cut), *told[record])
            for record, one, kind, ordinal, value, forms, cut in self._session.rows_by_key(links, told, [self._tenant])
        ]

    def homes(self, identifiers: Collection[int]) -> tuple[list[Member], list[Profile]]:
        """The profiles of `identifiers`, each with all its members."""
        found = self._profiles.home_of(self._graph, identifiers)
        return self._profiles.load(set(found.values()))

    def demotions(self, identifiers: Collection[int]) -> tuple[set[int], set[int]]:
        """Which of `identifiers` are demoted by trusted, and by public records."""
        return self._profiles.demotions(self._graph, identifiers)
