"""The shipped policy set as files to edit: what the tests of this room start from."""

from __future__ import annotations

import shutil
from pathlib import Path

from gateway.policy.schema import SHARED_FILES

SHIPPED = Path(__file__).parents[3] / "policies"
REGIMES = ("ccpa.yaml", "default.yaml", "eprivacy.yaml", "gdpr.yaml", "uk_gdpr.yaml")
"""The laws that a copy has: enough of each form, and quick to read again and again."""
NAMES = tuple(sorted((*SHARED_FILES, *REGIMES)))


def copy_to(directory: Path) -> Path:
    """A fresh copy of the shipped set, with a few of its laws, in `directory`, which is made."""
    directory.mkdir()
    for name in NAMES:
        shutil.copy(SHIPPED / name, directory)
    return directory


def edit(directory: Path, file: str, old: str, new: str) -> None:
    """Replace the first `old` of a file, which must be there."""
    path = directory / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def line_with(directory: Path, file: str, text: str) -> int:
    """The number of the first line of a file that begins with `text` or bears it as a mark `# …`."""
    lines = (directory / file).read_text().splitlines()
    return next(
        number for number, line in enumerate(lines, 1) if line.startswith(text) or (text[0] == "#" and text in line)
    )
