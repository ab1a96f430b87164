/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entries of the FIX kernel: a framed message -> its row, or -> where its values
 * are. Each exists once for every way to scan, compiled for what that needs, so that
 * scan and reader are one function; the reader says which.
 */
#ifndef AIRNET_FIXREAD_H
#define AIRNET_FIXREAD_H

#include "fixmessage.h"

/* Where a value lies in its message; both 0 when it is not there. */
struct fix_span {
	an_u32 offset;
	an_u32 bytes;
};

/* Where the first value of each slot is. Returns whether the checksum is right. */
FIX_INLINE int fix_span_scanned(struct fix_reader *reader, const struct fix_scan *scan,
				const struct fix_message *message,
				struct fix_span *spans)
{
	const struct fix_head *head = message->head;
	const an_u8 *body = message->bytes + head->head_bytes;
	struct fix_walk walk = {body, scan->places, scan->count};
	const struct fix_fields *fields = fix_fields(reader, &walk, scan->has_empty);
	an_u32 slot, field, start, is_there;

	spans[FIX_NO_SLOT] = (struct fix_span){0, 0};
	for (slot = FIX_MSG_TYPE; slot < FIX_SPANS; slot++) {
		is_there = 0 - (fields->seen >> slot & 1);
		field = is_there ? fields->at[slot] : FIX_FIRST;
		start = fix_start(&walk, field) + fix_leads[slot];
		spans[slot].offset = (start + head->head_bytes) & is_there;
		spans[slot].bytes = (walk.places[field] - start) & is_there;
	}
	spans[FIX_BEGIN_STRING].offset = 2;
	spans[FIX_BEGIN_STRING].bytes =
		(an_u16)(walk.places[0] + head->head_bytes) - 2u;
	spans[FIX_BODY_LENGTH].offset = spans[FIX_BEGIN_STRING].bytes + 5;
	spans[FIX_BODY_LENGTH].bytes =
		head->head_bytes - 1 - spans[FIX_BODY_LENGTH].offset;
	return fix_stated_sum(body + head->body_bytes) == (scan->sum & 0xff);
}

/* fix_read_PATH and fix_span_PATH; what is scanned is all before the trailer. */
#define FIX_ENTRIES(path, target) \
	static inline target void fix_read_##path(struct fix_reader *reader, \
						  const struct fix_message *message) \
	{ \
		const struct fix_head *head = message->head; \
		struct fix_scan scan = {.places = reader->places}; \
\
		fix_scan_##path(&scan, message->bytes, \
				head->head_bytes + head->body_bytes, \
				0 - head->head_bytes); \
		fix_read_scanned(reader, &scan, message); \
	} \
\
	static inline target int fix_span_##path(struct fix_reader *reader, \
						 const struct fix_message *message, \
						 struct fix_span *spans) \
	{ \
		const struct fix_head *head = message->head; \
		struct fix_scan scan = {.places = reader->places}; \
\
		fix_scan_##path(&scan, message->bytes, \
				head->head_bytes + head->body_bytes, \
				0 - head->head_bytes); \
		return fix_span_scanned(reader, &scan, message, spans); \
	}

FIX_ENTRIES(portable, )
#ifdef __x86_64__
FIX_ENTRIES(sse2, )
FIX_ENTRIES(avx2, FIX_AVX2)
#endif

/* Read a framed message into its row, which is all zero, and the CompIDs, which point
 * into it. */
static inline void fix_read(struct fix_reader *reader, const an_u8 *bytes,
			    const struct fix_head *head, struct airnet_message *row,
			    struct fix_names *names)
{
	struct fix_message message = {bytes, head, row, names};

#ifdef __x86_64__
	if (reader->path == FIX_PATH_AVX2) {
		fix_read_avx2(reader, &message);
		return;
	}
	if (reader->path == FIX_PATH_SSE2) {
		fix_read_sse2(reader, &message);
		return;
	}
#endif
	fix_read_portable(reader, &message);
}

/* Find the values of a framed message: spans[FIX_SPANS], by slot. Returns whether its
 * checksum is right. */
static inline int fix_span(struct fix_reader *reader, const an_u8 *bytes,
			   const struct fix_head *head, struct fix_span *spans)
{
	struct fix_message message = {bytes, head, NULL, NULL};

#ifdef __x86_64__
	if (reader->path == FIX_PATH_AVX2)
		return fix_span_avx2(reader, &message, spans);
	if (reader->path == FIX_PATH_SSE2)
		return fix_span_sse2(reader, &message, spans);
#endif
	return fix_span_portable(reader, &message, spans);
}

#endif
