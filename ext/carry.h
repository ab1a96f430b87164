/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Partial messages between segments: a buffer of a fixed pool, small first, large when
 * a message has really sent more than a small one holds.
 */
#ifndef AIRNET_CARRY_H
#define AIRNET_CARRY_H

#include "framer.h"

static inline an_u8 *carry_at(struct stream *s, an_u32 carry)
{
	return carry < SMALL_COUNT ? s->small[carry] : s->large[carry - SMALL_COUNT];
}

static inline void carry_free(struct stream *s, struct side *side)
{
	if (side->carry != AIRNET_NONE && side->carry < SMALL_COUNT) {
		s->next_small[side->carry] = s->free_small;
		s->free_small = side->carry;
	} else if (side->carry != AIRNET_NONE) {
		s->next_large[side->carry - SMALL_COUNT] = s->free_large;
		s->free_large = side->carry - SMALL_COUNT;
	}
	side->carry = AIRNET_NONE;
	side->carry_bytes = 0;
	side->need_bytes = 0;
	side->start_count = 0;
}

/* Forget the partial message and look for the next one; not the sender's fault. */
static inline void carry_drop(struct stream *s, struct side *side)
{
	if (side->carry_bytes && !side->is_lost)
		s->counts.partials_dropped++;
	s->counts.bytes_skipped += side->carry_bytes;
	carry_free(s, side);
	side->is_lost = 1;
	side->number = 0;
	side->follows_soh = 0;
	side->region_row = AIRNET_NONE;
}

static inline an_u32 carry_take(an_u32 *first, an_u32 *next, an_u32 base)
{
	an_u32 taken = *first;

	if (taken == AIRNET_NONE)
		return AIRNET_NONE;
	*first = next[taken];
	return base + taken;
}

/* Make room for `n` bytes in all; -1 when no buffer is left or none is so large. */
static inline int carry_reserve(struct stream *s, struct side *side, an_u32 n)
{
	struct side old = *side;
	an_u32 carry = side->carry;

	if (carry != AIRNET_NONE &&
	    n <= (carry < SMALL_COUNT ? SMALL_BYTES : LARGE_BYTES))
		return 0;
	carry = AIRNET_NONE;
	if (n <= SMALL_BYTES)
		carry = carry_take(&s->free_small, s->next_small, 0);
	if (carry == AIRNET_NONE && n <= LARGE_BYTES)
		carry = carry_take(&s->free_large, s->next_large, SMALL_COUNT);
	if (carry == AIRNET_NONE) {
		s->counts.carry_full++;
		return -1;
	}
	if (old.carry != AIRNET_NONE) {
		memcpy(carry_at(s, carry), carry_at(s, old.carry), old.carry_bytes);
		carry_free(s, &old);
	}
	side->carry = carry;
	return 0;
}

/* Append `n` bytes of `chunk`; -1 when they, and the partial message, are dropped. */
static inline int carry_append(struct stream *s, struct side *side,
			       struct cursor *chunk, an_u32 n)
{
	if (carry_reserve(s, side, side->carry_bytes + n)) {
		carry_drop(s, side);
		s->counts.bytes_skipped += n;
		chunk->at += n;
		return -1;
	}
	cursor_copy(chunk, carry_at(s, side->carry) + side->carry_bytes, n);
	side->carry_bytes += n;
	return 0;
}

/* Remember that a segment which may start a message starts at carry offset `start`. */
static inline void carry_note_start(struct side *side, const struct cursor *chunk,
				    an_u32 start)
{
	if (side->start_count < FLOW_STARTS &&
	    cursor_agrees(chunk, FIX_BEGIN, FIX_BEGIN_BYTES))
		side->starts[side->start_count++] = start;
}

/* Take `used` bytes off the carry's front. What came from this chunk and is still
 * there goes back to it, to be read where it lies. */
static inline void carry_settle(struct stream *s, struct side *side, an_u32 used,
				an_u32 taken, struct cursor *chunk)
{
	an_u32 rest = side->carry_bytes - used;
	an_u8 *bytes = carry_at(s, side->carry);
	int i, kept = 0;

	if (rest <= taken) {
		chunk->at -= rest;
		carry_free(s, side);
		return;
	}
	if (!used)
		return;
	memmove(bytes, bytes + used, rest);
	side->carry_bytes = rest;
	for (i = 0; i < side->start_count; i++)
		if (side->starts[i] >= used)
			side->starts[kept++] = side->starts[i] - used;
	side->start_count = (an_u8)kept;
}

/* Add to the carried bytes what the message lacks, as far as the chunk goes. `*old`
 * of them were carried before the chunk came. */
static inline void carry_continue(struct stream *s, an_u32 index, int direction,
				  struct cursor *chunk, an_u32 *old)
{
	struct side *side = &s->flows[index].sides[direction];
	struct stretch stretch = {.old = *old, .start = FRAMER_NO_START};
	an_u32 taken = FIX_HEAD_BYTES, used;

	if (side->need_bytes)
		taken = side->need_bytes - side->carry_bytes;
	if (taken > cursor_left(chunk))
		taken = (an_u32)cursor_left(chunk);
	if (chunk->at == s->segment_start) {
		stretch.start = side->carry_bytes;
		carry_note_start(side, chunk, side->carry_bytes);
	}
	if (carry_append(s, side, chunk, taken) || side->carry_bytes < side->need_bytes)
		return;
	stretch.bytes = carry_at(s, side->carry);
	stretch.n = side->carry_bytes;
	used = framer_run(s, index, direction, &stretch);
	*old = used < *old ? *old - used : 0;
	carry_settle(s, side, used, taken, chunk);
}

/* Take the next bytes of a direction; nothing is missing before them. */
static inline void carry_deliver(struct stream *s, an_u32 index, int direction,
				 struct cursor chunk)
{
	struct side *side = &s->flows[index].sides[direction];
	struct stretch stretch = {.old = 0};
	an_u32 old = side->carry_bytes;

	while (chunk.at != chunk.end) {
		if (side->carry_bytes) {
			carry_continue(s, index, direction, &chunk, &old);
			continue;
		}
		stretch.bytes = chunk.at;
		stretch.n = (an_u32)cursor_left(&chunk);
		stretch.start = chunk.at == s->segment_start ? 0 : FRAMER_NO_START;
		chunk.at += framer_run(s, index, direction, &stretch);
		if (chunk.at != chunk.end)
			carry_append(s, side, &chunk, (an_u32)cursor_left(&chunk));
	}
}

#endif
