"""Names as DROP writes them: "Unicode-normalize, lower-case, transliterate Greek and Cyrillic, fold Latin letters to
ASCII where possible, keep letters and digits only". No table is published; these are ours, part of `DROP_VERSION`.

1. NFKC (full-width letters and ligatures become plain, Hangul and kana stay composed), lower-case, NFKC again.
2. Letter by letter: the tables below, looked up composed, so that й and ё are letters of their own. A Latin, Greek or
   Cyrillic letter that no table has loses its diacritics and is looked up again: ї as і, ў as у, ѓ as г, ё́ as ё.
3. What is still no ASCII letter (ƀ, ŧ, ə, і, є, ђ, ѣ) gets the ASCII letters that anyascii has for it, punctuation
   left out; one that anyascii writes as punctuation alone (ʔ) stays. Apostrophes among the modifier letters (ʻ, ʼ) go.
4. Every other script stays as it is, with its own marks: Hebrew points, Arabic harakat, Indic vowel signs, and the
   marks of kana that have no composed form. Variation selectors choose a glyph, not a letter, and go.
5. All that is neither letter nor digit goes, then NFC.

The form is a fixed point. anyascii's tables are part of the rule: a release of it that changes a letter is a new
version.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final
from unicodedata import category
from unicodedata import name as unicode_name
from unicodedata import normalize as to_unicode_form

from anyascii import anyascii

_PAIRS: Final = """
    а a, б b, в v, г g, д d, е e, ё yo, ж zh, з z, и i, й y, к k, л l, м m, н n, о o, п p, р r, с s, т t, у u, ф f,
    х kh, ц ts, ч ch, ш sh, щ shch, ы y, э e, ю yu, я ya,
    α a, β v, γ g, δ d, ε e, ζ z, η i, θ th, ι i, κ k, λ l, μ m, ν n, ξ x, ο o, π p, ρ r, σ s, ς s, τ t, υ y, φ f,
    χ ch, ψ ps, ω o,
    ß ss, æ ae, œ oe, ø o, ł l, đ d, ħ h, ŋ n, ı i, ĳ ij, þ th, ð d
"""
TABLE: Final[dict[str, str]] = {"ъ": "", "ь": "", **dict(pair.split() for pair in _PAIRS.split(","))}
"""Lower-case letter -> ASCII, exactly as the project's specification of DROP gives it."""

_FOLDED_SCRIPTS: Final = ("LATIN ", "GREEK ", "CYRILLIC ")
_MODIFIER: Final = "MODIFIER LETTER "
_STAYS: Final = ("Mn", "Mc")
_SELECTORS: Final = ("VARIATION SELECTOR", "MONGOLIAN FREE VARIATION SELECTOR", "COMBINING GRAPHEME JOINER")


def name(text: str, _country: str | None) -> str:
    """Raw first or last name -> lower-case letters and digits, ASCII where the script allows; "" if none is left."""
    if text.isascii():
        return "".join(filter(str.isalnum, text.lower()))
    composed = to_unicode_form("NFKC", to_unicode_form("NFKC", text).lower())
    parts, own_marks = [], False
    for letter in composed:
        if category(letter)[0] == "M":
            parts.append(letter if own_marks and _is_own_mark(letter) else "")
        else:
            part, own_marks = _folded(letter)
            parts.append(part)
    return to_unicode_form("NFC", "".join(parts))


@lru_cache(maxsize=4096)
def _folded(letter: str) -> tuple[str, bool]:
    """One lower-case letter -> what stands for it, and whether it stays as it is and keeps the marks that follow."""
    if letter in TABLE:
        return TABLE[letter], False
    if letter.isascii() or not letter.isalnum():
        return (letter if letter.isalnum() else ""), False
    called = unicode_name(letter, "")
    if called.startswith(_MODIFIER):
        return _ascii(letter), False
    if not called.startswith(_FOLDED_SCRIPTS):
        return letter, True
    base = to_unicode_form("NFD", letter)[0]
    if base != letter:
        return _folded(base)
    return _ascii(letter) or letter, False


def _ascii(letter: str) -> str:
    return "".join(filter(str.isalnum, anyascii(letter).lower()))


def _is_own_mark(mark: str) -> bool:
    return category(mark) in _STAYS and not unicode_name(mark, "").startswith(_SELECTORS)
