/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entries of the FIX kernel: a framed message -> its row, or -> where its values
 * are. Each exists once for every way to scan, compiled for what that needs, so that
 * scan and reader are one function; the reader says which.
 */
#ifndef AIRNET_FIXREAD_H
#define AIRNET_FIXREAD_H

#include "fixavx2.h"
#include "fixmessage.h"
#include "fixshort.h"

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
	return fix_sum_is(body + head->body_bytes, scan->sum);
}

/* fix_read_PATH and fix_span_PATH. All before the trailer is scanned, and `fields`
 * says where in it the fields are. */
#define FIX_SCAN(reader) {.places = (reader)->scan.places}
#define FIX_SCANNED(message) \
	(message)->bytes, (message)->head->head_bytes + (message)->head->body_bytes, \
		1 - (message)->head->head_bytes
#define FIX_ENTRIES(path, target, find) \
	FIX_APART target void fix_read_##path(struct fix_reader *reader, \
					      const struct fix_message *message) \
	{ \
		struct fix_scan scan = FIX_SCAN(reader); \
		struct fix_reading reading = {.spans = NULL}; \
		struct fix_walk walk; \
\
		fix_scan_##path(&scan, FIX_SCANNED(message)); \
		walk = fix_walk_of(message, &scan); \
		reading.fields = find(reader, &walk, scan.has_empty); \
		reading.places = scan.places; \
		reading.count = scan.count; \
		reading.sum = scan.sum; \
		fix_read_fields(reader, &reading, message); \
	} \
\
	FIX_APART target int fix_span_##path(struct fix_reader *reader, \
					     const struct fix_message *message, \
					     struct fix_span *spans) \
	{ \
		struct fix_scan scan = FIX_SCAN(reader); \
		struct fix_walk walk; \
\
		fix_scan_##path(&scan, FIX_SCANNED(message)); \
		walk = fix_walk_of(message, &scan); \
		return fix_span_fields(find(reader, &walk, scan.has_empty), &scan, \
				       message, spans); \
	}

FIX_ENTRIES(portable, , fix_fields)
#ifdef __x86_64__
FIX_ENTRIES(sse2, , fix_fields)
FIX_ENTRIES(avx2, FIX_AVX2, fix_fields_avx2)

/* The layout that messages of its type had last. */
FIX_WIDE_INLINE const struct fix_layout *fix_guess(const struct fix_reader *reader,
						   const struct fix_message *message)
{
	return reader->last[fix_last(message->bytes + message->head->head_bytes)];
}

/* The fields of a message in reader->scan. */
FIX_WIDE_INLINE const struct fix_fields *
fix_take_scanned(struct fix_reader *reader, const struct fix_message *message)
{
	struct fix_walk walk = fix_walk_of(message, &reader->scan);

	return fix_fields_wide(reader, &walk, &reader->scan);
}

/* Scan a message into reader->scan and find its fields. */
FIX_WIDE_INLINE const struct fix_fields *
fix_take_long(struct fix_reader *reader, const struct fix_message *message)
{
	const struct fix_layout *layout = fix_guess(reader, message);

	if (__builtin_expect(fix_scan_wide(&reader->scan, FIX_SCANNED(message), layout),
			     1))
		return &layout->fields;
	return fix_take_scanned(reader, message);
}

FIX_INLINE int fix_is_short(const struct fix_head *head)
{
	return head->head_bytes + head->body_bytes < 2 * FIX_BLOCK;
}

/* Find the spans of a message of fewer than two blocks that has the layout that its
 * type had last. NULL for another, which is in reader->scan if it has a place count
 * that fits there. */
FIX_APART FIX_WIDE const struct fix_fields *fix_take_short(struct fix_reader *reader,
							   const an_u8 *bytes,
							   const struct fix_head *head,
							   struct fix_span *spans)
{
	const struct fix_layout *layout =
		reader->last[fix_last(bytes + head->head_bytes)];
	struct fix_short one = fix_short_scan(
		bytes, head->head_bytes + head->body_bytes, head->has_two_blocks);

