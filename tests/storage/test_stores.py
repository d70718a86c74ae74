"""Stores of people's data: what goes in comes out, on both back ends, and only of the tenant it belongs to."""

from __future__ import annotations

from gateway.consent.model import Fact
from gateway.profiles.engine import Plan
from gateway.profiles.model import Change, Member, Profile
from gateway.storage.disclosures import ChangeRow, DisclosureRow
from gateway.storage.identifiers import StoredIdentifier
from gateway.storage.imports import ImportRow
from gateway.storage.ledger import LedgerRow
from gateway.storage.log import LogStore
from gateway.storage.notices import NoticeRow, NoticeVersion
from gateway.storage.outward import NamedProfile
from gateway.storage.records import RecordRow, StoredLink
from gateway.storage.tombstones import Tombstone
from gateway.storage.unit_of_work import Storage, UnitOfWork

GRAPH = "identity_resolution"
MAIL = StoredIdentifier(b"\x00" * 32, 11, "email", "", 1)
PHONE = StoredIdentifier(b"\xff" * 32, 12, "phone", "", 1)
STEAM = StoredIdentifier(b"\x27" * 32, 13, "platform_id", "steam", 1)


def event(
    identifier: int, position: int, at: int = 100, known: int = 200, channel: str = "web", site: str = ""
) -> LedgerRow:
    return LedgerRow(
        identifier_id=identifier,
        position=position,
        purpose=GRAPH,
        kind="grant",
        occurred_at=at,
        known_at=known,
        expires_at=None,
        regimes="gdpr",
        basis="consent",
        channel=channel,
        client_id=7,
        method="form",
        notice="n-1",
        verified=True,
        derived=False,
        site=site,
    )


def record(number: int, *, trusted: bool = True) -> RecordRow:
    return RecordRow(
        record_id=number,
        token=number.to_bytes(32, "big"),
        content=b"\x01" * 16,
        graph=GRAPH,
        purpose=GRAPH,
        client_id=7,
        channel="web",
        trusted=trusted,
        observed_at=1000 + number,
        received_at=2000,
        regimes="gdpr ccpa",
        rule="exact",
        basis="1 2",
        batch_id=5,
        place=number,
        active=True,
    )


def link(identifier: int, number: int, ordinal: int = 0, *, linking: bool = True) -> StoredLink:
    return StoredLink(identifier, number, "email", ordinal, linking, cut=False, value=ordinal, forms=1)


def with_evidence(unit: UnitOfWork) -> None:
    """Record 1 asserts 11 and 12, record 2 asserts 12 and 13, record 3, of a public client, 13 alone."""
    unit.records.add(
        [record(1), record(2), record(3, trusted=False)],
        [link(11, 1), link(12, 1, 1), link(12, 2), link(13, 2, 1), link(13, 3)],
    )


def test_identifiers(storage: Storage) -> None:
    with storage.begin(1, write=True) as unit:
        unit.identifiers.add([PHONE, STEAM, MAIL])
        unit.commit()
    with storage.begin(1, write=True) as unit:
        assert unit.identifiers.find([MAIL.token, b"?" * 32]) == {MAIL.token: 11}
        assert unit.identifiers.describe([12, 99]) == [PHONE]
        assert sorted(unit.identifiers.all()) == sorted([MAIL, PHONE, STEAM])
        assert unit.identifiers.delete([11, 12, 99]) == 2
        assert list(unit.identifiers.all()) == [STEAM]


def test_ledger(storage: Storage) -> None:
    rows = [event(11, 3), event(12, 3), event(11, 4, at=150, known=250, channel="app")]
    with storage.begin(1, write=True) as unit:
        unit.ledger.append(rows)
        assert sorted(unit.ledger.rows([11, 12])) == sorted(rows)
        facts = unit.ledger.facts([12])
        assert facts == [Fact(12, GRAPH, "grant", 100, 3, None, "consent", verified=True, derived=False)]
        assert {fact.position for fact in unit.ledger.facts_at([11], as_of=149, known_at=300)} == {3}
        assert {fact.position for fact in unit.ledger.facts_at([11], as_of=150, known_at=249)} == {3}
        assert {fact.position for fact in unit.ledger.facts_at([11], as_of=150, known_at=250)} == {3, 4}
        assert unit.ledger.stated_by("app", [11, 12]) == {11}
        assert sorted(unit.ledger.positions([11, 12])) == [3, 4]
        assert unit.ledger.erase([3]) == 2
        assert unit.ledger.positions([11, 12]) == [4]


