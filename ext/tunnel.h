/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From one IP header to the next one inside it. A UDP port alone makes no tunnel: where
 * the tunnel's header is not as its standard says, the datagram is read as UDP.
 * Sources: RFC 2784 and RFC 2890 (GRE), RFC 7637 (NVGRE), RFC 2003 and RFC 4213 (IP in
 * IP), RFC 7348 (VXLAN), RFC 8926 (GENEVE), RFC 7510 (MPLS in UDP),
 * draft-foschiano-erspan-03 (ERSPAN), draft-wilson-wrec-wccp-v2-01 section 4.12.
 */
#ifndef AIRNET_TUNNEL_H
#define AIRNET_TUNNEL_H

#include "network.h"

#define TUNNEL_NONE (-1) /* what lies ahead is no tunnel that we follow */

#define GRE_CHECKSUM 0x8000
#define GRE_ROUTING 0x4000
#define GRE_KEY 0x2000
#define GRE_SEQUENCE 0x1000
#define GRE_VERSION 0x0007

#define ETHER_ERSPAN3 0x22eb
#define ETHER_PPP 0x880b
#define ETHER_WCCP 0x883e
#define ETHER_ERSPAN 0x88be

#define UDP_BYTES 8
#define UDP_VXLAN 4789
#define UDP_GENEVE 6081
#define UDP_MPLS 6635
#define UDP_VXLAN_OLD 8472 /* of Linux, from before the number was assigned */

#define VXLAN_HAS_NETWORK 0x08

/* What a header of `bytes` that is not all there means: the packet is too small for
 * it, or the capture cut it. */
static inline int tunnel_missing(const struct layer *layer, an_u32 bytes)
{
	return layer->bytes < bytes ? TUNNEL_NONE : AIRNET_FRAME_SHORT;
}

/* The time in an ERSPAN III header, when it tells one that stands alone: seconds and
 * nanoseconds, or 64 bits of its granularity (sections 4.3 and 4.4). */
static inline void erspan_stamp(struct packets *p, const an_u8 *at, an_u32 granularity)
{
	static const an_u32 unit_ns[4] = {100000, 100, 1, 0};
	an_u64 low = load_u32(at + 4), high = load_u32(at + 16);
	an_u32 platform = at[12] >> 2;
	an_u64 ticks = high << 32 | low;

	p->is_stamped = 0;
	if ((platform == 5 || platform == 6) && granularity == 2) {
		p->is_stamped = low < 1000000000;
		p->stamp_ns = high * 1000000000 + low;
	} else if (platform == 3 || platform == 7) {
		p->is_stamped =
			unit_ns[granularity] && ticks <= ~0ULL / unit_ns[granularity];
		p->stamp_ns = ticks * unit_ns[granularity];
	}
}

/* ERSPAN III: 12 bytes, 8 more by the O bit; its frame type says what follows. */
static inline int tunnel_erspan3(struct packets *p, struct layer *layer)
{
	const an_u8 *at = cursor_peek(&layer->left, 12);
	an_u32 flags, bytes;

	if (!at)
		return AIRNET_FRAME_SHORT;
	flags = load_u16(at + 10);
	bytes = flags & 1 ? 20 : 12;
	if (at[0] >> 4 != 2)
		return AIRNET_FRAME_NOT_IP;
	if (cursor_skip(&layer->left, bytes))
		return AIRNET_FRAME_SHORT;
	if (flags & 1 && p->trailer == AIRNET_TRAILER_ERSPAN)
		erspan_stamp(p, at, flags >> 1 & 3);
	switch (flags >> 10 & 31) {
	case 0:
		return packet_typed(layer, 12, 0);
	case 2:
		return packet_raw(layer);
	default:
		return AIRNET_FRAME_NOT_IP;
	}
}

/* ERSPAN in GRE of type 0x88be: I has no header and no GRE sequence, II has 8 bytes. */
static inline int tunnel_erspan(struct packets *p, struct layer *layer, an_u32 flags)
{
	if (!(flags & GRE_SEQUENCE))
		return packet_typed(layer, 12, 0);
	if (layer->left.at == layer->left.end)
		return AIRNET_FRAME_SHORT;
	if (*layer->left.at >> 4 == 2)
		return tunnel_erspan3(p, layer);
	if (*layer->left.at >> 4 != 1)
		return AIRNET_FRAME_NOT_IP;
	return packet_typed(layer, 8 + 12, 0);
}

/* WCCP: IPv4, behind 4 bytes in its second version. */
static inline int tunnel_wccp(struct layer *layer)
{
	if (layer->left.at != layer->left.end && *layer->left.at >> 4 != 4)
		cursor_skip(&layer->left, 4);
	layer->ethertype = ETHER_IPV4;
	return AIRNET_FRAME_OK;
}

