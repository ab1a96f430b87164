/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entries of the FIX kernel: a framed message -> its row, or -> where its values
 * are. Each exists once for every way to scan, compiled for what that needs, so that
 * scan and reader are one function; the reader says which.
 */
#ifndef AIRNET_FIXREAD_H
#define AIRNET_FIXREAD_H

#include "fixmessage.h"
#include "fixtext.h"

/* Where the first value of each slot is. Returns whether the checksum is right. */
FIX_INLINE int fix_span_fields(const struct fix_fields *fields,
			       const struct fix_scan *scan,
			       const struct fix_message *message,
			       struct fix_span *spans)
{
	const struct fix_head *head = message->head;
	const an_u8 *body = message->bytes + head->head_bytes;
	an_u32 slot, pair;

#pragma GCC unroll 32
	for (slot = FIX_BEGIN_STRING; slot < FIX_SPANS; slot++) {
		memcpy(&pair, scan->places - FIX_ABSENT + fields->at[slot], 4);
		pair += fix_span_leads[slot];
		memcpy(&spans[slot], &pair, 4);
	}
	memset(&spans[FIX_NO_SLOT], 0, sizeof(*spans));
	return fix_stated_sum(body + head->body_bytes) == (scan->sum & 0xff);
}

/* fix_read_PATH and fix_span_PATH. All before the trailer is scanned, and `fields`
 * says where in it the fields are. */
#define FIX_SCAN(reader) \
	{.places = (reader)->pairs + FIX_ABSENT, \
	 .tags = (reader)->tags + FIX_TAGS_BEFORE}
#define FIX_SCANNED(message) \
	(message)->bytes, (message)->head->head_bytes + (message)->head->body_bytes, \
		1 - (message)->head->head_bytes
#define FIX_ENTRIES(path, target) \
	static inline target void fix_read_##path(struct fix_reader *reader, \
						  const struct fix_message *message) \
	{ \
		struct fix_scan scan = FIX_SCAN(reader); \
		struct fix_walk walk; \
\
		fix_scan_##path(&scan, FIX_SCANNED(message)); \
		walk = fix_walk_of(message, &scan); \
		fix_read_fields(reader, fix_fields(reader, &walk, scan.has_empty), \
				&scan, message); \
	} \
\
	static inline target int fix_span_##path(struct fix_reader *reader, \
						 const struct fix_message *message, \
						 struct fix_span *spans) \
	{ \
		struct fix_scan scan = FIX_SCAN(reader); \
		struct fix_walk walk; \
\
		fix_scan_##path(&scan, FIX_SCANNED(message)); \
		walk = fix_walk_of(message, &scan); \
		return fix_span_fields(fix_fields(reader, &walk, scan.has_empty), \
				       &scan, message, spans); \
	}

FIX_ENTRIES(portable, )
#ifdef __x86_64__
FIX_ENTRIES(sse2, )
FIX_ENTRIES(avx2, FIX_AVX2)

/* Scan a message and find its fields. */
FIX_WIDE_INLINE const struct fix_fields *
fix_take_avx512(struct fix_reader *reader, const struct fix_message *message,
		struct fix_scan *scan)
{
	const an_u8 *body = message->bytes + message->head->head_bytes;
	const struct fix_layout *layout =
		&reader->layouts[reader->last[fix_last(body)]];
	struct fix_walk walk;

	if (__builtin_expect(fix_scan_wide(scan, FIX_SCANNED(message), layout), 1))
		return &layout->fields;
	walk = fix_walk_of(message, scan);
	return fix_fields_wide(reader, &walk, scan);
}

static inline FIX_WIDE void fix_read_avx512(struct fix_reader *reader,
					    const struct fix_message *message)
{
	struct fix_scan scan = FIX_SCAN(reader);
	const struct fix_fields *fields = fix_take_avx512(reader, message, &scan);

	fix_read_fields(reader, fields, &scan, message);
}

static inline FIX_WIDE int fix_span_avx512(struct fix_reader *reader,
					   const struct fix_message *message,
					   struct fix_span *spans)
{
	struct fix_scan scan = FIX_SCAN(reader);
	const struct fix_fields *fields = fix_take_avx512(reader, message, &scan);
	const an_u8 *body = message->bytes + message->head->head_bytes;

	if (!fix_spans_wide(fields, reader->pairs, spans))
		return fix_span_fields(fields, &scan, message, spans);
	return fix_stated_sum(body + message->head->body_bytes) == (scan.sum & 0xff);
}
#endif

/* Read a framed message into its row, which is all zero, and the CompIDs, which point
 * into it. */
static inline void fix_read(struct fix_reader *reader, const an_u8 *bytes,
			    const struct fix_head *head, struct airnet_message *row,
			    struct fix_names *names)
{
	struct fix_message message = {bytes, head, row, names};

	reader->pairs[FIX_ABSENT - 1] = (an_u16)(0 - head->head_bytes);
#ifdef __x86_64__
	if (reader->path == FIX_PATH_AVX512) {
		fix_read_avx512(reader, &message);
		return;
	}
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

	reader->pairs[FIX_ABSENT - 1] = (an_u16)(0 - head->head_bytes);
#ifdef __x86_64__
	if (reader->path == FIX_PATH_AVX512)
		return fix_span_avx512(reader, &message, spans);
	if (reader->path == FIX_PATH_AVX2)
		return fix_span_avx2(reader, &message, spans);
	if (reader->path == FIX_PATH_SSE2)
		return fix_span_sse2(reader, &message, spans);
#endif
	return fix_span_portable(reader, &message, spans);
}

#endif
