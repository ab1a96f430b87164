"""The ladder by asset class and phase, and its rungs above what airnet does alone."""

import itertools
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from airnet.config import Firm, Gateway, Protected, Site, SiteSession, load
from airnet.decide import Judge
from airnet.decide.ladder import Need, Rung
from airnet.decide.market import Calendar, Hours, Interval, Phase
from airnet.decide.policy import (
    Budget,
    Causes,
    Contain,
    Envelope,
    Market,
    Policy,
    Rule,
    When,
)
from airnet.decide.problems import problems
from airnet.domain.columns import HOST_SCHEMA, SCHEMAS
from airnet.domain.decision import PASSIVE, Action, Decision, Mode, TargetType, Tier
from airnet.domain.session import Look
from airnet.domain.verdict import Cause, Verdict
from airnet.domain.window import WINDOW_HOST
from airnet.errors import ConfigError
from airnet.twin.policyfile import written
from tests.fakes.hours import DATA, policy_with_hours
from tests.fakes.verdicts import MS, SITE, T0, session_name, session_verdict

COLUMNS = {
    kind: {name: place for place, name in enumerate(schema.names)}
    for kind, schema in SCHEMAS.items()
}
CANCEL = Rung(action="cancel_orders", needs=(Need.LOWER_FAILED,), after_ms=500)
ISOLATE = Rung(action="isolate_host", needs=(Need.ANSWERED,))
SUBNET = Rung(action="isolate_subnet", needs=(Need.ANSWERED, Need.SEVERAL_HOSTS))


def algorithm(**changes: object) -> Policy:
    """Return a policy that enforces a throttle, with changes."""
    plain = {
        "action": "throttle_session",
        "mode": Mode.ENFORCE,
        "dwell_windows": 2,
        "ttl_ms": 60_000,
        "tier_max": 4,
    }
    return Policy(cause=Causes(algo_fault=Contain(**{**plain, **changes})))


def decided(policy: Policy, stream: list[Verdict], site: Site = SITE) -> list[Decision]:
    """Return what is ordered beyond evidence."""
    judge = Judge(policy, site, COLUMNS)
    found = [decision for verdict in stream for decision in judge.judge(verdict)]
    return [decision for decision in found if decision.action not in PASSIVE]


def bad(count: int, **changes: object) -> list[Verdict]:
    """Return windows of one runaway session, 100 ms apart."""
    return [session_verdict(100 * n, **changes) for n in range(1, count + 1)]


