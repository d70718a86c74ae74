"""What tests of the operator's journeys do behind the gateway's back: edit its SQLite file, and look into it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from gateway.flows.context import Gateway
from gateway.settings import Settings


def store_of(gateway: Gateway) -> Path:
    """The SQLite file of a gateway."""
    return Path(str(gateway.storage.engine.url.database))


def settings_of(gateway: Gateway, home: Path) -> Settings:
    """The settings of a gateway whose files are in `home`."""
    url = gateway.storage.engine.url.render_as_string(hide_password=False)
    return Settings.from_environment({"GATEWAY_HOME": str(home), "GATEWAY_DATABASE_URL": url})


def tamper(gateway: Gateway, *statements: str) -> None:
    """Run SQL, with the guarding triggers gone meanwhile; each statement must change something."""
    with closing(sqlite3.connect(store_of(gateway))) as connection:
        guards = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in guards:
            connection.execute(f'DROP TRIGGER "{name}"')
        for statement in statements:
            assert connection.execute(statement).rowcount > 0, statement
        for _, sql in guards:
            connection.execute(sql)
        connection.commit()


def ask(gateway: Gateway, sql: str) -> list[tuple[object, ...]]:
    """Rows of a SELECT."""
    with closing(sqlite3.connect(store_of(gateway))) as connection:
        return connection.execute(sql).fetchall()
