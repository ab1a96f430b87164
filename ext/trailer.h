/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The time a capture device wrote behind a frame, and which clock a row's time is of.
 * A trailer counts only when configured, when the checksum of the frame in front of it
 * is right and its time is believable; else the capture's time stays. Rows of one run
 * are of one clock: the first IP frame's.
 * Sources: the trailer's description on the tcpdump list, July 2018 (Metamako); the
 * Wireshark display filter reference and Cisco's Nexus 3550-F HPT guide (Exablaze);
 * IEEE 802.3-2018 section 3.2.9 (frame check sequence).
 */
#ifndef AIRNET_TRAILER_H
#define AIRNET_TRAILER_H

#include "packet.h"

#define TRAILER_METAMAKO_BYTES 12 /* seconds, nanoseconds, flags, device, port */
#define TRAILER_EXABLAZE_BYTES 16 /* FCS, device, port, seconds, fraction, reserved */
#define TRAILER_EXTENSIONS 0x02 /* Metamako: words in front tell more */
#define TRAILER_FCS_BYTES 4
#define TRAILER_NEAR_NS 86400000000000ULL /* of the capture's time: a day */
/* A clock that was right stays right: further from where the capture's clock carried
 * it, a trailer is another's. */
#define TRAILER_STEP_NS 1000000000ULL
#define CLOCK_MOVES 64 /* frames of another clock in a row: it is the run's now */

