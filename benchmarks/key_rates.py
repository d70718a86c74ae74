"""MACs a second of match keys that stay in a key service, against those in memory, in batches of 500.

    python -m benchmarks.key_rates [--json]

SoftHSM2, moto's KMS and an OpenBao server stand in for the services that people run; each is the software itself, on
this machine: a real service adds its network, and a hardware module its own pace.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from gateway.identifiers.keys import KEY_BYTES, HmacKey, MacKey
from tests.key_services import SERVICES, opened

_SECONDS: Final = 2.0
_MESSAGES: Final = [os.urandom(60) for _ in range(500)]


def rates() -> dict[str, float]:
    """Service -> MACs a second, `file` first. Raises `tests.key_services.NotInstalled` where a service is missing."""
    found = {"file": _rate(HmacKey(os.urandom(KEY_BYTES)))}
    for name in ("pkcs11", "kms", "transit"):
        with tempfile.TemporaryDirectory() as folder, SERVICES[name](Path(folder)) as place:
            root = opened(place.environment)
            found[name] = _rate(root.mac_key(root.make_mac_key("consent-gateway-benchmark")))
    return found


def _rate(key: MacKey) -> float:
    key.macs(_MESSAGES)
    batches, began = 0, time.perf_counter()
    while (spent := time.perf_counter() - began) < _SECONDS:
        key.macs(_MESSAGES)
        batches += 1
    return batches * len(_MESSAGES) / spent


def main(argv: Sequence[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(argv)
    found = rates()
    figures = {
        name: {"macs_per_second": round(rate), "ratio": float(f"{rate / found['file']:.2g}")}
        for name, rate in found.items()
    }
    if given.json:
        sys.stdout.write(json.dumps(figures) + "\n")
        return
    for name, figure in figures.items():
        sys.stdout.write(f"{name:>8}  {figure['macs_per_second']:>9} MACs/s  {figure['ratio']:g} of a key in memory\n")


if __name__ == "__main__":
    main()
