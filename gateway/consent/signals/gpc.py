"""Global Privacy Control: the request header `Sec-GPC`."""

from __future__ import annotations


def sec_gpc(value: str | None) -> bool:
    """The header's value, None where it was not sent -> whether the signal is set. Only exactly "1" sets it.

    Source: W3C, Global Privacy Control, "The Sec-GPC header field".
    """
    return value == "1"
