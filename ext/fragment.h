/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IP datagrams put together again, in fixed memory. Fragment offsets count eight bytes
 * (RFC 791 section 3.1, RFC 8200 section 4.5), so a bit for each eight says what is
 * there. Time is that of frames; the oldest datagram gives way to a new one. What was
 * put together stays readable until fragments_release; a caller who asks
 * fragments_have_room before each frame never evicts by how it batches.
 */
#ifndef AIRNET_FRAGMENT_H
#define AIRNET_FRAGMENT_H

#include "cursor.h"

#define PACKET_DEPTH 8 /* tags, labels, IPv6 extension and IP headers: each so many */

#define FRAGMENT_LIVE 64 /* datagrams under way */
#define FRAGMENT_DONE 64 /* put together since the last release */
#define FRAGMENT_SLOTS (FRAGMENT_LIVE + FRAGMENT_DONE)
#define FRAGMENT_BUCKETS 256
#define FRAGMENT_NONE 0xff
#define FRAGMENT_BYTES 65536
#define FRAGMENT_UNITS (FRAGMENT_BYTES / 8)
#define FRAGMENT_WORDS (FRAGMENT_UNITS / 64)
/* Between the 15 s of RFC 791 and the 60 s of RFC 8200; what Linux waits. */
#define FRAGMENT_NS 30000000000ULL

/* What happened in headers, other than rows; names in stream.pyx. */
struct packet_counts {
	an_u64 tunnels; /* inner IP headers followed */
	an_u64 datagrams; /* put together */
	an_u64 fragments_repeated; /* nothing new in them */
	an_u64 fragments_bad; /* impossible length or offset, or cut by the capture */
	an_u64 fragment_conflicts; /* overlap with other bytes */
	an_u64 datagrams_rejected; /* IPv6: overlap (RFC 5722) */
	an_u64 datagrams_expired;
	an_u64 datagrams_evicted; /* for want of room */
	an_u64 stamps; /* frames that carry a time we take */
	an_u64 stamps_missing; /* configured, and not there or not to be believed */
	an_u64 clock_foreign; /* frames of another clock than the run's */
	an_u64 clock_moves; /* the run's clock became another one */
};

/* One fragment, as its IP header tells. */
struct fragment {
	an_u8 source[16];
	an_u8 target[16];
	an_u64 time_ns;
	an_u32 id;
	an_u32 offset; /* in bytes */
	an_u32 bytes;
	an_u8 has_more;
	an_u8 protocol; /* of what it carries */
	an_u8 level; /* how many IP headers lie outside */
	an_u8 version; /* 4 or 6 */
	struct cursor data;
};

struct datagram {
	an_u8 source[16];
	an_u8 target[16];
	an_u64 time_ns; /* of its first fragment */
	an_u32 id;
	an_u32 bytes; /* 0 = the last fragment was not seen */
	an_u32 end; /* behind the last byte there */
	an_u32 units; /* how many bits of `present` are set */
	an_u8 protocol; /* of the fragment at the start, once that is there */
	an_u8 level;
	an_u8 version;
	an_u8 is_rejected;
	an_u8 bucket;
	an_u8 chain; /* next in the bucket */
	an_u8 older, newer; /* by first fragment; `newer` links the free ones too */
	an_u64 present[FRAGMENT_WORDS];
};

struct fragments {
	struct datagram datagrams[FRAGMENT_SLOTS];
	an_u8 buckets[FRAGMENT_BUCKETS];
	an_u8 free, oldest, newest;
	an_u8 live_count, done_count;
	an_u8 done[FRAGMENT_DONE];
	an_u8 bytes[FRAGMENT_SLOTS][FRAGMENT_BYTES];
};

static inline void fragments_begin(struct fragments *f)
{
	int i;

	memset(f->buckets, FRAGMENT_NONE, sizeof(f->buckets));
	for (i = 0; i < FRAGMENT_SLOTS; i++)
		f->datagrams[i].newer = (an_u8)(i + 1);
	f->datagrams[FRAGMENT_SLOTS - 1].newer = FRAGMENT_NONE;
	f->free = 0;
	f->oldest = FRAGMENT_NONE;
	f->newest = FRAGMENT_NONE;
	f->live_count = 0;
	f->done_count = 0;
}