	if (__builtin_expect(fix_short_fits(&one, layout), 1)) {
		fix_short_spans(&one, layout, head->head_bytes, spans);
		reader->scan.sum = one.sum;
		return &layout->fields;
	}
	fix_short_keep(&one, head->head_bytes, &reader->scan);
	return NULL;
}

/* The fields of a message that is long, or that fix_take_short has left. */
FIX_APART FIX_WIDE const struct fix_fields *
fix_take_other(struct fix_reader *reader, const struct fix_message *message)
{
	if (fix_is_short(message->head) && reader->scan.count < FIX_HALF)
		return fix_take_scanned(reader, message);
	return fix_take_long(reader, message);
}

FIX_APART FIX_WIDE void fix_read_other(struct fix_reader *reader,
				       const struct fix_message *message)
{
	struct fix_reading reading = {.fields = fix_take_other(reader, message)};

	reading.places = reader->scan.places;
	reading.count = reader->scan.count;
	reading.sum = reader->scan.sum;
	fix_read_fields(reader, &reading, message);
}

FIX_APART FIX_WIDE void fix_read_avx512(struct fix_reader *reader,
					const struct fix_message *message)
{
	struct fix_reading reading = {.spans = reader->spans};

	if (fix_is_short(message->head))
		reading.fields = fix_take_short(reader, message->bytes, message->head,
						reader->spans);
	if (!reading.fields) {
		fix_read_other(reader, message);
		return;
	}
	reading.sum = reader->scan.sum;
	fix_read_fields(reader, &reading, message);
}

/* The spans of a message in reader->scan. */
FIX_APART FIX_WIDE void fix_span_other(struct fix_reader *reader,
				       const struct fix_message *message,
				       struct fix_span *spans)
{
	const struct fix_fields *fields = fix_take_other(reader, message);
	const struct fix_scan *scan = &reader->scan;
	__m512i plan[2];

	if (scan->count >= FIX_BLOCK) {
		fix_span_fields(fields, scan, message, spans);
		return;
	}
	plan[0] = fix_plan(fields->at);
	plan[1] = fix_plan(fields->at + 16);
	fix_spans_wide(fields, plan, scan->places - 1, spans);
}

FIX_INLINE int fix_span_avx512(struct fix_reader *reader,
			       const struct fix_message *message,
			       struct fix_span *spans)
{
	const struct fix_head *head = message->head;
	const an_u8 *trailer = message->bytes + head->head_bytes + head->body_bytes;

	if (!fix_is_short(head) || !fix_take_short(reader, message->bytes, head, spans))
		fix_span_other(reader, message, spans);
	return fix_sum_is(trailer, reader->scan.sum);
}
#endif

/* Read a framed message into its row, which is all zero, and the CompIDs, which point
 * into it. */
static inline void fix_read(struct fix_reader *reader, const an_u8 *bytes,
			    const struct fix_head *head, struct airnet_message *row,
			    struct fix_names *names)
{
	struct fix_message message = {bytes, head, row, names};

#ifdef __x86_64__
	if (reader->path == FIX_PATH_AVX512) {
		fix_read_avx512(reader, &message);
		return;
	}
#endif
	reader->scan.places[-1] = (an_u16)(0 - head->head_bytes);
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
	if (reader->path == FIX_PATH_AVX512)
		return fix_span_avx512(reader, &message, spans);
#endif
	reader->scan.places[-1] = (an_u16)(0 - head->head_bytes);
#ifdef __x86_64__
	if (reader->path == FIX_PATH_AVX2)
		return fix_span_avx2(reader, &message, spans);
	if (reader->path == FIX_PATH_SSE2)
		return fix_span_sse2(reader, &message, spans);
#endif
	return fix_span_portable(reader, &message, spans);
}

#endif
