"""What a policy set can be refused for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.kernel.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One fault of a policy set: the file's name, its line (from 1) and what is wrong there."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


class PolicyError(Unavailable):
    """The policy set cannot be used; `findings` holds every fault, in the order of file and line."""

    title = "Policies refused"

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__("\n".join(["the policy set is refused:", *map(str, self.findings)]))
