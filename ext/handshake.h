/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recent handshakes: a fixed, four-way table of SYNs, so that a flood of spoofed ones
 * makes no session and takes no memory, and a session that appears later still knows
 * when its SYN and SYN-ACK were seen. Source: RFC 9293 section 3.5.
 */
#ifndef AIRNET_HANDSHAKE_H
#define AIRNET_HANDSHAKE_H

#include "flow.h"

#define TCP_OPTION_END 0
#define TCP_OPTION_NOTHING 1
#define TCP_OPTION_SHIFT 3 /* window scale, RFC 7323 section 2.2 */
#define TCP_OPTION_SACK 5

/* The next TCP option, its kind in `*kind` (RFC 9293 section 3.1); -1 at the end. */
static inline int option_next(struct cursor *options, an_u8 *kind, struct cursor *data)
{
	an_u8 length = 0;

	do {
		if (cursor_u8(options, kind) || *kind == TCP_OPTION_END)
			return -1;
	} while (*kind == TCP_OPTION_NOTHING);
	if (cursor_u8(options, &length) || length < 2)
		return -1;
	*data = *options;
	if (cursor_skip(options, length - 2u))
		return -1;
	data->end = options->at;
	return 0;
}

/* By how many bits the sender of a SYN shifts the windows it advertises; NO_SHIFT when
 * it does not say. More than 14 is 14 (RFC 7323 section 2.3). */
static inline an_u8 segment_shift(const struct segment *segment)
{
	struct cursor options = segment->options, data;
	an_u8 kind, shift;

	while (!option_next(&options, &kind, &data))
		if (kind == TCP_OPTION_SHIFT && !cursor_u8(&data, &shift))
			return shift < 14 ? shift : 14;
	return NO_SHIFT;
}

/* How far `a` lies behind `b` in sequence space; wraps (RFC 9293 section 3.4). */
static inline an_s64 sequence_distance(an_u32 a, an_u32 b)
{
	return (int32_t)(a - b);
}

static inline int sequence_is_near(an_u32 sequence, an_u32 first)
{
	return sequence - first < FLOW_WINDOW;
}

/* The ways of this frame's flow. */
static inline struct handshake *handshake_place(struct stream *s)
{
	an_u64 set = (s->hash >> 16) % (FLOW_HANDSHAKES / FLOW_WAYS);

	return &s->handshakes[set * FLOW_WAYS];
}

static inline struct handshake *handshake_find(struct stream *s,
					       const struct flow_key *key)
{
	struct handshake *way = handshake_place(s);
	int i;

	for (i = 0; i < FLOW_WAYS; i++, way++)
		if (way->is_used && flow_key_equals(&way->key, key))
			return way;
	return NULL;
}

/* Where a new SYN goes: a free place, or the oldest. */
static inline struct handshake *handshake_victim(struct stream *s)
{
	struct handshake *way = handshake_place(s), *victim = way;
	int i;

	for (i = 0; i < FLOW_WAYS; i++, way++) {
		if (!way->is_used)
			return way;
		if (way->order < victim->order)
			victim = way;
	}
	return victim;
}

/* The other end sends a SYN too: both began at once, or it answers by halves (RFC 9293
 * section 3.5). */
static inline void handshake_cross(const struct stream *s, struct handshake *entry,
				   const struct segment *segment)
{
	if (entry->has_cross && entry->cross_isn == segment->sequence)
		return;
	entry->has_cross = 1;
	entry->cross_ns = s->time_ns;
	entry->cross_isn = segment->sequence;
	entry->cross_shift = segment_shift(segment);
}

/* Note a SYN. A retransmitted one keeps the first one's time. */
static inline void handshake_syn(struct stream *s, const struct flow_key *key,
				 int is_from_low, const struct segment *segment)
{
	struct handshake *entry = handshake_find(s, key);
	an_u32 isn = segment->sequence, bytes = s->header->payload_bytes;

	if (entry && entry->isn == isn && entry->is_from_low == is_from_low) {
		if (bytes > entry->data_bytes)
			entry->data_bytes = bytes;
		return;
	}
	if (entry && entry->is_from_low != is_from_low && !entry->syn_ack_ns) {
		handshake_cross(s, entry, segment);
		return;
	}
	if (!entry) {
		entry = handshake_victim(s);
		s->counts.handshakes_evicted += entry->is_used;
	}
	memset(entry, 0, sizeof(*entry));
	endpoint_copy(&entry->key.low, &key->low);
	endpoint_copy(&entry->key.high, &key->high);
	entry->syn_ns = s->time_ns;
	entry->order = s->handshake_order++;
	entry->isn = isn;
	entry->data_bytes = bytes;
	entry->shift = segment_shift(segment);
	entry->is_used = 1;
	entry->is_from_low = (an_u8)is_from_low;
}

