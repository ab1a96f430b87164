/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data that a SYN carries (TCP Fast Open, RFC 7413): kept in a small fixed table until
 * a session opens, and the first of its stream when the SYN-ACK took it. What is
 * neither FIX nor for a known gateway is not kept.
 */
#ifndef AIRNET_FASTOPEN_H
#define AIRNET_FASTOPEN_H

#include "prelude.h"

/* The ways of this frame's flow. */
static inline struct syn_data *fastopen_place(struct stream *s)
{
	an_u64 set = (s->hash >> 16) % (FLOW_SYN_DATA / FLOW_WAYS);

	return &s->syn_data[set * FLOW_WAYS];
}

static inline struct syn_data *
fastopen_find(struct stream *s, const struct flow_key *key, int is_from_low, an_u32 isn)
{
	struct syn_data *way = fastopen_place(s);
	int i;

	for (i = 0; i < FLOW_WAYS; i++, way++)
		if (way->bytes && way->isn == isn && way->is_from_low == is_from_low &&
		    flow_key_equals(&way->key, key))
			return way;
	return NULL;
}

static inline struct syn_data *fastopen_victim(struct stream *s)
{
	struct syn_data *way = fastopen_place(s), *victim = way;
	int i;

	for (i = 0; i < FLOW_WAYS; i++, way++) {
		if (!way->bytes)
			return way;
		if (way->order < victim->order)
			victim = way;
	}
	return victim;
}

/* Keep the data of a SYN; of one sent again the first copy. */
static inline void fastopen_note(struct stream *s, const struct flow_key *key,
				 int is_from_low, const struct segment *segment)
{
	size_t n = cursor_left(&segment->payload);
	struct syn_data *entry;

	if (!n || n != s->header->payload_bytes || n > SYN_DATA_BYTES)
		return;
	if (!cursor_agrees(&segment->payload, FIX_BEGIN, FIX_BEGIN_BYTES) &&
	    !flow_is_gateway(s, &key->low) && !flow_is_gateway(s, &key->high))
		return;
	if (fastopen_find(s, key, is_from_low, segment->sequence))
		return;
	entry = fastopen_victim(s);
	s->counts.syn_data_evicted += entry->bytes != 0;
	entry->key = *key;
	entry->order = s->handshake_order++;
	entry->isn = segment->sequence;
	entry->bytes = (an_u16)n;
	entry->is_from_low = (an_u8)is_from_low;
	memcpy(entry->data, segment->payload.at, n);
}

/* What the SYN-ACK took of a SYN's data, as far as it was kept. */
static inline struct cursor fastopen_taken(struct syn_data *entry,
					   const struct handshake *handshake)
{
	struct cursor bytes = cursor_over(entry->data, entry->bytes);

	cursor_limit(&bytes, handshake->taken_bytes);
	return bytes;
}

/* Whether FIX begins in the data that the SYN-ACK took. */
static inline int fastopen_begins(struct stream *s, const struct handshake *handshake)
{
	struct syn_data *entry;
	struct cursor bytes;

	if (!handshake->taken_bytes)
		return 0;
	entry = fastopen_find(s, &handshake->key, handshake->is_from_low,
			      handshake->isn);
	if (!entry)
		return 0;
	bytes = fastopen_taken(entry, handshake);
	return cursor_left(&bytes) >= FIX_BEGIN_BYTES &&
	       cursor_agrees(&bytes, FIX_BEGIN, FIX_BEGIN_BYTES);
}

/* Give a session just opened what its SYN carried. */
static inline void fastopen_use(struct stream *s, an_u32 index,
				const struct handshake *handshake)
{
	int direction = s->flows[index].is_client_low != handshake->is_from_low;
	struct syn_data *entry;
	struct cursor bytes;

	if (!handshake->data_bytes)
		return;
	entry = fastopen_find(s, &handshake->key, handshake->is_from_low,
			      handshake->isn);
	if (!entry)
		return;
	bytes = fastopen_taken(entry, handshake);
	entry->bytes = 0;
	if (bytes.at == bytes.end)
		return;
	s->counts.syn_data_bytes += cursor_left(&bytes);
	s->segment_start = bytes.at;
	side_deliver(s, index, direction, bytes);
}

#endif
