"""JSON documents signed with a log's key: Ed25519 (RFC 8032) over their canonical form (RFC 8785).

A document is a JSON object whose member `signature` names algorithm, key and key id, and holds the signature's value
over the canonical form of everything but that value. A file of one is exactly its canonical form, so that no byte of
it can change unseen. A canonical form has no line break: it is never the text of a note, nor a note's text one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from gateway.audit.canonical import canonical
from gateway.audit.checkpoint import SigningKey, VerifierKey
from gateway.audit.encodings import from_base64, to_base64
from gateway.kernel.errors import IntegrityError, InvalidInput

ALGORITHM = "Ed25519"


def sign_document(document: Mapping[str, object], key: SigningKey) -> bytes:
    """A JSON object without the member `signature` -> the bytes of its signed file.

    Raises InvalidInput for what canonical JSON cannot hold.
    """
    named = {"algorithm": ALGORITHM, "key": key.name, "key_id": key.key_id.hex()}
    value = to_base64(key.signature(_text({**document, "signature": named})))
    return canonical({**document, "signature": {**named, "value": value}})


def open_document(data: bytes, key: VerifierKey) -> dict[str, Any]:
    """The bytes of a signed file, perhaps with a line break at their end -> the object, once its signature verifies.

    Raises IntegrityError.
    """
    document = _read(data.removesuffix(b"\n"))
    signature = document["signature"] if isinstance(document.get("signature"), dict) else {}
    value = signature.get("value")
    named = {name: member for name, member in signature.items() if name != "value"}
    if named.keys() != {"algorithm", "key", "key_id"} or not isinstance(value, str):
        raise IntegrityError("the file bears no signature")
    if named != {"algorithm": ALGORITHM, "key": key.name, "key_id": key.key_id.hex()}:
        raise IntegrityError("the file is signed with another key than the one given")
    key.check(_text({**document, "signature": named}), from_base64(value))
    return document


def _read(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
        if isinstance(document, dict) and canonical(document) == body:
            return document
    except (orjson.JSONDecodeError, InvalidInput):
        pass
    raise IntegrityError("the file is not a JSON object in its canonical form: it was changed or cut")


def _text(document: Mapping[str, object]) -> str:
    return canonical(dict(document)).decode()
