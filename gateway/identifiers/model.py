"""One type per stage of secrecy. A function that takes one never takes another, and none shows its value."""

from __future__ import annotations

from typing import final


class _Hidden:
    """Base of everything that must not be seen: no repr, no str, no pickle."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} hidden>"

    __str__ = __repr__

    def __reduce__(self) -> str:
        raise TypeError(f"{type(self).__name__} is never serialized")


@final
class RawIdentifier(_Hidden):
    """A value as the channel sent it: `kind`, `namespace` ("" where the kind has none) and the raw text."""

    __slots__ = ("kind", "namespace", "value")

    def __init__(self, kind: str, value: str, namespace: str = "") -> None:
        self.kind = kind
        self.namespace = namespace
        self.value = value


@final
class NormalForm(_Hidden):
    """The text a hash profile digests: `profile`, `kind`, the text, and the `version` of the rules that formed it (""
    where the platform's rules have none).
    """

    __slots__ = ("kind", "profile", "text", "version")

    def __init__(self, profile: str, kind: str, text: str, version: str = "") -> None:
        self.profile = profile
        self.kind = kind
        self.text = text
        self.version = version


@final
class HashedIdentifier(_Hidden):
    """A digest as the channel sent it: 32 bytes under a hash profile ("" where the kind needs none)."""

    __slots__ = ("kind", "namespace", "profile", "sha256")

    def __init__(self, kind: str, sha256: bytes, profile: str = "", namespace: str = "") -> None:
        self.kind = kind
        self.namespace = namespace
        self.profile = profile
        self.sha256 = sha256


@final
class Digest(_Hidden):
    """SHA-256 of a normal form (32 bytes), with its kind and namespace. Reversible by brute force: never stored.

    `forms` says whose normal form it is, one bit for each hash profile that differs (`digests.FORMS`); `use` is "link",
    or "screen" for a digest that lists are compared with and that never links anybody.
    """

    __slots__ = ("forms", "kind", "namespace", "sha256", "use")

    def __init__(self, kind: str, sha256: bytes, namespace: str = "", *, forms: int = 1, use: str = "link") -> None:
        self.kind = kind
        self.namespace = namespace
        self.sha256 = sha256
        self.forms = forms
        self.use = use


@final
class Pseudonym(_Hidden):
    """HMAC of a digest under the tenant's match key; what the store may know.

    `tokens` are its 32 bytes in each of `chains`, the chains of key versions in use (`chains.chain_of`), of which the
    first is the one that new rows stand on.
    """

    __slots__ = ("chains", "kind", "namespace", "tokens")

    def __init__(self, kind: str, tokens: tuple[bytes, ...], chains: tuple[int, ...], namespace: str = "") -> None:
        self.kind = kind
        self.namespace = namespace
        self.tokens = tokens
        self.chains = chains

    @property
    def token(self) -> bytes:
        """The token of the newest chain."""
        return self.tokens[0]
