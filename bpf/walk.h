/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Where select.h stops (a frame is "opaque"), header by header to the ports: tags,
 * labels, IPv6 extension headers, fragments, tunnels. Bounded; what lies behind the
 * bound, or is cut, is said to be unread, never guessed.
 *
 * Addresses and ports are the innermost ones, as decode tells them: by those a rule
 * names whom it holds back. The outermost addresses are kept beside them.
 * Sources: RFC 8200 section 4, RFC 791, RFC 6946 (a fragment that is all of it), RFC
 * 4302 (AH), RFC 5533, 6275, 7401 (same format); shims and tunnels: ext/packet.h and
 * ext/tunnel.h; of those in GRE only what a host without a mirror's tools unpacks.
 */
#ifndef AIRNET_WALK_H
#define AIRNET_WALK_H

#include "guard.h"
#include "select.h"

#ifdef __bpf__
#include <bpf/bpf_helpers.h>
#define WALK_FRAME struct xdp_md *
#else
struct walk_bytes {
	const an_u8 *at;
	an_u32 count;
};
#define WALK_FRAME const struct walk_bytes *
#endif

#define WALK_STEPS 24 /* headers of one frame */
#define WALK_ETHERNET 0x6558 /* transparent bridging: an Ethernet header ahead */

enum walk_end { WALK_ON, WALK_READ, WALK_LATER, WALK_UNREAD };

struct walk {
	struct select_fields fields; /* of the innermost IP header */
	struct select_fields outer; /* of the outermost one, when there are two */
	struct airnet_guard_piece piece; /* which datagram this is a part of */
	an_u32 at; /* of the next header */
	an_u16 next; /* what it is: an Ethernet type, below 256 an IP protocol */
	an_u8 version; /* of the innermost IP header */
	an_u8 is_first; /* the first part of a datagram that has more */
	an_u32 end; /* WALK_* */
	an_u8 bytes[40] __attribute__((aligned(8))); /* the header at hand */
};

/* Take the next bytes, not more than 40; 0: they are there. */
SELECT_INLINE int walk_load(WALK_FRAME frame, struct walk *w, an_u32 ahead,
			    an_u32 count)
{
#ifdef __bpf__
	return bpf_xdp_load_bytes(frame, w->at + ahead, w->bytes, count) != 0;
#else
	an_u64 from = (an_u64)w->at + ahead;

	if (from + count > frame->count)
		return 1;
	memcpy(w->bytes, frame->at + from, count);
	return 0;
#endif
}

/* Step over `before` bytes, an Ethernet type and `after` bytes. */
SELECT_INLINE enum walk_end walk_typed(WALK_FRAME frame, struct walk *w, an_u32 before,
				       an_u32 after)
{
	if (walk_load(frame, w, before, 2))
		return WALK_READ;
	w->next = select_u16(w->bytes);
	w->at += before + 2 + after;
	/* IEEE 802.3: a length in its place. */
	return w->next < 0x600 ? WALK_READ : WALK_ON;
}

/* One label; the nibble behind the last one tells IP, or a control word and an Ethernet
 * frame. */
SELECT_INLINE enum walk_end walk_label(WALK_FRAME frame, struct walk *w)
{
	if (walk_load(frame, w, 0, 5))
		return WALK_READ;
	w->at += 4;
	if (!(w->bytes[2] & 1))
		return WALK_ON;
	w->next = w->bytes[4] >> 4 == 4 ? SELECT_IPV4 : SELECT_IPV6;
	if (w->bytes[4] >> 4 == 0)
		return walk_typed(frame, w, 4 + 12, 0);
	return WALK_ON;
}

/* A PPPoE session frame; the protocol's number is one byte when that is odd. */
SELECT_INLINE enum walk_end walk_pppoe(WALK_FRAME frame, struct walk *w)
{
	an_u32 number;

	if (walk_load(frame, w, 0, 8) || w->bytes[0] != 0x11 || w->bytes[1])
		return WALK_READ;
	number = w->bytes[6] & 1 ? w->bytes[6] : select_u16(w->bytes + 6);
	w->at += w->bytes[6] & 1 ? 7 : 8;
	w->next = SELECT_IPV4;
	if (number == 0x57)
		w->next = SELECT_IPV6;
	else if (number == 0x281 || number == 0x283)
		w->next = 0x8847;
	else if (number != 0x21)
		return WALK_READ;
	return WALK_ON;
}

/* A second IP header: what was read until here is the outer one. */
SELECT_INLINE void walk_inner(struct walk *w)
{
	struct select_fields nothing = {};

	if (w->fields.is_ip && !w->outer.is_ip)
		w->outer = w->fields;
	w->fields = nothing;
	w->fields.is_ip = 1;
}

/* Remember which datagram this is a part of; its protocol is 0 of IPv6, where only the
 * first part's counts (RFC 8200 section 4.5). */
SELECT_INLINE enum walk_end walk_piece(struct walk *w, an_u32 id, an_u8 protocol,
				       int is_later)
{
	w->piece.source[0] = w->fields.source[0];
	w->piece.source[1] = w->fields.source[1];
	w->piece.target[0] = w->fields.target[0];
	w->piece.target[1] = w->fields.target[1];
	w->piece.id = id;
	w->piece.protocol = protocol;
	w->is_first = !is_later;
	return is_later ? WALK_LATER : WALK_ON;
}

