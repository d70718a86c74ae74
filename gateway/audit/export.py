"""The export of a log: a directory of plain files that anybody can check without the gateway.

    entries.ndjson    {"index":0,"leaf":"…"}                      every leaf, from 0 to before the checkpoint's size
    openings.ndjson   {"index":0,"disclosures":["…"]}             what was not erased, in the order of the entries
    batches.ndjson    {"index":0,"name":"…","commitments":["…"]}  what a commitment to a whole batch was formed over
    checkpoint.txt    the signed checkpoint
    key.txt           the verifier key, for convenience only
    README.txt        how to verify

Each line is compact JSON with its members in this order and ends in a newline, so no byte of these files is free.
The checkpoint is written last: an export that was cut short never verifies.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import orjson

from gateway.audit.checkpoint import Checkpoint, VerifierKey, open_checkpoint
from gateway.kernel.errors import Conflict, IntegrityError

ENTRIES = "entries.ndjson"
OPENINGS = "openings.ndjson"
BATCHES = "batches.ndjson"
CHECKPOINT = "checkpoint.txt"
KEY = "key.txt"
README = "README.txt"
UNWITNESSED = "unwitnessed: the operator could have rewritten this"

_README = """\
Audit log of {origin}, {size} entries.

To verify:  gateway audit verify DIRECTORY
Pass the verifier key that the operator published elsewhere, for example in a contract or on its web site.
Without one, key.txt is taken, and then the result says only that these files fit each other.
{unwitnessed}

To verify with a program of your own:

1. Check checkpoint.txt: a C2SP signed note (c2sp.org/signed-note) whose text is origin, size and base64 root,
   a line each (c2sp.org/tlog-checkpoint), signed with Ed25519 by the verifier key. The key's name is the origin.
2. entries.ndjson has one line {{"index":i,"leaf":"..."}} for each i from 0 to size - 1. The UTF-8 bytes of "leaf"
   are the leaf: canonical JSON (RFC 8785).
3. Leaf hash = SHA-256(0x00 || leaf), node hash = SHA-256(0x01 || left || right), as in RFC 6962 section 2.1.
   The root of all leaves must be the checkpoint's.
4. openings.ndjson has lines {{"index":i,"disclosures":[...]}}. A disclosure is the base64url text, without padding,
   of the JSON array [salt, name, value] (RFC 9901); the base64url SHA-256 of that text must stand in the leaf of
   entry i under "commitments", under that name, alone or in a list.
5. batches.ndjson has lines {{"index":i,"name":n,"commitments":[...]}}. The base64url RFC 6962 root over those texts
   as leaves is the commitment n of entry i, and disclosures named n may open any of them.
6. A commitment without a disclosure was erased, or is not disclosed to you. It says nothing about its value.

This README.txt is not covered by the signature.
"""


def write_export(
    path: Path,
    origin: str,
    vkey: str,
    entries: Iterable[tuple[int, bytes]],
    openings: Iterable[tuple[int, list[str]]],
    checkpoint_note: str,
    *,
    batches: Iterable[tuple[int, str, list[str]]] = (),
) -> None:
    """Write the export of the log `origin` into the directory `path`, which is made if need be.

    `entries` are (index, leaf bytes) from 0 to before the size in `checkpoint_note`; `openings` (index, disclosure
    texts) and `batches` (index, name, commitments behind `commitments.batch_root`) come in ascending order of index.
    All are streamed. The tree is not checked here: an export of a damaged log must show the damage.

    Raises IntegrityError when the note is not of `origin` under `vkey` or the entries are not that many and in
    order, Conflict when `path` already holds an export.
    """
    checkpoint = open_checkpoint(checkpoint_note, [VerifierKey.parse(vkey)])
    if checkpoint.origin != origin:
        raise IntegrityError("the checkpoint is of another log")
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _fresh(path / ENTRIES) as file:
        _write_entries(file, entries, checkpoint)
    with _fresh(path / OPENINGS) as file:
        file.writelines(_line({"index": index, "disclosures": texts}) for index, texts in openings)
    with _fresh(path / BATCHES) as file:
        file.writelines(_line({"index": i, "name": name, "commitments": texts}) for i, name, texts in batches)
    readme = _README.format(origin=origin, size=checkpoint.size, unwitnessed=UNWITNESSED)
    for name, text in ((README, readme), (KEY, vkey + "\n"), (CHECKPOINT, checkpoint_note)):
        with _fresh(path / name) as file:
            file.write(text.encode())


def _write_entries(file: BinaryIO, entries: Iterable[tuple[int, bytes]], checkpoint: Checkpoint) -> None:
    count = 0
    for index, leaf in entries:
        if index != count:
            raise IntegrityError(f"entry {count}: another index stands in its place (rule order)")
        file.write(_line({"index": index, "leaf": _text(index, leaf)}))
        count += 1
    if count != checkpoint.size:
        raise IntegrityError(f"entry {count}: the checkpoint counts another number of entries (rule size)")


def _text(index: int, leaf: bytes) -> str:
    try:
        return leaf.decode()
    except UnicodeDecodeError:
        raise IntegrityError(f"entry {index}: the leaf is not text (rule leaf)") from None


def _line(members: dict[str, object]) -> bytes:
    return orjson.dumps(members, option=orjson.OPT_APPEND_NEWLINE)


def _fresh(path: Path) -> BinaryIO:
    try:
        return path.open("xb")
    except FileExistsError:
        raise Conflict("the directory already holds an export") from None
