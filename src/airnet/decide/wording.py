"""The one sentence each Decision carries: the numbers, their units, what is done."""

from airnet.decide.findings import Finding
from airnet.decide.guardrails import Refused
from airnet.decide.policy import NS_PER_MS
from airnet.decide.protection import endpoint
from airnet.decide.rules import Refusal
from airnet.decide.streaks import Streak
from airnet.domain.session import SessionName
from airnet.domain.verdict import Cause, Verdict
from airnet.domain.window import WINDOW_FEED, WINDOW_HOST, WINDOW_VENUE

_CAUSE_WORDS = {
    Cause.FLOOD: "a flood",
    Cause.ALGO_FAULT: "a faulty algorithm",
    Cause.COMPROMISE: "a compromised host",
    Cause.VENUE_FAULT: "a fault of the venue or the line",
    Cause.FEED_FAULT: "a market-data fault",
    Cause.SENSOR_FAULT: "a fault of our own sensor",
    Cause.VOLATILITY: "legitimate volatility",
    Cause.NORMAL: "normal trading",
    Cause.UNKNOWN: "nothing the models know",
}

#: What has an address and is no target of a flood, by the kind of its window.
_PLACE_WORDS = {
    WINDOW_VENUE: "order gateway",
    WINDOW_HOST: "host",
    WINDOW_FEED: "market data channel",
}

_RUNG_WORDS = {
    "cancel_orders": "its open orders are to be cancelled",
    "throttle_process": "its process is to be slowed down on its own host",
    "freeze_process": "its process is to be frozen on its own host",
    "disable_session": "its orders are to be cancelled and new ones refused until a "
    "named person allows them",
    "isolate_host": "the host is to be isolated after its orders are cancelled",
    "isolate_subnet": "its subnet is to be isolated after all orders are cancelled",
}

_REFUSAL_WORDS = {
    Refusal.CAUSE: "this cause is never contained",
    Refusal.ACTION: "policy does not have that action for this cause",
    Refusal.VITAL: "airnet itself would be blind or lame without the target",
    Refusal.STEERED: "whoever forges an address could have chosen the target",
    Refusal.DOUBT: "it is not sure enough for the policy",
    Refusal.NEED: "what must hold before that tier does not",
    Refusal.APPROVALS: "it takes more people's approval",
    Refusal.FLOW: "too much of the order flow would be contained at once",
    Refusal.HOSTS: "too many hosts would be isolated at once",
    Refusal.TIER: "policy's tier ceiling forbids the action",
    Refusal.TTL: "its time to live is out of bounds",
    Refusal.SHAPE: "the target cannot be named exactly",
    Refusal.PROTECTED: "the target is protected",
    Refusal.SENSOR: "our own sensor is not to be trusted now",
    Refusal.STANDING: "a containment of it stands already",
    Refusal.HELD: "it was held as long as policy allows, and people must look",
    Refusal.REPEATS: "it was contained too often already",
    Refusal.SESSIONS: "too many sessions would be contained at once",
    Refusal.SOURCES: "too many sources would be contained at once",
    Refusal.GATEWAYS: "too many gateways would be shielded at once",
}


def session_words(session: SessionName) -> str:
    """Return how a sentence calls a session."""
    client = endpoint(session.client, session.client_port)
    gateway = endpoint(session.gateway, session.gateway_port)
    return f"session {session.client_comp or 'without CompID'} ({client} to {gateway})"


def subject_words(verdict: Verdict, port: int) -> str:
    """Return how a sentence calls what the Verdict is about; port 0 is any."""
    if verdict.session is not None:
        return session_words(verdict.session)
    what = _PLACE_WORDS.get(verdict.window_kind)
    if what is not None:
        where = endpoint(verdict.address, port) if port else verdict.address
        return f"{what} {where}"
    if verdict.address:
        where = f"port {port}" if port else "changing ports"
        plural = "" if verdict.fanout == 1 else "s"
        sources = f"{verdict.fanout} source{plural}"
        return f"traffic from {sources} to {verdict.address}, {where},"
    return "the mirror"


