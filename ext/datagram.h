/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fragment into its datagram. Overlaps: IPv4 keeps the bytes that came first and
 * counts others (RFC 791 leaves it open); IPv6 gives the datagram up (RFC 5722), but
 * for fragments that only repeat what is there (RFC 8200 section 4.5).
 */
#ifndef AIRNET_DATAGRAM_H
#define AIRNET_DATAGRAM_H

#include "fragment.h"

/* The bits of `word` that lie in units [first, end). */
static inline an_u64 datagram_mask(an_u32 word, an_u32 first, an_u32 end)
{
	an_u64 mask = ~0ULL;

	if (first > word * 64)
		mask &= ~0ULL << (first - word * 64);
	if (end < word * 64 + 64)
		mask &= ~(~0ULL << (end - word * 64));
	return mask;
}

/* How many of units [first, end) are there. */
static inline an_u32 datagram_count(const struct datagram *d, an_u32 first, an_u32 end)
{
	an_u32 word, count = 0;

	for (word = first / 64; word * 64 < end; word++)
		count += (an_u32)__builtin_popcountll(d->present[word] &
						      datagram_mask(word, first, end));
	return count;
}

static inline void datagram_mark(struct datagram *d, an_u32 first, an_u32 end)
{
	an_u32 word;

	for (word = first / 64; word * 64 < end; word++)
		d->present[word] |= datagram_mask(word, first, end);
}

/* Copy the units of a fragment that are not there; returns whether others differ. */
static inline int datagram_fill(struct datagram *d, an_u8 *bytes,
				const struct fragment *piece)
{
	struct cursor data = piece->data;
	an_u32 at = piece->offset, end = at + piece->bytes;
	int differs = 0;

	for (; at < end; at += 8) {
		an_u32 n = end - at < 8 ? end - at : 8;
		an_u8 unit[8];

		cursor_copy(&data, unit, n);
		if (d->present[at / 512] & 1ULL << at / 8 % 64)
			differs |= memcmp(bytes + at, unit, n) != 0;
		else
			memcpy(bytes + at, unit, n);
	}
	return differs;
}

/* Take in a fragment's bytes, those that fit what is known of the datagram. */
static inline void datagram_add(struct datagram *d, an_u8 *bytes,
				struct packet_counts *counts,
				const struct fragment *piece)
{
	an_u32 first = piece->offset / 8, end = (piece->offset + piece->bytes + 7) / 8;
	an_u32 count = datagram_count(d, first, end);
	struct cursor data = piece->data;

	if (count == end - first) {
		const char *there = (const char *)bytes + piece->offset;
		int differs = !cursor_agrees(&data, there, piece->bytes);

		counts->fragments_repeated += !differs;
		counts->fragment_conflicts += (an_u64)differs;
		d->is_rejected = differs && d->version == 6;
	} else if (count && d->version == 6) {
		counts->fragment_conflicts++;
		d->is_rejected = 1;
	} else if (count) {
		counts->fragment_conflicts += (an_u64)datagram_fill(d, bytes, piece);
	} else {
		cursor_copy(&data, bytes + piece->offset, piece->bytes);
	}
	if (piece->offset == 0 && !(d->present[0] & 1))
		d->protocol = piece->protocol;
	if (piece->offset + piece->bytes > d->end)
		d->end = piece->offset + piece->bytes;
	counts->datagrams_rejected += d->is_rejected;
	d->units += end - first - count;
	datagram_mark(d, first, end);
}

/* Whether a fragment can be part of any datagram: it has bytes, whole units but at
 * the end, none behind the longest datagram ("ping of death"), and all captured. */
static inline int fragment_is_sound(const struct fragment *piece)
{
	return piece->bytes && !(piece->has_more && piece->bytes % 8) &&
	       piece->offset + piece->bytes < FRAGMENT_BYTES &&
	       cursor_left(&piece->data) >= piece->bytes;
}

/* Whether it can be part of this one: no byte behind the last, one end only. */
static inline int datagram_fits(const struct datagram *d, const struct fragment *piece)
{
	an_u32 end = piece->offset + piece->bytes;

	if (piece->has_more)
		return !d->bytes || end <= d->bytes;
	return d->bytes ? end == d->bytes : end >= d->end;
}

/* Take a fragment; the slot of the datagram it completes, else FRAGMENT_NONE. */
static inline an_u8 fragments_take(struct fragments *f, struct packet_counts *counts,
				   const struct fragment *piece)
{
	struct datagram *d;
	an_u8 slot;

	fragments_expire(f, counts, piece->time_ns);
	if (!fragment_is_sound(piece)) {
		counts->fragments_bad++;
		return FRAGMENT_NONE;
	}
	slot = fragments_slot(f, counts, piece);
	d = &f->datagrams[slot];
	if (d->is_rejected)
		return FRAGMENT_NONE;
	if (!datagram_fits(d, piece)) {
		counts->fragments_bad++;
		return FRAGMENT_NONE;
	}
	datagram_add(d, f->bytes[slot], counts, piece);
	if (d->is_rejected)
		return FRAGMENT_NONE;
	if (!piece->has_more)
		d->bytes = d->end;
	if (!d->bytes || d->units != (d->bytes + 7) / 8)
		return FRAGMENT_NONE;
	counts->datagrams++;
	fragments_unlink(f, slot);
	f->done[f->done_count++] = slot;
	return slot;
}

#endif
