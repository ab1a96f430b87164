/* SPDX-License-Identifier: Apache-2.0 */
/* The entry of the decode kernel: frames -> headers -> the shard of each flow. */
#ifndef AIRNET_DECODE_H
#define AIRNET_DECODE_H

#include "stream.h"
#include "twice.h"

/* Everything one decoder remembers. */
struct decoder {
	struct airnet_session *sessions; /* AIRNET_SESSIONS_MAX rows of the caller's */
	struct airnet_message *rows; /* of this decode call */
	an_u32 row_count;
	an_u32 session_number; /* sessions opened so far, in the order of frames */
	an_u64 now_ns; /* the latest frame time seen */
	an_u64 frame_count;
	an_u64 seed[ENDS_SEEDS]; /* of flow_hash */
	an_u64 frames[AIRNET_FRAME_REASONS];
	struct packets packets;
	struct gateways gateways;
	struct stream shards[SHARDS];
};

/* A segment on its way to its shard. */
struct work {
	struct segment segment;
	struct airnet_header *header;
	an_u64 now_ns; /* the latest time of any frame up to this one */
	an_u64 hash; /* of its flow */
};

/* `d` is all zero. */
static inline void decode_begin(struct decoder *d, struct airnet_session *sessions)
{
	an_u32 i;

	packets_begin(&d->packets);
	d->sessions = sessions;
	for (i = 0; i < SHARDS; i++) {
		flow_begin(&d->shards[i]);
		d->shards[i].gateways = &d->gateways;
		d->shards[i].session_base = i * FLOW_SESSIONS;
		d->shards[i].sessions = sessions + i * FLOW_SESSIONS;
	}
}

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
		stream_acknowledge(s, index, direction, segment);
	hold_check(s, index, AIRNET_DIRECTION_UP);
	hold_check(s, index, AIRNET_DIRECTION_DOWN);
	if (header->tcp_flags & AIRNET_TCP_URG)
		s->counts.urgent++;
	if (header->tcp_flags & (AIRNET_TCP_RST | AIRNET_TCP_FIN) &&
	    sums_are_bad(s, &flow->sides[direction], segment))
		return;
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

/* Take a segment into its flow's shard; `opening` has its key. */
static inline void decode_tcp(struct stream *s, struct opening *opening,
			      const struct segment *segment)
{
	struct airnet_header *header = s->header;
	an_u32 index;
	int is_up;

	if (header->tcp_flags & AIRNET_TCP_SYN) {
		stream_syn(s, &opening->key, opening->is_from_low, segment);
		return;
	}
	index = stream_session(s, opening, segment);
	if (index == AIRNET_NONE)
		return;
	header->session = s->session_base + index;
	is_up = s->flows[index].is_client_low == opening->is_from_low;
	header->direction = is_up ? AIRNET_DIRECTION_UP : AIRNET_DIRECTION_DOWN;
	decode_segment(s, index, header->direction, segment);
	table_touch(s, index);
}

/* A frame of no session comes from the gateway when its source is a known one and its
 * target is not. */
static inline an_u8 decode_direction(const struct gateways *gateways,
				     const struct airnet_header *h)
{
	struct endpoint source, target;

	if (!gateways->count)
		return AIRNET_DIRECTION_UP;
	source = endpoint_of(h->source, h->source_port);
	target = endpoint_of(h->target, h->target_port);
	if (gateways_have(gateways, &source) && !gateways_have(gateways, &target))
		return AIRNET_DIRECTION_DOWN;
	return AIRNET_DIRECTION_UP;
}

/* Read a frame's headers; whether it goes to a shard, as a segment of TCP, and `work`
 * says all but its hash. */
static inline int decode_headers(struct decoder *d, const struct airnet_frame *frame,
				 struct cursor bytes, struct airnet_header *header,
				 struct work *work)
{
	an_u8 reason;

	memset(header, 0, sizeof(*header));
	header->time_ns = frame->time_ns;
	header->frame_count = d->frame_count++;
	header->session = AIRNET_NONE;
	reason = packet_read(&d->packets, bytes, frame, header, &work->segment);
	if (!header->frame_count)
		ends_seed(header->time_ns, d->seed);
	d->now_ns = header->time_ns > d->now_ns ? header->time_ns : d->now_ns;
	d->frames[reason]++;
	work->header = header;
	work->now_ns = d->now_ns;
	if (reason == AIRNET_FRAME_OK && header->protocol == IP_TCP) {
		if (header->payload_bytes &&
		    twice_seen(&d->packets, &work->segment, header->time_ns))
			header->stream_flags |= AIRNET_STREAM_TWICE;
		return 1;
	}
	header->direction = decode_direction(&d->gateways, header);
	return 0;
}

/* Take a segment of the flow that `opening` has the key of into its shard; its rows go
 * to `rows` from `first` on. Returns where they end. Writes to nothing but the shard
 * with its sessions, the header and the rows. */
static inline an_u32 decode_shard(struct decoder *d, struct work *work,
				  struct opening *opening, struct airnet_message *rows,
				  an_u32 first)
{
	struct stream *s = &d->shards[FLOW_SHARD(work->hash)];
	struct airnet_header *header = work->header;

	s->hash = work->hash;
	s->header = header;
	s->time_ns = header->time_ns;
	s->now_ns = work->now_ns;
	s->rows = rows;
	s->row_count = first;
	s->row_limit = first + ROWS_PER_FRAME;
	decode_tcp(s, opening, &work->segment);
	header->message_index = first;
	header->message_count = (an_u16)(s->row_count - first);
	if (header->session == AIRNET_NONE)
		header->direction = decode_direction(&d->gateways, header);
	return s->row_count;
}

/* Number a session that this frame opened. */
static inline void decode_number(struct decoder *d, const struct airnet_header *header)
{
	if (header->stream_flags & AIRNET_STREAM_OPENED)
		d->sessions[header->session].number = ++d->session_number;
}

static inline void decode_frame(struct decoder *d, const struct airnet_frame *frame,
				struct cursor bytes, struct airnet_header *header)
{
	struct opening opening = {.handshake = NULL};
	struct work work;

	if (!decode_headers(d, frame, bytes, header, &work)) {
		header->message_index = d->row_count;
		return;
	}
	opening.is_from_low = flow_key_of(header, &opening.key);
	work.hash = flow_hash(&opening.key, d->seed);
	d->row_count = decode_shard(d, &work, &opening, d->rows, d->row_count);
	decode_number(d, header);
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
static inline int decode_has_room(const struct decoder *d)
{
	return d->row_count + ROWS_PER_FRAME <= AIRNET_MESSAGES_MAX &&
	       packets_have_room(&d->packets);
}

/* Decode frames while each one's rows are sure to fit; returns how many were. */
static inline an_u32 decode_batch(struct decoder *d, const struct airnet_frame *frames,
				  an_u32 n, struct cursor buffer,
				  struct airnet_header *headers)
{
	size_t size = cursor_left(&buffer);
	an_u32 i;

	d->row_count = 0;
	packets_release(&d->packets);
	for (i = 0; i < n && decode_has_room(d); i++)
		decode_frame(d, &frames[i], decode_bytes(&frames[i], buffer.at, size),
			     &headers[i]);
	return i;
}

/* The capture is over: what is missing will not come. */
static inline void decode_finish(struct decoder *d)
{
	an_u32 i;

	for (i = 0; i < SHARDS; i++)
		stream_finish(&d->shards[i]);
}

#endif
