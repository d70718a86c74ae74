"""One root error and a few families, named after whose fault it is.

Refusals of consent are values, not exceptions: see `gateway.consent.model`. No message ever holds an
identifier or another raw value; `field`, `rule` and `index` say where the fault is.
"""

from __future__ import annotations


class GatewayError(Exception):
    """Root of every error the gateway raises; `str(error)` is safe to show to the caller."""

    title = "Gateway error"


class InvalidInput(GatewayError):
    """The caller sent something that breaks a rule of the format.

    `field` is a path such as `identifiers[1].value`, `rule` a short slug, `index` the record's place.
    """

    title = "Invalid input"

    def __init__(self, message: str, *, field: str = "", rule: str = "invalid", index: int | None = None) -> None:
        super().__init__(message)
        self.field = field
        self.rule = rule
        self.index = index


class TooLarge(InvalidInput):
    """The input breaks a limit of size, count or depth."""

    title = "Too large"


class Unauthenticated(GatewayError):
    """No API key, or one that is unknown or revoked."""

    title = "Not authenticated"


class NotPermitted(GatewayError):
    """The caller is known but its role, channel or class does not allow this."""

    title = "Not permitted"


class NotFound(GatewayError):
    """What the caller names does not exist for this tenant and caller."""

    title = "Not found"


class Conflict(GatewayError):
    """The request does not fit the present state, for example approving a request that was denied."""

    title = "Conflict"


class Unavailable(GatewayError):
    """The gateway cannot answer safely: key, policy, ledger, log or store cannot be read. Fails closed."""

    title = "Unavailable"


class Stale(Unavailable):
    """Consent or tombstones changed between reading and writing: nothing was written, decide anew."""

    title = "Changed meanwhile"


class Frozen(Unavailable):
    """The tenant's log was found edited: merging and resolving stop, withdrawals and requests go on."""

    title = "Frozen"


class BehindJournal(Unavailable):
    """The store is older than the journal of erasures and opt-outs; `gateway restore` replays it."""

    title = "Store is behind its journal"


class IntegrityError(GatewayError):
    """A proof, signature or tree does not verify. Raised by the verifier, never returned as False."""

    title = "Does not verify"
