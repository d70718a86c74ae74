"""The key services, each started once at most by a test process, and the root key in each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from gateway.outbound.root_key import RootKey
from tests.conftest import IN_CI
from tests.key_services import SERVICES, KeyPlace, NotInstalled, opened


@contextmanager
def started(name: str, directory: Path) -> Iterator[KeyPlace]:
    """A key service by name; where it is not installed the test is skipped, but in CI it fails."""
    with ExitStack() as stack:
        try:
            place = stack.enter_context(SERVICES[name](directory))
        except NotInstalled as error:
            (pytest.fail if IN_CI else pytest.skip)(str(error))
        yield place


def _place(service: str) -> object:
    """A fixture with the key service of this test process."""

    @pytest.fixture(scope="session")
    def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeyPlace]:
        with started(service, tmp_path_factory.mktemp(service)) as found:
            yield found

    return place


file_place, pkcs11_place, kms_place, transit_place = map(_place, ("file", "pkcs11", "kms", "transit"))


@pytest.fixture(scope="session", params=sorted(SERVICES))
def place(request: pytest.FixtureRequest) -> KeyPlace:
    """Each key service, one after the other."""
    found: KeyPlace = request.getfixturevalue(f"{request.param}_place")
    return found


@pytest.fixture(scope="session", params=sorted(SERVICES.keys() - {"file"}))
def mac_place(request: pytest.FixtureRequest) -> KeyPlace:
    """Each key service that computes MACs, one after the other."""
    found: KeyPlace = request.getfixturevalue(f"{request.param}_place")
    return found


@pytest.fixture(scope="session")
def root(place: KeyPlace) -> RootKey:
    """The root key of each service."""
    made = opened(place.environment)
    made.prepare()
    return made


@pytest.fixture(scope="session")
def mac_root(mac_place: KeyPlace) -> RootKey:
    """The root key of each service that computes MACs."""
    made = opened(mac_place.environment)
    made.prepare()
    return made
