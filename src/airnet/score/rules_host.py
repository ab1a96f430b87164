"""Hard rules of host windows: a machine that is not what it says it is.

Each is about something that cannot be had by bad luck: limits count distinct things, in
at most twenty seconds, that the network's own past and other hosts do not excuse.
"""

from airnet.domain.verdict import Cause
from airnet.score.rule import ANY, Rule

#: Something has just been added to what a rule rests on: nothing is told twice.
NEWS = ("quiet_ms", 0, 1000)
#: Faster, or from more hosts, Logons are a flood: containing those is its rules' part.
#: Who guesses is alone, and waits for the answer.
GUESSING = (("refused_hosts", 0, 1), ("logon_gap_ms", 25, ANY))

HOST_RULES = (
    # The same bytes of a stream said twice and differently: neither TCP nor a mirror
    # does that. Once might be a broken box, with a second path beside it is none.
    Rule(
        name="host.conflicting_segments",
        cause=Cause.COMPROMISE,
        unit="segments",
        feature="conflicts",
        limit=2,
        needs=(NEWS,),
    ),
    Rule(
        name="host.conflicting_foreign_segments",
        cause=Cause.COMPROMISE,
        unit="segments",
        feature="conflicts",
        limit=0,
        needs=(
            NEWS,
            ("foreign", 1, ANY),
        ),
    ),
    # Segments with something new come by a second path, twice in between those of the
    # usual one: somebody else speaks in this session.
    Rule(
        name="host.foreign_segments",
        cause=Cause.COMPROMISE,
        unit="segments",
        feature="foreign_new",
        limit=2,
        needs=(
            NEWS,
            ("foreign", 3, ANY),
        ),
    ),
    # Old segments by a second path; or by any, once a second one was seen: where many
    # acknowledgements are lost, a client also sends again what was taken long ago.
    Rule(
        name="host.replayed_foreign_segments",
        cause=Cause.COMPROMISE,
        unit="segments",
        feature="foreign_old",
        limit=1,
        needs=(NEWS,),
    ),
    Rule(
        name="host.replayed_segments",
        cause=Cause.COMPROMISE,
        unit="segments",
        feature="replays",
        limit=2,
        needs=(NEWS, ("foreign", 1, ANY)),
    ),
    # Four services that nobody was ever served at. A client of a gateway that is down
    # calls services that others have used.
    Rule(
        name="host.strange_failures",
        cause=Cause.COMPROMISE,
        unit="services",
        feature="strange_failures",
        limit=3,
        needs=(NEWS,),
    ),
    # Names as long as these, all different, under one domain: data, not names. A host
    # name is rarely longer than 20 letters; a tunnel fills labels (RFC 1035 2.3.4).
    Rule(
        name="host.long_names",
        cause=Cause.COMPROMISE,
        unit="names",
        feature="long_names",
        limit=5,
        needs=(NEWS,),
    ),
    # Let in under a CompID that another machine, elsewhere, had and has left. A standby
    # stands next door (one /24), or is listed.
    Rule(
        name="host.displaced_compid",
        cause=Cause.COMPROMISE,
        unit="Logons",
        feature="displaced",
        limit=0,
        needs=(NEWS,),
    ),
    # Refused six times under three CompIDs of which none is its own, at a gateway where
    # others trade; or twelve times under one. Under 32, it is no firm whose programs
    # the venue does not know yet.
    *(
        Rule(
            name=name,
            cause=Cause.COMPROMISE,
            unit="Logons",
            feature="logons_refused",
            limit=limit,
            needs=(NEWS, *needs, ("venue_sessions", 1, ANY), *GUESSING),
        )
        for name, limit, needs in (
            ("host.refused_logons_of_many_names", 24, (("comps", 32, ANY),)),
            ("host.refused_logons", 5, (("comps", 3, ANY),)),
            ("host.repeated_refused_logons", 11, ()),
        )
    ),
    # A machine that trades calls four others at a port that nobody else calls, or any
    # does and finds nobody there twice: from one host to the next.
    Rule(
        name="host.odd_targets",
        cause=Cause.COMPROMISE,
        unit="hosts",
        feature="odd_targets",
        limit=3,
        needs=(
            NEWS,
            ("lawful", 1, 1),
        ),
    ),
    Rule(
        name="host.odd_targets_failed",
        cause=Cause.COMPROMISE,
        unit="hosts",
        feature="odd_targets",
        limit=4,
        needs=(
            NEWS,
            ("strange_failures", 2, ANY),
        ),
    ),
    # Much goes to a peer that nobody else knows; less is enough where nobody of ours
    # lives.
    Rule(
        name="host.bytes_outside",
        cause=Cause.COMPROMISE,
        unit="B",
        feature="carry_bytes",
        limit=32_768,
        needs=(
            NEWS,
            ("carry_outside", 1, 1),
            ("carry_share", 750, 1000),
            ("member", 1, 1),
        ),
    ),
    Rule(
        name="host.bytes_to_unknown_peer",
        cause=Cause.COMPROMISE,
        unit="B",
        feature="carry_bytes",
        limit=262_144,
        needs=(NEWS, ("carry_share", 750, 1000), ("lawful", 1, 1)),
    ),
    # An unknown peer is called on a timer: the gaps vary far less than by chance
    # (exponential gaps: 1000), the less the fewer there are. Three gaps of who asks for
    # names at random are within half of their mean one time in four.
    *(
        Rule(
            name=f"host.regular_calls{suffix}",
            cause=Cause.COMPROMISE,
            unit="calls",
            feature="beat_contacts",
            limit=limit,
            needs=(
                NEWS,
                ("beat_deviation", 0, deviation),
                ("beat_period_ms", 50, 60_000),
                ("lawful", 1, 1),
            ),
        )
        for suffix, limit, deviation in (
            ("", 3, 220),
            ("_again", 5, 300),
            ("_at_length", 9, 400),
        )
    ),
    Rule(
        name="host.regular_calls_outside",
        cause=Cause.COMPROMISE,
        unit="calls",
        feature="beat_contacts",
        limit=3,
        needs=(
            NEWS,
            ("beat_deviation", 0, 500),
            ("beat_period_ms", 50, 60_000),
            ("beat_outside", 1, 1),
        ),
    ),
    Rule(
        name="host.calls_outside",
        cause=Cause.COMPROMISE,
        unit="calls",
        feature="beat_contacts",
        limit=5,
        needs=(NEWS, ("beat_outside", 1, 1), ("lawful", 1, 1)),
    ),
)
