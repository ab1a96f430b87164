"""What must be true after the scenes, judged from what was counted and recorded.

Each function looks at one scene and returns Expectations. Facts come from three sides
that know nothing of one another: the ends' own counts, the mirror's recording, the
ledger.
"""

import msgspec

from airnet.domain.decision import Action
from airnet.domain.verdict import Cause
from airnet.lab.chronicle import acted
from airnet.lab.network import ADDRESSES, UNKNOWN
from airnet.lab.result import (
    DecisionTimes,
    Expectation,
    LedgerState,
    SceneSpan,
    SessionCounts,
)
from airnet.lab.scenes import RUNAWAY
from airnet.lab.tape import Tape, between

NS_PER_MS, NS_PER_S = 1_000_000, 1_000_000_000
#: RTS 7 Art. 12(3) asks for an alert within 5 s; a contained incident within 1 s.
DECIDED_WITHIN_NS = 1 * NS_PER_S
#: Bad frames already on their way when the command was acknowledged.
SETTLED_NS = 500 * NS_PER_MS
#: How much faster than before the burst must be, to be called one.
BURST_MIN = 3.0
#: A hard timeout is whole seconds, and looked at once a second.
LATE_NS = 2 * NS_PER_S


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is known of a run.

    `probes` says by name whether the unknown host could connect; `capture` are the
    capture's own counters; `is_answered` whether every order message was answered in
    the end; `is_same` whether the replay's decisions are the live run's bytes.
    """

    scenes: tuple[SceneSpan, ...]
    sessions: tuple[SessionCounts, ...]
    decisions: tuple[DecisionTimes, ...]
    tape: Tape
    ledger: LedgerState
    capture: dict[str, int]
    probes: dict[str, bool]
    is_answered: bool
    live_lines: int
    is_same: bool

    def span(self, name: str) -> SceneSpan:
        """Return when a scene was played."""
        return next(one for one in self.scenes if one.name == name)

    def acts(self, name: str) -> list[DecisionTimes]:
        """Return what was carried out on account of frames of a scene."""
        span = self.span(name)
        return [
            one
            for one in self.decisions
            if acted(one) and span.begin_ns <= one.decided_ns < span.end_ns
        ]


def judge(facts: Facts) -> list[Expectation]:
    """Return every expectation with what was found."""
    return [
        *_left_alone(facts, "quiet"),
        *_left_alone(facts, "volatility"),
        _was_burst(facts),
        *_left_alone(facts, "calm"),
        *_runaway(facts),
        *_release(facts),
        *_flood(facts),
        *_aftermath(facts),
        *_whole(facts),
    ]


def _left_alone(facts: Facts, scene: str) -> list[Expectation]:
    """Expect that nobody is contained in a scene."""
    found = [f"{one.action} {' '.join(one.target)}" for one in facts.acts(scene)]
    return [
        _check(
            scene,
            "nobody is contained",
            "no containment",
            ", ".join(found) or "no containment",
            ok=not found,
        )
    ]


def _was_burst(facts: Facts) -> Expectation:
    """Expect that all sessions really sped up together."""
    before, burst = facts.span("quiet"), facts.span("volatility")
    # The first half of the quiet scene has the sessions' logons in it.
    middle_ns = (before.begin_ns + before.end_ns) // 2
    factors = {}
    for one in facts.sessions:
        orders = facts.tape.orders(one.comp_id)
        quiet = between(orders, middle_ns, before.end_ns) / (before.end_ns - middle_ns)
        fast = between(orders, burst.begin_ns, burst.end_ns)
        factors[one.comp_id] = (
            fast / (burst.end_ns - burst.begin_ns) / max(quiet, 1e-12)
        )
    found = ", ".join(f"{name} x{factor:.1f}" for name, factor in factors.items())
    return _check(
        "volatility",
        "all sessions speed up together",
        f"each at least x{BURST_MIN:.0f}",
        found,
        ok=bool(factors) and min(factors.values()) >= BURST_MIN,
    )


def _runaway(facts: Facts) -> list[Expectation]:
    """Expect the runaway's new orders to be stopped, and nothing else."""
    scene, acts = "runaway", facts.acts("runaway")
    chosen = [
        one
        for one in acts
        if one.cause == Cause.ALGO_FAULT
        and one.action == Action.THROTTLE_SESSION
        and RUNAWAY in one.target
    ]
    checks = [_only(scene, f"throttle {RUNAWAY}", chosen, acts)]
    if not chosen:
        return checks
    decision, tape = chosen[0], facts.tape
    settled_ns = decision.applied_ns + SETTLED_NS
    # The gateway's own clock began when it heard, and it was heard of later.
    ends_ns = decision.until_ns - (decision.applied_ns - decision.command_ns)
    accepted = between(tape.accepted(RUNAWAY), settled_ns, ends_ns)
    stopped = between(tape.stopped(RUNAWAY), decision.applied_ns, decision.until_ns)
    canceled = between(tape.canceled(RUNAWAY), decision.applied_ns, decision.until_ns)
    return [
        *checks,
        _in_time(scene, decision),
        _check(
            scene,
            "its new orders are stopped at the gateway, seen on the mirror",
            "orders refused, none accepted",
            f"{stopped} refused, {accepted} accepted",
            ok=stopped > 0 and accepted == 0,
        ),
        _check(
            scene,
            "its cancels pass meanwhile",
            "cancels confirmed",
            f"{canceled} confirmed",
            ok=canceled > 0,
        ),
        _verified(scene, decision),
    ]


