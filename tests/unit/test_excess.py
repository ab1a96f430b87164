"""Excess: the sum is the reference's, counts what it should, and survives pauses."""

import dataclasses
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given, strategies as st

from airnet.config import Site
from airnet.decide.dwell import EXCESS_RULE
from airnet.decide.excess import (
    PACE,
    Shown,
    Sum,
    envelope_of,
    grown,
    idle,
    is_above,
    is_below,
)
from airnet.decide.judge import Judge
from airnet.decide.policy import Causes, Contain, Policy
from airnet.domain.columns import SESSION_SCHEMA
from airnet.domain.decision import Action, Decision
from airnet.domain.verdict import Cause, Verdict
from airnet.domain.window import WINDOW_SESSION
from tests.fakes.verdicts import MS, SITE, T0, session_verdict
from tests.reference.excess import Look, total

NAMES = SESSION_SCHEMA.names
COLUMNS = {WINDOW_SESSION: {name: place for place, name in enumerate(NAMES)}}
RULE = Contain(
    action="throttle_session",
    dwell_windows=2,
    dwell_ms=100,
    evidence_min=100.0,
    excess_min=5.0,
    excess_toll=0.7,
    told=(),
    tier_max=4,
)
#: What a session shows that sends 1,000 messages a second, of which 100 are usual.
ODD = {
    "baseline": 1000,
    "rate_1s": 10_000,
    "rate_fast": 10_000,
    "relative_fast": 9000,
    "relative_1s": 7900,
    "relative_first": 9000,
    "market_1s": 900,
    "symbol_market": 700,
    "elevated_share": 0,
    "others_rejected": 0,
    "history_ms": 60_000,
    "cancels_per_new": 200,
    "cancel_age_us": 900_000,
}

looks = st.lists(
    st.tuples(
        st.integers(0, 3_000_000_000),
        st.integers(0, 400),
        st.integers(400, 90_000),
        st.integers(-900, 4000),
    ),
    min_size=1,
    max_size=60,
)


@given(looks)
def test_the_sum_is_the_slow_ones(steps: list[tuple[int, int, int, int]]) -> None:
    state = Sum(0, 0, 0, PACE)
    seen = [Look(0, 0, Fraction(1), Fraction(0))]
    at_ns = messages = 0
    for span_ns, sent, envelope, nats in steps:
        at_ns, messages = at_ns + span_ns, messages + sent
        shown = Shown(messages, 0, 0, 0, 0, 0, 0, 0)
        state = grown(state, at_ns, shown, (envelope, nats))
        seen.append(Look(at_ns, messages, Fraction(envelope, 10), Fraction(nats, 1000)))

        assert state.total == pytest.approx(float(total(seen)) * 1e6, abs=6 * len(seen))


@given(
    looks,
    st.integers(0, PACE),
    st.integers(0, 2**31),
    st.integers(-900, 0),
    st.integers(400, 90_000),
)
def test_what_adds_nothing_to_an_empty_sum_is_passed_over_exactly(
    steps: list[tuple[int, int, int, int]],
    credit: int,
    messages: int,
    nats: int,
    envelope: int,
) -> None:
    slowly = quickly = Sum(5_000, messages, 0, credit)
    at_ns = 5_000
    for span_ns, sent, _, _ in steps:
        at_ns, messages = at_ns + span_ns - 1000, messages + sent - 50
        shown = Shown(messages, 0, 0, 0, 0, 0, 0, 0)
        slowly = grown(slowly, at_ns, shown, (envelope, nats))
        quickly = idle(quickly, at_ns, messages)

        assert quickly == slowly


@given(
    st.integers(0, 5000),
    st.integers(0, 40_000),
    st.integers(0, 9000),
    st.integers(0, 9000),
    st.integers(9000, 11_000),
    st.none() | st.integers(1, 400),
)
def test_what_is_passed_over_was_never_above(
    baseline: int,
    rate: int,
    market: int,
    symbol: int,
    history_ms: int,
    bound: int | None,
) -> None:
    shown = Shown(0, baseline, rate, market, symbol, 0, 0, history_ms)
    is_over = is_above(shown, envelope_of(shown, bound))

    assert not (is_below(shown, bound) and is_over)
    if max(market, symbol) <= 1000:
        assert is_below(shown, bound) is not is_over


