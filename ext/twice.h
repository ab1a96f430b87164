/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segments that a mirror shows twice: a SPAN session that copies both a frame's way in
 * and its way out, or two that overlap. The copy is the same to the bit and follows
 * within microseconds. A segment sent again by TCP is another one: it comes a round
 * trip later at least and has an IP identification of its own (RFC 6864 section 4.3).
 * Compared are that, the TCP header, whose checksum is the payload's too, and the last
 * bytes captured, as a sender's own capture has no checksum yet. Only segments with a
 * payload are looked at: bare acknowledgements may be repeated.
 */
#ifndef AIRNET_TWICE_H
#define AIRNET_TWICE_H

#include "transport.h"

#define TWICE_NS 200000u

static inline an_u32 twice_print(const struct segment *segment)
{
	const an_u8 *tcp = segment->options.at - TCP_BYTES_MIN;
	an_u64 first, second, last;
	an_u32 third;

	/* At least the TCP header lies before the end. */
	memcpy(&last, segment->payload.end - 8, 8);
	memcpy(&first, tcp, 8);
	memcpy(&second, tcp + 8, 8);
	memcpy(&third, tcp + 16, 4);
	first = (first ^ segment->identification) * 0x9e3779b97f4a7c15ull;
	first = ((first ^ first >> 32) + second) * 0xbf58476d1ce4e5b9ull;
	first = ((first ^ first >> 29) + last) * 0x9e3779b97f4a7c15ull;
	first = ((first ^ first >> 32) + third) * 0x94d049bb133111ebull;
	return (an_u32)(first >> 32);
}

/* Whether this segment was seen a moment ago. Of those that share a place the last is
 * remembered: a copy that comes behind many others may be missed. */
static inline int twice_seen(struct packets *p, const struct segment *segment,
			     an_u64 time_ns)
{
	an_u32 print = twice_print(segment);
	an_u64 *place = &p->prints[print % PACKET_PRINTS];
	an_u64 before = *place;
	an_u32 ago_ns = (an_u32)time_ns - (an_u32)before;

	*place = (an_u64)print << 32 | (an_u32)time_ns;
	if (before >> 32 != print || !before)
		return 0;
	return ago_ns < TWICE_NS || -ago_ns < TWICE_NS;
}

#endif