def _release(facts: Facts) -> list[Expectation]:
    """Expect the throttle to end by itself, and the session to trade again."""
    scene = "release"
    chosen = [one for one in facts.acts("runaway") if RUNAWAY in one.target]
    if not chosen:
        return []
    decision = chosen[0]
    late_ns = decision.until_ns + LATE_NS
    again = between(
        facts.tape.accepted(RUNAWAY), decision.until_ns, facts.tape.span()[1]
    )
    refused = between(facts.tape.stopped(RUNAWAY), late_ns, facts.tape.span()[1])
    return [
        *_left_alone(facts, scene),
        _ended(scene, decision),
        _check(
            scene,
            f"{RUNAWAY} trades again",
            "new orders accepted, none refused",
            f"{again} accepted, {refused} refused",
            ok=again > 0 and refused == 0,
        ),
    ]


def _flood(facts: Facts) -> list[Expectation]:
    """Expect the flood to be dropped at the switch, and trading to go on."""
    scene, acts = "flood", facts.acts("flood")
    source = ADDRESSES[UNKNOWN]
    chosen = [
        one
        for one in acts
        if one.cause == Cause.FLOOD
        and one.action == Action.DROP_SOURCES
        and one.target == (source,)
    ]
    checks = [_only(scene, f"drop {source}", chosen, acts)]
    if not chosen:
        return checks
    decision, span = chosen[0], facts.span(scene)
    settled_ns = decision.applied_ns + SETTLED_NS
    leaked = between(facts.tape.syns(), settled_ns, span.end_ns)
    before = between(facts.tape.syns(), span.begin_ns, settled_ns)
    answered = {
        one.comp_id: between(
            facts.tape.accepted(one.comp_id), span.begin_ns, span.end_ns
        )
        for one in facts.sessions
    }
    return [
        *checks,
        _in_time(scene, decision),
        _check(
            scene,
            "the flood is dropped at the switch, seen on the mirror",
            "no SYN after that",
            f"{before} SYNs, then {leaked}",
            ok=before > 0 and leaked == 0,
        ),
        _verified(scene, decision),
        _check(
            scene,
            "every session goes on trading",
            "orders acknowledged in each",
            ", ".join(f"{name} {count}" for name, count in answered.items()),
            ok=bool(answered) and min(answered.values()) > 0,
        ),
    ]


def _aftermath(facts: Facts) -> list[Expectation]:
    """Expect the drop to hold for its time, and then to end by itself."""
    scene = "aftermath"
    chosen = [one for one in facts.acts("flood") if one.cause == Cause.FLOOD]
    words = {True: "connected", False: "no connection", None: "not tried"}
    while_held, after = facts.probes.get("contained"), facts.probes.get("released")
    return [
        *_left_alone(facts, scene),
        _check(
            scene,
            "the contained host cannot reach the gateway",
            words[False],
            words[while_held],
            ok=while_held is False,
        ),
        *(_ended(scene, one) for one in chosen[:1]),
        _check(
            scene,
            "the released host can reach the gateway",
            words[True],
            words[after],
            ok=after is True,
        ),
    ]


