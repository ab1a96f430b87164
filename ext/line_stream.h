/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes of a side, and what happens when they, or what acknowledges them, do not
 * arrive: retransmission after 200 ms, then twice as long each time (RFC 6298 section
 * 5, with Linux's least time). Bytes are kept only while something is amiss: a side's
 * `held` is empty as a rule.
 */
#ifndef AIRNET_LINE_STREAM_H
#define AIRNET_LINE_STREAM_H

#include "line_window.h"

static inline int line_fate(struct world *w, struct line *l, int side, an_s64 now_ns)
{
	if (line_is_blocked(l, side, now_ns) || line_is_policed(w, l, side, now_ns))
		return LINE_FATE_LOST;
	if (side == AIRNET_DIRECTION_UP && intake_wait(w, l->gateway, now_ns) < 0) {
		w->lines.counts.crowded++;
		return LINE_FATE_LOST;
	}
	if (l->loss > 0 && chance_is(&l->chance, l->loss)) {
		w->lines.counts.lost++;
		return LINE_FATE_LOST;
	}
	return line_is_blocked(l, !side, now_ns) ? LINE_FATE_UNANSWERED : 0;
}

/* The other end knows nothing of this connection any more, and says so. */
static inline void line_refuse(struct world *w, an_u32 line, int side)
{
	struct line *l = &w->lines.line[line];

	l->sides[!side].acknowledged = l->sides[side].sequence;
	line_bare(w, l, !side, AIRNET_TCP_RST | AIRNET_TCP_ACK, w->now_ns);
	w->lines.counts.resets++;
	line_lost(w, line, side, w->now_ns);
}

/* A segment came behind a hole: the other side says so, and three such answers make
 * this side send the hole again (RFC 5681 section 3.2). */
static inline void line_duplicate(struct world *w, an_u32 line, int side, an_u32 end)
{
	struct line *l = &w->lines.line[line];
	struct line_side *s = &l->sides[side];

	line_arrive(w, line, !side, end, 1, w->now_ns);
	if (++s->duplicates == 3)
		line_later(w, line, LINE_EVENT_FAST, side,
			   w->now_ns + line_reach(l, 0, w->now_ns) +
				   l->sides[1].reach_ns);
}

/* Send bytes that the mirror has not seen; they are held already, or need not be. */
static inline int line_fresh(struct world *w, an_u32 line, int side, const an_u8 *at,
			     an_u32 count)
{
	struct line *l = &w->lines.line[line];
	struct line_side *s = &l->sides[side];
	struct wire_segment segment;
	an_s64 now_ns = w->now_ns;
	int fate;

	line_catch_up(s, now_ns);
	memset(&segment.ends, 0, sizeof(segment.ends));
	segment.sequence = s->sequence;
	segment.acknowledged = s->acknowledged;
	segment.echo = s->echo;
	segment.flags = AIRNET_TCP_PSH | AIRNET_TCP_ACK;
	segment.payload = at;
	segment.payload_bytes = (an_u16)count;
	line_segment(w, l, side, &segment, now_ns);
	s->sequence += count;
	fate = line_fate(w, l, side, now_ns);
	if (fate != LINE_FATE_LOST && !l->sides[!side].is_alive) {
		line_refuse(w, line, side);
		return -1;
	}
	if (fate == LINE_FATE_LOST)
		return fate;
	if (!s->missing_bytes)
		line_arrive(w, line, !side, s->sequence, 0, now_ns);
	else
		line_duplicate(w, line, side, s->sequence - s->sent_bytes - count);
	return fate;
}

static inline an_u32 line_room(const struct world *w, const struct line_side *s)
{
	return world_host(w, s->path.host)->mss_bytes - (s->path.has_stamps ? 12u : 0u);
}

/* Send what is held and unsent, as far as may be. */
static inline void line_push(struct world *w, an_u32 line, int side)
{
	struct line *l = &w->lines.line[line];
	struct line_side *s = &l->sides[side];
	an_u32 room = line_room(w, s);

	while (s->held_bytes > s->sent_bytes && s->sent_bytes < s->window * room) {
		an_u32 count = s->held_bytes - s->sent_bytes;
		int fate;

		if (l->is_silent && side == AIRNET_DIRECTION_UP)
			break;
		count = count < room ? count : room;
		fate = line_fresh(w, line, side, s->held + s->sent_bytes, count);
		if (fate < 0)
			return;
		s->sent_bytes += count;
		line_note_fate(s, fate, w->now_ns);
		if (fate || s->missing_bytes || s->sent_bytes < s->held_bytes)
			continue;
		s->held_bytes = s->sent_bytes = 0;
	}
	line_await(w, line, side);
}

static inline void line_hold(struct world *w, struct line_side *s, const an_u8 *at,
			     an_u32 count)
{
	if (s->held_bytes + count > LINE_HELD_BYTES) {
		w->lines.counts.held_over++;
		return;
	}
	memcpy(s->held + s->held_bytes, at, count);
	s->held_bytes += count;
}

/* Write bytes into a side's stream; `is_cut`: the first segment ends early. */
static inline void line_write(struct world *w, an_u32 line, int side, const an_u8 *at,
			      an_u32 count, int is_cut)
{
	struct line *l = &w->lines.line[line];
	struct line_side *s = &l->sides[side];
	an_u32 room = line_room(w, s), part;

	if (is_cut) {
		part = 1 + chance_below(&l->chance, count - 1);
		room = part < room ? part : room;
	}
	while (count) {
		int fate;

		if (s->held_bytes || (l->is_silent && side == AIRNET_DIRECTION_UP)) {
			line_hold(w, s, at, count);
			line_push(w, line, side);
			return;
		}
		part = count < room ? count : room;
		room = line_room(w, s);
		fate = line_fresh(w, line, side, at, part);
		if (fate < 0)
			return;
		if (fate) {
			line_hold(w, s, at, part);
			s->sent_bytes = part;
			line_note_fate(s, fate, w->now_ns);
			line_await(w, line, side);
		}
		at += part;
		count -= part;
	}
}

/* The head of what is held has arrived and `count` bytes are acknowledged. */
static inline void line_release(struct line_side *s, an_u32 count)
{
	s->held_bytes -= count;
	s->sent_bytes -= count;
	memmove(s->held, s->held + count, s->held_bytes);
	s->rto_ns = LINE_RTO_NS;
}

/* Send the head of what is held again; what became of it. */
static inline int line_again(struct world *w, an_u32 line, int side, an_u32 count)
{
	struct line *l = &w->lines.line[line];
	struct line_side *s = &l->sides[side];
	struct wire_segment segment;
	an_s64 now_ns = w->now_ns;
	an_u32 end;
	int fate;

	line_catch_up(s, now_ns);
	memset(&segment.ends, 0, sizeof(segment.ends));
	segment.sequence = s->sequence - s->sent_bytes;
	segment.acknowledged = s->acknowledged;
	segment.echo = s->echo;
	segment.flags = AIRNET_TCP_PSH | AIRNET_TCP_ACK;
	segment.payload = s->held;
	segment.payload_bytes = (an_u16)count;
	w->lines.counts.retransmissions++;
	line_segment(w, l, side, &segment, now_ns);
	fate = line_fate(w, l, side, now_ns);
	if (fate == LINE_FATE_LOST)
		return fate;
	if (!l->sides[!side].is_alive) {
		line_refuse(w, line, side);
		return -1;
	}
	s->missing_bytes -= count < s->missing_bytes ? count : s->missing_bytes;
	end = s->missing_bytes ? segment.sequence + count : s->sequence;
	line_arrive(w, line, !side, end, 1, now_ns);
	return fate;
}

/* Send the head again, and see what that changes. */
static inline void line_recover(struct world *w, an_u32 line, int side, int is_timeout)
{
	struct line *l = &w->lines.line[line];
	struct line_side *s = &l->sides[side];
	an_u32 room = line_room(w, s);
	an_u32 count = s->sent_bytes < room ? s->sent_bytes : room;
	an_s64 now_ns = w->now_ns;
	int fate;

	line_shrink(s, room, is_timeout);
	fate = line_again(w, line, side, count);
	if (fate < 0)
		return;
	s->duplicates = 0;
	if (fate) {
		s->rto_ns = 2 * s->rto_ns < LINE_RTO_MAX_NS ? 2 * s->rto_ns
							    : LINE_RTO_MAX_NS;
		s->is_unanswered = fate == LINE_FATE_UNANSWERED;
		s->resend_ns = now_ns + s->rto_ns;
	} else {
		s->is_unanswered = 0;
		s->is_recovering = s->missing_bytes != 0;
		count = s->missing_bytes ? count : s->sent_bytes;
		line_grow(s, room, count);
		line_release(s, count);
		s->resend_ns = now_ns + line_reach(l, !side, now_ns) + 1000;
	}
	if (fate != LINE_FATE_LOST)
		line_hear(w, line, side, now_ns);
	line_await(w, line, side);
}

/* Time for what was sent to be acknowledged, or for it to be sent again. */
static inline void line_rto_event(struct world *w, an_u32 line, int side, an_s64 now_ns)
{
	struct line_side *s = &w->lines.line[line].sides[side];

	s->is_resending = 0;
	if (!s->held_bytes || !s->is_alive)
		return;
	if (s->missing_bytes || s->is_unanswered) {
		if (now_ns < s->resend_ns)
			line_await(w, line, side);
		else
			line_recover(w, line, side, 1);
		return;
	}
	if (s->sent_bytes) {
		line_grow(s, line_room(w, s), s->sent_bytes);
		line_release(s, s->sent_bytes);
	}
	line_push(w, line, side);
	line_hear(w, line, side, now_ns);
}

/* Three duplicate acknowledgements have come. */
static inline void line_fast_event(struct world *w, an_u32 line, int side)
{
	struct line_side *s = &w->lines.line[line].sides[side];

	if (s->missing_bytes && s->sent_bytes && s->is_alive)
		line_recover(w, line, side, 0);
}

#endif
