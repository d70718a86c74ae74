"""Canonical JSON (RFC 8785) for what leaves hold: one text for one value, so that it can be hashed.

Numbers are whole: a float has no place in a leaf, and without floats the canonical form is compact UTF-8 with the
keys in the order of their UTF-16 code units. orjson writes exactly that; its own sorting is by code point, which is
the same order for ASCII keys and is used for them alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import orjson

from gateway.kernel.errors import InvalidInput

MAX_INTEGER = 2**53 - 1
MAX_DEPTH = 64


def canonical(value: object) -> bytes:
    """A value of dicts with str keys, lists or tuples, str, int, bool and None -> its RFC 8785 bytes.

    Raises InvalidInput, rule `type` for anything else (a float, a subclass, a key that is no str), `range` for an
    int beyond ±(2^53-1), `depth` below 64 levels, `text` for a lone surrogate. Messages never hold the value.
    """
    if check(value):
        return encoded(value, orjson.OPT_SORT_KEYS)
    return encoded(_in_utf16_order(value), 0)


def encoded(value: object, options: int) -> bytes:
    """A value -> compact JSON bytes under orjson's `options`. Raises InvalidInput, rule `text`, where it has none."""
    try:
        return orjson.dumps(value, option=options)
    except orjson.JSONEncodeError:
        raise InvalidInput("the value holds a lone surrogate or what JSON cannot hold", rule="text") from None


def check(value: object, *, floats: bool = False, depth: int = MAX_DEPTH) -> bool:
    """Refuse what canonical JSON cannot hold; whether all keys are ASCII. With `floats`, finite floats pass too.

    Raises InvalidInput as `canonical` does.
    """
    items: Iterable[object]
    if type(value) is dict:
        plain, items = _ascii(value), value.values()
    elif type(value) is list or type(value) is tuple:
        plain, items = True, value
    else:
        _check_scalar(value, floats=floats)
        return True
    if depth == 0:
        raise InvalidInput(f"the value is nested deeper than {MAX_DEPTH} levels", rule="depth")
    for item in items:
        if type(item) is not str and not check(item, floats=floats, depth=depth - 1):
            plain = False
    return plain


def _ascii(keys: Iterable[object]) -> bool:
    plain = True
    for key in keys:
        if type(key) is not str:
            raise InvalidInput("an object's keys are texts", rule="type")
        if not key.isascii():
            plain = False
    return plain


def _check_scalar(value: object, *, floats: bool) -> None:
    if type(value) is str or value is None or type(value) is bool:
        return
    if type(value) is int:
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise InvalidInput("an integer is beyond ±(2^53-1)", rule="range")
    elif not (floats and type(value) is float and math.isfinite(value)):
        raise InvalidInput("the value holds a type that canonical JSON here does not allow", rule="type")


def _in_utf16_order(value: object) -> object:
    """The same value with every dict's keys in the order of their UTF-16 code units (RFC 8785 section 3.2.3)."""
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be", "surrogatepass"))
        return {key: _in_utf16_order(value[key]) for key in keys}
    if isinstance(value, list | tuple):
        return [_in_utf16_order(item) for item in value]
    return value
