"""`gateway identifiers digest`: how a hash profile writes a value, and its digest. Needs neither keys nor a database.

a value that can be read      {"normalized":…,"digest":…}, for DROP with its "standardizer"
one that cannot               {"problem":{…}} with its place, from 0, and without the value; exit code 1
misuse                        one line on standard error; exit code 2
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial

import click
import orjson

from gateway.entrypoints.cli.exits import ExitCode
from gateway.entrypoints.cli.expire import expire
from gateway.entrypoints.cli.root import Trouble
from gateway.entrypoints.cli.sources import STANDARD_INPUT, opened_file
from gateway.entrypoints.wire.reading import parse_json, read_lines
from gateway.flows.messages import Problem
from gateway.identifiers.hash_profiles.composites import COMPOSITES, composite_forms, composite_sha256
from gateway.identifiers.hash_profiles.forms import standard_form
from gateway.identifiers.hash_profiles.table import HASH_PROFILES, KIND_NAMES, encoded, sha256
from gateway.kernel.errors import InvalidInput
from gateway.policy.loader import load
from gateway.policy.model import KindRule
from gateway.settings import Settings

_STANDARD_INPUT = str(STANDARD_INPUT)
_PROFILE = click.Choice(list(HASH_PROFILES), case_sensitive=False)
_KIND = click.Choice(list(KIND_NAMES), case_sensitive=False)
_LIST = click.Choice(list(COMPOSITES), case_sensitive=False)
_COUNTRY = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")


@click.group("identifiers")
def identifiers() -> None:
    """Normal forms and digests; the end of what is kept no longer."""


identifiers.add_command(expire)


@identifiers.command("digest", short_help="Normal form and digest of values under a hash profile.")
@click.argument("values", nargs=-1, metavar="[VALUE...|-]")
@click.option("--profile", type=_PROFILE, required=True, help="The platform whose rules count.")
@click.option("--kind", type=_KIND, metavar="KIND", help="What the values are; see above.")
@click.option("--list", "composite", type=_LIST, metavar="[NDZ|NameVIN]", help="DROP's digest of several fields.")
@click.option("--first", help="First name, for a list.")
@click.option("--last", help="Last name, for a list.")
@click.option("--dob", help="Date of birth, for NDZ.")
@click.option("--zip", "zip_code", help="ZIP code, for NDZ.")
@click.option("--vin", help="Vehicle identification number, for NameVIN.")
@click.option("--country", help="Where national numbers and dates are from: DE, US-CA. Without it: US.")
@click.option("--json", is_flag=True, expose_value=False, help="As everywhere; the lines are JSON in any case.")
def digest(
    values: tuple[str, ...],
    *,
    profile: str,
    kind: str | None,
    composite: str | None,
    country: str | None,
    zip_code: str | None,
    **fields: str | None,
) -> ExitCode:
    """Print normal form and digest of each VALUE as a line of JSON.

    \b
      gateway identifiers digest --profile meta --kind phone - < numbers.txt
      gateway identifiers digest --profile drop --list NDZ - < people.ndjson

    Everybody on this machine can read what stands on a command line. For real data write -: one value a line comes from
    standard input, for a list one JSON object a line with first, last, dob and zip, or first, last and vin.

    Kinds: email, phone, name, given_name, family_name, date_of_birth (dob), postal_code (zip), maid, vin, ctvid; a
    profile has some of them. Encoding: Base64 for uid2 and drop, hexadecimal for google, meta and snap.

    An empty or impossible value is a line with its problem; the command then exits with 1.
    """  # noqa: D301 - click marks a paragraph that is not wrapped with \b
    region = _region(country)
    rules = load(Settings.from_environment().policies).kinds
    given = {name: text for name, text in {**fields, "zip": zip_code}.items() if text is not None}
    if composite is not None:
        _check_list(profile, kind, values, given)
        people: Iterator[object | Problem] = map(_person, _lines()) if values else iter([given])
        return _print_all(people, partial(_composite_line, composite, rules, region))
    if kind is None or not values or given:
        raise InvalidInput("name --kind and give values, or - for standard input", field="--kind", rule="required")
    _check_pair(profile, KIND_NAMES[kind])
    texts: Iterator[object | Problem] = _lines() if values == (_STANDARD_INPUT,) else iter(values)
    return _print_all(texts, partial(_value_line, profile, KIND_NAMES[kind], rules, region))


def _print_all(items: Iterator[object | Problem], line: Callable[[object], dict[str, object]]) -> ExitCode:
    code = ExitCode.OK
    for index, item in enumerate(items):
        try:
            answer = orjson.dumps(line(_read(item)))
        except InvalidInput as error:
            code = ExitCode.FINDINGS
            answer = Trouble(error.title, str(error), code, error.rule, error.field, index).as_json()
        click.echo(answer)
    return code


def _read(item: object | Problem) -> object:
    if isinstance(item, Problem):
        raise InvalidInput(item.message, field="value", rule=item.rule)
    return item


def _value_line(
    profile: str, kind: str, rules: Mapping[str, KindRule], country: str | None, text: object
) -> dict[str, object]:
    form = standard_form(profile, kind, str(text), rules, country)
    line: dict[str, object] = {"normalized": form.text, "digest": encoded(sha256(form.text), profile)}
    return {**line, "standardizer": form.version} if form.version else line


def _composite_line(
    composite: str, rules: Mapping[str, KindRule], country: str | None, person: object
) -> dict[str, object]:
    if not isinstance(person, dict) or not all(isinstance(text, str) for text in person.values()):
        raise InvalidInput("a line is a JSON object with a text for each field", field="value", rule="wrong_type")
    forms = composite_forms(composite, person, rules, country)
    texts = {field: form.text for field, form in forms.items()}
    (version,) = {form.version for form in forms.values()}
    digested = encoded(composite_sha256(texts.values()), "drop")
    return {"normalized": texts, "digest": digested, "standardizer": version}


def _lines() -> Iterator[str | Problem]:
    """Standard input -> its lines, blank ones too, so that each answer stands where its value stood."""
    seen = 0
    with opened_file(STANDARD_INPUT) as stream:
        for number, line in read_lines(stream):
            yield from [""] * (number - seen - 1)
            seen = number
            yield line if isinstance(line, Problem) else _decoded(line.removesuffix(b"\r"))


def _decoded(line: bytes) -> str | Problem:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return Problem(field="", rule="not_utf8", message="this line is not UTF-8")


def _person(line: str | Problem) -> object | Problem:
    if isinstance(line, Problem):
        return line
    try:
        return parse_json(line.encode())
    except InvalidInput as error:
        return Problem(field="", rule=error.rule, message="this line is not a JSON object")


def _region(country: str | None) -> str | None:
    if country is None:
        return None
    region = country.upper()
    if not _COUNTRY.fullmatch(region):
        raise InvalidInput("a country is a code such as DE or US-CA", field="--country", rule="bad_country")
    return region


def _check_pair(profile: str, kind: str) -> None:
    kinds = HASH_PROFILES[profile].kinds
    if kind not in kinds:
        raise InvalidInput(f"{profile} has {', '.join(kinds)}", field="--kind", rule="kind_not_in_profile")


def _check_list(profile: str, kind: str | None, values: tuple[str, ...], given: Mapping[str, str]) -> None:
    if profile != "drop" or kind is not None:
        raise InvalidInput("only --profile drop has lists, and they need no --kind", field="--list", rule="not_drop")
    if values not in ((), (_STANDARD_INPUT,)) or (values and given):
        message = "the fields of a list come as options, or all from standard input for -"
        raise InvalidInput(message, field="--list", rule="required")
