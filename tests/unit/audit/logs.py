"""Small logs for tests: real leaves, openings and checkpoints, and a store of hashes that counts what is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gateway.audit.checkpoint import Checkpoint, SigningKey, sign
from gateway.audit.commitments import batch_root, commitment, disclosure, salts
from gateway.audit.entries import EntryKind, leaf
from gateway.audit.export import write_export
from gateway.audit.merkle import Frontier, leaf_hash
from gateway.audit.opening import Opening, sealed

ORIGIN = "gateway.example/audit/t1"
KEY = SigningKey(bytes(range(32)), ORIGIN)
HOUR = "2026-11-24T16:00Z"
POLICY = "sha256:" + "5f" * 32


class HashStore:
    """The hashes a log's store keeps, filled in chunks; `read` counts how many were handed out."""

    def __init__(self, hashes: Sequence[bytes], chunk: int = 1000) -> None:
        self.read = 0
        self.calls = 0
        self._rows: dict[int, list[bytes]] = {0: list(hashes)}
        self.tree = Frontier()
        for start in range(0, len(hashes), chunk):
            self.tree, nodes = self.tree.append(hashes[start : start + chunk])
            for node in nodes:
                row = self._rows.setdefault(node.level, [])
                assert node.index == len(row)
                row.append(node.hash)

    def leaf_hashes(self, start: int, end: int) -> Sequence[bytes]:
        """As `HashReader.leaf_hashes`."""
        return self.nodes(0, start, end)

    def nodes(self, level: int, start: int, end: int) -> Sequence[bytes]:
        """As `HashReader.nodes`."""
        assert 0 <= start < end
        found = self._rows.get(level, [])[start:end]
        self.read += len(found)
        self.calls += 1
        return found


@dataclass(slots=True)
class SampleLog:
    """A log in memory that a test may damage before it is written."""

    leaves: list[bytes] = field(default_factory=list)
    openings: list[tuple[int, list[str]]] = field(default_factory=list)
    batches: list[tuple[int, str, list[str]]] = field(default_factory=list)
    note: str = ""

    def add(self, kind: EntryKind, values: dict[str, object]) -> None:
        """One entry with an opening for each of `values`."""
        commitments, opening = sealed(values)
        if values:
            self.openings.append((len(self.leaves), list(Opening.from_bytes(opening).disclosures)))
        self._append(kind, dict(commitments))

    def add_batch(self, decisions: list[object]) -> None:
        """One entry for a whole batch of decisions."""
        drawn = zip(salts(len(decisions)), decisions, strict=True)
        texts = [disclosure(salt, "decisions", value) for salt, value in drawn]
        members = list(map(commitment, texts))
        self.openings.append((len(self.leaves), texts))
        self.batches.append((len(self.leaves), "decisions", members))
        self._append(EntryKind.DECISIONS_BATCH, {"decisions": batch_root(members)})

    def add_pair(self, name: str, values: tuple[object, object]) -> None:
        """One entry with two commitments under one name."""
        texts = [disclosure(salt, name, value) for salt, value in zip(salts(2), values, strict=True)]
        self.openings.append((len(self.leaves), texts))
        self._append(EntryKind.PROFILE_MERGED, {name: list(map(commitment, texts))})

    def _append(self, kind: EntryKind, commitments: dict[str, str | list[str]]) -> None:
        data = leaf(
            kind, hour=HOUR, actor="channel", channel="web", rule="r1", policy=POLICY, commitments=commitments,
            facts={"count": len(self.leaves), "tier": "a"},
        )  # fmt: skip
        self.leaves.append(data)

    def signed(self) -> SampleLog:
        """The same log with its checkpoint."""
        tree, _ = Frontier().append([leaf_hash(data) for data in self.leaves])
        self.note = sign(Checkpoint(ORIGIN, tree.size, tree.root()), KEY)
        return self

    def write(self, path: Path) -> Path:
        """Write the export; gives `path` back."""
        entries = enumerate(self.leaves)
        write_export(path, ORIGIN, KEY.vkey, entries, self.openings, self.note, batches=self.batches)
        return path


def sample_log() -> SampleLog:
    """Six signed entries: plain ones, one with two commitments under a name, a batch, one without commitments."""
    log = SampleLog()
    log.add(EntryKind.TENANT_CREATED, {})
    log.add(EntryKind.PROFILE_CREATED, {"profile": "p1", "record": "r1"})
    log.add_pair("pseudonyms", ("n1", "n2"))
    log.add_batch([{"permitted": True, "rule": "gdpr"}, {"permitted": False, "rule": "opt-out"}, "Möbius"])
    log.add(EntryKind.CONSENT_RECORDED, {"event": "e1", "score": 0.5, "at": 1_764_000_000_000})
    log.add(EntryKind.FSCK_COMPLETED, {})
    return log.signed()
