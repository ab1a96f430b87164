/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounds-checked cursor over foreign bytes: the only way C kernels read them. Every
 * reader returns 0 and moves on, or returns -1 and leaves the cursor where it was.
 * Numbers on the wire are big-endian (RFC 1700, network order).
 */
#ifndef AIRNET_CURSOR_H
#define AIRNET_CURSOR_H

#include <string.h>

#include "airnet.h"

struct cursor {
	const an_u8 *at;
	const an_u8 *end;
};

static inline struct cursor cursor_over(const an_u8 *bytes, size_t n)
{
	struct cursor cursor = {bytes, bytes + n};

	return cursor;
}

static inline size_t cursor_left(const struct cursor *cursor)
{
	return (size_t)(cursor->end - cursor->at);
}

/* The next `n` bytes, without moving; NULL when they are not there. */
static inline const an_u8 *cursor_peek(const struct cursor *cursor, size_t n)
{
	return cursor_left(cursor) < n ? NULL : cursor->at;
}

/* Numbers in bytes that cursor_peek gave. */
static inline an_u16 load_u16(const an_u8 *at)
{
	return (an_u16)(at[0] << 8 | at[1]);
}

static inline an_u32 load_u32(const an_u8 *at)
{
	return (an_u32)at[0] << 24 | (an_u32)at[1] << 16 | (an_u32)at[2] << 8 | at[3];
}

static inline int cursor_skip(struct cursor *cursor, size_t n)
{
	if (cursor_left(cursor) < n)
		return -1;
	cursor->at += n;
	return 0;
}

/* Cut what lies behind the next `n` bytes, if anything does. */
static inline void cursor_limit(struct cursor *cursor, size_t n)
{
	if (cursor_left(cursor) > n)
		cursor->end = cursor->at + n;
}

static inline int cursor_u8(struct cursor *cursor, an_u8 *value)
{
	if (cursor->at == cursor->end)
		return -1;
	*value = *cursor->at++;
	return 0;
}

static inline int cursor_u16(struct cursor *cursor, an_u16 *value)
{
	if (cursor_left(cursor) < 2)
		return -1;
	*value = (an_u16)(cursor->at[0] << 8 | cursor->at[1]);
	cursor->at += 2;
	return 0;
}

static inline int cursor_u32(struct cursor *cursor, an_u32 *value)
{
	if (cursor_left(cursor) < 4)
		return -1;
	*value = (an_u32)cursor->at[0] << 24 | (an_u32)cursor->at[1] << 16 |
		 (an_u32)cursor->at[2] << 8 | cursor->at[3];
	cursor->at += 4;
	return 0;
}

static inline int cursor_copy(struct cursor *cursor, void *out, size_t n)
{
	if (cursor_left(cursor) < n)
		return -1;
	memcpy(out, cursor->at, n);
	cursor->at += n;
	return 0;
}

/* Take everything up to `byte` into `taken` and step over `byte` too. */
static inline int cursor_until(struct cursor *cursor, an_u8 byte, struct cursor *taken)
{
	const an_u8 *found = NULL;

	if (cursor->at != cursor->end)
		found = memchr(cursor->at, byte, cursor_left(cursor));
	if (!found)
		return -1;
	taken->at = cursor->at;
	taken->end = found;
	cursor->at = found + 1;
	return 0;
}

/* Whether the bytes ahead are `text`'s, as far as either goes. */
static inline int cursor_agrees(const struct cursor *cursor, const char *text, size_t n)
{
	size_t left = cursor_left(cursor);

	return left == 0 || memcmp(cursor->at, text, left < n ? left : n) == 0;
}

#endif
