"""The YAML subset: what is read as what, on which line, and what is refused."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy import document
from gateway.policy.document import MAX_BYTES, MAX_DEPTH, MalformedDocument, parse
from tests.unit.policy.policy_files import NAMES, SHIPPED


def test_plain_scalars_are_constants_whole_numbers_or_text() -> None:
    text = b"a: NO\nb: 2026-01-01\nc: 12\nd: '12'\ne: true\nf: yes\ng: null\nh: 'null'\ni:\nj: 007\nk: 1.5\nl: -3\n"
    assert parse(text).data == {
        "a": "NO",
        "b": "2026-01-01",
        "c": 12,
        "d": "12",
        "e": True,
        "f": "yes",
        "g": None,
        "h": "null",
        "i": None,
        "j": "007",
        "k": "1.5",
        "l": -3,
    }


def test_a_number_too_long_for_a_number_stays_text() -> None:
    assert parse(b"a: " + b"9" * 5000).data == {"a": "9" * 5000}


def test_lines_are_those_of_keys_and_items() -> None:
    read = parse(b"# head\n\na:\n  b: 1\n  c:\n    - x\n\n    - y\n")
    assert [read.line_of(path) for path in ((), ("a",), ("a", "b"), ("a", "c"), ("a", "c", 0), ("a", "c", 1))] == [
        3,
        3,
        4,
        5,
        6,
        8,
    ]
    assert read.line_of(("a", "missing", "deep")) == 3


def test_items_at_gives_lists_alone() -> None:
    read = parse(b"a: {b: [x, y], c: 1}")
    assert read.items_at(("a", "b")) == ["x", "y"]
    assert read.items_at(("a", "c")) == []
    assert read.items_at(("q", "c")) == []


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (b"", 1, "the file is empty"),
        (b"# only\n# comments\n", 1, "the file is empty"),
        (b"\n- a\n", 2, "a mapping of keys is needed at the top"),
        (b"text", 1, "a mapping of keys is needed at the top"),
        (b"a: 1\nb: *x\n", 2, "YAML aliases are not allowed"),
        (b"a: &x [1]\nb: [*x, *x]\n", 2, "YAML aliases are not allowed"),
        (b"a: 1\n---\nb: 2\n", 2, "more than one YAML document"),
        (b"a: 1\n? [b]\n: 2\n", 2, "a key must be plain text"),
        (b"a: 1\nb: \xff\n", 2, "not UTF-8"),
        (b"a: 1\n\nb: \x00\n", 3, "control characters are not allowed"),
        (b"a: 1\nb: x\xe2\x80\xa8y\n", 2, "control characters are not allowed"),
        (b"a: " + b"[" * MAX_DEPTH + b"1" + b"]" * MAX_DEPTH, 1, f"nested deeper than {MAX_DEPTH} levels"),
        (b"a: " + b"x" * MAX_BYTES, 1, f"larger than {MAX_BYTES} bytes"),
    ],
)
def test_what_cannot_be_read_names_its_line(text: bytes, line: int, message: str) -> None:
    with pytest.raises(MalformedDocument) as caught:
        parse(text)
    assert (caught.value.line, caught.value.message) == (line, message)


@pytest.mark.parametrize(("text", "line"), [(b"a: 1\nb: [1\n", 3), (b"a:\n\tb: 1\n", 2), (b"a: 1\nb: %c\n", 2)])
def test_broken_syntax_names_its_line(text: bytes, line: int) -> None:
    with pytest.raises(MalformedDocument, match="not valid YAML") as caught:
        parse(text)
    assert caught.value.line == line


def test_ten_thousand_open_brackets_end_early() -> None:
    with pytest.raises(MalformedDocument):
        parse(b"a: " + b"[" * 10_000)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"a: 1\nb: 2\na: 3\n", (3, "repeated key 'a'")),
        (b"a: 1\nb: {c: 1, 'c': 2}\n", (2, "repeated key 'c'")),
        (b"a: 1\nb: &x 2\n", (2, "YAML anchors are not allowed")),
        (b"a: 1\n&x b: 2\n", (2, "YAML anchors are not allowed")),
        (b"a: 1\nb: !!str 2\n", (2, "YAML tags are not allowed")),
        (b"a: 1\nb: !!python/object/apply:os.getcwd []\n", (2, "YAML tags are not allowed")),
        (b"!!map\na: 1\n", (1, "YAML tags are not allowed")),
    ],
)
def test_what_is_not_allowed_is_reported_and_reading_goes_on(text: bytes, problem: tuple[int, str]) -> None:
    assert parse(text).problems == (problem,)


@pytest.mark.parametrize("name", NAMES)
def test_both_parsers_of_pyyaml_read_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content = (SHIPPED / name).read_bytes()
    fast = parse(content)
    monkeypatch.setattr(document, "_LOADER", yaml.SafeLoader)
    assert parse(content) == fast


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    last = content.count(b"\n") + content.count(b"\r") + 2
    try:
        lines = list(parse(content).lines.values())
    except MalformedDocument as error:
        lines = [error.line]
    assert all(1 <= line <= last for line in lines)


_TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**16), 10**16) | st.text("abNO0-:#'\"{}[]&*!| \n", max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc-", min_size=1, max_size=4), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(st.dictionaries(st.text("abc-", min_size=1, max_size=4), _TREES, max_size=4))
def test_what_pyyaml_writes_is_read_back(tree: dict[str, object]) -> None:
    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, data: object) -> bool:
            del data
            return True

    assert parse(yaml.dump(tree, Dumper=Plain).encode()).data == tree
