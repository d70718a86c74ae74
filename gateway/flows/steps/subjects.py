"""Whom a privacy request names: kept by pseudonym, with digest and text sealed until the request ends.

Keys may be rotated while a request is open: from the sealed digest its pseudonym is formed anew, in every chain in use.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.flows.context import Gateway
from gateway.flows.messages import Identifier
from gateway.flows.steps.name import name, recognize
from gateway.flows.steps.prepare import Names, digest_all
from gateway.identifiers.model import Digest, Pseudonym, RawIdentifier
from gateway.identifiers.pseudonyms import Pseudonymizer
from gateway.identifiers.sealing import seal, unseal
from gateway.kernel.errors import InvalidInput
from gateway.kernel.ids import encode
from gateway.rights.model import RightsRequest
from gateway.storage.rights import SubjectRow
from gateway.storage.unit_of_work import UnitOfWork

_RAW, _HASHED = b"R", b"H"
_DIGEST = 32


def digest_subjects(
    gateway: Gateway, identifiers: Sequence[Identifier], jurisdiction: str | None
) -> list[tuple[Identifier, Names]]:
    """Each identifier of a submission with its digests.

    Raises InvalidInput with the field of the first one that breaks a rule.
    """
    found = []
    for place, identifier in enumerate(identifiers):
        try:
            found.append((identifier, digest_all([identifier], gateway.policies, jurisdiction)))
        except InvalidInput as error:
            field = error.field.replace("identifiers[0]", f"identifiers[{place}]")
            raise InvalidInput(str(error), field=field, rule=error.rule) from None
    return found


def subject_rows(
    gateway: Gateway, unit: UnitOfWork, request: RightsRequest, named: Sequence[tuple[Identifier, Names]]
) -> list[SubjectRow]:
    """What is stored of them: each digest once, on the chain that the store knows it by. Raises Stale."""
    name(gateway, unit.tenant_id, [names for _, names in named])
    pseudonyms = [one for _, names in named for one in names.pseudonyms]
    _, older = recognize(gateway, unit, pseudonyms)
    stands = {newest: token for token, newest in older.items()}
    keys = gateway.keys.tenant(unit.tenant_id)
    rows: dict[bytes, SubjectRow] = {}
    for identifier, names in sorted(named, key=lambda each: not isinstance(each[0], RawIdentifier)):
        mark, text = (_RAW, identifier.value) if isinstance(identifier, RawIdentifier) else (_HASHED, "")
        for digest, one in zip(names.digests, names.pseudonyms, strict=True):
            token = stands.get(one.token, one.token)
            sealed = seal(keys, encode("req", request.id), mark + digest.sha256 + text.encode())
            chain = one.chains[one.tokens.index(token)]
            rows.setdefault(token, SubjectRow(token, one.kind, one.namespace, sealed, chain))
    return list(rows.values())


def texts_of(
    gateway: Gateway, tenant_id: int, request: RightsRequest, subjects: Sequence[SubjectRow]
) -> dict[bytes, str]:
    """Pseudonym token -> the text the person gave, for identifiers that came raw, until the request ended."""
    opened = {row.token: _open(gateway, tenant_id, request, row) for row in subjects if row.sealed}
    return {token: text[1 + _DIGEST :].decode() for token, text in opened.items() if text[:1] == _RAW}


def pseudonyms_of(
    gateway: Gateway, unit: UnitOfWork, request: RightsRequest, subjects: Sequence[SubjectRow]
) -> list[Pseudonym]:
    """Their pseudonyms in every chain in use; of a request that has ended only the one that was kept."""
    chains = unit.log.head().chains
    opened = [row for row in subjects if row.sealed]
    digests = [
        Digest(row.kind, _open(gateway, unit.tenant_id, request, row)[1 : 1 + _DIGEST], row.namespace) for row in opened
    ]
    kept = [Pseudonym(row.kind, (row.token,), chains, row.namespace) for row in subjects if not row.sealed]
    return [*Pseudonymizer(gateway.keys.tenant(unit.tenant_id), chains).all(digests), *kept]


def _open(gateway: Gateway, tenant_id: int, request: RightsRequest, row: SubjectRow) -> bytes:
    return unseal(gateway.keys.tenant(tenant_id), encode("req", request.id), row.sealed)
