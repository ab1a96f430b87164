/* SPDX-License-Identifier: Apache-2.0 */
/* The last headers of a frame, and the whole walk; see packet.h. */
#ifndef AIRNET_TRANSPORT_H
#define AIRNET_TRANSPORT_H

#include <endian.h>

#include "checksum.h"
#include "mold.h"
#include "question.h"
#include "trailer.h"
#include "tunnel.h"

#define TCP_BYTES_MIN 20

/* What is rare stays out of the way of what is not. */
#define PACKET_RARE static __attribute__((noinline, unused))

static inline void packets_begin(struct packets *p)
{
	memset(p, 0, offsetof(struct packets, crc));
	p->clock = AIRNET_CLOCK_UNSETTLED;
	trailer_begin(p);
	fragments_begin(&p->fragments);
}

/* Nothing points any more into payloads that packet_read returned: call it at the
 * start of a batch. */
static inline void packets_release(struct packets *p)
{
	fragments_release(&p->fragments);
}

/* Whether one more frame can be read before packets_release. */
static inline int packets_have_room(const struct packets *p)
{
	return fragments_have_room(&p->fragments);
}

static inline an_u8 packet_tcp(struct layer *layer, struct airnet_header *header,
			       struct segment *segment)
{
	const an_u8 *at = cursor_peek(&layer->left, TCP_BYTES_MIN);
	an_u32 bytes;

	if (layer->bytes < TCP_BYTES_MIN)
		return AIRNET_FRAME_BAD_TCP;
	if (!at)
		return AIRNET_FRAME_SHORT;
	header->source_port = load_u16(at);
	header->target_port = load_u16(at + 2);
	segment->sequence = load_u32(at + 4);
	header->sequence = segment->sequence;
	segment->acknowledged = load_u32(at + 8);
	header->tcp_flags = at[13];
	segment->window = load_u16(at + 14);
	segment->urgent = load_u16(at + 18);
	segment->identification = layer->identification;
	header->tcp_words = at[12] >> 4;
	bytes = header->tcp_words * 4u;
	if (bytes < TCP_BYTES_MIN || layer->bytes < bytes)
		return AIRNET_FRAME_BAD_TCP;
	if (cursor_left(&layer->left) < bytes)
		return AIRNET_FRAME_SHORT;
	segment->options.at = at + TCP_BYTES_MIN;
	segment->options.end = at + bytes;
	segment->payload.at = at + bytes;
	segment->payload.end = layer->left.end;
	header->payload_bytes = layer->bytes - bytes;
	return AIRNET_FRAME_OK;
}

static inline an_u8 packet_udp(struct layer *layer, struct airnet_header *header)
{
	const an_u8 *at = cursor_peek(&layer->left, UDP_BYTES);
	an_u32 length;

	if (layer->bytes < UDP_BYTES)
		return AIRNET_FRAME_BAD_UDP;
	if (!at)
		return AIRNET_FRAME_SHORT;
	header->source_port = load_u16(at);
	header->target_port = load_u16(at + 2);
	length = load_u16(at + 4);
	if (length < UDP_BYTES || length > layer->bytes)
		return AIRNET_FRAME_BAD_UDP;
	header->payload_bytes = length - UDP_BYTES;
	feed_read(header,
		  cursor_over(at + UDP_BYTES, cursor_left(&layer->left) - UDP_BYTES));
	if (header->source_port == DNS_PORT || header->target_port == DNS_PORT) {
		struct cursor left = layer->left;

		cursor_limit(&left, length);
		cursor_skip(&left, UDP_BYTES);
		question_read(left, header);
	}
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
	an_u64 sum = htobe64(IP_TCP + (an_u64)(end - at));

	if (cursor_left(&segment->payload) < header->payload_bytes)
		return -1;
	sum = checksum_add(sum, checksum_word(header->source));
	sum = checksum_add(sum, checksum_word(header->source + 8));
	sum = checksum_add(sum, checksum_word(header->target));
	sum = checksum_add(sum, checksum_word(header->target + 8));
	sum = checksum_bytes(sum, at, (size_t)(end - at));
	return checksum_is_right(sum);
}

/* Map an IPv4 address into 16 bytes of zero, by a single store: whoever reads eight
 * bytes next need not wait for several to come together. */
static inline void packet_map(an_u8 *address, const an_u8 *at)
{
	an_u64 half = htobe64(0xffff00000000ULL | load_u32(at));

	memcpy(address + 8, &half, 8);
}

