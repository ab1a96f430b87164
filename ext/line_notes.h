/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of a line, from mouth to ear: each side's are in one ring, by position:
 * heard <= flown <= passed <= said. Those heard stay for a while, for a resend.
 */
#ifndef AIRNET_LINE_NOTES_H
#define AIRNET_LINE_NOTES_H

#include "line_arrival.h"

/* A draw of a latency: quantiles, and a straight line between two of them. */
static inline an_s64 line_latency(struct line *l, int side)
{
	const an_u32 *table = l->sides[side].latency_ns;
	an_u32 draw = (an_u32)(chance_u64(&l->chance) >> 32);
	an_u32 at = draw >> 26, part = draw >> 10 & 0xffff;

	return table[at] + (((an_s64)table[at + 1] - table[at]) * part >> 16);
}

/* When what is said now gets to the mirror (up), or from there to the client (down). */
static inline an_s64 line_flight(struct line *l, int side, an_s64 now_ns)
{
	an_s64 extra = now_ns < l->extra_until_ns ? l->extra_ns : 0;

	return now_ns + line_latency(l, side) + extra;
}

/* Count the messages that the mirror has seen whole. */
static inline void line_count(struct world *w, an_u32 line, int side)
{
	struct line_side *s = &w->lines.line[line].sides[side];

	while (s->counted != s->passed) {
		const struct note *n = line_note(s, s->counted);

		if ((int32_t)(s->sequence - n->end) < 0)
			return;
		w->lines.truth[line][side][wire_type(n->app.type)]++;
		w->lines.counts.messages++;
		s->counted++;
	}
}

/* The sizes of what is said and due, when it is one segment of plain messages between
 * ends that nothing is amiss between; their count, 0 = it is not. */
static inline an_u32 line_plain(struct world *w, struct line *l, int side,
				an_s64 now_ns, an_u32 *sizes)
{
	const struct line_side *s = &l->sides[side];
	an_u32 count = 0, total = 0, room = line_room(w, s);

	if (s->held_bytes || l->is_silent || l->loss > 0 || !l->sides[!side].is_alive ||
	    line_is_blocked(l, 0, now_ns) || line_is_blocked(l, 1, now_ns))
		return 0;
	if (side == AIRNET_DIRECTION_UP &&
	    (intake_is_busy(w, l->gateway, now_ns) || now_ns < l->meter_until_ns))
		return 0;
	for (an_u32 at = s->passed; at != s->said; at++) {
		const struct note *n = &s->notes[at % LINE_NOTES];

		if (side == AIRNET_DIRECTION_UP && n->due_ns > now_ns)
			break;
		if (!wire_is_plain(n) || count == LINE_PLAIN_MAX)
			return 0;
		sizes[count] = wire_message_bytes(&s->voice, n);
		total += sizes[count++];
		if (total > room)
			return 0;
	}
	return count;
}

/* Pass what is said and due without making a frame of it; 0 = one must be made. */
static inline int line_pass_plain(struct world *w, an_u32 line, int side, an_s64 now_ns)
{
	struct line *l = &w->lines.line[line];
	struct line_side *s = &l->sides[side];
	an_u32 sizes[LINE_PLAIN_MAX];
	an_u32 count = line_plain(w, l, side, now_ns, sizes);

	if (!count)
		return 0;
	line_catch_up(s, now_ns);
	if (w->mode == WORLD_ROWS && !seen_plain(w, line, side, sizes, count))
		return 0;
	w->lines.counts.segments++;
	for (an_u32 i = 0; i < count; i++) {
		s->sequence += sizes[i];
		line_note(s, s->passed++)->end = s->sequence;
	}
	line_arrive(w, line, !side, s->sequence, 0, now_ns);
	line_hear(w, line, side, now_ns);
	return 1;
}

/* Encode what is said and due; the end of the text. */
static inline an_u8 *line_encode(struct world *w, struct line_side *s, int side,
				 an_s64 now_ns, an_u32 *is_fault)
{
	an_u8 *at = w->lines.text, *limit = at + LINE_TEXT_BYTES;
	an_u32 base = s->sequence + s->held_bytes - s->sent_bytes;

	while (s->passed != s->said && at < limit) {
		struct note *n = line_note(s, s->passed);

		if (side == AIRNET_DIRECTION_UP && n->due_ns > now_ns)
			break;
		at = wire_message(&s->voice, n, at, &w->lines.clock);
		n->end = base + (an_u32)(at - w->lines.text);
		*is_fault |= side == AIRNET_DIRECTION_UP && n->app.flags & APP_IS_FAULT;
		s->passed++;
	}
	return at;
}

