"""Rules of the mirror: when what it shows is not what happened.

Every one of them freezes whatever is above evidence (SR-14), so each asks for what no
client can make alone: several clients, or what a gateway sent, or the capture's own
clock. docs/safety.md says what an attacker would need.
"""

from airnet.domain.verdict import Cause
from airnet.score.rule import ANY, Rule

SENSOR_RULES = (
    # Stamps that go back by 2 ms: no queue of a capture port holds a frame so long
    # (2 ms are 6 MB at 25 Gbit/s), and four times as far as they ever did before.
    Rule(
        name="sensor.clock_back_frames",
        cause=Cause.SENSOR_FAULT,
        unit="frames",
        feature="far_back_frames",
        limit=0,
        needs=(("history_ms", 500, ANY), ("back_past_us", 0, 500)),
    ),
    # Everybody's SendingTime says so, both ways, and nobody's answers became slower.
    Rule(
        name="sensor.clock_ahead_share",
        cause=Cause.SENSOR_FAULT,
        unit="1/1000",
        feature="ahead_up_share",
        limit=850,
        needs=(
            ("ahead_down_share", 851, ANY),
            ("clocks_up", 2, ANY),
            ("clocks_down", 2, ANY),
            ("venues_risen", 0, 0),
        ),
    ),
    # Where no gateway says when it sent by more than the second: eight clients' clocks,
    # nearly all, and by 5 ms at least. A flood that fills the line would do less.
    Rule(
        name="sensor.clock_ahead_of_clients_share",
        cause=Cause.SENSOR_FAULT,
        unit="1/1000",
        feature="ahead_up_share",
        limit=950,
        needs=(
            ("clocks_up", 8, ANY),
            ("clocks_down", 0, 0),
            ("clock_shift_us", 5000, ANY),
            ("venues_risen", 0, 0),
        ),
    ),
    # What clients send comes later than it did, and the gateways' clocks are where they
    # were: the way from the clients, or half of them, is longer. The mirror is well.
    Rule(
        name="sensor.path_longer_share",
        cause=Cause.VENUE_FAULT,
        unit="1/1000",
        feature="ahead_up_share",
        limit=400,
        needs=(
            ("clocks_up", 6, ANY),
            ("clocks_down", 3, ANY),
            ("ahead_down_share", 0, 100),
            ("behind_down_share", 0, 100),
        ),
    ),
    Rule(
        name="sensor.clock_behind_share",
        cause=Cause.SENSOR_FAULT,
        unit="1/1000",
        feature="behind_up_share",
        limit=850,
        needs=(
            ("behind_down_share", 851, ANY),
            ("clocks_up", 2, ANY),
            ("clocks_down", 2, ANY),
        ),
    ),
    # Stamps that go back four times as far as they ever did, five within a window.
    Rule(
        name="sensor.odd_back_frames",
        cause=Cause.SENSOR_FAULT,
        unit="frames",
        feature="odd_back_frames",
        limit=4,
        needs=(("history_ms", 1000, ANY),),
    ),
    # One stamp in twenty goes back, where one in a hundred was usual: stamps scatter.
    Rule(
        name="sensor.jitter_share",
        cause=Cause.SENSOR_FAULT,
        unit="1/1000",
        feature="back_share_1s",
        limit=50,
        needs=(("history_ms", 1000, ANY), ("back_baseline", 0, 12)),
    ),
    # Both ends go on, and of one nothing is to be seen: half of the sessions and two at
    # least. Only the mirror can make that of two clients at once.
    Rule(
        name="sensor.one_way_sessions",
        cause=Cause.SENSOR_FAULT,
        unit="sessions",
        feature="sessions_one_way",
        limit=1,
        needs=(("one_way_share", 500, ANY), ("clients_unseen", 2, ANY)),
    ),
    # Bytes of two clients' sessions that their receivers have and we never saw: one
    # hole in 25 segments within a second, or in 200 within ten. Mirrors that are called
    # healthy lose one frame in a thousand, some of them twenty in a row.
    Rule(
        name="sensor.loss_share",
        cause=Cause.SENSOR_FAULT,
        unit="1/1000",
        feature="loss_share_1s",
        limit=40,
        needs=(("clients_lost", 2, ANY), ("loss_rate_1s", 30, ANY)),
    ),
    Rule(
        name="sensor.lasting_loss_share",
        cause=Cause.SENSOR_FAULT,
        unit="1/1000",
        feature="loss_share_10s",
        limit=4,
        needs=(("clients_lost", 2, ANY),),
    ),
    # Acknowledged before it was seen: one frame in 40, of three clients, where that is
    # not usual. Frames overtake each other in the mirror, or are lost.
    Rule(
        name="sensor.unseen_share",
        cause=Cause.SENSOR_FAULT,
        unit="1/1000",
        feature="unseen_share_1s",
        limit=25,
        needs=(
            ("history_ms", 1000, ANY),
            ("unseen_baseline", 0, 5),
            ("clients_unseen", 3, ANY),
        ),
    ),
    # The same less often, but again and again: in a quarter of two seconds' windows.
    Rule(
        name="sensor.unseen_windows",
        cause=Cause.SENSOR_FAULT,
        unit="1/1000",
        feature="unseen_windows",
        limit=250,
        needs=(
            ("history_ms", 3000, ANY),
            ("unseen_windows_baseline", 0, 100),
            ("clients_unseen", 3, ANY),
        ),
    ),
    # One segment in fifty comes twice, of three clients and of gateways too.
    Rule(
        name="sensor.twice_share",
        cause=Cause.SENSOR_FAULT,
        unit="1/1000",
        feature="twice_share_1s",
        limit=20,
        needs=(
            ("history_ms", 1000, ANY),
            ("twice_baseline", 0, 5),
            ("clients_twice", 3, ANY),
            ("twice_down", 1, ANY),
        ),
    ),
)