static inline void fragments_free(struct fragments *f, an_u8 slot)
{
	f->datagrams[slot].newer = f->free;
	f->free = slot;
}

/* What was put together may be overwritten. */
static inline void fragments_release(struct fragments *f)
{
	while (f->done_count)
		fragments_free(f, f->done[--f->done_count]);
}

/* One frame may complete a datagram at each level. */
static inline int fragments_have_room(const struct fragments *f)
{
	return f->done_count <= FRAGMENT_DONE - PACKET_DEPTH;
}

/* Take a datagram out of the table; its slot is the caller's. */
static inline void fragments_unlink(struct fragments *f, an_u8 slot)
{
	struct datagram *d = &f->datagrams[slot];
	an_u8 *at = &f->buckets[d->bucket];

	while (*at != slot)
		at = &f->datagrams[*at].chain;
	*at = d->chain;
	if (d->older == FRAGMENT_NONE)
		f->oldest = d->newer;
	else
		f->datagrams[d->older].newer = d->newer;
	if (d->newer == FRAGMENT_NONE)
		f->newest = d->older;
	else
		f->datagrams[d->newer].older = d->older;
	f->live_count--;
}

/* Drop what waited too long; time that runs back drops nothing. */
static inline void fragments_expire(struct fragments *f, struct packet_counts *counts,
				    an_u64 now_ns)
{
	while (f->oldest != FRAGMENT_NONE) {
		an_u8 slot = f->oldest;
		an_u64 since_ns = f->datagrams[slot].time_ns;

		if (now_ns <= since_ns || now_ns - since_ns <= FRAGMENT_NS)
			return;
		counts->datagrams_expired += !f->datagrams[slot].is_rejected;
		fragments_unlink(f, slot);
		fragments_free(f, slot);
	}
}

/* RFC 791 tells datagrams apart by protocol too, RFC 8200 does not. */
static inline int fragment_belongs(const struct fragment *piece,
				   const struct datagram *d)
{
	return piece->id == d->id && piece->level == d->level &&
	       piece->version == d->version &&
	       (piece->version == 6 || piece->protocol == d->protocol) &&
	       !memcmp(piece->source, d->source, 16) &&
	       !memcmp(piece->target, d->target, 16);
}

static inline an_u8 fragment_bucket(const struct fragment *piece)
{
	an_u64 source, target, hash;

	memcpy(&source, piece->source + 8, 8);
	memcpy(&target, piece->target + 8, 8);
	hash = (source + piece->id) * 0x9e3779b97f4a7c15ULL ^ target;
	return (an_u8)((hash * 0xd6e8feb86659fd93ULL) >> 56);
}

/* The datagram of a fragment, a new one if need be. */
static inline an_u8 fragments_slot(struct fragments *f, struct packet_counts *counts,
				   const struct fragment *piece)
{
	an_u8 bucket = fragment_bucket(piece), slot = f->buckets[bucket];
	struct datagram *d;

	for (; slot != FRAGMENT_NONE; slot = f->datagrams[slot].chain)
		if (fragment_belongs(piece, &f->datagrams[slot]))
			return slot;
	if (f->live_count == FRAGMENT_LIVE) {
		counts->datagrams_evicted += !f->datagrams[f->oldest].is_rejected;
		slot = f->oldest;
		fragments_unlink(f, slot);
		fragments_free(f, slot);
	}
	slot = f->free;
	d = &f->datagrams[slot];
	f->free = d->newer;
	memset(d->present, 0, (d->end + 511) / 512 * 8);
	memcpy(d->source, piece->source, 16);
	memcpy(d->target, piece->target, 16);
	d->time_ns = piece->time_ns;
	d->id = piece->id;
	d->bytes = d->end = d->units = 0;
	d->protocol = piece->protocol;
	d->level = piece->level;
	d->version = piece->version;
	d->is_rejected = 0;
	d->bucket = bucket;
	d->chain = f->buckets[bucket];
	f->buckets[bucket] = slot;
	d->older = f->newest;
	d->newer = FRAGMENT_NONE;
	if (f->newest == FRAGMENT_NONE)
		f->oldest = slot;
	else
		f->datagrams[f->newest].newer = slot;
	f->newest = slot;
	f->live_count++;
	return slot;
}

#endif
