/* SPDX-License-Identifier: Apache-2.0 */
/* What ails a venue though its quickest answers are as quick as ever: some answers very
 * late, segments lost on the way, Logons that take longer. */
#ifndef AIRNET_WINDOW_TROUBLE_H
#define AIRNET_WINDOW_TROUBLE_H

#include "window_witness.h"

#define TROUBLE_BATCHES 2 /* of acknowledgements, before one can be late */
#define TROUBLE_TIMES 8 /* the floor, and 5 ms: later than that is late */
#define TROUBLE_LATE_US 5000
#define TROUBLE_SLOTS 10 /* of a second, in which sessions are counted */

struct window_trouble {
	struct window_part late; /* acknowledgements, among all */
	struct window_part odd; /* segments out of order or sent again, among frames */
	uint64_t odd_now, odd_before; /* a bit for each session with any, this second */
	uint64_t logon_base_us; /* 0 = none known */
};

/* An acknowledgement took `us`; the floor's baseline is `floor_us`. */
static inline void window_trouble_ack(struct window_trouble *t, uint64_t us,
				      uint64_t floor_us, uint32_t batches)
{
	t->late.whole++;
	t->late.part += batches >= TROUBLE_BATCHES &&
			us > TROUBLE_TIMES * floor_us + TROUBLE_LATE_US;
}

#define TROUBLE_FLAGS (AIRNET_STREAM_RETRANSMIT | AIRNET_STREAM_OUT_OF_ORDER)

/* A frame of session `index`. What the mirror shows twice was sent once. */
static inline void window_trouble_frame(struct window_trouble *t, uint32_t index,
					uint16_t flags)
{
	t->odd.whole++;
	if (__builtin_expect(!(flags & TROUBLE_FLAGS) || flags & AIRNET_STREAM_TWICE,
			     1))
		return;
	t->odd.part++;
	t->odd_now |= 1ull << (index & 63);
}

/* A Logon was answered after `us`: one far longer than usual is not usual. */
static inline void window_trouble_logon(struct window_trouble *t, uint64_t us)
{
	if (!t->logon_base_us)
		t->logon_base_us = us + !us;
	else if (us < 4 * t->logon_base_us)
		t->logon_base_us = (t->logon_base_us * 7 + us + 7) / 8;
}

static inline void window_trouble_row(const struct window_trouble *t, float *row)
{
	const struct window_part *late = &t->late, *odd = &t->odd;

	window_put(row, V_late_ack_rate_1s,
		   window_rate(late->part_fast + ((uint64_t)late->part << 16) / 10));
	window_put(row, V_late_ack_share_1s, window_part_recent(late));
	window_put(row, V_late_ack_baseline, late->base * 1000 >> 16);
	window_put(row, V_odd_rate_1s,
		   window_rate(odd->part_fast + ((uint64_t)odd->part << 16) / 10));
	window_put(row, V_odd_share_1s, window_part_recent(odd));
	window_put(row, V_odd_baseline, odd->base * 1000 >> 16);
	window_put(row, V_odd_sessions,
		   (uint64_t)__builtin_popcountll(t->odd_now | t->odd_before));
}

static inline void window_trouble_roll(struct window_trouble *t, uint32_t epoch)
{
	window_part_roll(&t->late);
	window_part_roll(&t->odd);
	if (epoch % TROUBLE_SLOTS)
		return;
	t->odd_before = t->odd_now;
	t->odd_now = 0;
}

#endif
