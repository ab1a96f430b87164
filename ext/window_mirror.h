/* SPDX-License-Identifier: Apache-2.0 */
/* Sensor windows: one row a slot for the mirror, and one as soon as it matters. */
#ifndef AIRNET_WINDOW_MIRROR_H
#define AIRNET_WINDOW_MIRROR_H

#include "window_clock.h"
#include "window_venue.h"

/* Rows before their time in a slot: at 4, 16 and 64 pieces of hard evidence, so that
 * nothing is judged by a slot that the mirror has spoilt. */
#define MIRROR_EARLY(n) ((n) == 4 || (n) == 16 || (n) == 64)

static inline void window_mirror_parts(const struct window_mirror *m, float *row)
{
	const struct window_part *twice = &m->parts[SIGN_TWICE];
	const struct window_part *unseen = &m->parts[SIGN_UNSEEN];
	const struct window_part *back = &m->parts[MIRROR_BACK];
	uint64_t lost = m->lost_fast + ((uint64_t)m->lost << 16) / 10;
	uint64_t data = twice->whole_fast + ((uint64_t)twice->whole << 16) / 10;

	window_put(row, M_data_frames, twice->whole);
	window_put(row, M_twice, twice->part);
	window_put(row, M_twice_down, m->twice_down);
	window_put(row, M_twice_share_1s, window_part_recent(twice));
	window_put(row, M_twice_baseline, twice->base * 1000 >> 16);
	window_put(row, M_losses, m->lost);
	window_put(row, M_losses_down, m->lost_down);
	window_put(row, M_lost_bytes, m->lost_bytes);
	window_put(row, M_loss_rate_1s, window_rate(lost));
	/* Priors: 100 and 1000 segments, so that a quiet mirror does not look wild. */
	window_put(row, M_loss_share_1s, window_share(lost, data + (10 << 16)));
	window_put(row, M_loss_share_10s,
		   window_share(m->lost_slow + ((uint64_t)m->lost << 16) / 100,
				m->data_slow + ((uint64_t)twice->whole << 16) / 100 +
					(10 << 16)));
	window_put(row, M_session_frames, unseen->whole);
	window_put(row, M_unseen, unseen->part);
	window_put(row, M_unseen_share_1s, window_part_recent(unseen));
	window_put(row, M_unseen_baseline, unseen->base * 1000 >> 16);
	window_put(row, M_unseen_windows, (m->unseen_slots * 1000) >> 16);
	window_put(row, M_unseen_windows_baseline, (m->unseen_slots_base * 1000) >> 16);
	window_put(row, M_retransmits, m->retransmits);
	window_put(row, M_out_of_order, m->out_of_order);
	window_put(row, M_back_frames, back->part);
	window_put(row, M_odd_back_frames, m->odd_back);
	window_put(row, M_far_back_frames, m->far_back);
	window_put(row, M_back_share_1s, window_part_recent(back));
	window_put(row, M_back_baseline, back->base * 1000 >> 16);
	window_put(row, M_back_worst_us, m->back_ns / 1000);
	window_put(row, M_back_past_us, m->back_past_ns / 1000);
}

static inline void window_mirror_witnesses(const struct window_state *w, uint32_t slot,
					   float *row)
{
	struct window_witnesses all = window_witnesses_of(w, slot);
	const struct window_clocks *c = &w->mirror->clocks;
	uint32_t risen = 0;

	for (uint32_t i = 0; i < w->active_venue_count; i++)
		risen += w->venues[w->active_venues[i]].floor.risen != 0;
	window_put(row, M_sessions_active, all.active);
	window_put(row, M_sessions_one_way, all.one_way);
	window_put(row, M_one_way_share, window_share(all.one_way, all.active));
	window_put(row, M_clients_twice, all.clients[SIGN_TWICE]);
	window_put(row, M_clients_lost, all.clients[SIGN_LOST]);
	window_put(row, M_clients_unseen, all.clients[SIGN_UNSEEN]);
	window_put(row, M_clocks_up, c->judged[0]);
	window_put(row, M_clocks_down, c->judged[1]);
	window_put(row, M_ahead_up_share, window_share(c->ahead[0], c->judged[0]));
	window_put(row, M_ahead_down_share, window_share(c->ahead[1], c->judged[1]));
	window_put(row, M_behind_up_share, window_share(c->behind[0], c->judged[0]));
	window_put(row, M_behind_down_share, window_share(c->behind[1], c->judged[1]));
	window_put(row, M_clock_shift_us, c->shift_ns / 1000);
	window_put(row, M_venues_risen, risen);
}

