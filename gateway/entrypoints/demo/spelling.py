"""How people and tills really write an address or a number: one normal form, many spellings."""

from __future__ import annotations

import base64
import hashlib
from itertools import accumulate, pairwise
from typing import Final

from gateway.entrypoints.demo.people import GMAIL, Dice

_TAGS: Final = ("shop", "news", "orders2026", "app")
_FORMS: Final = {
    "+49": ("0{0} {1}{2}", "0{0}/{1}{2}", "(0{0}) {1} {2}", "+49 (0){0} {1}{2}", "0049 {0} {1}{2}", "0{0}-{1} {2}"),
    "+33": ("0{0} {1} {2} {3} {4}", "0{0}.{1}.{2}.{3}.{4}", "+33 (0){0} {1} {2} {3} {4}", "0{0}{1}{2}{3}{4}"),
    "+44": ("0{0} {1} {2}", "(0{0}) {1} {2}", "+44 (0){0} {1} {2}", "0{0}{1}{2}"),
    "+46": ("0{0}-{1} {2} {3}", "0{0} / {1} {2} {3}", "+46 (0){0}-{1}{2}{3}", "0046 {0} {1} {2} {3}"),
    "+1": ("({0}) {1}-{2}", "{0}-{1}-{2}", "{0}.{1}.{2}", "1 ({0}) {1}-{2}", "+1 {0} {1} {2}"),
}
"""Country code -> how its people write a number, from the groups of `_GROUPS` without the trunk 0."""

_GROUPS: Final = {
    "+491": (3, 3),  # mobile
    "+4930": (2, 3),  # Berlin
    "+33": (1, 2, 2, 2),
    "+4420": (2, 4),  # London
    "+44161": (3, 3),  # Manchester
    "+46": (2, 3, 2),
    "+1": (3, 3),
}
"""Beginning of an E.164 number -> lengths of its groups after the country code; the last takes the rest."""


def email(parts: tuple[str, ...], domain: str, dice: Dice, *topic: object) -> str:
    """Local part in its dotted parts and the domain -> the address as somebody typed it.

    Case and blanks vary for everybody; dots and plus tags only at gmail, where they mean nothing (uid2 profile).
    """
    local = ".".join(parts)
    if domain == GMAIL:
        local = dice.pick((local, "".join(parts), f"{'.'.join(parts[:2])}{''.join(parts[2:])}"), "dots", *topic)
        if dice.chance(40, "tagged", *topic):
            local = f"{local}+{dice.pick(_TAGS, 'tag', *topic)}"
    typed = f"{local}@{domain}"
    forms = (
        typed,
        typed,
        typed.upper(),
        f"{local.title()}@{domain}",
        f"{local}@{domain.upper()}",
        f"{typed} ",
        f"  {typed}",
    )
    return dice.pick(forms, "case", *topic)


def phone(e164: str, dice: Dice, *topic: object) -> str:
    """E.164 number -> the number as somebody of that country typed it, often in national form."""
    forms = (e164, *_national(e164))
    typed = dice.pick(forms, "form", *topic)
    return f"{typed} " if dice.chance(12, "blank", *topic) else typed


def _national(e164: str) -> list[str]:
    code = next(code for code in _FORMS if e164.startswith(code))
    digits = e164.removeprefix(code)
    sizes = next(sizes for start, sizes in _GROUPS.items() if e164.startswith(start))
    cuts = [0, *accumulate(sizes), len(digits)]
    groups = [digits[start:end] for start, end in pairwise(cuts)]
    return [form.format(*groups) for form in _FORMS[code]]


def hashed(kind: str, normal: str, dice: Dice, *topic: object) -> dict[str, str]:
    """An e-mail (uid2 normal form) or phone (E.164) -> the identifier as a hashing client sends it.

    SHA-256 under the profile uid2, in Base64 or hex of either case (UID2 documentation, "Normalization and Encoding").
    """
    digest = hashlib.sha256(normal.encode()).digest()
    forms = (base64.b64encode(digest).decode(), digest.hex(), digest.hex().upper())
    return {"kind": kind, "sha256": dice.pick(forms, "encoding", *topic), "profile": "uid2"}
