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
	X(ack_last_us) X(ack_mean_us) X(ack_ratio) X(sequence_gaps) \
	X(resend_requests) X(logons) X(heartbeats) X(malformed) X(retransmits) \
	X(poss_dup_share) X(bytes_rate)

#define WINDOW_FLOOD_COLUMNS(X) \
	X(window_us) X(packets) X(rate) X(syn_rate) X(syn_ack_rate) \
	X(completed_rate) X(refused_rate) X(half_open_rate) X(half_open_share) \
	X(stray_tcp_rate) X(reset_rate) X(udp_rate) X(icmp_rate) X(fragment_rate) \
	X(stray_rate) X(reply_share) X(session_rate) X(session_share) X(bytes_rate) \
	X(mean_bytes) X(empty_share) X(sources) X(top_share) X(known_share) \
	X(ports) X(busiest_port_share) X(reflector_share) X(rate_1s) X(baseline) \
	X(over_baseline) X(history_ms) X(known) X(registered) X(is_source) \
	X(half_open) X(streak_ms)
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

_Static_assert(S_COLUMNS <= WINDOW_COLUMNS, "too many session columns");
_Static_assert(F_COLUMNS <= WINDOW_COLUMNS, "too many flood columns");

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

#endif