/* CRC-32 of IEEE 802.3, eight bytes a step (Kounavis and Berry 2005). */
static inline void trailer_begin(struct packets *p)
{
	an_u32 i, k;

	for (i = 0; i < 256; i++) {
		an_u32 crc = i;

		for (k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
		p->crc[0][i] = crc;
	}
	for (i = 0; i < 256; i++)
		for (k = 1; k < 8; k++)
			p->crc[k][i] = p->crc[k - 1][i] >> 8 ^
				       p->crc[0][p->crc[k - 1][i] & 255];
}

static inline an_u32 trailer_crc(const struct packets *p, struct cursor bytes)
{
	const an_u8 *at;
	an_u32 crc = ~0u;
	an_u8 byte = 0;

	for (; (at = cursor_peek(&bytes, 8)) != NULL; cursor_skip(&bytes, 8)) {
		crc ^= __builtin_bswap32(load_u32(at));
		crc = p->crc[7][crc & 255] ^ p->crc[6][crc >> 8 & 255] ^
		      p->crc[5][crc >> 16 & 255] ^ p->crc[4][crc >> 24] ^
		      p->crc[3][at[4]] ^ p->crc[2][at[5]] ^ p->crc[1][at[6]] ^
		      p->crc[0][at[7]];
	}
	while (!cursor_u8(&bytes, &byte))
		crc = crc >> 8 ^ p->crc[0][(crc ^ byte) & 255];
	return ~crc;
}

/* Whether the last four bytes are the check sequence of those in front. It goes out
 * low byte first; a device that writes it as a number is understood too. */
static inline int trailer_is_frame(const struct packets *p, struct cursor bytes)
{
	struct cursor front = bytes;
	an_u32 crc, stored;

	if (cursor_left(&bytes) < 14 + TRAILER_FCS_BYTES)
		return 0;
	cursor_limit(&front, cursor_left(&bytes) - TRAILER_FCS_BYTES);
	cursor_skip(&bytes, cursor_left(&front));
	stored = load_u32(bytes.at);
	crc = trailer_crc(p, front);
	return stored == crc || stored == __builtin_bswap32(crc);
}

/* Cut `n` bytes off the end; NULL when there are not so many. */
static inline const an_u8 *trailer_cut(struct cursor *bytes, size_t n)
{
	struct cursor tail = *bytes;

	if (cursor_left(bytes) < n)
		return NULL;
	cursor_skip(&tail, cursor_left(bytes) - n);
	bytes->end = tail.at;
	return tail.at;
}

static inline int trailer_is_near(const struct packets *p, an_u64 stamp_ns,
				  an_u64 capture_ns)
{
	an_u64 expected_ns = capture_ns, limit_ns = TRAILER_NEAR_NS;

	if (p->clock == AIRNET_CLOCK_TRAILER) {
		expected_ns = p->last_ns + (capture_ns - p->last_capture_ns);
		limit_ns = TRAILER_STEP_NS;
	}
	return stamp_ns - expected_ns + limit_ns <= 2 * limit_ns;
}

/* The extensions in front of a Metamako trailer, walked from its end: a word with a
 * length in words, and a bit on the last (the first in the frame). */
static inline int trailer_extensions(struct cursor *bytes)
{
	const an_u8 *at;
	an_u32 word, words;

	do {
		at = trailer_cut(bytes, 4);
		if (!at)
			return -1;
		word = load_u32(at);
		words = word >> 6 & 3;
		if ((word & 0x1f) == 0x1f)
			words = (word >> 6 & 0x3ff) + 1;
		if (!trailer_cut(bytes, words * 4ul))
			return -1;
	} while (!(word & 0x20));
	return 0;
}

/* A Metamako trailer at the end of `bytes`. */
static inline int trailer_metamako(struct packets *p, struct cursor bytes,
				   an_u64 capture_ns)
{
	const an_u8 *at = trailer_cut(&bytes, TRAILER_METAMAKO_BYTES);
	an_u64 stamp_ns;

	if (!at || load_u32(at + 4) >= 1000000000)
		return 0;
	stamp_ns = load_u32(at) * 1000000000ULL + load_u32(at + 4);
	if (!trailer_is_near(p, stamp_ns, capture_ns))
		return 0;
	if (at[8] & TRAILER_EXTENSIONS && trailer_extensions(&bytes))
		return 0;
	p->stamp_ns = stamp_ns;
	return trailer_is_frame(p, bytes);
}

/* An Exablaze trailer; its fraction counts 2**-40 s. */
static inline int trailer_exablaze(struct packets *p, struct cursor bytes,
				   an_u64 capture_ns)
{
	const an_u8 *at = trailer_cut(&bytes, TRAILER_EXABLAZE_BYTES - 4);
	an_u64 fraction, stamp_ns;

	if (!at)
		return 0;
	fraction = (an_u64)at[6] << 32 | load_u32(at + 7);
	/* 40 and 30 bits do not fit 64: high and low bits apart. */
	stamp_ns = load_u32(at + 2) * 1000000000ULL +
		   (((fraction >> 8) * 1000000000 +
		     ((fraction & 255) * 1000000000 >> 8)) >>
		    32);
	if (!trailer_is_near(p, stamp_ns, capture_ns))
		return 0;
	p->stamp_ns = stamp_ns;
	return trailer_is_frame(p, bytes);
}

/* Look for the configured trailer, with the capture's own FCS behind it or without. */
static inline void trailer_read(struct packets *p, struct cursor bytes,
				const struct airnet_frame *row)
{
	int i;

	if (row->link != AIRNET_LINK_ETHERNET || row->captured_bytes < row->wire_bytes)
		return;
	for (i = 0; i < 2 && !p->is_stamped; i++) {
		if (p->trailer == AIRNET_TRAILER_METAMAKO)
			p->is_stamped = trailer_metamako(p, bytes, row->time_ns) != 0;
		else
			p->is_stamped = trailer_exablaze(p, bytes, row->time_ns) != 0;
		if (!trailer_cut(&bytes, TRAILER_FCS_BYTES))
			return;
	}
}

/* The first frame whose row counts settles the run's clock. */
static inline void clock_settle(struct packets *p, const struct airnet_frame *row,
				an_u8 reason)
{
	if (reason == AIRNET_FRAME_OK || reason == AIRNET_FRAME_FRAGMENT)
		p->clock = p->is_stamped ? AIRNET_CLOCK_TRAILER : row->clock;
}

/* The time of a frame of another clock than the run's: ours stands still, so that no
 * difference is of two clocks, until it is sure to be gone. */
static inline void clock_foreign(struct packets *p, const struct airnet_frame *row,
				 struct airnet_header *header)
{
	p->counts.clock_foreign++;
	header->time_ns = p->last_ns;
	if (++p->foreign_count < CLOCK_MOVES)
		return;
	p->foreign_count = 0;
	p->counts.clock_moves++;
	p->clock = row->clock;
	p->last_ns = header->time_ns = row->time_ns;
}

/* Give the row its time. Where trailers are the clock and this frame has none to
 * believe, time goes on by what the capture's clock did since the last that had. */
static inline void packet_clock(struct packets *p, const struct airnet_frame *row,
				struct airnet_header *header, an_u8 reason)
{
	if (p->is_stamped)
		p->is_stamped = trailer_is_near(p, p->stamp_ns, row->time_ns) != 0;
	if (p->trailer != AIRNET_TRAILER_NONE) {
		p->counts.stamps += p->is_stamped;
		p->counts.stamps_missing += !p->is_stamped;
	}
	if (p->clock == AIRNET_CLOCK_UNSETTLED)
		clock_settle(p, row, reason);
	if (p->clock == AIRNET_CLOCK_UNSETTLED)
		return;
	if (p->clock == AIRNET_CLOCK_TRAILER) {
		p->counts.clock_foreign += !p->is_stamped;
		header->time_ns =
			p->is_stamped
				? p->stamp_ns
				: p->last_ns + (row->time_ns - p->last_capture_ns);
	} else if (p->clock != row->clock) {
		clock_foreign(p, row, header);
		return;
	} else {
		p->foreign_count = 0;
	}
	p->last_ns = header->time_ns;
	p->last_capture_ns = row->time_ns;
}

#endif
