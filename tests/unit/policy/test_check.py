"""Every kind of finding: one edit of the shipped set gives exactly one finding, with its file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.kernel.errors import Unavailable
from gateway.policy.document import MAX_BYTES
from gateway.policy.errors import Finding, PolicyError
from gateway.policy.loader import check, load
from gateway.policy.schema import LEGAL_BASES, SHARED_FILES
from tests.unit.policy.policy_files import NAMES, REGIMES, copy_to, edit, line_with

DATE = "a date YYYY-MM-DD is needed"
PERIOD = "exactly one of months, days, business_days is needed"
BASES = ", ".join(LEGAL_BASES)
FIRST = "consent.0"
ASSESSMENT = '    balancing_test: "LIA-1 fraud prevention: replace with the reference of your own assessment"\n'
PRINTER = """recipients:
  printer:
    role: processor
    country: DE
    contract: DPA 1
    transfer: none needed
    purposes: [customer_support]
"""

# (file, what is replaced, by what, the message); the finding must name the line with the mark `# HERE`.
CASES = [
    # keys
    ("gdpr.yaml", "strictness:", "color: red # HERE\nstrictness:", "unknown key 'color'"),
    ("gdpr.yaml", "    default: deny", "    default: deny\n    defualt: allow # HERE", "unknown key 'defualt'"),
    ("gdpr.yaml", "    default: deny", "    value: 1 # HERE\n    default: deny", "unknown key 'value'"),
    ("gdpr.yaml", "    default: deny", "    key: {a: 1} # HERE\n    default: deny", "unknown key 'key'"),
    ("gdpr.yaml", "{months: 1}", "{months: 1, weeks: 2} # HERE", "unknown key 'weeks'"),
    ("gdpr.yaml", "rights:\n", "rights:\n  complaint: {} # HERE\n", "unknown key 'complaint'"),
    ("clients.yaml", "    verified: true", "    verified: true\n    trust: 1 # HERE", "unknown key 'trust'"),
    ("gdpr.yaml", "{tcf: consent}", "{tcf: consent, dnt: opt_out} # HERE", "unknown key 'dnt'"),
    ("gdpr.yaml", "{under: 16,", "{below: 1, under: 16, # HERE\n", "unknown key 'below'"),
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
    ("uk_gdpr.yaml", "uk_gdpr.consent.health", "gdpr.rights.access # HERE", "'gdpr.rights.access' stands in gdpr.yaml"),
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

# The same, of what a rule says about consent, and of signals and recipients.
CONSENT_CASES = [
    ("gdpr.yaml", "under: 16,", "under: 0, # HERE\n", f"{FIRST}.age_gates.0.under: Must be greater than or equal to 1"),
    ("gdpr.yaml", "[parental_consent]}", "[a_nod]} # HERE", f"{FIRST}.age_gates.0.legal_bases.0: Must be one of"),
    (
        "ccpa.yaml",
        "age_gates:\n      - {under: 13, legal_bases: [parental_consent]}\n      - {under: 16",
        "age_gates: # HERE\n      - {under: 16, legal_bases: [parental_consent]}\n      - {under: 16",
        "age_gates: the youngest first, each age once",
    ),
    ("gdpr.yaml", "{tcf: consent}", "{tcf: opt_out} # HERE", f"{FIRST}.signals.tcf: Must be one of: consent."),
    ("ccpa.yaml", "{gpc: opt_out,", "{gpc: consent, # HERE\n", "signals.gpc: Must be one of: opt_out."),
    ("gdpr.yaml", "purposes: [security]", "purposes: [security, security] # HERE", "purposes.1: repeated"),
    ("gdpr.yaml", "purposes: [security]", "purposes: [] # HERE", "purposes: Shorter than minimum length 1."),
    (
        "ccpa.yaml",
        "special: limit_use",
        "special: opt_in # HERE",
        "special: opt_in means default deny, bases among con",
    ),
    ("gdpr.yaml", "special: explicit_consent", "special: opt_out # HERE", "special: opt_out means default allow"),
    (
        "gdpr.yaml",
        "special: explicit_consent",
        "special: separate_consent # HERE",
        "bases among separate_consent, signed",
    ),
    (
        "ccpa.yaml",
        "purposes: [health_sale]\n    default: allow\n    legal_bases: [consent]\n    special: limit_use",
        "purposes: [health_sale] # HERE\n    default: allow\n    legal_bases: [consent]",
        "'health_sale' is a special category: say how it is treated with `special`",
    ),
    (
        "gdpr.yaml",
        f"legal_bases: [consent, legitimate_interest]\n{ASSESSMENT}",
        "legal_bases: [consent, legitimate_interest] # HERE\n",
        "a legitimate interest needs the reference of its balancing test",
    ),
    ("gdpr.yaml", ASSESSMENT, '    balancing_test: "" # HERE\n', "balancing_test: Length must be between 1 and 400."),
    (
        "uk_gdpr.yaml",
        "effective_from: 2026-02-05",
        "effective_from: 2026-02-04 # HERE",
        "holds for 'dynamic_pricing' at the same time as rule 'uk_gdpr.consent.dynamic_pricing.2021-01-01'",
    ),
    (
        "gdpr.yaml",
        "smart_home]\n",
        "smart_home] # HERE\n    asks: luck\n",
        "purpose 'luck' is not in purposes.yaml",
    ),
    ("signals.yaml", "tcf:\n", "tcf:\n  luck: [1] # HERE\n", "purpose 'luck' is not in purposes.yaml"),
    (
        "signals.yaml",
        "tcf:\n",
        "tcf:\n  identity_resolution: [1] # HERE\n",
        "no signal alone permits 'identity_resolution': linking needs a consent of its own",
    ),
    (
        "signals.yaml",
        "tcfca:\n",
        "tcfca:\n  fraud_prevention: [7] # HERE\n",
        "no signal alone permits 'fraud_prevention'",
    ),
    ("signals.yaml", "[5, 6]", "[] # HERE", "tcfca.personalization: Shorter than minimum length 1."),
    ("signals.yaml", "usp: [sale,", "usp: [luck, sale, # HERE\n", "purpose 'luck' is not in purposes.yaml"),
    ("signals.yaml", "SaleOptOut: [sale,", "SaleOptOut: [luck, # HERE\n", "purpose 'luck' is not in purposes.yaml"),
    ("signals.yaml", '{"8": [health_care,', '{"8": [luck, # HERE\n', "purpose 'luck' is not in purposes.yaml"),
    ("signals.yaml", 'usca: {"8":', 'usca: {"0": # HERE\n', "gpp_sensitive.usca.0: a place from 1 is needed"),
    (
        "recipients.yaml",
        "recipients: {}",
        PRINTER.replace("DPA 1", "null # HERE"),
        "'printer' has no contract reference",
    ),
    (
        "recipients.yaml",
        "recipients: {}",
        PRINTER.replace("none needed", "null # HERE"),
        "has no transfer reference (GDPR A",
    ),
    (
        "recipients.yaml",
        "recipients: {}",
        PRINTER.replace("[customer_support]", "[luck] # HERE"),
        "purpose 'luck' is not",
    ),
    ("recipients.yaml", "recipients: {}", PRINTER.replace("DE", "Germany # HERE"), "an ISO 3166 code such as DE"),
    (
        "recipients.yaml",
        "recipients: {}",
        PRINTER.replace("processor", "friend # HERE"),
        "recipients.printer.role: Must be",
    ),
]


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    return copy_to(tmp_path / "policies")


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [*CASES, *CONSENT_CASES],
    ids=[f"{case[2]} in {case[0]}" for case in (*CASES, *CONSENT_CASES)],
)
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
        Finding(file, line_with(policies, file, "consent:"), "no rule for purpose 'y'") for file in REGIMES
    ]


def test_a_rule_needs_a_purpose(policies: Path) -> None:
    edit(policies, "gdpr.yaml", "[targeted_advertising, sale, ", "[targeted_advertising, sales, ")
    line = line_with(policies, "gdpr.yaml", "    purposes: [targeted_advertising, sales")
    assert check(policies) == [
        Finding("gdpr.yaml", line_with(policies, "gdpr.yaml", "consent:"), "no rule for purpose 'sale'"),
        Finding("gdpr.yaml", line, "purpose 'sales' is not in purposes.yaml"),
    ]


def test_a_law_about_everyone_knows_requests(policies: Path) -> None:
    edit(policies, "eprivacy.yaml", "subjects: devices", "subjects: everyone")
    (finding,) = check(policies)
    line = line_with(policies, "eprivacy.yaml", "rights:")
    assert finding == Finding("eprivacy.yaml", line, "rights: all kinds of requests are needed")


@pytest.mark.parametrize("name", ["trusted", "public"])
def test_a_class_that_clients_have_by_default_is_needed(policies: Path, name: str) -> None:
    edit(policies, "clients.yaml", f"  {name}:", "  others:")
    line = line_with(policies, "clients.yaml", "classes:")
    assert check(policies) == [Finding("clients.yaml", line, f"classes: the class '{name}' is missing")]


def test_a_recipient_with_its_contract_and_its_transfer_is_taken(policies: Path) -> None:
    edit(policies, "recipients.yaml", "recipients: {}", PRINTER)
    assert load(policies).recipients["printer"].purposes == {"customer_support"}


def test_two_regimes_cannot_both_be_the_strictest(policies: Path) -> None:
    edit(policies, "gdpr.yaml", "strictness: 100", "strictness: 1000")
    message = "the strictest regime must be one alone; 1000 stands in default.yaml, gdpr.yaml"
    assert check(policies) == [
        Finding(file, line_with(policies, file, "strictness:"), message) for file in ("default.yaml", "gdpr.yaml")
    ]


def test_two_regimes_below_the_strictest_may_be_equal(policies: Path) -> None:
    edit(policies, "uk_gdpr.yaml", "strictness: 90", "strictness: 50")
    assert load(policies).strictest == ("default", "eprivacy")


def test_several_regimes_may_claim_one_jurisdiction(policies: Path) -> None:
    edit(policies, "uk_gdpr.yaml", "[GB]", "[GB, DE]")
    assert load(policies).regimes_for("DE") == ("eprivacy", "gdpr", "uk_gdpr")


@pytest.mark.parametrize("name", SHARED_FILES)
def test_a_missing_file_is_named(policies: Path, name: str) -> None:
    (policies / name).unlink()
    assert check(policies) == [Finding(name, 1, "the file is missing")]


def test_a_set_without_any_regime_is_refused(policies: Path) -> None:
    for name in REGIMES:
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
