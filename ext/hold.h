/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Out-of-order segments of one direction, in sequence order, in pieces of a fixed
 * pool; bytes that came first are kept. A hole before them is waited for until it is
 * filled or given up.
 */
#ifndef AIRNET_HOLD_H
#define AIRNET_HOLD_H

#include "carry.h"
#include "holes.h"
#include "recent.h"

/* Move on to `n` bytes later. An acknowledgement that lies behind says no more. */
static inline void side_advance(struct side *side, an_u32 n)
{
	side->next += n;
	if (side->has_acknowledged &&
	    sequence_distance(side->next, side->acknowledged) > 0)
		side->has_acknowledged = 0;
}

static inline void side_deliver(struct stream *s, an_u32 index, int direction,
				struct cursor bytes)
{
	recent_add(s, index, direction, bytes);
	side_advance(&s->flows[index].sides[direction], (an_u32)cursor_left(&bytes));
	carry_deliver(s, index, direction, bytes);
}

static inline int overlap_differs(struct cursor ours, an_u32 our_sequence,
				  struct cursor theirs, an_u32 their_sequence)
{
	an_s64 ahead = sequence_distance(our_sequence, their_sequence);
	size_t n;

	if (cursor_skip(ahead > 0 ? &theirs : &ours,
			(size_t)(ahead > 0 ? ahead : -ahead)))
		return 0;
	n = cursor_left(&ours) < cursor_left(&theirs) ? cursor_left(&ours)
						      : cursor_left(&theirs);
	return n && memcmp(ours.at, theirs.at, n) != 0;
}

/* Whether a segment says otherwise of bytes that we still have. */
static inline int hold_conflicts(struct stream *s, an_u32 index, int direction,
				 struct cursor bytes, an_u32 sequence)
{
	const struct side *side = &s->flows[index].sides[direction];
	an_u32 i;

	if (recent_differs(s, index, direction, bytes, sequence))
		return 1;
	if (side->carry_bytes &&
	    overlap_differs(cursor_over(carry_at(s, side->carry), side->carry_bytes),
			    side->next - side->carry_bytes, bytes, sequence))
		return 1;
	for (i = side->held; i != AIRNET_NONE; i = s->held[i].next)
		if (overlap_differs(cursor_over(s->held_bytes[i], s->held[i].bytes),
				    s->held[i].sequence, bytes, sequence))
			return 1;
	return 0;
}

/* Hold up to a piece's worth of `bytes` at `*link`; -1 when there is no room. */
static inline int hold_piece(struct stream *s, struct side *side, an_u32 *link,
			     struct cursor bytes, an_u32 sequence)
{
	an_u32 place = s->free_held;
	size_t n = cursor_left(&bytes) < HELD_BYTES ? cursor_left(&bytes) : HELD_BYTES;
	struct held *held = &s->held[place == AIRNET_NONE ? 0 : place];

	if (place == AIRNET_NONE || side->held_count == HELD_PER_SIDE) {
		s->counts.held_full++;
		return -1;
	}
	if (side->held == AIRNET_NONE) {
		side->hole_ns = s->now_ns;
		side->has_wanted = 0;
		side->asks = 0;
	}
	holes_refill(s, side, sequence, n);
	s->free_held = held->next;
	held->next = *link;
	held->sequence = sequence;
	held->bytes = (an_u16)n;
	held->is_segment_start = bytes.at == s->segment_start;
	memcpy(s->held_bytes[place], bytes.at, n);
	*link = place;
	side->held_count++;
	return (int)n;
}

/* Hold what is new of a segment that lies ahead; returns how many bytes, or -1 when
 * there is no room for all of it. */
static inline int hold_insert(struct stream *s, struct side *side, struct cursor bytes,
			      an_u32 sequence)
{
	an_u32 *link = &side->held;
	int stored = 0, touches = 0; /* the byte before `sequence` is held */

	while (bytes.at != bytes.end) {
		struct held *piece = *link == AIRNET_NONE ? NULL : &s->held[*link];
		an_s64 ahead = piece ? sequence_distance(piece->sequence, sequence) : 1;
		struct cursor part = bytes;
		an_s64 n;

		if (ahead <= 0) {
			n = ahead + piece->bytes;
			touches = n >= 0;
			n = n < 0 ? 0 : n;
			n = n < bytes.end - bytes.at ? n : bytes.end - bytes.at;
			link = &piece->next;
		} else {
			if (piece)
				cursor_limit(&part, (size_t)ahead);
			n = hold_piece(s, side, link, part, sequence);
			if (n < 0)
				return -1;
			if (piece && touches && n == ahead)
				holes_close(s, side, sequence);
			touches = 1;
			stored += (int)n;
			link = &s->held[*link].next;
		}
		bytes.at += n;
		sequence += (an_u32)n;
	}
	return stored;
}

