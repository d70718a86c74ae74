"""Made-up rows for any table, from what SQLAlchemy knows of its columns."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, Column, Integer, LargeBinary, Table

Value = int | bytes | str | bool | None


def sample_rows(table: Table, tenant_id: int, count: int, first: int = 1) -> list[tuple[Value, ...]]:
    """`count` rows of a tenant that share no key with each other, nor with those of another `first`."""
    return [tuple(_value(column, tenant_id, first + at) for column in table.columns) for at in range(count)]


def _value(column: Column[Any], tenant_id: int, number: int) -> Value:
    if column.name == "tenant_id":
        return tenant_id
    if column.nullable and number % 2:
        return None
    if isinstance(column.type, Boolean):
        return number % 2 == 0
    if isinstance(column.type, Integer):
        return number
    if isinstance(column.type, LargeBinary):
        return b'\x00"\\{\xff' + number.to_bytes(4, "big")
    return f'ü"{{\\\t{tenant_id}.{number}'
