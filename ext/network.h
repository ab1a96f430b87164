/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One IP header with what belongs to it. Lengths come from the IP header; what lies
 * behind its end (padding, trailers) is cut. A fragment goes to the table, and the one
 * that completes a datagram is read on as if the datagram had come whole.
 * Sources: RFC 791, RFC 8200; RFC 6946 (a fragment that is all of a datagram).
 */
#ifndef AIRNET_NETWORK_H
#define AIRNET_NETWORK_H

#include "packet.h"

#define IP_HOP_BY_HOP 0
#define IP_ICMP 1
#define IP_IPV4 4
#define IP_TCP 6
#define IP_UDP 17
#define IP_IPV6 41
#define IP_ROUTING 43
#define IP_FRAGMENT 44
#define IP_GRE 47
#define IP_AUTHENTICATION 51
#define IP_ICMP6 58
#define IP_DESTINATION 60

/* Take a fragment of `layer->bytes`; OK when it completes a datagram, which then lies
 * ahead. Until then the row has no ports, and the fragment's own length. */
static inline an_u8 packet_fragment(struct packets *p, struct layer *layer,
				    struct airnet_header *header,
				    struct fragment *piece)
{
	an_u8 slot;

	memcpy(piece->source, header->source, 16);
	memcpy(piece->target, header->target, 16);
	piece->bytes = layer->bytes;
	piece->protocol = header->protocol;
	piece->level = layer->level;
	piece->data = layer->left;
	slot = fragments_take(&p->fragments, &p->counts, piece);
	if (slot == FRAGMENT_NONE) {
		header->payload_bytes = layer->bytes;
		return AIRNET_FRAME_FRAGMENT;
	}
	header->protocol = p->fragments.datagrams[slot].protocol;
	header->stream_flags = AIRNET_STREAM_DATAGRAM;
	layer->bytes = p->fragments.datagrams[slot].bytes;
	layer->left = cursor_over(p->fragments.bytes[slot], layer->bytes);
	return AIRNET_FRAME_OK;
}

/* A new pair of addresses: what an outer header said of ports is past. */
static inline void packet_inner(struct airnet_header *header)
{
	header->source_port = 0;
	header->target_port = 0;
	header->tcp_flags = 0;
	header->stream_flags = 0;
}

static inline an_u8 packet_ipv4(struct packets *p, struct layer *layer,
				struct airnet_header *header)
{
	const an_u8 *at = cursor_peek(&layer->left, 20);
	struct fragment piece = {.version = 4};
	an_u32 total, length, fragment;

	if (!at)
		return AIRNET_FRAME_SHORT;
	total = load_u16(at + 2);
	length = (at[0] & 15u) * 4;
	if (at[0] >> 4 != 4 || length < 20 || total < length)
		return AIRNET_FRAME_BAD_IP;
	packet_inner(header);
	memcpy(header->source, packet_mapped, 12);
	memcpy(header->target, packet_mapped, 12);
	memcpy(header->source + 12, at + 12, 4);
	memcpy(header->target + 12, at + 16, 4);
	header->protocol = at[9];
	header->ttl = at[8];
	layer->identification = load_u16(at + 4);
	layer->bytes = total - length;
	cursor_limit(&layer->left, total);
	if (cursor_skip(&layer->left, length))
		return AIRNET_FRAME_SHORT;
	fragment = load_u16(at + 6);
	if (!(fragment & 0x3fff))
		return AIRNET_FRAME_OK;
	piece.time_ns = header->time_ns;
	piece.id = load_u16(at + 4);
	piece.offset = (fragment & 0x1fff) * 8;
	piece.has_more = (fragment & 0x2000) != 0;
	return packet_fragment(p, layer, header, &piece);
}

/* The fragment header at `at`; what lies behind it is ahead. */
static inline an_u8 packet_fragment6(struct packets *p, struct layer *layer,
				     struct airnet_header *header, const an_u8 *at)
{
	struct fragment piece = {.version = 6, .time_ns = header->time_ns};
	an_u32 fragment = load_u16(at + 2);

	if (!(fragment & 0xfff9))
		return AIRNET_FRAME_OK;
	piece.id = load_u32(at + 4);
	piece.offset = fragment & 0xfff8;
	piece.has_more = fragment & 1;
	return packet_fragment(p, layer, header, &piece);
}

static inline int packet_is_extension(an_u8 protocol)
{
	return protocol == IP_HOP_BY_HOP || protocol == IP_ROUTING ||
	       protocol == IP_DESTINATION || protocol == IP_AUTHENTICATION ||
	       protocol == IP_FRAGMENT;
}

/* Step over the extension header that header->protocol names. */
static inline an_u8 packet_extension(struct packets *p, struct layer *layer,
				     struct airnet_header *header)
{
	const an_u8 *at = cursor_peek(&layer->left, 8);
	an_u8 protocol = header->protocol;
	an_u32 bytes;

	if (layer->bytes < 8)
		return AIRNET_FRAME_BAD_IP;
	if (!at)
		return AIRNET_FRAME_SHORT;
	bytes = (at[1] + 1u) * 8;
	if (protocol == IP_FRAGMENT)
		bytes = 8;
	else if (protocol == IP_AUTHENTICATION)
		bytes = (at[1] + 2u) * 4;
	if (bytes > layer->bytes)
		return AIRNET_FRAME_BAD_IP;
	if (cursor_skip(&layer->left, bytes))
		return AIRNET_FRAME_SHORT;
	layer->bytes -= bytes;
	header->protocol = at[0];
	if (protocol == IP_FRAGMENT)
		return packet_fragment6(p, layer, header, at);
	return AIRNET_FRAME_OK;
}

static inline an_u8 packet_ipv6(struct packets *p, struct layer *layer,
				struct airnet_header *header)
{
	const an_u8 *at = cursor_peek(&layer->left, 40);
	an_u8 reason = AIRNET_FRAME_OK;
	int depth;

	if (!at)
		return AIRNET_FRAME_SHORT;
	if (at[0] >> 4 != 6)
		return AIRNET_FRAME_BAD_IP;
	packet_inner(header);
	layer->bytes = load_u16(at + 4);
	header->protocol = at[6];
	header->ttl = at[7];
	layer->identification = 0;
	memcpy(header->source, at + 8, 16);
	memcpy(header->target, at + 24, 16);
	cursor_skip(&layer->left, 40);
	cursor_limit(&layer->left, layer->bytes);
	for (depth = 0; !reason && packet_is_extension(header->protocol); depth++) {
		if (depth == PACKET_DEPTH)
			return AIRNET_FRAME_DEPTH;
		reason = packet_extension(p, layer, header);
	}
	return reason;
}

/* The IP header that layer->ethertype names. */
static inline an_u8 packet_ip(struct packets *p, struct layer *layer,
			      struct airnet_header *header)
{
	an_u8 reason;

	if (layer->level == PACKET_DEPTH)
		return AIRNET_FRAME_DEPTH;
	if (layer->ethertype == ETHER_IPV4)
		reason = packet_ipv4(p, layer, header);
	else
		reason = packet_ipv6(p, layer, header);
	layer->level++;
	return reason;
}

#endif
