/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capture files, pcap and pcapng. The first byte is the size of the pieces that the
 * file comes in; the rows must be those of the file in one piece.
 */
#include "harness.h"

#include "pcapng.h"

#define ROWS 16
#define PCAP_HEADER_BYTES 24

struct told {
	an_u64 sum; /* of every row and its bytes */
	an_u64 rows;
	an_u64 reasons[PCAP_REASONS];
};

static void note(struct told *told, const struct pcap_reader *r,
		 const struct airnet_frame *row)
{
	struct airnet_frame moved = *row;

	CHECK(row->captured_bytes <= PCAP_FRAME_MAX);
	CHECK(row->offset <= r->end && row->captured_bytes <= r->end - row->offset);
	CHECK(row->clock == AIRNET_CLOCK_FILE);
	moved.offset = 0; /* it depends on the pieces */
	told->sum = fuzz_mix(told->sum, &moved, sizeof(moved));
	told->sum = fuzz_mix(told->sum, r->bytes + row->offset, row->captured_bytes);
	told->rows++;
}

/* Begin as the caller of the reader does; -1 when these bytes are no capture. */
static int begin(struct pcap_reader *r, struct cursor *file)
{
	an_u32 magic = 0, link = 0;
	int is_swapped, is_ns;

	if (cursor_left(file) < PCAP_HEADER_BYTES)
		return -1;
	memcpy(&magic, file->at, 4);
	if (magic == PCAPNG_SECTION) {
		pcapng_begin(r);
		return 0;
	}
	is_swapped = magic == 0xd4c3b2a1 || magic == 0x4d3cb2a1;
	magic = is_swapped ? __builtin_bswap32(magic) : magic;
	is_ns = magic == 0xa1b23c4d;
	if (!is_ns && magic != 0xa1b2c3d4)
		return -1;
	memcpy(&link, file->at + 20, 4);
	pcap_begin(r, is_swapped, (an_u16)(is_swapped ? __builtin_bswap32(link) : link),
		   is_ns);
	return cursor_skip(file, PCAP_HEADER_BYTES);
}

/* Read the file in pieces of `piece` bytes; the reader's buffer ends with them. */
static void read_pieces(struct cursor file, size_t piece, struct told *told)
{
	static struct pcap_reader reader;
	static struct arena arena;
	static an_u8 rest[ARENA_BYTES];
	struct airnet_frame rows[ROWS];
	struct pcap_reader *r = &reader;
	size_t left = 0;
	int filled, i;

	memset(told, 0, sizeof(*told));
	memset(r->reasons, 0, sizeof(r->reasons));
	r->last_ns = r->delivered = 0;
	if (begin(r, &file))
		return;
	while (file.at != file.end && !r->is_stopped) {
		struct cursor more = script_take(&file, piece);
		size_t n = cursor_left(&more);

		memcpy(rest + left, more.at, n);
		r->bytes = arena_alone(&arena, rest, left + n);
		r->start = 0;
		r->end = left + n;
		while ((filled = pcap_next(r, rows, ROWS)) > 0)
			for (i = 0; i < filled; i++)
				note(told, r, &rows[i]);
		CHECK(r->start <= r->end);
		left = r->end - r->start;
		CHECK(left <= PCAP_FRAME_MAX + PCAP_RECORD_BYTES);
		memcpy(rest, r->bytes + r->start, left);
	}
	CHECK(r->delivered == told->rows);
	memcpy(told->reasons, r->reasons, sizeof(told->reasons));
}

int LLVMFuzzerTestOneInput(const an_u8 *data, size_t size)
{
	struct cursor file = cursor_over(data, size);
	size_t piece = script_u8(&file) + 1;
	struct told whole, pieces;

	read_pieces(file, ARENA_BYTES / 2, &whole);
	read_pieces(file, piece, &pieces);
	CHECK(!memcmp(&whole, &pieces, sizeof(whole)));
	return 0;
}