/* GRE version 0 without source routes (RFC 1701's), of the types that carry IP. */
static inline int tunnel_gre(struct packets *p, struct layer *layer)
{
	const an_u8 *at = cursor_peek(&layer->left, 4);
	an_u32 flags, type, bytes;

	if (layer->bytes < 4 || !at)
		return tunnel_missing(layer, 4);
	flags = load_u16(at);
	type = load_u16(at + 2);
	bytes = 4 + (flags & GRE_CHECKSUM ? 4 : 0) + (flags & GRE_KEY ? 4 : 0) +
		(flags & GRE_SEQUENCE ? 4 : 0);
	if (flags & (GRE_ROUTING | GRE_VERSION))
		return TUNNEL_NONE;
	if (type != ETHER_IPV4 && type != ETHER_IPV6 && type != ETHER_TRANSPARENT &&
	    type != ETHER_MPLS && type != ETHER_MPLS_MULTICAST &&
	    type != ETHER_ERSPAN && type != ETHER_ERSPAN3 && type != ETHER_METADATA &&
	    type != ETHER_WCCP && type != ETHER_PPP && type != ETHER_VLAN)
		return TUNNEL_NONE;
	if (layer->bytes < bytes || cursor_skip(&layer->left, bytes))
		return tunnel_missing(layer, bytes);
	layer->ethertype = (an_u16)type;
	switch (type) {
	case ETHER_TRANSPARENT:
		return packet_typed(layer, 12, 0);
	case ETHER_ERSPAN:
		return tunnel_erspan(p, layer, flags);
	case ETHER_ERSPAN3:
		return tunnel_erspan3(p, layer);
	case ETHER_WCCP:
		return tunnel_wccp(layer);
	case ETHER_PPP:
		return packet_ppp_link(layer);
	case ETHER_METADATA: /* in GRE its ethertype comes first */
		return packet_typed(layer, 0, 6);
	default:
		return AIRNET_FRAME_OK;
	}
}

/* GENEVE version 0: 8 bytes and its options. */
static inline int tunnel_geneve(struct layer *layer)
{
	const an_u8 *at = cursor_peek(&layer->left, 8);
	an_u32 bytes;

	if (!at)
		return tunnel_missing(layer, 8);
	bytes = 8 + (at[0] & 63u) * 4;
	layer->ethertype = load_u16(at + 2);
	if (at[0] >> 6)
		return TUNNEL_NONE;
	if (layer->bytes < bytes || cursor_skip(&layer->left, bytes))
		return tunnel_missing(layer, bytes);
	if (layer->ethertype == ETHER_TRANSPARENT)
		return packet_typed(layer, 12, 0);
	return AIRNET_FRAME_OK;
}

static inline int tunnel_vxlan(struct layer *layer)
{
	const an_u8 *at = cursor_peek(&layer->left, 8);

	if (layer->bytes < 8 || !at)
		return tunnel_missing(layer, 8);
	if (!(at[0] & VXLAN_HAS_NETWORK))
		return TUNNEL_NONE;
	return packet_typed(layer, 8 + 12, 0);
}

static inline int tunnel_mpls(struct layer *layer)
{
	int is_cut = cursor_left(&layer->left) < layer->bytes;
	an_u8 reason = packet_mpls(layer);

	if (reason && !(reason == AIRNET_FRAME_SHORT && is_cut))
		return TUNNEL_NONE;
	return reason;
}

static inline int tunnel_is_port(an_u16 port)
{
	return port == UDP_VXLAN || port == UDP_VXLAN_OLD || port == UDP_GENEVE ||
	       port == UDP_MPLS;
}

/* A tunnel that a UDP port names; `layer` moves only into one. */
static inline int tunnel_udp(struct layer *layer, struct airnet_header *header)
{
	const an_u8 *at = cursor_peek(&layer->left, UDP_BYTES);
	struct layer inside = *layer;
	an_u32 port, length;
	int reason = TUNNEL_NONE;

	if (layer->bytes < UDP_BYTES || !at)
		return TUNNEL_NONE;
	port = load_u16(at + 2);
	length = load_u16(at + 4);
	if (length < UDP_BYTES || length > layer->bytes)
		return TUNNEL_NONE;
	inside.bytes = length - UDP_BYTES;
	cursor_skip(&inside.left, UDP_BYTES);
	cursor_limit(&inside.left, inside.bytes);
	if (port == UDP_VXLAN || port == UDP_VXLAN_OLD)
		reason = tunnel_vxlan(&inside);
	else if (port == UDP_GENEVE)
		reason = tunnel_geneve(&inside);
	else if (port == UDP_MPLS)
		reason = tunnel_mpls(&inside);
	if (reason == TUNNEL_NONE)
		return TUNNEL_NONE;
	header->source_port = load_u16(at);
	header->target_port = (an_u16)port;
	*layer = inside;
	return reason;
}

/* What the protocol of an IP header leads to: OK when layer->ethertype lies ahead,
 * TUNNEL_NONE when a transport does, else a reason. */
static inline int packet_tunnel(struct packets *p, struct layer *layer,
				struct airnet_header *header)
{
	struct layer inside = *layer;
	int reason = TUNNEL_NONE;

	switch (header->protocol) {
	case IP_IPV4:
		layer->ethertype = ETHER_IPV4;
		return AIRNET_FRAME_OK;
	case IP_IPV6:
		layer->ethertype = ETHER_IPV6;
		return AIRNET_FRAME_OK;
	case IP_UDP:
		return tunnel_udp(layer, header);
	case IP_GRE:
		reason = tunnel_gre(p, &inside);
		break;
	default:
		break;
	}
	if (reason != TUNNEL_NONE)
		*layer = inside;
	return reason;
}

#endif
