"""A second verifier of audit exports and proofs, written from the formats alone: standard library only, no gateway.

    independent_verifier.py export [--vkey KEY] DIRECTORY...
    independent_verifier.py proof --vkey KEY LEAF-FILE PROOF-FILE...

Each directory or proof gets one line of JSON on standard output, `{"ok":true,…}` or `{"ok":false,"fault":…}`; the exit
code is 1 when one of them does not verify. Ed25519 is RFC 8032 section 5.1, in plain integers.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import string
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
ORDER = 2**252 + 27742317777372353535851937790883648493
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)
BASE_Y = 4 * pow(5, -1, P) % P

SLUG = set(string.ascii_lowercase + string.digits + "_.:-")
URL_SAFE = set(string.ascii_letters + string.digits + "-_")
LARGEST = 2**53 - 1
Point = tuple[int, int, int, int]


class Fault(Exception):
    """What does not verify, in words."""


def fail(text: str) -> NoReturn:
    raise Fault(text)


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


# Ed25519


def point_add(one: Point, two: Point) -> Point:
    a = (one[1] - one[0]) * (two[1] - two[0]) % P
    b = (one[1] + one[0]) * (two[1] + two[0]) % P
    c = 2 * one[3] * two[3] * D % P
    d = 2 * one[2] * two[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def point_times(factor: int, point: Point) -> Point:
    total: Point = (0, 1, 1, 0)
    while factor:
        if factor & 1:
            total = point_add(total, point)
        point = point_add(point, point)
        factor >>= 1
    return total


def point_from(y: int, odd: int) -> Point:
    if y >= P:
        fail("a point's coordinate is too large")
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P or (x == 0 and odd):
        fail("a point is not on the curve")
    if x & 1 != odd:
        x = P - x
    return x, y, 1, x * y % P


def point_bytes(point: Point) -> bytes:
    inverse = pow(point[2], -1, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def check_signature(public: bytes, message: bytes, signature: bytes) -> None:
    number = int.from_bytes(public, "little")
    key = point_from(number & (2**255 - 1), number >> 255)
    scalar = int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or scalar >= ORDER:
        fail("the signature is malformed")
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % ORDER
    minus_key: Point = (P - key[0], key[1], 1, P - key[3])
    found = point_add(point_times(scalar, point_from(BASE_Y, 0)), point_times(challenge, minus_key))
    if point_bytes(found) != signature[:32]:
        fail("the signature does not verify")


# Texts


def unbase64(text: str, *, url: bool = False) -> bytes:
    encode = base64.urlsafe_b64encode if url else base64.b64encode
    padded = text + "=" * (-len(text) % 4) if url else text
    try:
        data = base64.b64decode(padded, altchars=b"-_" if url else None, validate=True)
    except ValueError:
        fail("not base64")
    written = encode(data).decode()
    if (written.rstrip("=") if url else written) != text:
        fail("not canonical base64")
    return data


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def load(text: str) -> object:
    try:
        value = json.loads(text, parse_constant=lambda _: fail("not JSON"))
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        fail("not JSON")
    return value


def canonical(value: object) -> str:
    """RFC 8785 for objects, arrays, texts and whole numbers."""
    match value:
        case dict():
            ordered = sorted(value.items(), key=lambda pair: pair[0].encode("utf-16-be"))
            return "{" + ",".join(canonical(key) + ":" + canonical(item) for key, item in ordered) + "}"
        case list():
            return "[" + ",".join(map(canonical, value)) + "]"
        case float():
            fail("a leaf holds no fractions")
        case int() if not -LARGEST <= value <= LARGEST:
            fail("a leaf's number is too large")
    return json.dumps(value, ensure_ascii=False)


def read(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        fail(f"{path.name} cannot be read")


# Checkpoint


def open_checkpoint(note: str, vkey: str) -> tuple[int, bytes]:
    """The size and root that the key `vkey` signed for the log of its name."""
    name, key_id, encoded = vkey.split("+", 2) if vkey.count("+") >= 2 else fail("not a verifier key")
    key = unbase64(encoded)
    if not fits_name(name) or len(key) != 33 or key[0] != 1:
        fail("not an Ed25519 verifier key")
    if sha256(name.encode() + b"\n" + key)[:4].hex() != key_id:
        fail("the key id is wrong")
    if any(mark < " " and mark != "\n" for mark in note) or len(note) > 1_000_000:
        fail("the note is malformed")
    gap = note.rfind("\n\n")
    body, lines = note[: gap + 1], note[gap + 2 :].split("\n")
    if gap < 0 or lines.pop() != "" or not 1 <= len(lines) <= 100:
        fail("the note is malformed")
    signatures = [signature for line in lines for signature in signatures_of(line, name, key_id)]
    for signature in signatures:
        check_signature(key[1:], body.encode(), signature)
    if not signatures:
        fail("the key did not sign the checkpoint")
    origin, size, root, *further = [*body[:-1].split("\n"), "", ""]
    if origin != name or not root or "" in further[:-2]:
        fail("the checkpoint is malformed or of another log")
    if not (size.isascii() and size.isdigit()) or str(int(size[:30])) != size or int(size) >= 2**63:
        fail("the size is malformed")
    if len(unbase64(root)) != 32:
        fail("the root is malformed")
    return int(size), unbase64(root)


def fits_name(name: str) -> bool:
    return name != "" and not any(mark.isspace() or mark < " " or mark == "+" for mark in name)


def signatures_of(line: str, name: str, key_id: str) -> Iterator[bytes]:
    dash, space, rest = line[:1], line[1:2], line[2:]
    signer, gap, encoded = rest.partition(" ")
    if dash != "\N{EM DASH}" or space != " " or not gap or not fits_name(signer):
        fail("a signature line is malformed")
    signature = unbase64(encoded)
    if len(signature) < 5:
        fail("a signature is too short")
    if signer == name and signature[:4].hex() == key_id:
        yield signature[4:]


# Tree


def tree_root(hashes: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, level by level: an odd last node moves up unchanged."""
    if not hashes:
        return sha256(b"")
    while len(hashes) > 1:
        pairs = [sha256(b"\x01" + hashes[at] + hashes[at + 1]) for at in range(0, len(hashes) - 1, 2)]
        hashes = pairs + hashes[len(hashes) - len(hashes) % 2 :]
    return hashes[0]


