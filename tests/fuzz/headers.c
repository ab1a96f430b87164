/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The headers of raw frames of every link type, read one after the other with one
 * memory: fragments of a datagram may come in several. The script is frames, each with
 * its link type, the time passed and its length; a device may stamp them all, with a
 * check sequence that is right, which no mutation would find.
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

static void put_u32(an_u8 *at, an_u64 value)
{
	an_u32 i;

	for (i = 0; i < 4; i++)
		at[i] = (an_u8)(value >> (24 - 8 * i));
}

/* The frame as the device passes it on: its check sequence, extensions of the script's,
 * and a trailer of a time that is near, or is not. Metamako: seconds, nanoseconds and
 * flags; Exablaze: device, port, seconds and a fraction. */
static struct cursor stamp(const struct packets *p, struct cursor *script,
			   struct cursor bytes, an_u64 now_ns)
{
	static an_u8 out[ARENA_BYTES];
	an_u8 flags = script_u8(script), *at = out;
	struct cursor more = script_take(script, flags & 0x1c);
	an_u64 stamp_ns = now_ns + script_u8(script) * (flags & 0x40 ? 9999999ULL : 9);
	an_u64 second = stamp_ns / 1000000000, rest = stamp_ns % 1000000000;
	int is_metamako = p->trailer == AIRNET_TRAILER_METAMAKO;

	cursor_limit(&bytes, ARENA_BYTES / 2);
	memcpy(at, bytes.at, cursor_left(&bytes));
	at += cursor_left(&bytes);
	put_u32(at, __builtin_bswap32(trailer_crc(p, bytes)));
	at += 4;
	if (is_metamako && cursor_left(&more)) {
		memcpy(at, more.at, cursor_left(&more));
		at += cursor_left(&more);
	}
	memset(at, flags, 12);
	put_u32(at + (is_metamako ? 0 : 2), second);
	put_u32(at + (is_metamako ? 4 : 7), is_metamako ? rest : rest * 1099 / 256);
	if (!is_metamako)
		at[6] = (an_u8)(rest * 256 / 1000000000);
	at += 12;
	if (flags & 0x80) { /* and the capture's own check sequence */
		memset(at, 0, 4);
		at += 4;
	}
	return cursor_over(out, (size_t)(at - out));
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
	an_u8 device = script_u8(&script);
	int count;

	p = packets_new(p);
	p->trailer = device % 4;
	for (count = 0; script.at != script.end && count < FRAMES_MAX; count++) {
		an_u8 choice = script_u8(&script);
		size_t n = script_u8(&script);
		struct cursor bytes =
			script_take(&script, choice & 0x80 ? ARENA_BYTES / 2 : n);
		const an_u8 *at;

		row.time_ns +=
			(choice & 0x40 ? 7000000000ULL : 1000) * (choice >> 5 & 1);
		if (device & 4)
			bytes = stamp(p, &script, bytes, row.time_ns);
		at = arena_alone(&arena, bytes.at, cursor_left(&bytes));
		bytes = cursor_over(at, cursor_left(&bytes));
		row.captured_bytes = row.wire_bytes = (an_u32)cursor_left(&bytes);
		row.link = choice & 0x10 ? (an_u16)n : links[choice % LINKS];
		if (!packets_have_room(p) || choice & 8)
			packets_release(p);
		CHECK(packets_have_room(p));
		read_one(p, bytes, &row);
	}
	return 0;
}