/* Ethernet and a plain IPv4 header, nearly every frame there is: true when `layer`
 * stands behind them. What it leaves alone, packet_outer reads. */
static inline int packet_plain(struct layer *layer, struct airnet_header *header)
{
	const an_u8 *at = cursor_peek(&layer->left, 14 + 20);
	an_u32 total;

	if (!at || load_u16(at + 12) != ETHER_IPV4 || at[14] != 0x45)
		return 0;
	total = load_u16(at + 16);
	if (total < 20 || load_u16(at + 20) & 0x3fff)
		return 0;
	packet_map(header->source, at + 26);
	packet_map(header->target, at + 30);
	header->protocol = at[23];
	header->ttl = at[22];
	layer->identification = load_u16(at + 18);
	memcpy(&header->link_source, at + 8, 4);
	layer->bytes = total - 20;
	layer->level = 1;
	cursor_skip(&layer->left, 14 + 20);
	cursor_limit(&layer->left, layer->bytes);
	return 1;
}

/* Any frame, up to what lies behind its first IP header. */
PACKET_RARE an_u8 packet_outer(struct packets *p, struct layer *layer,
			       const struct airnet_frame *row,
			       struct airnet_header *header)
{
	const an_u8 *at = cursor_peek(&layer->left, 12);
	an_u8 reason = packet_link(layer, row->link);

	if (at && row->link == AIRNET_LINK_ETHERNET)
		memcpy(&header->link_source, at + 8, 4);
	if (!reason)
		reason = packet_shims(layer);
	if (!reason)
		reason = packet_ip(p, layer, header);
	return reason;
}

/* From behind an IP header into every tunnel, and the innermost transport. */
PACKET_RARE an_u8 packet_inside(struct packets *p, struct layer *layer,
				struct airnet_header *header, struct segment *segment)
{
	int reason = packet_tunnel(p, layer, header);

	while (reason == AIRNET_FRAME_OK) {
		reason = packet_shims(layer);
		if (!reason)
			reason = packet_ip(p, layer, header);
		if (reason)
			break;
		p->counts.tunnels++;
		reason = packet_tunnel(p, layer, header);
	}
	if (reason != TUNNEL_NONE)
		return (an_u8)reason;
	if (header->protocol == IP_TCP)
		return packet_tcp(layer, header, segment);
	if (header->protocol == IP_UDP)
		return packet_udp(layer, header);
	header->payload_bytes = layer->bytes;
	if (header->protocol == IP_ICMP || header->protocol == IP_ICMP6)
		cursor_u8(&layer->left, &header->code);
	return AIRNET_FRAME_OK;
}

PACKET_RARE void packet_time(struct packets *p, struct cursor frame,
			     const struct airnet_frame *row,
			     struct airnet_header *header)
{
	if (p->trailer == AIRNET_TRAILER_METAMAKO ||
	    p->trailer == AIRNET_TRAILER_EXABLAZE)
		trailer_read(p, frame, row);
	packet_clock(p, row, header, header->reason);
	p->is_stamped = 0;
}

/* Whether a UDP datagram is to the port of no tunnel, as nearly all are. */
static inline int packet_is_udp(const struct layer *layer, an_u8 protocol)
{
	const an_u8 *at = cursor_peek(&layer->left, UDP_BYTES);

	return protocol == IP_UDP && at && !tunnel_is_port(load_u16(at + 2));
}

/* Read the headers of `frame` into `header`, which is all zero but for the time it was
 * captured; returns why it was not processed further, AIRNET_FRAME_OK when it was.
 * `segment` is filled for TCP. The time in `header` may change. */
static inline an_u8 packet_read(struct packets *p, struct cursor frame,
				const struct airnet_frame *row,
				struct airnet_header *header, struct segment *segment)
{
	struct layer layer = {.left = frame};
	an_u8 reason = AIRNET_FRAME_OK;

	if (row->link != AIRNET_LINK_ETHERNET || !packet_plain(&layer, header))
		reason = packet_outer(p, &layer, row, header);
	if (!reason && header->protocol == IP_TCP)
		reason = packet_tcp(&layer, header, segment);
	else if (!reason && packet_is_udp(&layer, header->protocol))
		reason = packet_udp(&layer, header);
	else if (!reason)
		reason = packet_inside(p, &layer, header, segment);
	header->reason = reason;
	if (p->trailer || p->clock != row->clock) {
		packet_time(p, frame, row, header);
	} else {
		p->last_ns = row->time_ns;
		p->foreign_count = 0;
	}
	return reason;
}

#endif
