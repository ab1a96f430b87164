/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames: Ethernet (802.1Q), IPv4 and IPv6, TCP, UDP and ICMP with right checksums.
 * Headers that stay the same on a path are made once; a frame then costs its copy and
 * one sum. Sums are taken in memory order (RFC 1071 section 2 (B)).
 */
#ifndef AIRNET_WIRE_PATH_H
#define AIRNET_WIRE_PATH_H

#include "wire_state.h"

#define WIRE_FRAME_MIN 60 /* IEEE 802.3, without the frame check sequence */
#define WIRE_TCP 6
#define WIRE_UDP 17
#define WIRE_ICMP 1
#define WIRE_ICMP6 58

static const an_u8 wire_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static inline void wire_put16(an_u8 *out, an_u32 value)
{
	out[0] = (an_u8)(value >> 8);
	out[1] = (an_u8)value;
}

static inline void wire_put32(an_u8 *out, an_u32 value)
{
	value = __builtin_bswap32(value);
	memcpy(out, &value, 4);
}

/* The sum of 16-bit words in memory order, not yet folded. */
static inline an_u64 wire_sum(const an_u8 *at, an_u32 count, an_u64 sum)
{
	an_u64 x;

	for (; count >= 8; count -= 8, at += 8) {
		memcpy(&x, at, 8);
		sum += (x & 0xffffffffu) + (x >> 32);
	}
	x = 0;
	memcpy(&x, at, count);
	return sum + (x & 0xffffffffu) + (x >> 32);
}

static inline an_u16 wire_fold(an_u64 sum)
{
	sum = (sum & 0xffffffffu) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (an_u16)~sum;
}

static inline int wire_is_zero(const an_u8 *address)
{
	static const an_u8 zero[16];

	return memcmp(address, zero, 16) == 0;
}

static inline int wire_is_v4(const an_u8 *address)
{
	return memcmp(address, wire_mapped, 12) == 0;
}

/* The MAC of a group (RFC 1112 section 6.4, RFC 2464 section 7). */
static inline void wire_group_mac(an_u8 *out, const an_u8 *group)
{
	if (wire_is_v4(group)) {
		memcpy(out, "\x01\x00\x5e", 3);
		out[3] = group[13] & 0x7f;
		memcpy(out + 4, group + 14, 2);
	} else {
		memcpy(out, "\x33\x33", 2);
		memcpy(out + 2, group + 12, 4);
	}
}

static inline int wire_is_group(const an_u8 *address)
{
	return wire_is_v4(address) ? (address[12] & 0xf0) == 0xe0 : address[0] == 0xff;
}

static inline an_u32 wire_ethernet(const struct host_row *source, const an_u8 *to,
				   const struct host_row *target, an_u8 *out)
{
	an_u32 at = 12;

	if (wire_is_group(to))
		wire_group_mac(out, to);
	else
		memcpy(out, target->mac, 6);
	memcpy(out + 6, source->mac, 6);
	if (source->vlan) {
		wire_put16(out + at, 0x8100);
		wire_put16(out + at + 2, source->vlan);
		at += 4;
	}
	wire_put16(out + at, wire_is_v4(to) ? 0x0800 : 0x86dd);
	return at + 2;
}

/* Make the headers of a path. */
static inline void wire_path(const struct world *w, const struct wire_ends *e,
			     an_u8 protocol, struct wire_path *p)
{
	const struct host_row *source = world_host(w, e->source);
	const struct host_row *target = world_host(w, e->target);
	const an_u8 *from = wire_is_zero(e->spoof) ? source->address : e->spoof;
	const an_u8 *to = wire_is_zero(e->to) ? target->address : e->to;
	an_u8 *ip;

	memset(p, 0, sizeof(*p));
	p->host = e->source;
	p->protocol = protocol;
	p->is_v6 = !wire_is_v4(to);
	p->is_padded = (source->flags & HOST_PADDED) != 0;
	p->has_stamps = (source->flags & target->flags & HOST_STAMPS) != 0;
	p->has_sack = (source->flags & target->flags & HOST_SACK) != 0;
	p->ip_at = (an_u8)wire_ethernet(source, to, target, p->bytes);
	ip = p->bytes + p->ip_at;
	if (p->is_v6) {
		ip[0] = 0x60;
		ip[6] = protocol;
		ip[7] = source->ttl;
		memcpy(ip + 8, from, 16);
		memcpy(ip + 24, to, 16);
		p->pseudo = wire_sum(ip + 8, 32, 0) + (an_u64)protocol * 256;
	} else {
		ip[0] = 0x45;
		ip[6] = 0x40; /* DF */
		ip[8] = source->ttl;
		ip[9] = protocol;
		memcpy(ip + 12, from + 12, 4);
		memcpy(ip + 16, to + 12, 4);
		p->pseudo = wire_sum(ip + 12, 8, 0) + (an_u64)protocol * 256;
	}
	p->at = (an_u8)(p->ip_at + (p->is_v6 ? 40 : 20));
	p->window = (an_u16)(source->window_bytes >> source->window_shift);
	wire_put16(p->bytes + p->at, e->source_port);
	wire_put16(p->bytes + p->at + 2, e->target_port);
}

#endif
