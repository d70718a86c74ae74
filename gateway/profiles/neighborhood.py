"""What the store holds around a batch, loaded once and extended on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from gateway.policy.model import KindRule
from gateway.profiles.model import Member, Profile


@dataclass(slots=True)
class Neighborhood:
    """Homes, whole profiles, kinds and demotions of the identifiers concerned. `rules` are the kinds by name."""

    rules: Mapping[str, KindRule]
    kinds: dict[int, KindRule] = field(default_factory=dict)
    home: dict[int, int] = field(default_factory=dict)
    profiles: dict[int, Profile] = field(default_factory=dict)
    members: dict[int, list[int]] = field(default_factory=dict)
    demoted: set[int] = field(default_factory=set)
    demoted_public: set[int] = field(default_factory=set)

    def learn(self, members: Iterable[Member], profiles: Iterable[Profile]) -> None:
        """Take in loaded profiles with all their members; what is known already stays as it is."""
        new = {profile.profile_id: profile for profile in profiles if profile.profile_id not in self.profiles}
        self.profiles.update(new)
        for member in members:
            if member.profile_id in new:
                self.kinds[member.identifier_id] = self.rules[member.kind]
                self.home[member.identifier_id] = member.profile_id
                self.members.setdefault(member.profile_id, []).append(member.identifier_id)

    def learn_kinds(self, kinds: Mapping[int, str]) -> None:
        """Take in the kinds of identifiers that may stand in no profile."""
        for identifier, kind in kinds.items():
            self.kinds[identifier] = self.rules[kind]

    def most_persons(self, profile_id: int) -> int:
        """How many identifiers of one person kind the profile holds at most."""
        kinds = (self.kinds[one] for one in self.members[profile_id])
        return max(Counter(kind.name for kind in kinds if kind.scope == "person").values(), default=0)