def path_root(index: int, size: int, leaf: bytes, path: list[bytes]) -> bytes:
    """The root that an audit path leads to, by the recursion of RFC 6962 section 2.1.1 read backwards."""
    if size == 1:
        return leaf if not path else fail("the path is too long")
    if not path:
        fail("the path is too short")
    half = 1
    while half * 2 < size:
        half *= 2
    *lower, sibling = path
    if index < half:
        return sha256(b"\x01" + path_root(index, half, leaf, lower) + sibling)
    return sha256(b"\x01" + sibling + path_root(index - half, size - half, leaf, lower))


# Entries


def is_slug(value: object, least: int = 0) -> bool:
    return isinstance(value, str) and least <= len(value) <= 80 and set(value) <= SLUG


def is_commitment(value: object) -> bool:
    return isinstance(value, str) and len(value) == 43 and set(value) <= URL_SAFE


def is_hour(value: object) -> bool:
    if not isinstance(value, str) or not value.isascii():
        return False
    return "".join("0" if mark.isdigit() else mark for mark in value) == "0000-00-00T00:00Z" and value[13:] == ":00Z"


def check_leaf(text: str) -> tuple[str, dict[str, list[str]]]:
    """The kind of a leaf and its commitments by name."""
    leaf = load(text)
    if not isinstance(leaf, dict) or canonical(leaf) != text:
        fail("a leaf is not canonical")
    if sorted(leaf) != ["actor", "channel", "commitments", "facts", "hour", "kind", "policy", "rule", "v"]:
        fail("a leaf has other members")
    held, facts = leaf["commitments"], leaf["facts"]
    plain = all(is_slug(leaf[name]) for name in ("actor", "channel", "policy", "rule")) and is_slug(leaf["kind"], 1)
    if not plain or not is_hour(leaf["hour"]) or type(leaf["v"]) is not int or leaf["v"] != 1:
        fail("a leaf holds what it may not")
    if not isinstance(held, dict) or not isinstance(facts, dict) or not all(is_slug(name, 1) for name in held | facts):
        fail("a leaf's commitments or facts are malformed")
    if not all(is_slug(fact) or type(fact) is int for fact in facts.values()):
        fail("a leaf's facts are malformed")
    listed = {name: value if isinstance(value, list) else [value] for name, value in held.items()}
    if not all(is_commitment(value) for values in listed.values() for value in values):
        fail("a leaf's commitments are malformed")
    return leaf["kind"], listed


def lines_of(path: Path, members: list[str]) -> Iterator[dict[str, object]]:
    text = read(path)
    if text and not text.endswith("\n"):
        fail(f"{path.name} is cut off")
    for line in text.split("\n")[:-1]:
        value = load(line)
        if not isinstance(value, dict) or list(value) != members or type(value["index"]) is not int:
            fail(f"{path.name} holds a malformed line")
        if json.dumps(value, ensure_ascii=False, separators=(",", ":")) != line:
            fail(f"{path.name} holds a line that is not compact")
        yield value


def texts(value: object) -> list[str]:
    return value if isinstance(value, list) and all(isinstance(text, str) for text in value) else fail("not texts")


