/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every fuzz target shares: foreign bytes where AddressSanitizer sees the first
 * one read past their end, an input read as a script, and a decoder of small pools
 * (limits.txt) that is made new for each input, so that a finding is its input alone.
 */
#ifndef AIRNET_FUZZ_HARNESS_H
#define AIRNET_FUZZ_HARNESS_H

#include <sanitizer/asan_interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "check.h"
#include "decode.h"

#define ARENA_BYTES (1u << 18)
#define CLEAR_BYTES_MAX (1u << 20) /* more is given back to the kernel instead */
#define FUZZ_BATCH 64 /* frames */

/* Where frames lie: they end with it, and what is before them is poisoned. */
struct arena {
	an_u8 *bytes;
	size_t start;
};

static inline void arena_begin(struct arena *arena)
{
	if (!arena->bytes)
		arena->bytes = malloc(ARENA_BYTES);
	CHECK(arena->bytes);
	ASAN_UNPOISON_MEMORY_REGION(arena->bytes, ARENA_BYTES);
	arena->start = ARENA_BYTES;
}

/* Room for `n` bytes in front of what is there. The first piece ends where the arena
 * does; reading past it is reading past the allocation. */
static inline an_u8 *arena_take(struct arena *arena, size_t n)
{
	CHECK(n <= arena->start);
	arena->start -= n;
	return arena->bytes + arena->start;
}

/* A piece of its own: whole granules of eight bytes before it are poisoned. */
static inline an_u8 *arena_alone(struct arena *arena, const an_u8 *bytes, size_t n)
{
	an_u8 *at;

	arena_begin(arena);
	at = arena_take(arena, n);
	if (n)
		memcpy(at, bytes, n);
	if (arena->start >= 64)
		ASAN_POISON_MEMORY_REGION(at - 64, 64);
	return at;
}

/* A script of choices; when it has ended every choice is 0. */
static inline an_u8 script_u8(struct cursor *script)
{
	an_u8 value = 0;

	cursor_u8(script, &value);
	return value;
}

static inline an_u16 script_u16(struct cursor *script)
{
	an_u16 value = 0;

	if (cursor_u16(script, &value))
		script->at = script->end;
	return value;
}

static inline struct cursor script_take(struct cursor *script, size_t n)
{
	struct cursor taken = *script;

	cursor_limit(&taken, n);
	script->at = taken.end;
	return taken;
}

static inline void *fuzz_zeroed(void *block, size_t n)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS;

	if (!block) {
		block = mmap(NULL, n, PROT_READ | PROT_WRITE, flags, -1, 0);
		CHECK(block != MAP_FAILED);
	} else if (n <= CLEAR_BYTES_MAX) {
		memset(block, 0, n);
	} else {
		CHECK(!madvise(block, n, MADV_DONTNEED));
	}
	return block;
}

/* A sum of bytes that depends on their order. */
static inline an_u64 fuzz_mix(an_u64 sum, const void *bytes, size_t n)
{
	const an_u8 *at = bytes;
	an_u64 word;

	for (; n >= 8; n -= 8, at += 8) {
		memcpy(&word, at, 8);
		sum = (sum ^ word) * 0x9e3779b97f4a7c15ULL;
		sum ^= sum >> 29;
	}
	for (; n; n--)
		sum = (sum ^ *at++) * 0x9e3779b97f4a7c15ULL;
	return sum;
}

/* A new decoder that knows 10.0.0.1:9001 as a gateway. Behind it lies what it was like
 * when it was first made: copying that is quicker than making it again. */
static inline struct decoder *decoder_begin(struct decoder *d)
{
	static const an_u8 gateway[16] = {[10] = 0xff, 0xff, 10, 0, 0, 1};
	struct airnet_session *sessions = d ? d->sessions : NULL;
	struct airnet_message *rows = d ? d->rows : NULL;
	int is_small = sizeof(*d) <= CLEAR_BYTES_MAX;

	sessions = fuzz_zeroed(sessions, AIRNET_SESSIONS_MAX * sizeof(*sessions));
	if (d && is_small) {
		memcpy(d, d + 1, sizeof(*d));
		return d;
	}
	d = fuzz_zeroed(d, 2 * sizeof(*d));
	if (!rows)
		rows = fuzz_zeroed(NULL, AIRNET_MESSAGES_MAX * sizeof(*rows));
	decode_begin(d, sessions);
	d->rows = rows;
	CHECK(!gateways_add(&d->gateways, gateway, 9001));
	if (is_small)
		memcpy(d + 1, d, sizeof(*d));
	return d;
}

static inline an_u32 list_length(an_u32 first, const an_u32 *next, an_u32 limit)
{
	an_u32 n = 0;

	for (; first != AIRNET_NONE; first = next[first])
		CHECK(n++ < limit);
	return n;
}

/* Pieces on the list from `first`. */
static inline an_u32 held_length(const struct stream *s, an_u32 first)
{
	an_u32 n = 0;

	for (; first != AIRNET_NONE; first = s->held[first].next)
		CHECK(n++ < HELD_COUNT);
	return n;
}

/* Every buffer is on its free list or in use by one side; returns how many are used. */
static inline an_u32 check_shard(const struct stream *s)
{
	an_u32 small = 0, large = 0, held = 0, i;

	for (i = 0; i < s->session_count * 2; i++) {
		const struct side *side = &s->flows[i / 2].sides[i % 2];

		if (!s->sessions[i / 2].state)
			continue;
		small += side->carry < SMALL_COUNT;
		large += side->carry != AIRNET_NONE && side->carry >= SMALL_COUNT;
		CHECK(side->held_count == held_length(s, side->held));
		held += side->held_count;
	}
	CHECK(small + list_length(s->free_small, s->next_small, SMALL_COUNT) ==
	      SMALL_COUNT);
	CHECK(large + list_length(s->free_large, s->next_large, LARGE_COUNT) ==
	      LARGE_COUNT);
	CHECK(held + held_length(s, s->free_held) == HELD_COUNT);
	return small + large + held;
}

static inline an_u32 check_pools(const struct decoder *d)
{
	an_u32 used = 0, sessions = 0, i;
	an_u64 refused = 0;

	for (i = 0; i < SHARDS; i++) {
		used += check_shard(&d->shards[i]);
		sessions += d->shards[i].session_count;
		refused += d->shards[i].counts.midstream_full;
	}
	/* Rows are used again; one taken for a session that is refused is put back. */
	CHECK(sessions <= d->session_number + refused);
	return used;
}

static inline an_u64 check_frames(const struct decoder *d)
{
	an_u64 total = 0;
	int i;

	for (i = 0; i < AIRNET_FRAME_REASONS; i++)
		total += d->frames[i];
	CHECK(total == d->frame_count);
	return total;
}

/* What must hold of a header and its messages, whatever the frame was. */
static inline void check_header(const struct decoder *d,
				const struct airnet_header *header)
{
	CHECK(header->reason < AIRNET_FRAME_REASONS);
	CHECK(header->session == AIRNET_NONE ||
	      (header->session < AIRNET_SESSIONS_MAX &&
	       d->sessions[header->session].state));
	CHECK(header->direction <= AIRNET_DIRECTION_DOWN);
	CHECK(header->message_count <= ROWS_PER_FRAME);
	CHECK(header->message_index + header->message_count <= d->row_count);
	CHECK(d->row_count <= AIRNET_MESSAGES_MAX);
	CHECK(header->reason == AIRNET_FRAME_OK || !header->message_count);
}

#endif
