"""Journey: tenants and their clients come, are recognized, and go.

Creating a tenant: row, head and first entries, then its keys, then the commit; whatever fails, nothing is left.
Deleting one: its keys first, because without them nothing says who it was about, then its journal, then its rows; a
deletion that was cut short is finished by deleting again. The log without its openings stays.
An API key is `gw_<prefix>_<secret>`: 8 characters that find the client and 43 that prove it (32 random bytes).
It is shown once; the store holds the prefix and SHA-256 of the whole key.
"""

from __future__ import annotations

import base64
import hmac
import os
import re
from contextlib import ExitStack
from hashlib import sha256
from typing import Final

import orjson

from gateway.audit.encodings import to_base64url
from gateway.audit.entries import EntryKind, is_slug, parse_leaf
from gateway.flows.context import Caller, Gateway, Role
from gateway.flows.steps.entries import Scribe
from gateway.kernel.errors import Conflict, IntegrityError, InvalidInput, NotFound, Unauthenticated, Unavailable
from gateway.kernel.ids import draw
from gateway.policy.model import PolicySet
from gateway.storage.tenants import ClientRow, TenantStore
from gateway.storage.unit_of_work import UnitOfWork

OPERATOR: Final = 0
"""The client id of the command line and of the jobs."""

_SYSTEM = "system"
_TENANT_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_API_KEY = re.compile(r"gw_([a-z2-7]{8})_[A-Za-z0-9_-]{43}")
_NOBODY = bytes(32)
_PREFIX_BYTES = 5
_SECRET_BYTES = 32
_LONGEST_CHANNEL = 50
_LONGEST_NAME = 100
_TRIES = 5


def create_tenant(gateway: Gateway, name: str, *, macs_in_service: bool = False) -> int:
    """A new tenant with its log and keys -> its id; with `macs_in_service` its match keys stay in the key service.

    Raises InvalidInput unless `name` is a slug and the service computes MACs where it is to, Conflict when the name is
    taken or the keyring holds keys of that id.
    """
    if _TENANT_NAME.fullmatch(name) is None:
        message = "a tenant's name is at most 63 of a-z, 0-9 and -, and begins with a letter or digit"
        raise InvalidInput(message, field="name", rule="slug")
    for _ in range(_TRIES):
        tenant_id = _next_id(gateway, name)
        with ExitStack() as undo, gateway.storage.begin(tenant_id, write=True) as unit:
            if TenantStore(unit.session).create(name, gateway.clock.now()) != tenant_id:
                continue
            unit.log.create()
            scribe = system_scribe(gateway)
            unit.log.append([scribe.write(EntryKind.TENANT_CREATED, "tenant.create", {})])
            _activate(gateway, unit, scribe)
            gateway.keys.create(tenant_id, macs_in_service=macs_in_service)
            undo.callback(gateway.keys.destroy, tenant_id)
            unit.commit()
            undo.pop_all()
            return tenant_id
    raise Unavailable("other tenants keep being created: try again")


def delete_tenant(gateway: Gateway, tenant_id: int, *, dry_run: bool) -> dict[str, int]:
    """Destroy a tenant's keys, journal and rows -> keys (0 or 1), bytes of the journal, and rows by table.

    With `dry_run` only the figures. Raises NotFound.
    """
    tenant_name(gateway, tenant_id)
    figures = {"keys": int(has_keys(gateway, tenant_id)), "journal_bytes": gateway.journal.size(tenant_id)}
    if not dry_run:
        gateway.keys.destroy(tenant_id)
        gateway.journal.destroy(tenant_id)
    with gateway.storage.begin(tenant_id, write=True) as unit:
        figures |= TenantStore(unit.session).delete_tenant(tenant_id, gateway.clock.now())
        if not dry_run:
            unit.commit()
    return figures


def find_tenant(gateway: Gateway, name: str) -> int:
    """Tenant name -> id. Raises NotFound."""
    with gateway.storage.session(write=False) as session:
        found = TenantStore(session).find(name)
    if found is None:
        raise NotFound("there is no tenant of this name")
    return found


def tenant_name(gateway: Gateway, tenant_id: int) -> str:
    """Tenant id -> name. Raises NotFound."""
    name = dict(list_tenants(gateway)).get(tenant_id)
    if name is None:
        raise NotFound("there is no such tenant")
    return name


