/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes of a pcap file -> Frame rows, and the numbers of pcap and pcapng files. What
 * is read lies in a buffer of the caller's, who appends file bytes behind `end`; rows
 * point into it. pcapng.h reads the other kind and has pcap_next, which reads both.
 * Cost: one pass over the record headers (16 B read, 32 B written a row); the frame's
 * own bytes are not touched.
 * Source: draft-ietf-opsawg-pcap (magic numbers, record), draft-ietf-opsawg-pcapng
 * (blocks, if_tsresol, if_tsoffset).
 */
#ifndef AIRNET_PCAP_H
#define AIRNET_PCAP_H

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "airnet.h"

#define PCAP_SECOND_NS 1000000000u
#define PCAP_RECORD_BYTES 16
/* No link carries longer frames (loopback with merged segments: 512 KiB). */
#define PCAP_FRAME_MAX (1u << 20)

#define PCAPNG_SECTION 0x0a0d0d0au
#define PCAPNG_ORDER 0x1a2b3c4du
#define PCAPNG_ORDER_SWAPPED 0x4d3c2b1au
#define PCAPNG_INTERFACE 1u
#define PCAPNG_PACKET 2u /* obsolete */
#define PCAPNG_SIMPLE 3u
#define PCAPNG_STATISTICS 5u
#define PCAPNG_ENHANCED 6u
#define PCAPNG_IF_TSRESOL 9
#define PCAPNG_IF_TSOFFSET 14
#define PCAPNG_ISB_IFRECV 4
#define PCAPNG_ISB_IFDROP 5

/* Of one section; frames of further ones are counted as PCAP_UNKNOWN_INTERFACE. */
#define PCAP_INTERFACES_MAX 1024

/*
 * Why a record is no frame: its length cannot be; its block cannot be; its interface
 * was not described. After the first of a pcap file and any bad block the rest of the
 * file is left: nothing says where the next record begins.
 */
#define PCAP_BAD_RECORD 0
#define PCAP_BAD_BLOCK 1
#define PCAP_UNKNOWN_INTERFACE 2
#define PCAP_REASONS 3

/* One interface of a pcapng section. */
struct pcap_interface {
	int64_t offset_s;
	uint64_t received, dropped; /* as its last statistics say */
	uint32_t snap_bytes;
	uint16_t link;
	uint8_t resolution; /* if_tsresol as written */
	uint8_t is_ns; /* its ticks are ns since the epoch: nothing to work out */
};

/* The state of reading one file after another through one buffer. */
struct pcap_reader {
	const uint8_t *bytes; /* the buffer; [start, end) is not read yet */
	size_t start, end;
	uint64_t skip; /* bytes of a block we do not read, still to come */
	uint64_t last_ns; /* time of the last frame */
	uint64_t delivered;
	uint64_t reasons[PCAP_REASONS];
	/* What the capture says it lost and saw, since the caller last asked:
	 * statistics are read in front of a batch only, and end the one before. */
	uint64_t lost, seen;
	uint64_t marked; /* `delivered` when they were last read */
	uint32_t tick_ns; /* of pcap: 1 or 1000 */
	uint16_t link; /* of pcap */
	uint8_t is_pcapng;
	uint8_t is_swapped; /* the file's byte order is not this machine's */
	uint8_t is_stopped; /* the rest of the file cannot be read */
	uint8_t is_held; /* statistics are next: no more was read for that */
	uint8_t is_marked; /* statistics were read since the caller last asked */
	uint32_t interface_count;
	struct pcap_interface interfaces[PCAP_INTERFACES_MAX];
};

static inline uint16_t pcap_u16(const uint8_t *bytes, int swapped)
{
	uint16_t value;

	memcpy(&value, bytes, sizeof(value));
	return swapped ? __builtin_bswap16(value) : value;
}

static inline uint32_t pcap_u32(const uint8_t *bytes, int swapped)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return swapped ? __builtin_bswap32(value) : value;
}

static inline int64_t pcap_s64(const uint8_t *bytes, int swapped)
{
	uint64_t value;

	memcpy(&value, bytes, sizeof(value));
	return (int64_t)(swapped ? __builtin_bswap64(value) : value);
}