@dataclasses.dataclass
class Talk:
    """A session's windows: sixteen messages each, as they follow from what it sends."""

    changes: dict[str, object] = dataclasses.field(default_factory=dict)
    features: dict[str, int] = dataclasses.field(default_factory=dict)
    ms: int = 0
    messages: int = 5000

    def sends(self, count: int, over_ms: int) -> list[Verdict]:
        """Return windows of `count` messages sent evenly within some time."""
        made = []
        for number in range(1, count // 16 + 1):
            at_ms = self.ms + over_ms * number * 16 // count
            shown = ODD | {"messages": self.messages + number * 16} | self.features
            row = tuple(shown.get(name, 0) for name in NAMES)
            verdict = session_verdict(
                at_ms,
                features=row,
                probability_ppm=850_000,
                open_ns=T0 + (at_ms - 16) * MS,
            )
            made.append(msgspec.structs.replace(verdict, **self.changes))
        self.ms += over_ms
        self.messages += count
        return made


def judged(
    verdicts: list[Verdict], rule: Contain = RULE, site: Site = SITE
) -> list[Decision]:
    judge = Judge(Policy(cause=Causes(algo_fault=rule)), site, COLUMNS)
    return [one for verdict in verdicts for one in judge.judge(verdict)]


def throttled_ms(verdicts: list[Verdict], rule: Contain = RULE) -> int | None:
    for one in judged(verdicts, rule):
        if one.action is Action.THROTTLE_SESSION:
            assert one.rule == EXCESS_RULE
            assert one.measured >= one.limit == 5000
            return (one.t_ns - T0) // MS
    return None


def test_what_goes_on_for_seconds_is_contained_though_no_window_is_sure() -> None:
    at_ms = throttled_ms(Talk().sends(10_000, 10_000))

    assert at_ms is not None
    assert 1500 <= at_ms <= 5000


def test_pulses_count_for_what_they_send() -> None:
    """A quarter of each second, four times as fast: no streak outlasts its pause."""
    pulses = Talk()
    verdicts = []
    for _ in range(10):
        verdicts += pulses.sends(1000, 250)
        pulses.ms += 750

    at_ms = throttled_ms(verdicts)

    assert at_ms is not None
    assert at_ms <= 6000


def test_one_burst_is_none_however_large() -> None:
    assert throttled_ms(Talk().sends(20_000, 900)) is None


@pytest.mark.parametrize(
    "features",
    [
        {"rate_1s": 3500},
        {"market_1s": 4000},
        {"symbol_market": 4000},
        {"elevated_share": 300},
        {"others_rejected": 200},
        {"history_ms": 9000},
        {"rate_10s": 7000},
    ],
)
def test_it_must_be_above_its_own_envelope_alone_and_no_stranger(
    features: dict[str, int],
) -> None:
    assert throttled_ms(Talk(features=features).sends(10_000, 10_000)) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"probability_ppm": 600_000},
        {"second": Cause.VOLATILITY, "second_ppm": 900_000},
        {"second": Cause.ALGO_FAULT, "second_ppm": 600_000},
        {"cause": Cause.VOLATILITY},
    ],
)
def test_both_models_must_doubt_it(changes: dict[str, object]) -> None:
    assert throttled_ms(Talk(changes=changes).sends(10_000, 10_000)) is None


def test_what_is_withdrawn_at_once_needs_no_model() -> None:
    """A market that answers stuffing looks busy, and the models call it that."""
    changes: dict[str, object] = {"cause": Cause.VOLATILITY}
    stuffed = {"cancels_per_new": 1000, "cancel_age_us": 2000}
    slowly = stuffed | {"cancel_age_us": 200_000}
    filled = stuffed | {"fills_per_new": 600}

    assert throttled_ms(Talk(changes, stuffed).sends(10_000, 10_000)) is not None
    assert throttled_ms(Talk(changes, slowly).sends(10_000, 10_000)) is None
    assert throttled_ms(Talk(changes, filled).sends(10_000, 10_000)) is None


def test_what_is_withdrawn_while_others_hurry_must_be_of_one_name() -> None:
    """In news who trades asks and withdraws in all names; stuffing is of one."""
    changes: dict[str, object] = {"cause": Cause.VOLATILITY}
    hurried = {"cancels_per_new": 1000, "cancel_age_us": 2000, "elevated_1s": 12}
    hurried |= {"active_sessions": 27}
    few = hurried | {"elevated_1s": 6}
    one_name = hurried | {"same_symbol_share": 900, "new_price_share": 900}

    assert throttled_ms(Talk(changes, hurried).sends(10_000, 10_000)) is None
    assert throttled_ms(Talk(changes, few).sends(10_000, 10_000)) is not None
    assert throttled_ms(Talk(changes, one_name).sends(10_000, 10_000)) is not None


def test_doubts_of_what_no_fault_does_count_from_three_envelopes_on() -> None:
    """Several large orders at once, at twice what the session's past allows."""
    traded = {"loop_share": 200, "fills_per_new": 163, "relative_fast": 5000}
    twice = traded | {"baseline": 2300}

    assert throttled_ms(Talk(features=traded).sends(10_000, 10_000)) is not None
    assert throttled_ms(Talk(features=twice).sends(10_000, 10_000)) is None
    looped = twice | {"loop_share": 600, "fills_per_new": 0}
    assert throttled_ms(Talk(features=looped).sends(10_000, 10_000)) is not None


