"""What counts as proof of being the person, and which identifiers of a request it proves.

A request acts only on identifiers proved in it. A digest proves nothing: whoever has seen an address can form
its digest. A method that reaches one address proves that address alone; otherwise a stranger could add
somebody's e-mail to a request and prove his own cookie.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from gateway.identifiers.model import HashedIdentifier, RawIdentifier
from gateway.kernel.errors import InvalidInput

# Method -> the kinds of identifier it proves; None = those the trusted client or the officer vouches for.
_PROVES: Mapping[str, frozenset[str] | None] = MappingProxyType(
    {
        "email_link": frozenset({"email"}),
        "phone_code": frozenset({"phone"}),
        "account_login": None,
        "id_document_checked": None,
        "signed_declaration": None,
        "agent_authorized": None,
    }
)

METHODS: frozenset[str] = frozenset(_PROVES)


def check_method(method: str) -> str:
    """The slug of a method of proof, unchanged. Raises InvalidInput for anything that is not on the list."""
    if method not in _PROVES:
        raise InvalidInput(f"proof is one of {', '.join(sorted(_PROVES))}", field="proof", rule="unknown_proof")
    return method


def proves(method: str, kind: str) -> bool:
    """Whether `method` ("" = none) proves raw identifiers of this kind."""
    kinds = _PROVES.get(method, frozenset())
    return kinds is None or kind in kinds


def proved(method: str, identifiers: Iterable[RawIdentifier | HashedIdentifier]) -> tuple[RawIdentifier, ...]:
    """Those of a request's identifiers that `method` proves, in their order; never a digest.

    Raises InvalidInput for an unknown method, and where a method that reaches one address is to prove several.
    """
    kinds = _PROVES[check_method(method)]
    accepted = tuple(
        identifier
        for identifier in identifiers
        if isinstance(identifier, RawIdentifier) and (kinds is None or identifier.kind in kinds)
    )
    if kinds is not None and len({identifier.value for identifier in accepted}) > 1:
        message = f"{method} proves one address, and this names several: make a request of each"
        raise InvalidInput(message, field="proof", rule="proves_one_address")
    return accepted
