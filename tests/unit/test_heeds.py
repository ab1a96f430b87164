"""Heeds: a limit of policy or site holds in every window, whatever a model thinks."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from airnet.config import Algorithm, Firm, Site, SiteSession
from airnet.decide import Judge
from airnet.decide.findings import ENVELOPE_RULE
from airnet.decide.heeds import heeds_of
from airnet.decide.policy import Envelope, Policy, Rule
from airnet.domain.address import address_bytes
from airnet.domain.columns import SCHEMAS
from airnet.domain.decision import Action, Decision
from airnet.domain.heed import Heed
from airnet.domain.session import SESSION
from airnet.domain.verdict import Cause, Verdict
from airnet.domain.window import WINDOW, WINDOW_GATEWAY, WINDOW_SESSION
from airnet.score.explain import explain
from airnet.score.onnx import OnnxScorer
from airnet.twin.loop import shipped_scorer
from tests.unit.test_score import FLOOD, QUIET, RUNAWAY

COLUMNS = {
    kind: {name: place for place, name in enumerate(schema.names)}
    for kind, schema in SCHEMAS.items()
}
STEP_NS = 100_000_000
GATEWAY = {"packets": 3, "rate": 30, "history_ms": 9000, "known": 6, "sources": 2}
Row = tuple[int, int, dict[str, int]]
Table = tuple[NDArray[np.void], NDArray[np.float32], NDArray[np.void]]


def site(*limits: int) -> Site:
    """Return a site whose ALGO0, ALGO1... run algorithms with such limits."""
    names = [f"ALGO{number}" for number in range(len(limits))]
    sessions = tuple(
        SiteSession(host="10.1.0.7", comp_id=name, algorithm=name, version="1")
        for name in names
    )
    return Site(
        firms=(Firm(name="firm", sessions=sessions),),
        algorithms=tuple(
            Algorithm(id=name, orders_per_second_max=limit)
            for name, limit in zip(names, limits, strict=True)
        ),
    )


def table(*rows: Row) -> Table:
    """Return WINDOW, features and SESSION of (kind, subject, features by name)."""
    windows = np.zeros(len(rows), WINDOW)
    features = np.zeros((len(rows), 64), np.float32)
    sessions = np.zeros(4, SESSION)
    for number, row in enumerate(sessions):
        row["client"] = np.frombuffer(address_bytes("10.1.0.7"), "u1")
        row["gateway"] = np.frombuffer(address_bytes("10.9.0.1"), "u1")
        row["client_port"] = 40_000 + number
        row["client_comp"][:5] = np.frombuffer(f"ALGO{number}".encode(), "u1")
    for place, (kind, subject, named) in enumerate(rows):
        windows[place]["kind"] = kind
        windows[place]["subject"] = subject
        windows[place]["open_ns"] = (place + 1) * STEP_NS
        windows[place]["close_ns"] = (place + 2) * STEP_NS
        windows[place]["address"] = np.frombuffer(address_bytes("10.9.0.1"), "u1")
        for name, value in named.items():
            features[place, SCHEMAS[kind].index(name)] = value
    return windows, features, sessions


def scored(heeds: tuple[Heed, ...], found: Table) -> list[Verdict]:
    """Return what the shipped scorer says of windows while it heeds something."""
    scorer = shipped_scorer()
    assert isinstance(scorer, OnnxScorer)
    scorer.heed(heeds)
    try:
        return scorer.score(*found)
    finally:
        scorer.heed(())


def ordered(policy: Policy, where: Site, *rows: Row) -> list[Decision]:
    """Return what is decided about windows, as a pipeline decides it."""
    judge = Judge(policy, where, COLUMNS)
    verdicts = scored(heeds_of(policy, where), table(*rows))
    return [one for verdict in verdicts for one in judge.judge(verdict)]


def at_rate(tenths: int, subject: int = 0) -> Row:
    """Return a window of quiet trading but for this many tenths of orders a second."""
    return WINDOW_SESSION, subject, QUIET | {"rate_new_1s": tenths}


def test_an_envelope_holds_where_the_model_finds_nothing() -> None:
    """The window is normal, so nobody would have said anything of it."""
    windows = [at_rate(101)] * 3

    assert scored((), table(*windows)) == []
    found = ordered(Policy(), site(10), *windows)

    assert [one.action for one in found] == [Action.THROTTLE_SESSION]
    assert (found[0].rule, found[0].measured) == (ENVELOPE_RULE, 11)
    assert found[0].target[1] == "ALGO0"


def test_what_is_within_its_envelope_is_not_told_of() -> None:
    assert scored(heeds_of(Policy(), site(10)), table(at_rate(100))) == []


def test_an_envelope_binds_its_own_sessions_alone() -> None:
    """ALGO1 may send more than ALGO0, ALGO2 has no envelope."""
    where = site(10, 50)
    rows = [at_rate(300, subject) for subject in (0, 1, 2)] * 3
    heeds = heeds_of(Policy(), where)

    told = scored(heeds, table(*rows, at_rate(501, 1)))

    assert [one.session and one.session.client_comp for one in told] == [
        *["ALGO0"] * 3,
        "ALGO1",
    ]
    assert [one.limit for one in told] == [100, 100, 100, 500]
    assert {one.cause for one in told} == {Cause.NORMAL}


def test_a_signed_envelope_of_the_policy_is_heeded_likewise() -> None:
    one = Envelope(algorithm="ALGO0", version="1", orders_per_second_max=5)
    policy = Policy(envelopes=(one,))

    found = ordered(policy, site(1000), *[at_rate(60)] * 3)

    assert [(one.rule, one.limit) for one in found] == [(ENVELOPE_RULE, 5)]


@pytest.mark.parametrize("kind", ["session", "gateway"])
def test_a_rule_of_the_policy_holds_where_the_model_finds_nothing(kind: str) -> None:
    is_session = kind == "session"
    feature = "rejects" if is_session else "unspoken"
    rule = Rule(
        name="site.own",
        window="session" if is_session else "gateway",
        feature=feature,
        limit=7,
        cause="algo_fault" if is_session else "flood",
    )
    calm = QUIET if is_session else GATEWAY
    number = WINDOW_SESSION if is_session else WINDOW_GATEWAY
    windows = [(number, 0, calm | {feature: 8})] * 3

    assert scored((), table(*windows)) == []
    found = ordered(Policy(rules=(rule,)), Site(), *windows)

    wanted = Action.THROTTLE_SESSION if is_session else Action.RATE_LIMIT_SOURCES
    assert [(one.action, one.rule, one.measured) for one in found[:1]] == [
        (wanted, "site.own", 8)
    ]
    assert not ordered(
        Policy(rules=(rule,)), Site(), *[(number, 0, calm | {feature: 7})] * 3
    )


def test_what_was_told_of_anyway_is_told_as_before() -> None:
    """A limit adds Verdicts; it changes none."""
    rows = table(at_rate(50), (WINDOW_SESSION, 0, RUNAWAY), (WINDOW_GATEWAY, 0, FLOOD))
    heeds = heeds_of(Policy(), site(1))

    before, after = scored((), rows), scored(heeds, rows)

    assert [one.cause for one in before] == [Cause.ALGO_FAULT, Cause.FLOOD]
    assert after[0].rule == ENVELOPE_RULE
    assert after[1:] == before


def test_a_breach_can_be_explained() -> None:
    (told,) = scored(heeds_of(Policy(), site(1)), table(at_rate(50)))
    scorer = shipped_scorer()
    assert isinstance(scorer, OnnxScorer)

    found = explain(scorer, told)

    assert found.error < 1e-9


@given(
    rates=st.lists(
        st.tuples(st.integers(0, 400), st.integers(0, 3)), min_size=1, max_size=12
    ),
    limits=st.lists(st.integers(1, 30), min_size=1, max_size=3),
)
@settings(max_examples=60, deadline=None)
def test_exactly_the_windows_beyond_their_limit_are_told(
    rates: list[tuple[int, int]], limits: list[int]
) -> None:
    """Whatever the batch: score stays pure."""
    rows = table(*[at_rate(tenths, subject) for tenths, subject in rates])
    heeds = heeds_of(Policy(), site(*limits))

    told = scored(heeds, rows)

    wanted = [
        (place + 2) * STEP_NS
        for place, (tenths, subject) in enumerate(rates)
        if subject < len(limits) and tenths > 10 * limits[subject]
    ]
    assert [one.close_ns for one in told] == wanted
    alone = [
        one
        for place in range(len(rates))
        for one in scored(
            heeds, (rows[0][place : place + 1], rows[1][place : place + 1], rows[2])
        )
    ]
    assert alone == told


def test_limits_that_nothing_can_be_above_are_not_looked_for() -> None:
    rule = Rule(
        name="none", window="session", feature="rejects", limit=1 << 30, cause="flood"
    )

    assert not scored(heeds_of(Policy(rules=(rule,)), Site()), table(at_rate(50)))


def test_others_are_not_bound_by_what_is_replaced() -> None:
    """An envelope of the policy in another version binds nobody (lint says so)."""
    one = Envelope(algorithm="ALGO0", version="2", orders_per_second_max=5)
    where = msgspec.structs.replace(site(1000), algorithms=())

    assert heeds_of(Policy(envelopes=(one,)), where) == ()
