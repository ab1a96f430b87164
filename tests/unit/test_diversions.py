"""decide: when a fault of a line is driven round, and what keeps it from being so."""

import itertools
from typing import Any

import msgspec
import numpy as np
import pytest

from airnet.act.simulated import SimulatedActuator
from airnet.act.standing import Standing
from airnet.clock import SimulatedClock
from airnet.closed import Closed
from airnet.config import Gateway, LinePath, Protected, Sdn, Site
from airnet.decide import Judge
from airnet.decide.divert import Divert
from airnet.decide.drafts import with_id
from airnet.decide.policy import Causes, Policy
from airnet.decide.problems_paths import path_problems, unported, way_problems
from airnet.decide.watch import Line
from airnet.domain.address import address_bytes
from airnet.domain.columns import VENUE_SCHEMA
from airnet.domain.containment import State
from airnet.domain.decision import Action, Decision, Mode, TargetType, Tier
from airnet.domain.session import Heard
from airnet.domain.verdict import Cause, Verdict
from airnet.domain.window import WINDOW, WINDOW_VENUE
from airnet.paths import Hop, Way
from airnet.record.memory import MemoryLedger
from airnet.score.lines import Lines
from tests.fakes.verdicts import MS, SITE, T0, drop, gateway_verdict

GATEWAY, WITNESS = "10.0.0.10", "10.0.0.11"
RISE = "venue.ack_rise_us"
PATHED = msgspec.structs.replace(
    SITE,
    gateways=(*SITE.gateways, Gateway(ip=WITNESS, port=9878)),
    paths=(LinePath(name="west", gateway=GATEWAY, witness=WITNESS),),
)


def policy(mode: Mode = Mode.ENFORCE, **changes: object) -> Policy:
    divert = msgspec.structs.replace(Divert(mode=mode), **changes)
    line = Line(action="alert", probability_min=0.8, divert=divert)
    return Policy(cause=Causes(venue_fault=line))


def slow(at_ms: int, **changes: object) -> Verdict:
    """Return what a gateway's answers were like in the 100 ms that end then."""
    plain = {
        "window_kind": WINDOW_VENUE,
        "open_ns": T0 + (at_ms - 100) * MS,
        "cause": Cause.VENUE_FAULT,
        "rule": RISE,
        "measured": 900,
        "limit": 100,
        "sources": (),
    }
    return gateway_verdict(at_ms, **{**plain, **changes})


def decide(
    *what: Verdict | Heard, of: Policy | None = None, site: Site = PATHED
) -> list[Decision]:
    """Return what is ordered; a witness is heard where it says so."""
    judge = Judge(of or policy(), site)
    found = []
    for one in what:
        if isinstance(one, Heard):
            judge.meet(one)
        else:
            found += judge.judge(one)
    return found


def heard(at_ms: int, address: str = WITNESS) -> Heard:
    return Heard(T0 + at_ms * MS, address)


LONG = tuple(slow(at) for at in range(100, 1000, 100))


def reroutes(found: list[Decision]) -> list[Decision]:
    return [one for one in found if one.action is Action.REROUTE]


def test_a_slow_line_is_driven_round_by_a_path_that_is_up() -> None:
    found = decide(heard(50), *LONG)

    (one,) = reroutes(found)
    assert (one.tier, one.target_type) == (Tier.DIVERT, TargetType.PATH)
    assert (one.target, one.gateway, one.port) == (("west",), GATEWAY, 0)
    assert (one.cause, one.rule, one.mode) == (Cause.VENUE_FAULT, RISE, Mode.ENFORCE)
    assert one.t_ns == T0 + 500 * MS
    assert one.until_ns - one.t_ns == 300_000 * MS
    assert found[0].action is Action.ALERT  # it is told, as ever, and first
    assert "by path west" in one.why


def test_in_shadow_it_is_written_down_and_the_same() -> None:
    (real,) = reroutes(decide(heard(50), *LONG))
    (shadow,) = reroutes(decide(heard(50), *LONG, of=policy(Mode.SHADOW)))

    assert msgspec.structs.replace(shadow, mode=real.mode, id=real.id) == real


def test_only_named_gateways_are_enforced() -> None:
    (one,) = reroutes(decide(heard(50), *LONG, of=policy(assets=(f"{GATEWAY}:9878",))))
    (other,) = reroutes(decide(heard(50), *LONG, of=policy(assets=("10.9.9.9:1",))))

    assert (one.mode, other.mode) == (Mode.ENFORCE, Mode.SHADOW)


