"""Every kind of finding: one edit of the shipped set gives exactly one finding, with its file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.kernel.errors import Unavailable
from gateway.policy.document import MAX_BYTES
from gateway.policy.errors import Finding, PolicyError
from gateway.policy.loader import check, load
from tests.unit.policy.policy_files import NAMES, copy_to, edit, line_with

DATE = "a date YYYY-MM-DD is needed"
PERIOD = "exactly one of months, days, business_days is needed"
BASES = "consent, contract, legal_obligation, vital_interests, public_task, legitimate_interest"
FIRST = "consent.identity_resolution"

# (file, what is replaced, by what, the message); the finding must name the line with the mark `# HERE`.
CASES = [
    # keys
    ("gdpr.yaml", "strictness:", "color: red # HERE\nstrictness:", "unknown key 'color'"),
    ("gdpr.yaml", "    default: deny", "    default: deny\n    defualt: allow # HERE", "unknown key 'defualt'"),
    ("gdpr.yaml", "    default: deny", "    value: 1 # HERE\n    default: deny", "unknown key 'value'"),
    ("gdpr.yaml", "    default: deny", "    key: {a: 1} # HERE\n    default: deny", "unknown key 'key'"),
    ("gdpr.yaml", "{months: 1}", "{months: 1, weeks: 2} # HERE", "unknown key 'weeks'"),
    ("gdpr.yaml", "rights:\n", "rights:\n  complaint: {} # HERE\n", "unknown key 'complaint'"),
    ("clients.yaml", "  public:", "  partner: {} # HERE\n  public:", "unknown key 'partner'"),
    ("retention.yaml", "backups_days: 35", "<<: {} # HERE\nbackups_days: 35", "unknown key '<<'"),
    (
        "purposes.yaml",
        "  analytics:",
        "  a b: {graph: x, matches: true, description: y} # HERE\n  analytics:",
        "lower-case",
    ),
    ("identifiers.yaml", "  cookie:", "  key: 1 # HERE\n  cookie:", "kinds.key: a mapping of keys is needed"),
    ("retention.yaml", "# Records", "backups_days: 9 # HERE\n# Records", "repeated key 'backups_days'"),
    (
        "uk_gdpr.yaml",
        "name: uk_gdpr\ntitle: UK GDPR",
        "name: uk_gdpr # HERE",
        "title: Missing data for required field.",
    ),
    ("ccpa.yaml", "  opt_out:\n    id: ccpa.rights.opt_out", "  opt_out: # HERE", "rights.opt_out.id: Missing data"),
    # YAML that is not taken
    ("gdpr.yaml", "strictness: 100", "strictness: &s 100 # HERE", "YAML anchors are not allowed"),
    ("gdpr.yaml", "strictness: 100", "strictness: !!int 100 # HERE", "YAML tags are not allowed"),
    ("gdpr.yaml", "strictness: 100", "strictness: *s # HERE", "YAML aliases are not allowed"),
    ("gdpr.yaml", "strictness: 100", "strictness: [{[1]: 2}] # HERE", "a key must be plain text"),
    ("gdpr.yaml", "strictness: 100", "strictness: 100\n--- # HERE", "more than one YAML document"),
    # values
    ("gdpr.yaml", "2018-05-25", "2018-02-30 # HERE", f"{FIRST}.effective_from: {DATE}"),
    ("gdpr.yaml", "2018-05-25", "20180525 # HERE", f"{FIRST}.effective_from: {DATE}"),
    ("gdpr.yaml", "2018-05-25", "2018-W21-5 # HERE", f"{FIRST}.effective_from: {DATE}"),
    ("gdpr.yaml", "effective_to: null", "effective_to: 2018-05-24 # HERE", f"{FIRST}.effective_to: before effective"),
    ("ccpa.yaml", "2026-03-31", "2026-03-32 # HERE", f"holidays.3: {DATE}"),
    ("ccpa.yaml", "2026-03-31", "2026-01-19 # HERE", "holidays.3: repeated"),
    ("gdpr.yaml", "{months: 1}", "{months: 1, days: 1} # HERE", f"rights.access.answer: {PERIOD}"),
    ("gdpr.yaml", "{months: 1}", "{} # HERE", f"rights.access.answer: {PERIOD}"),
    ("ccpa.yaml", "answer: {days: 45}", "answer: {days: 0} # HERE", "rights.access.answer.days: Must be greater"),
    ("gdpr.yaml", "answer: {months: 1}", "answer: null # HERE", "rights.access.answer: Field may not be null."),
    ("gdpr.yaml", "answer: {months: 1}", "answer: month # HERE", "rights.access.answer: a mapping of keys is needed"),
    ("gdpr.yaml", "strictness: 100", 'strictness: "100" # HERE', "strictness: Not a valid integer."),
    ("gdpr.yaml", "strictness: 100", "strictness: true # HERE", "strictness: Not a valid integer."),
    (
        "purposes.yaml",
        "    matches: true",
        "    matches: 1 # HERE",
        "identity_resolution.matches: true or false is needed",
    ),
    ("gdpr.yaml", "default: deny", "default: maybe # HERE", f"{FIRST}.default: Must be one of: deny, allow."),
    ("gdpr.yaml", "[consent]", "[hope] # HERE", f"{FIRST}.legal_bases.0: Must be one of: {BASES}."),
    ("gdpr.yaml", "[consent]", "[consent, null] # HERE", f"{FIRST}.legal_bases.1: Field may not be null."),
    ("gdpr.yaml", "[consent]", "consent # HERE", f"{FIRST}.legal_bases: Not a valid list."),
    ("uk_gdpr.yaml", "[GB]", "[gb] # HERE", "jurisdictions.0: an ISO 3166 code such as DE or US-CA is needed"),
    ("uk_gdpr.yaml", "[GB]", "[] # HERE", "jurisdictions: Shorter than minimum length 1."),
    ("clients.yaml", "purposes: any", "purposes: all # HERE", "classes.trusted.purposes: Not a valid list."),
    (
        "ccpa.yaml",
        "verification: forbidden\n    verification_pauses: false",
        "verification: forbidden\n    verification_pauses: true # HERE",
        "rights.opt_out.verification_pauses: a forbidden verification cannot pause",
    ),
    (
        "identifiers.yaml",
        "scope: household\n    may_link: false",
        "scope: household\n    may_link: true # HERE",
        "kinds.ip.may_link: what a household shares may not link",
    ),
    # between the files
    ("ccpa.yaml", "name: ccpa", "name: cpra # HERE", "the file of this regime must be named cpra.yaml"),
    ("uk_gdpr.yaml", "uk_gdpr.consent.sale", "gdpr.rights.access # HERE", "'gdpr.rights.access' stands in gdpr.yaml"),
    (
        "purposes.yaml",
        "graph: fraud_prevention\n    matches: false",
        "graph: x # HERE\n    matches: false",
        "no purpose with",
    ),
    ("identifiers.yaml", "deny: []", "deny: [' x'] # HERE", "not a normal form of normalizer 'plain'"),
    (
        "identifiers.yaml",
        "[\n      test@test.com,",
        "[\n      A@a.com, # HERE",
        "not a normal form of normalizer 'email'",
    ),
    ("identifiers.yaml", '["000000000",', '["000-000", # HERE\n', "not a normal form of normalizer 'compact'"),
    ("clients.yaml", "purposes: any", "purposes: [sale, luck] # HERE", "'luck' is not in this policy set"),
    ("clients.yaml", "jurisdictions: any", "jurisdictions: [DE, XX] # HERE", "'XX' is not in this policy set"),
    ("retention.yaml", "phone: 1095", "fax: 1095 # HERE", "kind 'fax' is not in identifiers.yaml"),
    ("retention.yaml", "phone: 1095", "cookie: 30 # HERE", "kind 'cookie' never gets a tombstone"),
    ("retention.yaml", "phone: 1095", "household_id: 30 # HERE", "kind 'household_id' never gets a tombstone"),
]


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    return copy_to(tmp_path / "policies")


@pytest.mark.parametrize(("file", "old", "new", "message"), CASES, ids=[f"{c[2]} in {c[0]}" for c in CASES])
def test_a_fault_is_one_finding_on_its_line(policies: Path, file: str, old: str, new: str, message: str) -> None:
    edit(policies, file, old, new)
    (finding,) = check(policies)
    assert finding.file == file
    assert message in finding.message
    assert finding.line == line_with(policies, file, "# HERE")
    with pytest.raises(PolicyError) as caught:
        load(policies)
    assert caught.value.findings == (finding,)


def test_a_purpose_needs_a_rule_in_every_regime(policies: Path) -> None:
    edit(
        policies,
        "purposes.yaml",
        "purposes:\n",
        "purposes:\n  y: {graph: fraud_prevention, matches: false, description: z}\n",
    )
    assert check(policies) == [
        Finding(file, line_with(policies, file, "consent:"), "no rule for purpose 'y'")
        for file in ("ccpa.yaml", "gdpr.yaml", "uk_gdpr.yaml")
    ]


def test_a_rule_needs_a_purpose(policies: Path) -> None:
    edit(policies, "gdpr.yaml", "  sale:\n", "  sales:\n")
    assert check(policies) == [
        Finding("gdpr.yaml", line_with(policies, "gdpr.yaml", "consent:"), "no rule for purpose 'sale'"),
        Finding("gdpr.yaml", line_with(policies, "gdpr.yaml", "  sales:"), "purpose 'sales' is not in purposes.yaml"),
    ]


def test_two_regimes_cannot_both_be_the_strictest(policies: Path) -> None:
    edit(policies, "uk_gdpr.yaml", "strictness: 90", "strictness: 100")
    message = "the strictest regime must be one alone; 100 stands in gdpr.yaml, uk_gdpr.yaml"
    assert check(policies) == [
        Finding(file, line_with(policies, file, "strictness:"), message) for file in ("gdpr.yaml", "uk_gdpr.yaml")
    ]


def test_two_regimes_below_the_strictest_may_be_equal(policies: Path) -> None:
    edit(policies, "uk_gdpr.yaml", "strictness: 90", "strictness: 50")
    assert load(policies).strictest == "gdpr"


def test_several_regimes_may_claim_one_jurisdiction(policies: Path) -> None:
    edit(policies, "uk_gdpr.yaml", "[GB]", "[GB, DE]")
    assert load(policies).regimes_for("DE") == ("gdpr", "uk_gdpr")


@pytest.mark.parametrize("name", ["clients.yaml", "identifiers.yaml", "purposes.yaml", "retention.yaml"])
def test_a_missing_file_is_named(policies: Path, name: str) -> None:
    (policies / name).unlink()
    assert check(policies) == [Finding(name, 1, "the file is missing")]


def test_a_set_without_any_regime_is_refused(policies: Path) -> None:
    for name in ("gdpr.yaml", "uk_gdpr.yaml", "ccpa.yaml"):
        (policies / name).unlink()
    (finding,) = check(policies)
    assert finding.message.startswith("no regime")


def test_a_missing_directory_is_refused(tmp_path: Path) -> None:
    assert check(tmp_path / "nowhere") == [Finding("nowhere", 1, "no such directory of policies")]


def test_a_file_that_would_be_overlooked_is_refused(policies: Path) -> None:
    (policies / "extra.yml").write_text("name: extra\n")
    assert check(policies) == [Finding("extra.yml", 1, "not read: rename it to .yaml")]


def test_other_files_are_none_of_ours(policies: Path) -> None:
    (policies / "README.md").write_text("policies\n")
    assert check(policies) == []


def test_a_directory_that_looks_like_a_file_is_refused(policies: Path) -> None:
    (policies / "extra.yaml").mkdir()
    (finding,) = check(policies)
    assert (finding.file, finding.line) == ("extra.yaml", 1)
    assert finding.message.startswith("cannot be read: ")


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (b"", 1, "the file is empty"),
        (b"\xff\xfe", 1, "not UTF-8"),
        (b"name: x\n\x00", 2, "control characters are not allowed"),
        (b"#" * (MAX_BYTES + 1), 1, f"larger than {MAX_BYTES} bytes"),
        (b"- a\n", 1, "a mapping of keys is needed at the top"),
    ],
)
def test_a_file_that_cannot_be_read_as_yaml(policies: Path, content: bytes, line: int, message: str) -> None:
    (policies / "gdpr.yaml").write_bytes(content)
    assert check(policies) == [Finding("gdpr.yaml", line, message)]


def test_all_findings_of_all_files_are_reported_in_order(policies: Path) -> None:
    for name in NAMES:
        path = policies / name
        path.write_text(path.read_text() + "zz_first: 1\nzz_second: 2\n")
    with pytest.raises(PolicyError) as caught:
        load(policies)
    findings = caught.value.findings
    assert [(finding.file, finding.message) for finding in findings] == [
        (name, f"unknown key '{key}'") for name in NAMES for key in ("zz_first", "zz_second")
    ]
    assert str(findings[0]) in str(caught.value)
    assert str(findings[-1]) in str(caught.value)
    assert isinstance(caught.value, Unavailable)


def test_a_finding_reads_as_file_line_message() -> None:
    assert str(Finding("gdpr.yaml", 3, "unknown key 'x'")) == "gdpr.yaml:3: unknown key 'x'"
