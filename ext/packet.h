/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What reading a frame's headers remembers, and the walk from the link header to the
 * first IP header: tags, labels and sessions are stepped over.
 * Sources: IEEE 802.1Q-2018 section 9; IEEE 802.1BR-2012 section 7.5 (E-tag); RFC
 * 3032 and RFC 4385 (MPLS); RFC 2516 and RFC 1661 (PPPoE, PPP); link types: the pcap
 * LINKTYPE registry; VN-tag and Cisco metadata: as Wireshark reads them.
 */
#ifndef AIRNET_PACKET_H
#define AIRNET_PACKET_H

#include "datagram.h"

#define LINK_NULL 0
#define LINK_PPP 9
#define LINK_LOOP 108
#define LINK_IPV4 228
#define LINK_IPV6 229

#define ETHER_IPV4 0x0800
#define ETHER_TRANSPARENT 0x6558 /* an Ethernet frame; inside GRE and GENEVE */
#define ETHER_VLAN 0x8100
#define ETHER_IPV6 0x86dd
#define ETHER_MPLS 0x8847
#define ETHER_MPLS_MULTICAST 0x8848
#define ETHER_PPPOE 0x8864
#define ETHER_QINQ 0x88a8
#define ETHER_METADATA 0x8909
#define ETHER_VNTAG 0x8926
#define ETHER_ETAG 0x893f
#define ETHER_QINQ_OLD 0x9100

#define PPP_IPV4 0x0021
#define PPP_IPV6 0x0057
#define PPP_MPLS 0x0281
#define PPP_MPLS_MULTICAST 0x0283

#define AIRNET_CLOCK_UNSETTLED 0xff
#define PACKET_PRINTS 256

/* The TCP fields that stream reassembly needs; `payload` is what was captured of it.
 * It may lie in a reassembled datagram: see packets_release. */
struct segment {
	an_u32 sequence;
	an_u32 acknowledged;
	struct cursor payload;
	struct cursor options; /* the fixed header lies in front of them */
	an_u16 window;
	an_u16 urgent; /* pointer; valid with AIRNET_TCP_URG */
	an_u16 identification; /* of the IP header; 0 where it has none */
};

/* What reading headers remembers: one for a decoder, used by one thread. */
struct packets {
	struct packet_counts counts;
	an_u8 trailer; /* AIRNET_TRAILER_*, which clock frames carry */
	an_u8 clock; /* of this run's rows; AIRNET_CLOCK_UNSETTLED before the first */
	an_u8 is_stamped; /* this frame carries a time */
	an_u8 foreign_count; /* frames of another clock in a row */
	an_u32 pad;
	an_u64 stamp_ns; /* of this frame */
	an_u64 last_ns; /* time of the last row of our clock */
	an_u64 last_capture_ns; /* when that frame was captured */
	an_u64 prints[PACKET_PRINTS]; /* and times, of late segments; see twice.h */
	an_u32 crc[8][256];
	struct fragments fragments;
};