@pytest.mark.parametrize(
    "before",
    [
        (),
        (heard(-4600),),
        (heard(50, "10.0.0.12"),),
        (heard(50), slow(60, address=WITNESS)),
    ],
)
def test_without_a_path_proven_up_only_evidence_is_kept(
    before: tuple[Verdict | Heard, ...],
) -> None:
    """Never heard of, too long ago, another one, or itself at fault."""
    found = decide(*before, *LONG)

    assert not reroutes(found)
    assert [one.rule for one in found if one.action is Action.EVIDENCE] == [
        "guard.need"
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"rule": "venue.silence_us"},  # who forges a client has it
        {"rule": "venue.odd_segments_share"},
        {"rule": "model.venue_fault", "probability_ppm": 999_999},
        {"address": "10.0.0.12"},
        {"window_kind": 2},
    ],
)
def test_what_could_be_forged_or_guessed_turns_nothing(
    changes: dict[str, object],
) -> None:
    verdicts = [msgspec.structs.replace(one, **changes) for one in LONG]

    assert not reroutes(decide(heard(50), *verdicts))


def test_a_policy_that_names_a_rule_that_can_be_forged_is_refused_by_the_guard() -> (
    None
):
    odd = "venue.odd_segments_share"
    verdicts = [msgspec.structs.replace(one, rule=odd) for one in LONG]

    found = decide(heard(50), *verdicts, of=policy(rules=(odd,)))

    assert not reroutes(found)
    assert "guard.steered" in {one.rule for one in found}


