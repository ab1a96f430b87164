/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes of a pcapng file -> Frame rows, block by block. Any bytes are rows and counts:
 * what cannot be read is one of PCAP_REASONS, and nothing outside [start, end) of the
 * reader's buffer is touched.
 * Source: draft-ietf-opsawg-pcapng-03 sections 3 and 4, appendix A (packet block).
 */
#ifndef AIRNET_PCAPNG_H
#define AIRNET_PCAPNG_H

#include "pcap.h"

/* Kind and two lengths, of a block without a body. */
#define PCAPNG_BLOCK_BYTES 12u

/* Start a pcapng file; its section header is read as its first block. */
static inline void pcapng_begin(struct pcap_reader *r)
{
	pcap_begin_any(r, 1);
}

/* Blocks of these kinds are held in the buffer whole; others may be of any length. */
static inline int pcapng_is_read(uint32_t kind)
{
	return kind == PCAPNG_SECTION || kind == PCAPNG_INTERFACE ||
	       kind == PCAPNG_PACKET || kind == PCAPNG_SIMPLE ||
	       kind == PCAPNG_ENHANCED;
}

/*
 * The length of the block at `start`, of which PCAPNG_BLOCK_BYTES are there, or 0 when
 * it cannot be. A section header also sets the byte order.
 */
static inline uint32_t pcapng_block_bytes(struct pcap_reader *r)
{
	const uint8_t *block = r->bytes + r->start;
	uint32_t kind = pcap_u32(block, r->is_swapped);
	uint32_t length;

	if (kind == PCAPNG_SECTION) {
		uint32_t order = pcap_u32(block + 8, 0);

		if (order != PCAPNG_ORDER && order != PCAPNG_ORDER_SWAPPED)
			return 0;
		r->is_swapped = order == PCAPNG_ORDER_SWAPPED;
	}
	length = pcap_u32(block + 4, r->is_swapped);
	if (length < PCAPNG_BLOCK_BYTES || length & 3)
		return 0;
	if (length > PCAP_FRAME_MAX && pcapng_is_read(kind))
		return 0;
	return length;
}

/* Read the options of an interface description of `length` bytes. */
static inline void pcapng_options(const uint8_t *block, uint32_t length, int swapped,
				  struct pcap_interface *interface)
{
	uint32_t at = 16;

	while (at + 8 <= length) {
		uint16_t code = pcap_u16(block + at, swapped);
		uint16_t size = pcap_u16(block + at + 2, swapped);

		if (code == 0 || at + 4 + size > length - 4)
			return;
		if (code == PCAPNG_IF_TSRESOL && size == 1)
			interface->resolution = block[at + 4];
		else if (code == PCAPNG_IF_TSOFFSET && size == 8)
			interface->offset_s = pcap_s64(block + at + 4, swapped);
		at += 4 + ((size + 3u) & ~3u);
	}
}

static inline void pcapng_describe(struct pcap_reader *r, const uint8_t *block,
				   uint32_t length)
{
	struct pcap_interface *interface;

	if (length < 20) {
		pcap_stop(r, PCAP_BAD_BLOCK);
		return;
	}
	if (r->interface_count == PCAP_INTERFACES_MAX)
		return;
	interface = &r->interfaces[r->interface_count++];
	*interface = (struct pcap_interface){
		.snap_bytes = pcap_u32(block + 12, r->is_swapped),
		.link = pcap_u16(block + 8, r->is_swapped),
		.resolution = 6,
	};
	pcapng_options(block, length, r->is_swapped, interface);
	interface->is_ns = interface->resolution == 9 && interface->offset_s == 0;
}

/* An enhanced or old packet block; 1 when it became a row. */
static inline int pcapng_packet(struct pcap_reader *r, struct airnet_frame *row,
				uint32_t length, int is_old)
{
	const uint8_t *block = r->bytes + r->start;
	const struct pcap_interface *interface;
	uint32_t number, captured;
	uint64_t ticks;

	if (length < 32) {
		r->reasons[PCAP_BAD_RECORD]++;
		return 0;
	}
	number = is_old ? pcap_u16(block + 8, r->is_swapped)
			: pcap_u32(block + 8, r->is_swapped);
	captured = pcap_u32(block + 20, r->is_swapped);
	if (captured > length - 32) {
		r->reasons[PCAP_BAD_RECORD]++;
		return 0;
	}
	if (number >= r->interface_count) {
		r->reasons[PCAP_UNKNOWN_INTERFACE]++;
		return 0;
	}
	interface = &r->interfaces[number];
	ticks = (uint64_t)pcap_u32(block + 12, r->is_swapped) << 32 |
		pcap_u32(block + 16, r->is_swapped);
	r->last_ns = interface->is_ns ? ticks
				      : pcap_time_ns(ticks, interface->resolution,
						     interface->offset_s);
	pcap_row(r, row, r->start + 28, captured, pcap_u32(block + 24, r->is_swapped),
		 interface->link);
	return 1;
}

/* A simple packet block; it has no time and gets that of the frame before it. */
static inline int pcapng_simple(struct pcap_reader *r, struct airnet_frame *row,
				uint32_t length)
{
	const uint8_t *block = r->bytes + r->start;
	uint32_t wire, captured, snap;

	if (length < 16) {
		r->reasons[PCAP_BAD_RECORD]++;
		return 0;
	}
	if (r->interface_count == 0) {
		r->reasons[PCAP_UNKNOWN_INTERFACE]++;
		return 0;
	}
	wire = captured = pcap_u32(block + 8, r->is_swapped);
	snap = r->interfaces[0].snap_bytes;
	if (snap && captured > snap)
		captured = snap;
	if (captured > length - 16) {
		r->reasons[PCAP_BAD_RECORD]++;
		return 0;
	}
	pcap_row(r, row, r->start + 12, captured, wire, r->interfaces[0].link);
	return 1;
}

