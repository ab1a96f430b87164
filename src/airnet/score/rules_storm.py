"""Rules of storms of Logons from a host that trades: told, as a flood.

A program that is refused tries again, in a second or two; one in a loop does so at
once, and every try costs the gateway a connection, a Logon and an answer. Its address
is no forgery, and its other sessions trade: nothing is cut off.
"""

from airnet.domain.verdict import Cause
from airnet.score.rule import ANY, Rule

#: It holds, or held, a session whose CompID nobody contests.
TRADES = ("lawful", 1, 1)

STORM_RULES = (
    # Sixteen within ten seconds or twenty, the last of them twelve a second or more,
    # under four names at most, its own. Four programs that each try once a second, all
    # at once, are slower: the mean of four gaps is 0.15 s at least. A host that comes
    # back with thirty sessions has as many names. It goes on: what is over is not told.
    Rule(
        name="host.storm_of_own_logons",
        cause=Cause.FLOOD,
        unit="Logons",
        feature="logons",
        limit=15,
        needs=(
            TRADES,
            ("comps", 1, 4),
            ("logons_refused", 0, 3),
            ("logon_gap_ms", 0, 80),
            ("contacts", 2, ANY),
        ),
    ),
    # Two dozen under names of others that were refused, six or more, at 25 a second:
    # who guesses passwords waits for the answer, and has a name in mind.
    Rule(
        name="host.storm_of_refused_logons",
        cause=Cause.FLOOD,
        unit="Logons",
        feature="logons_refused",
        limit=23,
        needs=(
            TRADES,
            ("comps", 6, ANY),
            ("met", 0, 1),
            ("logon_gap_ms", 0, 40),
            ("contacts", 1, ANY),
        ),
    ),
    # A dozen under a few such names: a program in a loop that has somebody else's.
    Rule(
        name="host.storm_of_a_refused_name",
        cause=Cause.FLOOD,
        unit="Logons",
        feature="logons_refused",
        limit=11,
        needs=(
            TRADES,
            ("comps", 1, 5),
            ("claims", 0, 0),
            ("met", 0, 1),
            ("logon_gap_ms", 0, 40),
            ("quiet_ms", 0, 1000),
        ),
    ),
)