def test_texts_of_signals_and_openings_of_refusals_go_with_their_events(storage: Storage) -> None:
    with storage.begin(1, write=True) as unit:
        unit.ledger.append([event(11, 3, site="web"), event(11, 4)])
        assert {fact.site for fact in unit.ledger.facts([11])} == {"web", ""}
        unit.ledger.keep_signals({3: b"sealed", 4: b"another"})
        assert unit.ledger.signals([3, 4, 9]) == {3: b"sealed", 4: b"another"}
        unit.disclosures.add_decisions(5, 2, b"\x00" * 96, [(0, "no"), (1, "yes"), (2, "never")], [(3, 0), (4, 2)])
        assert unit.ledger.erase([3]) == 1
        assert unit.ledger.signals([3, 4]) == {4: b"another"}
        assert unit.disclosures.decisions(5) == [(1, "yes"), (2, "never")]
        assert unit.session.rows("SELECT position, batch_id, place FROM refusal_fact WHERE tenant_id = 1") == [
            (4, 5, 2)
        ]


def test_notices(storage: Storage) -> None:
    first = NoticeRow("banner", "1", "de en", "analytics sale", "sha256:00", "We ask.", 100, None)
    second = first._replace(version="2", in_force_from=200, in_force_to=300)
    with storage.begin(1, write=True) as unit:
        for row in (second, first):
            unit.notices.add(row)
        assert unit.notices.end("banner", "1", 200) == 1
        assert unit.notices.end("banner", "1", 250) == 0
        assert unit.notices.end("banner", "3", 250) == 0
        ended = first._replace(in_force_to=200)
        assert unit.notices.all() == [ended, second]
        assert unit.notices.versions() == [
            NoticeVersion(row.notice, row.version, row.purposes, row.in_force_from, row.in_force_to)
            for row in (ended, second)
        ]
        unit.commit()
    with storage.begin(2, write=True) as unit:
        assert unit.notices.all() == []
        assert unit.notices.end("banner", "2", 250) == 0


def test_imports(storage: Storage) -> None:
    row = ImportRow(8, b"\x08" * 32, "{}", proposed_by=7, proposed_at=100)
    with storage.begin(1, write=True) as unit:
        unit.imports.add(row)
        assert unit.imports.get(8) == row
        assert unit.imports.get(9) is None
        assert [unit.imports.approve(8, 6, now=at) for at in (200, 250)] == [1, 0]
        unit.imports.done(8, 300)
        assert unit.imports.get(8) == row._replace(approved_by=6, approved_at=200, done_at=300)
        unit.commit()
    with storage.begin(2, write=False) as unit:
        assert unit.imports.get(8) is None


def test_records_that_are_decided_again(storage: Storage) -> None:
    with storage.begin(1, write=True) as unit:
        with_evidence(unit)
        assert unit.records.due(10**6, (0, 0), 9) == []
        unit.records.decided({1: (500, "3 4"), 2: (400, ""), 3: (None, "")})
        assert [(one.review_at, one.basis) for one in sorted(unit.records.get([1, 2, 3]))] == [
            (500, "3 4"),
            (400, ""),
            (None, ""),
        ]
        assert unit.records.due(500, (0, 0), 9) == [(400, 2), (500, 1)]
        assert unit.records.due(500, (0, 0), 1) == [(400, 2)]
        assert unit.records.due(500, (400, 2), 9) == [(500, 1)]
        assert unit.records.due(499, (0, 0), 9) == [(400, 2)]
        assert (unit.records.after(0, 9), unit.records.after(1, 1)) == ([1, 2, 3], [2])
        unit.records.review_all()
        assert unit.records.due(0, (-1, 0), 9) == [(0, 1), (0, 2), (0, 3)]


def test_records_that_nothing_permits_any_more(storage: Storage) -> None:
    with storage.begin(1, write=True) as unit:
        with_evidence(unit)
        unit.records.decided({1: (500, ""), 2: (500, ""), 3: (500, "")})
        unit.records.retract([3], now=2999)
        unit.records.retract([1], now=3000)
        assert unit.records.retracted_before(3000, (0, 0), 9) == [(2999, 3)]
        assert unit.records.retracted_before(3001, (0, 0), 9) == [(2999, 3), (3000, 1)]
        assert unit.records.retracted_before(3001, (2999, 3), 9) == [(3000, 1)]
        assert unit.records.due(500, (0, 0), 9) == [(500, 2)]
        assert unit.records.after(0, 9) == [2]


