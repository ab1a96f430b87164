"""decide.foresight: what is foreseen is what the judge orders, and changes nothing."""

import contextlib
from pathlib import Path
from typing import NamedTuple, cast

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from airnet._ext.reflex import Arms
from airnet.act.guard import GuardActuator
from airnet.act.reflex import Trigger
from airnet.act.shot import Shot, Slot
from airnet.bench import guardtalk
from airnet.capture.pcap import PcapSource
from airnet.config import Gateway, Site
from airnet.decide import Judge
from airnet.decide.enough import FLOODS_AT_ONCE
from airnet.decide.foresight import Foreseen, Foresight
from airnet.decide.policy import Causes, Contain, Policy
from airnet.domain.address import address_text
from airnet.domain.decision import PASSIVE, Action, Decision, Mode
from airnet.domain.verdict import Cause, Verdict
from airnet.kernel.guard import Rule
from airnet.pipeline import Pipeline, think
from airnet.score import OnnxScorer, load
from airnet.service.arming import Arming
from airnet.shipped import models_path
from airnet.twin.wire import Host, write_pcapng
from tests.fakes.verdicts import MS, SITE, T0, gateway_verdict
from tests.property.test_decide import Run, policies, timed, verdicts

RULES = (*FLOODS_AT_ONCE, "gateway.half_open", "gateway.datagrams_per_second")
SPAN_NS = 500 * MS


def with_rules(policy: Policy) -> Policy:
    """Return a policy that acts at once, and enforces."""
    flood = msgspec.structs.replace(
        policy.cause.flood, at_once=FLOODS_AT_ONCE, mode=Mode.ENFORCE
    )
    return msgspec.structs.replace(
        policy, cause=msgspec.structs.replace(policy.cause, flood=flood)
    )


def flood(
    at_ms: int, rule: str, port: int, sources: tuple[str, ...], fanout: int
) -> Verdict:
    return msgspec.structs.replace(
        gateway_verdict(at_ms),
        cause=Cause.FLOOD,
        probability_ppm=990_000,
        abstains=False,
        rule=rule,
        measured=10,
        limit=1,
        port=port,
        sources=sources,
        fanout=fanout,
        address="10.0.0.10",
        open_ns=T0 + at_ms * MS,
        close_ns=T0 + at_ms * MS,
    )


def acting(decisions: list[Decision]) -> list[tuple[object, ...]]:
    return [
        (one.action, one.target, one.gateway, one.port, one.mode, one.until_ns)
        for one in decisions
        if one.action not in PASSIVE
    ]


@settings(max_examples=150, deadline=None)
@given(
    policies,
    verdicts,
    st.sampled_from(RULES),
    st.sampled_from([(), ("198.51.100.1",), ("198.51.100.2", "10.0.1.1")]),
    st.sampled_from([1, 8, 20]),
)
def test_the_judge_orders_what_he_foresaw(
    policy: Policy, steps: list[Run], rule: str, sources: tuple[str, ...], fanout: int
) -> None:
    judge = Judge(with_rules(policy), SITE)
    stream = timed(steps)
    for verdict in stream:
        judge.judge(verdict)
    at_ms = (stream[-1].close_ns - T0) // MS
    window = flood(at_ms, rule, 9878, sources, fanout)
    before, counted = judge.state(), judge.counters()

    foreseen = judge.foresee(window)

    # The pace of actions forgets by time alone, whoever asks.
    assert judge.counters() == counted
    remembered = judge.state()
    assert remembered[:2] == before[:2]
    assert remembered[3:] == before[3:]
    ordered = acting(judge.judge(window))
    assert ordered == ([] if foreseen is None else acting([foreseen]))


class Fits(NamedTuple):
    """What holds of a window, of what was foreseen."""

    action: Action
    targets: frozenset[str]


