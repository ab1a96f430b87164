/* SPDX-License-Identifier: Apache-2.0 */
/* The order of events: ticks before the frame that passed them, windows at ticks. */
#ifndef AIRNET_WINDOW_STEP_H
#define AIRNET_WINDOW_STEP_H

#include "window_feed_row.h"
#include "window_frame.h"
#include "window_health.h"

static inline void window_target_tick(struct window_state *w, uint64_t at_ns, int slot)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < w->active_target_count; i++) {
		struct window_target *t = &w->targets[w->active_targets[i]];

		if (slot && !t->tally.packets)
			window_target_clear(t, at_ns); /* all closed before the tick */
		else if (slot || t->tally.packets >= WINDOW_FLOOD_MIN)
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
		window_mirror_tick(w, at_ns);
		window_venue_spoke(w);
		window_session_tick(w, at_ns);
		window_venue_tick(w, at_ns);
		window_feed_tick(w, at_ns);
	}
	window_target_tick(w, at_ns, slot);
	window_host_tick(w, at_ns, slot);
	w->next_ns += WINDOW_TICK_NS;
	if (jump) {
		window_session_skip(w, gap_ns / WINDOW_SLOT_NS);
		window_venue_skip(w);
		window_mirror_skip(w);
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

/* The most windows that one frame and its messages can close. */
#define WINDOW_FRAME_ROWS (UINT16_MAX / WINDOW_ORDERS_MAX + 4 + WINDOW_TOP)

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
		window_mirror_begin(w);
		w->start_ns = w->frame_ns;
		w->left_strange = WINDOW_STRANGE;
		w->left_familiar = WINDOW_FAMILIAR;
		w->next_ns = (w->frame_ns / WINDOW_TICK_NS + 1) * WINDOW_TICK_NS;
	}
	w->started = 1;
	while (w->next_ns <= w->frame_ns) {
		if (!window_has_room(w,
				     w->active_session_count + w->active_venue_count +
					     w->feeds->active_count + 1 +
					     w->active_host_count +
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
		if (__builtin_expect(
			    w->row_count > (uint32_t)(WINDOW_ROWS - WINDOW_FRAME_ROWS),
			    0) &&
		    !window_has_room(w, (uint32_t)held / WINDOW_ORDERS_MAX + 4 +
						WINDOW_TOP))
			return i;
		w->counters.time_backwards += is_back;
		window_watch(w, h, messages + first, (uint32_t)held);
		window_packet(w, h, messages + first, (uint32_t)held);
	}
	return count;
}

#endif
