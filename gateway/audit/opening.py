"""The opening of a leaf: its disclosures, kept beside the log and erased with the person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from gateway.audit.commitments import commitment, disclosure, open_disclosure, salts
from gateway.kernel.errors import IntegrityError


@dataclass(frozen=True, slots=True)
class Opening:
    """The erasable side of one leaf: disclosure texts, whose order does not matter."""

    disclosures: tuple[str, ...] = field(repr=False)

    @classmethod
    def from_bytes(cls, data: bytes) -> Opening:
        """A JSON array of disclosure texts -> Opening. Raises IntegrityError for anything else."""
        try:
            texts = orjson.loads(data)
        except orjson.JSONDecodeError:
            raise IntegrityError("an opening is a JSON array of texts") from None
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise IntegrityError("an opening is a JSON array of texts")
        return cls(tuple(texts))

    def to_bytes(self) -> bytes:
        """The JSON array that the side table stores."""
        return orjson.dumps(self.disclosures)

    def values(self) -> list[tuple[str, object]]:
        """(name, value) of each disclosure. Raises IntegrityError when a text is no disclosure."""
        return [open_disclosure(text) for text in self.disclosures]


def sealed(values: Mapping[str, object]) -> tuple[dict[str, str], bytes]:
    """Values by name -> (commitments by name for the leaf, bytes of the opening for the side table).

    Every value gets a fresh salt. Raises InvalidInput for a value JSON cannot hold.
    """
    drawn = zip(salts(len(values)), values.items(), strict=True)
    texts = [disclosure(salt, name, value) for salt, (name, value) in drawn]
    return dict(zip(values, map(commitment, texts), strict=True)), orjson.dumps(texts)
