/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One AF_XDP receive socket: its fill ring, receive ring and free list, through a
 * descriptor that airnet.kernel.xsk opened and bound. Nothing here needs a privilege.
 *
 * Raw system calls, not libxdp: see there. There is no transmit ring at all, so
 * nothing here can send.
 * Source: Documentation/networking/af_xdp.rst, include/uapi/linux/if_xdp.h.
 *
 * Frames: 2 * ring_frames of them, each is in the fill ring, in the receive ring, with
 * the caller (held) or in the free list. The fill ring has room for all, but its
 * consumer index is published after the frames it gave are visible in the receive
 * ring, so handing back can find no room for a moment: the free list keeps the rest.
 *
 * A packet longer than a frame comes in pieces, each but the last marked
 * XDP_PKT_CONTD. They are joined in `side`, and their frames are free at once; when
 * side is full, the poll ends and the next one starts with it empty.
 */
#ifndef AIRNET_XSK_H
#define AIRNET_XSK_H

#include <errno.h>
#include <linux/if_xdp.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "airnet.h"

#define XSK_FRAME_BYTES 2048u
#define XSK_QUEUES_MAX 64
#ifndef XDP_PKT_CONTD
#define XDP_PKT_CONTD (1 << 0) /* if_xdp.h of Linux 6.6: this packet goes on */
#endif

struct xsk_ring {
	uint32_t *producer, *consumer, *flags;
	void *entries;
	void *mapping;
	size_t mapping_bytes;
	uint32_t mask;
};

struct xsk {
	int fd;
	uint32_t queue;
	uint64_t base; /* of this socket's UMEM in the buffer of all */
	uint8_t *memory;
	uint64_t side_base; /* of the joined packets in the buffer of all */
	uint8_t *side;
	uint32_t side_bytes, side_used;
	struct xsk_ring fill, receive;
	uint32_t ring_frames;
	uint64_t *free_list; /* 2 * ring_frames */
	uint64_t *held;
	uint32_t free_count, held_count;
	uint32_t peeked; /* receive entries known to be there and not taken */
	uint64_t delivered;
	uint64_t too_long; /* packets that side cannot hold */
	uint64_t wakeups; /* times that the driver asked to be called */
	int is_busy; /* nobody but the reader drives the driver */
	int is_down; /* the interface went away; the kernel says so once */
};

static inline int xsk_map(struct xsk *x, struct xsk_ring *ring, uint32_t entries,
			  size_t entry_bytes, const struct xdp_ring_offset *offset,
			  off_t page_offset)
{
	ring->mapping_bytes = offset->desc + entries * entry_bytes;
	ring->mapping = mmap(NULL, ring->mapping_bytes, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_POPULATE, x->fd, page_offset);
	if (ring->mapping == MAP_FAILED) {
		ring->mapping = NULL;
		return -errno;
	}
	ring->producer = (uint32_t *)((char *)ring->mapping + offset->producer);
	ring->consumer = (uint32_t *)((char *)ring->mapping + offset->consumer);
	ring->flags = (uint32_t *)((char *)ring->mapping + offset->flags);
	ring->entries = (char *)ring->mapping + offset->desc;
	ring->mask = entries - 1;
	return 0;
}

/* Map the rings of a bound socket, whose fill ring holds every frame. 0 or -errno. */
static inline int xsk_open(struct xsk *x)
{
	struct xdp_mmap_offsets offsets;
	socklen_t bytes = sizeof(offsets);
	int status;

	if (getsockopt(x->fd, SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &bytes))
		return -errno;
	status = xsk_map(x, &x->fill, 2 * x->ring_frames, sizeof(uint64_t), &offsets.fr,
			 (off_t)XDP_UMEM_PGOFF_FILL_RING);
	if (!status)
		status =
			xsk_map(x, &x->receive, x->ring_frames, sizeof(struct xdp_desc),
				&offsets.rx, XDP_PGOFF_RX_RING);
	return status;
}

/* Give back the rings; the descriptor is the caller's. */
static inline void xsk_close(struct xsk *x)
{
	if (x->fill.mapping)
		munmap(x->fill.mapping, x->fill.mapping_bytes);
	if (x->receive.mapping)
		munmap(x->receive.mapping, x->receive.mapping_bytes);
	x->fill.mapping = x->receive.mapping = NULL;
	x->fd = -1;
}

/* Let the driver work now: it waits for that, or we poll busily. */
static inline void xsk_kick(struct xsk *x)
{
	(void)recvfrom(x->fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);
	x->wakeups++;
}

/* Give free frames to the kernel, as many as the fill ring takes. */
static inline void xsk_fill(struct xsk *x)
{
	uint32_t produced = *x->fill.producer;
	uint32_t consumed = __atomic_load_n(x->fill.consumer, __ATOMIC_ACQUIRE);
	uint32_t room = x->fill.mask + 1 - (produced - consumed);
	uint32_t give = x->free_count < room ? x->free_count : room;
	uint64_t *entries = x->fill.entries;

	for (uint32_t i = 0; i < give; i++)
		entries[produced++ & x->fill.mask] = x->free_list[--x->free_count];
	__atomic_store_n(x->fill.producer, produced, __ATOMIC_RELEASE);
	/* A driver that ran out of frames stops looking until it is called. */
	if (__atomic_load_n(x->fill.flags, __ATOMIC_ACQUIRE) & XDP_RING_NEED_WAKEUP)
		xsk_kick(x);
}

