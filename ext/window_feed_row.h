/* SPDX-License-Identifier: Apache-2.0 */
/* Feed windows: one row a slot for each channel of market data. */
#ifndef AIRNET_WINDOW_FEED_ROW_H
#define AIRNET_WINDOW_FEED_ROW_H

#include "window_feed_packet.h"

/* Silence, beside its own past and the order side. */
static inline void window_feed_silence(const struct window_state *w,
				       const struct window_feed *f, uint64_t at_ns,
				       float *row)
{
	uint64_t silence_us = (at_ns - f->last_ns) / 1000;
	uint64_t told_us = (at_ns - f->told_ns) / 1000;
	uint64_t longest_us = f->longest_ns / 1000;
	uint64_t told_longest_us = f->told_longest_ns / 1000;
	uint64_t reports = w->mirror->reports - f->reports;
	int never = !f->told_ns;

	window_put(row, Q_silence_us, silence_us);
	window_put(row, Q_longest_us, longest_us);
	window_put(row, Q_silence_ratio, window_ratio(silence_us, longest_us, 1000));
	window_put_unless(row, Q_told_silence_us, told_us, never);
	window_put_unless(row, Q_told_longest_us, told_longest_us, never);
	window_put_unless(row, Q_told_silence_ratio,
			  window_ratio(told_us, told_longest_us, 1000), never);
	window_put_unless(row, Q_reports_since, reports, never);
	window_put_unless(row, Q_expected_since,
			  reports * f->told_slow / (f->reports_slow + WINDOW_ONE),
			  never);
	window_put(row, Q_arrival_worst_us, f->worst_ns / 1000);
}

/* What its numbers say; nothing where none was found. */
static inline void window_feed_numbers(const struct window_feed *f, uint64_t at_ns,
				       float *row)
{
	int blank = !f->next;

	window_put(row, Q_has_numbers, !blank);
	window_put_unless(row, Q_gaps, f->gaps, blank);
	window_put_unless(row, Q_lost, f->lost, blank);
	window_put_unless(row, Q_missing, f->missing, blank);
	window_put_unless(row, Q_missing_ms,
			  f->missing ? (at_ns - f->gap_ns) / 1000000 : 0, blank);
	window_put_unless(row, Q_duplicates, f->duplicates, blank);
	window_put_unless(row, Q_late, f->late, blank);
	window_put_unless(row, Q_resets, f->resets, blank);
	window_put_unless(row, Q_covered, f->covered, blank);
}

static inline void window_feed_rates(const struct window_state *w,
				     const struct window_feed *f, uint64_t at_ns,
				     float *row)
{
	uint64_t packets = f->packets_fast + ((uint64_t)f->packets << 16) / 10;
	uint64_t told = f->told_fast + ((uint64_t)f->messages << 16) / 10;
	const struct window_mirror *m = w->mirror;
	uint64_t us = (at_ns - f->open_ns) / 1000;
	uint64_t since_ns = m->doubt_ns ? m->doubt_ns : m->first_ns;

	window_put(row, Q_packets, f->packets);
	window_put(row, Q_messages, f->messages);
	window_put(row, Q_packet_rate_1s, window_rate(packets));
	window_put(row, Q_packet_baseline, window_rate(f->packets_base));
	window_put(row, Q_message_rate_1s, window_rate(told));
	window_put(row, Q_message_baseline, window_rate(f->told_base));
	window_put(row, Q_message_ratio,
		   window_ratio(told, f->told_base, WINDOW_SLOW_PRIOR));
	window_put(row, Q_bytes_rate, us ? f->bytes * 1000 / us : 0);
	window_put(row, Q_mirror_doubt_rate_1s, window_rate(window_mirror_doubt(m)));
	window_put(row, Q_mirror_clean_ms, (at_ns - since_ns) / 1000000);
}

static inline void window_feed_lag(struct window_state *w, const struct window_feed *f,
				   float *row)
{
	int alone = !window_feed_pair(w, f), none = alone || !f->lags;

	window_put(row, Q_paired, !alone);
	window_put_unless(row, Q_lag_last_us, f->lag_last_ns / 1000, alone);
	window_put_unless(row, Q_lag_mean_us, f->lags ? f->lag_ns / f->lags / 1000 : 0,
			  none);
	window_put_unless(row, Q_lag_worst_us, f->lag_worst_ns / 1000, none);
}

static inline void window_feed_close(struct window_state *w, struct window_feed *f,
				     uint64_t at_ns)
{
	struct airnet_window *key = &w->windows[w->row_count];
	float *row = &w->rows[(size_t)w->row_count * WINDOW_COLUMNS];
	uint64_t us = (at_ns - f->open_ns) / 1000;

	memset(row, 0, WINDOW_COLUMNS * sizeof *row);
	memset(key, 0, sizeof *key);
	window_put(row, Q_window_us, us);
	window_feed_rates(w, f, at_ns, row);
	window_feed_numbers(f, at_ns, row);
	window_feed_silence(w, f, at_ns, row);
	window_feed_lag(w, f, row);
	window_put(row, Q_history_ms, (at_ns - f->first_ns) / 1000000);
	key->open_ns = f->open_ns;
	key->close_ns = w->frame_ns;
	key->frame_count = w->frame_count;
	key->first_ns = f->missing ? f->gap_ns : f->told_ns;
	key->accepted_ns = f->last_ns;
	memcpy(key->address, f->group, 16);
	key->subject = f->number;
	key->port = f->port;
	key->kind = AIRNET_WINDOW_FEED;
	w->row_count++;
	w->counters.windows++;
}

/* Fold the slot into the memories; true while the channel stays listed. */
static inline int window_feed_roll(struct window_state *w, struct window_feed *f,
				   uint64_t at_ns)
{
	uint64_t packets = (uint64_t)f->packets << 16,
		 told = (uint64_t)f->messages << 16;
	uint64_t reports = (w->mirror->reports - f->reports_before) << 16;
	uint64_t n;

	f->slots += f->slots < WINDOW_BASE_SLOTS;
	n = f->slots;
	f->packets_fast = (f->packets_fast * 9 + packets) / 10;
	f->packets_base = (f->packets_base * (n - 1) + packets) / n;
	f->told_fast = (f->told_fast * 9 + told) / 10;
	f->told_base = (f->told_base * (n - 1) + told) / n;
	f->told_slow = (f->told_slow * 99 + told) / 100;
	f->reports_slow = (f->reports_slow * 99 + reports) / 100;
	f->reports_before = w->mirror->reports;
	f->longest_ns -= f->longest_ns >> 9;
	f->told_longest_ns -= f->told_longest_ns >> 9;
	if (f->missing && at_ns - f->gap_ns > FEED_GAP_NS)
		f->missing = 0;
	f->open_ns = at_ns;
	f->active = 0;
	f->packets = f->messages = f->gaps = f->duplicates = 0;
	f->late = f->resets = f->covered = f->lags = 0;
	f->lost = f->bytes = f->worst_ns = f->lag_ns = f->lag_worst_ns = 0;
	return at_ns - f->last_ns <= FEED_SILENT_NS;
}

/* End of a slot. */
static inline void window_feed_tick(struct window_state *w, uint64_t at_ns)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < w->feeds->active_count; i++) {
		struct window_feed *f = &w->feeds->all[w->feeds->active[i]];

		window_feed_close(w, f, at_ns);
		f->listed = (uint8_t)window_feed_roll(w, f, at_ns);
		if (f->listed)
			w->feeds->active[kept++] = w->feeds->active[i];
	}
	w->feeds->active_count = kept;
}

#endif
