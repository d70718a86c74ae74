"""Checkpoints: the tree's size and root as a C2SP signed note (c2sp.org/signed-note, c2sp.org/tlog-checkpoint).

To accept one, in this order: the note parses; every signature of a known key verifies, and there is at least one;
the text parses as a checkpoint. Signatures of unknown keys (witnesses, rotated keys) are ignored and kept. Parsing is
strict, so that one checkpoint has one text. Each failure raises IntegrityError.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.audit.encodings import from_base64, to_base64
from gateway.audit.merkle import HASH_BYTES, MAX_SIZE
from gateway.kernel.errors import IntegrityError, InvalidInput

ED25519 = 0x01
MAX_NOTE = 1_000_000
MAX_SIGNATURES = 100
_KEY_ID_BYTES = 4
_MARK = "\u2014 "
_UNFIT = re.compile(r"[\x00-\x09\x0b-\x1f\ud800-\udfff]")
_LINE = re.compile(r"[^\x00-\x1f\ud800-\udfff]+")
_KEY_NAME = re.compile(r"[^\s+\x00-\x1f\ud800-\udfff]+")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of one log: `origin` names it, `size` counts its leaves, `root` is the 32-byte tree hash.

    `extensions` are opaque further lines; this gateway writes none. Raises InvalidInput for what no note can hold.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.size <= MAX_SIZE:
            raise InvalidInput("a checkpoint's size is a count of leaves", field="size", rule="range")
        if len(self.root) != HASH_BYTES:
            raise InvalidInput("a checkpoint's root has 32 bytes", field="root", rule="length")
        if not all(map(_LINE.fullmatch, (self.origin, *self.extensions))):
            raise InvalidInput("a checkpoint's lines are non-empty text", field="origin", rule="text")

    def body(self) -> str:
        """The text that is signed: origin, size, base64 root and extensions, a line each."""
        return "\n".join((self.origin, str(self.size), to_base64(self.root), *self.extensions)) + "\n"


@final
class SigningKey:
    """An Ed25519 key of a log: 32-byte `seed` and key `name`, which should be the log's origin. Never shown.

    Raises InvalidInput when the seed has another length or the name cannot stand in a note.
    """

    __slots__ = ("_private", "_public", "key_id", "name")

    def __init__(self, seed: bytes, name: str) -> None:
        if len(seed) != HASH_BYTES:
            raise InvalidInput("a signing key's seed has 32 bytes", field="seed", rule="length")
        if _KEY_NAME.fullmatch(name) is None:
            raise InvalidInput("a key name has neither space nor plus sign", field="name", rule="text")
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self._public = bytes([ED25519]) + self._private.public_key().public_bytes_raw()
        self.name = name
        self.key_id = _key_id(name, self._public)

    @property
    def vkey(self) -> str:
        """The verifier key text, for publication: `name+hex(key id)+base64(type ‖ public key)`."""
        return f"{self.name}+{self.key_id.hex()}+{to_base64(self._public)}"

    def signature(self, text: str) -> bytes:
        """The 64-byte Ed25519 signature over the note text."""
        return self._private.sign(text.encode())

    def __repr__(self) -> str:
        return f"<SigningKey {self.name} hidden>"

    def __reduce__(self) -> str:
        raise TypeError("SigningKey is never serialized")


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key under which notes are checked: name, 4-byte key id, 32-byte Ed25519 public key."""

    name: str
    key_id: bytes
    public: bytes = field(repr=False)

    @classmethod
    def parse(cls, vkey: str) -> VerifierKey:
        """Verifier key text -> VerifierKey. Raises IntegrityError when it is damaged or not an Ed25519 log key."""
        name, _, rest = vkey.partition("+")
        key_id, gap, encoded = rest.partition("+")
        if not gap or _KEY_NAME.fullmatch(name) is None:
            raise IntegrityError("the verifier key is not of the form name+id+key")
        key = from_base64(encoded)
        if key[:1] != bytes([ED25519]) or len(key) != 1 + HASH_BYTES:
            raise IntegrityError("the verifier key is not an Ed25519 key")
        if _key_id(name, key).hex() != key_id:
            raise IntegrityError("the verifier key's id does not belong to its name and key")
        return cls(name, _key_id(name, key), key[1:])

    def check(self, text: str, signature: bytes) -> None:
        """Check a 64-byte signature over a note text. Raises IntegrityError."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
        except (InvalidSignature, ValueError):
            raise IntegrityError("the signature of a known key does not verify") from None


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line: key name, 4-byte key id, the bytes after it."""

    name: str
    key_id: bytes
    value: bytes = field(repr=False)

    def line(self) -> str:
        """The line as it stands in a note, with its newline."""
        return f"{_MARK}{self.name} {to_base64(self.key_id + self.value)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A signed note: its text, ending in a newline, and all its signatures, known or not."""

    text: str
    signatures: tuple[NoteSignature, ...]

    def render(self) -> str:
        """The whole note; what `parse_note` read comes out unchanged."""
        return self.text + "\n" + "".join(signature.line() for signature in self.signatures)


