/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a multicast datagram says of its place in a sequence. MoldUDP64 1.00 (Nasdaq,
 * 2009): a session of 10 characters, the number of the first message, their count (0 a
 * heartbeat, 0xffff the session's end), then each message behind its length. Of any
 * other protocol the first 8 bytes are kept: features may find a number in them.
 */
#ifndef AIRNET_MOLD_H
#define AIRNET_MOLD_H

#include "packet.h"

#define MOLD_BYTES 20
#define MOLD_SESSION_BYTES 10
#define MOLD_END 0xffff
#define MOLD_SEQUENCE_MAX (1ull << 48) /* a day of any venue has fewer messages */
#define FEED_RAW_BYTES 8

/* ff00::/8 (RFC 4291 section 2.7) or 224.0.0.0/4, mapped (RFC 5771). */
static inline int mold_is_group(const an_u8 *address)
{
	if (memcmp(address, packet_mapped, 12) != 0)
		return address[0] == 0xff;
	return (address[12] & 0xf0) == 0xe0;
}

static inline an_u64 load_u64(const an_u8 *at)
{
	return (an_u64)load_u32(at) << 32 | load_u32(at + 4);
}

/* Is a payload of `bytes`, of which `at` begins the captured ones, MoldUDP64? */
static inline int mold_is(const an_u8 *at, an_u32 bytes, size_t captured)
{
	an_u32 count = load_u16(at + 18), least;
	an_u64 number = load_u64(at + MOLD_SESSION_BYTES);

	if (!number || number >= MOLD_SEQUENCE_MAX)
		return 0;
	for (int i = 0; i < MOLD_SESSION_BYTES; i++)
		if (at[i] < ' ' || at[i] > '~')
			return 0;
	if (!count || count == MOLD_END)
		return bytes == MOLD_BYTES;
	if (captured < MOLD_BYTES + 2)
		return 0;
	least = MOLD_BYTES + 2 + load_u16(at + MOLD_BYTES) + 2 * (count - 1);
	return count == 1 ? bytes == least : bytes >= least;
}

/* Note what begins a datagram's payload, if it went to a group. */
static inline void feed_read(struct airnet_header *header, struct cursor payload)
{
	const an_u8 *at = cursor_peek(&payload, FEED_RAW_BYTES);
	an_u32 bytes = header->payload_bytes;

	if (bytes < FEED_RAW_BYTES || !at || !mold_is_group(header->target))
		return;
	if (bytes >= MOLD_BYTES && cursor_left(&payload) >= MOLD_BYTES &&
	    mold_is(at, bytes, cursor_left(&payload))) {
		an_u16 count = load_u16(at + 18);

		header->feed = AIRNET_FEED_MOLD;
		header->feed_sequence = load_u64(at + MOLD_SESSION_BYTES);
		header->feed_messages = count == MOLD_END ? 0 : count;
		return;
	}
	header->feed = AIRNET_FEED_RAW;
	header->feed_sequence = load_u64(at);
}

#endif
