"""The project's migrations, applied to a database of a test."""

from __future__ import annotations

from gateway.settings import Settings
from gateway.storage.migrate import upgrade

MIGRATIONS = Settings.from_environment({}).migrations


def migrate(url: str) -> None:
    """Bring the database at `url` to the newest revision."""
    upgrade(url, MIGRATIONS)
