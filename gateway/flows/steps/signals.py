"""Within steps 1 and 4: the signals that come with a record (../shared/specs/signals.md; policies/signals.yaml).

    receive   strings are decoded outside the transaction; a damaged one is a problem of its record and no consent
    hear      that a signal came is an event of its own, which keeps the string, sealed; what it says becomes events
              where a rule of the record's regimes gives it an effect

A string says what it says once: seen again on an identifier, it is not heard again, unless other laws give it another
effect. Global Privacy Control is said anew with every request, so its opt-out stands again wherever it does not stand.
TC strings speak for the device alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from gateway.consent.authority import LEDGER_SCOPES, Authority
from gateway.consent.ledger import under
from gateway.consent.model import ANY_PURPOSE, PERMISSIVE, PROFILE_WIDE, RESTRICTIVE, EventKind, Fact
from gateway.consent.signals.gpp import decode_gpp
from gateway.consent.signals.meaning import Framework, Said, meaning
from gateway.consent.signals.tcf import decode_tcf
from gateway.consent.signals.usp import decode_usp
from gateway.flows.messages import ConsentAssertion, IncomingRecord
from gateway.flows.steps.hear import Hearing
from gateway.identifiers.keys import TenantKeys
from gateway.identifiers.pseudonyms import RecordTokens
from gateway.identifiers.sealing import seal
from gateway.kernel.clock import DAY, years_after
from gateway.kernel.errors import InvalidInput
from gateway.policy.model import PolicySet

GPC: Final = "gpc"
_NO: Final = RESTRICTIVE - {EventKind.EXPIRE}
_TOKEN: Final = 32
MONTH: Final = 30 * DAY


@dataclass(frozen=True, slots=True)
class Received:
    """One signal: how it came, a keyed token of its text and of under what it is heard, the text, and what it says."""

    method: str
    token: str
    text: str = field(repr=False)
    said: tuple[Said, ...]


def receive(
    record: IncomingRecord, policies: PolicySet, tokens: RecordTokens, vendor: int | None, regimes: Sequence[str]
) -> tuple[Received, ...]:
    """A record's signals, decoded; `vendor` is the tenant's id on the TCF's list, None where it has none; `regimes`
    are those that it is heard under.

    Raises InvalidInput (fields signals.tcf, signals.gpp, signals.usp) for a damaged string.
    """
    found = [Received(GPC, GPC, "", (Said("gpc"),))] if record.gpc else []
    for method, text in (("tcf", record.tcf), ("gpp", record.gpp), ("usp", record.usp)):
        if text:
            try:
                said = tuple(_read(method, text, policies, vendor))
            except InvalidInput as error:
                raise InvalidInput(str(error), field=f"signals.{method}", rule=error.rule) from None
            heard_as = " ".join((text, str(vendor), *regimes))
            found.append(Received(method, tokens.of(heard_as).hex()[:_TOKEN], text, said))
    return tuple(found)


def _read(method: str, text: str, policies: PolicySet, vendor: int | None) -> Iterator[Said]:
    if method == "gpp":
        for name, section in decode_gpp(text).sections.items():
            yield from meaning(policies.signals, name, section, vendor)
    else:
        yield from meaning(policies.signals, method, decode_tcf(text) if method == "tcf" else decode_usp(text), vendor)


@dataclass(frozen=True, slots=True)
class SignalHearing:
    """The signals of one record being heard: on `speaking` identifiers, under `regimes`, as seen at `at`."""

    policies: PolicySet
    keys: TenantKeys
    hearing: Hearing
    authority: Authority
    regimes: tuple[str, ...]
    speaking: Sequence[int]
    channel: str
    at: int

    @property
    def honors_gpc(self) -> bool:
        """Whether a rule of the record's regimes gives Global Privacy Control an effect."""
        return bool(self._covered(GPC))

    def hear(self, received: Sequence[Received]) -> None:
        """All signals of the record."""
        for one in received:
            fact = Fact(0, ANY_PURPOSE, EventKind.SIGNAL, self.at, 0, None, one.token, verified=False, derived=False)
            fresh = [each for each in self.speaking if not self.hearing.ledger.holds(each, fact)]
            if fresh:
                text = seal(self.keys, signal_context(one.token), one.text.encode()) if one.text else b""
                came = ConsentAssertion(EventKind.SIGNAL, ANY_PURPOSE, self.at, one.token, one.method)
                self._write(came, fresh, text)
            for said in one.said:
                self._hear(said, one.method, fresh)

    def _hear(self, said: Said, method: str, identifiers: Sequence[int]) -> None:
        """What a signal says of identifiers on which it is new; of the others, Global Privacy Control alone.

        A no that stands already is written again when it comes by a new signal: it is of a later day.
        """
        covered = self._covered(said.framework)
        again = [one for one in self.speaking if one not in identifiers] if said.framework == GPC else []
        for purpose in sorted(covered if said.framework == GPC else said.opt_outs & covered):
            bare = [*identifiers, *(one for one in again if not self._refuses(one, purpose))]
            self._write(ConsentAssertion(EventKind.OPT_OUT, purpose, self.at, "", said.framework), bare)
        devices = [one for one in identifiers if self.hearing.rules[one].scope == "device"]
        site = self.channel if said.one_site else ""
        for purpose in sorted(said.permits & covered):
            moment = self._granted_at(said, devices, purpose)
            bare = [one for one in devices if not self._permits(one, purpose, site, moment)]
            self._write(ConsentAssertion(EventKind.GRANT, purpose, moment, "consent", method, site=site), bare)
        for purpose in sorted(said.denies & covered):
            self._write(ConsentAssertion(EventKind.DENY, purpose, self.at, "consent", method, site=site), devices)
        if said.under is not None:
            self._write(minor(said.under, at_latest(self.at, said.under - said.over), self.at, method), identifiers)

    def _granted_at(self, said: Said, identifiers: Sequence[int], purpose: str) -> int:
        """A TC string names the day of the person's act and no more: that day's beginning.

        Seen on that day it counts from then on, for somebody may refuse in a banner and agree in the next; but not
        where they said no by another way, which may have been after it.
        """
        states = [self.hearing.ledger.state(one, purpose, self.channel) for one in identifiers]
        elsewhere = any(one is not None and one.kind in _NO - {EventKind.DENY} for one in states)
        if self.at // DAY == said.updated_at // DAY and not elsewhere:
            return self.at
        return min(said.updated_at, self.at)

    def _permits(self, identifier_id: int, purpose: str, site: str, since: int) -> bool:
        """Whether as much is permitted by an act that is no older: a consent given again lasts longer."""
        states = (self.hearing.ledger.state(identifier_id, purpose, at) for at in {site, self.channel})
        return all(one is not None and one.kind in PERMISSIVE and one.occurred_at >= since for one in states)

    def _refuses(self, identifier_id: int, purpose: str) -> bool:
        """Whether the person has refused as much, whatever restricts the processing meanwhile."""
        states = (self.hearing.ledger.word(identifier_id, purpose, at) for at in ("", self.channel))
        return all(one is not None and one.kind in PROFILE_WIDE for one in states)

    def _covered(self, framework: Framework) -> frozenset[str]:
        """The purposes for which a rule of the record's regimes gives the framework an effect."""
        now = self.hearing.now
        return frozenset(
            purpose
            for name in self.regimes
            for purpose in self.policies.purposes
            if (rule := self.policies.regimes[name].rule(purpose, now)) is not None and framework in rule.signals
        )

    def _write(self, assertion: ConsentAssertion, identifiers: Sequence[int], text: bytes = b"") -> None:
        if identifiers:
            self.hearing.hear_signal(assertion, identifiers, self.authority, self.regimes, text)


def speaking(hearing: Hearing, identifiers: Sequence[int]) -> list[int]:
    """The identifiers that carry consent."""
    return [one for one in identifiers if hearing.rules[one].scope in LEDGER_SCOPES]


def minor(age: int, until: int, at: int, method: str) -> ConsentAssertion:
    """The person is under `age` (years) until `until` (milliseconds), as seen at `at`."""
    return ConsentAssertion(EventKind.MINOR, ANY_PURPOSE, at, under(age), method, expires_at=until)


def at_latest(seen_at: int, years: int) -> int:
    """When somebody reaches an age who needs at most so many years to it: by the month, or each visit would move it."""
    return -(-years_after(seen_at, years) // MONTH) * MONTH


def signal_context(token: str) -> str:
    """What the text of a signal is sealed for."""
    return f"signal:{token}"
