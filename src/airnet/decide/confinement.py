"""Confinement: what a machine that trades may not do any more, and on what evidence.

A compromised host of a firm is not cut off by airnet alone (T6 takes two people). What
it does beside its trading may be stopped: what it sends to the stranger that the
evidence is about, or, where it tries one machine after the other, every new connection
that is to no gateway. Its order sessions go on whatever is decided here (ADR 0086).
"""

from collections.abc import Callable

import msgspec

from airnet.decide import drafts, wording
from airnet.decide.aims import ANYBODY, thing
from airnet.decide.findings import Finding
from airnet.decide.peers import Peers
from airnet.decide.policy import NS_PER_MS, Contain
from airnet.decide.streaks import Streak
from airnet.domain.decision import Action, Decision, TargetType
from airnet.domain.verdict import Verdict
from airnet.domain.window import WINDOW_HOST

Feature = Callable[[Verdict, str], int | None]

#: Of `peer_is` in host windows (airnet.domain.columns_host).
BEAT, CARRY, VENUE, OWN, INTERNET = 1, 2, 4, 8, 16
#: Rules about one peer: what it must be.
NAMING = {
    "host.calls_to_internet": BEAT | OWN | INTERNET,
    "host.calls_outside": BEAT | OWN | INTERNET,
    "host.regular_calls_outside": BEAT | OWN | INTERNET,
    "host.regular_calls": BEAT | OWN | INTERNET,
    "host.regular_calls_again": BEAT | OWN | INTERNET,
    "host.regular_calls_at_length": BEAT | OWN | INTERNET,
    "host.bytes_outside": CARRY | OWN | INTERNET,
    "host.bytes_to_unknown_peer": CARRY | OWN | INTERNET,
    "host.unknown_gateway_outside": VENUE,
    "host.unknown_gateway_inside": VENUE,
}
#: Rules about one who tries others: the least there must be of each, besides. Who
#: hands software out is let in, and a standby that is not up yet is one or two.
TRYING = frozenset(
    {"host.odd_targets", "host.odd_targets_failed", "host.strange_failures"}
)
TRIED_MIN = {"odd_targets": 4, "strange_failures": 3, "own_calls": 6}
#: Or, at a port that others call as well: two dozen machines, all new to it within
#: twenty seconds, and a dozen services at which nobody was ever served.
SWEPT_MIN = {"targets_new": 24, "strange_failures": 12, "own_calls": 12}


def peer_of(verdict: Verdict) -> str:
    """Return whom the Verdict's host would be kept from; "" where it would not be."""
    if verdict.window_kind != WINDOW_HOST or not verdict.address:
        return ""
    if verdict.rule in TRYING:
        return ANYBODY
    if verdict.rule in NAMING and verdict.sources:
        return verdict.sources[0]
    return ""


def things(verdict: Verdict) -> tuple[tuple[str, ...], ...]:
    """Return what confining the Verdict's host would hold; empty: it would not be."""
    peer = peer_of(verdict)
    return ((thing(verdict.address, peer),),) if peer else ()


def draft(
    verdict: Verdict, finding: Finding, streak: Streak, rule: Contain
) -> Decision:
    """Return the confinement of the Verdict's host, in shadow."""
    ttl_ns, peer = rule.ttl_ms * NS_PER_MS, peer_of(verdict)
    named = () if peer == ANYBODY else (peer,)
    seen = wording.seen_words(verdict, finding, streak)
    why = wording.sentence(seen, wording.confine_words(named, ttl_ns))
    plain = drafts.draft(verdict, finding, streak, Action.CONFINE_HOST, why)
    return msgspec.structs.replace(
        plain,
        target_type=TargetType.HOST,
        target=(verdict.address, *named),
        until_ns=verdict.close_ns + ttl_ns,
    )


def is_own(verdict: Verdict, feature: Feature) -> bool:
    """Return whether the host itself did it, as far as a mirror can show.

    By the link and the TTL of its own sessions, or under a Logon that was answered.
    """
    if verdict.rule in TRYING:
        own = feature(verdict, "own_calls") or 0
        return own >= TRIED_MIN["own_calls"]
    is_what = feature(verdict, "peer_is") or 0
    return bool(is_what & (OWN | VENUE))


def _short(verdict: Verdict, wanted: dict[str, int], feature: Feature) -> str:
    """Return of which feature the window has too little; "" of none."""
    for name, least in wanted.items():
        found = feature(verdict, name) or 0
        if found < least:
            return f"{name} is {found}, and {least} are asked for"
    return ""


def lacks(
    how: tuple[Verdict, Finding, Streak, Contain], feature: Feature, peers: Peers
) -> str:
    """Return what is lacking to confine the Verdict's host; "" when nothing is."""
    verdict, finding, _, rule = how
    if finding.rule not in rule.confined:
        return "policy has nobody confined by it"
    if not finding.is_hard or not feature(verdict, "lawful"):
        return "it is not known to trade"
    if verdict.rule in TRYING:
        has_swept = not _short(verdict, SWEPT_MIN, feature)
        return "" if has_swept else _short(verdict, TRIED_MIN, feature)
    wanted = NAMING.get(verdict.rule, 0)
    is_what = feature(verdict, "peer_is") or 0
    if not wanted or is_what & wanted != wanted or not peer_of(verdict):
        return "no stranger of the Internet is named that it surely called itself"
    if wanted & VENUE and not peers.is_unlisted(peer_of(verdict)):
        return "no list says that the gateway is none"
    return ""