/* How much a count grew; one that fell began anew, and tells nothing. */
static inline uint64_t pcapng_grown(uint64_t *count, uint64_t now)
{
	uint64_t before = *count;

	*count = now;
	return now > before ? now - before : 0;
}

/* Interface statistics, counts since its capture began (section 4.6). Without
 * isb_ifrecv, what was seen is what lies in the file, and what was lost. */
static inline void pcapng_statistics(struct pcap_reader *r, const uint8_t *block,
				     uint32_t length)
{
	struct pcap_interface *interface;
	uint64_t seen = r->delivered - r->marked, lost = 0;
	uint32_t at = 20;
	int has_seen = 0;

	if (length < 24 || pcap_u32(block + 8, r->is_swapped) >= r->interface_count)
		return;
	interface = &r->interfaces[pcap_u32(block + 8, r->is_swapped)];
	while (at + 8 <= length) {
		uint16_t code = pcap_u16(block + at, r->is_swapped);
		uint16_t size = pcap_u16(block + at + 2, r->is_swapped);
		uint64_t count;

		if (code == 0 || at + 4 + size > length - 4)
			break;
		count = size == 8 ? (uint64_t)pcap_s64(block + at + 4, r->is_swapped)
				  : 0;
		if (code == PCAPNG_ISB_IFRECV && size == 8) {
			seen = pcapng_grown(&interface->received, count);
			has_seen = 1;
		} else if (code == PCAPNG_ISB_IFDROP && size == 8) {
			lost = pcapng_grown(&interface->dropped, count);
		}
		at += 4 + ((size + 3u) & ~3u);
	}
	r->lost += lost;
	r->seen += has_seen ? seen : seen + lost;
	r->marked = r->delivered;
	r->is_marked = 1;
}

/* Read one whole block; 1 when it became a row. */
static inline int pcapng_block(struct pcap_reader *r, struct airnet_frame *row,
			       uint32_t length)
{
	const uint8_t *block = r->bytes + r->start;
	uint32_t kind = pcap_u32(block, r->is_swapped);

	if (kind == PCAPNG_ENHANCED || kind == PCAPNG_PACKET)
		return pcapng_packet(r, row, length, kind == PCAPNG_PACKET);
	if (kind == PCAPNG_SIMPLE)
		return pcapng_simple(r, row, length);
	if (kind == PCAPNG_INTERFACE) {
		pcapng_describe(r, block, length);
	} else if (kind == PCAPNG_STATISTICS) {
		pcapng_statistics(r, block, length);
	} else if (kind == PCAPNG_SECTION) {
		if (length < 28 || pcap_u16(block + 12, r->is_swapped) != 1)
			pcap_stop(r, PCAP_BAD_BLOCK);
		r->interface_count = 0;
	}
	return 0;
}

/* Step over what is there of a block that is not read; return the bytes ahead. */
static inline size_t pcapng_skip(struct pcap_reader *r)
{
	size_t ready = r->end - r->start;

	if (r->skip) {
		ready = r->skip < ready ? (size_t)r->skip : ready;
		r->start += ready;
		r->skip -= ready;
		ready = r->end - r->start;
	}
	return ready;
}

/* Rows of whole pcapng blocks. */
static inline int pcapng_blocks(struct pcap_reader *r, struct airnet_frame *rows,
				int limit)
{
	int filled = 0;

	r->is_held = 0;
	while (filled < limit && !r->is_stopped) {
		size_t ready = pcapng_skip(r);
		uint32_t length;

		if (ready < PCAPNG_BLOCK_BYTES)
			break;
		length = pcapng_block_bytes(r);
		if (length == 0) {
			pcap_stop(r, PCAP_BAD_BLOCK);
			break;
		}
		if (length > PCAP_FRAME_MAX) {
			r->skip = length;
			continue;
		}
		if (ready < length)
			break;
		if (pcap_u32(r->bytes + r->start + length - 4, r->is_swapped) !=
		    length) {
			pcap_stop(r, PCAP_BAD_BLOCK);
			break;
		}
		r->is_held = filled && pcap_u32(r->bytes + r->start, r->is_swapped) ==
					       PCAPNG_STATISTICS;
		if (r->is_held)
			break;
		filled += pcapng_block(r, &rows[filled], length);
		if (!r->is_stopped)
			r->start += length;
	}
	return filled;
}

/*
 * Fill rows[limit] from [start, end) of the reader's buffer, of a file of either kind.
 * 0: more file bytes are needed, or the file is done (`is_stopped`).
 */
static inline int pcap_next(struct pcap_reader *r, struct airnet_frame *rows, int limit)
{
	int filled;

	if (r->is_stopped)
		return 0;
	if (r->is_pcapng)
		filled = pcapng_blocks(r, rows, limit);
	else if (r->is_swapped)
		filled = pcap_records(r, rows, limit, 1);
	else
		filled = pcap_records(r, rows, limit, 0);
	r->delivered += (uint64_t)filled;
	return filled;
}

#endif
