/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames -> header rows and messages: TCP reassembly of the flows that are sessions
 * (RFC 9293 sections 3.4 and 3.8; resets as RFC 5961 section 3.2 accepts them, near
 * enough for an onlooker). Urgent data stays where it lies (RFC 6093 section 3). State
 * changes only frame by frame, never by batch.
 */
#ifndef AIRNET_STREAM_H
#define AIRNET_STREAM_H

#include "opening.h"

#define RESET_WINDOW 65536 /* where the window is not known */

/* The receiver has all before `acknowledged`, as far as it was seen. */
static inline void side_take(struct side *side, an_u32 acknowledged)
{
	if (!side->is_known || sequence_distance(acknowledged, side->next) > 0)
		return;
	if (!side->has_taken || sequence_distance(acknowledged, side->taken) > 0)
		side->taken = acknowledged;
	side->has_taken = 1;
}

static inline void stream_acknowledge(struct stream *s, an_u32 index, int direction,
				      const struct segment *segment)
{
	struct side *side = &s->flows[index].sides[!direction];
	an_u32 acknowledged = segment->acknowledged;
	an_s64 ahead = sequence_distance(acknowledged, side->next);

	side->window = segment->window;
	side->has_window = 1;
	side_take(side, acknowledged);
	if (side->unproved)
		holes_prove(s, side, acknowledged);
	if (side->held != AIRNET_NONE)
		holes_ask(s, side, segment);
	if (!side->is_known || ahead <= 0 || ahead > FLOW_WINDOW)
		return;
	if (!side->has_acknowledged ||
	    sequence_distance(acknowledged, side->acknowledged) > 0) {
		side->acknowledged = acknowledged;
		if (!side->has_fin || acknowledged != side->fin_sequence + 1)
			s->header->stream_flags |= AIRNET_STREAM_UNSEEN;
	}
	side->has_acknowledged = 1;
}

/* Deliver a segment that begins at or before what is next, with the pieces held in
 * and behind it; what the capture cut off its end is a gap. */
static inline void stream_in_order(struct stream *s, an_u32 index, int direction,
				   struct segment segment)
{
	struct side *side = &s->flows[index].sides[direction];
	an_u32 end = segment.sequence + s->header->payload_bytes;
	const an_u8 *start = segment.payload.at;

	while (sequence_distance(end, side->next) > 0) {
		an_u32 offset = side->next - segment.sequence, until = end;
		struct cursor bytes = segment.payload;

		if (side->held != AIRNET_NONE &&
		    sequence_distance(s->held[side->held].sequence, end) < 0)
			until = s->held[side->held].sequence;
		if (cursor_skip(&bytes, offset) || bytes.at == bytes.end) {
			hold_give_up(s, index, direction, until);
			continue;
		}
		cursor_limit(&bytes, until - side->next);
		s->segment_start = start;
		if (side->held == AIRNET_NONE) {
			side_deliver(s, index, direction, bytes);
			continue;
		}
		holes_refill(s, side, side->next, cursor_left(&bytes));
		side_deliver(s, index, direction, bytes);
		if (side->next == s->held[side->held].sequence)
			holes_close(s, side, segment.sequence + offset);
		hold_drain(s, index, direction);
	}
}

/* Hold a segment that lies ahead; holes are given up where there is no room. */
PACKET_RARE void stream_out_of_order(struct stream *s, an_u32 index, int direction,
				     const struct segment *segment)
{
	struct side *side = &s->flows[index].sides[direction];
	struct cursor bytes = segment->payload;
	an_u32 first;
	int stored;

	s->segment_start = bytes.at;
	stored = hold_insert(s, side, bytes, segment->sequence);
	if (bytes.at == bytes.end)
		return;
	if (stored == 0) {
		s->header->stream_flags |= AIRNET_STREAM_RETRANSMIT;
		s->counts.retransmits++;
		s->sessions[index].retransmits++;
		return;
	}
	s->header->stream_flags |= AIRNET_STREAM_OUT_OF_ORDER;
	s->counts.out_of_order++;
	while (stored < 0 && sequence_distance(segment->sequence, side->next) > 0) {
		first = segment->sequence;
		if (side->held != AIRNET_NONE &&
		    sequence_distance(s->held[side->held].sequence, first) < 0)
			first = s->held[side->held].sequence;
		hold_give_up(s, index, direction, first);
		if (sequence_distance(segment->sequence, side->next) > 0)
			stored = hold_insert(s, side, bytes, segment->sequence);
	}
	if (stored < 0)
		stream_in_order(s, index, direction, *segment);
}

/* Start anew at a segment far from what was expected: so much was lost, or nothing
 * before it belonged here. */
PACKET_RARE void stream_realign(struct stream *s, an_u32 index, int direction,
				an_u32 sequence)
{
	struct side *side = &s->flows[index].sides[direction];
	an_s64 missing = sequence_distance(sequence, side->next);

	hold_drop(s, side);
	side->has_acknowledged = 0;
	side->has_taken = 0;
	hold_give_up(s, index, direction, sequence);
	side->unproved = 0;
	if (missing < 0)
		side->has_fin = 0;
}