def list_tenants(gateway: Gateway) -> list[tuple[int, str]]:
    """(id, name) of all tenants."""
    with gateway.storage.session(write=False) as session:
        return TenantStore(session).all()


def set_tcf_vendor(gateway: Gateway, tenant_id: int, vendor: int | None) -> None:
    """State the tenant's id on the TCF's Global Vendor List, None for none."""
    with gateway.storage.begin(tenant_id, write=True, partition=False) as unit:
        TenantStore(unit.session).set_tcf_vendor(tenant_id, vendor)
        facts: dict[str, str | int] = {"tcf_vendor": vendor or 0}
        unit.log.append([system_scribe(gateway).write(EntryKind.TENANT_CHANGED, "tenant.vendor", facts)])
        unit.commit()


def has_keys(gateway: Gateway, tenant_id: int) -> bool:
    """Whether the tenant's keys can be had."""
    try:
        gateway.keys.tenant(tenant_id)
    except Unavailable:
        return False
    return True


def create_client(
    gateway: Gateway,
    tenant_id: int,
    *,
    name: str,
    role: Role,
    channel: str,
    client_class: str,
    outcomes: bool,
    recipient: str = "",
) -> tuple[ClientRow, str]:
    """A new client -> its row, and the API key that is shown this once.

    `channel` is a slug, for other roles than channel it may be empty; `client_class` one of the policy's, and a class
    whose identifiers count as unverified (public) gets neither another role nor `outcomes`; `recipient` is one of the
    policy's, "" for the controller's own. Raises InvalidInput.
    """
    _check_client(gateway.policies, name, role, channel, client_class, outcomes=outcomes)
    if recipient and recipient not in gateway.policies.recipients:
        message = "the policy does not know this recipient: recipients.yaml holds its contract"
        raise InvalidInput(message, field="recipient", rule="unknown_recipient")
    now = gateway.clock.now()
    prefix = base64.b32encode(os.urandom(_PREFIX_BYTES)).decode().lower()
    api_key = f"gw_{prefix}_{to_base64url(os.urandom(_SECRET_BYTES))}"
    number = draw(1)[0]
    key_hash = sha256(api_key.encode()).digest()
    row = ClientRow(
        tenant_id,
        number,
        name,
        role.value,
        channel,
        client_class,
        outcomes,
        prefix,
        key_hash,
        now,
        revoked_at=None,
        recipient=recipient,
    )
    facts: dict[str, str | int] = {
        "client": f"{number:x}",
        "role": role.value,
        "channel": channel,
        "class": client_class,
        "outcomes": int(outcomes),
        "recipient": recipient,
    }
    with gateway.storage.begin(tenant_id, write=True, partition=False) as unit:
        TenantStore(unit.session).add_client(row)
        entry = system_scribe(gateway).write(EntryKind.CLIENT_CREATED, "client.create", facts, {"name": name})
        unit.log.append([entry])
        unit.commit()
    return row, api_key


def revoke_client(gateway: Gateway, tenant_id: int, client_id: int) -> None:
    """Revoke a client's API key. Raises NotFound when there is no such client or it was revoked before."""
    with gateway.storage.begin(tenant_id, write=True, partition=False) as unit:
        if not TenantStore(unit.session).revoke(tenant_id, client_id, gateway.clock.now()):
            raise NotFound("there is no such client, or its key was revoked already")
        facts: dict[str, str | int] = {"client": f"{client_id:x}"}
        unit.log.append([system_scribe(gateway).write(EntryKind.CLIENT_REVOKED, "client.revoke", facts)])
        unit.commit()


def list_clients(gateway: Gateway, tenant_id: int) -> list[ClientRow]:
    """All clients of a tenant, revoked ones too, the oldest first."""
    with gateway.storage.begin(tenant_id, write=False) as unit:
        return TenantStore(unit.session).clients(tenant_id)


def authenticate(gateway: Gateway, api_key: str) -> Caller:
    """API key -> the client it belongs to, by one statement.

    Raises Unauthenticated for a key that is malformed, unknown or revoked, without saying which.
    """
    form = _API_KEY.fullmatch(api_key)
    row = None
    if form is not None:
        with gateway.storage.session(write=False) as session:
            row = TenantStore(session).client_by_prefix(form[1])
    stored = _NOBODY if row is None else row.key_hash
    same = hmac.compare_digest(sha256(api_key.encode(errors="replace")).digest(), stored)
    if row is None or not same or row.revoked_at is not None:
        raise Unauthenticated("the API key is not known, or was revoked")
    rules = gateway.policies.classes.get(row.client_class)
    outcomes = row.outcomes and rules is not None and rules.verified
    return Caller(
        row.tenant_id,
        row.client_id,
        row.name,
        Role(row.role),
        row.channel,
        row.client_class,
        outcomes=outcomes,
        recipient=row.recipient,
    )