def _whole(facts: Facts) -> list[Expectation]:
    """Expect that no order was lost, no frame missed, and the records hold."""
    scene = "whole"
    orders = sum(one.by_firm.orders for one in facts.sessions)
    differing = [one.comp_id for one in facts.sessions if one.by_firm != one.by_venue]
    open_ = sum(one.by_firm.unanswered() for one in facts.sessions)
    unseen = [
        one.comp_id
        for one in facts.sessions
        if facts.tape.new_orders(one.comp_id) != one.by_venue.orders
    ]
    kept, ignored = (facts.capture.get(name, 0) for name in ("delivered", "ignored"))
    lost = facts.capture.get("seen", 0) - kept - ignored
    problems = facts.ledger.problems
    return [
        _check(
            scene,
            "every order the firms sent is answered, counted at both ends",
            f"{orders} orders, 0 unanswered, both ends agree",
            f"{open_} unanswered, {', '.join(differing) or 'no session'} differs",
            ok=facts.is_answered and orders > 0 and open_ == 0 and not differing,
        ),
        _check(
            scene,
            "the mirror shows every one of them",
            f"{orders} orders",
            f"{', '.join(unseen) or 'no session'} differs",
            ok=not unseen,
        ),
        _check(
            scene,
            "every mirrored frame is captured, or counted as no order traffic",
            "none lost",
            f"{kept} captured, {ignored} no order traffic, {lost} lost",
            ok=lost == 0 and kept > 0,
        ),
        _check(
            scene,
            "replay of the recording decides the same, byte for byte",
            f"{facts.live_lines} decisions, the same",
            "the same" if facts.is_same else "something else",
            ok=facts.is_same and facts.live_lines > 0,
        ),
        _check(
            scene,
            "the ledger verifies",
            "no problem",
            "; ".join(problems) or f"{facts.ledger.size} entries",
            ok=not problems and facts.ledger.size > 0,
        ),
    ]


def _only(
    scene: str, what: str, chosen: list[DecisionTimes], acts: list[DecisionTimes]
) -> Expectation:
    """Expect exactly one containment: that one."""
    found = [f"{one.action} {' '.join(one.target)} ({one.cause})" for one in acts]
    return _check(
        scene,
        "it is contained, and nothing else is",
        what,
        ", ".join(found) or "no containment",
        ok=len(chosen) == 1 and len(acts) == 1,
    )


def _in_time(scene: str, decision: DecisionTimes) -> Expectation:
    """Expect the command to be in force soon after the first bad frame."""
    late_ns = decision.applied_ns - decision.first_bad_ns
    return _check(
        scene,
        "it is contained in time",
        f"within {DECIDED_WITHIN_NS // NS_PER_MS} ms of the first bad frame",
        f"{late_ns / NS_PER_MS:.1f} ms",
        ok=decision.applied_ns > 0 and late_ns <= DECIDED_WITHIN_NS,
    )


def _verified(scene: str, decision: DecisionTimes) -> Expectation:
    """Expect the effect to have been seen on the mirror while it ran."""
    lag_ms = (decision.last_bad_ns - decision.command_ns) / NS_PER_MS
    return _check(
        scene,
        "the effect is verified on the mirror",
        "verified",
        f"{decision.state}; last bad frame {lag_ms:+.1f} ms from the command",
        ok="verified" in decision.state.split(" > "),
    )


def _ended(scene: str, decision: DecisionTimes) -> Expectation:
    """Expect the containment to have ended by itself at its time."""
    return _check(
        scene,
        "the containment ends by itself",
        "ended",
        decision.state,
        ok=decision.ended_ns > 0,
    )


def _check(
    scene: str, name: str, expected: str, found: str, *, ok: bool
) -> Expectation:
    return Expectation(scene=scene, name=name, expected=expected, found=found, ok=ok)
