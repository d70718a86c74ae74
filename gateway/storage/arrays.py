"""Columns of many rows as PostgreSQL arrays in its binary format, so that one statement carries them all.

COPY, the usual way, is refused to roles that row-level security binds ("COPY FROM not supported with row-level
security"). Of the ways around it `INSERT … SELECT FROM unnest(arrays)` is the fastest (measured; see README, decisions).

An array is five big-endian integers (dimensions, whether it has nulls, type of the elements, their number, index of
the first), then each element as its length (-1: NULL) and its bytes: `array_recv` in PostgreSQL's arrayfuncs.c.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from struct import Struct, pack
from typing import Any

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format
from sqlalchemy import Boolean, Column, Integer, LargeBinary, String

_HEAD = Struct(">iiIii")
_INTEGER = Struct(">iq")
_NULL = b"\xff\xff\xff\xff"
_TRUE, _FALSE = b"\x00\x00\x00\x01\x01", b"\x00\x00\x00\x01\x00"


class Packed(bytes):
    """A whole array, ready to be sent. The subclass tells its type, by the numbers in `pg_type.dat`."""

    element: int
    array: int
    name: str


class Integers(Packed):
    """`bigint[]`; PostgreSQL casts it where a column is narrower, and refuses what does not fit."""

    element, array, name = 20, 1016, "bigint"


class Binaries(Packed):
    """`bytea[]`."""

    element, array, name = 17, 1001, "bytea"


class Booleans(Packed):
    """`boolean[]`."""

    element, array, name = 16, 1000, "boolean"


class Texts(Packed):
    """`text[]`."""

    element, array, name = 25, 1009, "text"


Packer = Callable[[Sequence[Any]], Packed]


def integers(values: Sequence[int | None]) -> Integers:
    """At least one integer of at most 63 bits and sign, or None -> array."""
    if None in values:
        return _join(Integers, values, [_NULL if one is None else _INTEGER.pack(8, one) for one in values])
    flat: list[Any] = [8] * (2 * len(values))
    flat[1::2] = values
    return _join(Integers, values, [pack(f">{'iq' * len(values)}", *flat)])


def binaries(values: Sequence[bytes | None]) -> Binaries:
    """At least one byte string or None -> array."""
    return _join(Binaries, values, [_element(one) for one in values])


def texts(values: Sequence[str | None]) -> Texts:
    """At least one text or None -> array, in UTF-8."""
    return _join(Texts, values, [_element(None if one is None else one.encode()) for one in values])


def booleans(values: Sequence[bool | None]) -> Booleans:
    """At least one truth value or None -> array."""
    return _join(Booleans, values, [_NULL if one is None else _TRUE if one else _FALSE for one in values])


def packer(column: Column[Any]) -> tuple[str, Packer]:
    """A column -> (name of the type its array is made of, what packs its values)."""
    for kind, name, chosen in _PACKERS:
        if isinstance(column.type, kind):
            return name, chosen
    raise TypeError(f"{column.name}: no array for this type of column")


def register(connection: psycopg.Connection[Any]) -> None:
    """Teach a new connection to send arrays of this module."""
    for kind in (Integers, Binaries, Booleans, Texts):
        connection.adapters.register_dumper(kind, _dumper(kind.array))


_PACKERS: tuple[tuple[type, str, Packer], ...] = (
    (Integer, Integers.name, integers),
    (LargeBinary, Binaries.name, binaries),
    (Boolean, Booleans.name, booleans),
    (String, Texts.name, texts),
)


def _element(value: bytes | None) -> bytes:
    return _NULL if value is None else len(value).to_bytes(4, "big") + value


def _join[P: Packed](kind: type[P], values: Sequence[object], elements: Sequence[bytes]) -> P:
    head = _HEAD.pack(1, None in values, kind.element, len(values), 1)
    return kind(b"".join([head, *elements]))
