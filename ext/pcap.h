/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading and writing the numbers of pcap and pcapng files.
 * Source: draft-ietf-opsawg-pcap (magic numbers, record), draft-ietf-opsawg-pcapng
 * (blocks, if_tsresol, if_tsoffset).
 */
#ifndef AIRNET_PCAP_H
#define AIRNET_PCAP_H

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

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

/* One interface of a pcapng section. */
struct pcap_interface {
	int64_t offset_s;
	uint32_t snap_bytes;
	uint16_t link;
	uint8_t resolution; /* if_tsresol as written */
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
