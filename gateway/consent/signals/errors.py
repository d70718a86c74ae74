"""What a consent signal can be refused for."""

from __future__ import annotations

from gateway.kernel.errors import InvalidInput


class MalformedSignal(InvalidInput):
    """A consent string that cannot be read as a whole, so that nothing follows from it.

    `field` is tcf, gpp or usp. Consent strings are personal data (CJEU C-604/22): no message holds a part of one.
    """

    title = "Malformed consent signal"

    def __init__(self, message: str, *, field: str, rule: str) -> None:
        super().__init__(message, field=field, rule=rule)
