"""Which digests are one identifier: those that a record formed from one value, and what these share with others.

A view over evidence: nothing is stored for it, so that a record that goes takes its say along.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable


class Values:
    """Identifiers (digests) in groups, one group for each value; each stands for itself until it is united."""

    def __init__(self) -> None:
        self._parent: dict[int, int] = {}

    def of(self, identifier: int) -> int:
        """The identifier that stands for the value of this one: the smallest of its group."""
        while identifier in self._parent:
            identifier = self._parent[identifier]
        return identifier

    def unite(self, identifiers: Iterable[int]) -> None:
        """These are digests of one value."""
        roots = {self.of(one) for one in identifiers}
        if len(roots) > 1:
            smallest = min(roots)
            self._parent.update(dict.fromkeys(roots - {smallest}, smallest))

    @classmethod
    def said(cls, assertions: Iterable[tuple[Hashable, int]]) -> Values:
        """(record and place of the value in it, identifier) for each link -> what these links say."""
        places: dict[Hashable, list[int]] = {}
        for place, identifier in assertions:
            places.setdefault(place, []).append(identifier)
        values = cls()
        for identifiers in places.values():
            if len(identifiers) > 1:
                values.unite(identifiers)
        return values
