"""Forgery: whether what is seen may be somebody else's doing, under a false address.

A flood that bears the addresses of those who trade is none of theirs (SR-19). Nor need
it be its other sources': of a firm's machines one may not have been heard yet.

Who forges a client's address and port, blind to its sequence numbers, makes orders that
a mirror shows and the gateway's TCP never takes. So nothing answers them. A session is
not limited for orders that nobody answers: a real algorithm's are acknowledged or
refused, one by one, within a round trip, and the look after that is soon enough.
"""

from collections.abc import Callable

from airnet.domain.verdict import Cause, Verdict
from airnet.domain.window import WINDOW_GATEWAY

#: Fewer are a round trip's worth, however slow the line.
UNANSWERED_MIN = 16
#: So many are never in flight on a line that is answered: at 5,000 orders a second,
#: 19 ms of them. Of 128 that are remembered, some share a place (ext/window.h).
UNANSWERED_MANY = 96

#: Of a flood's packets (thousandths) so many bear addresses that hold a session: most
#: rules of strangers ask for no more of them. As REFLEX_KNOWN_SHARE in ext/reflex.h.
KNOWN_SHARE = 250

Feature = Callable[[Verdict, str], int | None]


def is_likely(verdict: Verdict, feature: Feature) -> bool:
    """Return whether the sources of a gateway's flood are likely forged."""
    if verdict.window_kind != WINDOW_GATEWAY or verdict.cause is not Cause.FLOOD:
        return False
    return (feature(verdict, "known_share") or 0) > KNOWN_SHARE


def objection(verdict: Verdict, feature: Feature) -> str:
    """Return why a session is not limited for its orders; "" when it may be."""
    waiting = feature(verdict, "outstanding") or 0
    recent = feature(verdict, "orders") or 0
    least = max(UNANSWERED_MIN, min(UNANSWERED_MANY, recent // 2))
    if waiting < least:
        return ""
    return (
        f"{waiting} of its orders have no answer, of {recent} messages just now: what "
        "the gateway does not answer may be forged; the session is not limited for it"
    )
