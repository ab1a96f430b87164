/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FIX framing and fields, by every path of this processor, which must agree. The first
 * byte says how the rest is meant: as stream bytes, or as the body of a message that
 * the target frames and sums.
 */
#include "harness.h"

/* Put head and trailer around a body; returns the whole size. */
static size_t wrap(an_u8 choice, struct cursor body, an_u8 *out)
{
	static const char *const begins[] = {"FIX.4.0", "FIX.4.2", "FIX.4.4",
					     "FIXT.1.1"};
	size_t size = cursor_left(&body), i;
	an_u32 sum = 0;
	int n = sprintf((char *)out, "8=%s\0019=%zu\001", begins[choice >> 1 & 3],
			size);

	if (size)
		memcpy(out + n, body.at, size);
	size += (size_t)n;
	for (i = 0; i < size; i++)
		sum += out[i];
	sum += choice >> 3 & 1; /* or not so right */
	return size + (size_t)sprintf((char *)out + size, "10=%03u\001", sum & 255);
}

static void check_row(const struct airnet_message *row, const struct fix_head *head)
{
	CHECK(row->malformed < AIRNET_MALFORMED_REASONS);
	CHECK(row->kind < AIRNET_KINDS);
	CHECK(row->bytes == fix_total(head));
	CHECK(!(row->flags & AIRNET_MESSAGE_HAS_PRICE) <= !row->price);
	CHECK(!(row->flags & AIRNET_MESSAGE_HAS_QUANTITY) <= !row->quantity);
	CHECK(row->sequence < 1000000000000000000ULL);
}

static void check_name(struct cursor name, const an_u8 *bytes, size_t n)
{
	CHECK(!name.at || (name.at >= bytes && name.end <= bytes + n));
	CHECK(name.at <= name.end);
}

/* Readers by path; the odd ones walk every message. They are kept, so that layouts of
 * one input meet the messages of others. */
static struct fix_reader *reader_of(int number)
{
	static struct fix_reader readers[2 * FIX_PATHS];
	struct fix_reader *reader = &readers[number];

	if (!reader->day.date) {
		fix_reader_begin(reader);
		reader->path = number / 2;
		reader->has_layouts = number % 2 == 0;
	}
	return reader;
}

/* Hold the other paths against what the first read. */
static void check_paths(const an_u8 *bytes, const struct fix_head *head,
			const struct airnet_message *row, const struct fix_names *names)
{
	struct fix_span spans[2][FIX_SPANS];
	int is_right = fix_span(reader_of(0), bytes, head, spans[0]), i;

	CHECK(is_right == (row->malformed != AIRNET_MALFORMED_CHECKSUM));
	for (i = 1; i < 2 * (int)(fix_path_best() + 1); i++) {
		struct airnet_message other = {.time_ns = 0};
		struct fix_names others;

		fix_read(reader_of(i), bytes, head, &other, &others);
		CHECK(memcmp(row, &other, sizeof(other)) == 0);
		CHECK(memcmp(names, &others, sizeof(others)) == 0);
		CHECK(fix_span(reader_of(i), bytes, head, spans[1]) == is_right);
		CHECK(memcmp(spans[0], spans[1], sizeof(spans[0])) == 0);
	}
}

/* Read what is at the front of `bytes`; returns how much of it that was. */
static size_t read_one(const an_u8 *bytes, size_t n)
{
	struct airnet_message row = {.time_ns = 0};
	struct fix_head head;
	struct fix_names names;

	if (fix_head(cursor_over(bytes, n), &head))
		return 0;
	CHECK(head.body_bytes <= AIRNET_FIX_BYTES_MAX);
	CHECK(head.head_bytes <= FIX_HEAD_BYTES && head.head_bytes <= n);
	if (fix_total(&head) > n || !fix_is_framed(bytes, &head))
		return 0;
	fix_read(reader_of(0), bytes, &head, &row, &names);
	check_row(&row, &head);
	check_paths(bytes, &head, &row, &names);
	check_name(names.sender, bytes, n);
	check_name(names.target, bytes, n);
	return fix_total(&head);
}

int LLVMFuzzerTestOneInput(const an_u8 *data, size_t size)
{
	static struct arena arena;
	static an_u8 whole[FIX_MESSAGE_BYTES];
	struct cursor script = cursor_over(data, size);
	an_u8 choice = script_u8(&script);
	size_t n = cursor_left(&script), at = 0, used;
	const an_u8 *bytes = script.at;

	int is_wrapped = choice & 1 && n > 0 && n <= AIRNET_FIX_BYTES_MAX;

	if (is_wrapped) {
		n = wrap(choice, script, whole);
		bytes = whole;
	}
	bytes = arena_alone(&arena, bytes, n);
	used = read_one(bytes, n);
	if (is_wrapped && script.end[-1] == FIX_SOH)
		CHECK(used == n);
	for (at = used; used; at += used)
		used = read_one(bytes + at, n - at);
	return 0;
}