/* Write some of what is said and due into the stream; is there more? */
static inline int line_pass_some(struct world *w, an_u32 line, int side, an_s64 now_ns)
{
	struct line *l = &w->lines.line[line];
	struct line_side *s = &l->sides[side];
	double split = world_line(w, line)->split;
	an_u32 generation = l->generation, is_fault = 0;
	an_u8 *end;
	int is_cut;

	if (!s->is_alive || l->phase == LINE_CLOSING || s->passed == s->said ||
	    (side == AIRNET_DIRECTION_UP && line_note(s, s->passed)->due_ns > now_ns))
		return 0;
	is_cut = split > 0 && chance_is(&l->chance, split);
	if (w->mode != WORLD_WIRE && !is_cut && line_pass_plain(w, line, side, now_ns))
		return 0;
	end = line_encode(w, s, side, now_ns, &is_fault);
	w->sensor.mark = is_fault ? SENSOR_MARK_LINE | line : 0;
	line_write(w, line, side, w->lines.text, (an_u32)(end - w->lines.text), is_cut);
	w->sensor.mark = 0;
	if (l->generation != generation)
		return 0;
	line_hear(w, line, side, now_ns);
	return end >= w->lines.text + LINE_TEXT_BYTES && l->generation == generation;
}

static inline void line_pass(struct world *w, an_u32 line, int side, an_s64 now_ns)
{
	while (line_pass_some(w, line, side, now_ns))
		;
}

/* The gateway writes after a while; what it says meanwhile goes with it. */
static inline void line_flush_after(struct world *w, an_u32 line, an_s64 after_ns)
{
	struct line *l = &w->lines.line[line];

	if (l->is_flushing)
		return;
	l->is_flushing = 1;
	line_later(w, line, LINE_EVENT_FLUSH, AIRNET_DIRECTION_DOWN,
		   w->now_ns + after_ns);
}

/* Hand what has arrived to the other side: at the gateway, which is beside the mirror,
 * at once as a rule; after the flight at the client. */
static inline void line_hear(struct world *w, an_u32 line, int side, an_s64 now_ns)
{
	struct line *l = &w->lines.line[line];
	struct line_side *s = &l->sides[side];
	an_u32 generation = l->generation;
	an_u32 limit = s->sequence - (s->missing_bytes ? s->sent_bytes : 0);
	an_s64 due_ns = 0;

	line_count(w, line, side);
	while (s->flown != s->passed) {
		struct note *n = line_note(s, s->flown);

		if ((int32_t)(limit - n->end) < 0)
			break;
		s->flown++;
		if (side == AIRNET_DIRECTION_UP) {
			if (!line_reaches(w, line, n, now_ns))
				continue;
			session_receive(w, line, side, n, now_ns);
			if (l->generation != generation)
				return;
			continue;
		}
		if (!due_ns) {
			due_ns = line_flight(l, side, now_ns);
			due_ns = due_ns > s->last_due_ns ? due_ns : s->last_due_ns;
			s->last_due_ns = due_ns;
			line_later(w, line, LINE_EVENT_DOWN, side, due_ns);
		}
		n->due_ns = due_ns;
	}
}

/* The other end hears what has reached it in this direction. */
static inline void line_read(struct world *w, an_u32 line, int direction, an_s64 now_ns)
{
	struct line *l = &w->lines.line[line];
	struct line_side *s = &l->sides[direction];
	an_u32 generation = l->generation;

	while (s->heard != s->flown && l->generation == generation) {
		const struct note *n = line_note(s, s->heard);

		if (n->due_ns > now_ns)
			break;
		s->heard++;
		if (l->sides[!direction].is_alive)
			session_receive(w, line, direction, n, now_ns);
	}
}

/* Room for one more message of a side? `spare`: how many are kept for others. */
static inline int line_has_room(const struct line_side *s, an_u32 spare)
{
	return s->said - s->heard + spare < LINE_NOTES &&
	       s->held_bytes < LINE_HELD_BYTES - LINE_TEXT_BYTES / 2;
}

/* Have the next message's place fetched: the ring was here a long time ago. */
static inline void line_fetch(const struct line_side *s)
{
	const an_u8 *at = (const an_u8 *)&s->notes[s->said % LINE_NOTES];

	__builtin_prefetch(at, 1);
	__builtin_prefetch(at + 64, 1);
	__builtin_prefetch(at + sizeof(struct note) - 1, 1);
}

/* Let a side say a message; `after_ns`: how long it takes to. NULL: no room. */
static inline struct note *line_put(struct world *w, an_u32 line, int side,
				    const struct app *a, an_s64 after_ns)
{
	struct line *l = &w->lines.line[line];
	struct line_side *s = &l->sides[side];
	struct note *n = line_note(s, s->said);
	an_s64 now_ns = w->now_ns, due_ns;

	if (!line_has_room(s, 1)) {
		w->lines.counts.refused++;
		return NULL;
	}
	n->app = *a;
	n->said_ns = now_ns + after_ns;
	n->flags = 0;
	n->reference = 0;
	n->number = s->number++;
	s->said++;
	line_fetch(s);
	s->said_ns = n->said_ns;
	if (side == AIRNET_DIRECTION_DOWN)
		return n; /* written by line_pass or line_flush_after */
	if (s->passed + 1 != s->said && s->last_said_ns == n->said_ns &&
	    (world_line(w, line)->flags & LINE_BATCHES)) {
		n->due_ns = s->last_due_ns; /* one write */
		return n;
	}
	due_ns = line_flight(l, side, n->said_ns);
	if (due_ns <= s->last_due_ns)
		due_ns = s->last_due_ns + LINE_SPACING_NS;
	s->last_said_ns = n->said_ns;
	s->last_due_ns = n->due_ns = due_ns;
	line_later(w, line, LINE_EVENT_UP, side, due_ns);
	return n;
}

#endif
