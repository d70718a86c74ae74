"""How a broken rule travels through marshmallow and comes out as a `Problem`."""

from __future__ import annotations

from typing import Final, Self

from marshmallow.exceptions import SCHEMA

from gateway.flows.messages import Problem

UNKNOWN_FIELD: Final = "unknown_field"


class Fault(str):
    """A sentence for the caller that carries the slug of the rule it belongs to."""

    __slots__ = ("rule",)

    rule: str

    def __new__(cls, rule: str, message: str) -> Self:
        """Rule and message -> the message as text, with the rule beside it."""
        fault = super().__new__(cls, message)
        fault.rule = rule
        return fault


def problem_of(errors: object, index: int | None) -> Problem:
    """marshmallow's nested messages, all leaves of which are `Fault`, and the record's index -> the first of them.

    The name of an unknown field is the caller's own text and could be an identifier, so the path ends before it.
    """
    path: list[str | int] = []
    while not isinstance(errors, Fault):
        if isinstance(errors, dict):
            key, errors = next(iter(errors.items()))
            path.append(key)
        elif isinstance(errors, list):
            errors = errors[0]
        else:
            raise TypeError("a schema of the wire format reported an error without a rule")
    if path and (errors.rule == UNKNOWN_FIELD or path[-1] == SCHEMA):
        path.pop()
    return Problem(field=_written(path), rule=errors.rule, message=str.__str__(errors), index=index)


def _written(path: list[str | int]) -> str:
    """["identifiers", 1, "sha256"] -> identifiers[1].sha256"""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")
