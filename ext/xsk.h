/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One AF_XDP receive socket: its UMEM, fill ring, receive ring and free list.
 *
 * Raw system calls, not libxdp: its helpers load a dispatcher that hosts refuse, and
 * for a shared UMEM they bind before the fill ring can be filled. There is no transmit
 * ring at all, so nothing here can send.
 * Source: Documentation/networking/af_xdp.rst, include/uapi/linux/if_xdp.h.
 *
 * Frames: 2 * ring_frames of them, each is in the fill ring, in the receive ring, with
 * the caller (held) or in the free list. The fill ring has room for all, but its
 * consumer index is published after the frames it gave are visible in the receive
 * ring, so handing back can find no room for a moment: the free list keeps the rest.
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
#include <unistd.h>

#include "airnet.h"

#define XSK_FRAME_BYTES 2048u
#define XSK_QUEUES_MAX 64

struct xsk_ring {
	uint32_t *producer, *consumer;
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
	struct xsk_ring fill, receive;
	uint32_t ring_frames;
	uint64_t *free_list; /* 2 * ring_frames */
	uint64_t *held;
	uint32_t free_count, held_count;
	uint32_t peeked; /* receive entries known to be there and not taken */
	uint64_t delivered;
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
	ring->entries = (char *)ring->mapping + offset->desc;
	ring->mask = entries - 1;
	return 0;
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
}

/* Socket, UMEM and rings; the fill ring is full before bind. 0 or -errno. */
static inline int xsk_open(struct xsk *x)
{
	struct xdp_umem_reg area = {
		.addr = (uintptr_t)x->memory,
		.len = 2ull * x->ring_frames * XSK_FRAME_BYTES,
		.chunk_size = XSK_FRAME_BYTES,
	};
	int fill = (int)(2 * x->ring_frames), receive = (int)x->ring_frames;
	struct xdp_mmap_offsets offsets;
	socklen_t bytes = sizeof(offsets);
	int status;

	x->fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (x->fd < 0)
		return -errno;
	/* A UMEM needs a completion ring to bind, though we never transmit. */
	int completion = 64;
	if (setsockopt(x->fd, SOL_XDP, XDP_UMEM_REG, &area, sizeof(area)) ||
	    setsockopt(x->fd, SOL_XDP, XDP_UMEM_FILL_RING, &fill, sizeof(fill)) ||
	    setsockopt(x->fd, SOL_XDP, XDP_UMEM_COMPLETION_RING, &completion,
		       sizeof(completion)) ||
	    setsockopt(x->fd, SOL_XDP, XDP_RX_RING, &receive, sizeof(receive)) ||
	    getsockopt(x->fd, SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &bytes))
		return -errno;
	status = xsk_map(x, &x->fill, (uint32_t)fill, sizeof(uint64_t), &offsets.fr,
			 (off_t)XDP_UMEM_PGOFF_FILL_RING);
	if (!status)
		status = xsk_map(x, &x->receive, (uint32_t)receive,
				 sizeof(struct xdp_desc), &offsets.rx,
				 XDP_PGOFF_RX_RING);
	if (status)
		return status;
	for (uint32_t i = 0; i < 2 * x->ring_frames; i++)
		x->free_list[i] = (uint64_t)i * XSK_FRAME_BYTES;
	x->free_count = 2 * x->ring_frames;
	xsk_fill(x);
	return 0;
}