/* Write the row of the window that ends at `at_ns`, in `slot`. `frames` came in it. */
static inline void window_mirror_row(struct window_state *w, uint64_t at_ns,
				     uint32_t slot, uint64_t frames)
{
	struct window_mirror *m = w->mirror;
	struct airnet_window *key = &w->windows[w->row_count];
	float *row = &w->rows[(size_t)w->row_count * WINDOW_COLUMNS];

	memset(row, 0, WINDOW_COLUMNS * sizeof *row);
	memset(key, 0, sizeof *key);
	window_put(row, M_window_us, (at_ns - m->open_ns) / 1000);
	window_put(row, M_frames, frames);
	window_put(row, M_frame_rate_1s,
		   window_rate(m->frames_fast + (frames << 16) / 10));
	window_put(row, M_frame_baseline, window_rate(m->frames_base));
	window_mirror_parts(m, row);
	window_mirror_witnesses(w, slot, row);
	window_put(row, M_history_ms, (at_ns - m->first_ns) / 1000000);
	key->open_ns = m->open_ns;
	key->close_ns = w->frame_ns;
	key->frame_count = w->frame_count;
	key->first_ns = m->open_ns;
	key->kind = AIRNET_WINDOW_SENSOR;
	w->row_count++;
	w->counters.windows++;
}

/* In how many slots there is something unseen: a burst of lost frames is one. */
static inline void window_mirror_unseen(struct window_mirror *m)
{
	const struct window_part *p = &m->parts[SIGN_UNSEEN];
	uint64_t one = p->part ? WINDOW_ONE : 0;

	if (!p->whole)
		return;
	m->unseen_slots = (m->unseen_slots * 19 + one) / 20;
	m->unseen_slots_base = (m->unseen_slots_base * (WINDOW_BASE_SLOTS - 1) + one) /
			       WINDOW_BASE_SLOTS;
}

/* Fold the slot into the memories; the next one begins at `at_ns`. */
static inline void window_mirror_roll(struct window_state *w, uint64_t at_ns,
				      uint64_t frames)
{
	struct window_mirror *m = w->mirror;

	m->slots += m->slots < WINDOW_BASE_SLOTS;
	m->frames_fast = (m->frames_fast * 9 + (frames << 16)) / 10;
	m->frames_base = (m->frames_base * (m->slots - 1) + (frames << 16)) / m->slots;
	m->lost_fast = (m->lost_fast * 9 + ((uint64_t)m->lost << 16)) / 10;
	m->lost_slow = (m->lost_slow * 99 + ((uint64_t)m->lost << 16)) / 100;
	m->data_slow =
		(m->data_slow * 99 + ((uint64_t)m->parts[SIGN_TWICE].whole << 16)) /
		100;
	window_mirror_unseen(m);
	for (int i = 0; i < SIGNS; i++)
		window_part_roll(&m->parts[i]);
	/* What a stamp went back at most fades by half in 35 s. */
	m->back_past_ns -= m->back_past_ns >> 9;
	if (m->back_ns > m->back_past_ns)
		m->back_past_ns = m->back_ns;
	m->open_ns = at_ns;
	m->lost_bytes = m->back_ns = 0;
	m->twice_down = m->lost = m->lost_down = 0;
	m->retransmits = m->out_of_order = m->odd_back = m->far_back = m->evidence = 0;
}

/* End of a slot at grid time `at_ns`; before any other window of it closes. */
static inline void window_mirror_tick(struct window_state *w, uint64_t at_ns)
{
	struct window_mirror *m = w->mirror;
	uint32_t slot = (uint32_t)((at_ns - 1) / WINDOW_SLOT_NS);
	uint64_t frames = m->parts[MIRROR_BACK].whole;

	window_clock_tick(w, slot);
	if (frames)
		window_mirror_row(w, at_ns, slot, frames);
	window_mirror_roll(w, at_ns, frames);
}

/* Capture time jumped: nothing happened for long. */
static inline void window_mirror_skip(struct window_state *w)
{
	w->mirror->frames_fast = w->mirror->lost_fast = 0;
}

/* What a frame of a session shows by its flags, nearly always nothing. Returns the
 * pieces of hard evidence. */