static inline void hold_unlink(struct stream *s, struct side *side)
{
	an_u32 place = side->held;

	side->held = s->held[place].next;
	s->held[place].next = s->free_held;
	s->free_held = place;
	side->held_count--;
}

/* Deliver the pieces that are next. */
static inline void hold_drain(struct stream *s, an_u32 index, int direction)
{
	struct side *side = &s->flows[index].sides[direction];
	const an_u8 *segment_start = s->segment_start;
	int has_drained = 0;

	side->asks = 0;
	while (side->held != AIRNET_NONE) {
		struct held *piece = &s->held[side->held];
		struct cursor bytes =
			cursor_over(s->held_bytes[side->held], piece->bytes);
		an_s64 behind = sequence_distance(side->next, piece->sequence);

		if (behind < 0)
			break;
		s->segment_start =
			behind == 0 && piece->is_segment_start ? bytes.at : NULL;
		if (!cursor_skip(&bytes, (size_t)behind))
			side_deliver(s, index, direction, bytes);
		hold_unlink(s, side);
		has_drained = 1;
	}
	if (has_drained)
		side->hole_ns = s->now_ns;
	s->segment_start = segment_start;
}

static inline void hold_drop(struct stream *s, struct side *side)
{
	while (side->held != AIRNET_NONE)
		hold_unlink(s, side);
}

/* Give up the hole up to `sequence`: what was begun before it cannot be finished. */
static inline void hold_give_up(struct stream *s, an_u32 index, int direction,
				an_u32 sequence)
{
	struct side *side = &s->flows[index].sides[direction];
	an_s64 n = sequence_distance(sequence, side->next);

	carry_drop(s, side);
	holes_skip(s, side, sequence);
	s->counts.gaps++;
	s->counts.gap_bytes += n > 0 ? (an_u64)n : 0;
	s->sessions[index].gap_bytes += n > 0 ? (an_u64)n : 0;
	s->header->stream_flags |= AIRNET_STREAM_GAP;
	side->recent_bytes = 0;
	side_advance(side, (an_u32)n);
	hold_drain(s, index, direction);
}

/* How long the hole up to `start` is waited for. What the receiver still asks for it
 * has not got, so nothing behind it has an effect yet; where nobody says anything, the
 * hole is filled within two round trips or not at all. */
static inline an_u64 hold_patience_ns(const struct airnet_session *session,
				      const struct side *side, an_u32 start)
{
	an_u64 trips_ns = 0;

	if (side->has_acknowledged && sequence_distance(side->acknowledged, start) >= 0)
		return FLOW_LATE_NS;
	if (side->has_wanted && sequence_distance(side->wanted_until, side->next) > 0)
		return FLOW_WANTED_NS;
	if (session->syn_ack_ns > session->syn_ns)
		trips_ns = 2 * (session->syn_ack_ns - session->syn_ns);
	if (trips_ns > FLOW_WANTED_NS)
		return FLOW_WANTED_NS;
	return trips_ns > FLOW_HOLE_NS ? trips_ns : FLOW_HOLE_NS;
}

/* As hold_check, of a direction that has a hole. */
PACKET_RARE void hold_wait(struct stream *s, an_u32 index, int direction)
{
	struct side *side = &s->flows[index].sides[direction];

	while (side->held != AIRNET_NONE) {
		an_u32 start = s->held[side->held].sequence;

		if (s->now_ns - side->hole_ns <=
		    hold_patience_ns(&s->sessions[index], side, start))
			return;
		hold_give_up(s, index, direction, start);
	}
}

/* Give up holes that the receiver has acknowledged, or that are too old. */
static inline void hold_check(struct stream *s, an_u32 index, int direction)
{
	if (s->flows[index].sides[direction].held != AIRNET_NONE)
		hold_wait(s, index, direction);
}

#endif
