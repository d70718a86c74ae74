"""Columns of many rows as PostgreSQL arrays in its binary format, so that one statement carries them all.

COPY, the usual way, is refused to roles that row-level security binds ("COPY FROM not supported with row-level
security"). Of the ways around it `INSERT … SELECT FROM unnest(arrays)` is the fastest (measured; README, decisions).

An array is five big-endian integers (dimensions, whether nulls may come, type of the elements, their number, index
of the first), then each element as its length (-1: NULL) and its bytes: `array_recv` in PostgreSQL's arrayfuncs.c.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from struct import Struct, pack
from typing import Any, ClassVar

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format
from sqlalchemy import Boolean, Column, Integer, LargeBinary, String

_HEAD = Struct(">iiIii")
_INTEGER = Struct(">iq")
_NULL = b"\xff\xff\xff\xff"
_TRUE, _FALSE = b"\x00\x00\x00\x01\x01", b"\x00\x00\x00\x01\x00"


class Packed(bytes):
    """A whole array, ready to be sent. Subclasses tell its type and that of its elements, as in `pg_type.dat`."""

    __slots__ = ()
    array: ClassVar[int]
    element: ClassVar[int]


class _Integers(Packed):
    array, element = 1016, 20


class _Binaries(Packed):
    array, element = 1001, 17


class _Booleans(Packed):
    array, element = 1000, 16


class _Texts(Packed):
    array, element = 1009, 25


Packer = Callable[[Sequence[Any]], Packed]


def integers(values: Sequence[int | None]) -> Packed:
    """At least one integer (or None) of 64 bits -> `bigint[]`; PostgreSQL casts it where a column is narrower."""
    if None in values:
        return _join(_Integers, len(values), [_NULL if one is None else _INTEGER.pack(8, one) for one in values])
    flat: list[int | None] = [8] * (2 * len(values))
    flat[1::2] = values
    return _join(_Integers, len(values), [pack(f">{'iq' * len(values)}", *flat)])


def binaries(values: Sequence[bytes | None]) -> Packed:
    """At least one byte string (or None) -> `bytea[]`."""
    return _join(_Binaries, len(values), [_sized(one) for one in values])


def booleans(values: Sequence[bool | None]) -> Packed:
    """At least one truth value (or None) -> `boolean[]`."""
    return _join(_Booleans, len(values), [_NULL if one is None else _TRUE if one else _FALSE for one in values])


def texts(values: Sequence[str | None]) -> Packed:
    """At least one text (or None) -> `text[]`. Raises UnicodeEncodeError for a lone surrogate."""
    return _join(_Texts, len(values), [_sized(None if one is None else one.encode()) for one in values])


def packer(column: Column[Any]) -> Packer:
    """A column -> what packs its values. Raises TypeError where there is none."""
    for kind, chosen in _PACKERS:
        if isinstance(column.type, kind):
            return chosen
    raise TypeError(f"{column.name}: no array holds this type of column")


def register(connection: psycopg.Connection[Any]) -> None:
    """Teach a new connection to send arrays of this module."""
    for kind in (_Integers, _Binaries, _Booleans, _Texts):
        connection.adapters.register_dumper(kind, type("PackedDumper", (_PackedDumper,), {"oid": kind.array}))


class _PackedDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Packed) -> Packed:
        return obj


_PACKERS: tuple[tuple[type, Packer], ...] = (
    (Integer, integers),
    (LargeBinary, binaries),
    (Boolean, booleans),
    (String, texts),
)


def _sized(value: bytes | None) -> bytes:
    return _NULL if value is None else len(value).to_bytes(4, "big") + value


def _join(kind: type[Packed], count: int, elements: Sequence[bytes]) -> Packed:
    return kind(b"".join([_HEAD.pack(1, 1, kind.element, count, 1), *elements]))
