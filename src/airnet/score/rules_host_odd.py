"""Rules of host windows about what an honest machine does rarely: told, no more.

A standby takes over a name, somebody works on a machine from the one beside it, a line
gets worse. Each is rare where nothing else is the matter, and some are how a theft
begins: whoever looks after the site is told at once, and nobody is cut off.
"""

from airnet.domain.verdict import Cause
from airnet.score.rule import ANY, Rule

#: Something has just been added to what a rule rests on: nothing is told twice.
NEWS = ("quiet_ms", 0, 1000)
#: Nobody else speaks in its sessions: then segments come twice for another reason.
ALONE = (("foreign", 0, 0), ("conflicts", 0, 0), ("replays", 0, 0))
#: More hosts than this lose segments at once: the gateway's line, or the mirror.
LINES = ("lossy_hosts", 0, 2)

HOST_ODD_RULES = (
    # Let in under a name whose holder, well and connected, is put out. A standby
    # begins when the other machine is gone, and that one says no goodbye.
    Rule(
        name="host.ousted_compid",
        cause=Cause.COMPROMISE,
        unit="sessions",
        feature="ousted",
        limit=0,
        needs=(NEWS,),
    ),
    # Let in under a name that the machine next door had. Its standby does the same; of
    # a site whose machines are lent their addresses, that is how everybody comes back.
    Rule(
        name="host.moved_compid",
        cause=Cause.COMPROMISE,
        unit="Logons",
        feature="moved",
        limit=0,
        needs=(NEWS, ("moves", 0, 2)),
    ),
    # From one machine that trades into another by a shell, a desktop or a file service,
    # as nobody there does: who looks after them comes from one that does not trade.
    Rule(
        name="host.shell_to_trader",
        cause=Cause.COMPROMISE,
        unit="talks",
        feature="shells",
        limit=0,
        needs=(NEWS,),
    ),
    # A machine that trades calls a dozen others that are new to it within twenty
    # seconds, at a port or two, and logs on at hardly one: of 115,000 honest ones none
    # called more than five.
    Rule(
        name="host.many_targets",
        cause=Cause.COMPROMISE,
        unit="hosts",
        feature="targets_new",
        limit=11,
        needs=(("ports_new", 1, 3), ("logons", 0, 2), ("lawful", 1, 1)),
    ),
    # A machine that trades calls an address of the Internet that nobody else knows, and
    # a while later again.
    Rule(
        name="host.calls_to_internet",
        cause=Cause.COMPROMISE,
        unit="calls",
        feature="beat_contacts",
        limit=1,
        needs=(
            NEWS,
            ("beat_global", 1, 1),
            ("beat_outside", 1, 1),
            ("beat_period_ms", 500, 60_000),
            ("lawful", 1, 1),
        ),
    ),
    # Or sends one, in one go, more than a question is long.
    Rule(
        name="host.bytes_to_internet",
        cause=Cause.COMPROMISE,
        unit="B",
        feature="carry_bytes",
        limit=3999,
        needs=(
            NEWS,
            ("beat_global", 1, 1),
            ("carry_outside", 1, 1),
            ("lawful", 1, 1),
        ),
    ),
    # Let in where nobody else trades, at an address that no site file lists and that
    # was not there before, while its sessions elsewhere go on: a forged gateway, or one
    # that nobody watches. A venue's gateways open together, and a standby is gone to
    # when the other is lost.
    *(
        Rule(
            name=f"host.unknown_gateway_{where}",
            cause=Cause.COMPROMISE,
            unit="Logons",
            feature=f"venues_{where}",
            limit=0,
            needs=(NEWS,),
        )
        for where in ("outside", "inside")
    ),
    # One firm's line loses segments four times in ten seconds and lost none before, or
    # eight times and lost a quarter of that: of its sessions, one alone. A line that
    # always loses some is as usual.
    *(
        Rule(
            name="host.lossy_line" + suffix,
            cause=Cause.VENUE_FAULT,
            unit="spells",
            feature="loss_spells",
            limit=limit,
            needs=(
                NEWS,
                *ALONE,
                LINES,
                ("loss_ratio", 4000, ANY),
                ("loss_past_ms", past_ms, ANY),
            ),
        )
        for suffix, limit, past_ms in (("", 3, 8000), ("_at_length", 7, 2000))
    ),
)
