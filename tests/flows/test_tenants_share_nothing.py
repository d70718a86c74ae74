"""Two tenants that know the same people, from the same records, share no stored bytes: whoever has both cannot compare.

Every column of every table is looked at, as the metadata has them: bytes in runs of eight, numbers of more than four
bytes, texts word by word, and a word that is hexadecimal or Base64 also as the bytes it stands for. What may coincide:
words of the program's own text and policies, the policies' digest, the beginning of all logs' names, and moments.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import cast

from sqlalchemy import LargeBinary

from gateway.flows.context import KeyService
from gateway.identifiers.keys import TenantKeys
from gateway.kernel.clock import DAY
from gateway.policy.loader import load
from gateway.settings import Settings
from gateway.storage.schema import metadata
from tests.architecture.sources import sources
from tests.flows.full_life import live
from tests.simulator import CHANNELS, NOW, SimulatedGateway, TenantSimulator

RUN = 8
DECADE = 3653 * DAY

LOGS = "consent-gateway/"

Atom = bytes | str | int

_WORD = re.compile(rf"[A-Za-z0-9_+/=-]{{{RUN},}}")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(T\d\d)?|1[789]\d{11}")
_HEX = re.compile(r"([0-9a-f]{2})+")


@cache
def constants() -> frozenset[str]:
    """The words of the program and its policies, but for the demo, which names people."""
    policies = Settings.from_environment({}).policies
    texts = [path.read_text() for path in policies.glob("*.yaml")]
    texts += [one.text for one in sources("gateway") if "/demo/" not in one.path]
    return frozenset(_WORD.findall("\n".join([*texts, *CHANNELS, load(policies).digest])))


def atoms(value: object) -> Iterator[Atom]:
    """A stored value -> its pieces, without constants and moments."""
    match value:
        case int():
            if value >= 1 << 32 and abs(value - NOW) > DECADE:
                yield value
        case str():
            for word in _WORD.findall(value.replace(LOGS, " ")):
                if word not in constants() and not _MOMENT.fullmatch(word):
                    yield word
                    yield from atoms(meant(word))
        case bytes():
            try:
                yield from atoms(value.decode())
            except UnicodeDecodeError:
                runs = (value[at : at + RUN] for at in range(len(value) - RUN + 1))
                yield from (run for run in runs if any(run[: RUN // 2]))
        case _:
            assert value is None


def meant(word: str) -> bytes | None:
    """The bytes that a word stands for, if it is hexadecimal or Base64 of either alphabet."""
    if _HEX.fullmatch(word):
        return bytes.fromhex(word)
    bare = word.rstrip("=")
    if len(bare) % 4 == 1 or "=" in bare:
        return None
    return base64.b64decode(bare + "=" * (-len(bare) % 4), b"-_" if set("-_") & set(bare) else None)


def stored(tenant: TenantSimulator) -> dict[str, set[Atom]]:
    """`table.column` -> what stands in the tenant's rows; no table and no column of bytes is without any."""
    found: dict[str, set[Atom]] = {}
    with tenant.reading() as unit:
        for table in metadata.sorted_tables:
            if "tenant_id" not in table.columns:
                continue
            for column in table.columns:
                sql = f'SELECT "{column.name}" FROM "{table.name}" WHERE tenant_id = ?'  # noqa: S608 - the schema's names
                values = [value for (value,) in unit.session.rows(sql, [tenant.tenant_id])]
                assert values, f"nothing stands in {table.name}"
                pieces = {piece for value in values for piece in atoms(value)}
                assert pieces or not isinstance(column.type, LargeBinary), f"nothing is seen in {table.name}.{column}"
                found[f"{table.name}.{column.name}"] = pieces
    return found


def shared(one: TenantSimulator, other: TenantSimulator) -> set[str]:
    """The columns of one tenant that hold something which stands anywhere at the other's."""
    elsewhere = set[Atom]().union(*stored(other).values())
    return {column for column, pieces in stored(one).items() if pieces & elsewhere}


@dataclass(frozen=True, slots=True)
class OneForAll:
    """A key service gone wrong: every tenant has the keys of the same one."""

    keys: KeyService
    owner: int

    def tenant(self, _tenant_id: int) -> TenantKeys:
        return self.keys.tenant(self.owner)


def test_the_same_people_in_two_tenants_share_no_stored_bytes(site: SimulatedGateway) -> None:
    one, other = site.tenant(), site.tenant()
    live(one)
    live(other)
    assert shared(one, other) == set()


def test_one_key_for_both_would_be_seen(site: SimulatedGateway) -> None:
    one, other = site.tenant(), site.tenant()
    live(one)
    wrong = cast("KeyService", OneForAll(other.gateway.keys, one.tenant_id))
    other.gateway = replace(other.gateway, keys=wrong)
    live(other)
    tokens = {f"{table}.token" for table in ("pseudonym", "record", "tombstone", "right_subject")}
    others = {"record.content", "ledger.basis", "consent_import.digest", "log_opening.disclosures"}
    assert shared(one, other) == tokens | others
