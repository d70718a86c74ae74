"""Sets of ids from 1 on (vendors, purposes) and the forms in which TCF and GPP write them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import compress, count
from typing import Final

from gateway.consent.signals.bits import Bits

_ONES: Final = bytes.maketrans(b"01", b"\x00\x01")


@dataclass(frozen=True, slots=True)
class IdSet:
    """Ids from 1 on; bit n of `bits` stands for id n. `n in ids`, `len(ids)`, and iteration in ascending order."""

    bits: int

    def __contains__(self, number: int) -> bool:
        return number > 0 and bool(self.bits >> number & 1)

    def __iter__(self) -> Iterator[int]:
        return compress(count(), f"{self.bits:b}"[::-1].encode().translate(_ONES))

    def __len__(self) -> int:
        return self.bits.bit_count()


Ranges = Callable[[Bits, int], IdSet]
"""Reads ranges of ids off the front; the number is the highest id there may be."""

HIGHEST: Final = 65_535


def read_fixed_ranges(bits: Bits, highest: int = HIGHEST) -> IdSet:
    """NumEntries 12 × (IsARange 1, Start 16, [End 16]), as in TCF v2 -> the ids, see `Ranges`.

    Raises MalformedSignal where ids do not ascend from 1, a range ends before it starts, or one goes beyond `highest`.
    """
    found = last = 0
    for _ in range(bits.take(12)):
        is_range = bits.take(1)
        start = bits.take(16)
        end = bits.take(16) if is_range else start
        if not last < start <= end <= highest:
            raise bits.damaged("the ids of ranges do not ascend from 1 to the highest", "bad_range")
        found |= (2 << end) - (1 << start)
        last = end
    return IdSet(found)


def read_fibonacci_ranges(bits: Bits, highest: int) -> IdSet:
    """Amount 12 × (IsARange 1, offset from the id before, [offset from the start]), as in GPP -> the ids, see `Ranges`.

    Offsets are in Fibonacci coding, so at least 1: ids always ascend. Raises MalformedSignal where the last is not
    `highest`: that tells these ranges from those of TCF v2.
    """
    found = last = 0
    for _ in range(bits.take(12)):
        is_range = bits.take(1)
        start = last + bits.take_fibonacci()
        last = start + bits.take_fibonacci() if is_range else start
        if last > highest:
            break
        found |= (2 << last) - (1 << start)
    if last != highest:
        raise bits.damaged("the ranges do not end at the highest id", "bad_range")
    return IdSet(found)


def read_ids(bits: Bits, read_ranges: Ranges = read_fixed_ranges) -> IdSet:
    """MaxVendorId 16, IsRangeEncoding 1, then a bit field of that many bits, or ranges. Raises MalformedSignal."""
    highest = bits.take(16)
    return read_ranges(bits, highest) if bits.take(1) else IdSet(bits.take_set(highest))