/* How many bytes the receiver has room for, as far as it said. */
static inline an_u32 stream_window(const struct side *side)
{
	an_u64 window;

	if (!side->has_window || side->shift == NO_SHIFT)
		return RESET_WINDOW;
	window = (an_u64)side->window << side->shift;
	return window < FLOW_WINDOW ? (an_u32)window : FLOW_WINDOW;
}

/* How far beyond what is next a segment may begin that the receiver can take. What it
 * said last may not have been seen: 64 KiB are always let in, as a receiver has that
 * much from the start. */
static inline an_s64 stream_room(const struct side *side)
{
	an_u32 ahead = side->has_acknowledged ? side->acknowledged - side->next : 0;
	an_u32 window = stream_window(side);

	if (!side->has_window || side->shift == NO_SHIFT)
		return FLOW_WINDOW;
	return (an_s64)(window > RESET_WINDOW ? window : RESET_WINDOW) + ahead;
}

static inline void stream_payload(struct stream *s, an_u32 index, int direction,
				  const struct segment *segment)
{
	struct side *side = &s->flows[index].sides[direction];
	an_u32 bytes = s->header->payload_bytes;
	an_s64 ahead;

	if (!side->is_known) {
		side->is_known = 1;
		side->next = segment->sequence;
	}
	if (side->checked < SUMS_GOOD)
		sums_sample(s, side, segment);
	else if (sums_are_bad(s, side, segment))
		return;
	ahead = sequence_distance(segment->sequence, side->next);
	if (ahead > FLOW_WINDOW || ahead < -FLOW_WINDOW) {
		if (!segment_begins(segment)) {
			s->counts.out_of_window++;
			return;
		}
		stream_realign(s, index, direction, segment->sequence);
		ahead = 0;
	}
	if (ahead > 0 && ahead > stream_room(side)) {
		s->counts.out_of_window++;
		return;
	}
	if (bytes == 1 && ahead == -1) { /* RFC 9293 section 3.8.4 */
		s->counts.keep_alives++;
		return;
	}
	if ((ahead < 0 || side->held != AIRNET_NONE) &&
	    hold_conflicts(s, index, direction, segment->payload, segment->sequence)) {
		s->header->stream_flags |= AIRNET_STREAM_CONFLICT;
		s->counts.conflicts++;
	}
	if (ahead > 0) {
		stream_out_of_order(s, index, direction, segment);
	} else if (ahead + (an_s64)bytes <= 0) {
		s->header->stream_flags |= AIRNET_STREAM_RETRANSMIT;
		if (side->has_taken &&
		    sequence_distance(side->taken, segment->sequence) >= (an_s64)bytes)
			s->header->stream_flags |= AIRNET_STREAM_TAKEN;
		s->counts.retransmits++;
		s->sessions[index].retransmits++;
	} else {
		stream_in_order(s, index, direction, *segment);
	}
}

static inline void stream_fin(struct stream *s, an_u32 index, int direction,
			      an_u32 sequence)
{
	struct side *side = &s->flows[index].sides[direction];

	if (!side->is_known) {
		side->is_known = 1;
		side->next = sequence;
	}
	if (!side->has_fin && sequence_is_near(sequence, side->next)) {
		side->has_fin = 1;
		side->fin_sequence = sequence;
	}
}

/* Whether the receiver may take a reset: it is exactly what comes next, or lies in the
 * window. Where the receiver has more than we saw, its window begins later. */
static inline int stream_takes_reset(const struct side *side, an_u32 sequence)
{
	an_u32 ahead = side->has_acknowledged ? side->acknowledged - side->next : 0;
	an_u32 offset = sequence - side->next;

	return !side->is_known || !offset || offset == ahead ||
	       offset < ahead + stream_window(side);
}

/* A reset ends both directions; what lay behind their holes had been sent before it.
 * What it carries is for people to read (RFC 9293 section 3.5.3), not stream bytes. */
static inline void stream_reset(struct stream *s, an_u32 index, int direction,
				an_u32 sequence)
{
	struct flow *flow = &s->flows[index];

	s->counts.resets_with_data += s->header->payload_bytes != 0;
	if (!stream_takes_reset(&flow->sides[direction], sequence)) {
		s->counts.resets_ignored++;
		return;
	}
	session_flush_side(s, index, AIRNET_DIRECTION_UP);
	session_flush_side(s, index, AIRNET_DIRECTION_DOWN);
	session_finish_side(s, &flow->sides[0]);
	session_finish_side(s, &flow->sides[1]);
	session_close(s, index, 1);
}

static inline void stream_check_fin(struct stream *s, an_u32 index, struct side *side)
{
	if (side->is_done || !side->has_fin ||
	    sequence_distance(side->next, side->fin_sequence) < 0)
		return;
	session_finish_side(s, side);
	session_close(s, index, 1);
}

/* The capture is over: what is missing will not come. */
static inline void stream_finish(struct stream *s)
{
	an_u32 i;

	s->time_ns = s->now_ns;
	s->row_count = 0;
	for (i = 0; i < s->session_count; i++)
		if (s->sessions[i].state) /* else a row never begun */
			session_settle(s, i);
}

#endif
