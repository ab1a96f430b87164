"""Expulsion: whether a compromised host may be cut off, and if not, why.

Only a stranger that reached order entry may be, and only when its address cannot be
forged: a gateway has answered its Logon. Whoever holds, or held, a lawful session is
somebody's machine: to isolate it (T6) takes two approvers, who are told at once.
"""

from collections.abc import Callable

from airnet.decide.findings import Finding
from airnet.domain.verdict import Verdict
from airnet.domain.window import WINDOW_HOST

#: Rules about a stranger that logs on at a gateway.
ENTRY_RULES = frozenset(
    {
        "host.contested_compid",
        "host.contested_by_several",
        "host.guessed_logons",
        "host.guessed_logons_slowly",
        "host.refused_logons_of_many_names",
        "host.flood_of_logons",
        "host.flood_of_logons_of_two",
        "host.flood_of_logons_of_many",
        "host.flood_of_logons_at_length",
        "host.logons_in_a_loop",
        "host.logons_in_a_loop_of_two",
        "host.logons_in_a_loop_of_many",
    }
)
#: Rules about connections whose handshake both ends completed: nobody can do that from
#: an address that is not his.
AGREED_RULES = frozenset(
    {
        "host.segments_without_message",
        "host.connections_without_message",
        "host.orders_without_logon",
    }
)
#: The same with so few CompIDs that it may be a firm's floor.
FEW_NAMES_RULES = frozenset({"host.refused_logons"})
#: What a standby does as well, or who is first at a new gateway of its venue, or has
#: its first day: nobody is asked to isolate it.
STANDBY_RULES = frozenset(
    {"host.moved_compid", "host.unknown_gateway_inside", "host.newcomer_let_in"}
)
#: What a program that is wrongly set up does as well, for a moment.
FEW_ORDERS_RULES = frozenset({"host.several_orders_without_logon"})
#: A stranger has come to order entry, and nobody is left who contests its name.
LEFT_RULES = frozenset({"host.displaced_compid", "host.ousted_compid"})
#: Those that rest on the CompID's holder, and its messages after the stranger's Logon:
#: a fail-over that begins before the other machine has said its last word shows fewer.
CONTESTED_RULES = frozenset(
    {"host.contested_compid", "host.guessed_logons", "host.guessed_logons_slowly"}
)
CONTESTED_MIN = 3

Feature = Callable[[Verdict, str], int | None]


def is_answered(verdict: Verdict, finding: Finding, feature: Feature) -> bool:
    """Return whether a gateway has spoken with the host: no address is forged."""
    return finding.rule in AGREED_RULES or bool(feature(verdict, "met"))


def objection(
    verdict: Verdict, finding: Finding, feature: Feature, protected: str
) -> str:
    """Return why the Verdict's host is not cut off; "" when it may be.

    `protected` says why the site forbids it, "" when it does not.
    """
    if verdict.window_kind != WINDOW_HOST or not verdict.address:
        return "nothing autonomous is fitting; evidence is kept"
    if protected:
        return (
            f"{verdict.address} is protected ({protected}): isolating it (T6) is "
            "proposed, which takes two approvers; evidence is kept"
        )
    if finding.rule in STANDBY_RULES:
        return "a standby, or who comes first, does so; evidence is kept"
    if verdict.known:
        return (
            "it holds or held a session of its own: isolating it (T6) is proposed, "
            "which takes two approvers; evidence is kept"
        )
    if finding.rule in LEFT_RULES:
        return (
            "who had the CompID is gone: a standby elsewhere, in no list, looks the "
            "same; evidence is kept"
        )
    if finding.rule in FEW_NAMES_RULES:
        return (
            "a firm whose programs the venue does not know yet is refused under as "
            "many CompIDs; evidence is kept"
        )
    if finding.rule in FEW_ORDERS_RULES:
        return "so few orders without a Logon may be a mistake; evidence is kept"
    if finding.rule not in ENTRY_RULES | AGREED_RULES:
        return "it has not reached order entry by itself; evidence is kept"
    if not is_answered(verdict, finding, feature):
        return (
            "no gateway has answered it, so its address may be forged: nobody is cut; "
            "evidence is kept"
        )
    contested = feature(verdict, "contested") or 0
    if finding.rule in CONTESTED_RULES and contested < CONTESTED_MIN:
        return (
            "the session that has the CompID has said too little since to exclude a "
            f"fail-over ({contested} of {CONTESTED_MIN} messages); evidence is kept"
        )
    return ""