def seen_words(verdict: Verdict, finding: Finding, streak: Streak) -> str:
    """Return what was seen: cause, windows, capture time, measured against limit."""
    windows = f"{streak.windows} window{'s' if streak.windows != 1 else ''}"
    span = f"{streak.span_ns / NS_PER_MS:.3f} ms of capture time"
    sure = f"probability {finding.probability_ppm / 1_000_000:.6f}"
    return (
        f"{subject_words(verdict, streak.port)} looked like "
        f"{_CAUSE_WORDS[finding.cause]} in {windows} over {span} ({finding.rule}: "
        f"{finding.measured} against a limit of {finding.limit}; {sure})"
    )


def throttle_words(ttl_ns: int) -> str:
    """Return what a throttle does."""
    return (
        f"its new orders are limited at the gateway for {ttl_ns // NS_PER_MS} ms, "
        "cancels pass"
    )


def drop_words(sources: tuple[str, ...], spared: int, ttl_ns: int) -> str:
    """Return what dropping does, and whom it spares."""
    also = f"; {spared} known or protected source(s) left alone" if spared else ""
    return (
        f"frames from {', '.join(sources)} are dropped at the switch for "
        f"{ttl_ns // NS_PER_MS} ms{also}"
    )


def confine_words(peers: tuple[str, ...], ttl_ns: int) -> str:
    """Return what confining a host does: to one peer, or to all but gateways."""
    what = f"what it sends to {peers[0]} is" if peers else "its new connections are"
    but = "everything else" if peers else "those to gateways, and what is open,"
    return f"{what} dropped for {ttl_ns // NS_PER_MS} ms; {but} passes, orders too"


def rate_words(place: str, fanout: int, ttl_ns: int) -> str:
    """Return what rate limiting does."""
    return (
        f"{fanout} sources are too many to name and may be forged, so unknown sources "
        f"towards {place} are rate limited at the switch for {ttl_ns // NS_PER_MS} ms, "
        "known hosts pass"
    )


def reroute_words(gateway: str, path: str, ttl_ns: int) -> str:
    """Return what driving round a fault does."""
    return (
        f"everything to {gateway} goes by path {path} for {ttl_ns // NS_PER_MS} ms, "
        "nothing is dropped"
    )


def spared_words(*, is_any: bool) -> str:
    """Return why no source is cut: which are named, if any, belong here."""
    if not is_any:
        return "no source alone is surely guilty: none is cut"
    return (
        "every source named bears the address of a known or protected host, which may "
        "be forged: none is cut"
    )


def data_words(times: int, *, is_any: bool) -> str:
    """Return why datagrams are left alone: above `times` the limit they are not."""
    who = "every source named is a host that belongs here, and datagrams of those"
    if not is_any:
        who = "no source alone is surely guilty, and datagrams that may be data"
    return f"{who} are a flood above {times} times the limit only"


def spare_words(place: str, ttl_ns: int, *, is_any: bool) -> str:
    """Return what limiting strangers does where no source is cut."""
    return (
        f"{spared_words(is_any=is_any)}, and what belongs to no session towards "
        f"{place} is rate limited for {ttl_ns // NS_PER_MS} ms"
    )


def rung_words(action: str, leave: str, ttl_ns: int) -> str:
    """Return what a rung does, and by whose leave (`leave_words`)."""
    done = _RUNG_WORDS[action]
    return f"{done} for {ttl_ns // NS_PER_MS} ms, {leave}; no position is flattened"


def leave_words(approvals: int, *, is_presigned: bool) -> str:
    """Return who must agree, or why nobody need be asked."""
    if approvals:
        return f"once {approvals} people approve it"
    return "as signed before" if is_presigned else "because the market is closed"


def refused_words(refused: Refused) -> str:
    """Return why nothing but evidence follows."""
    return (
        f"nothing was contained because {_REFUSAL_WORDS[refused.why]} "
        f"({refused.measured} against {refused.limit}); evidence is kept"
    )


def loss_words(lost: int, seen: int, limit_ppm: int, freeze_ms: int) -> str:
    """Return what the mirror lost and what follows."""
    return (
        f"the mirror lost {lost} of {seen} frames against a limit of {limit_ppm} per "
        f"million; nothing above evidence is ordered for {freeze_ms} ms"
    )


def sentence(*parts: str) -> str:
    """Return the parts as one sentence."""
    text = "; ".join(part for part in parts if part)
    return text[:1].upper() + text[1:] + "."
