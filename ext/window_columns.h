/* SPDX-License-Identifier: Apache-2.0 */
/* The columns of window rows, in order; airnet.domain.columns says what they mean. */
#ifndef AIRNET_WINDOW_COLUMNS_H
#define AIRNET_WINDOW_COLUMNS_H

#define WINDOW_COLUMNS 64

/* clang-format off */
#define WINDOW_SESSION_COLUMNS(X) \
	X(window_us) X(orders) X(rate_fast) X(rate_new_fast) X(rate_cancel_fast) \
	X(rate_replace_fast) X(rate_quote_fast) X(rate_1s) X(rate_10s) \
	X(rate_new_1s) X(baseline) X(ratio_fast) X(ratio_1s) X(ratio_new) \
	X(deviation_fast) X(peak_ratio) X(market_fast) X(market_1s) \
	X(relative_fast) X(relative_1s) X(relative_new) X(elevated_share) \
	X(active_sessions) X(market_share) X(history_ms) X(messages) X(streak_ms) \
	X(repeat_share) X(repeat_run) X(identical_rate) X(same_side_share) \
	X(new_price_share) X(same_symbol_share) X(duplicates) X(cancels_per_new) \
	X(replaces_per_new) X(fills_per_new) X(reject_share) X(outstanding) \
	X(ack_mean_us) X(ack_ratio) X(gap_rate) X(poss_dup_share) \
	X(resend_rate) X(order_to_trade) X(volume_to_trade) X(unfilled_run) \
	X(fill_ratio) X(drift_share) X(quantity_ratio) X(side_run) X(replace_run) \
	X(cancel_age_us) X(rejects) X(retries) X(others_rejected) X(entropy) \
	X(loop_share) X(gap_deviation) X(rate_16) X(relative_first) \
	X(symbol_market) X(relative_symbol) X(elevated_1s)

#define WINDOW_FLOOD_COLUMNS(X) \
	X(window_us) X(packets) X(rate) X(syn_rate) X(syn_ack_rate) \
	X(completed_rate) X(refused_rate) X(half_open_rate) X(half_open_share) \
	X(stray_tcp_rate) X(reset_rate) X(udp_rate) X(icmp_rate) X(fragment_rate) \
	X(stray_rate) X(reply_share) X(session_rate) X(session_share) X(bytes_rate) \
	X(mean_bytes) X(empty_share) X(sources) X(top_share) X(known_share) \
	X(ports) X(busiest_port_share) X(reflector_share) X(rate_1s) X(baseline) \
	X(over_baseline) X(history_ms) X(known) X(registered) X(is_source) \
	X(half_open) X(streak_ms) X(span_us) X(live_share) X(fresh_share) \
	X(packets_per_source) X(source_port_share) X(same_bytes_share) X(rate_10s) \
	X(pulses) X(logon_rate) X(logons_10s) X(unspoken)

#define WINDOW_VENUE_COLUMNS(X) \
	X(window_us) X(orders) X(new_orders) X(order_rate_1s) X(order_baseline) \
	X(load_ratio) X(acks) X(ack_last_us) X(ack_mean_us) X(ack_worst_us) \
	X(ack_baseline_us) X(ack_ratio) X(ack_floor_us) X(ack_floor_baseline_us) \
	X(ack_rise_us) X(ack_deviation) X(ack_risen_batches) X(ack_risen_ms) \
	X(answers) X(rejects) X(reject_share) X(reject_rate_1s) X(reject_share_1s) \
	X(reject_baseline) X(sessions_answered) X(sessions_rejected) \
	X(rejected_share) X(outstanding) X(unanswered) X(silence_us) \
	X(silence_ratio) X(sessions) X(sessions_active) X(sessions_lost) X(logons) \
	X(logons_answered) X(logons_waiting) X(logon_last_us) X(logon_mean_us) \
	X(sessions_cut) X(logon_recent_us) X(logon_wait_us) X(syns) X(handshakes) \
	X(handshake_last_us) X(cut_share) X(cut_hosts) \
	X(sessions_unheard) X(tcp_ack_mean_us) X(unheard_hosts) \
	X(resend_requests) X(sequence_gaps) X(retransmits_down) X(history_ms) \
	X(late_ack_rate_1s) X(late_ack_share_1s) X(late_ack_baseline) \
	X(odd_rate_1s) X(odd_share_1s) X(odd_baseline) X(odd_sessions) \
	X(mirror_doubt_rate_1s) X(logon_ratio) \
	X(logon_wait_ratio)

#define WINDOW_HOST_COLUMNS(X) \
	X(window_us) X(contacts) X(edges_new) X(targets_new) X(ports_new) \
	X(odd_targets) X(strange_failures) X(refused) X(silent) X(unreachable) \
	X(half_open) X(queries) X(name_bytes) X(long_names) X(no_name_share) \
	X(beat_contacts) \
	X(beat_period_ms) X(beat_deviation) X(beat_outside) X(carry_bytes) \
	X(carry_share) X(carry_outside) X(logons) X(logons_refused) X(refused_hosts) \
	X(logon_gap_ms) X(comps) \
	X(venue_sessions) X(claims) X(contested) X(displaced) X(foreign) \
	X(foreign_new) X(foreign_old) X(conflicts) X(replays) X(lawful) \
	X(registered) X(member) \
	X(met) X(quiet_ms) X(history_ms) \
	X(moved) X(moves) X(ousted) X(shells) X(beat_global) X(loss_spells) \
	X(loss_ratio) X(loss_past_ms) X(lossy_hosts) \
	X(unread_run) X(unread_held) X(unread_ms) X(venues_outside) X(venues_inside) \
	X(own_calls) X(peer_is) X(peer_0) X(peer_1) X(peer_2) X(peer_3) X(peer_4) \
	X(peer_5)
/* clang-format on */

enum {
#define X(name) S_##name,
	WINDOW_SESSION_COLUMNS(X)
#undef X
		S_COLUMNS
};

enum {
#define X(name) F_##name,
	WINDOW_FLOOD_COLUMNS(X)
#undef X
		F_COLUMNS
};

enum {
#define X(name) V_##name,
	WINDOW_VENUE_COLUMNS(X)
#undef X
		V_COLUMNS
};

enum {
#define X(name) H_##name,
	WINDOW_HOST_COLUMNS(X)
#undef X
		H_COLUMNS
};

_Static_assert(S_COLUMNS <= WINDOW_COLUMNS, "too many session columns");
_Static_assert(F_COLUMNS <= WINDOW_COLUMNS, "too many flood columns");
_Static_assert(V_COLUMNS <= WINDOW_COLUMNS, "too many venue columns");
_Static_assert(H_COLUMNS <= WINDOW_COLUMNS, "too many host columns");

static const char *const window_session_names[] = {
#define X(name) #name,
	WINDOW_SESSION_COLUMNS(X)
#undef X
};

static const char *const window_flood_names[] = {
#define X(name) #name,
	WINDOW_FLOOD_COLUMNS(X)
#undef X
};

static const char *const window_venue_names[] = {
#define X(name) #name,
	WINDOW_VENUE_COLUMNS(X)
#undef X
};

static const char *const window_host_names[] = {
#define X(name) #name,
	WINDOW_HOST_COLUMNS(X)
#undef X
};

#endif
