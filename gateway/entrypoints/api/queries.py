"""Query parameters: whole numbers and words only, so that nobody can put an identifier into a URL."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from typing import Final

from flask import request

from gateway.kernel.errors import InvalidInput

LARGEST: Final = 10**18 - 1
"""What any number in a URL may be at most."""

_NUMBER: Final = re.compile(r"[0-9]{1,18}")


def check_names(known: Container[str]) -> None:
    """Raises InvalidInput for a parameter that is not `known`, or that is repeated. The parameter is not shown."""
    if not request.query_string:
        return
    for name, values in request.args.lists():
        if name not in known:
            raise InvalidInput("this route does not take such a parameter", rule="unknown_parameter")
        if len(values) > 1:
            raise InvalidInput("this parameter stands here more than once", field=name, rule="repeated_parameter")


def whole_number(name: str, *, default: int | None = None, least: int = 0, most: int = LARGEST) -> int:
    """The parameter `name`, a whole number from `least` to `most`. Raises InvalidInput; without a default it is
    required.
    """
    text = request.args.get(name)
    if text is None:
        if default is None:
            raise InvalidInput("this parameter is required", field=name, rule="required")
        return default
    if not _NUMBER.fullmatch(text):
        raise InvalidInput("a whole number of at most 18 digits is needed", field=name, rule="wrong_type")
    number = int(text)
    if not least <= number <= most:
        raise InvalidInput(f"a number from {least} to {most} is needed", field=name, rule="range")
    return number


def word(name: str, words: Iterable[str]) -> str | None:
    """The parameter `name`, one of `words`, or None where it is not given. Raises InvalidInput."""
    text = request.args.get(name)
    known = tuple(words)
    if text is not None and text not in known:
        raise InvalidInput(f"one of {', '.join(known)} is needed", field=name, rule="unknown_word")
    return text
