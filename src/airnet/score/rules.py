"""Hard rules: facts with units that must not depend on a model.

Each kind of windows has its rules in a module of its own; here they are collected.
"""

from airnet.domain.window import (
    WINDOW_FEED,
    WINDOW_GATEWAY,
    WINDOW_HOST,
    WINDOW_ORDER,
    WINDOW_SENSOR,
    WINDOW_SESSION,
    WINDOW_SOURCE,
    WINDOW_VENUE,
)
from airnet.score.excuses import EXCUSES
from airnet.score.rules_contest import CONTEST_RULES, CONTEST_TOLD_RULES
from airnet.score.rules_feed import FEED_RULES
from airnet.score.rules_flood import FAST_RULES, SOURCE_RULES
from airnet.score.rules_flood_clients import CLIENT_LATE_RULES, CLIENT_TOLD_RULES
from airnet.score.rules_flood_odd import (
    ODD_LATE_RULES,
    ODD_RULES,
    ODD_TOLD_RULES,
)
from airnet.score.rules_flood_told import (
    GATEWAY_COUNTED,
    GATEWAY_SLOW_RULES,
    GATEWAY_TOLD_RULES,
    HOST_FLOOD_RULES,
    HOST_TOLD_RULES,
)
from airnet.score.rules_host import HOST_RULES
from airnet.score.rules_host_odd import HOST_ODD_RULES
from airnet.score.rules_order import ORDER_RULES
from airnet.score.rules_sensor import SENSOR_RULES
from airnet.score.rules_session import SESSION_RULES
from airnet.score.rules_session_frenzy import FRENZY_RULES
from airnet.score.rules_session_insist import INSISTED
from airnet.score.rules_session_surge import SURGED
from airnet.score.rules_session_told import COUNTED as SESSION_COUNTED
from airnet.score.rules_storm import STORM_RULES
from airnet.score.rules_stranger import (
    ENTRY_TOLD_RULES,
    HELD_TOLD_RULES,
    STRANGER_RULES,
    STRANGER_TOLD_RULES,
    UNASKED_RULES,
)
from airnet.score.rules_venue import VENUE_RULES

__all__ = [
    "COUNTED",
    "EXCUSES",
    "GATEWAY_RULES",
    "RULES",
    "SOURCE_RULES",
    "VENUE_RULES",
]

#: What policy acts upon, and the fast lane knows; what it only tells comes after, so
#: that it says less.
GATEWAY_RULES = (*FAST_RULES, *GATEWAY_SLOW_RULES, *ODD_RULES)

#: By window kind, what decide counts over windows.
COUNTED = {
    WINDOW_SESSION: (*SESSION_COUNTED, *INSISTED, *SURGED),
    WINDOW_GATEWAY: GATEWAY_COUNTED,
}

RULES = {
    WINDOW_SESSION: (*FRENZY_RULES, *SESSION_RULES),
    WINDOW_GATEWAY: (
        *CLIENT_LATE_RULES,
        *GATEWAY_RULES,
        *ODD_LATE_RULES,
        *GATEWAY_TOLD_RULES,
        *ODD_TOLD_RULES,
        *CLIENT_TOLD_RULES,
    ),
    WINDOW_SOURCE: SOURCE_RULES,
    WINDOW_VENUE: VENUE_RULES,
    WINDOW_FEED: FEED_RULES,
    WINDOW_SENSOR: SENSOR_RULES,
    WINDOW_HOST: (
        *STORM_RULES,
        *CONTEST_RULES,
        *HOST_RULES,
        *HOST_FLOOD_RULES,
        *STRANGER_RULES,
        *UNASKED_RULES,
        *CONTEST_TOLD_RULES,
        *HOST_TOLD_RULES,
        *HOST_ODD_RULES,
        *HELD_TOLD_RULES,
        *STRANGER_TOLD_RULES,
        *ENTRY_TOLD_RULES,
    ),
    WINDOW_ORDER: ORDER_RULES,
}
