"""One tenant, driven through public flows alone: what channels send, what the store then says, whether all of it fits.

    with SimulatedGateway.opened(url, home) as site:       on a migrated store, with a clock that stands
        tenant = site.tenant()                              a tenant with four clients; many fit in one store
        tenant.send("store", tenant.record("r1", "email:anna", "phone:1"))
        assert tenant.partition() == {frozenset({"email:anna", "phone:1"})}
        tenant.verify()                                     at the end of every test

Identifiers are written as labels, `kind:name`; the simulator makes a raw value of each and finds it again in the
store by its pseudonym, as the tenant's keys have it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from gateway.audit.merkle import leaf_hash, root_of
from gateway.consent.authority import LEDGER_SCOPES
from gateway.consent.ledger import LedgerView
from gateway.consent.model import RESTRICTIVE, EventKind
from gateway.flows.admin import create_client, create_tenant
from gateway.flows.context import Caller, Gateway, Role
from gateway.flows.fsck import fsck
from gateway.flows.ingest import ingest
from gateway.flows.messages import ConsentAssertion, IncomingRecord, Problem, RecordResult
from gateway.flows.record_consent import record_consent
from gateway.flows.requests import ConsentEventInput
from gateway.flows.views import ConsentResult
from gateway.identifiers.digests import digests_of
from gateway.identifiers.model import RawIdentifier
from gateway.identifiers.pseudonyms import Pseudonymizer
from gateway.kernel.clock import DAY, HOUR, ManualClock
from gateway.outbound.journal import Journal
from gateway.outbound.keyfile import FileRootKey
from gateway.outbound.keyring import Keyring
from gateway.policy.model import KindRule, PolicySet
from gateway.profiles.closure import evidence_of
from gateway.profiles.model import Partition
from gateway.profiles.partition import partition
from gateway.settings import Settings
from gateway.storage.engine import open_engine
from gateway.storage.records import RecordRow
from gateway.storage.unit_of_work import Storage, UnitOfWork
from tests.loaded import load
from tests.notices import register, shown

NOW = 1_795_500_000_000  # 2026-11-24
MATCHING = "identity_resolution"
CHANNELS = {"store": "trusted", "app": "trusted", "callcentre": "trusted", "web": "public"}
"""The clients of every tenant, each named after its channel, and their classes."""

_ROOT_KEY = bytes(range(32))
_NUMBERS = itertools.count(1)


def raw(label: str) -> RawIdentifier:
    """`kind:name` -> a raw value that the kind's normalizer takes; the names of phones are numbers."""
    kind, _, name = label.partition(":")
    if kind == "email":
        return RawIdentifier(kind, f"{name}@shop.example")
    if kind == "phone":
        return RawIdentifier(kind, f"+49171392{int(name):05d}")
    return RawIdentifier(kind, f"{kind}-{name}")


def grant(purpose: str = MATCHING, *, at: int = NOW - DAY) -> ConsentAssertion:
    """A consent to `purpose`, given at `at`."""
    return ConsentAssertion("grant", purpose, at)


def without_device_access(policies: PolicySet) -> PolicySet:
    """The set as it is for people whose every device may be read: that it asks for this has tests of its own."""
    everyone = {name for name, regime in policies.regimes.items() if regime.subjects == "everyone"}
    left = {
        code: tuple(name for name in names if name in everyone)
        for code, names in policies.regimes_by_jurisdiction.items()
    }
    strictest = tuple(name for name in policies.strictest if name in everyone)
    return replace(policies, regimes_by_jurisdiction=left, strictest=strictest)