def test_tombstones(storage: Storage) -> None:
    forever = Tombstone(b"a" * 32, 1, "gdpr", "erased", "request", 9, 500, None)
    until = Tombstone(b"b" * 32, 1, "ccpa", "*", "request", 9, 500, 900)
    beside = until._replace(scope="sale", ends_at=None)
    with storage.begin(1, write=True) as unit:
        assert not unit.tombstones.any()
        unit.tombstones.put([forever, until, beside])
        assert unit.tombstones.any()
        tokens = [forever.token, until.token, b"c" * 32]
        found = unit.tombstones.find(tokens, now=899)
        assert {token: set(several) for token, several in found.items()} == {
            forever.token: {forever},
            until.token: {until, beside},
        }
        assert unit.tombstones.find(tokens, now=900) == {forever.token: [forever], until.token: [beside]}
        later = forever._replace(erased_at=700)
        unit.tombstones.put([forever, later])
        assert unit.tombstones.find(tokens, now=0)[forever.token] == [later]
        assert unit.tombstones.sweep(now=900) == 1
        unit.tombstones.lift([forever, until])
        assert unit.tombstones.find(tokens, now=0) == {beside.token: [beside]}
        unit.tombstones.lift([beside])
        assert not unit.tombstones.any()


def test_records_and_links(storage: Storage) -> None:
    with storage.begin(1, write=True) as unit:
        with_evidence(unit)
        unit.disclosures.add_decisions(5, 1, b"\x00" * 96, [(1, "one"), (2, "two"), (3, "three")])
        known = unit.records.find([record(2).token, b"?" * 32])
        assert known[record(2).token][1:] == (2, b"\x01" * 16, 1002, GRAPH, True)
        assert unit.records.get([1, 9]) == [record(1)]
        assert unit.records.links([1]) == [link(11, 1), link(12, 1, 1)]
        assert (11, 1) in unit.records.asserting([11])
        assert [(one.record_id, one.graph, one.channel) for one in unit.records.seen([1])] == [(1, GRAPH, "web")]
        assert unit.records.sent_by("web", [11, 99]) == {11}
        assert sorted(unit.records.of([12])) == [1, 2]
        unit.records.retract([1], now=3000)
        assert unit.records.of([12], active_only=True) == [2]
        assert sorted(unit.records.of([12])) == [1, 2]
        assert unit.records.delete([1, 2]) == (2, 4)
        assert unit.records.asserted([11, 12, 13]) == {13}
        assert unit.disclosures.decisions(5) == [(3, "three")]


def plan(**moved: int) -> Plan:
    """Identifiers `i11=…` move into new profiles."""
    homes = {int(name[1:]): home for name, home in moved.items()}
    profiles = {home: Profile(home, -1, frozenset({"gdpr"}), irregular=False, outside=0) for home in homes.values()}
    changes = [
        Change("created", home, (), tuple(one for one, at in homes.items() if at == home), ()) for home in profiles
    ]
    return Plan(changes=changes, moved=homes, fresh=set(homes), profiles=profiles)


def test_profiles(storage: Storage) -> None:
    kinds = [(11, "email"), (12, "phone"), (13, "email")]
    with storage.begin(1, write=True) as unit:
        with_evidence(unit)
        unit.profiles.apply(GRAPH, plan(i11=101, i12=101, i13=102), kinds, position=40)
        assert unit.profiles.changes_applied == 2
        assert unit.profiles.home_of(GRAPH, [11, 13, 99]) == {11: 101, 13: 102}
        members, profiles = unit.profiles.load([101])
        assert sorted(members) == [Member(11, 101, "email"), Member(12, 101, "phone")]
        assert profiles == [Profile(101, 40, frozenset({"gdpr"}), irregular=False, outside=0)]
        merged = Plan(
            moved={13: 101},
            ended={102},
            profiles={101: Profile(101, 40, frozenset({"ccpa", "gdpr"}), irregular=True, outside=2)},
            cuts={(3, 13): True},
            demoted={12: True},
            demoted_public={12: True, 13: True},
        )
        unit.profiles.apply(GRAPH, merged, kinds, position=50)
        assert unit.profiles.all_homes(GRAPH) == {11: 101, 12: 101, 13: 101}
        assert unit.profiles.load([101, 102])[1] == [merged.profiles[101]]
        assert unit.profiles.demotions(GRAPH, [11, 12, 13]) == ({12}, {12, 13})
        assert [one.cut for one in unit.records.links([3])] == [True]
        unit.profiles.apply(GRAPH, Plan(homeless={13}, demoted_public={12: False, 13: False}), [], position=60)
        assert unit.profiles.all_homes(GRAPH) == {11: 101, 12: 101}
        assert unit.profiles.demotions(GRAPH, [12, 13]) == ({12}, set())
        assert unit.profiles.forget_demotions([12]) == 1


