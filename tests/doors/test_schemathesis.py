"""Random calls made from `/openapi.json`: never a 5xx, and never an answer that the document does not describe."""

from __future__ import annotations

from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.doors.sites import PURPOSE, Site, email, record

CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
]
AS_CHANNEL: Final = ("/v1/records", "/v1/decisions", "/v1/profiles", "/v1/changes")
OPERATIONS: Final = 29


@pytest.fixture(scope="module")
def operations(shared_site: Site) -> list[Any]:
    """What the app says it can do."""
    document = schemathesis.openapi.from_wsgi("/openapi.json", shared_site.app)
    return [one.ok() for one in document.get_all_operations()]  # type: ignore[union-attr]  # what is invalid fails here


@pytest.fixture(scope="module")
def known(shared_site: Site) -> dict[str, Any]:
    """What is in the store, by the name of a field or of a part of a path: random calls would never guess it."""
    shared_site.call("POST", "/v1/records", "web", json={"records": [record("r1"), record("r2")]})
    submission = {"request": "access", "identifiers": [email()], "jurisdiction": "DE", "proof": "account_login"}
    return {
        "identifiers": [email()],
        "purpose": PURPOSE,
        "jurisdiction": "DE",
        "proof": "account_login",
        "request_id": shared_site.call("POST", "/v1/rights", "dpo", json=submission).get_json()["id"],
        "export_id": shared_site.call("POST", "/v1/audit/exports", "dpo").get_json()["id"],
    }


def call_often(site: Site, operation: Any, known: dict[str, Any], calls: int) -> None:  # noqa: ANN401 - schemathesis' own class
    """Make random calls of one operation, some as described and some not, and judge each answer."""
    key = site.keys["web" if operation.path.startswith(AS_CHANNEL) else "dpo"]
    modes = [operation.as_strategy(generation_mode=mode) for mode in GenerationMode]

    @settings(max_examples=calls, suppress_health_check=list(HealthCheck))
    @given(case=st.one_of(modes), knowing=st.booleans())
    def judge(case: Any, knowing: bool) -> None:  # noqa: ANN401, FBT001 - schemathesis' own class; drawn
        if knowing:
            for fields in (case.body, case.path_parameters):
                if isinstance(fields, dict):
                    fields.update({name: known[name] for name in fields.keys() & known.keys()})
        case.call_and_validate(headers={"Authorization": f"Bearer {key}"}, checks=CHECKS)

    judge()


def call_each(site: Site, operations: list[Any], known: dict[str, Any], calls: int) -> None:
    assert len(operations) >= OPERATIONS
    for operation in operations:
        call_often(site, operation, known, calls)


def test_a_few_calls_of_each_operation(shared_site: Site, operations: list[Any], known: dict[str, Any]) -> None:
    call_each(shared_site, operations, known, 10)


@pytest.mark.fuzz
def test_many_calls_of_each_operation(shared_site: Site, operations: list[Any], known: dict[str, Any]) -> None:
    call_each(shared_site, operations, known, 200)
