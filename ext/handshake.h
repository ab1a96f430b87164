/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recent handshakes: a fixed, four-way table of SYNs, so that a flood of spoofed ones
 * makes no session and takes no memory, and a session that appears later still knows
 * when its SYN and SYN-ACK were seen. Source: RFC 9293 section 3.5.
 */
#ifndef AIRNET_HANDSHAKE_H
#define AIRNET_HANDSHAKE_H

#include "flow.h"

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

/* Note a SYN. A retransmitted one keeps the first one's time. */
static inline void handshake_syn(struct stream *s, const struct flow_key *key,
				 int is_from_low, an_u32 isn)
{
	struct handshake *entry = handshake_find(s, key);

	if (entry && entry->isn == isn && entry->is_from_low == is_from_low)
		return;
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
	entry->is_used = 1;
	entry->is_from_low = (an_u8)is_from_low;
}

/* Note a SYN-ACK that answers a SYN we know. */
static inline void handshake_answer(struct stream *s, const struct flow_key *key,
				    int is_from_low, const struct segment *segment)
{
	struct handshake *entry = handshake_find(s, key);

	if (!entry || entry->is_from_low == is_from_low ||
	    segment->acknowledged != entry->isn + 1)
		return;
	if (entry->syn_ack_ns && entry->answer_isn == segment->sequence)
		return;
	entry->syn_ack_ns = s->time_ns;
	entry->answer_isn = segment->sequence;
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
