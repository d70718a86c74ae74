"""The offline verifier: exported files and a public key in, a `Verification` or an IntegrityError out.

What is checked, in this order: the checkpoint's signature under the key, and that the key belongs to the log; then
for each entry its index, its canonical form, and that each opening fits a commitment in it; last the number of
entries and the root. Every error names the entry (or the file) and the rule. Files are streamed, so a log of any
length is checked in the same memory.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from gateway.audit.checkpoint import MAX_NOTE, Checkpoint, VerifierKey, open_checkpoint
from gateway.audit.commitments import batch_root, commitment, open_disclosure
from gateway.audit.encodings import from_base64, to_base64
from gateway.audit.entries import Leaf, parse_leaf
from gateway.audit.export import BATCHES, CHECKPOINT, ENTRIES, KEY, OPENINGS, UNWITNESSED
from gateway.audit.merkle import Frontier, leaf_hash
from gateway.audit.proofs import verify_inclusion
from gateway.kernel.errors import IntegrityError

KEY_FROM_EXPORT = "the key came from the export itself: this shows only that its files fit each other"
PROOF_HEADER = "c2sp.org/tlog-proof@v1"
MAX_LINE = 64 * 1024 * 1024
_ENTRY = ("index", "leaf")
_OPENING = ("index", "disclosures")
_BATCH = ("index", "name", "commitments")
_CHUNK = 4096
_INDEX = re.compile(r"0|[1-9][0-9]{0,18}")
_COMMITMENT = re.compile(r"[A-Za-z0-9_-]{43}")

Members = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Verification:
    """What was verified: a log's `origin`, `size` and `root` (hex), entries by kind, and how much of it is open.

    `openings` counts disclosures that fit their commitment, `erased` the commitments without one. `remarks` says
    in sentences what the result does not show.
    """

    origin: str
    size: int
    root: str
    kinds: Mapping[str, int]
    openings: int
    erased: int
    vkey: str
    key_from_export: bool
    witnessed: bool = False

    @property
    def remarks(self) -> tuple[str, ...]:
        """Sentences for a person, the gravest first; empty when nothing is left to say."""
        said = ((self.key_from_export, KEY_FROM_EXPORT), (not self.witnessed, UNWITNESSED))
        return tuple(sentence for holds, sentence in said if holds)


@dataclass(frozen=True, slots=True)
class ProvenEntry:
    """What a proof file shows: the leaf stands at `index` in the log of `checkpoint`. `extra` is not authenticated."""

    index: int
    checkpoint: Checkpoint
    extra: bytes


def verify_export(path: Path, vkey: str | None) -> Verification:
    """Check the export in directory `path` under the verifier key text `vkey`, or under key.txt where it is None.

    Raises IntegrityError naming entry or file, and rule.
    """
    key_text = _only_line(path / KEY) if vkey is None else vkey
    checkpoint = _signed_by(key_text, _small_file(path / CHECKPOINT))
    openings, batches = _Beside(path / OPENINGS, _OPENING), _Beside(path / BATCHES, _BATCH)
    kinds: Counter[str] = Counter()
    tree, pending, opened, erased = Frontier(), list[bytes](), 0, 0
    for index, (leaf, text) in enumerate(_entries(path / ENTRIES)):
        kinds[leaf.kind] += 1
        wanted = _commitments(index, leaf, batches.take(index))
        found = _fitting(index, wanted, openings.take(index))
        opened, erased = opened + found, erased + len(wanted) - found
        pending.append(leaf_hash(text))
        if len(pending) == _CHUNK:
            tree, pending = tree.append(pending)[0], []
    tree = tree.append(pending)[0]
    if tree.size != checkpoint.size:
        raise _fault(
            f"entry {min(tree.size, checkpoint.size)}", "size", "the checkpoint counts another number of entries"
        )
    if tree.root() != checkpoint.root:
        raise _fault(f"entries 0 to {tree.size}", "root", "their root is not the checkpoint's")
    openings.end()
    batches.end()
    return Verification(
        checkpoint.origin, tree.size, tree.root().hex(), dict(kinds), opened, erased, key_text, vkey is None
    )


def write_proof(index: int, proof: Sequence[bytes], checkpoint_note: str, extra: bytes = b"") -> str:
    """The text of an offline proof file (c2sp.org/tlog-proof): `proof` is the inclusion path of leaf `index` in the
    tree of the signed checkpoint; `extra` is opaque data for the reader, not authenticated.
    """
    head = [PROOF_HEADER, *([f"extra {to_base64(extra)}"] if extra else []), f"index {index}", *map(to_base64, proof)]
    return "\n".join(head) + "\n\n" + checkpoint_note


def verify_proof(text: str, leaf: bytes, vkey: str) -> ProvenEntry:
    """Check that `text` proves `leaf` to stand in the log whose verifier key is `vkey`. Raises IntegrityError."""
    head, gap, note = text.partition("\n\n")
    lines = head.split("\n")
    if not gap or lines.pop(0) != PROOF_HEADER:
        raise _fault("the proof", "form", f"it is not a {PROOF_HEADER} file")
    extra = b""
    if lines and lines[0].startswith("extra "):
        extra = from_base64(lines.pop(0).removeprefix("extra "))
        if not extra:
            raise _fault("the proof", "form", "its extra line is empty")
    number = lines.pop(0).removeprefix("index ") if lines and lines[0].startswith("index ") else ""
    if _INDEX.fullmatch(number) is None:
        raise _fault("the proof", "form", "it names no index")
    checkpoint = _signed_by(vkey, note)
    path = [from_base64(line) for line in lines]
    verify_inclusion(leaf_hash(leaf), int(number), checkpoint.size, path, checkpoint.root)
    return ProvenEntry(int(number), checkpoint, extra)


def _signed_by(vkey: str, note: str) -> Checkpoint:
    """The checkpoint in `note`, signed by the key of its own log."""
    try:
        key = VerifierKey.parse(vkey)
        checkpoint = open_checkpoint(note, [key])
    except IntegrityError as error:
        raise _fault("the checkpoint", "signature", str(error)) from None
    if checkpoint.origin != key.name:
        raise _fault("the checkpoint", "origin", "it is of another log than the key")
    return checkpoint


def _entries(path: Path) -> Iterator[tuple[Leaf, bytes]]:
    """(leaf, its bytes) in order."""
    for expected, (index, members) in enumerate(_lines(path, _ENTRY)):
        text = members["leaf"]
        if index != expected:
            raise _fault(f"entry {expected}", "order", "another index stands in its place")
        if not isinstance(text, str):
            raise _fault(f"entry {expected}", "line", "its leaf is not a text")
        data = text.encode()
        try:
            yield parse_leaf(data), data
        except IntegrityError as error:
            raise _fault(f"entry {expected}", "leaf", str(error)) from None


def _commitments(index: int, leaf: Leaf, batches: Sequence[Members]) -> dict[str, str]:
    """Commitments that a disclosure may open -> its name; a batch's commitments stand in the place of their root."""
    wanted = {
        text: name for name, held in leaf.commitments.items() for text in ([held] if isinstance(held, str) else held)
    }
    members: dict[str, str] = {}
    for batch in batches:
        name, texts = batch["name"], _texts(index, batch["commitments"])
        if not all(map(_COMMITMENT.fullmatch, texts)) or wanted.get(root := batch_root(texts)) != name:
            raise _fault(f"entry {index}", "batch", "the batch's root is not in the leaf")
        members.update(dict.fromkeys(texts, wanted.pop(root)))
    return wanted | members


