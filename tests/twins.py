"""Two gateways with the same keys, clients and clock live the same history, one without somebody; dumps compare them.

`dump` shows a tenant's tables without what is drawn at random or says where in the log something stands: identifiers
stand by their pseudonyms, profiles by their members, ledger events by what they say.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
from hypothesis import strategies as st

from gateway.audit.commitments import open_disclosure
from gateway.flows.messages import ConsentAssertion, IncomingRecord
from gateway.kernel.clock import DAY, SECOND
from gateway.storage.schema import metadata
from gateway.storage.unit_of_work import UnitOfWork
from tests.rights_simulator import Office, look_up
from tests.simulator import MATCHING, NOW, SimulatedGateway, TenantSimulator

SHARED = ("phone:90", "phone:91", "household_id:h")
OWN = ("email", "customer_id", "phone", "cookie", "device_id")
ASIDE = ("personalization", "sale", "analytics")


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody is seen by a channel: record number, kinds of their own identifiers, shared ones, what they say.

    Unless they are `silent` they consent to matching.
    """

    person: str
    number: int
    own: tuple[str, ...]
    shared: tuple[str, ...] = ()
    says: tuple[tuple[str, str], ...] = ()
    gpc: bool = False
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """Somebody states a consent event."""

    person: str
    kind: str
    purpose: str


