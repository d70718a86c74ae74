"""`gateway demo` tells its whole story, quickly, and leaves what it was asked to leave."""

from __future__ import annotations

import re
import signal
import time
from hashlib import sha256
from pathlib import Path

import pytest

from gateway.audit.verify import verify_export
from gateway.entrypoints.demo.story import FEEDS, HEROINE, SHOP_PHONE
from tests.doors.canaries import found
from tests.doors.processes import alive, descendants, eventually, running, title
from tests.doors.terminal import Terminal

SECONDS = 60
GMAIL = HEROINE.email.partition("@")[0].replace(".", "").lower() + "@gmail.com"
VALUES = (HEROINE.email, GMAIL, HEROINE.phone, HEROINE.customer_id, SHOP_PHONE)


def test_the_story_is_told_in_full(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path / "unused")
    started = time.monotonic()
    told = terminal.ok("demo", "--keep", str(tmp_path / "demo"))
    assert time.monotonic() - started < SECONDS
    assert told.err == ""
    scenes = re.findall(r"^ (\d) +(\w.*?) +─", told.out, re.MULTILINE)
    assert [int(number) for number, _ in scenes] == list(range(1, 10))
    for feed in FEEDS:
        assert re.search(rf"^ +{feed.channel} +\d+", told.out, re.MULTILINE)
    for fact in (
        "no_consent",
        "no_device_access",
        "Global Privacy Control of 16 visits",
        "GDPR Art. 6(1)(a)",
        "1798.100(c)",
        "30 different profiles",
        "names nobody",
        HEROINE.name,
        "two profiles become one",
        "+4670*****42: it is hers",
        "found 0 of 312",
        "it is one of them: guard it",
        "export.json",
        "not_found",
        "unwitnessed",
        "their root is not the checkpoint's",
        "0 findings",
    ):
        assert fact in " ".join(told.out.split()), fact
    assert told.out.count("suppressed") == 8
    assert found(told.out.encode(), VALUES) == []
    assert not terminal.home.exists()


def test_what_it_keeps_can_be_looked_at(tmp_path: Path) -> None:
    directory = tmp_path / "demo"
    Terminal(tmp_path / "unused").ok("demo", "--keep", str(directory))
    files = [path for path in directory.rglob("*") if path.is_file()]
    assert [path.name for path in files if found(path.read_bytes(), VALUES)] == ["package.zip"]  # it is hers
    kept = Terminal(directory)
    requests = kept.json("rights", "list", "--tenant", "demo")["requests"]
    assert {(one["request"], one["state"]) for one in requests} == {("access", "completed"), ("erasure", "completed")}
    assert kept.json("audit", "fsck", "--tenant", "demo")["findings"] == []
    (key,) = (row["log_verifier_key"] for row in kept.json("keys", "status")["tenants"])
    assert verify_export(directory / "audit", key).size > 1_000
    assert kept.run("audit", "verify", str(directory / "audit-damaged"), "--key", key).code == 1


def test_a_directory_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    refused = Terminal(tmp_path / "unused").run("demo", "--keep", str(tmp_path))
    assert refused.code == 3
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_whatever_ends_it_no_search_goes_on_and_no_title_says_what_is_looked_for(
    tmp_path: Path, told: signal.Signals
) -> None:
    with running(Terminal(tmp_path / "unused"), "demo", "--keep", str(tmp_path / "demo"), log=tmp_path / "log") as demo:
        searching = eventually(lambda: descendants(demo.pid), "the search")
        titles = " ".join(map(title, {demo.pid, *searching}))
        assert "bruteforce" in titles
        secrets = (HEROINE.phone[-7:], sha256(HEROINE.phone.encode()).hexdigest()[:16], "+4670")
        assert [secret for secret in secrets if secret in titles] == []
        demo.send_signal(told)
        demo.wait()
        eventually(lambda: not any(map(alive, searching)), "the end of the search")
    log = (tmp_path / "log").read_text()
    assert "Traceback" not in log
    assert told != signal.SIGINT or "gateway: stopped" in log
