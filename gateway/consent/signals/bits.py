"""base64url text as a string of bits, read from the left: what TCF and GPP strings are made of."""

from __future__ import annotations

import binascii
import re
from typing import Final

from gateway.consent.signals.errors import MalformedSignal

MAX_LENGTH: Final = 16_384
"""Characters of a whole consent string: bit fields of 1,500 vendors in every segment take 1,300."""

BYTES: Final = 12
"""Most encoders fill a segment up to whole bytes and then to whole characters: fewer than 12 zeros."""

GROUPS: Final = 24
"""For TCF v2 the IAB's encoders fill up to whole groups of three bytes: fewer than 24."""

_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_STANDARD: Final = str.maketrans("-_", "+/")
_FIBONACCI: Final = (
    *(1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987),
    *(1597, 2584, 4181, 6765, 10946, 17711, 28657, 46368),
)


def check_length(text: str, field: str) -> None:
    """A whole consent string. Raises MalformedSignal (rule too_long)."""
    if len(text) > MAX_LENGTH:
        raise MalformedSignal(f"at most {MAX_LENGTH} characters are allowed", field=field, rule="too_long")


class Bits:
    """The bits of one base64url segment without padding (RFC 4648 section 5), 6 a character.

    `field` is what errors call the signal. Every method raises MalformedSignal and nothing else.
    """

    __slots__ = ("_at", "_text", "field")

    def __init__(self, segment: str, field: str) -> None:
        if not _BASE64URL.fullmatch(segment):
            message = "a segment has at least one character, and only letters, digits, - and _"
            raise MalformedSignal(message, field=field, rule="not_base64url")
        whole = segment.translate(_STANDARD) + "A" * (-len(segment) % 4)
        number = int.from_bytes(binascii.a2b_base64(whole))
        self._text = format(number, f"0{6 * len(whole)}b")[: 6 * len(segment)]
        self._at = 0
        self.field = field

    def take(self, width: int) -> int:
        """The next `width` bits, at least one, as an unsigned number."""
        return int(self._next(width), 2)

    def take_set(self, width: int) -> int:
        """The next `width` bits, the first of which stands for 1 -> a number whose bit n is that of n."""
        return int(self._next(width)[::-1] + "0", 2)

    def take_fibonacci(self) -> int:
        """A number in Fibonacci coding, which ends with two ones; at most 24 bits, as no id is larger."""
        end = self._text.find("11", self._at) + 1
        if not end:
            raise self._truncated()
        coded = self._text[self._at : end]
        if len(coded) > len(_FIBONACCI):
            raise self.damaged("a number is larger than every id", "out_of_range")
        self._at = end + 1
        return sum(number for number, bit in zip(_FIBONACCI, coded, strict=False) if bit == "1")

    def finish(self, fill: int = BYTES) -> None:
        """Nothing may follow but zeros, and fewer than `fill` of them.

        Raises MalformedSignal (rule trailing_bits).
        """
        rest = self._text[self._at :]
        if len(rest) >= fill or "1" in rest:
            raise self.damaged("a segment goes on after its last field", "trailing_bits")

    def damaged(self, message: str, rule: str) -> MalformedSignal:
        """The error to raise for what these bits say."""
        return MalformedSignal(message, field=self.field, rule=rule)

    def _next(self, width: int) -> str:
        start = self._at
        end = self._at = start + width
        if end > len(self._text):
            raise self._truncated()
        return self._text[start:end]

    def _truncated(self) -> MalformedSignal:
        return self.damaged("a segment ends before its last field", "truncated")
