"""A notice that asks for everything and was always in force, for tenants of tests: a consent counts only for one."""

from __future__ import annotations

from dataclasses import replace

from gateway.consent.model import PERMISSIVE
from gateway.flows.admin import system_caller
from gateway.flows.context import Gateway, Role
from gateway.flows.messages import ConsentAssertion
from gateway.flows.notices import NoticeInput, register_notice

NOTICE = "shown"


def register(gateway: Gateway, tenant_id: int, name: str = NOTICE) -> None:
    """Let the tenant have the notice."""
    purposes = tuple(gateway.policies.purposes)
    notice = NoticeInput(name, "1", ("en",), purposes, text_of(tenant_id), 0)
    register_notice(gateway, system_caller(gateway, tenant_id, Role.ADMIN), notice)


def text_of(tenant_id: int) -> str:
    """What the tenant's notice says: no two share a word's digest."""
    return f"Shop {tenant_id} asks for everything."


def shown(said: ConsentAssertion) -> ConsentAssertion:
    """A statement that names the notice, if it is one that needs a notice and names none."""
    return said if said.notice or said.kind not in PERMISSIVE else replace(said, notice=NOTICE)
