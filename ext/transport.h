/* SPDX-License-Identifier: Apache-2.0 */
/* The last headers of a frame, and the whole walk; see packet.h. */
#ifndef AIRNET_TRANSPORT_H
#define AIRNET_TRANSPORT_H

#include "packet.h"

#define TCP_BYTES_MIN 20
#define UDP_BYTES 8

/* What a transport header that is not all there means: a first fragment too small for
 * it, a packet too small for it, or a capture that cut it. */
static inline an_u8 packet_missing(const struct layer *layer,
				   struct airnet_header *header, an_u32 need, an_u8 bad)
{
	if (layer->bytes >= need)
		return AIRNET_FRAME_SHORT;
	if (!layer->is_fragment)
		return bad;
	header->payload_bytes = layer->bytes;
	return AIRNET_FRAME_FRAGMENT;
}

static inline an_u8 packet_tcp(struct layer *layer, struct airnet_header *header,
			       struct segment *segment)
{
	struct cursor left = layer->left;
	an_u8 offset = 0;
	an_u32 bytes;

	if (layer->bytes < TCP_BYTES_MIN || cursor_left(&left) < TCP_BYTES_MIN)
		return packet_missing(layer, header, TCP_BYTES_MIN,
				      AIRNET_FRAME_BAD_TCP);
	cursor_u16(&left, &header->source_port);
	cursor_u16(&left, &header->target_port);
	cursor_u32(&left, &segment->sequence);
	cursor_u32(&left, &segment->acknowledged);
	cursor_u8(&left, &offset);
	cursor_u8(&left, &header->tcp_flags);
	cursor_u16(&left, &segment->window);
	cursor_skip(&left, 2); /* the checksum: packet_tcp_checksum_ok */
	cursor_u16(&left, &segment->urgent);
	segment->options = left;
	bytes = (offset >> 4) * 4u;
	if (bytes < TCP_BYTES_MIN)
		return AIRNET_FRAME_BAD_TCP;
	if (layer->bytes < bytes || cursor_skip(&layer->left, bytes))
		return packet_missing(layer, header, bytes, AIRNET_FRAME_BAD_TCP);
	segment->options.end = layer->left.at;
	segment->payload = layer->left;
	header->payload_bytes = layer->bytes - bytes;
	return AIRNET_FRAME_OK;
}

static inline an_u8 packet_udp(struct layer *layer, struct airnet_header *header)
{
	struct cursor left = layer->left;
	an_u16 length = 0;

	if (layer->bytes < UDP_BYTES || cursor_left(&left) < UDP_BYTES)
		return packet_missing(layer, header, UDP_BYTES, AIRNET_FRAME_BAD_UDP);
	cursor_u16(&left, &header->source_port);
	cursor_u16(&left, &header->target_port);
	cursor_u16(&left, &length);
	if (length < UDP_BYTES || (length > layer->bytes && !layer->is_fragment))
		return AIRNET_FRAME_BAD_UDP;
	header->payload_bytes =
		(length < layer->bytes ? length : layer->bytes) - UDP_BYTES;
	return AIRNET_FRAME_OK;
}

/* Whether a segment's checksum is right (RFC 9293 section 3.1): 1, 0, or -1 when not
 * all of it was captured. A mapped address adds 0xffff, nothing in this sum, to what
 * the IPv4 pseudo header has. */
static inline int packet_tcp_checksum_ok(const struct airnet_header *header,
					 const struct segment *segment)
{
	const an_u8 *at = segment->options.at - TCP_BYTES_MIN;
	const an_u8 *end = segment->payload.at + header->payload_bytes;
	an_u64 sum = IP_TCP + (an_u64)(end - at);
	int i;

	if (cursor_left(&segment->payload) < header->payload_bytes)
		return -1;
	for (i = 0; i < 16; i += 2)
		sum += (an_u32)(header->source[i] << 8 | header->source[i + 1]) +
		       (an_u32)(header->target[i] << 8 | header->target[i + 1]);
	for (; end - at > 1; at += 2)
		sum += (an_u32)(at[0] << 8 | at[1]);
	if (at != end)
		sum += (an_u32)at[0] << 8;
	return sum % 0xffff == 0; /* one's complement: both zeros are right */
}

/* Read the headers of `frame` into `header`, which is all zero but for the time it was
 * captured; returns why it was not processed further, AIRNET_FRAME_OK when it was.
 * `segment` is filled for TCP. The time in `header` may change. */
static inline an_u8 packet_read(struct packets *p, struct cursor frame,
				const struct airnet_frame *row,
				struct airnet_header *header, struct segment *segment)
{
	struct layer layer = {.left = frame};
	an_u8 reason = packet_link(&layer, row->link);

	(void)p;
	if (!reason)
		reason = packet_tags(&layer);
	if (reason)
		return reason;
	if (layer.ethertype == ETHER_IPV4)
		reason = packet_ipv4(&layer, header);
	else if (layer.ethertype == ETHER_IPV6)
		reason = packet_ipv6(&layer, header);
	else
		reason = AIRNET_FRAME_NOT_IP;
	if (reason)
		return reason;
	if (header->protocol == IP_TCP)
		return packet_tcp(&layer, header, segment);
	if (header->protocol == IP_UDP)
		return packet_udp(&layer, header);
	header->payload_bytes = layer.bytes;
	return AIRNET_FRAME_OK;
}

#endif
