"""Scene 5: a bare SHA-256 of her phone number is found again by trying numbers, and her pseudonym is not.

The block of numbers is made as large as this machine searches in about two seconds, and holds her number in any case.
"""

from __future__ import annotations

import math
import sqlite3
import time
from contextlib import closing
from hashlib import sha256
from typing import Final

from gateway.entrypoints.demo.bruteforce import CHUNK, CORES, Search, matches, search
from gateway.entrypoints.demo.stage import Stage
from gateway.entrypoints.demo.story import HEROINE
from gateway.identifiers.keys import KEY_BYTES
from gateway.identifiers.model import Digest
from gateway.identifiers.pseudonyms import Pseudonymizer

PREFIX: Final = "+4670"
DIGITS: Final = 7
"""One of Sweden's prefixes of mobile numbers, and the digits behind it."""

MOBILE: Final = 60_000_000
FIXED: Final = 598_790_000
"""Sweden's valid mobile and fixed-line numbers by libphonenumber's metadata; a test counts them."""

_SECONDS: Final = 2.0
_SMALLEST: Final = 2_000_000
_YEAR: Final = 365 * 24 * 3600


def show_search(stage: Stage) -> None:
    """Search for the digest an advertising platform is sent, then for what the store holds."""
    digest = sha256(HEROINE.phone.encode()).digest()
    size = _block()
    stage.say(f"An advertising platform is sent the SHA-256 of her number: {digest.hex()[:16]}…")
    stage.say(f"Anybody can form that of every number. Here {CORES} cores do, for the first {size:,} behind {PREFIX}:")
    bare = _search(stage, size, {digest}, "bare hash")
    for number in bare.found:
        whose = "hers" if number == HEROINE.phone else "somebody else's"
        stage.fact("found", f"{number[:5]}*****{number[-2:]}: it is {whose}", "bold red")
    stage.fact("measured", f"{bare.rate:,.0f} numbers a second")
    stage.fact("mobile", f"all {MOBILE:,} mobile numbers of Sweden would take {_duration(MOBILE / bare.rate)}")
    everything = MOBILE + FIXED
    stage.fact("all", f"with its fixed lines, {everything:,}: {_duration(everything / bare.rate)}")
    stage.fact("", "How many numbers are valid is counted from libphonenumber's metadata.", "dim")
    tokens = _stolen(stage)
    stage.say(f"Now somebody has stolen the database: {len(tokens)} pseudonyms of phones, hers among them.")
    kept = _search(stage, size, tokens, "pseudonyms")
    stage.fact("found", f"{len(kept.found)} of {len(tokens)}, in the same numbers", "bold green")
    years = math.log10(2 ** (8 * KEY_BYTES) / bare.rate / _YEAR)
    stage.fact("because", f"a pseudonym is an HMAC under a key of {KEY_BYTES} bytes, which the database does not hold.")
    stage.fact("", f"To try one number under each of the 2^{8 * KEY_BYTES} keys takes 10^{years:.0f} years.")
    token = Pseudonymizer(stage.gateway.keys.tenant(stage.tenant_id)).all([Digest("phone", digest)])[0].token
    known = "it is one of them" if token in tokens else "it is none of them"
    stage.fact("the key", f"With the key her number's pseudonym is formed at once, and {known}: guard it.", "yellow")


def _block() -> int:
    """How many numbers take about two seconds here, by a quick try on one core; in whole chunks."""
    started = time.perf_counter()
    list(matches(PREFIX, DIGITS, range(CHUNK), frozenset({b""})))
    chunks = CORES * _SECONDS / (time.perf_counter() - started)
    return min(max(_SMALLEST, round(chunks) * CHUNK), 10**DIGITS)


def _search(stage: Stage, size: int, digests: set[bytes], what: str) -> Search:
    with stage.progress(size) as advance:
        return search(PREFIX, DIGITS, size, digests, lambda done: advance(done, what))


def _stolen(stage: Stage) -> set[bytes]:
    """What somebody reads who has the database's file and nothing else."""
    with closing(sqlite3.connect(f"{(stage.directory / 'gateway.db').as_uri()}?mode=ro", uri=True)) as stolen:
        return {token for (token,) in stolen.execute("SELECT token FROM pseudonym WHERE kind = 'phone'")}


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} seconds" if seconds < 120 else f"{seconds / 60:.1f} minutes"
