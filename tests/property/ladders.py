"""Policies with the whole ladder, a site with two paths, and all that moves them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import strategies as st

from airnet.config import Firm, Gateway, LinePath, Protected, Site
from airnet.decide.divert import ANSWER_RULES, Divert
from airnet.decide.ladder import Need, Rung
from airnet.decide.market import Interval, Phase
from airnet.decide.policy import Contain, Market, Policy, Rule, When
from airnet.decide.watch import Line
from airnet.domain.columns import SCHEMAS
from airnet.domain.decision import Mode
from airnet.domain.session import Heard
from airnet.domain.verdict import Cause, Verdict
from airnet.domain.window import WINDOW_HOST, WINDOW_SESSION, WINDOW_VENUE
from tests.fakes.verdicts import MS, SITE as PLAIN, T0, gateway_verdict, session_verdict
from tests.property.test_decide import policies, sessions, verdicts

GATEWAY, WITNESS = "10.0.0.10", "10.0.0.11"
COLUMNS = {
    kind: {name: column for column, name in enumerate(schema.names)}
    for kind, schema in SCHEMAS.items()
}
#: The site with what airnet cannot do without named: else nothing that enforces holds;
#: and with two paths to its gateway, of which one's witness is never heard.
SITE = Site(
    gateways=(*PLAIN.gateways, Gateway(ip=WITNESS, port=9878)),
    firms=(
        msgspec.structs.replace(PLAIN.firms[0], subnet="10.0.1.0/24"),
        Firm(name="beta", hosts=("10.0.2.1", "10.0.2.2"), subnet="10.0.2.0/24"),
    ),
    algorithms=PLAIN.algorithms,
    paths=(
        LinePath(name="east", gateway=GATEWAY, witness="10.0.0.12"),
        LinePath(name="west", gateway=GATEWAY, witness=WITNESS),
    ),
    protected=(
        *PLAIN.protected,
        Protected(network="10.0.9.1", why="time", role="clock"),
        Protected(network="10.0.9.2", why="switches", role="control"),
        Protected(network="10.0.9.3", why="taps", role="mirror"),
    ),
)
#: Beyond it a limit broke that two people had signed for.
SIGNED = Rule(
    name="signed",
    window="session",
    feature="rate_new_1s",
    limit=100,
    cause="algo_fault",
    presigned_by=("Jane Doe", "Mary Major"),
)


def rungs(*actions: str) -> st.SearchStrategy[tuple[Rung, ...]]:
    """Return rungs, whoever must agree to them, each action once."""
    one = st.builds(
        Rung,
        action=st.sampled_from(actions),
        approvals=st.sampled_from([2, 2, 0, 1, 3]),
        needs=st.lists(st.sampled_from(Need), unique=True, max_size=3).map(tuple),
        after_ms=st.sampled_from([0, 500, 1000]),
        ttl_ms=st.sampled_from([1, 60_000]),
        presigned=st.booleans(),
        alone_when_closed=st.booleans(),
    )
    every = st.lists(one, max_size=3, unique_by=lambda rung: rung.action)
    return every.map(tuple)


whens = st.lists(
    st.builds(
        When,
        phase=st.sampled_from(Phase),
        mode=st.sampled_from([None, Mode.SHADOW, Mode.ENFORCE]),
        probability_min=st.sampled_from([None, 0.1, 0.95]),
        dwell_windows=st.sampled_from([None, 1]),
        ttl_ms=st.sampled_from([None, 1, 30_000]),
        tier_max=st.sampled_from([None, None, 2, 4]),
    ),
    max_size=2,
).map(tuple)


def contained(
    plain: Contain, steps: tuple[Rung, ...], when: tuple[When, ...], tier: int
) -> Contain:
    """Return a Cause's rule with rungs up to a tier, and where it is another."""
    top = tier if steps else min(tier, 4)
    return msgspec.structs.replace(plain, rungs=steps, when=when, tier_max=top)