def fitting(found: Foreseen, window: Verdict, spared: set[str]) -> Fits | None:
    """Return what ext/reflex.h would do of a Verdict's window; None: nothing."""
    if not found.from_ns <= window.close_ns <= found.until_ns:
        return None
    is_alive = window.close_ns <= found.streak_until_ns
    is_next = found.is_next and is_alive and window.rule != RULES[-1]
    if window.rule not in found.at_once and not is_next:
        return None
    port = 0 if is_alive and found.streak_port != window.port else window.port
    if found.port and port != found.port:
        return None
    wanted: list[str] = []
    if window.fanout <= found.few:
        named = (*window.sources, *(found.sources if is_alive else ()))
        wanted = list(dict.fromkeys(named))
        if spared.intersection(wanted) or len(wanted) > found.targets_max:
            return None
        if len(window.sources) > found.few:
            return None
    if wanted:
        return found.drop and Fits(Action.DROP_SOURCES, frozenset(wanted))
    place = frozenset((f"10.0.0.10:{port}",))
    return found.limit and Fits(Action.RATE_LIMIT_SOURCES, place)


STRANGERS = tuple(f"198.51.100.{n}" for n in range(1, 6))


@settings(max_examples=400, deadline=None)
@given(
    policies,
    st.one_of(st.just([]), verdicts),
    st.sampled_from(RULES),
    st.lists(st.sampled_from(STRANGERS), max_size=4, unique=True).map(tuple),
    st.tuples(
        st.sampled_from([1, 2, 8, 9, 20]),
        st.sampled_from([9878, 80]),
        st.sampled_from([0, 1, 249, 251, 499, 500, 501]),
    ),
    st.sampled_from([None, Action.DROP_SOURCES, Action.RATE_LIMIT_SOURCES]),
)
def test_what_fits_is_ordered(
    policy: Policy,
    steps: list[Run],
    rule: str,
    sources: tuple[str, ...],
    when: tuple[int, int, int],
    likely: Action | None,
) -> None:
    """Whatever was judged before, and however long ago it was foreseen."""
    fanout, port, later_ms = when
    policy = with_rules(policy)
    judge = Judge(policy, SITE)
    sight = Foresight(judge, policy, SITE, SPAN_NS)
    stream = timed(steps)
    for verdict in stream:
        for decision in judge.judge(verdict):
            sight.heard(decision)
    at_ms = (stream[-1].close_ns - T0) // MS if stream else 0
    found = sight.of("10.0.0.10", 9878, T0 + at_ms * MS, likely)
    if found is None:
        return
    sources = sources[:fanout]
    window = flood(at_ms + later_ms, rule, port, sources, fanout)
    protection = judge.guard.protection
    spared = set(judge.unnameable())
    spared |= {one for one in sources if protection.source_reason(one)}

    fits = fitting(found, window, spared)

    if fits is None:
        return
    (ordered,) = (one for one in judge.judge(window) if one.action not in PASSIVE)
    assert (ordered.action, frozenset(ordered.target)) == fits
    assert ordered.mode is Mode.ENFORCE
    order = found.drop if fits.action is Action.DROP_SOURCES else found.limit
    assert order is not None
    assert ordered.until_ns - ordered.t_ns == order.until_ns - order.t_ns


class Anything:
    """What a Trigger asks of an actuator that takes every Decision."""

    def accepts(self, decision: Decision) -> bool:
        return True

    def rule(self, decision: Decision, until_ns: int, number: int) -> Rule:
        return Rule(until_ns=until_ns, decision=number)


class Looking:
    """A scorer's score, with a look at what is foreseen before it."""

    def __init__(self, scorer: OnnxScorer, arms: Arms) -> None:
        self._scorer, self._arms = scorer, arms
        self.aimed: list[tuple[str, tuple[str, ...], int]] = []

    def score(
        self,
        windows: NDArray[np.void],
        rows: NDArray[np.float32],
        sessions: NDArray[np.void],
    ) -> list[Verdict]:
        found = self._arms.aim(windows, rows)
        if found is not None:
            shot = Shot(*found)
            names = tuple(map(address_text, shot.sources))
            self.aimed.append((address_text(shot.gateway), names, shot.ttl_ns))
        return self._scorer.score(windows, rows, sessions)


