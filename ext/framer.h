/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One direction's byte stream -> messages. A message that lies whole in a segment is
 * read where it lies; one over segments is carried in a buffer of a fixed pool. Bytes
 * that are no message are skipped up to the next "8=FIX" that follows <SOH> or starts
 * a segment; each such stretch is one malformed row, with the reason it began with.
 */
#ifndef AIRNET_FRAMER_H
#define AIRNET_FRAMER_H

#include "flow.h"

#define FRAMER_NO_START ((an_u32) - 1)

/* Contiguous stream bytes: `old` of them arrived before this segment; `start` is the
 * offset where this segment starts, FRAMER_NO_START when it does not start here. */
struct stretch {
	const an_u8 *bytes;
	an_u32 n;
	an_u32 old;
	an_u32 start;
};

/* Defined in session.h: what a message means for its session. */
static inline void session_take(struct stream *s, an_u32 index, int direction,
				struct airnet_message *row,
				const struct fix_names *names);

static inline struct airnet_message *framer_row(struct stream *s, an_u32 index,
						int direction)
{
	struct airnet_message *row = &s->spare;

	if (s->row_count < s->row_limit)
		row = &s->rows[s->row_count++];
	else
		s->counts.rows_full++;
	memset(row, 0, sizeof(*row));
	row->time_ns = s->time_ns;
	row->frame_count = s->header->frame_count;
	row->session = s->session_base + index;
	row->direction = (an_u8)direction;
	return row;
}

/* Begin to skip: the row of the stretch that is no message. */
static inline void framer_lose(struct stream *s, an_u32 index, int direction,
			       int reason)
{
	struct side *side = &s->flows[index].sides[direction];
	an_u32 place = s->row_count;
	struct airnet_message *row = framer_row(s, index, direction);

	row->malformed = (an_u8)reason;
	s->malformed[reason]++;
	s->sessions[index].malformed++;
	side->region_row = s->row_count > place ? place : AIRNET_NONE;
	side->is_lost = 1;
	side->number = 0;
}

static inline void framer_skip(struct stream *s, struct side *side, an_u32 n)
{
	s->counts.bytes_skipped += n;
	if (side->region_row != AIRNET_NONE)
		s->rows[side->region_row].bytes += n;
}

static inline int framer_is_start(const struct side *side,
				  const struct stretch *stretch, an_u32 at)
{
	struct cursor ahead = cursor_over(stretch->bytes + at, stretch->n - at);
	int i, is_allowed = at == stretch->start;

	is_allowed |= at == 0 ? side->follows_soh : stretch->bytes[at - 1] == FIX_SOH;
	for (i = 0; i < side->start_count && !is_allowed; i++)
		is_allowed = side->starts[i] == at;
	return is_allowed && cursor_agrees(&ahead, FIX_BEGIN, FIX_BEGIN_BYTES);
}

/* Skip from `at` to where a message may start; the end of the stretch if nowhere. */
static inline an_u32 framer_find(struct stream *s, struct side *side,
				 const struct stretch *stretch, an_u32 at)
{
	an_u32 from = at;

	while (at < stretch->n) {
		const an_u8 *found = memchr(stretch->bytes + at, '8', stretch->n - at);

		at = found ? (an_u32)(found - stretch->bytes) : stretch->n;
		if (!found || framer_is_start(side, stretch, at))
			break;
		at++;
	}
	framer_skip(s, side, at - from);
	return at;
}

/* Read the message at `at`, `head` being its head and all of it there. Returns its
 * size, 0 when its trailer is not where BodyLength says. */
static inline an_u32 framer_message(struct stream *s, an_u32 index, int direction,
				    const struct stretch *stretch, an_u32 at,
				    const struct fix_head *head)
{
	struct fix_names names;
	struct airnet_message *row;

	if (!fix_is_framed(stretch->bytes + at, head))
		return 0;
	row = framer_row(s, index, direction);
	fix_read(&s->fix, stretch->bytes + at, head, row, &names);
	if (at < stretch->old)
		row->flags |= AIRNET_MESSAGE_SPLIT;
	if (!s->sessions[index].version && !row->malformed)
		s->sessions[index].version = head->version;
	session_take(s, index, direction, row, &names);
	return fix_total(head);
}

/* Read messages until more bytes are needed; returns how many bytes are done with. */
static inline an_u32 framer_run(struct stream *s, an_u32 index, int direction,
				const struct stretch *stretch)
{
	struct side *side = &s->flows[index].sides[direction];
	struct fix_head head;
	an_u32 at = 0, size;
	int reason;

	side->need_bytes = 0;
	while (at < stretch->n) {
		if (side->is_lost) {
			at = framer_find(s, side, stretch, at);
			if (stretch->n - at < FIX_BEGIN_BYTES)
				break;
			side->is_lost = 0;
			side->region_row = AIRNET_NONE;
		}
		reason = fix_head(cursor_over(stretch->bytes + at, stretch->n - at),
				  &head);
		if (reason == FIX_MORE)
			break;
		if (!reason && stretch->n - at < fix_total(&head)) {
			side->need_bytes = fix_total(&head);
			break;
		}
		size = 0;
		if (!reason) {
			size = framer_message(s, index, direction, stretch, at, &head);
			reason = AIRNET_MALFORMED_BODY_LENGTH;
		}
		if (!size) {
			framer_lose(s, index, direction, reason);
			framer_skip(s, side, 1);
			size = 1;
		}
		at += size;
	}
	if (at == stretch->n)
		side->follows_soh = stretch->bytes[at - 1] == FIX_SOH;
	else
		side->follows_soh = 1;
	return at;
}

#endif
