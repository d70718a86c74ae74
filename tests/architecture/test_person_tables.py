"""Every table that can hold a person's id, pseudonym or own words says what merge, split, erasure and export do to it.

The list is derived from the metadata, from the names and types of columns: who adds a table cannot forget its rule.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import BigInteger, Column, LargeBinary, MetaData, String, Table, Text

from gateway.rights.cascade import RULES, check_complete
from gateway.storage import schema

# Surrogate ids of people and of what belongs to one, pseudonyms, what is sealed or disclosed about them, and the place
# in a batch that says whose decision it is.
NAMES = {"identifier_id", "profile_id", "record_id", "token", "sealed", "disclosure", "disclosures", "place"}
PARTS = ("identifier", "profile", "pseudonym", "subject", "person", "token", "sealed", "disclos", "email", "phone")

# Texts and bytes without a limit could hold anything. These do not, for the reason given.
IMPERSONAL: Mapping[str, str] = {
    "policy_set.body": "the policy files",
    "notice.purposes": "names of purposes",
    "notice.text": "what everybody is shown",
    "consent_import.digest": "a keyed hash of a whole file of consents",
    "consent_import.summary": "counts of what an import would do",
    "client.key_hash": "the hash of a channel's own key",
    "head.frontier": "hashes of the tree",
    "log_entry.leaf": "leaves are made without personal data; tests/unit/audit holds that",
    "log_node.hash": "hashes of the tree",
    "checkpoint.note": "a hash of the tree, signed",
    "decision_batch.commitments": "salted hashes that nothing opens once the decision is erased",
}


def names_a_person(column: Column[object]) -> bool:
    """Whether a column's name says that it holds an id, a pseudonym or something of a person's."""
    return column.name in NAMES or any(part in column.name for part in PARTS)


def could_hold_anything(column: Column[object]) -> bool:
    """Whether a column is text or bytes of any length."""
    unlimited_text = isinstance(column.type, Text) or (isinstance(column.type, String) and column.type.length is None)
    return unlimited_text or isinstance(column.type, LargeBinary)


def person_tables(metadata: MetaData) -> set[str]:
    """The tables with a column that names a person, or could hold anything and is not known to be harmless."""
    return {
        table.name
        for table in metadata.sorted_tables
        for column in table.columns
        if names_a_person(column) or (could_hold_anything(column) and f"{table.name}.{column.name}" not in IMPERSONAL)
    }


def declared(metadata: MetaData) -> dict[str, str]:
    """Table -> the rule its `info` names."""
    return {table.name: table.info["person"] for table in metadata.sorted_tables if "person" in table.info}


def test_every_such_table_has_its_rule() -> None:
    assert check_complete(person_tables(schema.metadata), RULES) == []


def test_every_such_table_names_its_rule_in_the_schema() -> None:
    assert declared(schema.metadata) == {name: name for name in person_tables(schema.metadata)}


def test_what_is_held_to_be_harmless_exists_and_would_be_asked_about() -> None:
    columns = {
        f"{table.name}.{column.name}": column for table in schema.metadata.sorted_tables for column in table.columns
    }
    assert {name for name in IMPERSONAL if name not in columns or not could_hold_anything(columns[name])} == set()
    assert {name for name in IMPERSONAL if names_a_person(columns[name])} == set()


def test_a_new_table_is_found_by_name_and_by_type() -> None:
    metadata = MetaData()
    Table("by_id", metadata, Column("identifier_id", BigInteger))
    Table("by_part", metadata, Column("older_profile", BigInteger))
    Table("by_text", metadata, Column("remark", Text))
    Table("by_open_string", metadata, Column("remark", String))
    Table("by_bytes", metadata, Column("blob", LargeBinary))
    Table("harmless", metadata, Column("position", BigInteger), Column("kind", String(20)))
    found = person_tables(metadata)
    assert found == {"by_id", "by_part", "by_text", "by_open_string", "by_bytes"}
    assert check_complete(found | set(RULES)) == [f"missing: {name}" for name in sorted(found)]
    assert declared(metadata) == {}
