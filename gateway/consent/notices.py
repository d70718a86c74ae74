"""What people were shown when they were asked (GDPR Art. 7(1)): a grant counts only for a notice in force then."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Notice:
    """One registered version of a notice, in force from and, unless None, up to the moments in milliseconds."""

    name: str
    version: str
    purposes: frozenset[str]
    in_force_from: int
    in_force_to: int | None

    @property
    def reference(self) -> str:
        """How ledger events name it."""
        return f"{self.name}@{self.version}"


class NoticeBook:
    """The notices that the events of a batch name."""

    __slots__ = ("_versions",)

    def __init__(self, notices: Iterable[Notice] = ()) -> None:
        self._versions: dict[str, list[Notice]] = {}
        for one in notices:
            self._versions.setdefault(one.name, []).append(one)

    def shown(self, named: str, purpose: str, at: int) -> Notice | None:
        """What an event names (`name`, or `name@version`), its purpose and moment -> the version that was in force."""
        name, _, version = named.partition("@")
        for one in self._versions.get(name, ()):
            in_force = one.in_force_from <= at and (one.in_force_to is None or at < one.in_force_to)
            if in_force and purpose in one.purposes and version in ("", one.version):
                return one
        return None
