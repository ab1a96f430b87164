/* SPDX-License-Identifier: Apache-2.0 */
/* Batches from the AF_XDP sockets of one interface, in the order of their stamps. */
#ifndef AIRNET_XSKPOLL_H
#define AIRNET_XSKPOLL_H

#include "xsk.h"

/* Milliseconds between two looks at a clock that only goes forward. */
static inline int64_t xsk_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Begin anew on every socket; return how many entries wait. */
static inline uint64_t xsk_begin_all(struct xsk *sockets, int count)
{
	uint64_t waiting = 0;

	for (int i = 0; i < count; i++) {
		xsk_begin(&sockets[i]);
		waiting += sockets[i].peeked;
	}
	return waiting;
}

/* Drive the driver ourselves for up to wait_ms; return how many entries wait. */
static inline uint64_t xsk_spin(struct xsk *sockets, int count, int wait_ms)
{
	int64_t end_ms = xsk_now_ms() + wait_ms;
	uint64_t waiting;

	do {
		for (int i = 0; i < count; i++)
			xsk_kick(&sockets[i]);
		waiting = xsk_begin_all(sockets, count);
	} while (!waiting && xsk_now_ms() < end_ms);
	return waiting;
}

/* Sleep for up to wait_ns until a packet comes; as ppoll(2). */
static inline int xsk_nap(const struct xsk *sockets, int count, int64_t wait_ns)
{
	struct pollfd polled[XSK_QUEUES_MAX];
	struct timespec most = {
		.tv_sec = wait_ns / 1000000000,
		.tv_nsec = wait_ns % 1000000000,
	};

	for (int i = 0; i < count; i++) {
		polled[i].fd = sockets[i].fd;
		polled[i].events = POLLIN;
		polled[i].revents = 0;
	}
	return ppoll(polled, (nfds_t)count, wait_ns < 0 ? NULL : &most, NULL);
}

/* Sleep for up to wait_ms until a packet comes. 0 or -errno. */
static inline int xsk_sleep(struct xsk *sockets, int count, int wait_ms)
{
	int ready = xsk_nap(sockets, count, (int64_t)wait_ms * 1000000);

	if (ready < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; !ready && i < count; i++) {
		if (xsk_is_down(&sockets[i]))
			return -ENETDOWN;
	}
	return 0;
}

/* The socket whose next packet is the oldest (equal times: lower queue), or NULL. */
static inline struct xsk *xsk_oldest(struct xsk *sockets, int count)
{
	struct xsk *oldest = NULL;

	for (int i = 0; i < count; i++) {
		if (sockets[i].peeked && (!oldest || xsk_head(&sockets[i])->mono_ns <
							     xsk_head(oldest)->mono_ns))
			oldest = &sockets[i];
	}
	return oldest;
}

/* Whether side has room for the next packet; one it never has room for is dropped. */
static inline int xsk_fits(struct xsk *x, uint32_t pieces)
{
	return pieces == 1 || xsk_length(x, pieces) <= x->side_bytes - x->side_used;
}

/*
 * Fill up to `limit` rows from all sockets, oldest first, waiting up to wait_ms when
 * nothing is there. Rows or -errno.
 */
static inline int xsk_poll(struct xsk *sockets, int count, struct airnet_frame *rows,
			   int limit, int wait_ms, int64_t epoch_ns)
{
	uint64_t waiting = xsk_begin_all(sockets, count);
	int filled = 0, status;
	struct xsk *oldest;

	if (!waiting && sockets[0].is_busy)
		waiting = xsk_spin(sockets, count, wait_ms);
	if (!waiting) {
		status = xsk_sleep(sockets, count, sockets[0].is_busy ? 0 : wait_ms);
		if (status)
			return status;
		xsk_begin_all(sockets, count);
	}
	while (filled < limit && (oldest = xsk_oldest(sockets, count))) {
		uint32_t pieces = xsk_pieces(oldest);

		if (!pieces)
			oldest->peeked = 0;
		else if (xsk_fits(oldest, pieces))
			xsk_take(oldest, &rows[filled++], pieces, epoch_ns);
		else if (oldest->side_used)
			break;
		else
			xsk_drop(oldest, pieces);
	}
	return filled;
}

#endif