@dataclass(frozen=True, slots=True)
class Question:
    """A channel asks for somebody's profile."""

    person: str
    purpose: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What one client sends at once."""

    client: str
    visits: tuple[Visit, ...]


Step = Batch | Word | Question


@dataclass(frozen=True, slots=True)
class Template:
    """A directory with a migrated store, keys, a tenant with its clients and an officer; never written again."""

    home: Path
    tenant_id: int
    office: Office

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:  # noqa: ANN401, FBT001 - as hypothesis calls it
        """A failing test shows its history, not everything that is in a gateway."""
        printer.text("template")

    @classmethod
    def made(cls, url: str, home: Path) -> Template:
        """Make one in `home`, where the SQLite database at `url` is."""
        with SimulatedGateway.opened(url, home) as site:
            office = Office.of(site.tenant())
        return cls(home, office.tenant.tenant_id, office)

    @contextmanager
    def copied(self, home: Path) -> Iterator[Office]:
        """A copy in the new directory `home`, opened; phones are shared from two people on."""
        shutil.copytree(self.home, home)
        with SimulatedGateway.opened(f"sqlite:///{home / 'gateway.db'}", home) as site:
            tenant = TenantSimulator(site.gateway, site.clock, self.tenant_id, self.office.tenant.callers)
            tenant.limited(phone=replace(site.gateway.policies.kinds["phone"], shared_above=1))
            yield Office(tenant, self.office.officer)


def live(tenant: TenantSimulator, history: Sequence[Step], without: str = "") -> None:
    """Let a history happen, a second a step; `without` somebody it happens all the same.

    What only public records share is not somebody else's (anybody can send one), so these share nothing here.
    """
    for at, step in enumerate(history):
        tenant.clock.advance(SECOND)
        if isinstance(step, Batch):
            seen = [(visit, place) for place, visit in enumerate(step.visits) if visit.person != without]
            shared = step.client != "web"
            tenant.send(
                step.client,
                *[_record(tenant, visit, _moment(visit, at, place), shared=shared) for visit, place in seen],
            )
        elif step.person == without:
            continue
        elif isinstance(step, Word):
            tenant.state("callcentre", step.kind, f"email:{step.person}", purpose=step.purpose, at=_moment(step, at))
        else:
            look_up(tenant, "store", f"email:{step.person}", purpose=step.purpose)


def _record(tenant: TenantSimulator, visit: Visit, moment: int, *, shared: bool) -> IncomingRecord:
    says = [*(() if visit.silent else (("grant", MATCHING),)), *visit.says]
    labels = [f"{kind}:{_name(kind, visit.person)}" for kind in visit.own]
    return tenant.record(
        f"{visit.person}{visit.number}",
        *labels,
        *(visit.shared if shared else ()),
        at=moment,
        consents=[ConsentAssertion(kind, purpose, moment) for kind, purpose in says],
        gpc=visit.gpc,
    )


def _moment(step: Visit | Word, at: int, place: int = 0) -> int:
    """Nothing happens at the same moment as anything else: events are told apart by what they say and when."""
    return NOW - 9 * DAY + at * SECOND + place * 26 + ord(step.person) - ord("a")


def _name(kind: str, person: str) -> str:
    return str(ord(person)) if kind == "phone" else person


def own_labels(person: str) -> list[str]:
    """All identifiers of one person."""
    return [f"{kind}:{_name(kind, person)}" for kind in OWN]


def visits(person: str, *, shares: bool, leaves: bool) -> st.SearchStrategy[Visit]:
    """Visits of somebody: always with their e-mail; the phone that is theirs alone is among their own kinds.

    Who `leaves` says no to nothing over what is shared: while nobody else's record holds it, the word is on it to stay.
    """
    others = st.sets(st.sampled_from(OWN[1:]), max_size=3).map(lambda kinds: ("email", *sorted(kinds)))
    shared = st.sets(st.sampled_from(SHARED), max_size=2).map(lambda labels: tuple(sorted(labels)))
    aside = st.lists(st.tuples(st.sampled_from(("grant", "deny")), st.sampled_from(ASIDE)), max_size=2).map(tuple)
    alone = st.builds(Visit, st.just(person), st.integers(0, 3), others, st.just(()), aside, st.booleans())
    silent = st.integers(0, 4).map(lambda drawn: drawn == 1)
    if leaves:
        aside = st.lists(st.tuples(st.just("grant"), st.sampled_from(ASIDE)), max_size=2).map(tuple)
    together = st.builds(Visit, st.just(person), st.integers(0, 3), others, shared, aside, st.just(value=False), silent)
    return st.one_of(alone, together, together) if shares else alone


def histories(people: str, *, shares: bool) -> st.SearchStrategy[list[Step]]:
    """Histories of `people`, the last of whom keeps to themselves and may withdraw; the first may always."""
    recluse = people[-1]
    batch = st.builds(
        Batch,
        st.sampled_from(("store", "app", "callcentre", "web")),
        st.lists(
            st.sampled_from(people).flatmap(
                lambda one: visits(one, shares=shares and one != recluse, leaves=one == people[0])
            ),
            min_size=1,
            max_size=5,
        ).map(tuple),
    )
    aside = st.builds(
        Word,
        st.sampled_from(people),
        st.sampled_from(("grant", "deny", "withdraw", "opt_out", "object")),
        st.sampled_from(ASIDE),
    )
    leave = st.builds(Word, st.sampled_from((people[0], recluse)), st.just("withdraw"), st.just(MATCHING))
    question = st.builds(Question, st.sampled_from(people), st.sampled_from((MATCHING, "personalization")))
    return st.lists(st.one_of(batch, batch, batch, aside, leave, question), min_size=2, max_size=12)


LEFT_OUT = frozenset(
    {
        *("tombstone", "log_entry", "log_node", "log_opening", "head", "checkpoint", "decision_batch"),
        *("right_request", "right_subject", "right_step", "right_package"),
        "refusal_fact",
    }
)
"""What an erasure may leave behind, and the log. A refusal of somebody else that named an event which was written again
can be opened no more.
"""

Dump = dict[str, list[Any]]


def dump(tenant: TenantSimulator) -> Dump:
    """All other tables, each as sorted rows."""
    with tenant.reading() as unit:
        rows = {
            table.name: _rows(unit, table.name, [column.name for column in table.columns])
            for table in metadata.sorted_tables
            if table.name not in LEFT_OUT
        }
    reader = _Reader(rows)
    shown = {name: getattr(reader, name, reader.plain)(several) for name, several in rows.items()}
    return {name: sorted(several, key=repr) for name, several in shown.items()}


def _rows(unit: UnitOfWork, table: str, columns: Sequence[str]) -> list[dict[str, Any]]:
    where = " WHERE tenant_id = ?" if "tenant_id" in columns else ""
    sql = f'SELECT {", ".join(columns)} FROM "{table}"{where}'  # noqa: S608 - names come from the schema
    return [dict(zip(columns, row, strict=True)) for row in unit.session.rows(sql, [unit.tenant_id] if where else [])]


class _Reader:
    """Rows of one table, by its name, without what is random."""

    def __init__(self, rows: Mapping[str, list[dict[str, Any]]]) -> None:
        self.who = {row["identifier_id"]: row["token"].hex()[:8] for row in rows["pseudonym"]}
        self.tokens = {row["record_id"]: row["token"].hex()[:8] for row in rows["record"]}
        self.places = {(row["batch_id"], row["place"]): row["record_id"] for row in rows["record"]}
        self.events = {row["position"]: (row["kind"], row["purpose"], row["occurred_at"]) for row in rows["ledger"]}
        self.ended = {row["profile_id"] for row in rows["change"] if row["kind"] == "erased"}
        members: dict[int, set[str]] = {}
        for row in rows["membership"]:
            members.setdefault(row["profile_id"], set()).add(self.who[row["identifier_id"]])
        self.members = {one: tuple(sorted(several)) for one, several in members.items()}

    def plain(self, rows: list[dict[str, Any]]) -> list[Any]:
        return [tuple(row.items()) for row in rows]

    def pseudonym(self, rows: list[dict[str, Any]]) -> list[Any]:
        return [(row["token"].hex(), row["kind"], row["namespace"], row["chain"]) for row in rows]

    def profile(self, rows: list[dict[str, Any]]) -> list[Any]:
        return [(self.members[row["profile_id"]], row["graph"], row["regimes"]) for row in rows]

    def membership(self, rows: list[dict[str, Any]]) -> list[Any]:
        return [(row["graph"], self.who[row["identifier_id"]], row["kind"]) for row in rows]

    def demotion(self, rows: list[dict[str, Any]]) -> list[Any]:
        return [(row["graph"], self.who[row["identifier_id"]], row["by_trusted"], row["by_public"]) for row in rows]

    def record(self, rows: list[dict[str, Any]]) -> list[Any]:
        random = {"record_id", "batch_id", "place", "basis"}
        return [
            (
                *((name, value) for name, value in row.items() if name not in random),
                sorted(self.events[int(at)] for at in row["basis"].split()) if row["active"] else (),
            )
            for row in rows
        ]

    def link(self, rows: list[dict[str, Any]]) -> list[Any]:
        return [
            (self.tokens[row["record_id"]], row["ordinal"], self.who[row["identifier_id"]], row["linking"], row["cut"])
            for row in rows
        ]

    def decision(self, rows: list[dict[str, Any]]) -> list[Any]:
        shown = []
        for row in rows:
            _, value = open_disclosure(row["disclosure"])
            assert isinstance(value, dict)
            if value["permitted"]:
                told = [value[name] for name in ("at", "purpose", "regimes", "rule", "reason")]
                shown.append((self.tokens[self.places[row["batch_id"], row["place"]]], orjson.dumps(told)))
        return shown

    def ledger(self, rows: list[dict[str, Any]]) -> list[Any]:
        by_profile = ("purpose", "kind", "occurred_at", "derived")
        stated = (*by_profile, "known_at", "expires_at", "regimes", "basis", "channel", "client_id", "verified")
        return [
            (self.who[row["identifier_id"]], *(row[name] for name in (by_profile if row["derived"] else stated)))
            for row in rows
        ]

    def change(self, rows: list[dict[str, Any]]) -> list[Any]:
        shown = [row for row in rows if row["kind"] != "erased"]
        return [(self.members.get(row["profile_id"]), row["kind"], row["role"], row["made_at"]) for row in shown]

    def outward_id(self, rows: list[dict[str, Any]]) -> list[Any]:
        """But for the ids by which recipients are told that a profile ended."""
        return [
            (self.members.get(row["merged_into"] or row["profile_id"]), row["client_id"], row["made_at"])
            for row in rows
            if self.ended.isdisjoint((row["profile_id"], row["merged_into"]))
        ]

    def disclosure(self, rows: list[dict[str, Any]]) -> list[Any]:
        return [(self.members.get(row["profile_id"]), row["client_id"], row["purpose"], row["made_at"]) for row in rows]
