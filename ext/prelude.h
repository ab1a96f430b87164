/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream picked up in mid-course whose first segment is shorter than "8=FIX": too
 * little to open a session, enough to be missed. A fixed table of such beginnings;
 * their number says what the bytes were.
 */
#ifndef AIRNET_PRELUDE_H
#define AIRNET_PRELUDE_H

#include "table.h"

/* The ways of this frame's flow. */
static inline struct prelude *prelude_place(struct stream *s)
{
	an_u64 set = (s->hash >> 16) % (FLOW_PRELUDES / FLOW_WAYS);

	return &s->preludes[set * FLOW_WAYS];
}

static inline struct prelude *prelude_find(struct stream *s, const struct flow_key *key,
					   int is_from_low)
{
	struct prelude *way = prelude_place(s);
	int i;

	for (i = 0; i < FLOW_WAYS; i++, way++)
		if (way->bytes && way->is_from_low == is_from_low &&
		    flow_key_equals(&way->key, key))
			return way;
	return NULL;
}

/* Which byte of "8=FIX" `payload` can begin with; -1 when with none. */
static inline int prelude_byte(const struct cursor *payload)
{
	const char *found;

	if (payload->at == payload->end || !*payload->at)
		return -1;
	found = strchr(FIX_BEGIN, *payload->at);
	return found ? (int)(found - FIX_BEGIN) : -1;
}

/* The beginning that a segment goes on from, if it does. */
static inline struct prelude *prelude_before(struct stream *s,
					     const struct opening *opening,
					     const struct segment *segment)
{
	int byte = prelude_byte(&segment->payload);
	struct prelude *entry;

	if (byte <= 0 || !cursor_agrees(&segment->payload, &FIX_BEGIN[byte],
					(size_t)(FIX_BEGIN_BYTES - byte)))
		return NULL;
	entry = prelude_find(s, &opening->key, opening->is_from_low);
	if (!entry || entry->bytes != byte ||
	    entry->sequence + entry->bytes != segment->sequence)
		return NULL;
	return entry;
}

static inline int prelude_is_finished(struct stream *s, const struct opening *opening,
				      const struct segment *segment)
{
	const struct prelude *entry = prelude_before(s, opening, segment);

	return entry &&
	       entry->bytes + cursor_left(&segment->payload) >= FIX_BEGIN_BYTES;
}

/* A place for a new beginning: a free one, or the oldest. */
static inline struct prelude *prelude_victim(struct stream *s)
{
	struct prelude *way = prelude_place(s), *victim = way;
	int i;

	for (i = 0; i < FLOW_WAYS; i++, way++) {
		if (!way->bytes)
			return way;
		if (way->time_ns < victim->time_ns)
			victim = way;
	}
	return victim;
}

/* Note a segment that may begin a stream, or go on from one that did. */
static inline void prelude_note(struct stream *s, const struct opening *opening,
				const struct segment *segment)
{
	size_t n = cursor_left(&segment->payload);
	struct prelude *entry;

	if (!n || n >= FIX_BEGIN_BYTES || n != s->header->payload_bytes)
		return;
	entry = prelude_before(s, opening, segment);
	if (entry) {
		entry->bytes += (an_u8)n;
		return;
	}
	if (!cursor_agrees(&segment->payload, FIX_BEGIN, FIX_BEGIN_BYTES))
		return;
	entry = prelude_find(s, &opening->key, opening->is_from_low);
	if (!entry)
		entry = prelude_victim(s);
	memset(entry, 0, sizeof(*entry));
	entry->key = opening->key;
	entry->time_ns = s->now_ns;
	entry->sequence = segment->sequence;
	entry->bytes = (an_u8)n;
	entry->is_from_low = (an_u8)opening->is_from_low;
}

/* Give a session just opened what came before it: of this direction what its segment
 * goes on from, of the other what is recent. */
static inline void prelude_use(struct stream *s, an_u32 index,
			       const struct opening *opening,
			       const struct segment *segment)
{
	int is_low;

	for (is_low = 0; is_low < 2; is_low++) {
		struct prelude *entry = prelude_find(s, &opening->key, is_low);
		int direction = s->flows[index].is_client_low != is_low, is_next;
		struct side *side = &s->flows[index].sides[direction];
		struct cursor bytes;

		if (!entry)
			continue;
		is_next = is_low == opening->is_from_low
				  ? entry->sequence + entry->bytes == segment->sequence
				  : s->now_ns - entry->time_ns <= FLOW_HOLE_NS;
		if (is_next && !side->is_known) {
			bytes = cursor_over((const an_u8 *)FIX_BEGIN, entry->bytes);
			side->is_known = 1;
			side->next = entry->sequence;
			s->segment_start = bytes.at;
			side_deliver(s, index, direction, bytes);
		}
		entry->bytes = 0;
	}
}

#endif
