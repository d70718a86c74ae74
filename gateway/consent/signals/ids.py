"""Sets of ids from 1 on (vendors, purposes) and the forms in which TCF and GPP write them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import compress
from typing import Final

from gateway.consent.signals.bits import Bits

_ONES: Final = bytes.maketrans(b"01", b"\x00\x01")


@dataclass(frozen=True, slots=True)
class IdSet:
    """Ids from 1 to `size`: the first of so many `bits` stands for id 1, as in the string, and the last for id `size`.

    `n in ids`, `len(ids)`, and iteration in ascending order.
    """

    bits: int
    size: int

    def __contains__(self, number: int) -> bool:
        return 0 < number <= self.size and bool(self.bits >> self.size - number & 1)

    def __iter__(self) -> Iterator[int]:
        return compress(range(1, self.size + 1), f"{self.bits:0{self.size}b}".encode().translate(_ONES))

    def __len__(self) -> int:
        return self.bits.bit_count()


Ranges = Callable[[Bits, int], IdSet]
"""Reads ranges of ids off the front; the number is the highest id there may be."""

HIGHEST: Final = 0xFFFF

_ENTRY: Final = 33
_SINGLE: Final = 17
_ONE_ENTRY: Final = (1 << _ENTRY) - 1


def read_fixed_ranges(bits: Bits, highest: int = HIGHEST) -> IdSet:
    """NumEntries 12 × (IsARange 1, Start 16, [End 16]), as in TCF v2 -> the ids, see `Ranges`.

    Raises MalformedSignal where ids do not ascend from 1, a range ends before it starts, or one goes beyond `highest`.
    """
    count = bits.take(12)
    left = size = count * _ENTRY
    entries = bits.peek(size)
    found = last = 0
    for _ in range(count):
        entry = entries >> left - _ENTRY & _ONE_ENTRY
        start = entry >> 16 & HIGHEST
        if entry >> 32:
            end = entry & HIGHEST
            left -= _ENTRY
        else:
            end = start
            left -= _SINGLE
        if not last < start <= end <= highest:
            raise bits.damaged("the ids of ranges do not ascend from 1 to the highest", "bad_range")
        found = found << end - last | (2 << end - start) - 1
        last = end
    bits.skip(size - left)
    return IdSet(found, last)


def read_fibonacci_ranges(bits: Bits, highest: int) -> IdSet:
    """Amount 12 × (IsARange 1, offset from the id before, [offset from the start]), as in GPP -> the ids, see `Ranges`.

    Offsets are in Fibonacci coding, so at least 1: ids always ascend. Raises MalformedSignal where the last is not
    `highest`: that tells these ranges from those of TCF v2.
    """
    found = last = 0
    for _ in range(bits.take(12)):
        is_range = bits.take(1)
        before = bits.take_fibonacci()
        more = bits.take_fibonacci() if is_range else 0
        last += before + more
        if last > highest:
            break
        found = found << before + more | (2 << more) - 1
    if last != highest:
        raise bits.damaged("the ranges do not end at the highest id", "bad_range")
    return IdSet(found, last)


def read_ids(bits: Bits, read_ranges: Ranges = read_fixed_ranges) -> IdSet:
    """MaxVendorId 16, IsRangeEncoding 1, then a bit field of that many bits, or ranges. Raises MalformedSignal."""
    highest, is_range = divmod(bits.take(17), 2)
    return read_ranges(bits, highest) if is_range else read_flags(bits, highest)


def read_flags(bits: Bits, size: int) -> IdSet:
    """A bit field -> the ids whose bit is set. Raises MalformedSignal."""
    return IdSet(bits.take(size), size)
