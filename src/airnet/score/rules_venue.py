"""Rules of venues: told, never contained; each limit says why it is what it is."""

from airnet.domain.verdict import Cause
from airnet.score.rule import ANY, Rule

#: A venue that had orders and sessions, has none, and answers no Logon with one.
_EMPTIED = (
    ("sessions", 0, 0),
    ("logons_answered", 0, 0),
    ("order_baseline", 10, ANY),
    ("history_ms", 3000, ANY),
)

VENUE_RULES = (
    # Eight messages, twenty times as long as it usually takes and a quarter of a second
    # without one answer to anybody. A venue must see as much of itself within 5 s
    # (Regulation (EU) 2017/584, Article 12(3)).
    Rule(
        name="venue.silence_us",
        cause=Cause.VENUE_FAULT,
        unit="us",
        feature="silence_us",
        limit=250_000,
        needs=(
            ("unanswered", 8, ANY),
            ("silence_ratio", 20_000, ANY),
            ("mirror_doubt_rate_1s", 0, 50),
        ),
    ),
    # The quickest of 16 orders takes 0.1 ms more than the quickest always did, in three
    # batches in a row and for half a second: the path or the gateway is slower. A queue
    # alone would do the same while everybody sends, so not then.
    Rule(
        name="venue.ack_rise_us",
        cause=Cause.VENUE_FAULT,
        unit="us",
        feature="ack_rise_us",
        limit=100,
        needs=(
            ("ack_risen_batches", 3, ANY),
            ("ack_risen_ms", 500, ANY),
            ("ack_deviation", 6000, ANY),
            ("load_ratio", 0, 3000),
        ),
    ),
    # Fifty refused a second, more than half of all answers, to three sessions at least
    # and to most of those answered, where refusing is not usual: not one bad program.
    Rule(
        name="venue.rejects_per_second",
        cause=Cause.VENUE_FAULT,
        unit="rejects/s",
        feature="reject_rate_1s",
        limit=50,
        divisor=10,
        needs=(
            ("reject_share_1s", 500, ANY),
            ("sessions_rejected", 3, ANY),
            ("rejected_share", 500, ANY),
            ("reject_baseline", 0, 250),
        ),
    ),
    # The last Logons were answered after a second: of 4 the mean, so that one slow one
    # is none. FIX gives no time; sessions are usually up within milliseconds.
    Rule(
        name="venue.logon_us",
        cause=Cause.VENUE_FAULT,
        unit="us",
        feature="logon_recent_us",
        limit=1_000_000,
        needs=(("logons_answered", 1, ANY),),
    ),
    # Ten times as long as usual, and a tenth of a second.
    Rule(
        name="venue.logon_ratio",
        cause=Cause.VENUE_FAULT,
        unit="1/1000",
        feature="logon_ratio",
        limit=10_000,
        needs=(("logon_recent_us", 100_000, ANY), ("logons_answered", 1, ANY)),
    ),
    # Two clients wait, and twenty times as long as is usual nobody has been answered.
    Rule(
        name="venue.logons_wait_ratio",
        cause=Cause.VENUE_FAULT,
        unit="1/1000",
        feature="logon_wait_ratio",
        limit=20_000,
        needs=(("logon_wait_us", 300_000, ANY), ("logons_waiting", 2, ANY)),
    ),
    # A quarter of all answers comes very late, three a second, where one in twenty did:
    # the others may be as quick as ever. Not while everybody sends: that is a queue;
    # nor while the mirror hides when they came.
    Rule(
        name="venue.late_ack_share",
        cause=Cause.VENUE_FAULT,
        unit="1/1000",
        feature="late_ack_share_1s",
        limit=250,
        needs=(
            ("order_rate_1s", 0, 8000),
            ("late_ack_rate_1s", 25, ANY),
            ("late_ack_baseline", 0, 50),
            ("mirror_doubt_rate_1s", 0, 10),
            ("load_ratio", 0, 3000),
            ("history_ms", 2000, ANY),
        ),
    ),
    # Where more than 800 orders a second are sent, a tick in which everybody quotes
    # anew makes a queue, and a quarter of a second's answers late. So nearly half of
    # them, and still, while no more is sent than usual.
    Rule(
        name="venue.late_ack_share_when_busy",
        cause=Cause.VENUE_FAULT,
        unit="1/1000",
        feature="late_ack_share_1s",
        limit=450,
        needs=(
            ("order_rate_1s", 8001, ANY),
            ("ack_ratio", 3000, ANY),
            ("late_ack_baseline", 0, 50),
            ("mirror_doubt_rate_1s", 0, 10),
            ("load_ratio", 0, 1500),
            ("history_ms", 2000, ANY),
        ),
    ),
    # Three segments in a hundred lost or late, of three sessions at least, and nothing
    # that the mirror hides: the network between loses them.
    Rule(
        name="venue.odd_segments_share",
        cause=Cause.VENUE_FAULT,
        unit="1/1000",
        feature="odd_share_1s",
        limit=30,
        needs=(
            ("odd_rate_1s", 30, ANY),
            ("odd_sessions", 3, ANY),
            ("odd_baseline", 0, 10),
            ("mirror_doubt_rate_1s", 0, 10),
            ("history_ms", 2000, ANY),
        ),
    ),
    # One in a hundred, where there is one in five hundred at most, of six sessions: a
    # line loses a little.
    Rule(
        name="venue.odd_segments_of_many",
        cause=Cause.VENUE_FAULT,
        unit="1/1000",
        feature="odd_share_1s",
        limit=9,
        needs=(
            ("odd_rate_1s", 80, ANY),
            ("odd_sessions", 6, ANY),
            ("odd_baseline", 0, 2),
            ("mirror_doubt_rate_1s", 0, 10),
            ("history_ms", 2000, ANY),
        ),
    ),
    # The gateway ends four sessions or more within 0.3 s, more than half of those it
    # held, of two hosts or more, by FIN or RST; nobody had said Logout. Whose program
    # dies ends its own; who goes home says so, and so does a gateway that fails over in
    # order.
    Rule(
        name="venue.sessions_cut",
        cause=Cause.VENUE_FAULT,
        unit="sessions",
        feature="sessions_cut",
        limit=3,
        needs=(
            ("cut_share", 600, ANY),
            ("cut_hosts", 2, ANY),
            ("history_ms", 2000, ANY),
        ),
    ),
    # Heartbeats and TestRequests of clients on two hosts find nobody, where both ends
    # have the same interval (FIX 4.4 volume 2): of a few sessions two, of many more.
    *(
        Rule(
            name="venue.sessions_unheard" + suffix,
            cause=Cause.VENUE_FAULT,
            unit="sessions",
            feature="sessions_unheard",
            limit=limit,
            needs=(
                ("unheard_hosts", 2, ANY),
                ("sessions", least, most),
                ("mirror_doubt_rate_1s", 0, 10),
            ),
        )
        for suffix, limit, least, most in (
            ("_of_few", 1, 0, 12),
            ("", 2, 13, 100),
            ("_of_many", 9, 101, ANY),
        )
    ),
    # Three clients wait and nobody's Logon has been answered for two seconds.
    Rule(
        name="venue.logon_wait_us",
        cause=Cause.VENUE_FAULT,
        unit="us",
        feature="logon_wait_us",
        limit=2_000_000,
        needs=(("logons_waiting", 3, ANY),),
    ),
    # Nobody is let in: two log on and are answered, but with no Logon, nobody waits and
    # nobody trades any more, where many did. A maintenance takes no connection at all.
    Rule(
        name="venue.logons_refused",
        cause=Cause.VENUE_FAULT,
        unit="Logons in 0.1 s",
        feature="logons",
        limit=1,
        needs=(
            *_EMPTIED,
            ("logons_waiting", 0, 0),
            ("handshakes", 1, ANY),
        ),
    ),
    # The same of many at once; the last one's answer may be on its way.
    Rule(
        name="venue.logons_of_many_refused",
        cause=Cause.VENUE_FAULT,
        unit="Logons in 0.1 s",
        feature="logons",
        limit=7,
        needs=(*_EMPTIED, ("logons_waiting", 0, 2)),
    ),
)
