/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mode WORLD_ROWS: the rows that the product's decoder would make of the mirror's
 * frames, in its own memory, without most of the frames. A frame that is anything but
 * ordinary is made, decoded and forgotten. An ordinary one (orders and reports that
 * come next in a known session, and bare acknowledgements) is written as the rows it
 * would become, and the decoder's state is moved on as the frame would have.
 *
 * Not kept: the last bytes of ordinary segments, which the decoder compares with those
 * of a segment sent again (ext/recent.h); lines that a strike forges are never
 * ordinary, so only they could tell.
 */
#ifndef AIRNET_SEEN_H
#define AIRNET_SEEN_H

#include "decode.h"
#include "wire_length.h"

/* No room for another row: the run is void, as when the mirror's output is full. */
static inline int seen_is_full(struct world *w, an_u32 messages)
{
	const struct world_output *out = &w->out;

	if (out->header_count < out->header_limit &&
	    out->message_limit - out->message_count >= messages)
		return 0;
	w->sensor.counts.overrun++;
	return 1;
}

/* Decode the frames that lie in the mirror's output, and begin that anew. */
static inline void seen_frames(struct world *w)
{
	struct world_output *out = &w->out;
	struct sensor *s = &w->sensor;

	for (an_u32 i = 0; i < s->count; i++) {
		const struct airnet_frame *f = &s->frames[i];

		if (seen_is_full(w, ROWS_PER_FRAME))
			break;
		out->decoder->rows = out->messages;
		out->decoder->row_count = out->message_count;
		decode_frame(out->decoder, f,
			     cursor_over(s->buffer + f->offset, f->captured_bytes),
			     &out->headers[out->header_count++]);
		out->message_count = out->decoder->row_count;
	}
	sensor_empty(s);
}

/* What becomes of an ordinary frame. */
#define SEEN_AS_FRAME 0 /* it must be made: the mirror does more than stamp it */
#define SEEN_AS_ROWS 1
#define SEEN_NOT 2 /* the mirror loses it */

/* Let the mirror decide on a frame that is not made yet; when it is to be made, it
 * passes as was decided here. */
static inline int seen_fate(struct world *w, an_u32 bytes, an_u32 direction,
			    an_u64 *time_ns)
{
	struct sensor *s = &w->sensor;
	const struct sensor_fate *fate;

	if (s->held_count)
		return SEEN_AS_FRAME;
	fate = sensor_decide(w, bytes, direction);
	if (!fate->copies)
		return SEEN_NOT;
	if (fate->copies > 1 || fate->behind) {
		s->is_decided = 1;
		return SEEN_AS_FRAME;
	}
	s->counts.written++;
	*time_ns = (an_u64)fate->stamp_ns;
	return SEEN_AS_ROWS;
}

/* A frame's bytes, its transport part having `count`. */
static inline an_u32 seen_bytes(const struct wire_path *p, an_u32 count)
{
	an_u32 bytes = p->at + count;

	return bytes < WIRE_FRAME_MIN && p->is_padded ? WIRE_FRAME_MIN : bytes;
}

/* What stays the same in the headers of a path. */
static inline void seen_path(const struct wire_path *p, struct airnet_header *h)
{
	const an_u8 *ip = p->bytes + p->ip_at;

	memset(h, 0, sizeof(*h));
	memcpy(h->source, wire_mapped, 12);
	memcpy(h->target, wire_mapped, 12);
	if (p->is_v6) {
		memcpy(h->source, ip + 8, 16);
		memcpy(h->target, ip + 24, 16);
	} else {
		memcpy(h->source + 12, ip + 12, 4);
		memcpy(h->target + 12, ip + 16, 4);
	}
	h->source_port = (an_u16)(p->bytes[p->at] << 8 | p->bytes[p->at + 1]);
	h->target_port = (an_u16)(p->bytes[p->at + 2] << 8 | p->bytes[p->at + 3]);
	h->protocol = p->protocol;
	h->ttl = ip[p->is_v6 ? 7 : 8];
	memcpy(&h->link_source, p->bytes + 8, 4);
	h->session = AIRNET_NONE;
}

/* A datagram to a group, of a path whose header is `like`; SEEN_*. Behind its headers
 * the decoder looks for a sequence number alone. */
static inline int seen_group(struct world *w, const struct wire_path *p,
			     const struct airnet_header *like, struct cursor payload)
{
	struct world_output *out = &w->out;
	struct decoder *d = out->decoder;
	struct airnet_header *h;
	an_u64 time_ns;
	int fate;

	if (!d->frame_count)
		return 0;
	if (seen_is_full(w, 0))
		return SEEN_NOT;
	fate = seen_fate(w, seen_bytes(p, 8 + (an_u32)cursor_left(&payload)),
			 p->direction, &time_ns);
	if (fate != SEEN_AS_ROWS)
		return fate;
	h = &out->headers[out->header_count++];
	*h = *like;
	h->time_ns = time_ns;
	h->frame_count = d->frame_count++;
	h->message_index = out->message_count;
	h->payload_bytes = (an_u32)cursor_left(&payload);
	feed_read(h, payload);
	h->direction = decode_direction(&d->gateways, h);
	d->now_ns = h->time_ns > d->now_ns ? h->time_ns : d->now_ns;
	d->frames[AIRNET_FRAME_OK]++;
	return SEEN_AS_ROWS;
}

#endif
