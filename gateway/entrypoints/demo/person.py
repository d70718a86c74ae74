"""Scenes 4 and 6 to 8: one person's profile, her access request, her erasure, and her records sent once more."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Mapping
from zipfile import ZipFile

import orjson

from gateway.entrypoints.demo.arrivals import Arrivals, take_in
from gateway.entrypoints.demo.stage import Stage, counted, outcome_text, proofs
from gateway.entrypoints.demo.story import HEROINE, PURPOSE
from gateway.flows import audit, rights
from gateway.flows.changes import changes
from gateway.flows.context import Role
from gateway.flows.requests import ResolveRequest, RightsSubmission
from gateway.flows.resolve import resolve
from gateway.flows.run_rights import run_approved
from gateway.flows.views import ChangeView, ProfileView, RequestView
from gateway.identifiers.model import RawIdentifier
from gateway.kernel.clock import HOUR, SECOND, day_of, format_instant
from gateway.rights.model import Action, RequestKind

_PAGE = 1_000
_MINUTE = 60 * SECOND
_WHAT = {
    "created": "a new profile",
    "extended": "joined to the profile",
    "merged": "two profiles become one",
    "split": "split",
    "dissolved": "dissolved",
}


def who_is_she(stage: Stage) -> ProfileView:
    """What the call center is shown for her customer number, and why."""
    question = ResolveRequest((RawIdentifier("customer_id", HEROINE.customer_id),), PURPOSE, HEROINE.jurisdiction)
    return resolve(stage.gateway, stage.operator(Role.CHANNEL, "call_centre"), question)


def show_profile(stage: Stage, view: ProfileView) -> None:
    """Scene 4: her profile, by kind, channels and dates, and how it came together."""
    stage.say("She tells the call center her customer number, which may recognize her:")
    stage.fact("profile", f"{view.profile_id}, the call center's own name for it")
    stage.fact("because", f"{view.reason} ({view.rule})")
    rows = [
        (one.kind, ", ".join(one.channels), day_of(one.first_seen), day_of(one.last_seen))
        for one in sorted(view.identifiers, key=lambda one: (one.first_seen, one.kind))
    ]
    stage.show(("identifier", "channels", "first seen", "last seen"), rows)
    stage.say("No value can be shown: the gateway keeps pseudonyms only. How the profile came together, by its log:")
    auditor = stage.operator(Role.AUDITOR)
    history = []
    for change in _history(stage, view.profile_id or ""):
        ((_, text),) = audit.entries(stage.gateway, auditor, change.position, change.position + 1)
        leaf = orjson.loads(text)
        history.append((change.position, leaf["kind"], leaf["channel"], _WHAT[change.kind], leaf["facts"]["added"]))
    stage.show(("entry", "kind", "channel", "what happened", "new ids"), history)


def _history(stage: Stage, profile: str) -> list[ChangeView]:
    """The changes of a profile and of those that were merged into it, oldest first."""
    names, found = {profile}, []
    for change in reversed(list(_all_changes(stage))):
        concerned = {one for several in change.profiles.values() for one in several}
        if names & set(change.profiles.get("profile", ())):
            names |= concerned
            found.append(change)
    return found[::-1]


def _all_changes(stage: Stage) -> Iterator[ChangeView]:
    officer, after = stage.operator(Role.DPO), -1
    while (page := changes(stage.gateway, officer, after, _PAGE)).next != after:
        yield from page.changes
        after = page.next


def ask(stage: Stage, kind: RequestKind) -> RequestView:
    """Submit a request for her, verify it, look at what it will do, approve and run it -> the finished request."""
    stage.clock.advance(HOUR)
    officer = stage.operator(Role.DPO)
    submission = RightsSubmission(kind, proofs(), HEROINE.jurisdiction, "", stage.clock.now())
    view = rights.submit(stage.gateway, officer, submission)
    stage.fact("submitted", f"{view.id}, {view.request.regime}: to be answered by {day_of(view.request.due_at)}")
    rights.act(stage.gateway, officer, view.id, Action.VERIFY, proof="account_login")
    stage.fact("verified", "she signed in to her account")
    view = rights.act(stage.gateway, officer, view.id, Action.PREFLIGHT)
    stage.fact("preflight", _figures(view.preflight or {}))
    rights.act(stage.gateway, officer, view.id, Action.APPROVE, include_hanging=True)
    stage.fact("approved", "by the data protection officer, with what was left out: a cookie of the public web")
    stage.clock.advance(_MINUTE)
    run_approved(stage.gateway, officer)
    view = rights.show(stage.gateway, officer, view.id)
    stage.fact(
        view.request.state, f"by the scheduler at {format_instant(view.request.completed_at or 0)[11:16]}", "green"
    )
    return view


def _figures(found: Mapping[str, object]) -> str:
    tables = found["tables"]
    rows = counted(tables) if isinstance(tables, Mapping) else ""
    shared = found["shared"] or "none"
    hanging = f"left out, on untrusted links: {found['untrusted_links']}"
    return f"rows: {rows}; profiles {found['profiles']}; {hanging}; shared with others: {shared}"


def show_access(stage: Stage) -> None:
    """Scene 6: her access request and the package it makes."""
    view = ask(stage, RequestKind.ACCESS)
    package = rights.package(stage.gateway, stage.operator(Role.DPO), view.id)
    path = stage.directory / "package.zip"
    path.write_bytes(package)
    path.chmod(0o600)
    stage.fact("package", f"{path}: everything held about her, to read and to process")
    with ZipFile(io.BytesIO(package)) as archive:
        stage.show(("file", "bytes"), [(one.filename, one.file_size) for one in archive.infolist()])


def show_erasure(stage: Stage) -> None:
    """Scene 7: her erasure and its receipt."""
    view = ask(stage, RequestKind.ERASURE)
    receipt = rights.receipt(stage.gateway, stage.operator(Role.DPO), view.id)
    stage.fact("receipt", f"rows: {counted(receipt.counts)}")
    stage.fact("", f"the last backup that holds her expires on {receipt.last_backup_day}")
    stage.fact("", f"entry {receipt.log_index} of the log, with a proof of {len(receipt.proof.splitlines())} lines")
    after = who_is_she(stage)
    stage.say("The call center asks for her customer number once more:")
    stage.fact("profile", after.reason, "bold magenta")


def show_return(stage: Stage, before: Arrivals) -> None:
    """Scene 8: every feed is sent again, her records among them."""
    stage.clock.advance(HOUR)
    again = take_in(stage)
    hers = [
        (channel, one.record_id, outcome_text(one.outcome))
        for channel, several in again.results.items()
        for one in several
        if one.outcome == "suppressed"
    ]
    stage.say(f"All {len(again.every())} records are sent once more. What came from her meets a tombstone:")
    stage.show(("channel", "record", "outcome"), hers)
    moves = Counter((was.outcome, now.outcome) for was, now in zip(before.every(), again.every(), strict=True))
    late = moves["refused", "linked"] + moves["refused", "created"]
    stage.say(f"{late} records that were refused are taken in now: those people have agreed in another channel since.")
