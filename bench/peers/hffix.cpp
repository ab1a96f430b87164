/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hffix on the race's terms: its reader frames, iterates and sums; what it finds goes
 * where the others put it. It is compiled where AIRNET_BENCH_HFFIX names its headers.
 */
#include <hffix.hpp>

#include "scalar.h"

static inline const an_u8 *place(const char *at)
{
	return reinterpret_cast<const an_u8 *>(at);
}

static inline void put(struct peer_span &span, const char *body, const char *at,
		       const char *end)
{
	span.start = (an_u16)(at - body);
	span.end = (an_u16)(end - body);
}

static inline bool is_right(hffix::message_reader &reader)
{
	return reader.calculate_check_sum() ==
	       reader.check_sum()->value().as_int<unsigned char>();
}

size_t hffix_extract(const an_u8 *bytes, size_t n, struct peer_spans *out)
{
	const char *begin = reinterpret_cast<const char *>(bytes), *at = begin;
	const char *end = begin + n;
	size_t count = 0;

	while (at != end) {
		hffix::message_reader reader(at, end);
		struct peer_span *spans = out[count].spans;

		if (!reader.is_complete() || !reader.is_valid())
			break;
		memset(spans, 0, sizeof(out[count].spans));
		const char *body = reader.begin()->value().begin() - 3;
		const char *first = std::find(at + 5, body, '\x01');
		put(spans[FIX_BEGIN_STRING], body, at + 2, first);
		put(spans[FIX_BODY_LENGTH], body, first + 3, body - 1);
		for (auto field = reader.begin(); field != reader.end(); ++field) {
			int slot = scalar_slot((unsigned)field->tag());

			if (!slot || spans[slot].end)
				continue;
			put(spans[slot], body, field->value().begin(),
			    field->value().end());
		}
		out[count++].is_right = is_right(reader);
		at = reader.message_end();
	}
	return count;
}

size_t hffix_type(const an_u8 *bytes, size_t n, struct peer_row *out)
{
	const char *at = reinterpret_cast<const char *>(bytes), *end = at + n;
	size_t count = 0;

	while (at != end) {
		hffix::message_reader reader(at, end);
		struct peer_row *row = &out[count];
		an_u32 seen = 0;

		if (!reader.is_complete() || !reader.is_valid())
			break;
		memset(row, 0, sizeof(*row));
		for (auto field = reader.begin(); field != reader.end(); ++field) {
			int slot = scalar_slot((unsigned)field->tag());

			if (seen & FIX_BIT(slot))
				continue;
			seen |= FIX_BIT(slot);
			scalar_take(row, slot, place(field->value().begin()),
				    place(field->value().end()));
		}
		row->row.malformed = is_right(reader) ? 0 : AIRNET_MALFORMED_CHECKSUM;
		row->row.bytes = (an_u32)(reader.message_end() - at);
		count++;
		at = reader.message_end();
	}
	return count;
}
