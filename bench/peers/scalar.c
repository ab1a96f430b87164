/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FIX the plain way: one byte after the other, tag to number, first occurrence of each
 * slot, bytes summed. What the kernel is held against where no other decoder is at
 * hand; it does the same work and trusts its input, which ours does not.
 */
#include "scalar.h"

an_u8 scalar_slots[SCALAR_TAGS];

struct scalar_frame {
	const an_u8 *body;
	const an_u8 *trailer;
	const an_u8 *begin_end;
	const an_u8 *length;
	int is_right;
};

static int scalar_head(const an_u8 *bytes, size_t n, struct scalar_frame *frame)
{
	const an_u8 *at = bytes, *end = bytes + n;
	an_u32 size = 0, sum = 0, stated;

	if (n < 20 || memcmp(at, "8=FIX", 5) != 0)
		return -1;
	for (at += 5; at != end && *at != SCALAR_SOH; at++)
		;
	frame->begin_end = at;
	if (end - at < 10 || at[1] != '9' || at[2] != '=')
		return -1;
	frame->length = at + 3;
	for (at += 3; at != end && *at >= '0' && *at <= '9'; at++)
		size = size * 10 + *at - '0';
	if (at == end || *at++ != SCALAR_SOH || (size_t)(end - at) < size + 7)
		return -1;
	frame->body = at;
	frame->trailer = at + size;
	if (memcmp(frame->trailer - 1, "\00110=", 4) != 0)
		return -1;
	for (at = bytes; at != frame->trailer; at++)
		sum += *at;
	stated = (an_u32)scalar_unsigned(at + 3, at + 6);
	frame->is_right = stated == (sum & 0xff);
	return 0;
}

static int scalar_is_length(unsigned tag)
{
	return tag < SCALAR_TAGS && scalar_slots[tag] == SCALAR_LENGTH;
}

/* The next field; *data is the length that the field before gave, 0 = none. */
static inline const an_u8 *scalar_field(const an_u8 *at, unsigned *tag,
					const an_u8 **value, an_u64 *data)
{
	an_u64 bytes = *data;

	*data = 0;
	*tag = 0;
	while (*at != '=' && *at != SCALAR_SOH)
		*tag = *tag * 10 + *at++ - '0';
	*value = at += *at == '=';
	if (bytes)
		return at + bytes;
	while (*at != SCALAR_SOH)
		at++;
	if (scalar_is_length(*tag))
		*data = scalar_unsigned(*value, at);
	return at;
}

static inline void put(struct peer_span *span, const struct scalar_frame *frame,
		       const an_u8 *at, const an_u8 *end)
{
	span->start = (an_u16)(at - frame->body);
	span->end = (an_u16)(end - frame->body);
}

size_t scalar_extract(const an_u8 *bytes, size_t n, struct peer_spans *out)
{
	const an_u8 *end = bytes + n, *at, *value, *stop;
	struct scalar_frame frame;
	size_t count = 0;
	an_u64 data;
	unsigned tag;
	int slot;

	while (bytes != end && !scalar_head(bytes, (size_t)(end - bytes), &frame)) {
		struct peer_span *spans = out[count].spans;

		memset(spans, 0, sizeof(out[count].spans));
		put(&spans[FIX_BEGIN_STRING], &frame, bytes + 2, frame.begin_end);
		put(&spans[FIX_BODY_LENGTH], &frame, frame.length, frame.body - 1);
		data = 0;
		for (at = frame.body; at < frame.trailer; at = stop + 1) {
			stop = scalar_field(at, &tag, &value, &data);
			slot = scalar_slot(tag);
			if (!slot || spans[slot].end)
				continue;
			put(&spans[slot], &frame, value, stop);
		}
		out[count++].is_right = (an_u64)frame.is_right;
		bytes = frame.trailer + SCALAR_TRAILER;
	}
	return count;
}

size_t scalar_type(const an_u8 *bytes, size_t n, struct peer_row *out)
{
	const an_u8 *end = bytes + n, *at, *value, *stop;
	struct scalar_frame frame;
	size_t count = 0;
	an_u64 data;
	an_u32 seen;
	unsigned tag;
	int slot;

	while (bytes != end && !scalar_head(bytes, (size_t)(end - bytes), &frame)) {
		struct peer_row *row = &out[count++];

		memset(row, 0, sizeof(*row));
		data = seen = 0;
		for (at = frame.body; at < frame.trailer; at = stop + 1) {
			stop = scalar_field(at, &tag, &value, &data);
			slot = scalar_slot(tag);
			if (seen & FIX_BIT(slot))
				continue;
			seen |= FIX_BIT(slot);
			scalar_take(row, slot, value, stop);
		}
		row->row.malformed = frame.is_right ? 0 : AIRNET_MALFORMED_CHECKSUM;
		row->row.bytes = (an_u32)(frame.trailer + SCALAR_TRAILER - bytes);
		bytes = frame.trailer + SCALAR_TRAILER;
	}
	return count;
}
