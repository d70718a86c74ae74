"""`gateway policies`: check, explain and try policy sets. Needs neither keys nor a database."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from gateway.consent.golden import run_tables
from gateway.entrypoints.cli.exits import ExitCode
from gateway.entrypoints.cli.output import json_option, write_json, write_pairs, write_table
from gateway.entrypoints.cli.simulate import simulate
from gateway.kernel.clock import SystemClock
from gateway.policy.explain import explain as explain_rule
from gateway.policy.loader import check as check_policies
from gateway.policy.loader import load
from gateway.settings import Settings


@click.group("policies", short_help="Check, try and explain the rules in force.")
def policies() -> None:
    """The rules in force: laws, purposes, kinds of identifiers, classes of clients, retention."""


policies.add_command(simulate)


@policies.command("check")
@click.argument("directory", required=False, type=click.Path(path_type=Path, file_okay=False))
@json_option
def check(directory: Path | None, *, as_json: bool) -> ExitCode:
    """Check the policy set in DIRECTORY, or the one in use.

    Exits with 1 and names file and line of each fault.
    """
    chosen = directory or Settings.from_environment().policies
    findings = check_policies(chosen)
    digest = "" if findings else load(chosen).digest
    if as_json:
        write_json({"policy": digest or None, "findings": [asdict(finding) for finding in findings]})
    else:
        click.echo("\n".join(map(str, findings)) or f"No faults. The set is {digest}")
    return ExitCode.FINDINGS if findings else ExitCode.OK


@policies.command("test")
@click.argument("directory", required=False, type=click.Path(path_type=Path, file_okay=False))
@json_option
def run(directory: Path | None, *, as_json: bool) -> ExitCode:
    """Decide each row of the golden tables of a policy set.

    They stand beside the policies, in DIRECTORY/golden, or in that of the set in use. Exits with 1 and names file and
    line of each row that comes out otherwise; tells how many rows each regime has, and which of its rules and purposes
    no row asks about.
    """
    chosen = directory or Settings.from_environment().policies
    report = run_tables(load(chosen), chosen)
    if as_json:
        findings = [asdict(finding) for finding in report.findings]
        write_json({"findings": findings, "rows": dict(report.rows), "uncovered": dict(report.uncovered)})
    else:
        for finding in report.findings:
            click.echo(finding)
        write_table(
            ("regime", "rows", "not asked about"),
            [(name, count, ", ".join(report.uncovered.get(name, ()))) for name, count in report.rows.items()],
        )
    return ExitCode.FINDINGS if report.findings else ExitCode.OK


@policies.command("explain")
@click.option("--regime", required=True, help="Name of a regime, such as gdpr.")
@click.option("--purpose", required=True, help="Name of a purpose, such as identity_resolution.")
@json_option
def explain(regime: str, purpose: str, *, as_json: bool) -> None:
    """What a regime says about a purpose today.

    With the rule, its citation and its dates.
    """
    found = explain_rule(load(Settings.from_environment().policies), regime, purpose, SystemClock().now())
    if as_json:
        write_json(found)
        return
    click.echo(found.sentence)
    click.echo()
    shown = asdict(found)
    del shown["sentence"], shown["regime"], shown["purpose"]
    shown["legal_bases"] = ", ".join(found.legal_bases)
    shown["signals"] = ", ".join(f"{signal}: {effect}" for signal, effect in found.signals.items())
    shown["age_gates"] = ", ".join(
        f"under {age}: {' or '.join(bases) or 'never'}" for age, bases in found.age_gates.items()
    )
    write_pairs((name.replace("_", " "), value) for name, value in shown.items())