@dataclass(frozen=True, slots=True)
class SimulatedGateway:
    """A gateway on a store of its own, and the clock that moves it."""

    gateway: Gateway
    clock: ManualClock

    @classmethod
    @contextmanager
    def opened(cls, url: str, home: Path) -> Iterator[SimulatedGateway]:
        """A gateway under the shipped policies on the migrated database at `url`; keys and journal are in `home`."""
        settings = Settings.from_environment({"GATEWAY_HOME": str(home), "GATEWAY_DATABASE_URL": url})
        clock = ManualClock(NOW)
        gateway = Gateway(
            storage=Storage(open_engine(url)),
            policies=without_device_access(load(settings.policies)),
            keys=Keyring(settings.keyring, FileRootKey(_ROOT_KEY)),
            journal=Journal(settings.journal),
            clock=clock,
            controller="Shop",
        )
        try:
            yield cls(gateway, clock)
        finally:
            gateway.storage.engine.dispose()

    def anew(self) -> SimulatedGateway:
        """The same gateway with a clock of its own, which stands at the beginning."""
        clock = ManualClock(NOW)
        return SimulatedGateway(replace(self.gateway, clock=clock), clock)

    def tenant(self) -> TenantSimulator:
        """A new tenant."""
        tenant_id = create_tenant(self.gateway, f"shop-{next(_NUMBERS)}")
        register(self.gateway, tenant_id)
        callers: dict[str, Caller] = {}
        for channel, client_class in CHANNELS.items():
            seen = client_class == "trusted"
            row, _ = create_client(
                self.gateway,
                tenant_id,
                name=channel,
                role=Role.CHANNEL,
                channel=channel,
                client_class=client_class,
                outcomes=seen,
            )
            callers[channel] = Caller(
                tenant_id, row.client_id, channel, Role.CHANNEL, channel, client_class, outcomes=seen
            )
        return TenantSimulator(self.gateway, self.clock, tenant_id, callers)


@dataclass(slots=True)
class TenantSimulator:
    """One tenant. `labels` are all identifiers it was ever sent."""

    gateway: Gateway
    clock: ManualClock
    tenant_id: int
    callers: Mapping[str, Caller]
    labels: set[str] = field(default_factory=set)

    def limited(self, **rules: KindRule) -> None:
        """From now on these kinds have these rules instead of the shipped ones."""
        policies = self.gateway.policies
        self.gateway = replace(self.gateway, policies=replace(policies, kinds={**policies.kinds, **rules}))

    def record(
        self,
        record_id: str,
        *labels: str,
        at: int = NOW - HOUR,
        jurisdiction: str | None = "DE",
        consents: Sequence[ConsentAssertion] | None = None,
        gpc: bool = False,
    ) -> IncomingRecord:
        """A record of these identifiers; it brings a grant of the day before unless `consents` says otherwise."""
        self.labels.update(labels)
        stated = (grant(),) if consents is None else tuple(consents)
        identifiers = tuple(raw(label) for label in labels)
        return IncomingRecord(record_id, at, identifiers, jurisdiction, MATCHING, stated, gpc)

    def send(self, client: str, *records: IncomingRecord | Problem) -> list[RecordResult]:
        """Send one batch as `client`."""
        named = [
            replace(one, consents=tuple(map(shown, one.consents))) if isinstance(one, IncomingRecord) else one
            for one in records
        ]
        return ingest(self.gateway, self.callers[client], named)

    def outcomes(self, client: str, *records: IncomingRecord | Problem) -> list[str]:
        """Send one batch as `client` -> the outcomes alone."""
        return [result.outcome for result in self.send(client, *records)]

    def state(
        self,
        client: str,
        kind: str,
        *labels: str,
        purpose: str = MATCHING,
        at: int | None = None,
        jurisdiction: str | None = "DE",
    ) -> ConsentResult:
        """`client` states one consent event about the person with these identifiers; now, unless `at` says when."""
        said = ConsentAssertion(kind, purpose, self.clock.now() if at is None else at)
        return self.state_all(client, said, *labels, jurisdiction=jurisdiction)

    def state_all(
        self, client: str, said: ConsentAssertion, *labels: str, jurisdiction: str | None = "DE"
    ) -> ConsentResult:
        """As `state`, with everything that can be said of the event."""
        self.labels.update(labels)
        event = ConsentEventInput(tuple(raw(label) for label in labels), shown(said), jurisdiction)
        (result,) = record_consent(self.gateway, self.callers[client], [event])
        return result

    @contextmanager
    def reading(self) -> Iterator[UnitOfWork]:
        """A read-only look at the store."""
        with self.gateway.storage.begin(self.tenant_id, write=False) as unit:
            yield unit

    def ids(self, unit: UnitOfWork) -> dict[str, int]:
        """Labels -> surrogate ids of those that the store knows."""
        pseudonymizer = Pseudonymizer(self.gateway.keys.refresh(self.tenant_id), unit.log.head().chains)
        tokens: dict[bytes, str] = {}
        for label in self.labels:
            made = digests_of(raw(label), self.gateway.policies.kinds, None)
            tokens |= dict.fromkeys(pseudonymizer.all(made[:1])[0].tokens, label)
        return {tokens[token]: number for token, number in unit.identifiers.find(tokens).items()}

    def known(self) -> set[str]:
        """Labels of the identifiers that the store knows."""
        with self.reading() as unit:
            return set(self.ids(unit))

    def homes(self, graph: str = MATCHING) -> dict[str, int]:
        """Labels -> internal ids of the profiles they stand in."""
        with self.reading() as unit:
            ids, homes = self.ids(unit), unit.profiles.all_homes(graph)
        return {label: homes[number] for label, number in ids.items() if number in homes}

    def partition(self, graph: str = MATCHING) -> set[frozenset[str]]:
        """The profiles of a graph, each as the labels in it."""
        groups: dict[int, set[str]] = {}
        for label, home in self.homes(graph).items():
            groups.setdefault(home, set()).add(label)
        return {frozenset(group) for group in groups.values()}

    def ledger(self, label: str, purpose: str = MATCHING) -> str:
        """The event that decides for this identifier and purpose; "" where the ledger is silent."""
        with self.reading() as unit:
            number = self.ids(unit).get(label, 0)
            state = LedgerView(unit.ledger.facts([number])).state(number, purpose)
        return "" if state is None else str(state.kind)

    def counted(self, table: str) -> int:
        """Rows of this tenant in a table."""
        with self.reading() as unit:
            ((count,),) = unit.session.rows(f"SELECT COUNT(*) FROM {table} WHERE tenant_id = ?", [self.tenant_id])  # noqa: S608 - named by a test
        return int(count)

    def verify(self) -> None:
        """What must hold of every store at any time; then the gateway's own fsck."""
        with self.reading() as unit:
            check_log(unit)
            for graph in self.gateway.policies.graphs:
                check_partition(unit, graph, self.gateway.policies)
                check_restrictions(unit, graph, self.gateway.policies)
        report = fsck(self.gateway, self.tenant_id)
        assert [finding.rule for finding in report.findings] == []


