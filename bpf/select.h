/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Which frames are order traffic, decided by one text in the kernel (tap.bpf.c) and in
 * user space (ext/selection.pyx): what is live ignored, a replay can ignore as well.
 *
 * Taken: IP from or to a watched address, TCP from or to a decoded port, and whatever
 * only decode can look into (tunnels, fragments, headers cut short). The rest is
 * summarised by Ethernet type, IP protocol and target port, in fixed tables.
 *
 * Beside it a sketch of floods sees every frame: a count-min sketch of the SYN, UDP and
 * ICMP frames of each target address. An estimate is never too low, and with
 * probability 1 - e^-4 at most e/1024 of that kind's frames too high.
 * Source: G. Cormode, S. Muthukrishnan, "An improved data stream summary: the count-min
 * sketch and its applications", J. Algorithms 55 (2005), theorem 1.
 */
#ifndef AIRNET_SELECT_H
#define AIRNET_SELECT_H

#include "airnet.h"

#ifndef __bpf__
#include <string.h>
#endif
/* The verifier follows one program: every part of it is written into it. */
#define SELECT_INLINE static inline __attribute__((always_inline))

#define SELECT_ALL 0
#define SELECT_ORDER 1
#define SELECT_SLOTS 4096u
#define SELECT_PROBES 8

/* What is watched; filled once, before the first frame. An address is the 16 bytes of
 * airnet.h in two words as they lie in memory; zero words are a free slot. */
struct airnet_select {
	an_u64 seed; /* of the sketch's hash */
	an_u32 mode; /* SELECT_* */
	an_u32 pad;
	an_u64 ports[1024]; /* one bit a TCP port */
	an_u64 addresses[SELECT_SLOTS][2];
};

#define SUMMARY_SLOTS 256u
#define SUMMARY_PROBES 8

struct airnet_summary_row {
	an_u64 key; /* 1 << 40 | Ethernet type << 24 | protocol << 16 | target port */
	an_u64 frames;
	an_u64 bytes;
	an_u64 pad;
};

/* One CPU's summary of what was not taken. The last row has what found no slot. */
struct airnet_summary {
	struct airnet_summary_row rows[SUMMARY_SLOTS + 1];
};

#define SKETCH_SYN 0
#define SKETCH_UDP 1
#define SKETCH_ICMP 2
#define SKETCH_KINDS 3
#define SKETCH_ROWS 4
#define SKETCH_COLUMNS 1024u

/* One CPU's sketch of what hits whom. */
struct airnet_sketch {
	an_u64 totals[8]; /* by SKETCH_* */
	an_u64 cells[SKETCH_KINDS][SKETCH_ROWS][SKETCH_COLUMNS];
};

AIRNET_ASSERT_SIZE(airnet_select, 16 + 8192 + 65536);
AIRNET_ASSERT_SIZE(airnet_summary, 257 * 32);
AIRNET_ASSERT_SIZE(airnet_sketch, 64 + 98304);

/* What one frame's headers say, as far as selection asks. */
struct select_fields {
	an_u64 source[2], target[2];
	an_u16 ethertype; /* 0: IEEE 802.3, a length in its place */
	an_u16 source_port, target_port;
	an_u8 protocol;
	an_u8 tcp_flags;
	an_u8 is_ip;
	an_u8 is_opaque; /* decode must look: taken */
};

/* Source: IEEE 802 and IANA registries of EtherTypes, protocol and port numbers. */
#define SELECT_IPV4 0x0800
#define SELECT_IPV6 0x86dd
#define SELECT_TAGS_MAX 2
#define SELECT_TCP 6
#define SELECT_UDP 17
#define SELECT_SYN 2 /* RFC 9293 section 3.1 */
#define SELECT_ACK 16

/* Words as they lie in memory, at any alignment; kernel programs have memcpy only by
 * single bytes. */
SELECT_INLINE an_u64 select_u64(const an_u8 *at)
{
#ifdef __bpf__
	return *(const an_u64 *)at;
#else
	an_u64 value;

	memcpy(&value, at, sizeof(value));
	return value;
#endif
}

SELECT_INLINE an_u64 select_u32(const an_u8 *at)
{
#ifdef __bpf__
	return *(const an_u32 *)at;
#else
	an_u32 value;

	memcpy(&value, at, sizeof(value));
	return value;
#endif
}

SELECT_INLINE an_u16 select_u16(const an_u8 *at)
{
	return (an_u16)(at[0] << 8 | at[1]);
}

/* The second word of a mapped IPv4 address (RFC 4291 section 2.5.5.2). */
SELECT_INLINE an_u64 select_mapped(const an_u8 *at)
{
	return 0xffff0000u | select_u32(at) << 32;
}

/* The finalizer of MurmurHash3, once over each word (A. Appleby, public domain). */
SELECT_INLINE an_u64 select_mix(an_u64 first, an_u64 second, an_u64 seed)
{
	an_u64 hash = (first ^ seed) * 0xff51afd7ed558ccdu;

	hash ^= hash >> 33;
	hash = (hash ^ second) * 0xc4ceb9fe1a85ec53u;
	hash ^= hash >> 33;
	hash *= 0xff51afd7ed558ccdu;
	return hash ^ hash >> 33;
}

