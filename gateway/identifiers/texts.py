"""What any text from outside must satisfy before it is read further."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

MAX_TEXT: Final = 512
"""Characters an identifier or another text field may have."""

_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class TextFault(NamedTuple):
    """What is wrong with a text: a rule's slug and a sentence that does not show the text."""

    rule: str
    message: str


def text_fault(text: str, limit: int = MAX_TEXT) -> TextFault | None:
    """Text and its limit in characters -> the first fault (too_long, control_characters, lone_surrogate), or None.

    Lone surrogates cannot be written as UTF-8 (RFC 3629 section 3), so nothing could be hashed or stored.
    """
    if len(text) > limit:
        return TextFault("too_long", f"at most {limit} characters are allowed")
    if text.isprintable():
        return None
    if _CONTROL.search(text):
        return TextFault("control_characters", "control characters, NUL and line breaks are not allowed")
    if _SURROGATE.search(text):
        return TextFault("lone_surrogate", "half of a surrogate pair is no character")
    return None
