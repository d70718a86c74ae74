"""base64url text as a string of bits, read from the left: what TCF and GPP strings are made of."""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from typing import Final

from gateway.consent.signals.errors import MalformedSignal

MAX_LENGTH: Final = 16_384
"""Characters of a whole consent string: bit fields of 1,500 vendors in every segment take 1,300."""

BYTES: Final = 12
"""Most encoders fill a segment up to whole bytes and then to whole characters: fewer than 12 zeros."""

GROUPS: Final = 24
"""For TCF v2 the IAB's encoders fill up to whole groups of three bytes: fewer than 24."""

_STANDARD: Final = bytes.maketrans(b"-_+/=", b"+/!!!")
"""To the alphabet that binascii reads; what base64url does not have becomes what neither has."""

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

    __slots__ = ("_at", "_data", "_size", "field")

    def __init__(self, segment: str, field: str) -> None:
        fill = -len(segment) % 4
        try:
            standard = segment.encode("ascii").translate(_STANDARD) + b"A" * fill
            data = binascii.a2b_base64(standard, strict_mode=True)
        except ValueError:
            data = b""
        if not data:
            message = "a segment has at least one character, and only letters, digits, - and _"
            raise MalformedSignal(message, field=field, rule="not_base64url")
        self._data = data
        self._size = 6 * len(segment)
        self._at = 0
        self.field = field

    def take(self, width: int) -> int:
        """The next `width` bits as an unsigned number."""
        at = self._at
        self.skip(width)
        end = self._at
        return int.from_bytes(self._data[at >> 3 : end + 7 >> 3]) >> (-end & 7) & (1 << width) - 1

    def take_each(self, widths: Sequence[int]) -> list[int]:
        """One unsigned number of each width."""
        left = sum(widths)
        number = self.take(left)
        return [number >> (left := left - width) & (1 << width) - 1 for width in widths]

    def take_fibonacci(self) -> int:
        """A number in Fibonacci coding, which ends with two ones; at most 24 bits, as no id is larger."""
        longest = len(_FIBONACCI) + 1
        coded = f"{self.peek(longest):0{longest}b}"
        end = coded.find("11") + 1
        if not end:
            raise self.damaged("a number does not end, or is larger than every id", "bad_number")
        self.skip(end + 1)
        return sum(number for number, bit in zip(_FIBONACCI, coded[:end], strict=False) if bit == "1")

    def peek(self, width: int) -> int:
        """The next `width` bits as an unsigned number, with zeros behind the last bit; they are not taken."""
        start, end = self._at >> 3, self._at + width
        stop = end + 7 >> 3
        return int.from_bytes(self._data[start:stop].ljust(stop - start, b"\0")) >> (-end & 7) & (1 << width) - 1

    def skip(self, width: int) -> None:
        """Leave `width` bits out."""
        self._at += width
        if self._at > self._size:
            raise self.damaged("a segment ends before its last field", "truncated")

    def finish(self, fill: int = BYTES) -> None:
        """Nothing may follow but zeros, and fewer than `fill` of them.

        Raises MalformedSignal (rule trailing_bits).
        """
        left = self._size - self._at
        if left >= fill or self.peek(left):
            raise self.damaged("a segment goes on after its last field", "trailing_bits")

    def damaged(self, message: str, rule: str) -> MalformedSignal:
        """The error to raise for what these bits say."""
        return MalformedSignal(message, field=self.field, rule=rule)
