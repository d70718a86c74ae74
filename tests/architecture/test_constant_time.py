"""API keys, MACs and signatures are compared in constant time, held by reading the code.

Whoever can measure how long `==` takes learns how far two values agree. So `hmac.compare_digest` compares, or the
cryptography library verifies; where `==` meets what is named like a secret and is none, the reason stands here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

from tests.architecture.sources import Source, sources

SECRET = re.compile(r"(^|_)(digest|sha256|hmac|mac|hash|root|signature|secret|token|key|tag|password)(s|\d*)($|_)")
BY_DATABASE = re.compile(r"key_hash\s*(=|<|>|\bIN\b|\bLIKE\b)", re.IGNORECASE)

# File -> comparison -> why an attacker learns nothing from its time.
PUBLIC: Mapping[str, Mapping[str, str]] = {
    "audit/checkpoint.py": {"_key_id(name, key).hex() != key_id": "both stand in the public verifier key"},
    "audit/proofs.py": {
        "found != root": "roots of the log are published",
        "found_old != old_root": "roots",
        "found_new != new_root": "roots",
        "old_root != new_root": "roots",
    },
    "audit/verify.py": {
        "tree.root() != checkpoint.root": "roots",
        "checkpoint.origin != key.name": "names of the log",
        "wanted.get((root := batch_root(texts))) != name": "names of commitments in the auditor's own files",
        "wanted.get(digest) != name": "names of commitments",
    },
    "audit/signed.py": {
        "named != {'algorithm': ALGORITHM, 'key': key.name, 'key_id': key.key_id.hex()}": "both are public: see vkey",
    },
    "flows/steps/examine.py": {
        "tree.root() != roots[end]": "roots, in the operator's own store",
        "unit.log.nodes(node.level, node.index, node.index + 1) != [node.hash]": "roots of subtrees",
        "leaf.commitments.get('decisions') != batch_root([to_base64url(one) for one in members])": "roots",
        "shown.origin != key.name": "names of the log",
    },
    "flows/replay_decision.py": {
        "leaf.commitments.get('decisions') != batch_root(members)": "roots, in the operator's own store",
    },
    "flows/admin.py": {
        "_in_force(unit, unit.log.head().size) == gateway.policies.digest": "a digest of the policies",
        "before == gateway.policies.digest": "a digest of the policies",
    },
    "flows/backup.py": {"sha256_of(copy) != manifest.sha256": "whoever sees the manifest sees the copy"},
    "outbound/keyring.py": {"service != self._root.service": "names of services"},
    "profiles/partition.py": {
        "parent[root] != root": "the root of a union-find tree",
        "parent[identifier] != root": "the root of a union-find tree",
    },
}


def names(node: ast.AST) -> Iterator[str]:
    """The names in an operand."""
    for each in ast.walk(node):
        match each:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                yield name


def is_fixed(side: ast.expr) -> bool:
    """Whether an operand is a length, or stands in the source: no secret does."""
    match side:
        case ast.Call(func=ast.Name(id="len")):
            return True
        case _:
            return all(name.isupper() or name == "bytes" for name in names(side))


def compared(source: Source) -> list[str]:
    """`path: comparison` of each == and != of values that nobody fixed, one of which is named like a secret."""
    found = []
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Compare) and any(isinstance(one, ast.Eq | ast.NotEq) for one in node.ops):
            sides = (node.left, *node.comparators)
            sounding = any(SECRET.search(name.lower()) for side in sides for name in names(side))
            if sounding and not any(map(is_fixed, sides)):
                found.append(f"{source.path}: {ast.unparse(node)}")
    return found


def calls(source: Source, function: str) -> Iterator[ast.Call]:
    """The calls of a function or method of this name."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(function):
            yield node


def file(path: str) -> Source:
    (found,) = (source for source in sources("gateway") if source.path == path)
    return found


def test_nothing_secret_is_compared_by_equality() -> None:
    known = {f"gateway/{path}: {comparison}" for path, several in PUBLIC.items() for comparison in several}
    assert {finding for source in sources("gateway") for finding in compared(source)} == known


def test_the_database_is_never_asked_for_a_hash_of_a_key() -> None:
    texts = [
        (source.at(node.lineno), node.value)
        for source in sources("gateway")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    assert [place for place, text in texts if BY_DATABASE.search(text)] == []


@pytest.mark.parametrize(
    ("path", "right", "broken"),
    [
        ("gateway/flows/admin.py", "hmac.compare_digest(", "operator.eq("),
        ("gateway/audit/checkpoint.py", ".verify(signature, ", ".same(signature, "),
    ],
)
def test_where_keys_and_signatures_come_in_they_are_compared_rightly(path: str, right: str, broken: str) -> None:
    function = right.partition("(")[0].removeprefix(".")
    source = file(path)
    assert len(list(calls(source, function))) == 1
    assert list(calls(replace(source, text=source.text.replace(right, broken)), function)) == []


def test_a_key_compared_by_equality_would_be_seen() -> None:
    source = file("gateway/flows/admin.py")
    right = 'hmac.compare_digest(sha256(api_key.encode(errors="replace")).digest(), stored)'
    assert right in source.text
    broken = replace(source, text=source.text.replace(right, "sha256(api_key.encode()).digest() == stored"))
    assert set(compared(broken)) - set(compared(source)) == {
        "gateway/flows/admin.py: sha256(api_key.encode()).digest() == stored"
    }


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("api_key == given", True),
        ("row.key_hash != found", True),
        ("key.mac(message) == given[32:]", True),
        ("given == hmac.new(a, b, 'sha256').digest()", True),
        ("signature[:4] != given.signature", True),
        ("bytes(token) == given", True),
        ("expected_tag == tag", True),
        ("len(key) != size", False),
        ("key[:1] != bytes([ED25519])", False),
        ("name == 'token'", False),
        ("monkey == turkey", False),
        ("hmac.compare_digest(key, given)", False),
    ],
)
def test_the_check_finds_what_it_looks_for(text: str, *, seen: bool) -> None:
    assert bool(compared(Source("sample.py", f"if {text}: pass\n"))) is seen


@pytest.mark.parametrize("text", ["WHERE key_hash = ?", "where KEY_HASH IN (?)", "key_hash LIKE ?"])
def test_a_question_to_the_database_would_be_seen(text: str) -> None:
    assert BY_DATABASE.search(text)