def test_the_evidence_around_a_change(storage: Storage) -> None:
    with storage.begin(1, write=True) as unit:
        with_evidence(unit)
        unit.profiles.apply(GRAPH, plan(i11=101, i12=101), [(11, "email"), (12, "email")], position=40)
        reader = unit.profiles.reader(GRAPH)
        assert {(one.record_id, one.identifier_id) for one in reader.links_around([13], trusted_only=False)} == {
            (2, 12),
            (2, 13),
            (3, 13),
        }
        assert {one.record_id for one in reader.links_around([13], trusted_only=True)} == {2}
        assert len(reader.all_links()) == 5
        assert sorted(member.identifier_id for member in reader.homes([11])[0]) == [11, 12]
        unit.records.retract([1, 2], now=3000)
        assert {one.record_id for one in reader.all_links()} == {3}


def test_what_entries_were_about(storage: Storage) -> None:
    merged = [ChangeRow(8, 101, "merged", "survivor", 70), ChangeRow(8, 102, "merged", "absorbed", 70)]
    erased = ChangeRow(9, 102, "erased", "profile", 80)
    shown = DisclosureRow(10, 101, 7, GRAPH, 90)
    with storage.begin(1, write=True) as unit:
        unit.disclosures.add_decisions(5, 4, b"\x05" * 64, [(0, "first"), (1, "second")])
        assert unit.disclosures.batches(4, 5) == [(4, 5, b"\x05" * 64)]
        assert unit.disclosures.batches(5, 9) == []
        assert unit.disclosures.decisions(5) == [(0, "first"), (1, "second")]
        unit.disclosures.add_changes([*merged, erased])
        assert sorted(unit.disclosures.changes_of([102])) == [merged[1], erased]
        assert sorted(unit.disclosures.changes_at([8])) == merged
        assert sorted(unit.disclosures.changes_after(0, limit=1)) == merged
        assert unit.disclosures.changes_after(8, limit=10) == [erased]
        assert unit.disclosures.erase_changes([101, 102]) == 2
        assert unit.disclosures.changes_of([101, 102]) == [erased]
        unit.disclosures.add_disclosures([shown])
        assert unit.disclosures.disclosures_of([101, 102]) == [shown]
        assert unit.disclosures.erase_disclosures([101]) == 1


def test_ids_of_recipients(storage: Storage) -> None:
    with storage.begin(1, write=True) as unit:
        unit.profiles.apply(GRAPH, plan(i11=101, i12=102, i13=103), [(11, "email"), (12, "phone"), (13, "email")], 40)
        for client, profiles in ((7, (101, 102)), (8, (102, 103))):
            unit.outward.add(client, {one: bytes([client, one]) for one in profiles}, made_at=5)
        assert unit.outward.ids(7, [101, 102, 103]) == {101: b"\x07e", 102: b"\x07f"}
        assert unit.outward.find(7, [b"\x07f", b"\x08f", b"none"]) == {b"\x07f": NamedProfile(102, GRAPH, alias=False)}
        unit.outward.follow({102: 101}, [])
        unit.outward.follow({101: 103}, [])
        assert unit.outward.find(7, [b"\x07e", b"\x07f"]) == {
            one: NamedProfile(103, GRAPH, alias=True) for one in (b"\x07e", b"\x07f")
        }
        assert unit.outward.aliases(7, [103]) == [(103, b"\x07e"), (103, b"\x07f")]
        assert unit.outward.erase([101, 102, 103], told=[103]) == 0
        unit.outward.follow({}, [103])
        assert unit.outward.aliases(7, [103]) == []
        assert unit.outward.erase([101, 102, 103], told=[103]) == 3
        assert unit.outward.ids(8, [101, 102, 103]) == {103: b"\x08g"}


def test_stores_show_a_tenant_its_own_rows_only(storage: Storage) -> None:
    with storage.begin(1, write=True) as unit:
        unit.identifiers.add([MAIL])
        with_evidence(unit)
        unit.ledger.append([event(11, 3)])
        unit.ledger.keep_signals({3: b"sealed"})
        unit.commit()
    with storage.begin(2, write=True) as unit:
        assert list(unit.identifiers.all()) == []
        assert unit.records.of([11, 12, 13]) == []
        assert unit.ledger.facts([11]) == []
        assert unit.ledger.signals([3]) == {}
        assert unit.ledger.erase([3]) == 0
        assert unit.records.after(0, 9) == []
        assert unit.records.due(10**6, (0, 0), 9) == []
        assert unit.records.delete([1, 2, 3]) == (0, 0)
        unit.identifiers.add([MAIL])
        unit.commit()
    with storage.begin(1, write=False) as unit:
        assert sorted(unit.records.of([11, 12, 13])) == [1, 2, 3]
        assert unit.ledger.signals([3]) == {3: b"sealed"}
        assert isinstance(unit.log, LogStore)