def _fitting(index: int, wanted: Mapping[str, str], openings: Sequence[Members]) -> int:
    """How many disclosures there are, each of which opens another commitment of the entry."""
    opened = set[str]()
    for text in (text for opening in openings for text in _texts(index, opening["disclosures"])):
        try:
            name, _ = open_disclosure(text)
        except IntegrityError as error:
            raise _fault(f"entry {index}", "disclosure", str(error)) from None
        digest = commitment(text)
        if wanted.get(digest) != name:
            raise _fault(f"entry {index}", "opening", "a disclosure fits no commitment in the leaf")
        if digest in opened:
            raise _fault(f"entry {index}", "opening", "a commitment is opened twice")
        opened.add(digest)
    return len(opened)


class _Beside:
    """A file of lines that belong to entries, read along with them."""

    def __init__(self, path: Path, names: tuple[str, ...]) -> None:
        self._file = path.name
        self._lines = _lines(path, names)
        self._ahead = next(self._lines, None)

    def take(self, index: int) -> list[Members]:
        """The lines that belong to entry `index`."""
        taken: list[Members] = []
        while self._ahead is not None and self._ahead[0] == index:
            taken.append(self._ahead[1])
            self._ahead = next(self._lines, None)
        return taken

    def end(self) -> None:
        """Refuse lines that belong to no entry or stand out of order. Raises IntegrityError."""
        if self._ahead is not None:
            raise _fault(
                f"entry {self._ahead[0]}", "order", f"its line in {self._file} is out of order or has no entry"
            )


def _lines(path: Path, names: tuple[str, ...]) -> Iterator[tuple[int, Members]]:
    """(index, members) of each line, which must be compact JSON with exactly these members in this order."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(iter(lambda: file.readline(MAX_LINE), b""), start=1):
                members = _parsed(line)
                index = members.get("index")
                if tuple(members) != names or type(index) is not int or index < 0:
                    raise _fault(f"{path.name} line {number}", "line", "it is not as an export writes it")
                yield index, members
    except OSError:
        raise _unreadable(path) from None


def _parsed(line: bytes) -> Members:
    """A line that is exactly one compact JSON object; an empty mapping for any other."""
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        return {}
    same = isinstance(value, dict) and orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE) == line
    return value if same else {}


def _texts(index: int, value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise _fault(f"entry {index}", "line", "its disclosures and commitments are lists of texts")
    return value


def _small_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MAX_NOTE + 1).decode()
    except (OSError, UnicodeDecodeError):
        raise _unreadable(path) from None


def _only_line(path: Path) -> str:
    line, newline, rest = _small_file(path).partition("\n")
    if not newline or rest:
        raise _fault(path.name, "line", "it is one line")
    return line


def _unreadable(path: Path) -> IntegrityError:
    return _fault(path.name, "file", "it is missing or cannot be read as text")


def _fault(where: str, rule: str, text: str) -> IntegrityError:
    return IntegrityError(f"{where}: {text} (rule {rule})")
