"""Policy sets, read once for each state of their files: a set is frozen, and most tests live under the shipped one."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from gateway.policy import loader
from gateway.policy.model import PolicySet


def load(directory: Path) -> PolicySet:
    """As `gateway.policy.loader.load`, which is asked again when a file has changed."""
    files = sorted(directory.glob("*")) if directory.is_dir() else []
    stamps = tuple((one.name, one.stat().st_mtime_ns, one.stat().st_size) for one in files)
    return _load(directory, stamps)


@cache
def _load(directory: Path, _stamps: tuple[tuple[str, int, int], ...]) -> PolicySet:
    return loader.load(directory)
