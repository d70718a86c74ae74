"""Evidence by letters: identifiers are named by kind and letter, records by who stated them."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.policy.model import KindRule
from gateway.profiles.model import Evidence, Partition
from gateway.profiles.partition import partition
from tests.properties.evidence_store import KINDS, EvidenceStore, rule

E1, E2, E3, E4 = 1, 2, 3, 4
P1, P2, P3 = 11, 12, 13
D1, D2, D3 = 21, 22, 23
C1, C2, C3, C4 = 31, 32, 33, 34
S1, S2, S3 = 41, 42, 43
"""E-mails, phones, devices, cookies, sessions; the cookies' rank is weaker than the devices', and so on."""

NAMES = {0: "email", 1: "phone", 2: "device", 3: "cookie", 4: "session"}
KIND_OF = {one: NAMES[one // 10] for one in (E1, E2, E3, E4, P1, P2, P3, D1, D2, D3, C1, C2, C3, C4, S1, S2, S3)}


def rules(**limited: KindRule) -> dict[str, KindRule]:
    """The kinds without limits, but for those given."""
    return {name: limited.get(name) or rule(name) for name in KINDS}


def trusted(number: int, *identifiers: int, at: int | None = None, regime: str = "gdpr") -> Evidence:
    """A record of a trusted client; observed at its own number, unless `at` says otherwise."""
    return Evidence(number, True, number if at is None else at, bytes([number]) * 16, identifiers, (regime,))


def public(number: int, *identifiers: int, at: int | None = None) -> Evidence:
    """A record of a public client."""
    return trusted(number, *identifiers, at=at)._replace(trusted=False)


def found(*records: Evidence, limits: Mapping[str, KindRule] | None = None) -> Partition:
    """The partition of these records."""
    named = limits or rules()
    return partition(records, {one: named[name] for one, name in KIND_OF.items()})


def groups(*records: Evidence, limits: Mapping[str, KindRule] | None = None) -> list[list[int]]:
    """The components of these records, sorted."""
    return sorted(map(sorted, found(*records, limits=limits).groups().values()))


def store(**limited: KindRule) -> EvidenceStore:
    """An empty store of these kinds."""
    return EvidenceStore(rules(**limited), KIND_OF)
