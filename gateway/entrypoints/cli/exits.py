"""The one table from error family to exit code."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from gateway.kernel.errors import (
    Conflict,
    GatewayError,
    IntegrityError,
    InvalidInput,
    NotFound,
    NotPermitted,
    Unauthenticated,
    Unavailable,
)


class ExitCode(IntEnum):
    """What a command says to the shell."""

    OK = 0
    FINDINGS = 1
    USAGE = 2
    REFUSED = 3
    UNAVAILABLE = 4
    INTERRUPTED = 130  # 128 + SIGINT, as shells count


FAMILIES: Final[dict[type[GatewayError], ExitCode]] = {
    IntegrityError: ExitCode.FINDINGS,
    InvalidInput: ExitCode.USAGE,
    NotFound: ExitCode.USAGE,
    Unauthenticated: ExitCode.REFUSED,
    NotPermitted: ExitCode.REFUSED,
    Conflict: ExitCode.REFUSED,
    Unavailable: ExitCode.UNAVAILABLE,
    GatewayError: ExitCode.UNAVAILABLE,
}
"""By family; an error of none of them, which is a fault of the program, is `UNAVAILABLE` too."""


def exit_code(error: BaseException) -> ExitCode:
    """An error -> the code of its nearest family."""
    for ancestor in type(error).__mro__:
        code = FAMILIES.get(ancestor)
        if code is not None:
            return code
    return ExitCode.UNAVAILABLE
