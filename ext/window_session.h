/* SPDX-License-Identifier: Apache-2.0 */
/* Session windows: what one FIX session did, beside its own past and the market.
 * The market is every other active session: their current slots are summed message by
 * message, so that a burst is seen as one before any other window has closed. */
#ifndef AIRNET_WINDOW_SESSION_H
#define AIRNET_WINDOW_SESSION_H

#include "window_conduct.h"

struct window_market {
	uint64_t fast_milli, slow_milli, first_milli;
	uint32_t others, elevated, hot;
};

/* The others' rate over the others' baselines, without this session. */
static inline struct window_market window_others(const struct window_state *w,
						 const struct window_session *s,
						 uint64_t rest_us)
{
	struct window_market market = {1000,	    1000,  1000, w->market_sessions,
				       w->elevated, w->hot};
	uint64_t fast, base, slow, first = w->market_first;

	base = w->market_base;
	slow = w->market_fast;
	fast = window_sliding(w->market_current, w->market_previous, rest_us);
	if (s->in_market) {
		market.others--;
		market.elevated -= s->elevated;
		market.hot -= s->hot > 0;
		base -= s->base;
		first -= s->first;
		slow -= s->fast < (uint64_t)s->clip << 16 ? s->fast
							  : (uint64_t)s->clip << 16;
		fast = window_sliding(w->market_current - s->market_current,
				      w->market_previous - s->market_previous, rest_us);
	}
	if (market.others) {
		market.fast_milli = window_ratio(fast, base, WINDOW_ONE);
		market.slow_milli = window_ratio(slow, base, WINDOW_SLOW_PRIOR);
		market.first_milli = window_ratio(slow, first, WINDOW_SLOW_PRIOR);
	}
	return market;
}

static inline uint64_t window_orders_of(const uint64_t *counts)
{
	return counts[C_NEW] + counts[C_CANCEL] + counts[C_REPLACE] + counts[C_QUOTE];
}

/* A ratio over the market's; a lull of the others makes nobody suspicious. */
static inline uint64_t window_relative(uint64_t ratio, uint64_t market)
{
	return ratio * 1000 / (market > 1000 ? market : 1000);
}

/* Rates, and what compares them with the session's past and with the others. */
static inline void window_session_rates(struct window_state *w,
					struct window_session *s, uint64_t rest_us,
					float *row)
{
	const uint64_t *c = s->current, *p = s->previous;
	uint64_t now = window_orders_of(c), before = window_orders_of(p);
	uint64_t fast = window_sliding(now, before, rest_us);
	uint64_t fresh = window_sliding(c[C_NEW], p[C_NEW], rest_us);
	uint64_t second = s->fast + (now << 16) / 10;
	uint64_t ratio = window_ratio(fast, s->base, WINDOW_ONE);
	uint64_t ratio_1s = window_ratio(second, s->base, WINDOW_SLOW_PRIOR);
	uint64_t ratio_new = window_ratio(fresh, s->base_new, WINDOW_ONE);
	struct window_market market = window_others(w, s, rest_us);
	uint64_t all = window_sliding(w->market_current, w->market_previous, rest_us);
	uint64_t symbol;

	window_put(row, S_orders, now + before);
	window_put(row, S_rate_fast, window_rate(fast));
	window_put(row, S_rate_new_fast, window_rate(fresh));
	window_put(row, S_rate_cancel_fast,
		   window_rate(window_sliding(c[C_CANCEL], p[C_CANCEL], rest_us)));
	window_put(row, S_rate_replace_fast,
		   window_rate(window_sliding(c[C_REPLACE], p[C_REPLACE], rest_us)));
	window_put(row, S_rate_quote_fast,
		   window_rate(window_sliding(c[C_QUOTE], p[C_QUOTE], rest_us)));
	window_put(row, S_rate_1s, window_rate(second));
	window_put(row, S_rate_10s, window_rate(s->slow + (now << 16) / 100));
	window_put(row, S_rate_new_1s,
		   window_rate(s->fast_new + (c[C_NEW] << 16) / 10));
	window_put(row, S_baseline, window_rate(s->base));
	window_put(row, S_ratio_fast, ratio);
	window_put(row, S_ratio_1s, ratio_1s);
	window_put(row, S_ratio_new, ratio_new);
	window_put(row, S_deviation_fast,
		   fast <= s->base
			   ? 0
			   : (fast - s->base) * 1000 / (s->deviation + WINDOW_ONE));
	window_put(row, S_peak_ratio, window_ratio(fast, s->peak, WINDOW_ONE));
	window_put(row, S_market_fast, market.fast_milli);
	window_put(row, S_market_1s, market.slow_milli);
	window_put(row, S_relative_fast, window_relative(ratio, market.fast_milli));
	window_put(row, S_relative_1s, window_relative(ratio_1s, market.slow_milli));
	window_put(row, S_relative_new, window_relative(ratio_new, market.fast_milli));
	window_put(row, S_elevated_share, window_share(market.elevated, market.others));
	window_put(row, S_active_sessions, market.others + 1);
	window_put(row, S_market_share,
		   window_share(fast, s->in_market ? all : all + fast));
	window_put(row, S_relative_first,
		   window_relative(window_ratio(second, s->first, WINDOW_SLOW_PRIOR),
				   market.first_milli));
	window_put(row, S_elevated_1s, market.hot);
	symbol = window_symbol_others(w, s);
	window_put(row, S_symbol_market, symbol);
	window_put(row, S_relative_symbol,
		   window_relative(ratio_1s, symbol > market.slow_milli
						     ? symbol
						     : market.slow_milli));
}

