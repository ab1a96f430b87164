/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCP of a line as the mirror at the venue's switch sees it: numbers that respect the
 * round trip between mirror and host, delayed and piggybacked acknowledgements (RFC
 * 9293 section 3.8.6.3), segments, and what happens when they, or what acknowledges
 * them, do not arrive: retransmission after 200 ms, then twice as long each time (RFC
 * 6298 section 5, with Linux's least time).
 *
 * Bytes are kept only while something is amiss: a side's `held` is empty as a rule.
 */
#ifndef AIRNET_LINE_TCP_H
#define AIRNET_LINE_TCP_H

#include "wire.h"

#define LINE_DELAYED_NS 40000000 /* Linux's delayed acknowledgement */
#define LINE_RTO_NS 200000000
#define LINE_RTO_MAX_NS (120 * WORLD_SECOND_NS)
#define LINE_IN_FLIGHT 10 /* segments, while bytes are held (RFC 6928) */

/* Events of a line: who = line, value = generation * 2 + side. */
enum {
	LINE_EVENT_UP, /* a write of the client passes the mirror */
	LINE_EVENT_DOWN, /* a write of the gateway reaches the client */
	LINE_EVENT_FLUSH, /* the gateway writes what it gathered */
	LINE_EVENT_ACK,
	LINE_EVENT_RTO,
	LINE_EVENT_BEAT,
	LINE_EVENT_CONNECT,
	LINE_EVENT_SYN,
	LINE_EVENT_SYN_ACK,
	LINE_EVENT_ESTABLISHED,
	LINE_EVENT_LOGON, /* the client says it */
	LINE_EVENT_WELCOME, /* the gateway answers it */
	LINE_EVENT_PATIENCE, /* the client waited long enough for that */
	LINE_EVENT_FIN,
	LINE_EVENT_FIN_BACK,
	LINE_EVENT_FIN_LAST,
	LINE_EVENT_CLOSE,
	LINE_EVENT_FEED = 0x100, /* ext/feed.h */
	LINE_EVENT_MURMUR = 0x200, /* ext/murmur.h */
	LINE_EVENT_TROUBLE = 0x300, /* who = row of TROUBLE */
	LINE_EVENT_TROUBLE_TURN,
	LINE_EVENT_TROUBLE_END,
};

static inline void line_hear(struct world *w, an_u32 line, int side, an_s64 now_ns);
static inline void line_lost(struct world *w, an_u32 line, int side, an_s64 now_ns);

static inline void line_later(struct world *w, an_u32 line, an_u32 kind, int side,
			      an_s64 time_ns)
{
	an_u64 value = (an_u64)w->lines.line[line].generation << 1 | (an_u64)side;

	agenda_add(&w->agenda, time_ns, WORLD_LINE | kind, line, value);
}

/* Does what `side` sends vanish behind the mirror? */
static inline int line_is_blocked(const struct line *l, int side, an_s64 now_ns)
{
	if (l->is_silent)
		return 1;
	return now_ns < l->block_until_ns && l->block_form != LINE_BLOCK_LOGOUT &&
	       (l->block_directions >> side & 1);
}

static inline an_s64 line_reach(const struct line *l, int side, an_s64 now_ns)
{
	an_s64 extra = side == AIRNET_DIRECTION_UP && now_ns < l->extra_until_ns
			       ? 2 * l->extra_ns
			       : 0;

	return l->sides[side].reach_ns + extra;
}

static inline an_u32 line_stamp(const struct world *w, const struct line_side *s,
				an_s64 now_ns)
{
	return world_host(w, s->path.host)->stamp_start +
	       (an_u32)((an_u64)now_ns / 1000000);
}

/* One segment of a side, as the mirror sees it. */
static inline void line_segment(struct world *w, struct line *l, int side,
				const struct wire_segment *s, an_s64 now_ns)
{
	if (l->is_silent && side == AIRNET_DIRECTION_UP)
		return;
	w->lines.counts.segments++;
	wire_put_tcp(w, &l->sides[side].path, s, now_ns);
}

static inline void line_bare(struct world *w, struct line *l, int side, an_u8 flags,
			     an_s64 now_ns)
{
	struct line_side *s = &l->sides[side];
	struct wire_segment segment;

	memset(&segment, 0, sizeof(segment));
	segment.sequence = s->sequence;
	segment.acknowledged = flags & AIRNET_TCP_ACK ? s->acknowledged : 0;
	segment.echo = s->echo;
	segment.flags = flags;
	line_segment(w, l, side, &segment, now_ns);
}

/* Acknowledge what has reached a side by now; does anything new? */
static inline an_u32 line_catch_up(struct line_side *s, an_s64 now_ns)
{
	an_u32 taken = 0;

	while (taken < s->arriving_count && s->arriving[taken].ready_ns <= now_ns)
		taken++;
	if (taken) {
		/* RFC 7323 section 4.3: the first segment behind the last
		 * acknowledgement gives the stamp to echo. */
		s->echo = s->arriving[0].stamp;
		s->acknowledged = s->arriving[taken - 1].end;
		s->arriving_count -= taken;
		memmove(s->arriving, s->arriving + taken,
			s->arriving_count * sizeof(s->arriving[0]));
	}
	s->due_ns = WORLD_NEVER_NS;
	if (s->arriving_count >= 2)
		s->due_ns = s->arriving[1].ready_ns;
	else if (s->arriving_count)
		s->due_ns = s->arriving[0].ready_ns + LINE_DELAYED_NS;
	return taken;
}

static inline void line_arm_ack(struct world *w, an_u32 line, int side)
{
	struct line_side *s = &w->lines.line[line].sides[side];

	if (s->due_ns >= s->timer_ns)
		return;
	s->timer_ns = s->due_ns;
	line_later(w, line, LINE_EVENT_ACK, side, s->due_ns);
}

/* Bytes up to `end` are on their way to a side; `is_urgent`: it answers at once. */
static inline void line_arrive(struct world *w, an_u32 line, int side, an_u32 end,
			       int is_urgent, an_s64 now_ns)
{
	struct line *l = &w->lines.line[line];
	struct line_side *s = &l->sides[side];
	an_s64 ready_ns = now_ns + line_reach(l, side, now_ns);
	struct line_arrival *a;

	if (s->arriving_count == LINE_ARRIVING)
		s->arriving_count--;
	a = &s->arriving[s->arriving_count++];
	if (s->arriving_count > 1 && a[-1].ready_ns > ready_ns)
		ready_ns = a[-1].ready_ns;
	a->ready_ns = ready_ns;
	a->end = end;
	a->stamp = line_stamp(w, &l->sides[!side], now_ns);
	if (is_urgent)
		s->due_ns = ready_ns < s->due_ns ? ready_ns : s->due_ns;
	else if (s->arriving_count == 1)
		s->due_ns = ready_ns + LINE_DELAYED_NS;
	else if (s->arriving[1].ready_ns < s->due_ns)
		s->due_ns = s->arriving[1].ready_ns;
	line_arm_ack(w, line, side);
}

static inline void line_ack_event(struct world *w, an_u32 line, int side, an_s64 now_ns)
{
	struct line *l = &w->lines.line[line];
	struct line_side *s = &l->sides[side];

	if (s->timer_ns != now_ns)
		return;
	s->timer_ns = WORLD_NEVER_NS;
	if (s->due_ns <= now_ns && s->is_alive) {
		line_catch_up(s, now_ns);
		w->lines.counts.acknowledgements++;
		line_bare(w, l, side, AIRNET_TCP_ACK, now_ns);
	}
	line_arm_ack(w, line, side);
}

static inline void line_arm_rto(struct world *w, an_u32 line, int side, an_s64 time_ns)
{
	struct line_side *s = &w->lines.line[line].sides[side];

	if (s->is_resending)
		return;
	s->is_resending = 1;
	line_later(w, line, LINE_EVENT_RTO, side, time_ns);
}

/* What became of a segment of data behind the mirror. */
#define LINE_FATE_LOST 1
#define LINE_FATE_UNANSWERED 2 /* it arrives, its acknowledgement does not */

static inline int line_fate(struct world *w, struct line *l, int side, an_s64 now_ns)
{
	if (line_is_blocked(l, side, now_ns))
		return LINE_FATE_LOST;
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
	if (fate != LINE_FATE_LOST && !s->missing_bytes)
		line_arrive(w, line, !side, s->sequence, 0, now_ns);
	else if (fate != LINE_FATE_LOST)
		line_arrive(w, line, !side, s->sequence - s->sent_bytes - count, 1,
			    now_ns);
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

	while (s->held_bytes > s->sent_bytes && s->sent_bytes < LINE_IN_FLIGHT * room) {
		an_u32 count = s->held_bytes - s->sent_bytes;
		int fate;

		if (l->is_silent && side == AIRNET_DIRECTION_UP)
			break;
		count = count < room ? count : room;
		fate = line_fresh(w, line, side, s->held + s->sent_bytes, count);
		if (fate < 0)
			return;
		s->sent_bytes += count;
		if (fate == LINE_FATE_LOST)
			s->missing_bytes = s->sent_bytes;
		if (fate || s->missing_bytes || s->sent_bytes < s->held_bytes)
			continue;
		s->held_bytes = s->sent_bytes = 0;
	}
	if (s->held_bytes)
		line_arm_rto(w, line, side, w->now_ns + s->rto_ns);
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

/* Write bytes into a side's stream. */
static inline void line_write(struct world *w, an_u32 line, int side, const an_u8 *at,
			      an_u32 count)
{
	struct line *l = &w->lines.line[line];
	struct line_side *s = &l->sides[side];
	double split = world_line(w, line)->split;
	an_u32 room = line_room(w, s), part;

	if (count > 2 && split > 0 && chance_is(&l->chance, split)) {
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
			s->missing_bytes = fate == LINE_FATE_LOST ? part : 0;
			line_arm_rto(w, line, side, w->now_ns + s->rto_ns);
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

/* Nothing was heard for the retransmission time. */
static inline void line_rto_event(struct world *w, an_u32 line, int side, an_s64 now_ns)
{
	struct line *l = &w->lines.line[line];
	struct line_side *s = &l->sides[side];
	an_u32 room = line_room(w, s);
	an_u32 count = s->sent_bytes < room ? s->sent_bytes : room;
	int fate;

	s->is_resending = 0;
	if (!s->held_bytes || !s->is_alive)
		return;
	if (!count) {
		line_push(w, line, side);
		line_hear(w, line, side, now_ns);
		return;
	}
	fate = line_again(w, line, side, count);
	if (fate < 0)
		return;
	if (!fate)
		line_release(s, s->missing_bytes ? count : s->sent_bytes);
	else
		s->rto_ns = 2 * s->rto_ns < LINE_RTO_MAX_NS ? 2 * s->rto_ns
							    : LINE_RTO_MAX_NS;
	if (fate != LINE_FATE_LOST)
		line_hear(w, line, side, now_ns);
	if (s->held_bytes)
		line_arm_rto(w, line, side,
			     now_ns + (fate ? s->rto_ns
					    : line_reach(l, !side, now_ns) + 1000));
}

#endif