def floods(path: Path, count: int) -> None:
    """Write a capture of sessions that trade, and of a flood at each gateway."""
    frames, at_ns = [], T0
    venues = [Host(ip=one, mac=b"\2" * 6) for one in guardtalk.GATEWAYS[:count]]
    talk = guardtalk.talk(venues, lambda: at_ns)

    def trade(count: int) -> None:
        nonlocal at_ns
        for _ in range(count):
            frames.append((at_ns, next(talk)))
            at_ns += MS

    trade(3000)
    for number in range(len(venues)):
        for place, frame in zip(range(40), guardtalk.strange(number), strict=False):
            frames.append((at_ns + place * MS // 10, frame))
        at_ns += 4 * MS
        trade(10)
    write_pcapng(path, frames)


def terms(count: int) -> tuple[Policy, Site]:
    """Return a policy that acts on one window, and a site of so many gateways."""
    venues = guardtalk.GATEWAYS[:count]
    site = Site(gateways=tuple(Gateway(ip=one, port=9878) for one in venues))
    contain = Contain(
        action="drop_sources",
        mode=Mode.ENFORCE,
        at_once=FLOODS_AT_ONCE,
        ttl_ms=150,
        tier_max=2,
    )
    policy = msgspec.structs.replace(Policy(), cause=Causes(flood=contain))
    budget = msgspec.structs.replace(policy.budget, actions_max=1000)
    return msgspec.structs.replace(policy, budget=budget), site


@pytest.mark.parametrize("is_idle", [True, False])
def test_floods_of_the_bench_are_foreseen(tmp_path: Path, *, is_idle: bool) -> None:
    """Nearly all, each of a stranger at another gateway, whom the judge then names."""
    venues = guardtalk.GATEWAYS
    path = tmp_path / "floods.pcapng"
    floods(path, len(venues))
    scorer = load(models_path(), is_signed=False)
    aimed, made = whole(path, terms(len(venues)), scorer, is_idle=is_idle)

    drops = [one for one in made if one.action is Action.DROP_SOURCES]
    assert len(drops) == len(venues)
    ordered = [(one.gateway, one.target, one.until_ns - one.t_ns) for one in drops]
    # A window that closes with a tick may lie behind others of which something is said.
    assert len(aimed) >= len(venues) - 2
    assert [one for one in ordered if one in aimed] == aimed


def whole(
    path: Path, terms: tuple[Policy, Site], scorer: OnnxScorer, *, is_idle: bool
) -> tuple[list[tuple[str, tuple[str, ...], int]], list[Decision]]:
    """Return what would have been done of a capture, and what was decided."""
    arms = scorer.arms()
    assert arms is not None
    looking = Looking(scorer, arms)
    brain = think(terms[1], terms[0], scorer)
    trigger = Trigger(arms, cast("GuardActuator", Anything()), Slot(np.zeros(64, "u1")))
    arming = Arming(trigger, brain, terms, lambda _: None, lambda _: None, str)
    made: list[Decision] = []

    class Hands:
        def carry_out(self, decision: Decision, _: Verdict | None) -> None:
            made.append(decision)

        def tick(self, _: int) -> None:
            pass

    with contextlib.closing(PcapSource([path])) as source:
        pipeline = Pipeline(
            source,
            brain._replace(scorer=looking),
            Hands(),
            on_decision=arming.ordered,
            batch_frames=1,
        )
        pipeline.on_judged(arming.judged)
        while pipeline.step(0):
            now_ns = pipeline.totals.now_ns
            while arming.tend(brain.decoder.sessions, now_ns, is_idle=is_idle):
                pass
    return looking.aimed, made
