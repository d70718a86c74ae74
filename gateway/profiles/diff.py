"""From components to named profiles: the older id survives a merge, the largest part keeps it on a split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from gateway.profiles.model import Partition, Profile


class Named(NamedTuple):
    """A new component with its profile id; `absorbed` ended in it, `parent` is whom it was split from."""

    profile_id: int
    members: frozenset[int]
    absorbed: tuple[int, ...]
    parent: int | None


def components_of(found: Partition) -> list[frozenset[int]]:
    """The components, each as a set of identifiers, in a fixed order."""
    return sorted((frozenset(group) for group in found.groups().values()), key=min)


def name_components(
    components: Sequence[frozenset[int]],
    old: Mapping[int, int],
    profiles: Mapping[int, Profile],
    ids: Callable[[], int],
) -> list[Named]:
    """Components and each identifier's old profile -> components with ids."""
    overlap = [Counter(old[one] for one in component if one in old) for component in components]
    claims: dict[int, int] = {}  # old profile -> index of its largest part
    for index, counts in enumerate(overlap):
        for profile, count in counts.items():
            best = claims.get(profile)
            if best is None or count > overlap[best][profile]:
                claims[profile] = index
    named: list[Named] = []
    for index, component in enumerate(components):
        claimed = sorted(
            (profile for profile in overlap[index] if claims[profile] == index),
            key=lambda profile: (profiles[profile].age, profile),
        )
        if claimed:
            named.append(Named(claimed[0], component, tuple(claimed[1:]), None))
        else:
            parent = min(overlap[index], default=None)
            named.append(Named(ids(), component, (), parent))
    return named