/* Close session `index`'s window at grid or capture time `at_ns`. */
static inline void window_session_close(struct window_state *w, uint32_t index,
					uint64_t at_ns, uint64_t rest_us)
{
	struct window_session *s = &w->sessions[index];
	struct airnet_window *key = &w->windows[w->row_count];
	float *row = &w->rows[(size_t)w->row_count * WINDOW_COLUMNS];
	uint64_t past_ns = s->first_order_ns ? at_ns - s->first_order_ns : 0;

	memset(row, 0, WINDOW_COLUMNS * sizeof *row);
	memset(key, 0, sizeof *key);
	window_session_rates(w, s, rest_us, row);
	window_session_conduct(w, s, rest_us, row);
	if (s->slots >= WINDOW_LEARN_SLOTS && row[S_ratio_fast] >= 3000 &&
	    row[S_relative_fast] >= 2000) {
		if (!s->streak_ns)
			s->streak_ns = s->window_first_ns;
	} else {
		s->streak_ns = 0;
	}
	window_put(row, S_window_us, (at_ns - s->open_ns) / 1000);
	window_put(row, S_history_ms, past_ns / 1000000);
	window_put(row, S_messages, s->messages);
	window_put(row, S_streak_ms,
		   s->streak_ns ? (at_ns - s->streak_ns) / 1000000 : 0);
	key->open_ns = s->open_ns;
	key->close_ns = w->frame_ns;
	key->frame_count = w->frame_count;
	key->first_ns = s->streak_ns;
	key->accepted_ns = s->accepted_ns;
	key->subject = index;
	key->kind = AIRNET_WINDOW_SESSION;
	key->port = s->version;
	memcpy(key->address, s->layouts, sizeof key->address);
	memset(s->layouts, 0, sizeof s->layouts);
	s->open_ns = at_ns;
	s->window_first_ns = 0;
	s->window_orders = 0;
	s->active = 0;
	w->row_count++;
	w->counters.windows++;
}

