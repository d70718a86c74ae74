"""The gateway on each key service, through the command line: records meet, in this process and in another."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway.flows.admin import create_tenant, system_caller
from gateway.flows.context import Gateway, Role
from gateway.flows.ingest import ingest
from gateway.flows.messages import IncomingRecord
from gateway.identifiers.model import RawIdentifier
from gateway.kernel.clock import DAY
from gateway.kernel.errors import Unavailable
from gateway.settings import Settings
from gateway.wiring import build, initialize
from tests.doors.terminal import TENANT, Terminal, notice_in, record
from tests.key_services import NOBODY, KeyPlace
from tests.notices import register, shown
from tests.outbound.conftest import started
from tests.simulator import grant

EMAIL = "anna@shop.example"
TRANSIT = {"GATEWAY_KEY_SERVICE": "transit", "GATEWAY_TRANSIT_ADDRESS": NOBODY}
INGEST = ("ingest", "-", "--format", "ndjson", "--tenant", TENANT, "--channel", "web")


def prepared(place: KeyPlace, home: Path) -> Terminal:
    """A gateway on the service with a tenant whose match keys stay in it, where it can keep them."""
    terminal = Terminal(home, place.environment)
    terminal.ok("init")
    terminal.ok("tenant", "create", TENANT, *(["--macs-in-service"] if place.computes_macs else []))
    terminal.ok(*notice_in(home))
    return terminal


def outcomes(terminal: Terminal, *records: str) -> Any:  # noqa: ANN401 - what the command prints
    """Ingest in this process -> how many of which outcome."""
    return terminal.json(*INGEST, given="".join(records))["outcomes"]


def outcomes_elsewhere(terminal: Terminal, *records: str) -> Any:  # noqa: ANN401 - what the command prints
    """The same in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "gateway.entrypoints.main", *INGEST, "--json"],
        env=terminal.subprocess_environment(),
        input="".join(records).encode(),
        capture_output=True,
        check=True,
    )
    return orjson.loads(done.stdout)["outcomes"]


def stored(home: Path) -> int:
    """How many records the store has."""
    with closing(sqlite3.connect(home / "gateway.db")) as database:
        return int(database.execute("SELECT count(*) FROM record").fetchone()[0])


def test_records_meet_here_and_in_a_second_process(place: KeyPlace, tmp_path: Path) -> None:
    terminal = prepared(place, tmp_path / "home")
    assert outcomes(terminal, record(1, email=EMAIL), record(2, email=EMAIL)) == {"created": 1, "linked": 1}
    assert outcomes_elsewhere(terminal, record(3, email=EMAIL)) == {"linked": 1}
    status = terminal.json("keys", "status")
    assert status["service"] == place.name
    assert [row["keys"] for row in status["tenants"]] == ["open"]
    assert place.name in terminal.ok("keys", "status").out
    terminal.ok("tenant", "delete", TENANT, "--yes")
    assert terminal.json("keys", "status")["tenants"] == []


def test_a_service_that_is_not_reached_matches_nothing(place: KeyPlace, tmp_path: Path) -> None:
    terminal = prepared(place, tmp_path / "home")
    outcomes(terminal, record(1, email=EMAIL))
    down = Terminal(terminal.home, {**place.environment, **place.down})
    refused = down.run(*INGEST, given=record(2, email=EMAIL))
    assert refused.code == 4
    assert "Traceback" not in refused.err
    assert stored(terminal.home) == 1
    assert outcomes(terminal, record(2, email=EMAIL)) == {"linked": 1}