def check_disclosure(text: str, wanted: dict[str, str]) -> str:
    try:
        array = load(unbase64(text, url=True).decode())
    except UnicodeDecodeError:
        fail("a disclosure is not text")
    if not isinstance(array, list) or len(array) != 3 or not isinstance(array[0], str):
        fail("a disclosure is malformed")
    digest = base64url(sha256(text.encode()))
    if not isinstance(array[1], str) or wanted.get(digest) != array[1]:
        fail("a disclosure fits no commitment")
    return digest


def by_entry(path: Path, members: list[str], size: int) -> dict[int, list[dict[str, object]]]:
    grouped: dict[int, list[dict[str, object]]] = {}
    last = 0
    for line in lines_of(path, members):
        index = line["index"]
        if not isinstance(index, int) or not last <= index < size:
            fail(f"{path.name} is out of order")
        last = index
        grouped.setdefault(index, []).append(line)
    return grouped


def key_of(path: Path) -> str:
    line, *rest = read(path / "key.txt").split("\n")
    return line if rest == [""] else fail("key.txt is not one line")


def verify_export(path: Path, vkey: str | None) -> dict[str, object]:
    size, root = open_checkpoint(read(path / "checkpoint.txt"), key_of(path) if vkey is None else vkey)
    openings = by_entry(path / "openings.ndjson", ["index", "disclosures"], size)
    batches = by_entry(path / "batches.ndjson", ["index", "name", "commitments"], size)
    hashes: list[bytes] = []
    kinds: dict[str, int] = {}
    opened = erased = 0
    for line in lines_of(path / "entries.ndjson", ["index", "leaf"]):
        if line["index"] != len(hashes) or not isinstance(line["leaf"], str):
            fail("an entry is missing or malformed")
        kind, held = check_leaf(line["leaf"])
        kinds[kind] = kinds.get(kind, 0) + 1
        wanted = {text: name for name in sorted(held) for text in held[name]}
        below: dict[str, str] = {}
        for batch in batches.get(len(hashes), []):
            members = texts(batch["commitments"])
            top = base64url(tree_root([sha256(b"\x00" + text.encode()) for text in members]))
            if not all(map(is_commitment, members)) or top not in wanted or wanted.pop(top) != batch["name"]:
                fail("a batch does not lead to its root")
            below |= {text: str(batch["name"]) for text in members}
        wanted |= below
        shown = [text for opening in openings.get(len(hashes), []) for text in texts(opening["disclosures"])]
        digests = {check_disclosure(text, wanted) for text in shown}
        if len(digests) != len(shown):
            fail("a commitment is opened twice")
        opened, erased = opened + len(shown), erased + len(wanted) - len(shown)
        hashes.append(sha256(b"\x00" + line["leaf"].encode()))
    if len(hashes) != size or tree_root(hashes) != root:
        fail("the entries do not lead to the checkpoint's root")
    return {"size": size, "root": root.hex(), "kinds": kinds, "openings": opened, "erased": erased}


def verify_proof(path: Path, leaf: bytes, vkey: str) -> dict[str, object]:
    head, gap, note = read(path).partition("\n\n")
    lines = head.split("\n")
    if not gap or lines.pop(0) != "c2sp.org/tlog-proof@v1":
        fail("not a proof")
    if lines and lines[0].startswith("extra ") and not unbase64(lines.pop(0)[6:]):
        fail("the extra line is empty")
    number = lines.pop(0) if lines else ""
    index = int(number[6:26]) if number[6:26].isascii() and number[6:26].isdigit() else 0
    if number != f"index {index}":
        fail("the proof names no index")
    size, root = open_checkpoint(note, vkey)
    path_hashes = [unbase64(line) for line in lines]
    if index >= size or any(len(value) != 32 for value in path_hashes):
        fail("the proof does not fit the tree")
    if path_root(index, size, sha256(b"\x00" + leaf), path_hashes) != root:
        fail("the proof leads to another root")
    return {"index": index, "size": size, "root": root.hex()}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    export = commands.add_parser("export")
    export.add_argument("--vkey")
    export.add_argument("paths", nargs="+", type=Path)
    proof = commands.add_parser("proof")
    proof.add_argument("--vkey", required=True)
    proof.add_argument("leaf", type=Path)
    proof.add_argument("paths", nargs="+", type=Path)
    arguments = parser.parse_args()
    good = True
    for path in arguments.paths:
        try:
            if arguments.command == "export":
                result = verify_export(path, arguments.vkey)
            else:
                result = verify_proof(path, arguments.leaf.read_bytes(), arguments.vkey)
            result = {"ok": True, **result}
        except Fault as fault:
            good, result = False, {"ok": False, "fault": str(fault)}
        sys.stdout.write(json.dumps(result) + "\n")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
