/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCP of a line as the mirror at the venue's switch sees it: numbers that respect the
 * round trip between mirror and host, delayed and piggybacked acknowledgements (RFC
 * 9293 section 3.8.6.3).
 */
#ifndef AIRNET_LINE_TCP_H
#define AIRNET_LINE_TCP_H

#include "wire.h"
#include "seen_line.h"

#define LINE_DELAYED_NS 40000000 /* Linux's delayed acknowledgement */
#define LINE_RTO_NS 200000000
#define LINE_RTO_MAX_NS (120 * WORLD_SECOND_NS)
#define LINE_IN_FLIGHT 10 /* segments at first, while bytes are held (RFC 6928) */
#define LINE_WINDOW_MAX 256

/* Events of a line: who = line, value = generation * 2 + side. */
enum {
	LINE_EVENT_UP, /* a write of the client passes the mirror */
	LINE_EVENT_DOWN, /* a write of the gateway reaches the client */
	LINE_EVENT_FLUSH, /* the gateway writes what it gathered */
	LINE_EVENT_ACK,
	LINE_EVENT_RTO,
	LINE_EVENT_FAST, /* three duplicate acknowledgements have come */
	LINE_EVENT_TAKEN, /* what waited in the gateway's stack is read */
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

/* Does the switch stop a segment of a client, who is no stranger to the venue but may
 * be one to the switch? */
static inline int line_is_policed(struct world *w, const struct line *l, int side,
				  an_s64 now_ns)
{
	const struct line_side *s = &l->sides[side];

	if (side != AIRNET_DIRECTION_UP || now_ns >= l->meter_until_ns)
		return 0;
	return !switch_passes(w, world_host(w, s->path.host)->address, l->gateway,
			      l->gateway_port);
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
	if (w->mode == WORLD_ROWS)
		seen_learn(w, l);
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

	if (side == AIRNET_DIRECTION_DOWN)
		ready_ns += intake_delay(w, l->gateway, now_ns);
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
		if (w->mode == WORLD_ROWS && !l->is_silent && seen_bare(w, line, side))
			w->lines.counts.segments++;
		else
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

#endif