/* Where the walk through the headers stands. */
struct layer {
	struct cursor left;
	an_u32 bytes; /* of IP payload ahead, as the IP header says */
	an_u16 ethertype; /* of what lies ahead */
	an_u16 identification; /* of the last IP header */
	an_u8 level; /* IP headers so far */
	an_u8 pad[3];
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

/* A PPP protocol number, of one byte when that is odd (RFC 1661 section 6.5). */
static inline an_u8 packet_ppp(struct layer *layer)
{
	an_u8 first = 0, second = 0;

	if (cursor_u8(&layer->left, &first))
		return AIRNET_FRAME_SHORT;
	if (first & 1) {
		second = first;
		first = 0;
	} else if (cursor_u8(&layer->left, &second)) {
		return AIRNET_FRAME_SHORT;
	}
	switch (first << 8 | second) {
	case PPP_IPV4:
		layer->ethertype = ETHER_IPV4;
		return AIRNET_FRAME_OK;
	case PPP_IPV6:
		layer->ethertype = ETHER_IPV6;
		return AIRNET_FRAME_OK;
	case PPP_MPLS:
	case PPP_MPLS_MULTICAST:
		layer->ethertype = ETHER_MPLS;
		return AIRNET_FRAME_OK;
	default:
		return AIRNET_FRAME_NOT_IP;
	}
}

/* A PPP link: address and control (0xff03) may be left out (RFC 1662 section 3.2). */
static inline an_u8 packet_ppp_link(struct layer *layer)
{
	struct cursor ahead = layer->left;
	an_u16 start = 0;

	if (!cursor_u16(&ahead, &start) && start == 0xff03)
		layer->left = ahead;
	return packet_ppp(layer);
}

/* A PPPoE session frame (RFC 2516 section 4): version and type 1, code 0. */
static inline an_u8 packet_pppoe(struct layer *layer)
{
	an_u16 start = 0, bytes = 0;

	if (cursor_left(&layer->left) < 6)
		return AIRNET_FRAME_SHORT;
	cursor_u16(&layer->left, &start);
	cursor_skip(&layer->left, 2);
	cursor_u16(&layer->left, &bytes);
	if (start != 0x1100)
		return AIRNET_FRAME_NOT_IP;
	cursor_limit(&layer->left, bytes);
	return packet_ppp(layer);
}

/* A label stack and what its bottom carries, told by a nibble as routers do: IP, or
 * behind a control word (RFC 4385 section 3) an Ethernet frame. */
static inline an_u8 packet_mpls(struct layer *layer)
{
	an_u32 label = 0;
	int depth;

	for (depth = 0; !(label & 0x100); depth++) {
		if (depth == PACKET_DEPTH)
			return AIRNET_FRAME_DEPTH;
		if (cursor_u32(&layer->left, &label))
			return AIRNET_FRAME_SHORT;
	}
	if (layer->left.at == layer->left.end)
		return AIRNET_FRAME_SHORT;
	switch (*layer->left.at >> 4) {
	case 0:
		return packet_typed(layer, 4 + 12, 0);
	case 4:
		layer->ethertype = ETHER_IPV4;
		return AIRNET_FRAME_OK;
	case 6:
		layer->ethertype = ETHER_IPV6;
		return AIRNET_FRAME_OK;
	default:
		return AIRNET_FRAME_NOT_IP;
	}
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
	case LINK_PPP:
		return packet_ppp_link(layer);
	default:
		return AIRNET_FRAME_LINK;
	}
}

/* From an ethertype over all that stands in front of an IP header. */
static inline an_u8 packet_shims(struct layer *layer)
{
	an_u8 reason = AIRNET_FRAME_OK;
	int depth;

	for (depth = 0; !reason; depth++) {
		an_u16 ethertype = layer->ethertype;

		if (ethertype == ETHER_IPV4 || ethertype == ETHER_IPV6)
			return AIRNET_FRAME_OK;
		reason = depth == PACKET_DEPTH ? AIRNET_FRAME_DEPTH : AIRNET_FRAME_OK;
		switch (ethertype) {
		case ETHER_VLAN:
		case ETHER_QINQ:
		case ETHER_QINQ_OLD:
			reason = reason ? reason : packet_typed(layer, 2, 0);
			break;
		case ETHER_VNTAG:
			reason = reason ? reason : packet_typed(layer, 4, 0);
			break;
		case ETHER_ETAG:
		case ETHER_METADATA:
			reason = reason ? reason : packet_typed(layer, 6, 0);
			break;
		case ETHER_PPPOE:
			reason = reason ? reason : packet_pppoe(layer);
			break;
		case ETHER_MPLS:
		case ETHER_MPLS_MULTICAST:
			reason = reason ? reason : packet_mpls(layer);
			break;
		default:
			return AIRNET_FRAME_NOT_IP;
		}
	}
	return reason;
}

#endif
