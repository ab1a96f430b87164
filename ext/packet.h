/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One captured frame's link, IP and transport headers -> one airnet_header. Lengths
 * come from the IP header; what lies behind its end (padding, trailers) is cut.
 * Sources: IEEE 802.1Q-2018 section 9, RFC 791, RFC 8200, RFC 9293, RFC 768;
 * link types: the pcap LINKTYPE registry.
 */
#ifndef AIRNET_PACKET_H
#define AIRNET_PACKET_H

#include "cursor.h"

#define PACKET_DEPTH 8 /* VLAN tags, and IPv6 extension headers, that we follow */

#define LINK_NULL 0
#define LINK_LOOP 108
#define LINK_IPV4 228
#define LINK_IPV6 229

#define ETHER_IPV4 0x0800
#define ETHER_VLAN 0x8100
#define ETHER_IPV6 0x86dd
#define ETHER_QINQ 0x88a8
#define ETHER_QINQ_OLD 0x9100

#define IP_HOP_BY_HOP 0
#define IP_TCP 6
#define IP_UDP 17
#define IP_ROUTING 43
#define IP_FRAGMENT 44
#define IP_AUTHENTICATION 51
#define IP_DESTINATION 60

/* The TCP fields that stream reassembly needs; `payload` is what was captured of it.
 * It may lie in a reassembled datagram: see packets_release. */
struct segment {
	an_u32 sequence;
	an_u32 acknowledged;
	struct cursor payload;
	struct cursor options; /* the fixed header lies in front of them */
	an_u16 window;
	an_u16 urgent; /* pointer; valid with AIRNET_TCP_URG */
};

/* What happened in headers, other than rows; names in stream.pyx. */
struct packet_counts {
	an_u64 datagrams;
};

/* What reading headers remembers: one for a decoder, used by one thread. */
struct packets {
	struct packet_counts counts;
};

static inline void packets_begin(struct packets *p)
{
	memset(&p->counts, 0, sizeof(p->counts));
}

/* Nothing points any more into payloads that packet_read returned: call it at the
 * start of a batch. */
static inline void packets_release(struct packets *p)
{
	(void)p;
}

/* Whether one more frame can be read before packets_release. */
static inline int packets_have_room(const struct packets *p)
{
	(void)p;
	return 1;
}

/* Where the walk through the headers stands. */
struct layer {
	struct cursor left;
	an_u32 bytes; /* of IP payload ahead, as the IP header says */
	an_u16 ethertype; /* of what lies ahead */
	an_u8 is_fragment;
};

static const an_u8 packet_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* Ethertype of a bare IP packet, by its version nibble. */
static inline an_u8 packet_raw(struct layer *layer)
{
	if (layer->left.at == layer->left.end)
		return AIRNET_FRAME_SHORT;
	if (*layer->left.at >> 4 == 4)
		layer->ethertype = ETHER_IPV4;
	else if (*layer->left.at >> 4 == 6)
		layer->ethertype = ETHER_IPV6;
	else
		return AIRNET_FRAME_BAD_IP;
	return AIRNET_FRAME_OK;
}

/* BSD loopback: an address family in either byte order; 2 is IPv4 everywhere, IPv6
 * is 10, 24, 28 or 30. */
static inline an_u8 packet_loopback(struct layer *layer)
{
	an_u32 family = 0;

	if (cursor_u32(&layer->left, &family))
		return AIRNET_FRAME_SHORT;
	family = family > 0xffff ? __builtin_bswap32(family) : family;
	if (family == 2)
		layer->ethertype = ETHER_IPV4;
	else if (family == 10 || family == 24 || family == 28 || family == 30)
		layer->ethertype = ETHER_IPV6;
	else
		return AIRNET_FRAME_NOT_IP;
	return AIRNET_FRAME_OK;
}

/* Step over `before` bytes, an ethertype and `after` bytes. */
static inline an_u8 packet_typed(struct layer *layer, size_t before, size_t after)
{
	if (cursor_skip(&layer->left, before) ||
	    cursor_u16(&layer->left, &layer->ethertype) ||
	    cursor_skip(&layer->left, after))
		return AIRNET_FRAME_SHORT;
	return AIRNET_FRAME_OK;
}

static inline an_u8 packet_link(struct layer *layer, an_u16 link)
{
	switch (link) {
	case AIRNET_LINK_ETHERNET:
		return packet_typed(layer, 12, 0);
	case AIRNET_LINK_SLL:
		return packet_typed(layer, 14, 0);
	case AIRNET_LINK_SLL2:
		return packet_typed(layer, 0, 18);
	case AIRNET_LINK_RAW:
	case LINK_IPV4:
	case LINK_IPV6:
		return packet_raw(layer);
	case LINK_NULL:
	case LINK_LOOP:
		return packet_loopback(layer);
	default:
		return AIRNET_FRAME_LINK;
	}
}

