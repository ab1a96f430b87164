/* SPDX-License-Identifier: Apache-2.0 */
/* Gateway and source windows close: their columns. */
#ifndef AIRNET_WINDOW_STRIKE_H
#define AIRNET_WINDOW_STRIKE_H

#include "window_flood.h"

static inline uint64_t window_per_second(uint64_t count, uint64_t span_us)
{
	return span_us ? count * 1000000 / span_us : 0;
}

/* How long a window is, and what its flood-like packets are divided by: of many, only
 * since the tick in which the first of them came, so that a flood which starts late in
 * a quiet slot is seen as fast as it is. */
struct window_span {
	uint64_t window_us, heavy_us;
};

static inline struct window_span window_span_of(const struct window_target *t,
						uint64_t at_ns)
{
	uint64_t tick_ns = t->window_first_ns - t->window_first_ns % WINDOW_TICK_NS;
	struct window_span span = {(at_ns - t->open_ns) / 1000,
				   (at_ns - t->open_ns) / 1000};

	if (t->tally.packets >= WINDOW_FLOOD_MIN && tick_ns > t->open_ns)
		span.heavy_us = (at_ns - tick_ns) / 1000;
	return span;
}

/* The columns a gateway and one of its sources share. */
static inline void window_flood_tally(const struct window_tally *y,
				      struct window_span span, float *row)
{
	uint64_t us = span.heavy_us;
	uint64_t open = y->syn > y->completed + y->refused
				? y->syn - y->completed - y->refused
				: 0;
	uint64_t stray = (uint64_t)y->stray + y->udp + y->icmp + y->fragment;

	window_put(row, F_window_us, span.window_us);
	window_put(row, F_span_us, us);
	window_put(row, F_packets, y->packets);
	window_put(row, F_rate, window_per_second(y->packets, us));
	window_put(row, F_syn_rate, window_per_second(y->syn, us));
	window_put(row, F_syn_ack_rate, window_per_second(y->syn_ack, us));
	window_put(row, F_completed_rate, window_per_second(y->completed, us));
	window_put(row, F_refused_rate, window_per_second(y->refused, us));
	window_put(row, F_half_open_rate, window_per_second(open, us));
	window_put(row, F_half_open_share, window_share(open, y->syn));
	window_put(row, F_stray_tcp_rate, window_per_second(y->stray, us));
	window_put(row, F_reset_rate, window_per_second(y->reset, us));
	window_put(row, F_udp_rate, window_per_second(y->udp, us));
	window_put(row, F_icmp_rate, window_per_second(y->icmp, us));
	window_put(row, F_fragment_rate, window_per_second(y->fragment, us));
	window_put(row, F_stray_rate, window_per_second(stray, us));
	window_put(row, F_reply_share, window_share(y->reply, y->packets));
	window_put(row, F_session_rate, window_per_second(y->session, span.window_us));
	window_put(row, F_logon_rate, window_per_second(y->logon, span.window_us));
	window_put(row, F_session_share,
		   window_share(y->session, (uint64_t)y->session + y->packets));
	window_put(row, F_bytes_rate, window_per_second(y->bytes, us) / 1000);
	window_put(row, F_mean_bytes, y->packets ? y->bytes / y->packets : 0);
	window_put(row, F_empty_share, window_share(y->empty, y->packets));
	window_put(row, F_known_share, window_share(y->known, y->packets));
	window_put(row, F_reflector_share, window_share(y->reflector, y->packets));
	window_put(row, F_live_share, window_share(y->live, y->packets));
	window_put(row, F_fresh_share, window_share(y->fresh, y->packets));
	window_put(row, F_same_bytes_share, window_share(y->same_bytes, y->packets));
	window_put(row, F_source_port_share, window_share(y->same_source, y->packets));
}

static inline struct airnet_window *window_flood_key(struct window_state *w,
						     const struct window_target *t,
						     const uint8_t *address)
{
	struct airnet_window *key = &w->windows[w->row_count++];

	memset(key, 0, sizeof *key);
	memset(&w->rows[(size_t)(w->row_count - 1) * WINDOW_COLUMNS], 0,
	       WINDOW_COLUMNS * sizeof *w->rows);
	key->open_ns = t->open_ns;
	key->close_ns = w->frame_ns;
	key->frame_count = w->frame_count;
	memcpy(key->address, address, 16);
	key->subject = (uint32_t)(t - w->targets);
	w->counters.windows++;
	return key;
}

static inline void window_source_close(struct window_state *w, struct window_target *t,
				       struct window_source *e, uint64_t at_ns)
{
	struct airnet_window *key = window_flood_key(w, t, e->address);
	float *row = &w->rows[(size_t)(w->row_count - 1) * WINDOW_COLUMNS];
	const struct window_known *origin = window_known_at(w, e->address, 0);
	struct window_span span = window_span_of(t, at_ns);
	uint64_t us = span.heavy_us;
	uint64_t age_us = (at_ns - e->first_ns) / 1000;
	uint64_t rate = window_per_second(e->tally.packets, us);
	uint64_t before = window_per_second(e->total - e->tally.packets, age_us + us);