def system_caller(gateway: Gateway, tenant_id: int, role: Role, channel: str = _SYSTEM) -> Caller:
    """The operator, at the command line or in a job, in a role of the tenant; of the policy's first verified class."""
    classes = gateway.policies.classes
    verified = next((name for name in sorted(classes) if classes[name].verified), "")
    return Caller(tenant_id, OPERATOR, _SYSTEM, role, channel, verified, outcomes=True)


def system_scribe(gateway: Gateway) -> Scribe:
    """Who writes entries about what the gateway itself does."""
    return Scribe(_SYSTEM, _SYSTEM, gateway.policies.digest, gateway.clock.now())


def activate_policies(gateway: Gateway, tenant_id: int) -> bool:
    """Called when a process starts: if the tenant's log stands under another policy set, write that this one begins.

    All records are then due to be decided again. -> whether an entry was written. The set in force is that of the last
    entry, for every entry names it.
    """
    with gateway.storage.begin(tenant_id, write=False) as unit:
        if _in_force(unit, unit.log.head().size) == gateway.policies.digest:
            return False
    with gateway.storage.begin(tenant_id, write=True, partition=False) as unit:
        before = _in_force(unit, unit.log.lock().size)
        if before == gateway.policies.digest:
            return False
        _keep_kinds(gateway.policies, TenantStore(unit.session).policy(before))
        _activate(gateway, unit, system_scribe(gateway))
        unit.records.review_all()
        unit.commit()
    return True


def _keep_kinds(policies: PolicySet, before: str | None) -> None:
    """Raises Conflict for a set without a kind that the one before had: identifiers of it may be stored."""
    files = {} if before is None else orjson.loads(before)
    missing = files.get("identifiers.yaml", {}).get("kinds", {}).keys() - policies.kinds.keys()
    if missing:
        named = ", ".join(sorted(missing))
        raise Conflict(f"the policy set lacks kinds that were in force: {named}; keep them, with may_link: false")


def _activate(gateway: Gateway, unit: UnitOfWork, scribe: Scribe) -> None:
    policies = gateway.policies
    TenantStore(unit.session).keep_policy(policies.digest, policies.source, gateway.clock.now())
    facts: dict[str, str | int] = {"regimes": len(policies.regimes), "purposes": len(policies.purposes)}
    unit.log.append([scribe.write(EntryKind.POLICY_ACTIVATED, "policy.activate", facts)])


def _in_force(unit: UnitOfWork, size: int) -> str:
    """Digest of the policy set of the last entry; "" where there is none, or it is damaged."""
    try:
        return next((parse_leaf(leaf).policy for _, leaf in unit.log.entries(size - 1, size)), "")
    except IntegrityError:
        return ""


def _next_id(gateway: Gateway, name: str) -> int:
    """The id a new tenant gets, if no other is created meanwhile; nothing is kept. Raises Conflict."""
    with gateway.storage.session(write=True) as session:
        tenants = TenantStore(session)
        if tenants.find(name) is not None:
            raise Conflict("there is a tenant of this name already")
        return tenants.create(name, gateway.clock.now())


def _check_client(
    policies: PolicySet, name: str, role: Role, channel: str, client_class: str, *, outcomes: bool
) -> None:
    if not name.isprintable() or not name.strip() or len(name) > _LONGEST_NAME:
        raise InvalidInput("a client's name is printable text of at most 100 characters", field="name", rule="text")
    if not is_slug(channel) or len(channel) > _LONGEST_CHANNEL or not (channel or role is not Role.CHANNEL):
        message = "a channel is a slug of at most 50 of a-z, 0-9 and _ . : -"
        raise InvalidInput(message, field="channel", rule="slug")
    rules = policies.classes.get(client_class)
    if rules is None:
        raise InvalidInput("the policy does not know this class of clients", field="class", rule="unknown_class")
    if not rules.verified and (role is not Role.CHANNEL or outcomes):
        message = "anybody can read the key of such a client: it is a channel and is not told outcomes"
        raise InvalidInput(message, field="class", rule="public")
