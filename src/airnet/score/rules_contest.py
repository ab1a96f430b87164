"""Rules of Logons under a CompID that another host has, and goes on to use.

A CompID logs on once (FIX 4.4 volume 2), and a fail-over begins when the other machine
is gone. Who is let in is a thief. Who is not is one of two: who guesses a password is
alone, waits for the answer and tries again; of a flood of Logons there are several, or
they do not wait (airnet.score.rules_flood_told).
"""

from airnet.domain.verdict import Cause
from airnet.score.rule import ANY, Rule

#: Something of it is new: nothing is told twice.
NEWS = ("quiet_ms", 0, 1000)
#: Refused, if by hanging up, while who has the CompID goes on.
TURNED_AWAY = (NEWS, ("met", 0, 1), ("logons_refused", 1, ANY))

#: Of one host: a compromise.
CONTEST_RULES = (
    Rule(
        name="host.contested_compid",
        cause=Cause.COMPROMISE,
        unit="messages",
        feature="contested",
        limit=0,
        needs=(NEWS, ("met", 2, ANY)),
    ),
    # At most forty a second, as a program guesses that waits for the answers. Two are
    # enough where no flood is so slow.
    *(
        Rule(
            name="host.guessed_logons" + suffix,
            cause=Cause.COMPROMISE,
            unit="Logons",
            feature="logons_refused",
            limit=limit,
            needs=(
                *TURNED_AWAY,
                ("contested", 1, ANY),
                ("refused_hosts", 0, 1),
                ("logon_gap_ms", gap_ms, ANY),
            ),
        )
        for suffix, limit, gap_ms in (("", 3, 25), ("_slowly", 1, 250))
    ),
    # As much is seen of each of several as of a thief.
    Rule(
        name="host.contested_by_several",
        cause=Cause.FLOOD,
        unit="messages",
        feature="contested",
        limit=2,
        needs=(*TURNED_AWAY, ("lawful", 0, 0), ("refused_hosts", 2, ANY)),
    ),
)

CONTEST_TOLD_RULES = (
    # The second of them, and whoever comes then.
    Rule(
        name="host.contested_by_another",
        cause=Cause.FLOOD,
        unit="messages",
        feature="contested",
        limit=0,
        needs=(*TURNED_AWAY, ("lawful", 0, 0), ("refused_hosts", 2, ANY)),
    ),
)