/* Receive entries that are there and not taken. */
static inline uint32_t xsk_waiting(const struct xsk *x)
{
	return __atomic_load_n(x->receive.producer, __ATOMIC_ACQUIRE) -
	       *x->receive.consumer;
}

/* Take back the frames of the previous poll, and look how many are waiting. */
static inline void xsk_begin(struct xsk *x)
{
	for (uint32_t i = 0; i < x->held_count; i++)
		x->free_list[x->free_count++] = x->held[i];
	x->held_count = 0;
	x->side_used = 0;
	if (x->free_count)
		xsk_fill(x);
	x->peeked = xsk_waiting(x);
}

static inline const struct xdp_desc *xsk_entry(const struct xsk *x, uint32_t ahead)
{
	const struct xdp_desc *entries = x->receive.entries;

	return &entries[(*x->receive.consumer + ahead) & x->receive.mask];
}

/* Waiting packets, which may be of several entries each. */
static inline uint64_t xsk_packets(const struct xsk *x)
{
	uint32_t waiting = xsk_waiting(x);
	uint64_t packets = 0;

	for (uint32_t i = 0; i < waiting; i++)
		packets += !(xsk_entry(x, i)->options & XDP_PKT_CONTD);
	return packets;
}

/* The next waiting packet's metadata; tap.bpf.c put it in front of the first piece. */
static inline const struct airnet_tap_meta *xsk_head(const struct xsk *x)
{
	uint64_t address = xsk_entry(x, 0)->addr;

	return (const void *)(x->memory + address - sizeof(struct airnet_tap_meta));
}

/* Entries of the next waiting packet; 0 when its end is not there yet. */
static inline uint32_t xsk_pieces(const struct xsk *x)
{
	for (uint32_t i = 0; i < x->peeked; i++) {
		if (!(xsk_entry(x, i)->options & XDP_PKT_CONTD))
			return i + 1;
	}
	return 0;
}

static inline uint32_t xsk_length(const struct xsk *x, uint32_t pieces)
{
	uint32_t bytes = 0;

	for (uint32_t i = 0; i < pieces; i++)
		bytes += xsk_entry(x, i)->len;
	return bytes;
}

/* Let the entries of one packet go; their frames are in held or free_list. */
static inline void xsk_pass(struct xsk *x, uint32_t pieces)
{
	x->peeked -= pieces;
	__atomic_store_n(x->receive.consumer, *x->receive.consumer + pieces,
			 __ATOMIC_RELEASE);
}

static inline uint64_t xsk_frame(const struct xdp_desc *entry)
{
	return entry->addr & ~(uint64_t)(XSK_FRAME_BYTES - 1);
}

/* Copy a packet's pieces together behind what side has, and free their frames. */
static inline void xsk_join(struct xsk *x, struct airnet_frame *row, uint32_t pieces)
{
	row->offset = x->side_base + x->side_used;
	for (uint32_t i = 0; i < pieces; i++) {
		const struct xdp_desc *entry = xsk_entry(x, i);

		memcpy(x->side + x->side_used, x->memory + entry->addr, entry->len);
		x->side_used += entry->len;
		x->free_list[x->free_count++] = xsk_frame(entry);
	}
}

/* Move the next waiting packet of so many pieces to `row`. */
static inline void xsk_take(struct xsk *x, struct airnet_frame *row, uint32_t pieces,
			    int64_t epoch_ns)
{
	const struct airnet_tap_meta *meta = xsk_head(x);
	const struct xdp_desc *entry = xsk_entry(x, 0);

	memset(row, 0, sizeof(*row));
	row->time_ns = meta->mono_ns + (uint64_t)epoch_ns;
	row->offset = x->base + entry->addr;
	row->captured_bytes = entry->len;
	row->wire_bytes = meta->wire_bytes;
	row->queue = (uint16_t)x->queue;
	row->link = AIRNET_LINK_ETHERNET;
	row->clock = AIRNET_CLOCK_KERNEL;
	if (pieces == 1) {
		x->held[x->held_count++] = xsk_frame(entry);
	} else {
		row->captured_bytes = xsk_length(x, pieces);
		xsk_join(x, row, pieces);
	}
	x->delivered++;
	xsk_pass(x, pieces);
}

/* Drop the next waiting packet, which no buffer of ours can hold. */
static inline void xsk_drop(struct xsk *x, uint32_t pieces)
{
	for (uint32_t i = 0; i < pieces; i++)
		x->free_list[x->free_count++] = xsk_frame(xsk_entry(x, i));
	x->too_long++;
	xsk_pass(x, pieces);
}

/* The kernel's own loss counts of this socket. 0 or -errno. */
static inline int xsk_statistics(const struct xsk *x, struct xdp_statistics *counts)
{
	socklen_t bytes = sizeof(*counts);

	memset(counts, 0, sizeof(*counts));
	if (getsockopt(x->fd, SOL_XDP, XDP_STATISTICS, counts, &bytes))
		return -errno;
	return 0;
}

/*
 * Whether the interface went away. poll(2) does not tell (xsk_poll of Linux 6.x gives
 * no POLLERR), SO_ERROR does, and is cleared by being read.
 */
static inline int xsk_is_down(struct xsk *x)
{
	int problem = 0;
	socklen_t bytes = sizeof(problem);

	if (getsockopt(x->fd, SOL_SOCKET, SO_ERROR, &problem, &bytes) || problem)
		x->is_down = 1;
	return x->is_down;
}

#endif
