"""The columns of a sensor window: what the traffic shows of the mirror itself.

"Lately" is the last second, as an exponential mean; a baseline is the mean of up to 300
windows, not updated for a minute while clearly above. A session counts with both
directions seen and a frame within a second. No client alone is believed: it could forge
what it shows, so distinct clients are counted (of 64, by a hash; docs/safety.md).
"""

from airnet.domain.column import COUNT, MILLI, RATE, features
from airnet.domain.window import FeatureSchema

_SENSOR = (
    ("window_us", "us", "length of this window"),
    ("frames", COUNT, "frames"),
    ("frame_rate_1s", RATE, "frames, lately"),
    ("frame_baseline", RATE, "their mean over up to 30 s"),
    ("data_frames", COUNT, "TCP segments of sessions with a payload"),
    ("twice", COUNT, "those mirrored twice, equal to the bit within 0.2 ms"),
    ("twice_down", COUNT, "those among them that a gateway sent"),
    ("twice_share_1s", MILLI, "twice among data_frames, lately"),
    ("twice_baseline", MILLI, "its baseline"),
    ("losses", COUNT, "holes whose bytes the receiver acknowledged, 5 ms ago or more"),
    ("losses_down", COUNT, "those that a gateway's acknowledgement shows"),
    ("lost_bytes", "B", "bytes of those holes"),
    ("loss_rate_1s", RATE, "those holes, lately"),
    ("loss_share_1s", MILLI, "those among data_frames, lately, prior 100 frames"),
    ("loss_share_10s", MILLI, "those, exponential means of 10 s, prior 1000 frames"),
    ("session_frames", COUNT, "frames of sessions"),
    ("unseen", COUNT, "acknowledgements of bytes that were not seen so far"),
    ("unseen_share_1s", MILLI, "those among session_frames, lately"),
    ("unseen_baseline", MILLI, "its baseline"),
    ("unseen_windows", MILLI, "windows with such, exponential mean of 20 before this"),
    ("unseen_windows_baseline", MILLI, "the same of 300"),
    ("retransmits", COUNT, "TCP segments with nothing new"),
    ("out_of_order", COUNT, "TCP segments ahead of a hole"),
    ("back_frames", COUNT, "frames stamped before one that came earlier"),
    (
        "odd_back_frames",
        COUNT,
        "those by 20 us more than four times back_past_us",
    ),
    ("far_back_frames", COUNT, "those by 2 ms or more"),
    ("back_share_1s", MILLI, "back_frames among frames, lately"),
    ("back_baseline", MILLI, "its baseline"),
    ("back_worst_us", "us", "how far one went back at most"),
    ("back_past_us", "us", "how far in windows before, halved in 35 s"),
    ("sessions_active", COUNT, "sessions"),
    (
        "sessions_one_way",
        COUNT,
        "those that acknowledge bytes of a sender not seen for 0.3 s longer",
    ),
    ("one_way_share", MILLI, "those among sessions_active"),
    ("clients_twice", COUNT, "clients of sessions with segments mirrored twice"),
    ("clients_lost", COUNT, "clients of sessions with losses"),
    ("clients_unseen", COUNT, "clients of sessions with unseen bytes"),
    ("clocks_up", COUNT, "sessions whose client's SendingTime(52) could be judged"),
    ("clocks_down", COUNT, "sessions whose gateway's could be"),
    ("ahead_up_share", MILLI, "clocks_up that make ours more ahead than before"),
    ("ahead_down_share", MILLI, "clocks_down, likewise"),
    ("behind_up_share", MILLI, "clocks_up that make ours more behind"),
    ("behind_down_share", MILLI, "clocks_down, likewise"),
    ("clock_shift_us", "us", "the least of those shifts"),
    ("venues_risen", COUNT, "venues whose acknowledgements are slower than before"),
    ("history_ms", "ms", "time since the first frame"),
)

SENSOR_SCHEMA = FeatureSchema(name="sensor", version=1, features=features(_SENSOR))