def test_doubts_of_who_quotes_many_names_count_for_nothing() -> None:
    """A maker at twelve times its past: what it withdraws stood for half a second."""
    quoted = {
        "same_symbol_share": 160,
        "new_price_share": 400,
        "cancels_per_new": 1000,
        "replaces_per_new": 0,
        "fills_per_new": 10,
        "loop_share": 125,
        "repeat_run": 0,
        "rejects": 0,
        "cancel_age_us": 500_000,
    }
    stuffed = quoted | {"cancel_age_us": 50_000}

    assert throttled_ms(Talk(features=quoted).sends(10_000, 10_000)) is None
    assert throttled_ms(Talk(features=stuffed).sends(10_000, 10_000)) is not None


def test_what_is_filled_name_after_name_needs_no_model() -> None:
    """Half of it trades: fills move the market, which is elevated through it."""
    changes: dict[str, object] = {"cause": Cause.VOLATILITY}
    filled = {
        "fills_per_new": 1000,
        "same_side_share": 500,
        "elevated_share": 400,
        "cancel_age_us": 100,
    }
    one_name = filled | {"same_symbol_share": 900}
    nearer = filled | {"baseline": 3000}

    assert throttled_ms(Talk(changes, filled).sends(10_000, 10_000)) is not None
    assert throttled_ms(Talk(changes, one_name).sends(10_000, 10_000)) is None
    assert throttled_ms(Talk(changes, nearer).sends(10_000, 10_000)) is None


def test_what_is_moved_and_filled_as_by_chance_needs_no_model() -> None:
    """Its own business, more of it: neither in volleys nor evenly, and no news."""
    changes: dict[str, object] = {"cause": Cause.VOLATILITY}
    moved = {"fills_per_new": 3000, "gap_deviation": 736, "elevated_share": 700}

    mostly = moved | {"fills_per_new": 700}

    assert throttled_ms(Talk(changes, moved).sends(10_000, 10_000)) is not None
    hit = moved | {"same_symbol_share": 1000}
    assert throttled_ms(Talk(changes, hit).sends(10_000, 10_000)) is None, "a maker"
    assert throttled_ms(Talk(changes, mostly).sends(10_000, 10_000)) is not None


def test_pegs_that_follow_the_market_and_are_hit_are_not_moved() -> None:
    """Nine of ten messages replaces, at ever new prices; half of them, or in a loop."""
    pegs = {
        "fills_per_new": 1600,
        "gap_deviation": 736,
        "rate_replace_fast": 9000,
        "entropy": 4000,
        "loop_share": 0,
        "replaces_per_new": 9000,
    }

    assert throttled_ms(Talk(features=pegs).sends(10_000, 10_000)) is None
    for odd in ({"rate_replace_fast": 5000}, {"loop_share": 451}):
        found = throttled_ms(Talk(features=pegs | odd).sends(10_000, 10_000))
        assert found is not None


@pytest.mark.parametrize(
    "features",
    [
        {"gap_deviation": 1600},
        {"gap_deviation": 100},
        {"fills_per_new": 500},
        {"baseline": 2600},
        {"market_1s": 2500},
        {"rate_10s": 7000},
    ],
)
def test_volleys_plans_and_what_follows_the_market_are_not_moved(
    features: dict[str, int],
) -> None:
    changes: dict[str, object] = {"cause": Cause.VOLATILITY}
    moved = {"fills_per_new": 3000, "gap_deviation": 736, "elevated_share": 700}

    assert throttled_ms(Talk(changes, moved | features).sends(10_000, 10_000)) is None


def test_what_a_baseline_learned_is_bounded_by_what_is_registered() -> None:
    """ALGO0 may send 100 orders a second, so 200 messages are its envelope."""
    learned = Talk({"session": session_verdict(0, n=0).session}, {"baseline": 5000})
    verdicts = learned.sends(10_000, 10_000)
    stranger = Talk(features={"baseline": 5000}).sends(10_000, 10_000)

    assert throttled_ms(verdicts) is not None
    assert throttled_ms(stranger) is None


def test_told_it_is_said_and_nothing_is_done() -> None:
    told = msgspec.structs.replace(RULE, told=(EXCESS_RULE,))

    found = judged(Talk().sends(10_000, 10_000), told)

    assert {one.action for one in found} == {Action.EVIDENCE}
    assert EXCESS_RULE in {one.rule for one in found}


def test_a_session_that_comes_back_begins_anew() -> None:
    first = Talk()
    verdicts = first.sends(1500, 1500)
    again = Talk(ms=first.ms, messages=0)
    verdicts += again.sends(1500, 1500)

    assert throttled_ms(verdicts) is None
    assert throttled_ms(verdicts[:90] + first.sends(1500, 1500)) is not None