def check_log(unit: UnitOfWork) -> None:
    """The tree formed anew from the leaves is the head's."""
    head = unit.log.head()
    leaves = [leaf for _, leaf in unit.log.entries(0, head.size + 1)]
    assert len(leaves) == head.size
    assert root_of([leaf_hash(leaf) for leaf in leaves]) == head.frontier.root()


def whole(unit: UnitOfWork, graph: str, policies: PolicySet) -> Partition:
    """The partition of a graph, recomputed from all its evidence."""
    links = unit.profiles.reader(graph).all_links()
    return partition(evidence_of(links), {link.identifier_id: policies.kinds[link.kind] for link in links})


def check_partition(unit: UnitOfWork, graph: str, policies: PolicySet) -> None:
    """The stored profiles, cuts and demotions are those of the whole recomputation."""
    right = whole(unit, graph, policies)
    stored: dict[int, set[int]] = {}
    for identifier, home in unit.profiles.all_homes(graph).items():
        stored.setdefault(home, set()).add(identifier)
    assert sorted(map(sorted, stored.values())) == sorted(map(sorted, right.groups().values()))
    reader = unit.profiles.reader(graph)
    links = reader.all_links()
    assert {(link.record_id, link.identifier_id) for link in links if link.cut} == right.cuts
    trusted, public = reader.demotions({link.identifier_id for link in links})
    assert trusted == right.demoted
    assert public == right.demoted_public


def check_restrictions(unit: UnitOfWork, graph: str, policies: PolicySet) -> None:
    """No active record stands against its person's word, and what binds a person stands on the whole profile."""
    reader = unit.profiles.reader(graph)
    kinds = {link.identifier_id: policies.kinds[link.kind] for link in reader.all_links()}
    ledger = LedgerView(unit.ledger.facts(kinds))
    shared, _ = reader.demotions(kinds)
    speaking = {one for one, rule in kinds.items() if rule.scope in LEDGER_SCOPES and one not in shared}
    for record in _records(unit, graph):
        for link in unit.records.links([record.record_id]):
            if link.identifier_id in speaking:
                state = ledger.state(link.identifier_id, record.purpose)
                assert state is None or state.kind == EventKind.EXPIRE or state.kind not in RESTRICTIVE
    profiles: dict[int, set[int]] = {}
    for one, home in unit.profiles.all_homes(graph).items():
        profiles.setdefault(home, set()).add(one)
    for members in profiles.values():
        for one, purpose in itertools.product(members & speaking, policies.purposes):
            for fact, other in itertools.product(ledger.binding(one, purpose), members & speaking):
                assert ledger.holds(other, fact._replace(purpose=purpose))


def _records(unit: UnitOfWork, graph: str) -> list[RecordRow]:
    links = unit.profiles.reader(graph).all_links()
    return unit.records.get({link.record_id for link in links})
