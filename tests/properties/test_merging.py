"""Nobody's consent grows by being linked: what is shown for a purpose, each side permits by itself.

Whatever is shown is held against an oracle that knows nothing but what was sent (`consent_oracle`).
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from gateway.flows.requests import ResolveRequest
from gateway.flows.resolve import ask, resolve_all
from gateway.kernel.clock import DAY
from tests.properties.consent_history import LABELS, PURPOSES, SALE, Law, Setting, Visit, Wait, carry_out, next_step
from tests.properties.consent_oracle import Oracle, laws
from tests.properties.tape import Tape
from tests.rights_simulator import look_up
from tests.simulator import MATCHING, NOW, TenantSimulator, raw

FLOWS = settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
Groups = Collection[frozenset[str]]


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setting]:
    with Setting.opened(tmp_path_factory.mktemp("merging")) as opened:
        yield opened


def live(setting: Setting, blob: bytes) -> int:
    """A history, held against the oracle after each step -> how many pairs of identifiers were shown together."""
    tenant, tape, oracle = setting.site.anew().tenant(), Tape(blob), Oracle()
    numbers = itertools.count()
    shown = 0
    while tape:
        now, before = tenant.clock.now(), tenant.partition()
        step = next_step(tape, now)
        note(repr(step))
        result = carry_out(tenant, step, next(numbers), setting.sets)
        after = tenant.partition()
        if isinstance(step, Law):
            oracle.laws = laws(short=step.short)
        elif isinstance(step, Wait):
            now = tenant.clock.now()
            if step.review:
                oracle.visits = [one for one in oracle.visits if oracle.permits(one.labels, [one.code], MATCHING, now)]
        else:
            oracle.arrives(step)
            if isinstance(step, Visit) and result is not None and result.outcome not in ("refused", "invalid"):
                check_merge(oracle, step, before, after, now)
                oracle.visits.append(step)
                certain = step.client != "web" and any(group.issuperset(step.labels) for group in after)
                oracle.steady += [step] if certain else []
        oracle.bind(after)
        forget_retracted(oracle, tenant.clock.now())
        check_partition(oracle, after)
        shown += sum(check_views(tenant, oracle, client, after) for client in ("store", "web"))
    tenant.verify()
    return shown


def forget_retracted(oracle: Oracle, now: int) -> None:
    """A record that somebody's word is against leaves, and granting again does not bring it back."""
    oracle.visits = [one for one in oracle.visits if not any(oracle.refuses(label, MATCHING) for label in one.labels)]
    oracle.steady = [one for one in oracle.steady if oracle.permits(one.labels, [one.code], MATCHING, now)]


def check_merge(oracle: Oracle, visit: Visit, before: Groups, after: Groups, now: int) -> None:
    """A record is permitted by itself, and with each profile it joined under the laws of both."""
    assert oracle.permits(visit.labels, [visit.code], MATCHING, now)
    for joined in (group for group in after if group not in before and group & set(visit.labels)):
        for side in (group for group in before if group < joined):
            assert oracle.permits({*side, *visit.labels}, {visit.code, *codes(oracle, side)}, MATCHING, now)


def codes(oracle: Oracle, group: Collection[str]) -> set[str]:
    """Where the records of a profile are from, as far as they are linked for certain."""
    return {one.code for one in oracle.steady if not set(group).isdisjoint(one.labels)}


def check_partition(oracle: Oracle, groups: Groups) -> None:
    """Nobody stands in a profile who said no to matching."""
    assert [label for group in groups for label in group if oracle.refuses(label, MATCHING)] == []


def check_views(tenant: TenantSimulator, oracle: Oracle, client: str, groups: Groups) -> int:
    """Everything that `client` can be shown now -> how many pairs were shown together."""
    caller, now, pairs = tenant.callers[client], tenant.clock.now(), 0
    cases = list(itertools.product(LABELS, PURPOSES))
    questions = [ask(tenant.gateway, caller, ResolveRequest((raw(label),), what, "US-CA")) for label, what in cases]
    for (label, purpose), view in zip(cases, resolve_all(tenant.gateway, caller, questions), strict=True):
        together = {f"{one.kind}:1" for one in view.identifiers}
        pairs += len(together) - 1 if together else 0
        assert together <= reachable(oracle, label, purpose, groups, now)
        if together:
            check_asked(oracle, label, purpose, groups, now)
    return pairs