static __attribute__((noinline)) int window_mirror_signs(struct window_state *w,
							 struct window_witness *t,
							 const struct airnet_header *h)
{
	struct window_mirror *m = w->mirror;
	uint32_t slot = (uint32_t)w->slot;
	int is_down = h->direction != AIRNET_DIRECTION_UP;

	m->retransmits += (h->stream_flags & AIRNET_STREAM_RETRANSMIT) != 0;
	m->out_of_order += (h->stream_flags & AIRNET_STREAM_OUT_OF_ORDER) != 0;
	if (h->stream_flags & AIRNET_STREAM_TWICE) {
		m->parts[SIGN_TWICE].part++;
		m->twice_down += (uint32_t)is_down;
		t->signs |= 1 << SIGN_TWICE;
		t->sign_slot[SIGN_TWICE] = slot;
	}
	if (h->stream_flags & AIRNET_STREAM_UNSEEN) {
		m->parts[SIGN_UNSEEN].part++;
		t->signs |= 1 << SIGN_UNSEEN;
		t->sign_slot[SIGN_UNSEEN] = slot;
		m->doubt_ns = w->now_ns;
	}
	if (!(h->stream_flags & AIRNET_STREAM_LOST))
		return 0;
	m->lost++;
	m->lost_down += (uint32_t)is_down;
	m->lost_bytes += h->lost_bytes;
	m->doubt_ns = w->now_ns;
	t->signs |= 1 << SIGN_LOST;
	t->sign_slot[SIGN_LOST] = slot;
	return 1;
}

#define MIRROR_FLAGS \
	(AIRNET_STREAM_RETRANSMIT | AIRNET_STREAM_OUT_OF_ORDER | AIRNET_STREAM_TWICE | \
	 AIRNET_STREAM_UNSEEN | AIRNET_STREAM_LOST | AIRNET_STREAM_OPENED)

/* A frame with flags; those of a new session begin its witness. */
static __attribute__((noinline)) int window_mirror_flags(struct window_state *w,
							 struct window_witness *t,
							 const struct airnet_header *h)
{
	if (h->stream_flags & AIRNET_STREAM_OPENED) {
		int way = h->direction & 1;

		memset(t, 0, sizeof *t);
		memcpy(t->client, way ? h->target : h->source, 16);
	}
	return window_mirror_signs(w, t, h);
}

/* A frame of a session; returns the pieces of hard evidence in it. */
static inline int window_mirror_session(struct window_state *w,
					const struct airnet_header *h,
					const struct airnet_message *messages,
					uint32_t count)
{
	struct window_witness *t = &w->witnesses[h->session];
	struct window_mirror *m = w->mirror;
	int way = h->direction & 1, hard = 0;

	if (__builtin_expect(h->stream_flags & MIRROR_FLAGS, 0))
		hard = window_mirror_flags(w, t, h);
	t->seen_slot[way] = (uint32_t)w->slot;
	m->parts[SIGN_UNSEEN].whole++;
	m->parts[SIGN_TWICE].whole += h->payload_bytes != 0;
	for (uint32_t i = 0; i < count; i++) {
		m->reports += messages[i].kind == AIRNET_KIND_REPORT;
		window_clock_say(&t->clocks[way], &messages[i], h->time_ns);
	}
	return hard;
}

/* A stamp that lies behind the one before; returns whether it is hard evidence. */
static __attribute__((noinline)) int window_mirror_back(struct window_mirror *m,
							uint64_t back_ns)
{
	m->parts[MIRROR_BACK].part++;
	m->odd_back += back_ns > 4 * m->back_past_ns + MIRROR_ODD_NS;
	if (back_ns > m->back_ns)
		m->back_ns = back_ns;
	if (back_ns < MIRROR_BACK_NS)
		return 0;
	m->far_back++;
	return 1;
}

/* Every frame, before anything else is counted of it; `before_ns` is the largest time
 * up to it. */
static inline void window_mirror_frame(struct window_state *w,
				       const struct airnet_header *h,
				       const struct airnet_message *messages,
				       uint32_t count, uint64_t before_ns)
{
	struct window_mirror *m = w->mirror;
	int hard = 0;

	m->parts[MIRROR_BACK].whole++;
	if (__builtin_expect(h->time_ns < before_ns, 0))
		hard = window_mirror_back(m, before_ns - h->time_ns);
	if (h->session < AIRNET_SESSIONS_MAX && h->reason == AIRNET_FRAME_OK)
		hard += window_mirror_session(w, h, messages, count);
	if (__builtin_expect(!hard, 1))
		return;
	m->evidence++;
	if (MIRROR_EARLY(m->evidence))
		window_mirror_row(w, w->now_ns, (uint32_t)w->slot,
				  m->parts[MIRROR_BACK].whole);
}

/* The first frame. */
static inline void window_mirror_begin(struct window_state *w)
{
	w->mirror->first_ns = w->mirror->open_ns = w->frame_ns;
}

#endif
