"""Sets of ids from 1 on (vendors, purposes), in the two forms in which TCF and GPP write them.

Both answer `n in ids`, `len(ids)`, and list their ids in ascending order. Two forms of the same ids are not equal.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, compress
from typing import Final

from gateway.consent.signals.bits import Bits

HIGHEST: Final = 0xFFFF

_ENTRY: Final = 33
_SINGLE: Final = 17
"""Bits of an entry that is a range, flag and two ids; and of one that is a single id."""

_IDS: Final = tuple(range(HIGHEST + 1))
"""Every id, made once: sets are listed by reference."""

_ONES: Final = bytes.maketrans(b"01", b"\x00\x01")


@dataclass(frozen=True, slots=True)
class IdBits:
    """Ids from 1 to `size`: of so many `bits` the first stands for id 1, as in the string, and the last for `size`."""

    bits: int
    size: int

    def __contains__(self, number: int) -> bool:
        return 0 < number <= self.size and bool(self.bits >> self.size - number & 1)

    def __iter__(self) -> Iterator[int]:
        return compress(_IDS[1 : self.size + 1], f"{self.bits:0{self.size}b}".encode().translate(_ONES))

    def __len__(self) -> int:
        return self.bits.bit_count()


@dataclass(frozen=True, slots=True)
class IdRanges:
    """Ranges of ids in ascending order, none over another, each with its first and its last id."""

    ranges: tuple[tuple[int, int], ...]

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self.ranges, (number, HIGHEST))
        return at > 0 and number <= self.ranges[at - 1][1]

    def __iter__(self) -> Iterator[int]:
        return chain.from_iterable([_IDS[first : last + 1] for first, last in self.ranges])

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self.ranges)


IdSet = IdBits | IdRanges

ReadRanges = Callable[[Bits, int], IdRanges]
"""Reads ranges of ids off the front; the number is the highest id there may be."""


def read_fixed_ranges(bits: Bits, highest: int = HIGHEST) -> IdRanges:
    """NumEntries 12 × (IsARange 1, Start 16, [End 16]), as in TCF v2 -> the ids, see `ReadRanges`.

    Raises MalformedSignal where ids do not ascend from 1, a range ends before it starts, or one goes beyond `highest`.
    """
    count = bits.take(12)
    size = count * _ENTRY
    entries = bits.peek(size)
    behind = size - _ENTRY
    found = []
    last = 0
    for _ in range(count):
        entry = entries >> behind & 0x1FFFFFFFF
        start = end = entry >> 16 & 0xFFFF
        if entry >> 32:
            end = entry & 0xFFFF
            behind -= _ENTRY
        else:
            behind -= _SINGLE
        if not last < start <= end <= highest:
            raise bits.damaged("the ids of ranges do not ascend from 1 to the highest", "bad_range")
        found.append((start, end))
        last = end
    bits.skip(size - _ENTRY - behind)
    return IdRanges(tuple(found))


def read_fibonacci_ranges(bits: Bits, highest: int) -> IdRanges:
    """Amount 12 × (IsARange 1, offset from the id before, [offset from the start]), as in GPP -> see `ReadRanges`.

    Offsets are in Fibonacci coding, so at least 1: ids always ascend. Raises MalformedSignal where one goes beyond
    `highest`.
    """
    found = []
    last = 0
    for _ in range(bits.take(12)):
        is_range = bits.take(1)
        start = last + bits.take_fibonacci()
        last = start + bits.take_fibonacci() if is_range else start
        if last > highest:
            raise bits.damaged("a range goes beyond the highest id", "bad_range")
        found.append((start, last))
    return IdRanges(tuple(found))


def read_ids(bits: Bits, read_ranges: ReadRanges = read_fixed_ranges) -> IdSet:
    """MaxVendorId 16, IsRangeEncoding 1, then a bit field of that many bits, or ranges. Raises MalformedSignal."""
    highest, is_range = divmod(bits.take(17), 2)
    return read_ranges(bits, highest) if is_range else read_flags(bits, highest)


def read_flags(bits: Bits, size: int) -> IdBits:
    """A bit field -> the ids whose bit is set. Raises MalformedSignal."""
    return IdBits(bits.take(size), size)