/* 0 or -errno; EBUSY while an earlier socket of this queue is still being freed. */
static inline int xsk_bind(struct xsk *x, uint32_t interface_index)
{
	struct sockaddr_xdp address = {
		.sxdp_family = AF_XDP,
		.sxdp_ifindex = interface_index,
		.sxdp_queue_id = x->queue,
	};

	if (bind(x->fd, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	return 0;
}

static inline void xsk_close(struct xsk *x)
{
	if (x->fill.mapping)
		munmap(x->fill.mapping, x->fill.mapping_bytes);
	if (x->receive.mapping)
		munmap(x->receive.mapping, x->receive.mapping_bytes);
	if (x->fd >= 0)
		close(x->fd);
	x->fill.mapping = x->receive.mapping = NULL;
	x->fd = -1;
}

/* Take back the frames of the previous poll, and look how many are waiting. */
static inline void xsk_begin(struct xsk *x)
{
	for (uint32_t i = 0; i < x->held_count; i++)
		x->free_list[x->free_count++] = x->held[i];
	x->held_count = 0;
	if (x->free_count)
		xsk_fill(x);
	x->peeked = __atomic_load_n(x->receive.producer, __ATOMIC_ACQUIRE) -
		    *x->receive.consumer;
}

/* The next waiting frame's metadata; tap.bpf.c put it in front of the frame. */
static inline const struct airnet_tap_meta *xsk_head(const struct xsk *x)
{
	const struct xdp_desc *entries = x->receive.entries;
	uint64_t address = entries[*x->receive.consumer & x->receive.mask].addr;

	return (const void *)(x->memory + address - sizeof(struct airnet_tap_meta));
}

/* Move the next waiting frame to `row`. */
static inline void xsk_take(struct xsk *x, struct airnet_frame *row, int64_t epoch_ns)
{
	const struct airnet_tap_meta *meta = xsk_head(x);
	const struct xdp_desc *entries = x->receive.entries;
	uint32_t at = *x->receive.consumer;
	const struct xdp_desc *entry = &entries[at & x->receive.mask];

	memset(row, 0, sizeof(*row));
	row->time_ns = meta->mono_ns + (uint64_t)epoch_ns;
	row->offset = x->base + entry->addr;
	row->captured_bytes = entry->len;
	row->wire_bytes = meta->wire_bytes;
	row->queue = (uint16_t)x->queue;
	row->link = AIRNET_LINK_ETHERNET;
	row->clock = AIRNET_CLOCK_KERNEL;
	x->held[x->held_count++] = entry->addr & ~(uint64_t)(XSK_FRAME_BYTES - 1);
	x->peeked--;
	x->delivered++;
	__atomic_store_n(x->receive.consumer, at + 1, __ATOMIC_RELEASE);
}

static inline uint32_t xsk_waiting(const struct xsk *x)
{
	return __atomic_load_n(x->receive.producer, __ATOMIC_ACQUIRE) -
	       *x->receive.consumer;
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

/*
 * Fill up to `limit` rows from all sockets, oldest first (equal times: lower queue
 * first), waiting up to wait_ms when nothing is there. Rows or -errno.
 */
static inline int xsk_poll(struct xsk *sockets, int count, struct airnet_frame *rows,
			   int limit, int wait_ms, int64_t epoch_ns)
{
	struct pollfd polled[XSK_QUEUES_MAX];
	uint64_t waiting = 0;
	int filled = 0;

	for (int i = 0; i < count; i++) {
		xsk_begin(&sockets[i]);
		waiting += sockets[i].peeked;
		polled[i].fd = sockets[i].fd;
		polled[i].events = POLLIN;
		polled[i].revents = 0;
	}
	if (!waiting) {
		int ready = poll(polled, (nfds_t)count, wait_ms);

		if (ready < 0)
			return errno == EINTR ? 0 : -errno;
		for (int i = 0; i < count; i++) {
			if (!ready && xsk_is_down(&sockets[i]))
				return -ENETDOWN;
			xsk_begin(&sockets[i]);
		}
	}
	while (filled < limit) {
		struct xsk *oldest = NULL;

		for (int i = 0; i < count; i++) {
			if (sockets[i].peeked &&
			    (!oldest || xsk_head(&sockets[i])->mono_ns <
						xsk_head(oldest)->mono_ns))
				oldest = &sockets[i];
		}
		if (!oldest)
			break;
		xsk_take(oldest, &rows[filled++], epoch_ns);
	}
	return filled;
}

#endif