static inline uint64_t pcap_clamp(__int128 time_ns)
{
	if (time_ns < 0)
		return 0;
	if (time_ns > UINT64_MAX)
		return UINT64_MAX;
	return (uint64_t)time_ns;
}

/*
 * Ticks of an interface's resolution as ns since the epoch, rounded down and held
 * within 64 bits. Resolution: high bit clear, 10^-n s; set, 2^-n s.
 */
static inline uint64_t pcap_time_ns(uint64_t ticks, uint8_t resolution,
				    int64_t offset_s)
{
	unsigned __int128 time_ns = ticks;
	unsigned int power = resolution & 0x7f;

	if (resolution & 0x80) {
		time_ns = power < 127 ? time_ns * PCAP_SECOND_NS >> power : 0;
	} else if (power <= 9) {
		for (; power < 9; power++)
			time_ns *= 10;
	} else {
		for (; power > 9 && time_ns; power--)
			time_ns /= 10;
	}
	return pcap_clamp((__int128)time_ns + (__int128)offset_s * PCAP_SECOND_NS);
}

/* Start a file: what was counted stays, everything else is forgotten. */
static inline void pcap_begin_any(struct pcap_reader *r, int is_pcapng)
{
	r->start = r->end = 0;
	r->skip = 0;
	r->is_pcapng = (uint8_t)is_pcapng;
	r->is_swapped = 0;
	r->is_stopped = 0;
	r->is_held = 0;
	r->interface_count = 0;
}

/* Start a pcap file whose 24 bytes of header the caller has read. */
static inline void pcap_begin(struct pcap_reader *r, int is_swapped, uint16_t link,
			      int is_ns)
{
	pcap_begin_any(r, 0);
	r->is_swapped = (uint8_t)is_swapped;
	r->link = link;
	r->tick_ns = is_ns ? 1 : 1000;
}

static inline void pcap_stop(struct pcap_reader *r, int reason)
{
	r->reasons[reason]++;
	r->is_stopped = 1;
	r->start = r->end;
	r->skip = 0;
}

static inline void pcap_row(const struct pcap_reader *r, struct airnet_frame *row,
			    size_t offset, uint32_t captured, uint32_t wire,
			    uint16_t link)
{
	*row = (struct airnet_frame){
		.time_ns = r->last_ns,
		.offset = offset,
		.captured_bytes = captured,
		.wire_bytes = wire,
		.link = link,
		.clock = AIRNET_CLOCK_FILE,
	};
}

/* Rows of whole pcap records; inlined once for each byte order. */
static inline __attribute__((always_inline)) int pcap_records(struct pcap_reader *r,
							      struct airnet_frame *rows,
							      int limit, int is_swapped)
{
	const uint8_t *at = r->bytes + r->start;
	const uint8_t *end = r->bytes + r->end;
	uint32_t tick_ns = r->tick_ns;
	int filled = 0;

	while (filled < limit && end - at >= PCAP_RECORD_BYTES) {
		uint32_t captured = pcap_u32(at + 8, is_swapped);

		if (captured > PCAP_FRAME_MAX) {
			pcap_stop(r, PCAP_BAD_RECORD);
			return filled;
		}
		if ((size_t)(end - at) - PCAP_RECORD_BYTES < captured)
			break;
		r->last_ns = (uint64_t)pcap_u32(at, is_swapped) * PCAP_SECOND_NS +
			     (uint64_t)pcap_u32(at + 4, is_swapped) * tick_ns;
		at += PCAP_RECORD_BYTES;
		pcap_row(r, &rows[filled++], (size_t)(at - r->bytes), captured,
			 pcap_u32(at - 4, is_swapped), r->link);
		at += captured;
	}
	r->start = (size_t)(at - r->bytes);
	return filled;
}

/* Write all of it; 0, or -errno after writing *done bytes. */
static inline int pcap_write_all(int fd, const uint8_t *bytes, size_t count,
				 size_t *done)
{
	for (*done = 0; *done < count;) {
		ssize_t wrote = write(fd, bytes + *done, count - *done);

		if (wrote < 0 && errno != EINTR)
			return -errno;
		if (wrote > 0)
			*done += (size_t)wrote;
	}
	return 0;
}

#endif