def test_it_is_ordered_once_and_again_only_when_it_ended() -> None:
    brief = policy(ttl_ms=600)
    long = [slow(at) for at in range(100, 3000, 100)]
    judge = Judge(brief, PATHED)
    found = []
    for one in long:
        judge.meet(Heard(one.open_ns, WITNESS))
        found += judge.judge(one)

    times = [(one.t_ns - T0) // MS for one in reroutes(found)]
    assert times[0] == 500
    assert all(later - sooner >= 600 for sooner, later in itertools.pairwise(times))
    assert len(times) == 3  # hysteresis.repeats_max


def test_nothing_is_driven_round_where_the_site_has_no_path_or_it_is_vital() -> None:
    clock = Protected(why="clock", network=GATEWAY, role="clock")
    vital = msgspec.structs.replace(PATHED, protected=(clock,))

    assert not reroutes(decide(heard(50), *LONG, site=SITE))
    assert not reroutes(decide(heard(50), *LONG, site=vital))


def test_a_standing_reroute_hides_no_flood_and_no_flood_a_reroute() -> None:
    judge = Judge(policy(), PATHED)
    judge.meet(heard(50))
    found = [decision for one in LONG for decision in judge.judge(one)]
    flood = [gateway_verdict(at, address=GATEWAY) for at in range(1000, 1200, 10)]
    found += [decision for one in flood for decision in judge.judge(one)]

    assert {one.action for one in found} >= {Action.REROUTE, Action.DROP_SOURCES}


# ---- what the mirror shows ----


def windows(*rows: dict[str, float], address: str = GATEWAY) -> tuple[Any, Any]:
    """Return venue windows, one each 100 ms, in which these columns were seen."""
    keys = np.zeros(len(rows), WINDOW)
    features = np.full((len(rows), 64), np.nan, np.float32)
    for place, row in enumerate(rows):
        keys[place]["kind"] = WINDOW_VENUE
        keys[place]["close_ns"] = T0 + (place + 1) * 100 * MS
        keys[place]["address"] = np.frombuffer(address_bytes(address), "u1")
        features[place, VENUE_SCHEMA.index("acks")] = 0
        for name, value in row.items():
            features[place, VENUE_SCHEMA.index(name)] = value
    return keys, features


def answered(mean_us: float) -> dict[str, float]:
    base = {"ack_baseline_us": 200, "ack_floor_baseline_us": 100}
    return {"acks": 5, "ack_mean_us": mean_us, "ack_worst_us": mean_us, **base}


def test_who_answers_is_heard_and_who_does_not_is_not() -> None:
    lines = Lines(PATHED)
    rows = windows({}, {"tcp_ack_mean_us": 40.0}, answered(200), address=WITNESS)

    assert lines.look(*rows) == [heard(200), heard(300)]
    assert lines.look(*windows(answered(1), address="10.0.0.77")) == []


def test_an_effect_is_what_is_answered_after_it() -> None:
    (one,) = reroutes(decide(heard(50), *LONG))
    lines = Lines(PATHED)
    slow_rows, quick_rows = [answered(1200)] * 8, [answered(210)] * 4

    lines.look(*windows(*slow_rows[:5]))
    assert lines.last_bad_ns(one) is None  # nothing was answered since
    lines.look(*windows(*slow_rows, *quick_rows))
    assert lines.last_bad_ns(one) == T0 + 800 * MS
    quick = Lines(PATHED)
    one_slow = (*quick_rows, answered(1200), *quick_rows)
    quick.look(*windows(*slow_rows[:4], *one_slow))
    assert quick.last_bad_ns(one) == one.t_ns  # one slow window is a queue


def test_a_path_that_answers_nobody_is_slow() -> None:
    (one,) = reroutes(decide(heard(50), *LONG))
    lines = Lines(PATHED)
    silent = {"silence_us": 400_000.0, "unanswered": 9.0}

    lines.look(*windows(*[answered(1200)] * 6, {}, {}, {}))
    assert lines.last_bad_ns(one) is None  # what was under way came; then nobody asked
    lines.look(*windows(*[{}] * 6, silent, silent, silent))
    assert lines.last_bad_ns(one) == T0 + 900 * MS


def test_a_limit_that_drops_is_seen_by_who_speaks_and_hears_nobody() -> None:
    limit = msgspec.structs.replace(
        drop(),
        action=Action.RATE_LIMIT_SOURCES,
        target_type=TargetType.GATEWAY,
        target=(f"{GATEWAY}:9878",),
        gateway=GATEWAY,
    )
    lines = Lines(Site())
    lines.look(*windows({"orders": 4.0}))
    assert lines.last_came_ns(GATEWAY) is None  # nobody looked

    lines.follow(limit)
    for quiet in ({"orders": 4.0}, {"orders": 0.0}, {"answers": 3.0}):
        lines.look(*windows({"orders": 4.0}, quiet))
        assert lines.last_came_ns(GATEWAY) is None
    lines.look(*windows({"orders": 4.0}, {"retransmits_down": 1.0}))
    assert lines.last_came_ns(GATEWAY) == T0 + 100 * MS
    lines.look(*windows({"retransmits_down": 1.0}, {"orders": 1.0}))
    assert lines.last_came_ns(GATEWAY) is None  # they are heard again


def test_such_a_limit_is_taken_back() -> None:
    clock = SimulatedClock(T0)
    standing = Standing(
        [SimulatedActuator(clock, State.APPLIED)], MemoryLedger(), clock
    )
    limit = with_id(
        msgspec.structs.replace(
            drop(),
            action=Action.RATE_LIMIT_SOURCES,
            target_type=TargetType.GATEWAY,
            target=(f"{GATEWAY}:9878",),
            gateway=GATEWAY,
            until_ns=T0 + 60_000 * MS,
        )
    )
    standing.carry_out(limit)

    assert standing.observe_effect(limit.id, T0 - 100 * MS, T0 + 2900 * MS)
    undone = standing.observe_effect(limit.id, T0 - 100 * MS, T0 + 3100 * MS)

    assert undone is not None
    assert undone.state is State.ROLLED_BACK
    assert not standing.in_force


# ---- what is written ----


def test_what_cannot_be_meant_is_said() -> None:
    odd = msgspec.structs.replace(
        PATHED, paths=(LinePath(name="west", gateway="10.1.1.1", witness=WITNESS),)
    )
    enforced = policy(rules=("venue.silence_us",), assets=("10.1.1.1:1",))

    told = list(path_problems(enforced, odd))

    assert [one.partition(": ")[0] for one in told] == [
        "cause.venue_fault.divert.rules",
        "cause.venue_fault.divert.assets",
        "path west",
    ]
    assert list(path_problems(policy(), SITE)) == [
        "cause.venue_fault.divert.mode: enforce, but the site has no [[path]]"
    ]
    assert list(path_problems(policy(), PATHED)) == []


def test_ports_and_paths_must_be_of_each_other() -> None:
    sdn = Sdn(paths=(Way(name="east", hops=(Hop(port=7),)),))

    assert [kind for kind, _ in way_problems(sdn, PATHED)] == ["config", "site"]
    assert list(way_problems(Sdn(), PATHED)) == []
    assert "no [[sdn.path]]" in unported(policy(), Sdn())
    assert not unported(policy(Mode.SHADOW), Sdn())


@pytest.mark.parametrize(
    ("kind", "fields", "field"),
    [
        (Hop, {"port": 0}, "port"),
        (Hop, {"port": 7, "mac": "01:00:00:00:00:07"}, "mac"),  # of a group
        (Way, {"name": "10.0.0.1", "hops": (Hop(port=1),)}, "name"),
        (Way, {"name": "west", "hops": ()}, "hops"),
        (
            LinePath,
            {"name": "w", "gateway": "10.0.0.1", "witness": "10.0.0.1"},
            "witness",
        ),
        (Sdn, {"paths": (Way(name="w", hops=(Hop(port=1),)),) * 2}, "path.1..name"),
        (Divert, {"path_age_ms": 0}, "path_age_ms"),
        (Divert, {"ttl_ms": 65_535_001}, "ttl_ms"),
        (Divert, {"mode": Mode.PROPOSE}, "mode"),
    ],
)
def test_what_nobody_could_keep_is_refused(
    kind: type[Closed], fields: dict[str, object], field: str
) -> None:
    with pytest.raises(ValueError, match=f"`{field}"):
        kind(**fields)
