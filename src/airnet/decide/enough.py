"""Enough: what one window is enough for, to act or only to tell; policy may differ."""

#: What no trading floor does even for one window (airnet.score.rules_flood).
FLOODS_AT_ONCE = (
    "gateway.half_open_at_once",
    "gateway.half_open_fast_at_once",
    "gateway.half_open_of_few_at_once",
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
    "session.loop_out_of_nothing",
    "session.loop_of_one_name",
    "session.loop_one_way",
    "session.one_order_in_a_frenzy",
    "session.moved_in_a_frenzy",
    "session.refusals_in_a_row",
    "session.filled_far_above_its_past",
    "session.above_own_envelope",
    "session.filled_without_end",
    "session.alike_without_end",
    "session.moved_without_end",
    "session.turned_on_a_clock",
    "session.turned_in_a_loop",
    "session.one_way_at_speed",
    "session.alike_at_speed",
    "session.alike_in_volleys",
    "session.pieces_without_end",
    "session.one_order_in_volleys",
    "session.turned_at_speed",
    "session.withdrawn_for_long",
    "session.withdrawn_from_the_start",
    "session.even_above_its_past",
    "session.even_and_one_way",
    "session.alike_above_its_past",
    "session.one_way_by_a_clock",
    "session.layered_above_its_past",
    "session.withdrawn_at_once_above_its_past",
    "session.both_ways_in_one_name",
    "session.moved_evenly_above_its_past",
    "session.stacked_in_a_loop",
    "session.one_name_above_its_past",
    "session.withdrawn_above_its_past",
    "session.replaced_at_once_above_its_past",
    "session.moved_above_its_past",
    "session.certain_for_long",
    "session.believed_for_long",
    "session.suspected_far_above_its_past",
    "session.believed_without_end",
    "session.far_beyond_its_peak",
    "session.far_beyond_all_others",
    "session.beyond_all_measure",
    "order.turned_at_a_loss_at_length",
)

#: What honest sessions did, if rarely: worth telling and too little to act upon.
LOOPS_TOLD = (
    "session.filled_in_all_symbols",
    "session.filled_while_others_rest",
    "session.filled_evenly",
    "session.one_sided_rate_over_own_baseline",
    "session.likely_loop_per_second",
    "session.orders_and_cancels_in_a_loop",
    "session.one_sided_orders",
    "session.one_sided_orders_of_a_name",
    "session.one_sided_orders_of_names",
    "session.one_sided_orders_at_length",
    "session.one_sided_orders_withdrawn",
    "session.order_rate_over_own_baseline",
    "session.filled_in_many_symbols",
    "session.one_order_without_a_past",
    "session.one_order_among_many",
    "session.one_order_out_of_nothing",
    "session.replaces_without_a_past",
    "session.orders_refused_in_a_row",
    "session.filled_at_length",
    "session.quantity_over_usual",
    "order.turned_at_a_loss",
    "order.undone_at_length",
    "order.undone_from_the_start",
    "order.undone",
    "order.quantity_over_largest",
    "order.quantity_over_own",
    "order.price_over_trades",
    "order.price_and_quantity",
    "order.met_by_one_session",
    "order.sent_on_while_refused",
)

#: What no honest machine that trades did, on any capture: it is confined, and trades on
#: (airnet.decide.confinement says what must be seen beside).
HOSTS_CONFINED = (
    "host.odd_targets",
    "host.odd_targets_failed",
    "host.strange_failures",
    "host.regular_calls",
    "host.regular_calls_again",
    "host.regular_calls_at_length",
    "host.regular_calls_outside",
    "host.calls_outside",
    "host.bytes_outside",
    "host.unknown_gateway_outside",
)

#: What is made of refusals, and says nothing while it may be airnet that had them
#: refused (airnet.decide.refusals). Not a ClOrdID used four times in 0.2 s: whoever
#: refuses such orders, the session has sent them.
OF_REFUSALS = frozenset(
    {
        "session.duplicate_clordid_refused",
        "session.orders_refused_in_a_row",
        "session.refusals_in_a_row",
        "session.refused_again_per_second",
    }
)

#: What few packets of a slow flood show, and of what is none, too, if rarely
#: (airnet.score.rules_flood_told).
FLOODS_TOLD = (
    "gateway.several_strangers_without_logon",
    "gateway.several_strangers_without_fix",
    "gateway.several_new_strangers_without_logon",
    "gateway.lasting_connections_without_logon",
    "gateway.many_connections_without_logon",
    "gateway.several_logons_held",
    "gateway.several_half_open_of_strangers",
    "gateway.many_half_open_of_strangers",
    "gateway.half_open_as_it_begins",
    "gateway.many_half_open_of_clients",
    "gateway.several_unanswered_of_clients",
    "gateway.several_unanswered_segments",
    "gateway.several_unanswered_segments_of_clients",
    "gateway.several_refused_handshakes",
    "gateway.several_refused_segments",
    "gateway.several_handshakes_given_up",
    "gateway.several_datagrams_of_strangers",
    "gateway.half_open_left_by_strangers",
    "gateway.several_new_strangers_giving_up",
    "gateway.connections_of_clients_without_logon",
    "gateway.several_datagrams_of_clients",
    "host.quick_logons_of_which_one_refused",
    "host.quick_refused_logons",
    "host.quick_refused_logons_of_two",
    "host.quick_refused_logons_of_many",
    "host.quick_refused_logons_of_one_name",
    "host.first_refused_logons_of_many",
    "host.contested_by_another",
    "host.storm_of_own_logons",
    "host.storm_of_refused_logons",
    "host.storm_of_a_refused_name",
    "host.refused_logons_of_several",
    "host.several_segments_without_message",
    "host.several_connections_without_message",
)
