"""Configuration: environment variables and the layout of the gateway's home directory."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.kernel.errors import InvalidInput

_PACKAGE = Path(__file__).resolve().parent
_BACKENDS = ("sqlite:///", "postgresql://", "postgresql+psycopg://")


def _shipped(name: str) -> Path:
    """A directory that stands beside the package in a checkout and inside it in a wheel."""
    beside = _PACKAGE.parent / name
    return beside if beside.is_dir() else _PACKAGE / f"_{name}"


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things are. Secrets are read when they are needed and never kept here."""

    home: Path
    database_url: str
    policies: Path
    migrations: Path
    controller: str
    max_body_bytes: int

    @property
    def keyring(self) -> Path:
        """The wrapped tenant keys."""
        return self.home / "keys" / "keyring.json"

    @property
    def root_key_file(self) -> Path:
        """The root key, unless `GATEWAY_ROOT_KEY` holds it."""
        return self.home / "keys" / "root.key"

    @property
    def journal(self) -> Path:
        """The journals, outside of every backup."""
        return self.home / "journal"

    @property
    def is_sqlite(self) -> bool:
        """Whether the store is one SQLite file."""
        return self.database_url.startswith("sqlite")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read `GATEWAY_HOME`, `_DATABASE_URL`, `_POLICIES`, `_CONTROLLER` and `_MAX_BODY_MIB`. Raises InvalidInput."""
        given = os.environ if environment is None else environment
        home = Path(given.get("GATEWAY_HOME", "gateway-data")).absolute()
        return cls(
            home=home,
            database_url=_database(given.get("GATEWAY_DATABASE_URL") or f"sqlite:///{home / 'gateway.db'}"),
            policies=Path(given.get("GATEWAY_POLICIES") or _shipped("policies")),
            migrations=_shipped("migrations"),
            controller=given.get("GATEWAY_CONTROLLER", "The controller"),
            max_body_bytes=_whole("GATEWAY_MAX_BODY_MIB", given.get("GATEWAY_MAX_BODY_MIB", "16")) << 20,
        )


def _database(url: str) -> str:
    if not url.startswith(_BACKENDS):
        raise InvalidInput(f"a URL that begins with {' or '.join(_BACKENDS)} is needed", field="GATEWAY_DATABASE_URL")
    return url


def _whole(name: str, text: str) -> int:
    if not text.isdecimal():
        raise InvalidInput("a whole number is needed", field=name, rule="number")
    return int(text)
