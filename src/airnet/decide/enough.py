"""Enough: hard rules of which one window is enough, where policy says no other."""

#: What no trading floor does even for one window (airnet.score.rules_flood).
FLOODS_AT_ONCE = (
    "gateway.half_open_at_once",
    "gateway.stray_segments_at_once",
    "gateway.reflected_answers_at_once",
    "gateway.echoes_at_once",
)

#: What no honest session did for one window, in either twin or on strangers' captures:
#: each asks itself for as much time as it needs (airnet.score.rules_session).
LOOPS_AT_ONCE = (
    "session.duplicate_clordid",
    "session.orders_alike_per_second",
    "session.loop_messages_per_second",
    "session.loop_alone_per_second",
    "session.orders_and_cancels_in_a_loop",
    "session.refusals_in_a_row",
    "session.filled_far_above_baseline",
)
