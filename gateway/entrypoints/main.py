"""Brings the commands of all doors together under `gateway`."""

from __future__ import annotations

import click

from gateway import __version__
from gateway.entrypoints.cli import (
    audit,
    consent,
    identifiers,
    ingest,
    keys,
    notices,
    policies,
    rights,
    setup,
    signals,
    store,
    tenants,
)
from gateway.entrypoints.cli.root import Root
from gateway.entrypoints.demo.command import demo
from gateway.entrypoints.jobs.command import jobs
from gateway.entrypoints.serve.command import serve

_COMMANDS = (
    *(demo, serve, setup.init, setup.database, store.backup, store.restore),
    *(tenants.tenant, tenants.client, policies.policies, notices.notice, ingest.ingest, consent.consent, rights.rights),
    *(identifiers.identifiers, signals.signals, audit.audit, keys.keys, jobs),
)


@click.group("gateway", cls=Root, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gateway", message="%(prog)s %(version)s")
def gateway() -> None:
    """Consent and pseudonymization gateway: identifiers in, consent asked, profiles merged, every merge in a log.

    Settings come from the environment: GATEWAY_HOME (default ./gateway-data), GATEWAY_DATABASE_URL (default: an SQLite
    file there), GATEWAY_ROOT_KEY (default: the key file there), GATEWAY_POLICIES, GATEWAY_CONTROLLER.

    \b
    Exit codes: 0 ok, 1 findings, 2 usage, 3 refused, 4 unavailable.
    Errors are one line on standard error; with --json they are also
    {"problem":{...}} on standard output.
    """  # noqa: D301 - click marks a paragraph that is not wrapped with \b


for command in _COMMANDS:
    gateway.add_command(command)


def main() -> None:
    """The console script. Raises SystemExit with the exit code."""
    gateway.main()


if __name__ == "__main__":
    main()
