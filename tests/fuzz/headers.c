/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The headers of raw frames of every link type, read one after the other with one
 * memory: fragments of a datagram may come in several. The script is frames, each with
 * its link type, the time passed and its length.
 */
#include "harness.h"

#define FRAMES_MAX 24

static const an_u16 links[] = {
	AIRNET_LINK_ETHERNET,
	AIRNET_LINK_RAW,
	AIRNET_LINK_SLL,
	AIRNET_LINK_SLL2,
	LINK_NULL,
	LINK_LOOP,
	LINK_IPV4,
	LINK_IPV6,
};

#define LINKS (sizeof(links) / sizeof(links[0]))

/* Touch every byte, so that a cursor into bytes that are not ours is found. */
static void check_bytes(const struct cursor *bytes)
{
	static volatile an_u64 sum;

	CHECK(bytes->at <= bytes->end);
	CHECK(cursor_left(bytes) <= 1 << 17);
	sum = fuzz_mix(sum, bytes->at, cursor_left(bytes));
}

static void read_one(struct packets *p, struct cursor bytes,
		     const struct airnet_frame *row)
{
	struct airnet_header header = {.time_ns = row->time_ns};
	struct segment segment = {.sequence = 0};
	an_u8 reason = packet_read(p, bytes, row, &header, &segment);

	CHECK(reason < AIRNET_FRAME_REASONS);
	CHECK(header.payload_bytes <= 65535);
	if (reason != AIRNET_FRAME_OK || header.protocol != IP_TCP)
		return;
	check_bytes(&segment.payload);
	check_bytes(&segment.options);
	CHECK(cursor_left(&segment.options) <= 40);
	CHECK(cursor_left(&segment.payload) <= header.payload_bytes);
	packet_tcp_checksum_ok(&header, &segment);
}

/* As decoder_begin does it. */
static struct packets *packets_new(struct packets *p)
{
	int is_small = sizeof(*p) <= CLEAR_BYTES_MAX;

	if (p && is_small) {
		memcpy(p, p + 1, sizeof(*p));
		return p;
	}
	p = fuzz_zeroed(p, 2 * sizeof(*p));
	packets_begin(p);
	if (is_small)
		memcpy(p + 1, p, sizeof(*p));
	return p;
}

int LLVMFuzzerTestOneInput(const an_u8 *data, size_t size)
{
	static struct arena arena;
	static struct packets *p;
	struct cursor script = cursor_over(data, size);
	struct airnet_frame row = {.time_ns = 1700000000000000000ULL};
	int count;

	p = packets_new(p);
	p->trailer = script_u8(&script) % 4;
	for (count = 0; script.at != script.end && count < FRAMES_MAX; count++) {
		an_u8 choice = script_u8(&script);
		size_t n = script_u8(&script);
		struct cursor bytes =
			script_take(&script, choice & 0x80 ? ARENA_BYTES / 2 : n);
		const an_u8 *at = arena_alone(&arena, bytes.at, cursor_left(&bytes));

		bytes = cursor_over(at, cursor_left(&bytes));
		row.time_ns +=
			(choice & 0x40 ? 7000000000ULL : 1000) * (choice >> 5 & 1);
		row.captured_bytes = row.wire_bytes = (an_u32)cursor_left(&bytes);
		row.link = choice & 0x10 ? (an_u16)n : links[choice % LINKS];
		if (!packets_have_room(p) || choice & 8)
			packets_release(p);
		CHECK(packets_have_room(p));
		read_one(p, bytes, &row);
	}
	return 0;
}