def moment(ns: int) -> datetime:
    return datetime.fromtimestamp(ns // 1_000_000_000, tz=UTC)


def hours(phase: Phase) -> Market:
    """Return a market that is in a phase for the minute after T0."""
    start, end = moment(T0), moment(T0 + 60_000_000_000)
    later = moment(T0 + 120_000_000_000)
    return Market(
        intervals=(
            Interval(start=start, end=end, phase=phase),
            Interval(start=end, end=later, phase=Phase.CONTINUOUS),
        )
    )


@pytest.mark.parametrize("phase", [Phase.AUCTION, Phase.CONTINUOUS])
def test_a_phase_of_the_market_changes_a_rule(phase: Phase) -> None:
    policy = algorithm(when=(When(phase=Phase.AUCTION, dwell_windows=4),))
    policy = msgspec.structs.replace(policy, market=hours(phase))

    (decision,) = decided(policy, bad(6))

    windows = 4 if phase is Phase.AUCTION else 2
    assert decision.t_ns == T0 + windows * 100 * MS


@pytest.mark.parametrize("asset", ["future", "equity"])
def test_an_asset_class_changes_a_rule(asset: str) -> None:
    policy = algorithm(when=(When(asset="future", mode=Mode.SHADOW),))
    gateway = Gateway(ip="10.0.0.10", port=9878, asset=asset)
    site = msgspec.structs.replace(SITE, gateways=(gateway,))

    (decision,) = decided(policy, bad(2), site)

    assert (decision.mode is Mode.SHADOW) is (asset == "future")


def test_a_change_for_a_phase_is_held_to_what_the_rule_is_held_to() -> None:
    with pytest.raises(ValueError, match="ttl_ms"):
        algorithm(when=(When(phase=Phase.CLOSED, ttl_ms=90_000_000),))


def test_what_is_wrong_for_a_phase_is_named_there(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(
        "[cause.flood]\nttl_ms = 5\n\n[[cause.flood.when]]\n"
        'phase = "closed"\nttl_ms = 0\n',
        encoding="utf-8",
    )

    with pytest.raises(
        ConfigError, match=r"policy.toml:6: cause.flood.when\[0\].ttl_ms"
    ):
        load(path, Policy)


def test_an_opinion_must_be_rare_among_benign_windows() -> None:
    policy = algorithm(p_value_max=0.01)

    assert decided(policy, bad(4, p_value_ppm=10_001)) == []
    assert len(decided(policy, bad(2, p_value_ppm=10_000))) == 1
    assert len(decided(policy, bad(2, p_value_ppm=900_000, rule="hard"))) == 1


def test_what_a_throttle_does_not_stop_is_proposed_to_two_people() -> None:
    policy = algorithm(tier_max=5, rungs=(CANCEL,))

    throttle, cancel, *more = decided(policy, bad(12))

    assert (throttle.action, throttle.mode) == (Action.THROTTLE_SESSION, Mode.ENFORCE)
    assert (cancel.action, cancel.tier) == (Action.CANCEL_ORDERS, Tier.KILL_ALGO)
    assert (cancel.mode, cancel.approvals_needed) == (Mode.PROPOSE, 2)
    assert cancel.target == throttle.target
    # It dwells anew from the throttle on, and for as long as the rung says.
    assert cancel.t_ns - throttle.t_ns == 500 * MS
    assert more == []


def test_without_a_rung_nothing_goes_beyond_the_throttle() -> None:
    assert len(decided(algorithm(), bad(30))) == 1


def test_in_shadow_a_rung_says_whom_it_would_ask() -> None:
    policy = algorithm(mode=Mode.SHADOW, tier_max=5, rungs=(CANCEL,))

    _, cancel = decided(policy, bad(12))

    assert (cancel.mode, cancel.approvals_needed) == (Mode.SHADOW, 2)


@pytest.mark.parametrize(
    ("people", "approvals"),
    [(("a", "b"), 0), (("a",), 2), (("a", " A "), 2), ((), 2)],
)
def test_a_limit_that_two_people_signed_stands_for_them(
    people: tuple[str, ...], approvals: int
) -> None:
    rung = msgspec.structs.replace(CANCEL, presigned=True)
    limit = Rule(
        name="kill",
        window="session",
        feature="rate_new_1s",
        limit=1000,
        cause="algo_fault",
        presigned_by=people,
    )
    policy = algorithm(tier_max=5, rungs=(rung,))
    policy = msgspec.structs.replace(policy, rules=(limit,))
    place = COLUMNS[1]["rate_new_1s"]
    row = tuple(2000 if n == place else None for n in range(len(COLUMNS[1])))

    throttle, cancel = decided(policy, bad(4, features=row))

    assert throttle.action is Action.THROTTLE_SESSION
    assert (cancel.action, cancel.approvals_needed) == (Action.CANCEL_ORDERS, approvals)
    assert cancel.mode is (Mode.PROPOSE if approvals else Mode.ENFORCE)
    assert ("as signed before" in cancel.why) is (approvals == 0)


SLOW = Rung(action="throttle_process", needs=(Need.LOWER_FAILED,), after_ms=500)
FREEZE = Rung(action="freeze_process", needs=(Need.LOWER_FAILED,), after_ms=1500)


def test_a_process_is_slowed_before_its_orders_go_and_frozen_last() -> None:
    """Each step of T5 has its own time to work, whatever order the file has."""
    policy = algorithm(tier_max=5, rungs=(FREEZE, CANCEL, SLOW))

    throttle, *above = decided(policy, bad(40))

    assert throttle.action is Action.THROTTLE_SESSION
    assert [one.action for one in above] == [
        Action.THROTTLE_PROCESS,
        Action.CANCEL_ORDERS,
        Action.FREEZE_PROCESS,
    ]
    assert {(one.tier, one.mode) for one in above} == {(Tier.KILL_ALGO, Mode.PROPOSE)}
    times = [one.t_ns for one in (throttle, *above)]
    gaps = [(late - soon) // MS for soon, late in itertools.pairwise(times)]
    assert [
        low <= gap <= low + 300
        for low, gap in zip((500, 500, 1500), gaps, strict=False)
    ] == [True] * 3, gaps


def test_a_hard_limit_skips_the_wait_for_the_first_step_only() -> None:
    policy = algorithm(tier_max=5, rungs=(SLOW, CANCEL))

    throttle, slow, cancel = decided(policy, bad(20, rule="hard"))

    assert slow.t_ns - throttle.t_ns < 500 * MS
    assert cancel.t_ns - slow.t_ns >= 500 * MS


@pytest.mark.parametrize(
    ("rungs", "problem"),
    [
        ((FREEZE, CANCEL), "takes throttle_process too"),
        ((FREEZE, SLOW), "takes cancel_orders too"),
    ],
)
def test_a_freeze_without_what_goes_before_it_is_told(
    rungs: tuple[Rung, ...], problem: str
) -> None:
    found = problems(algorithm(tier_max=5, rungs=rungs), SITE)

    assert any("cause.algo_fault.rung[0].action" in one for one in found)
    assert any(problem in one for one in found)


def test_a_process_that_nobody_named_is_told() -> None:
    firm = Firm(name="A", sessions=(SiteSession(host="10.0.0.1", comp_id="A1"),))
    site = msgspec.structs.replace(SITE, firms=(firm,))

    found = problems(algorithm(tier_max=5, rungs=(SLOW,)), site)

    assert any("which `algorithm` it runs" in one for one in found)


def host_verdict(address: str, at_ms: int, met: int = 1) -> Verdict:
    """Return what a rule says of a host of the site."""
    features = tuple(met if name == "met" else 0 for name in HOST_SCHEMA.names)
    return Verdict(
        window_kind=WINDOW_HOST,
        subject=1,
        open_ns=T0 + (at_ms - 10) * MS,
        close_ns=T0 + at_ms * MS,
        frame_count=1,
        first_ns=T0,
        accepted_ns=0,
        cause=Cause.COMPROMISE,
        probability_ppm=990_000,
        abstains=False,
        rule="host.scan",
        measured=4,
        limit=3,
        features=features,
        schema="",
        model="rules",
        address=address,
        known=True,
    )


HOSTS = Site(
    gateways=(Gateway(ip="10.0.0.10", port=9878),),
    firms=(
        Firm(
            name="alpha",
            subnet="10.0.1.0/28",
            hosts=("10.0.1.1", "10.0.1.2", "10.0.1.3"),
            sessions=(SiteSession(host="10.0.1.1", comp_id="A"),),
        ),
    ),
)


def compromise(*rungs: Rung, **changes: object) -> Policy:
    """Return a policy that enforces against compromised hosts."""
    rule = Contain(
        action="drop_sources",
        mode=Mode.ENFORCE,
        dwell_windows=1,
        tier_max=7,
        rungs=rungs,
    )
    plain = Policy(cause=Causes(compromise=rule), budget=Budget(hosts_max=5))
    return msgspec.structs.replace(plain, **changes)


def test_a_known_host_is_isolated_by_two_people_and_a_subnet_by_two_more() -> None:
    stream = [host_verdict("10.0.1.1", 100), host_verdict("10.0.1.2", 200)]

    host, subnet = decided(compromise(ISOLATE, SUBNET), stream, HOSTS)

    assert (host.action, host.target) == (Action.ISOLATE_HOST, ("10.0.1.1",))
    assert (host.mode, host.approvals_needed) == (Mode.PROPOSE, 2)
    assert subnet.target_type is TargetType.SUBNET
    assert (subnet.action, subnet.target) == (Action.ISOLATE_SUBNET, ("10.0.1.0/28",))


def test_a_subnet_counts_as_the_hosts_it_holds() -> None:
    policy = compromise(ISOLATE, SUBNET, budget=Budget(hosts_max=3))
    stream = [host_verdict("10.0.1.1", 100), host_verdict("10.0.1.2", 200)]

    (host,) = decided(policy, stream, HOSTS)

    assert host.action is Action.ISOLATE_HOST


def test_a_host_nobody_has_spoken_with_is_not_isolated() -> None:
    """Its address may be forged by whoever wants it cut off."""
    assert (
        decided(compromise(ISOLATE), [host_verdict("10.0.1.1", 9, met=0)], HOSTS) == []
    )


@pytest.mark.parametrize("role", ["clock", "mirror", "control"])
def test_what_airnet_needs_itself_is_never_isolated(role: str) -> None:
    vital = Protected(network="10.0.1.2", why="ours", role=role)
    site = msgspec.structs.replace(HOSTS, protected=(vital,))
    stream = [host_verdict("10.0.1.2", 100), host_verdict("10.0.1.1", 200)]

    (host,) = decided(compromise(ISOLATE, SUBNET), stream, site)

    assert host.target == ("10.0.1.1",)


@pytest.mark.parametrize("phase", Phase)
def test_only_while_the_market_is_closed_a_host_is_isolated_without_people(
    phase: Phase,
) -> None:
    rung = msgspec.structs.replace(ISOLATE, alone_when_closed=True)
    policy = compromise(rung, market=hours(phase))

    (decision,) = decided(policy, [host_verdict("10.0.1.1", 100)], HOSTS)

    is_closed = phase is Phase.CLOSED
    assert ("because the market is closed" in decision.why) is is_closed
    assert "as signed before" not in decision.why
    assert decision.approvals_needed == (0 if is_closed else 2)
    assert decision.mode is (Mode.ENFORCE if is_closed else Mode.PROPOSE)


def look(n: int, frames: int) -> Look:
    """Return what is seen of a session that nothing is said of."""
    return Look(T0, session_name(n), n + 1, frames, is_answered=True, is_normal=True)


def test_sessions_are_limited_only_up_to_a_share_of_the_flow() -> None:
    policy = algorithm(dwell_windows=1)
    budget = Budget(session_share_max_percent=100, flow_share_max_percent=50)
    judge = Judge(msgspec.structs.replace(policy, budget=budget), SITE, COLUMNS)
    for n, frames in enumerate([30, 40, 30], 1):
        judge.meet(look(n, frames))

    stream = [session_verdict(100, 1), session_verdict(110, 2)]
    found = [decision for verdict in stream for decision in judge.judge(verdict)]
    first, *more = [one for one in found if one.action not in PASSIVE]

    assert first.target[1] == "ALGO1"
    assert more == []  # 70 of 100 frames would be limited


def test_an_envelope_binds_the_version_that_its_owner_signed() -> None:
    sessions = (
        SiteSession(host="10.0.1.1", comp_id="ALGO1", algorithm="mm", version="2"),
    )
    site = Site(firms=(Firm(name="a", sessions=sessions),))
    place = COLUMNS[1]["rate_new_1s"]
    row = tuple(2000 if n == place else None for n in range(len(COLUMNS[1])))
    stream = bad(2, cause=Cause.NORMAL, features=row)

    def ordered(version: str) -> list[Decision]:
        envelope = Envelope(algorithm="mm", version=version, orders_per_second_max=100)
        policy = msgspec.structs.replace(algorithm(), envelopes=(envelope,))
        if version != "2":
            assert any("version" in problem for problem in problems(policy, site))
        return decided(policy, stream, site)

    assert ordered("1") == []
    (decision,) = ordered("2")
    assert (decision.rule, decision.limit) == ("envelope.orders_per_second", 100)


def test_hours_know_when_the_market_is_closed_and_never_guess_it() -> None:
    known = Hours(hours(Phase.AUCTION).intervals)
    apart = Hours(
        (
            Interval(start=moment(T0), end=moment(T0 + 10**10), phase=Phase.CONTINUOUS),
            Interval(
                start=moment(T0 + 2 * 10**10),
                end=moment(T0 + 3 * 10**10),
                phase=Phase.CONTINUOUS,
            ),
        )
    )

    assert known.at(T0) is Phase.AUCTION
    assert known.at(T0 + 60 * 10**9) is Phase.CONTINUOUS
    assert apart.at(T0 + 15 * 10**9) is Phase.CLOSED
    assert apart.at(T0 - 10**9) is apart.at(T0 + 40 * 10**9) is Phase.CONTINUOUS
    assert Hours().at(T0) is Phase.CONTINUOUS


def test_a_calendar_out_of_order_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "calendar.toml"
    day = "[[interval]]\nstart = 2026-11-2{0}T08:00:00Z\nend = 2026-11-2{0}T09:00:00Z\n"
    text = 'exchange = "X"\n' + "".join(
        day.format(n) + 'phase = "continuous"\n' for n in (4, 3)
    )
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigError, match="in order of time"):
        load(path, Calendar)


AUCTION_AT_NOON = """
[[market.interval]]
start = 2026-11-23T08:00:00Z
end = 2026-11-23T16:30:00Z
phase = "continuous"

[[market.interval]]
start = 2026-11-23T12:00:00Z
end = 2026-11-23T12:05:00Z
phase = "auction"
"""


def test_hours_written_by_hand_are_held_to_the_same_order(tmp_path: Path) -> None:
    """At two in the afternoon the market would be taken for closed."""
    path = tmp_path / "policy.toml"
    path.write_text(AUCTION_AT_NOON, encoding="utf-8")
    with pytest.raises(ConfigError, match="in order of time, without overlap"):
        load(path, Policy)

    both = f'[market]\ncalendar = "x.toml"\nsha256 = "{"0" * 64}"\n'
    path.write_text(both + AUCTION_AT_NOON.rpartition("\n\n")[0], encoding="utf-8")
    with pytest.raises(ConfigError, match="calendar"):
        load(path, Policy)


def test_the_example_is_legal_and_means_what_it_says() -> None:
    for policy in (load(DATA / "policy.toml.example", Policy), policy_with_hours()):
        assert problems(policy, Site()) == []


def test_what_the_example_has_with_hours_is_all_uncommented() -> None:
    plain, whole = load(DATA / "policy.toml.example", Policy), policy_with_hours()

    first, second, last = whole.cause.algo_fault.when
    assert (first.phase, second.phase) == (Phase.AUCTION, Phase.AUCTION)
    assert plain.cause.algo_fault.when == (last,)
    assert [one.alone_when_closed for one in whole.cause.compromise.rungs] == [1, 0]
    assert not any(one.alone_when_closed for one in plain.cause.compromise.rungs)


def test_the_example_is_written_as_it_was_read(tmp_path: Path) -> None:
    policy = policy_with_hours()
    path = tmp_path / "again.toml"
    path.write_text(written(policy), encoding="utf-8")

    assert load(path, Policy) == policy
