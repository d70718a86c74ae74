"""What the doors ask of the flows beside records: consent events, queries, views and privacy requests.

All are well-formed, none is judged: kinds, purposes and proofs may still be unknown to the tenant's policy.
Times are milliseconds, jurisdictions ISO 3166 codes ("DE", "US-CA") or None where the caller gave none.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.flows.messages import ConsentAssertion, Identifier
from gateway.rights.model import RequestKind


@dataclass(frozen=True, slots=True)
class ConsentEventInput:
    """A consent event about the one person whom all the identifiers name."""

    identifiers: tuple[Identifier, ...] = field(repr=False)
    consent: ConsentAssertion
    jurisdiction: str | None = None


@dataclass(frozen=True, slots=True)
class ConsentQuery:
    """What the ledger says about a purpose: in force at `as_of`, as known at `known_at`; None stands for now."""

    identifiers: tuple[Identifier, ...] = field(repr=False)
    purpose: str
    as_of: int | None = None
    known_at: int | None = None
    jurisdiction: str | None = None


@dataclass(frozen=True, slots=True)
class ReceiptRequest:
    """What the ledger says of exactly these identifiers, as a signed record; a receipt where a purpose is named."""

    identifiers: tuple[Identifier, ...] = field(repr=False)
    purpose: str | None = None


@dataclass(frozen=True, slots=True)
class ResolveRequest:
    """Which profile these identifiers have in the view of a purpose, or the one that an outward id names.

    There are either identifiers or a `profile_id`.
    """

    identifiers: tuple[Identifier, ...] = field(repr=False)
    purpose: str
    jurisdiction: str | None = None
    profile_id: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class RightsSubmission:
    """A privacy request: who is meant, what is asked, and by which method (a slug) they were proved to be it.

    `proof` is "" where nothing was proved yet; `purposes` empty means every purpose.
    """

    request: RequestKind
    identifiers: tuple[Identifier, ...] = field(repr=False)
    jurisdiction: str
    proof: str
    received_at: int
    purposes: tuple[str, ...] = ()
