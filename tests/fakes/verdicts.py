"""Verdicts and Decisions made to order, with everything but the point left plain."""

import msgspec

from airnet.config import Algorithm, Firm, Gateway, Protected, Site, SiteSession
from airnet.decide.drafts import with_id
from airnet.domain.decision import Action, Decision, Mode, TargetType, Tier
from airnet.domain.session import SessionName
from airnet.domain.verdict import Cause, Verdict

MS = 1_000_000
T0 = 1_700_000_000_000_000_000

SITE = Site(
    gateways=(Gateway(ip="10.0.0.10", port=9878, comp_id="VENUE"),),
    firms=(
        Firm(
            name="alpha",
            hosts=("10.0.1.1", "10.0.1.2"),
            sessions=(
                SiteSession(host="10.0.1.1", comp_id="ALGO0", algorithm="maker"),
                SiteSession(host="10.0.1.2", comp_id="DROP", kind="drop_copy"),
                *(
                    SiteSession(host="10.0.1.1", comp_id=f"ALGO{n}")
                    for n in range(1, 19)
                ),
            ),
        ),
    ),
    protected=(
        Protected(network="10.0.0.0/24", why="gateways and clocks"),
        Protected(network="203.0.113.7", why="risk system"),
        Protected(comp_id="RISK", why="risk link"),
    ),
    algorithms=(Algorithm(id="maker", orders_per_second_max=100),),
)


def session_name(n: int = 0, comp: str = "") -> SessionName:
    """Return the name of the n-th session of the site."""
    return SessionName(
        client="10.0.1.1",
        client_port=40_000 + n,
        gateway="10.0.0.10",
        gateway_port=9878,
        client_comp=comp or f"ALGO{n}",
        gateway_comp="VENUE",
    )


def session_verdict(at_ms: int, n: int = 1, **changes: object) -> Verdict:
    """Return what a session did in the 100 ms that end at `at_ms`."""
    close_ns = T0 + at_ms * MS
    plain = Verdict(
        window_kind=1,
        subject=n,
        open_ns=close_ns - 100 * MS,
        close_ns=close_ns,
        frame_count=40,
        first_ns=close_ns - 90 * MS,
        accepted_ns=0,
        cause=Cause.ALGO_FAULT,
        probability_ppm=990_000,
        abstains=False,
        rule="",
        measured=4100,
        limit=300,
        features=(),
        schema="s",
        model="m",
        session=session_name(n),
        session_number=n + 1,
    )
    return msgspec.structs.replace(plain, **changes)


def gateway_verdict(at_ms: int, **changes: object) -> Verdict:
    """Return what a gateway was sent in the 10 ms that end at `at_ms`."""
    close_ns = T0 + at_ms * MS
    plain = Verdict(
        window_kind=2,
        subject=0,
        open_ns=close_ns - 10 * MS,
        close_ns=close_ns,
        frame_count=500,
        first_ns=close_ns - 9 * MS,
        accepted_ns=0,
        cause=Cause.FLOOD,
        probability_ppm=999_000,
        abstains=False,
        rule="gateway.half_open_per_second",
        measured=50_000,
        limit=1000,
        features=(),
        schema="f",
        model="m",
        address="10.0.0.10",
        port=9878,
        sources=("198.51.100.9",),
        fanout=1,
    )
    return msgspec.structs.replace(plain, **changes)


def throttle(n: int = 1, **changes: object) -> Decision:
    """Return a throttle of the n-th session for 10 s, in force."""
    session = session_name(n)
    plain = Decision(
        id="",
        t_ns=T0,
        cause=Cause.ALGO_FAULT,
        tier=Tier.LIMIT_ALGO,
        action=Action.THROTTLE_SESSION,
        target_type=TargetType.SESSION,
        target=(f"{session.client}:{session.client_port}", session.client_comp),
        until_ns=T0 + 10_000 * MS,
        mode=Mode.ENFORCE,
        rule="model.algo_fault",
        measured=4100,
        limit=300,
        probability=0.99,
        why="A test.",
        first_ns=T0 - 200 * MS,
        window_kind=1,
        subject=n,
        session=session,
        gateway=session.gateway,
        port=session.gateway_port,
    )
    return with_id(msgspec.structs.replace(plain, **changes))


def drop(*sources: str, **changes: object) -> Decision:
    """Return a drop of these sources for 2.5 s, in force."""
    plain = Decision(
        id="",
        t_ns=T0,
        cause=Cause.FLOOD,
        tier=Tier.PROTECT,
        action=Action.DROP_SOURCES,
        target_type=TargetType.SOURCE,
        target=sources or ("198.51.100.9",),
        until_ns=T0 + 2500 * MS,
        mode=Mode.ENFORCE,
        rule="model.flood",
        measured=50_000,
        limit=1000,
        probability=0.999,
        why="A test.",
        first_ns=T0 - 20 * MS,
        window_kind=2,
        subject=0,
        gateway="10.0.0.10",
        port=9878,
    )
    return with_id(msgspec.structs.replace(plain, **changes))