def sign(checkpoint: Checkpoint, key: SigningKey) -> str:
    """Checkpoint -> the text of a note signed by `key`."""
    text = checkpoint.body()
    return Note(text, (NoteSignature(key.name, key.key_id, key.signature(text)),)).render()


def parse_note(text: str) -> Note:
    """Note text -> Note; no signature is checked. Raises IntegrityError when it is no signed note."""
    if len(text) > MAX_NOTE:
        raise IntegrityError("the note is too long")
    if _UNFIT.search(text):
        raise IntegrityError("the note holds a control character or a lone surrogate")
    body, gap, tail = text.rpartition("\n\n")
    if not gap or not tail.endswith("\n"):
        raise IntegrityError("the note is not a text, an empty line and signature lines")
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise IntegrityError("the note has too many signatures")
    return Note(body + "\n", tuple(_parse_signature(line) for line in lines))


def open_note(text: str, verifier_keys: Iterable[VerifierKey]) -> str:
    """Note text -> the signed text, once at least one known key's signature stands and none fails.

    Raises IntegrityError.
    """
    note = parse_note(text)
    known = {(key.name, key.key_id): key for key in verifier_keys}
    verified = 0
    for signature in note.signatures:
        key = known.get((signature.name, signature.key_id))
        if key is not None:
            key.check(note.text, signature.value)
            verified += 1
    if not verified:
        raise IntegrityError("the note bears no signature of a known key")
    return note.text


def open_checkpoint(note_text: str, verifier_keys: Iterable[VerifierKey]) -> Checkpoint:
    """Note text -> the checkpoint that known keys signed.

    Unknown signatures are ignored. Raises IntegrityError for a bad signature of a known key, for no known one, and
    for text that is not exactly a checkpoint. Whether `origin` is the wanted log is the caller's question.
    """
    text = open_note(note_text, verifier_keys)
    match text[:-1].split("\n"):
        case [origin, size, encoded, *extensions] if all((origin, size, encoded, *extensions)):
            root = from_base64(encoded)
        case _:
            raise IntegrityError("a checkpoint is a line each for origin, size and root")
    if _SIZE.fullmatch(size) is None or int(size) > MAX_SIZE:
        raise IntegrityError("the checkpoint's size is not a plain number")
    if len(root) != HASH_BYTES:
        raise IntegrityError("the checkpoint's root has not 32 bytes")
    return Checkpoint(origin, int(size), root, tuple(extensions))


def _parse_signature(line: str) -> NoteSignature:
    name, gap, encoded = line.removeprefix(_MARK).partition(" ")
    if not line.startswith(_MARK) or not gap or _KEY_NAME.fullmatch(name) is None:
        raise IntegrityError("a signature line of the note is not of the form — name signature")
    value = from_base64(encoded)
    if len(value) <= _KEY_ID_BYTES:
        raise IntegrityError("a signature of the note is too short")
    return NoteSignature(name, value[:_KEY_ID_BYTES], value[_KEY_ID_BYTES:])


def _key_id(name: str, key: bytes) -> bytes:
    """First 4 bytes of SHA-256(name ‖ newline ‖ type ‖ public key)."""
    return sha256(name.encode() + b"\n" + key).digest()[:_KEY_ID_BYTES]