@pytest.mark.parametrize("name", ["kms", "transit"])
def test_a_server_that_dies_under_a_running_gateway_stops_matching(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with started(name, tmp_path) as place:
        for variable, value in {**place.environment, "GATEWAY_HOME": str(tmp_path / "home")}.items():
            monkeypatch.setenv(variable, value)
        settings = Settings.from_environment()
        initialize(settings)
        gateway = build(settings)
        tenant_id = create_tenant(gateway, TENANT, macs_in_service=True)
        register(gateway, tenant_id)
        caller = system_caller(gateway, tenant_id, Role.CHANNEL, "store")
        assert ingest(gateway, caller, [incoming("r1", gateway)])[0].outcome == "created"
        place.stop()
        with pytest.raises(Unavailable, match="cannot be reached"):
            ingest(gateway, caller, [incoming("r2", gateway)])
        gateway.storage.engine.dispose()
        assert stored(settings.home) == 1


def incoming(record_id: str, gateway: Gateway) -> IncomingRecord:
    """A record of yesterday, with consent."""
    yesterday = gateway.clock.now() - DAY
    identifiers = (RawIdentifier("email", EMAIL),)
    return IncomingRecord(record_id, yesterday, identifiers, "DE", consents=(shown(grant(at=yesterday)),))


def test_a_file_refuses_to_keep_match_keys_and_makes_no_tenant(file_place: KeyPlace, tmp_path: Path) -> None:
    terminal = Terminal(tmp_path / "home", file_place.environment)
    terminal.ok("init")
    refused = terminal.run("tenant", "create", TENANT, "--macs-in-service")
    assert refused.code == 2
    assert "pkcs11, kms or transit" in refused.err
    assert terminal.json("tenant", "list") == {"tenants": []}


def test_init_says_where_a_new_root_key_is(mac_place: KeyPlace, tmp_path: Path) -> None:
    named = {"GATEWAY_PKCS11_KEY": f"root-{tmp_path.name}", "GATEWAY_TRANSIT_KEY": f"root-{tmp_path.name}"}
    terminal = Terminal(tmp_path / "home", {**mac_place.environment, **named})
    said = terminal.ok("init").out
    assert (f"root-{tmp_path.name}" in said) == (mac_place.name != "kms")
    assert "root key" not in terminal.ok("init").out


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"GATEWAY_KEY_SERVICE": "safe"}, "GATEWAY_KEY_SERVICE"),
        ({"GATEWAY_KEY_SERVICE": "pkcs11"}, "GATEWAY_PKCS11_MODULE"),
        ({"GATEWAY_KEY_SERVICE": "pkcs11", "GATEWAY_PKCS11_MODULE": "x"}, "GATEWAY_PKCS11_TOKEN"),
        ({"GATEWAY_KEY_SERVICE": "kms"}, "GATEWAY_KMS_KEY_ID"),
        ({"GATEWAY_KEY_SERVICE": "transit"}, "GATEWAY_TRANSIT_ADDRESS"),
    ],
)
def test_a_missing_setting_is_named(tmp_path: Path, given: Mapping[str, str], named: str) -> None:
    refused = Terminal(tmp_path / "home", given).run("init")
    assert refused.code == 2
    assert named in refused.err


class TestSecrets:
    def test_a_file_of_mode_0600_will_do(self, transit_place: KeyPlace, tmp_path: Path) -> None:
        token = tmp_path / "token"
        token.touch(mode=0o600)
        token.write_text(f"{transit_place.environment['GATEWAY_TRANSIT_TOKEN']}\n")
        environment = {name: value for name, value in transit_place.environment.items() if "TOKEN" not in name}
        Terminal(tmp_path / "home", {**environment, "GATEWAY_TRANSIT_TOKEN_FILE": str(token)}).ok("init")

    def test_one_that_others_can_read_is_refused(self, tmp_path: Path) -> None:
        token = tmp_path / "token"
        token.write_text("made-up")
        token.chmod(0o640)
        given = {**TRANSIT, "GATEWAY_TRANSIT_TOKEN_FILE": str(token)}
        refused = Terminal(tmp_path / "home", given).run("init")
        assert (refused.code, "chmod 600" in refused.err, "made-up" in refused.err) == (4, True, False)

    @pytest.mark.parametrize("given", [{}, {"GATEWAY_TRANSIT_TOKEN_FILE": "/nowhere/token"}])
    def test_without_one_it_says_what_is_missing(self, tmp_path: Path, given: Mapping[str, str]) -> None:
        refused = Terminal(tmp_path / "home", {**TRANSIT, **given}).run("init")
        assert refused.code == 4
        assert "secret" in refused.err


@pytest.mark.parametrize(
    ("service", "extra", "library"),
    [("pkcs11", "pkcs11", "pkcs11"), ("kms", "kms", "boto3"), ("transit", "vault", "hvac")],
)
def test_a_missing_library_names_the_extra(tmp_path: Path, service: str, extra: str, library: str) -> None:
    """The program of a Python that lacks the library: an entry of None in `sys.modules` is one that is not there."""
    program = f"import sys; sys.modules[{library!r}] = None; from gateway.entrypoints.main import main; main()"
    given = {
        "GATEWAY_HOME": str(tmp_path / "home"),
        "GATEWAY_KEY_SERVICE": service,
        "GATEWAY_PKCS11_MODULE": "module",
        "GATEWAY_PKCS11_TOKEN": "token",
        "GATEWAY_PKCS11_PIN": "pin",
        "GATEWAY_KMS_KEY_ID": "key",
        "GATEWAY_TRANSIT_ADDRESS": NOBODY,
        "GATEWAY_TRANSIT_TOKEN": "token",
    }
    environment = Terminal(tmp_path / "home", given).subprocess_environment()
    done = subprocess.run(
        [sys.executable, "-c", program, "init"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 4
    assert f"pip install 'consent-gateway[{extra}]'" in done.stderr


def test_the_file_needs_no_library_of_a_service(tmp_path: Path) -> None:
    program = (
        "import sys; from gateway import settings, wiring; here = settings.Settings.from_environment();"
        " wiring.initialize(here); wiring.build(here); print(*sys.modules)"
    )
    environment = Terminal(tmp_path / "home").subprocess_environment()
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert {"boto3", "botocore", "hvac", "pkcs11", "requests"}.isdisjoint(done.stdout.split())
