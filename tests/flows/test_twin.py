"""After erasing somebody the store equals that of a twin who never saw them (issue A, point 8)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings

from gateway.storage.schema import metadata
from tests.twins import LEFT_OUT, Batch, Dump, Step, Template, Word, dump, histories, live, own_labels

_NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def template(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Template:
    home = tmp_path_factory.mktemp("template")
    (home / "gateway.db").write_bytes(sqlite_template.read_bytes())
    return Template.made(f"sqlite:///{home / 'gateway.db'}", home)


def erased_and_never_seen(template: Template, home: Path, history: list[Step]) -> tuple[Dump, Dump]:
    """The same history twice: with A, who is then erased, and without A."""
    with template.copied(home / f"one{next(_NUMBERS)}") as office:
        live(office.tenant, history)
        named = own_labels("a") if _is_scattered(history) else ["email:a"]
        office.complete("erasure", *named, include_hanging=True)
        one = dump(office.tenant)
        office.tenant.verify()
    with template.copied(home / f"twin{next(_NUMBERS)}") as office:
        live(office.tenant, history, without="a")
        twin = dump(office.tenant)
        office.tenant.verify()
    return one, twin


def _is_scattered(history: list[Step]) -> bool:
    """Whether not all that A has is connected by trusted links in force: then the request must name it."""
    withdrew = any(isinstance(step, Word) and (step.person, step.kind) == ("a", "withdraw") for step in history)
    batches = [step for step in history if isinstance(step, Batch)]
    numbers = [visit.number for batch in batches for visit in batch.visits if visit.person == "a"]
    public = any(batch.client == "web" for batch in batches)
    return withdrew or public or len(set(numbers)) < len(numbers)


def check_strangers(template: Template, home: Path, history: list[Step]) -> None:
    one, twin = erased_and_never_seen(template, home, history)
    assert one == twin


def leaves_nothing_to_compare(history: Sequence[Step]) -> bool:
    """Whether something may have happened because of A of which the store keeps no trace to undo.

    Somebody silent was refused since A made a phone one of several people's: a refusal leaves nothing to decide anew.
    Or another's newer record no longer names the phone, or theirs was refused and left their words alone: then the
    phone is A's alone, and goes with what others said on it.
    """
    seen = [visit for step in history if isinstance(step, Batch) for visit in step.visits]
    for phone in {label for visit in seen for label in visit.shared}:
        users = [visit for visit in seen if phone in visit.shared]
        silent = [visit for visit in users if visit.silent and visit.person != "a"]
        if any(visit.says for visit in silent) or (silent and len({visit.person for visit in users}) > 2):
            return True
        named = {(visit.person, visit.number) for visit in users if visit.person != "a"}
        if any((visit.person, visit.number) in named for visit in seen if phone not in visit.shared):
            return True
    return False


def check_neighbors(template: Template, home: Path, history: list[Step]) -> None:
    """A phone that comes back to somebody inherits what binds them now, not what had been overruled before.

    Two things last. The index of the log tells how others' profiles changed while a phone was shared with A, and so do
    the ids that recipients were given for these, for that did happen. And where A had lost a phone before the erasure,
    what bound A's profile then binds it still.
    """
    assume(not leaves_nothing_to_compare(history))
    one, twin = erased_and_never_seen(template, home, history)
    for dumped in (one, twin):
        del dumped["change"], dumped["outward_id"]
        dumped["ledger"] = _without_overruled(dumped["ledger"])
    _forget_lasting(one, twin)
    assert one == twin


def _without_overruled(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The ledger without inherited words after which something else was said on the same identifier and purpose."""
    last: dict[tuple[Any, Any], int] = {}
    for who, purpose, _, occurred_at, *_ in rows:
        last[who, purpose] = max(occurred_at, last.get((who, purpose), 0))
    return [row for row in rows if not row[4] or row[3] == last[row[0], row[1]]]


def _forget_lasting(one: Dump, twin: Dump) -> None:
    """Take out derived restrictions that the twin lacks, and phones that only they name."""
    kind, derived = 2, 4
    lasting = [row for row in one["ledger"] if row not in twin["ledger"] and row[derived]]
    assert {row[kind] for row in lasting} <= {"opt_out", "object", "restrict"}
    bound = {row[0] for row in lasting}
    one["ledger"] = [row for row in one["ledger"] if row not in lasting]
    phones = [row for row in one["pseudonym"] if row not in twin["pseudonym"]]
    assert {row[1] for row in phones} <= {"phone"}
    assert {row[0][:8] for row in phones} <= bound
    one["pseudonym"] = [row for row in one["pseudonym"] if row not in phones]


def test_every_table_is_compared_or_left_out_for_a_reason(template: Template, tmp_path: Path) -> None:
    with template.copied(tmp_path / "home") as office:
        compared = dump(office.tenant).keys()
    assert compared.isdisjoint(LEFT_OUT)
    assert compared | LEFT_OUT == {table.name for table in metadata.sorted_tables}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("twins")


@settings(max_examples=20)
@given(history=histories("abcd", shares=False))
def test_strangers_are_untouched(template: Template, home: Path, history: list[Step]) -> None:
    check_strangers(template, home, history)


@settings(max_examples=40)
@given(history=histories("abcd", shares=True))
def test_neighbors_are_as_if_they_had_never_shared_anything(
    template: Template, home: Path, history: list[Step]
) -> None:
    check_neighbors(template, home, history)


@pytest.mark.fuzz
@settings(max_examples=1_000)
@given(history=histories("abcde", shares=False))
def test_many_strangers(template: Template, home: Path, history: list[Step]) -> None:
    check_strangers(template, home, history)


@pytest.mark.fuzz
@settings(max_examples=2_000)
@given(history=histories("abcde", shares=True))
def test_many_neighbors(template: Template, home: Path, history: list[Step]) -> None:
    check_neighbors(template, home, history)