/* Fold the closed slot into the session's memories; true while it stays listed. */
static inline int window_session_roll(struct window_session *s)
{
	uint64_t orders = window_orders_of(s->current), count = orders << 16;
	uint64_t n, ratio, slow, spread;

	s->fast = (s->fast * 9 + count) / 10;
	s->slow = (s->slow * 99 + count) / 100;
	window_session_fade(s);
	s->idle = orders ? 0 : s->idle + 1;
	if (s->first_order_ns) {
		ratio = window_ratio(count, s->base, WINDOW_ONE);
		slow = window_ratio(s->fast, s->base, WINDOW_SLOW_PRIOR);
		s->frozen = s->slots >= WINDOW_LEARN_SLOTS &&
					    (ratio >= 3000 || slow >= 3000)
				    ? s->frozen + 1
				    : 0;
		if (s->idle < WINDOW_IDLE_SLOTS &&
		    (!s->frozen || s->frozen > WINDOW_FROZEN_SLOTS)) {
			n = s->slots + 1;
			n = n < WINDOW_BASE_SLOTS ? n : WINDOW_BASE_SLOTS;
			if (s->frozen && count > 3 * (s->base + WINDOW_ONE))
				count = 3 * (s->base + WINDOW_ONE);
			spread = count > s->base ? count - s->base : s->base - count;
			s->base = (s->base * (n - 1) + count) / n;
			s->base_new =
				(s->base_new * (n - 1) + (s->current[C_NEW] << 16)) / n;
			s->base_fill =
				(s->base_fill * (n - 1) + (s->current[C_FILL] << 16)) /
				n;
			if (s->slots < WINDOW_FIRST_SLOTS)
				s->first = s->base;
			s->deviation = (s->deviation * (n - 1) + spread) / n;
			s->slots++;
			if (s->slots > WINDOW_LEARN_SLOTS && s->fast > s->peak)
				s->peak = s->fast;
		}
	}
	s->market_previous = s->market_current;
	s->market_current = 0;
	memcpy(s->previous, s->current, sizeof s->previous);
	memset(s->current, 0, sizeof s->current);
	s->in_market = s->slots >= WINDOW_MARKET_SLOTS && s->idle < WINDOW_IDLE_SLOTS;
	s->elevated = s->in_market && orders >= s->elevated_at && s->elevated_at;
	if (s->elevated)
		s->hot = WINDOW_HOT_SLOTS;
	else if (s->hot)
		s->hot--;
	s->clip = (uint32_t)(WINDOW_CLIP * ((s->base >> 16) + 1));
	s->elevated_at = (uint32_t)(((2 * (s->base + WINDOW_ONE)) >> 16) + 1);
	return s->idle < WINDOW_DORMANT_SLOTS;
}

/* End of a slot: close every window with something in it, then start the next slot. */
static inline void window_session_tick(struct window_state *w, uint64_t at_ns)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < w->active_session_count; i++)
		if (w->sessions[w->active_sessions[i]].active)
			window_session_close(w, w->active_sessions[i], at_ns, 0);
	w->market_current = w->market_previous = w->market_base = w->market_fast = 0;
	w->market_first = 0;
	w->market_sessions = w->elevated = w->hot = 0;
	for (uint32_t i = 0; i < w->active_session_count; i++) {
		struct window_session *s = &w->sessions[w->active_sessions[i]];
		uint64_t clip;

		s->listed = (uint8_t)window_session_roll(s);
		if (s->listed)
			w->active_sessions[kept++] = w->active_sessions[i];
		if (!s->in_market) {
			s->market_previous = 0;
			continue;
		}
		clip = (uint64_t)s->clip << 16;
		w->market_previous += s->market_previous;
		w->market_base += s->base;
		w->market_first += s->first;
		w->market_fast += s->fast < clip ? s->fast : clip;
		w->market_sessions++;
		w->elevated += s->elevated;
		w->hot += s->hot > 0;
	}
	w->active_session_count = kept;
}

/* Capture time jumped over `slots` slots: nothing happened in them. */
static inline void window_session_skip(struct window_state *w, uint64_t slots)
{
	for (uint32_t i = 0; i < w->active_session_count; i++) {
		struct window_session *s = &w->sessions[w->active_sessions[i]];

		s->fast = s->fast_new = s->fast_fill = 0;
		s->fast_answer = s->fast_refused = 0;
		window_session_forget(s, slots / 69 < 63 ? slots / 69 : 63);
		s->idle = WINDOW_IDLE_SLOTS;
		s->frozen = 0;
		s->in_market = s->elevated = 0;
		s->hot = 0;
		s->market_previous = 0;
		memset(s->previous, 0, sizeof s->previous);
	}
	w->market_previous = w->market_base = w->market_fast = w->market_first = 0;
	w->market_sessions = w->elevated = w->hot = 0;
}

#endif