static inline void handshake_agree(struct handshake *entry)
{
	entry->syn_ack_ns = entry->cross_ns;
	entry->answer_isn = entry->cross_isn;
	entry->answer_shift = entry->cross_shift;
}

/* A SYN-ACK from the end whose SYN we know answers the other's. With another number
 * its SYN was an old one, and the other end began. */
static inline void handshake_answer_cross(struct stream *s, struct handshake *entry,
					  const struct segment *segment)
{
	if (!entry->has_cross || segment->acknowledged != entry->cross_isn + 1) {
		s->counts.syn_acks_wrong++;
		return;
	}
	if (segment->sequence == entry->isn) {
		if (!entry->syn_ack_ns)
			handshake_agree(entry);
		return;
	}
	entry->isn = entry->cross_isn;
	entry->syn_ns = entry->cross_ns;
	entry->shift = entry->cross_shift;
	entry->is_from_low = !entry->is_from_low;
	entry->answer_isn = segment->sequence;
	entry->answer_shift = segment_shift(segment);
	entry->syn_ack_ns = s->time_ns;
	entry->data_bytes = 0;
	entry->has_cross = 0;
}

/* Note a SYN-ACK that answers a SYN we know. It may acknowledge data of the SYN's, all
 * or some (RFC 7413 section 4.2.1). */
static inline void handshake_answer(struct stream *s, const struct flow_key *key,
				    int is_from_low, const struct segment *segment)
{
	struct handshake *entry = handshake_find(s, key);

	if (!entry)
		return;
	if (entry->is_from_low == is_from_low) {
		handshake_answer_cross(s, entry, segment);
		return;
	}
	if (segment->acknowledged - (entry->isn + 1) > entry->data_bytes) {
		s->counts.syn_acks_wrong++;
		return;
	}
	if (entry->syn_ack_ns && entry->answer_isn == segment->sequence)
		return;
	entry->syn_ack_ns = s->time_ns;
	entry->answer_isn = segment->sequence;
	entry->answer_shift = segment_shift(segment);
	entry->taken_bytes = segment->acknowledged - (entry->isn + 1);
}

/* Where both ends sent a SYN, no SYN-ACK need follow: a segment of either that
 * acknowledges the other's will do. */
static inline void handshake_join(struct handshake *entry, int is_from_low,
				  const struct segment *segment)
{
	int is_first = entry->is_from_low == is_from_low;
	an_u32 own = is_first ? entry->isn : entry->cross_isn;
	an_u32 other = is_first ? entry->cross_isn : entry->isn;

	if (entry->has_cross && !entry->syn_ack_ns &&
	    sequence_is_near(segment->sequence, own + 1) &&
	    sequence_is_near(segment->acknowledged, other + 1))
		handshake_agree(entry);
}

/* Whether a segment belongs to the flow that `entry` began. */
static inline int handshake_fits(const struct handshake *entry, int is_from_low,
				 const struct segment *segment)
{
	if (is_from_low == entry->is_from_low)
		return sequence_is_near(segment->sequence, entry->isn + 1);
	return entry->syn_ack_ns &&
	       sequence_is_near(segment->sequence, entry->answer_isn + 1);
}

/* Whether it also shows that both ends have agreed: it acknowledges the other's ISN,
 * which nobody can who has not seen it. */
static inline int handshake_is_complete(const struct handshake *entry, int is_from_low,
					const struct airnet_header *header,
					const struct segment *segment)
{
	an_u32 other = entry->answer_isn;

	if (!handshake_fits(entry, is_from_low, segment) || !entry->syn_ack_ns ||
	    !(header->tcp_flags & AIRNET_TCP_ACK))
		return 0;
	if (is_from_low != entry->is_from_low)
		other = entry->isn;
	return sequence_is_near(segment->acknowledged, other + 1);
}

#endif
