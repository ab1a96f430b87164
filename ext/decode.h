/* SPDX-License-Identifier: Apache-2.0 */
/* The entry of the decode kernel: one frame, or a batch of them. */
#ifndef AIRNET_DECODE_H
#define AIRNET_DECODE_H

#include "stream.h"

/* Take a segment of session `index`. */
static inline void decode_segment(struct stream *s, an_u32 index, int direction,
				  const struct segment *segment)
{
	struct airnet_header *header = s->header;
	struct flow *flow = &s->flows[index];

	s->sessions[index].last_ns = s->time_ns;
	flow->sides[0].region_row = AIRNET_NONE;
	flow->sides[1].region_row = AIRNET_NONE;
	if (header->tcp_flags & AIRNET_TCP_ACK)
		stream_acknowledge(s, index, direction, segment->acknowledged);
	hold_check(s, index, AIRNET_DIRECTION_UP);
	hold_check(s, index, AIRNET_DIRECTION_DOWN);
	if (header->tcp_flags & AIRNET_TCP_RST) {
		if (!flow->sides[direction].is_done)
			stream_reset(s, index, direction, segment->sequence);
		return;
	}
	if (flow->sides[direction].is_done) {
		s->counts.after_close += header->payload_bytes != 0;
		return;
	}
	if (header->payload_bytes)
		stream_payload(s, index, direction, segment);
	if (header->tcp_flags & AIRNET_TCP_FIN)
		stream_fin(s, index, direction,
			   segment->sequence + header->payload_bytes);
	hold_check(s, index, direction);
	stream_check_fin(s, index, &flow->sides[0]);
	stream_check_fin(s, index, &flow->sides[1]);
}

static inline void decode_tcp(struct stream *s, const struct segment *segment)
{
	struct airnet_header *header = s->header;
	struct opening opening = {.handshake = NULL};
	int is_up;

	opening.is_from_low = flow_key_of(header, &opening.key);
	if (header->tcp_flags & AIRNET_TCP_SYN) {
		stream_syn(s, &opening.key, opening.is_from_low, segment);
		return;
	}
	header->session = stream_session(s, &opening, segment);
	if (header->session == AIRNET_NONE)
		return;
	is_up = s->flows[header->session].is_client_low == opening.is_from_low;
	header->direction = is_up ? AIRNET_DIRECTION_UP : AIRNET_DIRECTION_DOWN;
	decode_segment(s, header->session, header->direction, segment);
}

/* A frame of no session comes from the gateway when its source is a known one and its
 * target is not. */
static inline an_u8 decode_direction(const struct stream *s,
				     const struct airnet_header *h)
{
	struct endpoint source = endpoint_of(h->source, h->source_port);
	struct endpoint target = endpoint_of(h->target, h->target_port);

	if (s->gateway_count && flow_is_gateway(s, &source) &&
	    !flow_is_gateway(s, &target))
		return AIRNET_DIRECTION_DOWN;
	return AIRNET_DIRECTION_UP;
}

static inline void decode_frame(struct stream *s, struct packets *p,
				const struct airnet_frame *frame, struct cursor bytes,
				struct airnet_header *header)
{
	struct segment segment;

	memset(header, 0, sizeof(*header));
	header->time_ns = frame->time_ns;
	header->frame_count = s->frame_count++;
	header->session = AIRNET_NONE;
	header->message_index = s->row_count;
	s->header = header;
	s->row_limit = s->row_count + ROWS_PER_FRAME;
	header->reason = packet_read(p, bytes, frame, header, &segment);
	s->time_ns = header->time_ns;
	s->now_ns = s->time_ns > s->now_ns ? s->time_ns : s->now_ns;
	s->frames[header->reason]++;
	if (header->reason == AIRNET_FRAME_OK && header->protocol == IP_TCP)
		decode_tcp(s, &segment);
	if (header->session == AIRNET_NONE)
		header->direction = decode_direction(s, header);
	header->message_count = (an_u16)(s->row_count - header->message_index);
}

/* The frame's bytes; none when the row points outside the buffer. */
static inline struct cursor decode_bytes(const struct airnet_frame *frame,
					 const an_u8 *buffer, size_t size)
{
	if (frame->offset > size || frame->captured_bytes > size - frame->offset)
		return cursor_over(buffer, 0);
	return cursor_over(buffer + frame->offset, frame->captured_bytes);
}

/* Whether one more frame's rows are sure to fit. */
static inline int decode_has_room(const struct stream *s, const struct packets *p)
{
	return s->row_count + ROWS_PER_FRAME <= AIRNET_MESSAGES_MAX &&
	       packets_have_room(p);
}

/* Decode frames while each one's rows are sure to fit; returns how many were. */
static inline an_u32 decode_batch(struct stream *s, struct packets *p,
				  const struct airnet_frame *frames, an_u32 n,
				  struct cursor buffer, struct airnet_header *headers)
{
	size_t size = cursor_left(&buffer);
	an_u32 i;

	s->row_count = 0;
	packets_release(p);
	for (i = 0; i < n && decode_has_room(s, p); i++)
		decode_frame(s, p, &frames[i],
			     decode_bytes(&frames[i], buffer.at, size), &headers[i]);
	return i;
}

#endif
