"""The demo's search: it finds what is in the block, tries every number once, and its figures are the plan's."""

from __future__ import annotations

import re
from hashlib import sha256

import pytest
from phonenumbers import PhoneMetadata, PhoneNumberDesc

from gateway.entrypoints.demo import hashes
from gateway.entrypoints.demo.bruteforce import CHUNK, CORES, search
from gateway.entrypoints.demo.story import HEROINE

ROUND = CORES * CHUNK


def digest(number: int) -> bytes:
    return sha256(b"+4670%07d" % number).digest()


@pytest.mark.parametrize("size", [1, CHUNK, CHUNK + 1, 2 * ROUND + 7])
def test_the_first_and_the_last_number_of_a_block_are_found_and_the_next_is_not(size: int) -> None:
    counted: list[int] = []
    done = search("+4670", 7, size, {digest(0), digest(size - 1), digest(size), bytes(32)}, counted.append)
    assert sorted(done.found) == sorted({"+46700000000", f"+4670{size - 1:07d}"})
    assert done.tried == sum(counted) == size
    assert done.rate == done.tried / done.seconds
    assert "+46" not in repr(done)


def test_her_number_is_in_the_smallest_block() -> None:
    assert HEROINE.phone.startswith(hashes.PREFIX)
    tail = HEROINE.phone.removeprefix(hashes.PREFIX)
    assert len(tail) == hashes.DIGITS
    assert int(tail) < hashes._SMALLEST


def valid(described: PhoneNumberDesc | None) -> int:
    """How many numbers a description admits, where the first three digits and the length decide."""
    assert described is not None
    assert described.national_number_pattern is not None
    pattern = re.compile(described.national_number_pattern)
    total = 0
    for length in described.possible_length:
        for start in range(1000):
            admitted = {pattern.fullmatch(f"{start:03d}{last * (length - 3)}") is not None for last in "0123456789"}
            assert len(admitted) == 1
            total += admitted.pop() * 10 ** (length - 3)
    return total


def test_the_plan_has_as_many_numbers_as_the_demo_says() -> None:
    sweden = PhoneMetadata.metadata_for_region("SE")
    assert sweden is not None
    assert (valid(sweden.mobile), valid(sweden.fixed_line)) == (hashes.MOBILE, hashes.FIXED)