static inline an_u8 packet_tags(struct layer *layer)
{
	int depth;

	for (depth = 0;
	     layer->ethertype == ETHER_VLAN || layer->ethertype == ETHER_QINQ ||
	     layer->ethertype == ETHER_QINQ_OLD;
	     depth++) {
		if (depth == PACKET_DEPTH)
			return AIRNET_FRAME_DEPTH;
		if (packet_typed(layer, 2, 0))
			return AIRNET_FRAME_SHORT;
	}
	return AIRNET_FRAME_OK;
}

static inline an_u8 packet_ipv4(struct layer *layer, struct airnet_header *header)
{
	struct cursor left = layer->left, options = left;
	an_u8 first = 0, protocol = 0;
	an_u16 total = 0, fragment = 0;

	if (cursor_left(&left) < 20)
		return AIRNET_FRAME_SHORT;
	cursor_u8(&left, &first);
	cursor_skip(&left, 1);
	cursor_u16(&left, &total);
	cursor_skip(&left, 2);
	cursor_u16(&left, &fragment);
	cursor_skip(&left, 1);
	cursor_u8(&left, &protocol);
	cursor_skip(&left, 2);
	if (first >> 4 != 4 || (first & 15) < 5 || total < (first & 15) * 4)
		return AIRNET_FRAME_BAD_IP;
	memcpy(header->source, packet_mapped, 12);
	memcpy(header->target, packet_mapped, 12);
	cursor_copy(&left, header->source + 12, 4);
	cursor_copy(&left, header->target + 12, 4);
	header->protocol = protocol;
	layer->bytes = total - (first & 15) * 4;
	layer->is_fragment = (fragment & 0x3fff) != 0;
	cursor_limit(&options, total);
	if (cursor_skip(&options, (first & 15) * 4))
		return AIRNET_FRAME_SHORT;
	layer->left = options;
	if (fragment & 0x1fff) {
		header->payload_bytes = layer->bytes;
		return AIRNET_FRAME_FRAGMENT;
	}
	return AIRNET_FRAME_OK;
}

/* One IPv6 extension header: -1 when header->protocol names none that we step over,
 * else a reason. */
static inline int packet_extension(struct layer *layer, struct airnet_header *header)
{
	struct cursor left = layer->left;
	an_u8 next = 0, length = 0;
	an_u16 fragment = 0;
	an_u32 bytes;

	switch (header->protocol) {
	case IP_HOP_BY_HOP:
	case IP_ROUTING:
	case IP_DESTINATION:
	case IP_AUTHENTICATION:
	case IP_FRAGMENT:
		break;
	default:
		return -1;
	}
	if (layer->bytes < 8)
		return AIRNET_FRAME_BAD_IP;
	if (cursor_left(&left) < 8)
		return AIRNET_FRAME_SHORT;
	cursor_u8(&left, &next);
	cursor_u8(&left, &length);
	cursor_u16(&left, &fragment);
	bytes = (length + 1u) * 8;
	if (header->protocol == IP_FRAGMENT)
		bytes = 8;
	else if (header->protocol == IP_AUTHENTICATION)
		bytes = (length + 2u) * 4;
	if (bytes > layer->bytes)
		return AIRNET_FRAME_BAD_IP;
	if (cursor_skip(&layer->left, bytes))
		return AIRNET_FRAME_SHORT;
	layer->bytes -= bytes;
	if (header->protocol != IP_FRAGMENT)
		fragment = 0;
	header->protocol = next;
	layer->is_fragment |= (fragment & 0xfff9) != 0;
	if (fragment & 0xfff8) {
		header->payload_bytes = layer->bytes;
		return AIRNET_FRAME_FRAGMENT;
	}
	return AIRNET_FRAME_OK;
}

static inline an_u8 packet_ipv6(struct layer *layer, struct airnet_header *header)
{
	an_u16 bytes = 0;
	int depth, reason;

	if (cursor_left(&layer->left) < 40)
		return AIRNET_FRAME_SHORT;
	if (*layer->left.at >> 4 != 6)
		return AIRNET_FRAME_BAD_IP;
	cursor_skip(&layer->left, 4);
	cursor_u16(&layer->left, &bytes);
	cursor_u8(&layer->left, &header->protocol);
	cursor_skip(&layer->left, 1);
	cursor_copy(&layer->left, header->source, 16);
	cursor_copy(&layer->left, header->target, 16);
	cursor_limit(&layer->left, bytes);
	layer->bytes = bytes;
	for (depth = 0;; depth++) {
		reason = packet_extension(layer, header);
		if (reason < 0)
			return AIRNET_FRAME_OK;
		if (reason)
			return (an_u8)reason;
		if (depth == PACKET_DEPTH)
			return AIRNET_FRAME_DEPTH;
	}
}

#endif
