"""TC strings decoded, against `iab-tcf`, the decoder that PyPI has for Python.

The strings are all different. Each has 500 vendors with consent, 500 with legitimate interest and 500 disclosed, of
1,200, in bit fields or in 20 ranges each. Both decoders are timed in turn, in two ways: decoding with a look-up of one
vendor, and decoding with the vendors of consent and of legitimate interest listed in full. Printed are the medians of
all rounds and their ratio.

    pip install iab-tcf
    python -m benchmarks.consent_signals [--strings 4000] [--rounds 7] [--json]

Without iab-tcf only the gateway's own figures are printed.
"""

from __future__ import annotations

import argparse
import base64
import importlib
import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any, Final

from gateway.consent.signals.tcf import decode_tcf

_VENDORS: Final = 500
_HIGHEST: Final = 1_200
_RANGES: Final = 20
_WANTED: Final = 100
_SLOWER: Final = 10
"""iab-tcf decodes every tenth string, or a run would take minutes."""

Way = Callable[[str], object]
_CREATED: Final = 17_400_000_000  # deciseconds: in February 2025


def samples(count: int, form: str) -> list[str]:
    """Strings whose vendors are written in the form "bit field" or "ranges"."""
    draw = random.Random(1)
    write = {"bit field": _bit_field, "ranges": _ranges}[form]
    return [_sample(draw, write, number) for number in range(count)]


def _sample(draw: random.Random, write: Callable[[random.Random], str], number: int) -> str:
    created = f"{_CREATED + number * 864_000 % 100_000_000:036b}"
    core = f"{2:06b}{created}{created}{10:012b}{3:012b}{1:06b}{4:06b}{13:06b}{85:012b}{4:06b}10"
    purposes = "".join(draw.choices("01", k=12 + 24 + 24 + 1))
    core += f"{purposes}{3:06b}{4:06b}{write(draw)}{write(draw)}{0:012b}"
    return f"{_text(core)}.{_text('001' + write(draw))}"


def _bit_field(draw: random.Random) -> str:
    chosen = set(draw.sample(range(1, _HIGHEST + 1), _VENDORS))
    return f"{_HIGHEST:016b}0" + "".join("01"[one in chosen] for one in range(1, _HIGHEST + 1))


def _ranges(draw: random.Random) -> str:
    """Ranges of equal length, one somewhere in every stretch of ids. An encoder would choose them up to 36."""
    stretch, length = _HIGHEST // _RANGES, _VENDORS // _RANGES
    starts = [1 + stretch * one + draw.randrange(stretch - length) for one in range(_RANGES)]
    entries = "".join(f"1{start:016b}{start + length - 1:016b}" for start in starts)
    return f"{_HIGHEST:016b}1{_RANGES:012b}{entries}"


def _text(bits: str) -> str:
    filled = bits + "0" * (-len(bits) % 24)
    return base64.urlsafe_b64encode(int(filled, 2).to_bytes(len(filled) // 8)).decode()


def look_up(text: str) -> object:
    """Decode, and ask for one vendor."""
    return _WANTED in decode_tcf(text).vendor_consents


def list_all(text: str) -> object:
    """Decode, and list both sets of vendors."""
    decoded = decode_tcf(text)
    return list(decoded.vendor_consents), list(decoded.vendor_legitimate_interests)


def others() -> tuple[Way, Way] | None:
    """The same of iab-tcf; None where it is not installed."""
    try:
        decode = importlib.import_module("iab_tcf").decode
    except ImportError:
        return None

    def listed(decoded: Any, kind: str) -> list[int]:  # noqa: ANN401 - iab-tcf has no types
        if hasattr(decoded, f"{kind}_range"):
            return [one for start, end in getattr(decoded, f"{kind}_range") for one in range(start, end + 1)]
        return [one for one, chosen in getattr(decoded, kind).items() if chosen]

    def both(text: str) -> object:
        decoded = decode(text)
        return listed(decoded, "consented_vendors"), listed(decoded, "interests_vendors")

    return (lambda text: decode(text).is_vendor_allowed(_WANTED)), both


def rate(way: Way, texts: Sequence[str]) -> float:
    """Strings per second."""
    began = time.perf_counter()
    for text in texts:
        way(text)
    return len(texts) / (time.perf_counter() - began)


def measure(count: int, rounds: int) -> dict[str, float]:
    """Strings of each form and rounds -> figures."""
    figures: dict[str, float] = {}
    theirs = others()
    for form in ("bit field", "ranges"):
        texts = samples(count, form)
        few = texts[: max(count // _SLOWER, 1)]
        for place, (name, ours) in enumerate((("look-up", look_up), ("listed", list_all))):
            if theirs and ours(texts[0]) != theirs[place](texts[0]):
                raise SystemExit(f"iab-tcf decodes another string ({form}, {name})")
            pairs = [(rate(ours, texts), rate(theirs[place], few) if theirs else None) for _ in range(rounds)]
            figures[f"{form}, {name}"] = round(median(one for one, _ in pairs))
            rivals = [(one, other) for one, other in pairs if other]
            if rivals:
                figures[f"{form}, {name}, iab-tcf"] = round(median(other for _, other in rivals))
                figures[f"{form}, {name}, ratio"] = round(median(one / other for one, other in rivals), 1)
    return figures


def main(argv: Sequence[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--strings", type=int, default=4_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(argv)
    figures = measure(given.strings, given.rounds)
    if given.json:
        sys.stdout.write(json.dumps(figures) + "\n")
        return
    for name, value in figures.items():
        sys.stdout.write(f"{name:>27}  {value:,} {'' if name.endswith('ratio') else 'strings/s'}\n")
    if others() is None:
        sys.stdout.write("to compare with iab-tcf: pip install iab-tcf\n")


if __name__ == "__main__":
    main()
