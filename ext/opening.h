/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which session a segment belongs to, and when it opens a new one: bare SYNs never do
 * (they go to the handshake table), FIX does, and so does a completed handshake with a
 * known gateway.
 */
#ifndef AIRNET_OPENING_H
#define AIRNET_OPENING_H

#include "fastopen.h"

static inline int segment_begins(const struct segment *segment)
{
	return cursor_left(&segment->payload) >= FIX_BEGIN_BYTES &&
	       cursor_agrees(&segment->payload, FIX_BEGIN, FIX_BEGIN_BYTES);
}

/* Whether a message starts later in the segment. */
static inline int segment_contains(struct cursor payload)
{
	struct cursor line;

	while (!cursor_until(&payload, FIX_SOH, &line))
		if (cursor_left(&payload) >= FIX_BEGIN_BYTES &&
		    cursor_agrees(&payload, FIX_BEGIN, FIX_BEGIN_BYTES))
			return 1;
	return 0;
}

static inline int segment_is_logon(const struct segment *segment)
{
	struct cursor payload = segment->payload;
	struct fix_head head;

	if (fix_head(payload, &head) || cursor_skip(&payload, head.head_bytes))
		return 0;
	return cursor_left(&payload) >= 5 && memcmp(payload.at, "35=A\001", 5) == 0;
}

/* The first few bytes of a stream whose handshake was seen may be the beginning of its
 * first message. */
static inline int segment_begins_stream(const struct opening *opening,
					const struct segment *segment)
{
	const struct handshake *handshake = opening->handshake;
	an_u32 isn;

	if (!handshake || segment->payload.at == segment->payload.end ||
	    !cursor_agrees(&segment->payload, FIX_BEGIN, FIX_BEGIN_BYTES))
		return 0;
	isn = opening->is_from_low == handshake->is_from_low ? handshake->isn
							     : handshake->answer_isn;
	return segment->sequence == isn + 1;
}

/* Whether a former session's row gives way to a new one: a handshake has been
 * completed since, or it is closed and FIX starts where its bytes cannot be. */
static inline int session_is_over(const struct stream *s, an_u32 index,
				  const struct opening *opening,
				  const struct segment *segment, int is_complete)
{
	const struct flow *flow = &s->flows[index];
	int is_up = flow->is_client_low == opening->is_from_low;
	const struct side *side = &flow->sides[!is_up];
	an_s64 distance = sequence_distance(segment->sequence, side->next);

	if (opening->handshake && flow->has_isn && flow->isn == opening->handshake->isn)
		return 0;
	if (is_complete)
		return 1;
	if (s->sessions[index].state != AIRNET_SESSION_CLOSED ||
	    !segment_begins(segment))
		return 0;
	return opening->handshake ||
	       (side->is_known && (distance > FLOW_WINDOW || distance < -FLOW_WINDOW));
}

/* The session that a segment belongs to; opens one when it is the first to show that
 * its flow is one of ours. */
static inline an_u32 stream_session(struct stream *s, struct opening *opening,
				    const struct segment *segment)
{
	an_u32 *slot = flow_slot(s, &opening->key), index;
	struct handshake *handshake = NULL;
	int is_gateway, is_complete = 0, is_ours;

	if (*slot && !s->flows[*slot - 1].has_new_syn &&
	    s->sessions[*slot - 1].state != AIRNET_SESSION_CLOSED)
		return *slot - 1;
	is_gateway = flow_is_gateway(s, &opening->key.low) ||
		     flow_is_gateway(s, &opening->key.high);
	if (is_gateway || segment->payload.at != segment->payload.end)
		handshake = handshake_find(s, &opening->key);
	if (handshake && s->header->tcp_flags & AIRNET_TCP_ACK)
		handshake_join(handshake, opening->is_from_low, segment);
	if (handshake && handshake_fits(handshake, opening->is_from_low, segment)) {
		opening->handshake = handshake;
		is_complete = handshake_is_complete(handshake, opening->is_from_low,
						    s->header, segment);
		if (is_complete)
			s->header->stream_flags |= AIRNET_STREAM_AGREED;
	}
	if (*slot && !session_is_over(s, *slot - 1, opening, segment, is_complete))
		return *slot - 1;
	is_ours = segment_begins(segment) || segment_begins_stream(opening, segment) ||
		  prelude_is_finished(s, opening, segment) ||
		  (is_complete && (is_gateway || fastopen_begins(s, handshake))) ||
		  (!opening->handshake && segment_contains(segment->payload));
	if (!is_ours && *slot)
		return *slot - 1;
	if (!is_ours) {
		if (!opening->handshake)
			prelude_note(s, opening, segment);
		return AIRNET_NONE;
	}
	opening->is_logon = !opening->handshake && segment_is_logon(segment);
	index = session_open(s, opening);
	if (index == AIRNET_NONE)
		return index;
	if (opening->handshake)
		fastopen_use(s, index, opening->handshake);
	if (handshake)
		handshake->is_used = 0;
	prelude_use(s, index, opening, segment);
	return index;
}

static inline void stream_syn(struct stream *s, const struct flow_key *key,
			      int is_from_low, const struct segment *segment)
{
	an_u32 slot = *flow_slot(s, key);

	if (s->header->payload_bytes)
		s->counts.syn_data++;
	if (s->header->tcp_flags & AIRNET_TCP_ACK) {
		handshake_answer(s, key, is_from_low, segment);
		return;
	}
	if (slot && s->flows[slot - 1].has_isn &&
	    s->flows[slot - 1].isn == segment->sequence)
		return;
	if (slot) { /* the session stays until a handshake is completed */
		s->flows[slot - 1].has_new_syn = 1;
		s->counts.syns_on_sessions +=
			s->sessions[slot - 1].state != AIRNET_SESSION_CLOSED;
	}
	handshake_syn(s, key, is_from_low, segment);
	if (s->header->payload_bytes)
		fastopen_note(s, key, is_from_low, segment);
}

#endif
