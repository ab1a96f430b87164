/* SPDX-License-Identifier: Apache-2.0 */
/* What a session's orders look like, and how the gateway answers them: the columns. */
#ifndef AIRNET_WINDOW_CONDUCT_H
#define AIRNET_WINDOW_CONDUCT_H

#include "window_manner.h"
#include "window_venue.h"

/* The last 100 ms, Q16: the previous slot fades out as the current one fills. */
static inline uint64_t window_sliding(uint64_t current, uint64_t previous,
				      uint64_t rest_us)
{
	return (current << 16) + (previous << 16) * rest_us / WINDOW_SLOT_US;
}

static inline uint64_t window_recent(const struct window_session *s, int kind)
{
	return s->current[kind] + s->previous[kind];
}

/* What its new orders are like. */
static inline void window_session_likeness(const struct window_session *s,
					   uint64_t rest_us, float *row)
{
	const uint64_t *c = s->current, *p = s->previous;
	uint64_t fresh = window_recent(s, C_NEW);
	uint64_t largest =
		s->largest > s->largest_before ? s->largest : s->largest_before;

	window_put(row, S_repeat_share,
		   window_share(window_recent(s, C_REPEAT), fresh));
	window_put(row, S_repeat_run, s->run);
	window_put(
		row, S_identical_rate,
		window_rate(window_sliding(c[C_IDENTICAL], p[C_IDENTICAL], rest_us)));
	window_put(row, S_same_side_share,
		   window_share(window_recent(s, C_SAME_SIDE), fresh));
	window_put(row, S_new_price_share,
		   window_share(window_recent(s, C_NEW_PRICE), fresh));
	window_put(row, S_same_symbol_share,
		   window_share(window_recent(s, C_SAME_SYMBOL), fresh));
	window_put(row, S_duplicates, window_recent(s, C_DUPLICATE));
	window_put(row, S_cancels_per_new,
		   window_share(window_recent(s, C_CANCEL), fresh));
	window_put(row, S_replaces_per_new,
		   window_share(window_recent(s, C_REPLACE), fresh));
	window_put(row, S_side_run, s->side_run);
	window_put_unless(row, S_quantity_ratio, largest * 1000 / (s->size_mean + 1),
			  s->sizes <= WINDOW_SIZES_MIN);
}

/* How its order messages follow each other. */
static inline void window_session_rhythm(const struct window_session *s, float *row)
{
	struct window_rhythm rhythm = window_rhythm_of(s);
	struct window_heard heard = window_heard_of(s);
	uint64_t aged = window_recent(s, C_AGED);
	uint64_t us = window_recent(s, C_AGE_US);

	window_put(row, S_replace_run,
		   s->chain_longest > s->chain_before ? s->chain_longest
						      : s->chain_before);
	window_put_unless(row, S_cancel_age_us, aged ? us / aged : 0, !aged);
	window_put_unless(row, S_entropy, window_entropy(&heard),
			  s->echoes < WINDOW_RHYTHM);
	window_put(row, S_loop_share, window_loop_share(s, &heard));
	window_put_unless(row, S_gap_deviation, rhythm.deviation_milli,
			  s->echoes <= WINDOW_RHYTHM);
	/* Sixteen gaps in tenths per second, 1 ms more as the prior. */
	window_put_unless(row, S_rate_16, 160000000000ull / (rhythm.total_ns + 1000000),
			  s->echoes <= WINDOW_RHYTHM);
}

/* What came of them: order-to-trade ratios as RTS 9 has them (Regulation (EU) 2017/566,
 * Article 3: orders over transactions, less one), undefined without a transaction. */
static inline void window_session_fills(const struct window_session *s, float *row)
{
	const uint64_t *c = s->current;
	uint64_t sent = s->slow_sent + (c[C_SENT] << 16) / 100;
	uint64_t fills = s->slow_fill + (c[C_FILL] << 16) / 100;
	uint64_t volume = s->slow_volume + c[C_VOLUME] / 100;
	uint64_t bought = s->slow_bought + c[C_BOUGHT] / 100;
	uint64_t sold = s->slow_sold + c[C_SOLD] / 100;
	uint64_t traded = bought + sold;
	uint64_t net = bought > sold ? bought - sold : sold - bought;

	window_put(row, S_fills_per_new,
		   window_share(s->fast_fill + (c[C_FILL] << 16) / 10,
				s->fast_new + (c[C_NEW] << 16) / 10));
	window_put(row, S_unfilled_run, s->unfilled);
	window_put(row, S_fill_ratio,
		   window_ratio(s->fast_fill + (c[C_FILL] << 16) / 10, s->base_fill,
				WINDOW_SLOW_PRIOR));
	window_put_unless(row, S_order_to_trade,
			  sent > fills ? window_share(sent - fills, fills) : 0, !fills);
	window_put_unless(row, S_volume_to_trade,
			  volume > traded ? window_share(volume - traded, traded) : 0,
			  !traded);
	window_put_unless(row, S_drift_share, window_share(net, traded), !traded);
}

