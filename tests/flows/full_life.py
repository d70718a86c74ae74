"""A tenant's life that leaves something in every table."""

from __future__ import annotations

from dataclasses import replace

from gateway.flows import audit
from gateway.flows.import_consent import Import, propose_import
from gateway.flows.record_consent import record_consent
from gateway.flows.requests import ConsentEventInput
from gateway.kernel.clock import DAY, HOUR
from tests.notices import shown
from tests.rights_simulator import Office, look_up
from tests.simulator import NOW, TenantSimulator, grant, raw
from tests.spoken import said, tc_text

SUBTREE = 256  # entries of the log whose root is stored
EVENT = "the-event-of-somebody"
REFERENCE = "reference-of-finn"
DIGEST = bytes(range(100, 132))


def live(tenant: TenantSimulator) -> None:
    """Records, consents, views and requests of every kind, an erasure among them.

    Entries that name nobody are the same in every log; consents come last, so that each root in use stands on one that
    does not.
    """
    office = Office.of(tenant)
    people = ("anna", "bob", "carl", "dora", "eve", "finn", "gil", "hilda", "ivo", "jon", "kai")
    for number, name in enumerate(people):
        labels = (f"email:{name}", f"customer_id:{name}", "phone:90", f"phone:{number}", f"cookie:{name}")
        tenant.send("store", tenant.record(f"{name}-at-the-store", *labels))
        tenant.send("app", tenant.record(f"{name}-in-the-app", f"email:{name}", f"device_id:{name}", gpc=name == "bob"))
    consent = replace(grant(), event_id=EVENT)
    tenant.send("store", tenant.record("another-record", "email:anna", consents=[consent]))
    tenant.send("web", tenant.record("public-record", "email:anna", "cookie:public"))
    tenant.send("store", tenant.record("refused-record", "email:zoe", consents=()))
    tenant.send("web", replace(tenant.record("with-a-string", "cookie:hilda"), tcf=tc_text(said(1))))
    tenant.state("callcentre", "withdraw", "email:carl")
    tenant.send("store", tenant.record("refused-again", "email:carl", consents=()))
    look_up(tenant, "store", "email:anna")
    office.complete("access", "email:anna")
    office.complete("opt_out", "email:dora")
    office.complete("erasure", "email:eve", "phone:4")
    office.submit("access", "email:finn", "phone:5", reference=REFERENCE)
    moments = [NOW - DAY - at * HOUR for at in range(SUBTREE)]
    stated = [shown(replace(grant("analytics", at=at), event_id=EVENT)) for at in moments]
    events = [ConsentEventInput((raw("email:gil"),), one, "DE") for one in stated]
    wanted = Import(events, DIGEST)
    propose_import(tenant.gateway, tenant.callers["callcentre"], wanted)
    record_consent(tenant.gateway, tenant.callers["callcentre"], events)
    audit.checkpoint(tenant.gateway, tenant.tenant_id)
