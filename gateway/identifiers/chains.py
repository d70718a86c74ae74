"""Chains of key versions: which versions of the match key, in which order, made a token.

A chain begins with the version that keyed the digest; each version after it wrapped the token that was there, without
the digest: token' = HMAC(K[next], token). It is written as one small number, `first version + 256 * wraps`, so that 1
is the chain of the first key alone, 257 that of the first key wrapped by the second, 2 that of the second alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

MOST_VERSIONS: Final = 127
"""What the number has room for: a tenant that rotates each month has ten years."""

_WRAP: Final = 256


def chain_of(first: int, last: int) -> int:
    """First and last version -> the chain."""
    return first + _WRAP * (last - first)


def versions(chain: int) -> range:
    """A chain -> its versions, in order."""
    first = chain % _WRAP
    return range(first, first + chain // _WRAP + 1)


def wrapped(chain: int, last: int) -> int:
    """The chain of a token that is wrapped by every version up to `last`."""
    return chain_of(versions(chain)[0], last)


def rotated(chains: Sequence[int], version: int) -> list[int]:
    """Chains in use -> those in use once this version is: its own first, then what is wrapped by it, then as before."""
    return list(dict.fromkeys([chain_of(version, version), *(wrapped(one, version) for one in chains), *chains]))


def newest_version(chains: Iterable[int]) -> int:
    """The newest version that chains in use contain."""
    return max(versions(chain)[-1] for chain in chains)


def chain_name(chain: int) -> str:
    """As people read and write it: `1`, `1-2`."""
    first, last = versions(chain)[0], versions(chain)[-1]
    return f"{first}" if first == last else f"{first}-{last}"