/* What its gateway refuses of what the others ask, in thousandths. */
static inline uint64_t window_others_rejected(const struct window_state *w,
					      const struct window_session *s)
{
	const uint64_t *c = s->current;
	const struct window_venue *v = &w->venues[s->venue];
	uint64_t own = s->fast_answer + (c[C_ANSWER] << 16) / 10;
	uint64_t own_bad = s->fast_refused + (c[C_REFUSED] << 16) / 10;
	uint64_t all = v->answers_fast + ((uint64_t)v->health.answers << 16) / 10;
	uint64_t bad = v->rejects_fast + ((uint64_t)v->health.rejects << 16) / 10;

	all = all > own ? all - own : 0;
	bad = bad > own_bad ? bad - own_bad : 0;
	return window_share(bad, all);
}

/* How the gateway answers it, and how it answers others. */
static inline void window_session_answers(const struct window_state *w,
					  const struct window_session *s, float *row)
{
	const uint64_t *c = s->current;
	uint64_t acks = window_recent(s, C_ACKS);
	uint64_t mean = acks ? window_recent(s, C_ACK_US) / acks : 0;
	uint64_t refused = window_recent(s, C_REJECT);

	window_put(row, S_reject_share,
		   window_share(refused, window_recent(s, C_REPORT) + refused));
	window_put(row, S_rejects, refused);
	window_put(row, S_retries,
		   window_rate(s->slow_retry + (c[C_RETRY] << 16) / 100));
	window_put(row, S_others_rejected, window_others_rejected(w, s));
	window_put(row, S_outstanding, s->outstanding);
	window_put_unless(row, S_ack_mean_us, mean, !acks);
	window_put_unless(row, S_ack_ratio,
			  (mean + 50) * 1000 / (s->ack_slow_us16 / 16 + 50), !acks);
	window_put(row, S_gap_rate, window_rate(s->slow_gap + (c[C_GAP] << 16) / 100));
	window_put(row, S_resend_rate,
		   window_rate(s->slow_resend + (c[C_RESEND] << 16) / 100));
	window_put(row, S_poss_dup_share,
		   window_share(window_recent(s, C_POSS_DUP), window_recent(s, C_UP)));
}

static inline void window_session_conduct(const struct window_state *w,
					  const struct window_session *s,
					  uint64_t rest_us, float *row)
{
	window_session_likeness(s, rest_us, row);
	window_session_rhythm(s, row);
	window_session_fills(s, row);
	window_session_answers(w, s, row);
}

/* Fold the closed slot into the memories that nothing is compared with. */
static inline void window_session_fade(struct window_session *s)
{
	const uint64_t *c = s->current;

	s->fast_new = (s->fast_new * 9 + (c[C_NEW] << 16)) / 10;
	s->fast_fill = (s->fast_fill * 9 + (c[C_FILL] << 16)) / 10;
	s->fast_answer = (s->fast_answer * 9 + (c[C_ANSWER] << 16)) / 10;
	s->fast_refused = (s->fast_refused * 9 + (c[C_REFUSED] << 16)) / 10;
	s->slow_sent = (s->slow_sent * 99 + (c[C_SENT] << 16)) / 100;
	s->slow_fill = (s->slow_fill * 99 + (c[C_FILL] << 16)) / 100;
	s->slow_resend = (s->slow_resend * 99 + (c[C_RESEND] << 16)) / 100;
	s->slow_gap = (s->slow_gap * 99 + (c[C_GAP] << 16)) / 100;
	s->slow_retry = (s->slow_retry * 99 + (c[C_RETRY] << 16)) / 100;
	s->slow_volume = (s->slow_volume * 99 + c[C_VOLUME]) / 100;
	s->slow_bought = (s->slow_bought * 99 + c[C_BOUGHT]) / 100;
	s->slow_sold = (s->slow_sold * 99 + c[C_SOLD]) / 100;
	s->largest_before = s->largest;
	s->largest = 0;
	s->chain_before = s->chain_longest;
	s->chain_longest = 0;
}

/* Halve the memories of ten seconds so often: 69 slots halve a memory of 100. */
static inline void window_session_forget(struct window_session *s, uint64_t halves)
{
	s->slow >>= halves;
	s->slow_sent >>= halves;
	s->slow_fill >>= halves;
	s->slow_resend >>= halves;
	s->slow_gap >>= halves;
	s->slow_retry >>= halves;
	s->slow_volume >>= halves;
	s->slow_bought >>= halves;
	s->slow_sold >>= halves;
	s->largest_before = 0;
	s->chain_before = 0;
}

#endif
