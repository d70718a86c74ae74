"""Raw identifiers to pseudonyms against the hash calls they cannot do without.

Records of e-mail, phone and cookie in mixed spellings are normalized under every hash profile, digested and made
pseudonyms, in batches of 1,000. The floor is bare `hashlib.sha256(…).digest()` and `hmac.digest(…)`: as many calls,
on messages of the same lengths. Both are timed in turn; printed are the medians of all rounds and their ratio, then the
rates of keys that stay in a key service, where one is installed. The gateway is built as always: its cycle collector
runs seldom.

    python -m benchmarks.identifiers [--records 20000] [--rounds 7] [--json]
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final
from unittest.mock import patch

from benchmarks import key_rates
from benchmarks.setting import Setting, open_setting
from gateway.flows.steps.prepare import digest_all
from gateway.identifiers import digests
from gateway.identifiers.keys import KEY_BYTES, TenantKeys
from gateway.identifiers.model import RawIdentifier
from gateway.identifiers.pseudonyms import Pseudonymizer
from gateway.policy.model import PolicySet
from tests.key_services import NotInstalled

Record = tuple[RawIdentifier, ...]
_BATCH: Final = 1_000
_COUNTRY: Final = "DE"


def sample(count: int) -> list[Record]:
    """Records as channels send them; three quarters of the addresses and numbers are plain."""
    draw = random.Random(1)
    return [
        (
            RawIdentifier("email", _address(draw, one)),
            RawIdentifier("phone", _number(draw, 23_000_000 + one)),
            RawIdentifier("cookie", f"c-{draw.randrange(1 << 64):016x}"),
        )
        for one in range(count)
    ]


def _address(draw: random.Random, person: int) -> str:
    kinds = ["anna.berg{}@mail.example"] * 6 + ["Anna.Berg{}@Mail.Example", "anna.berg.{}+shop@gmail.com"]
    return draw.choice(kinds).format(person)


def _number(draw: random.Random, subscriber: int) -> str:
    """National numbers are read by libphonenumber, all others by an expression made of its metadata."""
    spelled = ["+4930{}"] * 12 + ["+49 30 {}", "+49 (30) {}", "+49-30-{}", "030 {}"]
    return draw.choice(spelled).format(subscriber)


@dataclass(slots=True)
class Recorded:
    """What is hashed for some records: the texts of the digests, the messages of the MACs."""

    forms: list[bytes] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)

    def macs(self, messages: Sequence[bytes]) -> list[bytes]:
        """As a match key does."""
        self.messages += messages
        return [bytes(KEY_BYTES) for _ in messages]

    def sha256(self, form: str) -> bytes:
        """As `digests` does."""
        self.forms.append(form.encode())
        return hashlib.sha256(form.encode()).digest()


def pseudonymize(records: Sequence[Record], policies: PolicySet, keys: TenantKeys) -> None:
    """Raw values become pseudonyms."""
    made = [digest for one in records for digest in digest_all(one, policies, _COUNTRY, screen=True).digests]
    Pseudonymizer(keys).all(made)


def recorded(records: Sequence[Record], policies: PolicySet) -> Recorded:
    """What `pseudonymize` hashes."""
    found = Recorded()
    with patch.object(digests, "_sha256", found.sha256):
        pseudonymize(records, policies, TenantKeys({}, {1: found}))
    return found


def bare(work: Recorded, key: bytes) -> None:
    """The same hashes and MACs, and nothing else."""
    for form in work.forms:
        hashlib.sha256(form).digest()
    for message in work.messages:
        hmac.digest(key, message, "sha256")


def measure(setting: Setting, count: int, rounds: int) -> dict[str, float]:
    """Records and rounds -> figures."""
    policies, keys = setting.gateway.policies, setting.gateway.keys.tenant(setting.caller.tenant_id)
    key = os.urandom(KEY_BYTES)
    records = sample(count)
    batches = [records[start : start + _BATCH] for start in range(0, count, _BATCH)]
    works = [recorded(batch, policies) for batch in batches]
    spent, floors = [], []
    for _ in range(rounds):
        gateway = floor = 0.0
        for batch, work in zip(batches, works, strict=True):
            began = time.perf_counter()
            pseudonymize(batch, policies, keys)
            between = time.perf_counter()
            bare(work, key)
            floor += time.perf_counter() - between
            gateway += between - began
        spent.append(gateway)
        floors.append(floor)
    return {
        "records": count,
        "digests_per_record": round(sum(len(work.forms) for work in works) / count, 2),
        "pseudonyms_per_record": round(sum(len(work.messages) for work in works) / count, 2),
        "records_per_second": round(count / median(spent)),
        "floor_per_second": round(count / median(floors)),
        "ratio": round(median(floor / one for floor, one in zip(floors, spent, strict=True)), 3),
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(open_setting(Path(folder)), given.records, given.rounds)
    if given.json:
        sys.stdout.write(json.dumps(figures) + "\n")
        return
    for name, value in figures.items():
        sys.stdout.write(f"{name:>22}  {value}\n")
    try:
        key_rates.main([])
    except NotInstalled as error:
        sys.stdout.write(f"keys in services: {error}\n")


if __name__ == "__main__":
    main()