SELECT_INLINE int select_is_tag(an_u16 ethertype)
{
	return ethertype == 0x8100 || ethertype == 0x88a8 || ethertype == 0x9100;
}

/* MPLS (RFC 3032 section 5), PPPoE (RFC 2516), metadata and VN tags (vendors'), E-tag
 * (IEEE 802.1BR): what is behind them decides. */
SELECT_INLINE int select_is_shim(an_u16 ethertype)
{
	return ethertype == 0x8847 || ethertype == 0x8848 || ethertype == 0x8864 ||
	       ethertype == 0x8909 || ethertype == 0x8926 || ethertype == 0x893f;
}

/* IP in IP, IPv6 in IP, GRE, MPLS in IP, AH: what is inside decides. */
SELECT_INLINE int select_is_tunnel(an_u8 protocol)
{
	return protocol == 4 || protocol == 41 || protocol == 47 || protocol == 137 ||
	       protocol == 51;
}

/* IPv6 extension headers (RFC 8200 section 4, RFC 6275, 7401, 5533): decode walks
 * them; also those of fragments. */
SELECT_INLINE int select_is_extension(an_u8 protocol)
{
	return protocol == 0 || protocol == 43 || protocol == 44 || protocol == 51 ||
	       protocol == 60 || protocol == 135 || protocol == 139 || protocol == 140;
}

/* VXLAN, as registered and as Linux has it; GENEVE; MPLS in UDP. */
SELECT_INLINE int select_is_tunnel_port(an_u16 port)
{
	return port == 4789 || port == 8472 || port == 6081 || port == 6635;
}

/* Read the header behind IP. */
SELECT_INLINE void select_transport(struct select_fields *fields, const an_u8 *at,
				    const an_u8 *end)
{
	an_u8 protocol = fields->protocol;

	if (select_is_tunnel(protocol)) {
		fields->is_opaque = 1;
		return;
	}
	if (protocol != SELECT_TCP && protocol != SELECT_UDP)
		return;
	if (at + 8 > end) {
		fields->is_opaque = 1;
		return;
	}
	fields->source_port = select_u16(at);
	fields->target_port = select_u16(at + 2);
	if (protocol == SELECT_UDP)
		fields->is_opaque = (an_u8)select_is_tunnel_port(fields->target_port);
	else if (at + 14 <= end)
		fields->tcp_flags = at[13];
	else
		fields->is_opaque = 1;
}

SELECT_INLINE void select_ipv4(struct select_fields *fields, const an_u8 *at,
			       const an_u8 *end)
{
	an_u32 bytes;

	fields->is_opaque = 1;
	if (at + 20 > end || at[0] >> 4 != 4)
		return;
	bytes = (at[0] & 15u) * 4;
	if (bytes < 20)
		return;
	fields->is_ip = 1;
	fields->protocol = at[9];
	fields->source[1] = select_mapped(at + 12);
	fields->target[1] = select_mapped(at + 16);
	/* A fragment, also the first: more fragments, or an offset. */
	if (select_u16(at + 6) & 0x3fff)
		return;
	fields->is_opaque = 0;
	select_transport(fields, at + bytes, end);
}

SELECT_INLINE void select_ipv6(struct select_fields *fields, const an_u8 *at,
			       const an_u8 *end)
{
	fields->is_opaque = 1;
	if (at + 40 > end || at[0] >> 4 != 6)
		return;
	fields->is_ip = 1;
	fields->protocol = at[6];
	fields->source[0] = select_u64(at + 8);
	fields->source[1] = select_u64(at + 16);
	fields->target[0] = select_u64(at + 24);
	fields->target[1] = select_u64(at + 32);
	if (select_is_extension(fields->protocol))
		return;
	fields->is_opaque = 0;
	select_transport(fields, at + 40, end);
}

/* Read an Ethernet frame's headers; `fields` is zero before. */
SELECT_INLINE void select_read(struct select_fields *fields, const an_u8 *at,
			       const an_u8 *end)
{
	fields->is_opaque = 1;
	if (at + 14 > end)
		return;
	fields->ethertype = select_u16(at + 12);
	at += 14;
	for (int i = 0; i < SELECT_TAGS_MAX; i++) {
		if (!select_is_tag(fields->ethertype))
			break;
		if (at + 4 > end)
			return;
		fields->ethertype = select_u16(at + 2);
		at += 4;
	}
	if (select_is_tag(fields->ethertype) || select_is_shim(fields->ethertype))
		return;
	fields->is_opaque = 0;
	if (fields->ethertype < 0x600)
		fields->ethertype = 0;
	else if (fields->ethertype == SELECT_IPV4)
		select_ipv4(fields, at, end);
	else if (fields->ethertype == SELECT_IPV6)
		select_ipv6(fields, at, end);
}

#endif
