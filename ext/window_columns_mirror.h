/* SPDX-License-Identifier: Apache-2.0 */
/* The columns of sensor, feed and order rows, in order; airnet.domain.columns_sensor,
 * columns_feed and columns_order say what they mean. */
#ifndef AIRNET_WINDOW_COLUMNS_MIRROR_H
#define AIRNET_WINDOW_COLUMNS_MIRROR_H

#include "window_columns.h"

/* clang-format off */
#define WINDOW_MIRROR_COLUMNS(X) \
	X(window_us) X(frames) X(frame_rate_1s) X(frame_baseline) \
	X(data_frames) X(twice) X(twice_down) X(twice_share_1s) X(twice_baseline) \
	X(losses) X(losses_down) X(lost_bytes) X(loss_rate_1s) \
	X(loss_share_1s) X(loss_share_10s) X(session_frames) \
	X(unseen) X(unseen_share_1s) X(unseen_baseline) X(unseen_windows) \
	X(unseen_windows_baseline) X(retransmits) \
	X(out_of_order) X(back_frames) X(odd_back_frames) X(far_back_frames) \
	X(back_share_1s) X(back_baseline) X(back_worst_us) X(back_past_us) \
	X(sessions_active) X(sessions_one_way) X(one_way_share) X(clients_twice) \
	X(clients_lost) X(clients_unseen) X(clocks_up) X(clocks_down) \
	X(ahead_up_share) X(ahead_down_share) X(behind_up_share) \
	X(behind_down_share) X(clock_shift_us) X(venues_risen) X(history_ms)

#define WINDOW_FEED_COLUMNS(X) \
	X(window_us) X(packets) X(messages) X(packet_rate_1s) X(packet_baseline) \
	X(message_rate_1s) X(message_baseline) X(message_ratio) X(bytes_rate) \
	X(mirror_doubt_rate_1s) X(mirror_clean_ms) X(has_numbers) X(gaps) \
	X(lost) X(missing) X(missing_ms) X(duplicates) X(late) X(resets) \
	X(covered) X(silence_us) \
	X(longest_us) X(silence_ratio) X(told_silence_us) X(told_longest_us) \
	X(told_silence_ratio) X(reports_since) X(expected_since) \
	X(arrival_worst_us) X(paired) X(lag_last_us) X(lag_mean_us) \
	X(lag_worst_us) X(history_ms)
#define WINDOW_FAR_COLUMNS(X) \
	X(price_through) X(price_steps) X(quantity_over_largest) \
	X(quantity_over_own) X(last_fill_ms) X(fills_seen) X(orders_seen) \
	X(far_elsewhere) X(run) X(left_out) X(turns) X(undone) \
	X(undone_after_ms) X(met) X(refused_run) X(others_rejected)
/* clang-format on */

enum {
#define X(name) M_##name,
	WINDOW_MIRROR_COLUMNS(X)
#undef X
		M_COLUMNS
};

enum {
#define X(name) Q_##name,
	WINDOW_FEED_COLUMNS(X)
#undef X
		Q_COLUMNS
};

enum {
#define X(name) O_##name,
	WINDOW_FAR_COLUMNS(X)
#undef X
		O_COLUMNS
};

_Static_assert(M_COLUMNS <= WINDOW_COLUMNS, "too many sensor columns");
_Static_assert(Q_COLUMNS <= WINDOW_COLUMNS, "too many feed columns");
_Static_assert(O_COLUMNS <= WINDOW_COLUMNS, "too many order columns");

static const char *const window_mirror_names[] = {
#define X(name) #name,
	WINDOW_MIRROR_COLUMNS(X)
#undef X
};

static const char *const window_feed_names[] = {
#define X(name) #name,
	WINDOW_FEED_COLUMNS(X)
#undef X
};

static const char *const window_far_names[] = {
#define X(name) #name,
	WINDOW_FAR_COLUMNS(X)
#undef X
};

#endif