SELECT_INLINE enum walk_end walk_ipv4(WALK_FRAME frame, struct walk *w)
{
	an_u32 bytes, fragment;

	if (walk_load(frame, w, 0, 20))
		return WALK_READ;
	bytes = (w->bytes[0] & 15u) * 4;
	if (w->bytes[0] >> 4 != 4 || bytes < 20)
		return WALK_READ;
	walk_inner(w);
	w->version = 4;
	w->fields.source[1] = select_mapped(w->bytes + 12);
	w->fields.target[1] = select_mapped(w->bytes + 16);
	w->next = w->bytes[9];
	w->at += bytes;
	fragment = select_u16(w->bytes + 6);
	if (!(fragment & 0x3fff))
		return WALK_ON;
	return walk_piece(w, select_u16(w->bytes + 4), w->bytes[9], fragment & 0x1fff);
}

SELECT_INLINE enum walk_end walk_ipv6(WALK_FRAME frame, struct walk *w)
{
	if (walk_load(frame, w, 0, 40) || w->bytes[0] >> 4 != 6)
		return WALK_READ;
	walk_inner(w);
	w->version = 6;
	w->fields.source[0] = select_u64(w->bytes + 8);
	w->fields.source[1] = select_u64(w->bytes + 16);
	w->fields.target[0] = select_u64(w->bytes + 24);
	w->fields.target[1] = select_u64(w->bytes + 32);
	w->next = w->bytes[6];
	w->at += 40;
	return WALK_ON;
}

SELECT_INLINE enum walk_end walk_extension(WALK_FRAME frame, struct walk *w)
{
	an_u32 fragment, was = w->next;

	if (walk_load(frame, w, 0, 8))
		return WALK_UNREAD;
	w->next = w->bytes[0];
	if (was == 51)
		w->at += (w->bytes[1] + 2u) * 4;
	else
		w->at += was == 44 ? 8 : (w->bytes[1] + 1u) * 8;
	if (was != 44)
		return WALK_ON;
	fragment = select_u16(w->bytes + 2);
	if (!(fragment & 0xfff9))
		return WALK_ON;
	return walk_piece(w, (an_u32)select_u32(w->bytes + 4), 0, fragment & 0xfff8);
}

/* GRE version 0 without source routes, of what a host unpacks. */
SELECT_INLINE enum walk_end walk_gre(WALK_FRAME frame, struct walk *w)
{
	an_u32 flags;

	if (walk_load(frame, w, 0, 4))
		return WALK_READ;
	flags = w->bytes[0];
	if (flags & 0x40 || w->bytes[1] & 7)
		return WALK_READ;
	w->next = select_u16(w->bytes + 2);
	w->at += 4 + (flags >> 7) * 4 + (flags >> 5 & 1) * 4 + (flags >> 4 & 1) * 4;
	return w->next < 0x600 ? WALK_READ : WALK_ON;
}

/* What a UDP port names may be a tunnel; where its header is not, it is UDP. */
SELECT_INLINE enum walk_end walk_udp(WALK_FRAME frame, struct walk *w)
{
	an_u16 port = w->fields.target_port;

	if (!select_is_tunnel_port(port) || walk_load(frame, w, 0, 16))
		return WALK_READ;
	w->at += 8;
	if (port == 6635) {
		w->next = 0x8847;
		return WALK_ON;
	}
	w->next = WALK_ETHERNET;
	if (port != 6081) {
		w->at += 8;
		return w->bytes[8] & 8 ? WALK_ON : WALK_READ;
	}
	w->next = select_u16(w->bytes + 10);
	w->at += 8 + (w->bytes[8] & 63u) * 4;
	return w->bytes[8] >> 6 || w->next < 0x600 ? WALK_READ : WALK_ON;
}

SELECT_INLINE enum walk_end walk_protocol(WALK_FRAME frame, struct walk *w)
{
	an_u16 protocol = w->next;

	if (protocol == 51 || (w->version == 6 && select_is_extension((an_u8)protocol)))
		return walk_extension(frame, w);
	w->fields.protocol = (an_u8)protocol;
	switch (protocol) {
	case SELECT_TCP:
		/* Flags that are hidden may begin a connection. */
		w->fields.tcp_flags =
			walk_load(frame, w, 12, 2) ? SELECT_SYN : w->bytes[1];
		/* fall through */
	case SELECT_UDP:
		if (walk_load(frame, w, 0, 4))
			return WALK_UNREAD;
		w->fields.source_port = select_u16(w->bytes);
		w->fields.target_port = select_u16(w->bytes + 2);
		return protocol == SELECT_UDP ? walk_udp(frame, w) : WALK_READ;
	case 4:
		w->next = SELECT_IPV4;
		return WALK_ON;
	case 41:
		w->next = SELECT_IPV6;
		return WALK_ON;
	case 47:
		return walk_gre(frame, w);
	case 137:
		w->next = 0x8847;
		return WALK_ON;
	default:
		return WALK_READ;
	}
}

/* One header more. */
SELECT_INLINE enum walk_end walk_step(WALK_FRAME frame, struct walk *w)
{
	if (w->next < 256)
		return walk_protocol(frame, w);
	switch (w->next) {
	case SELECT_IPV4:
		return walk_ipv4(frame, w);
	case SELECT_IPV6:
		return walk_ipv6(frame, w);
	case WALK_ETHERNET:
		return walk_typed(frame, w, 12, 0);
	case 0x8100:
	case 0x88a8:
	case 0x9100:
		return walk_typed(frame, w, 2, 0);
	case 0x8926:
		return walk_typed(frame, w, 4, 0);
	case 0x893f:
	case 0x8909:
		return walk_typed(frame, w, 6, 0);
	case 0x8864:
		return walk_pppoe(frame, w);
	case 0x8847:
	case 0x8848:
		return walk_label(frame, w);
	default:
		return WALK_READ;
	}
}

#endif