	window_flood_tally(&e->tally, span, row);
	window_put(row, F_sources, 1);
	window_put(row, F_packets_per_source, (uint64_t)e->tally.packets * 1000);
	window_put(row, F_rate_10s, window_per_second(e->total, age_us + us));
	window_put(row, F_pulses, (uint64_t)e->streaks * 1000);
	window_put(row, F_logons_10s, (uint64_t)e->logons);
	window_put(row, F_top_share, window_share(e->tally.packets, t->tally.packets));
	window_put(row, F_ports, w->estimates.small[window_bits(&e->port_bits, 1)]);
	window_put(row, F_busiest_port_share,
		   window_share(e->tally.same_port, e->tally.packets));
	window_put(row, F_rate_1s, window_per_second(e->total, age_us + us));
	window_put(row, F_baseline, before);
	window_put(row, F_over_baseline, window_ratio(rate, before, 10));
	window_put(row, F_history_ms, age_us / 1000);
	window_put(row, F_known, window_sessions_of(origin));
	window_put(row, F_registered, origin ? origin->registered : 0);
	window_put(row, F_is_source, 1);
	window_put(row, F_half_open, e->pending);
	window_put(row, F_streak_ms, (at_ns - e->streak_ns) / 1000000);
	key->first_ns = e->streak_ns;
	key->accepted_ns = w->source_last_ns[e - w->sources];
	key->port = e->port;
	key->kind = AIRNET_WINDOW_SOURCE;
	key->known = window_sessions_of(origin) != 0;
}

/* The top sources by packets, the earlier one first among equals. */
static inline void window_target_sort(const struct window_state *w,
				      struct window_target *t)
{
	for (int i = 1; i < t->top_count; i++) {
		uint32_t index = t->top[i];
		int place = i;

		while (place > 0 && w->sources[t->top[place - 1]].tally.packets <
					    w->sources[index].tally.packets) {
			t->top[place] = t->top[place - 1];
			place--;
		}
		t->top[place] = index;
	}
}

static inline void window_target_row(struct window_state *w, struct window_target *t,
				     uint64_t at_ns, float *row)
{
	struct window_span span = window_span_of(t, at_ns);
	uint64_t us = span.heavy_us;
	uint64_t packets = t->tally.packets;
	uint64_t sources = window_distinct_count(&t->distinct, &w->estimates);
	uint64_t logons = t->logon_slow + (t->slot_logons << 16) / 100;
	uint64_t slot = packets * WINDOW_SLOT_US / (us ? us : 1) << 16;
	uint32_t top = t->top_count ? w->sources[t->top[0]].tally.packets : 0;
	const struct window_known *self = window_known_at(w, t->address, 0);

	window_flood_tally(&t->tally, span, row);
	window_put(row, F_sources, sources);
	window_put(row, F_packets_per_source, packets * 1000 / (sources ? sources : 1));
	window_put(row, F_rate_10s, t->slow * 10 >> 16);
	window_put(row, F_pulses, t->pulses * 1000 >> 16);
	window_put(row, F_logons_10s, logons * 100 >> 16);
	window_put(row, F_unspoken, t->unspoken);
	window_put(row, F_top_share, window_share(top, packets));
	window_put(row, F_ports,
		   w->estimates
			   .port[window_bits(t->port_sketch, WINDOW_PORT_SKETCH / 64)]);
	window_put(row, F_rate_1s, t->fast * 10 >> 16);
	window_put(row, F_baseline, t->base * 10 >> 16);
	window_put(row, F_over_baseline, window_ratio(slot, t->base, WINDOW_ONE));
	window_put(row, F_history_ms, (at_ns - t->first_ns) / 1000000);
	window_put(row, F_known, t->sessions);
	window_put(row, F_registered, t->configured || (self && self->registered));
	window_put(row, F_half_open, t->pending);
	window_put(row, F_streak_ms,
		   t->streak_ns ? (at_ns - t->streak_ns) / 1000000 : 0);
}

/* Close a target's window and its top sources' at tick `at_ns`. */
static inline void window_target_close(struct window_state *w, struct window_target *t,
				       uint64_t at_ns)
{
	struct airnet_window *key = window_flood_key(w, t, t->address);
	float *row = &w->rows[(size_t)(w->row_count - 1) * WINDOW_COLUMNS];
	int busiest = 0;

	window_target_sort(w, t);
	for (int i = 1; i < 8; i++)
		if (t->port_packets[i] > t->port_packets[busiest])
			busiest = i;
	if (t->tally.packets < WINDOW_FLOOD_MIN)
		t->streak_ns = 0;
	else if (!t->streak_ns) {
		t->streak_ns = t->window_first_ns;
		t->pulses += WINDOW_ONE;
	}
	window_target_row(w, t, at_ns, row);
	window_put(row, F_busiest_port_share,
		   window_share(t->port_packets[busiest], t->tally.packets));
	key->first_ns = t->streak_ns;
	key->accepted_ns = t->last_ns;
	key->port = t->ports[busiest];
	key->kind = AIRNET_WINDOW_GATEWAY;
	for (int i = 0; i < t->top_count; i++) {
		struct window_source *e = &w->sources[t->top[i]];

		if (e->tally.packets >= WINDOW_TOP_MIN)
			window_source_close(w, t, e, at_ns);
	}
	window_target_clear(t, at_ns);
}

/* Enough for a judgement before the tick, while it is new: at most 50 windows more. */
static inline void window_target_early(struct window_state *w, struct window_target *t)
{
	if (w->now_ns - t->window_first_ns < WINDOW_EARLY_NS ||
	    (t->streak_ns && w->now_ns - t->streak_ns > WINDOW_YOUNG_NS))
		return;
	window_target_close(w, t, w->now_ns);
	t->active = 1; /* still listed */
}

#endif