def reachable(oracle: Oracle, label: str, purpose: str, groups: Groups, now: int) -> set[str]:
    """Identifiers that records connect with `label`, each of which permits the purpose on its own side.

    Of a record what it links counts alone: whom a profile's refusal dropped passes on what binds them, see below.
    """
    group = next((one for one in groups if label in one), frozenset[str]())
    sides = [(group & set(one.labels), one.code) for one in oracle.visits]
    permitted = [set(side) for side, code in sides if side and oracle.permits(side, [code], purpose, now)]
    found, size = {label}, 0
    while len(found) > size:
        size = len(found)
        found = found.union(*(one for one in permitted if one & found))
    return found


def check_asked(oracle: Oracle, label: str, purpose: str, groups: Groups, now: int) -> None:
    """Who is asked for permits it under the laws of the whole profile, by themselves or with a record of theirs."""
    (group,) = (one for one in groups if label in one)
    known = codes(oracle, group)
    sides: list[Sequence[str]] = [[label], *(one.labels for one in oracle.visits if label in one.labels)]
    assert any(oracle.permits(side, known, purpose, now) for side in sides)


def test_a_consent_older_than_a_signal_does_not_win(setting: Setting) -> None:
    """An opt-out stands; GPC is signaled with a record; a consent from between the two comes in late."""
    tenant = setting.site.anew().tenant()
    tenant.state("store", "opt_out", "email:1", purpose=SALE, at=NOW - 9 * DAY, jurisdiction="US-CA")
    tenant.send("store", tenant.record("r", "email:1", at=NOW - DAY, jurisdiction="US-CA", consents=[], gpc=True))
    tenant.state("store", "grant", "email:1", purpose=SALE, at=NOW - 5 * DAY, jurisdiction="US-CA")
    assert tenant.ledger("email:1", SALE) == "opt_out"


def test_who_was_dropped_from_a_record_still_speaks(setting: Setting) -> None:
    """A phone whose owner opted out of sale is on a record, and a consent to matching of its profile has ended."""
    tenant = setting.site.anew().tenant()
    tenant.send("store", tenant.record("a", "phone:1", at=NOW - DAY, gpc=True))
    tenant.clock.advance(800 * DAY)
    together = ("phone:1", "cookie:1", "device_id:1")
    tenant.send("store", tenant.record("b", *together, at=tenant.clock.now(), jurisdiction="US-CA", consents=[]))
    assert tenant.ledger("phone:1", SALE) == "opt_out"
    assert len(look_up(tenant, "store", "cookie:1", purpose=SALE, jurisdiction="US-CA").identifiers) < 2


def test_and_binds_the_whole_profile_that_the_record_joins(setting: Setting) -> None:
    """The same, and the cookie stands beside an e-mail address that the record does not name."""
    tenant = setting.site.anew().tenant()
    tenant.send("store", tenant.record("a", "phone:1", at=NOW - DAY, gpc=True))
    tenant.clock.advance(800 * DAY)
    known = tenant.record("b", "cookie:1", "email:1", at=tenant.clock.now(), jurisdiction="US-CA", consents=[])
    tenant.send("store", known)
    assert tenant.ledger("email:1", SALE) == ""
    both = tenant.record("c", "phone:1", "cookie:1", at=tenant.clock.now(), jurisdiction="US-CA", consents=[])
    tenant.send("store", both)
    assert {tenant.ledger(label, SALE) for label in ("cookie:1", "email:1")} == {"opt_out"}
    tenant.verify()


@FLOWS
@given(blob=st.binary(min_size=80, max_size=160))
def test_no_merge_widens_anybodys_consent(setting: Setting, blob: bytes) -> None:
    live(setting, blob)


@pytest.mark.fuzz
@settings(FLOWS, max_examples=1_000)
@given(blob=st.binary(min_size=80, max_size=400))
def test_no_merge_widens_anybodys_consent_for_long(setting: Setting, blob: bytes) -> None:
    live(setting, blob)
