"""Enough: what one window is enough for, to act or only to tell; policy may differ."""

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
    "session.refusals_in_a_row",
    "session.filled_in_all_symbols",
)

#: What honest sessions did, if rarely: worth telling and too little to act upon.
LOOPS_TOLD = (
    "session.likely_loop_per_second",
    "session.orders_and_cancels_in_a_loop",
    "session.one_sided_orders",
    "session.one_sided_orders_at_length",
    "session.one_sided_orders_withdrawn",
    "session.order_rate_over_own_baseline",
    "session.filled_in_many_symbols",
    "session.one_order_without_a_past",
)