def laddered(
    policy: Policy,
    steps: tuple[tuple[Rung, ...], tuple[Rung, ...]],
    when: Sequence[tuple[When, ...]],
    tiers: tuple[int, int],
    divert: Divert,
) -> Policy:
    """Return a policy with the whole ladder, in a market with hours."""
    cause = policy.cause
    begin = datetime.fromtimestamp(T0 // 10**9, UTC) - timedelta(hours=1)
    edges = [begin + timedelta(seconds=n) for n in (0, 3601, 3603, 3606, 999_999)]
    phases = (Phase.CONTINUOUS, Phase.AUCTION, Phase.CLOSED, Phase.CONTINUOUS)
    hours = tuple(
        Interval(start=one, end=other, phase=phase)
        for one, other, phase in zip(edges, edges[1:], phases, strict=False)
    )
    compromise = msgspec.structs.replace(cause.compromise, action="drop_sources")
    causes = msgspec.structs.replace(
        cause,
        flood=contained(cause.flood, (), when[0], 4),
        algo_fault=contained(cause.algo_fault, steps[0], when[1], tiers[0]),
        compromise=contained(compromise, steps[1], when[2], tiers[1]),
        venue_fault=Line(probability_min=0.1, divert=divert),
    )
    return msgspec.structs.replace(
        policy, cause=causes, rules=(SIGNED,), market=Market(intervals=hours)
    )


ladders = st.builds(
    laddered,
    policies,
    st.tuples(
        rungs("cancel_orders", "disable_session", "throttle_process", "freeze_process"),
        rungs("isolate_host", "isolate_subnet"),
    ),
    st.tuples(whens, whens, whens),
    st.tuples(st.sampled_from([4, 5, 7]), st.sampled_from([2, 6, 7])),
    st.builds(
        Divert,
        mode=st.sampled_from([Mode.SHADOW, Mode.ENFORCE]),
        dwell_windows=st.integers(1, 2),
        dwell_ms=st.sampled_from([0, 100]),
        path_age_ms=st.sampled_from([1, 1000]),
        ttl_ms=st.sampled_from([1, 500, 60_000]),
        rules=st.sampled_from([ANSWER_RULES, ("venue.silence_us",)]),
    ),
)


def row(kind: int, **values: int) -> tuple[int | None, ...]:
    """Return a window's features, 0 where nothing is said of one."""
    return tuple(values.get(name, 0) for name in SCHEMAS[kind].names)


def _host(address: str, met: int, known: bool, rule: str) -> Verdict:
    plain = gateway_verdict(
        0,
        window_kind=WINDOW_HOST,
        cause=Cause.COMPROMISE,
        address=address,
        known=known,
        rule=rule,
        features=row(WINDOW_HOST, met=met, contested=9),
    )
    return msgspec.structs.replace(plain, sources=(), fanout=0, port=0)


def _venue(address: str, rule: str, measured: int) -> Verdict:
    plain = gateway_verdict(
        0,
        window_kind=WINDOW_VENUE,
        cause=Cause.VENUE_FAULT,
        address=address,
        rule=rule,
        measured=measured,
    )
    return msgspec.structs.replace(plain, sources=(), fanout=0)


hosts = st.builds(
    _host,
    st.sampled_from(["10.0.1.1", "10.0.2.1", "10.0.2.2", "203.0.113.9", "10.0.9.1"]),
    st.integers(0, 1),
    st.booleans(),
    st.sampled_from(["host.contested_compid", "host.beacons"]),
)
venues = st.builds(
    _venue,
    st.sampled_from([GATEWAY, GATEWAY, GATEWAY, WITNESS]),
    st.sampled_from([*ANSWER_RULES, ANSWER_RULES[0], "venue.silence_us"]),
    st.integers(0, 3),
)
#: Of one session again and again, so that what is below stands in vain.
stubborn = st.builds(
    lambda found, rate: msgspec.structs.replace(
        found,
        session=session_verdict(0, 3).session,
        cause=Cause.ALGO_FAULT,
        abstains=False,
        probability_ppm=1_000_000,
        features=row(WINDOW_SESSION, rate_new_1s=rate),
    ),
    sessions,
    st.sampled_from([0, 0, 200]),
)
#: Runs as tests.property.test_decide has them, and of what moves the ladder's top.
moves = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from([100, 100, 10, 240, 5000]),
            st.one_of(hosts, venues, stubborn),
            st.integers(4, 12),
        ),
        verdicts.map(lambda runs: runs[0]),
    ),
    min_size=2,
    max_size=14,
)


def heard(verdict: Verdict) -> Heard | None:
    """Return what is heard of a path's witness beside a Verdict, if anything is."""
    if verdict.window_kind != WINDOW_VENUE or not verdict.measured:
        return None
    return Heard(verdict.close_ns - verdict.measured * MS, WITNESS)
