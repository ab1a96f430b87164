/* SPDX-License-Identifier: Apache-2.0 */
/* The order of events: ticks before the frame that passed them, windows at ticks. */
#ifndef AIRNET_WINDOW_STEP_H
#define AIRNET_WINDOW_STEP_H

#include "window_health.h"
#include "window_packet.h"

static inline uint64_t window_per_second(uint64_t count, uint64_t span_us)
{
	return span_us ? count * 1000000 / span_us : 0;
}

/* The columns a gateway and one of its sources share. */
static inline void window_flood_tally(const struct window_tally *y, uint64_t us,
				      float *row)
{
	uint64_t open = y->syn > y->completed + y->refused
				? y->syn - y->completed - y->refused
				: 0;
	uint64_t stray = (uint64_t)y->stray + y->udp + y->icmp + y->fragment;

	window_put(row, F_window_us, us);
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
	window_put(row, F_session_rate, window_per_second(y->session, us));
	window_put(row, F_session_share,
		   window_share(y->session, (uint64_t)y->session + y->packets));
	window_put(row, F_bytes_rate, window_per_second(y->bytes, us) / 1000);
	window_put(row, F_mean_bytes, y->packets ? y->bytes / y->packets : 0);
	window_put(row, F_empty_share, window_share(y->empty, y->packets));
	window_put(row, F_known_share, window_share(y->known, y->packets));
	window_put(row, F_reflector_share, window_share(y->reflector, y->packets));
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
	uint64_t us = (at_ns - t->open_ns) / 1000;
	uint64_t age_us = (at_ns - e->first_ns) / 1000;
	uint64_t rate = window_per_second(e->tally.packets, us);
	uint64_t before = window_per_second(e->total - e->tally.packets, age_us + us);

	window_flood_tally(&e->tally, us, row);
	window_put(row, F_sources, 1);
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
	uint64_t us = (at_ns - t->open_ns) / 1000;
	uint64_t packets = t->tally.packets;
	uint64_t slot = packets * WINDOW_SLOT_US / (us ? us : 1) << 16;
	uint32_t top = t->top_count ? w->sources[t->top[0]].tally.packets : 0;
	const struct window_known *self = window_known_at(w, t->address, 0);

	window_flood_tally(&t->tally, us, row);
	window_put(row, F_sources, window_distinct_count(&t->distinct, &w->estimates));
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
	else if (!t->streak_ns)
		t->streak_ns = t->window_first_ns;
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

static inline void window_target_tick(struct window_state *w, uint64_t at_ns, int slot)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < w->active_target_count; i++) {
		struct window_target *t = &w->targets[w->active_targets[i]];

		if (slot || t->tally.packets >= WINDOW_FLOOD_MIN)
			window_target_close(w, t, at_ns);
		else
			w->active_targets[kept++] = w->active_targets[i];
	}
	w->active_target_count = kept;
}

/* One tick at `next_ns`; after a jump of capture time, one tick for all of them. */
static inline void window_tick(struct window_state *w, uint64_t time_ns)
{
	uint64_t at_ns = w->next_ns, gap_ns = time_ns - at_ns;
	int jump = gap_ns > WINDOW_JUMP_NS;
	int slot = jump || at_ns % WINDOW_SLOT_NS == 0;

	if (slot) {
		window_venue_spoke(w);
		window_session_tick(w, at_ns);
		window_venue_tick(w, at_ns);
	}
	window_target_tick(w, at_ns, slot);
	w->next_ns += WINDOW_TICK_NS;
	if (jump) {
		window_session_skip(w, gap_ns / WINDOW_SLOT_NS);
		window_venue_skip(w);
		w->next_ns = (time_ns / WINDOW_TICK_NS + 1) * WINDOW_TICK_NS;
	}
}

/* Headers looked at before their turn: about as long as memory takes to answer. */
#define WINDOW_AHEAD 6

static inline __attribute__((always_inline)) void
window_ahead(const struct window_state *w, const struct airnet_header *h,
	     const struct airnet_message *messages, long message_count)
{
	if (h->session == AIRNET_NONE && !window_is_multicast(h->target))
		window_source_ahead(w, h);
	else if (h->session < AIRNET_SESSIONS_MAX && h->message_count &&
		 h->message_index < message_count)
		window_order_ahead(&w->sessions[h->session],
				   &messages[h->message_index]);
}

/* The most windows that the messages of one frame can close. */
#define WINDOW_FRAME_ROWS (UINT16_MAX / WINDOW_ORDERS_MAX + 1)

static inline int window_has_room(const struct window_state *w, uint32_t rows)
{
	return w->row_count + rows <= WINDOW_ROWS;
}

/* Capture time has come to a tick: every one up to this frame's. 0: the output is full,
 * and the frame has to wait. */
static __attribute__((noinline)) int window_ticks(struct window_state *w)
{
	if (!w->started) {
		window_rekey(w, w->frame_ns);
		w->next_ns = (w->frame_ns / WINDOW_TICK_NS + 1) * WINDOW_TICK_NS;
	}
	w->started = 1;
	while (w->next_ns <= w->frame_ns) {
		if (!window_has_room(w,
				     w->active_session_count + w->active_venue_count +
					     w->active_target_count * (1 + WINDOW_TOP)))
			return 0;
		window_tick(w, w->frame_ns);
	}
	w->slot = w->frame_ns / WINDOW_SLOT_NS;
	return 1;
}

/* Take headers in order until they end or the output is full; return how many. */
static inline long window_update(struct window_state *w,
				 const struct airnet_header *headers, long count,
				 const struct airnet_message *messages,
				 long message_count)
{
	for (long i = 0; i < count; i++) {
		const struct airnet_header *h = &headers[i];
		long next = i + WINDOW_AHEAD;
		long first = h->message_index, held = h->message_count;
		int is_back = h->time_ns < w->now_ns;

		if (next < count)
			window_ahead(w, &headers[next], messages, message_count);
		if (__builtin_expect(first + held > message_count, 0)) {
			first = first < message_count ? first : message_count;
			held = message_count - first;
		}
		w->frame_ns = is_back ? w->now_ns : h->time_ns;
		w->frame_count = h->frame_count;
		if (w->next_ns <= w->frame_ns && !window_ticks(w))
			return i;
		if (__builtin_expect(w->row_count > WINDOW_ROWS - WINDOW_FRAME_ROWS,
				     0) &&
		    !window_has_room(w, (uint32_t)held / WINDOW_ORDERS_MAX + 1))
			return i;
		w->counters.time_backwards += is_back;
		w->now_ns = w->frame_ns;
		window_packet(w, h, messages + first, (uint32_t)held);
	}
	return count;
}

#endif
