/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last bytes that each direction delivered: a segment sent again that says
 * otherwise of them is a conflict, though nobody holds them any more. The byte of
 * sequence number n lies at n % RECENT_BYTES.
 */
#ifndef AIRNET_RECENT_H
#define AIRNET_RECENT_H

#include "flow.h"

/* The bytes between place `from` and the end of the ring, at most `n`. */
static inline size_t recent_straight(an_u32 from, size_t n)
{
	size_t room = RECENT_BYTES - from % RECENT_BYTES;

	return n < room ? n : room;
}

/* Remember `bytes`, which begin where the side is now. */
static inline void recent_add(struct stream *s, an_u32 index, int direction,
			      struct cursor bytes)
{
	struct side *side = &s->flows[index].sides[direction];
	an_u8 *ring = s->recent[index][direction];
	size_t n = cursor_left(&bytes), known = side->recent_bytes + n, part;
	an_u32 from = side->next;

	if (n > RECENT_BYTES) {
		cursor_skip(&bytes, n - RECENT_BYTES);
		from += (an_u32)(n - RECENT_BYTES);
		n = RECENT_BYTES;
	}
	part = recent_straight(from, n);
	cursor_copy(&bytes, ring + from % RECENT_BYTES, part);
	cursor_copy(&bytes, ring, n - part);
	side->recent_bytes = (an_u16)(known < RECENT_BYTES ? known : RECENT_BYTES);
}

/* Whether `bytes`, which begin at `sequence`, differ from what was delivered there. */
static inline int recent_differs(struct stream *s, an_u32 index, int direction,
				 struct cursor bytes, an_u32 sequence)
{
	const struct side *side = &s->flows[index].sides[direction];
	const an_u8 *ring = s->recent[index][direction];
	an_u32 from = side->next - side->recent_bytes;
	an_s64 early = sequence_distance(from, sequence), n;
	size_t part;

	if (early < 0)
		from = sequence;
	else if (cursor_skip(&bytes, (size_t)early))
		return 0;
	n = sequence_distance(side->next, from);
	if (n <= 0)
		return 0;
	cursor_limit(&bytes, (size_t)n);
	part = recent_straight(from, cursor_left(&bytes));
	if (memcmp(ring + from % RECENT_BYTES, bytes.at, part) != 0)
		return 1;
	cursor_skip(&bytes, part);
	return memcmp(ring, bytes.at, cursor_left(&bytes)) != 0;
}

#endif
