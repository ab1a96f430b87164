/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The receiving process's loop: bursts from the port into the relay, until nobody
 * holds the reader's end of a pipe any more, however that came. It polls; with nap_us
 * it rests between empty bursts once the port was idle for DPDK_SPIN_NS, so that an
 * idle port does not cost a core.
 */
#ifndef AIRNET_DPDK_LOOP_H
#define AIRNET_DPDK_LOOP_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <linux/if_packet.h>
#include <linux/if_xdp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#include "dpdk_shim.h"
#include "relay.h"

#define DPDK_SPIN_NS 1000000ll
/* A stamp this near to now is ns since the epoch; another is in a clock of its own. */
#define DPDK_NEAR_NS 10000000000ll
/* Passes between two looks at whether anybody reads: below a millisecond. */
#define DPDK_PASSES 1024
#define DPDK_DESCRIPTORS_MAX 1024
#define DPDK_SOCKETS_MAX 128

struct dpdk_loop {
	struct dpdk_port port;
	struct relay relay;
	an_s64 epoch_ns; /* what moves CLOCK_MONOTONIC to the epoch */
	an_u64 stamp_ns; /* one unit of the driver's stamp */
	an_u32 nap_us;
	an_u8 stamp_clock; /* AIRNET_CLOCK_* of the driver's stamp */
	an_u8 is_judged; /* whether stamp_clock was held against our own */
	int life_fd; /* a pipe's end: hung up once nobody reads */
	int socket_count;
	int sockets[DPDK_SOCKETS_MAX];
};

/* Signals to the whole group are the reader's business; a nap is what it says. */
static inline int dpdk_settle(void)
{
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	return prctl(PR_SET_TIMERSLACK, 1000) ? -errno : 0;
}

static inline an_s64 dpdk_now_ns(const struct dpdk_loop *loop)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ll + now.tv_nsec + loop->epoch_ns;
}

/* The sockets drivers opened: they keep to themselves what those lost. */
static inline void dpdk_find_sockets(struct dpdk_loop *loop)
{
	loop->socket_count = 0;
	for (int fd = 0; fd < DPDK_DESCRIPTORS_MAX; fd++) {
		int family = 0;
		socklen_t bytes = sizeof(family);

		if (loop->socket_count == DPDK_SOCKETS_MAX ||
		    getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &bytes) ||
		    (family != AF_PACKET && family != AF_XDP))
			continue;
		loop->sockets[loop->socket_count++] = fd;
	}
}

/*
 * AF_PACKET: frames offered and lost, forgotten as they are read (packet(7)), so that
 * a driver that reads them as well leaves only its share to us. AF_XDP: what found the
 * receive ring full, which drivers do not count among the missed.
 */
static inline void dpdk_read_sockets(struct dpdk_loop *loop)
{
	an_u64 full = 0;

	for (int i = 0; i < loop->socket_count; i++) {
		struct tpacket_stats packets;
		struct xdp_statistics ring;
		socklen_t bytes = sizeof(packets);

		if (!getsockopt(loop->sockets[i], SOL_PACKET, PACKET_STATISTICS,
				&packets, &bytes)) {
			relay_count(&loop->relay, RELAY_SOCKET_SEEN,
				    packets.tp_packets);
			relay_count(&loop->relay, RELAY_SOCKET_FULL, packets.tp_drops);
			continue;
		}
		bytes = sizeof(ring);
		memset(&ring, 0, sizeof(ring));
		if (!getsockopt(loop->sockets[i], SOL_XDP, XDP_STATISTICS, &ring,
				&bytes))
			full += ring.rx_ring_full;
	}
	if (full)
		__atomic_store_n(&loop->relay.shared->counts[RELAY_SOCKET_FULL], full,
				 __ATOMIC_RELAXED);
}

static inline void dpdk_tell(struct dpdk_loop *loop)
{
	struct relay_shared *shared = loop->relay.shared;
	an_u32 asked = __atomic_load_n(&shared->asked, __ATOMIC_ACQUIRE);
	struct dpdk_counts counts;

	dpdk_read_sockets(loop);
	if (!dpdk_counts(&loop->port, &counts)) {
		an_u64 *to = shared->counts;

		__atomic_store_n(&to[RELAY_RECEIVED], counts.received,
				 __ATOMIC_RELAXED);
		__atomic_store_n(&to[RELAY_MISSED], counts.missed, __ATOMIC_RELAXED);
		__atomic_store_n(&to[RELAY_ERRORS], counts.errors, __ATOMIC_RELAXED);
		__atomic_store_n(&to[RELAY_NO_BUFFER], counts.no_buffer,
				 __ATOMIC_RELAXED);
	}
	__atomic_store_n(&shared->answered, asked, __ATOMIC_RELEASE);
}

/* The driver's stamp where it is a time of ours, else when the burst was taken. */
static inline void dpdk_stamp(struct dpdk_loop *loop, const struct dpdk_frame *frame,
			      an_s64 now_ns, struct airnet_frame *row)
{
	an_u64 time_ns = frame->stamp * loop->stamp_ns;

	if (frame->stamp && !loop->is_judged) {
		an_s64 apart = (an_s64)time_ns - now_ns;

		loop->is_judged = 1;
		if (loop->stamp_clock != AIRNET_CLOCK_FILE &&
		    (apart > DPDK_NEAR_NS || apart < -DPDK_NEAR_NS))
			loop->stamp_clock = AIRNET_CLOCK_USER;
	}
	row->clock = frame->stamp ? loop->stamp_clock : AIRNET_CLOCK_USER;
	row->time_ns = row->clock == AIRNET_CLOCK_USER ? (an_u64)now_ns : time_ns;
}

/* One burst of one queue; how many frames it had. */
static inline int dpdk_move(struct dpdk_loop *loop, unsigned int queue)
{
	struct dpdk_frame frames[DPDK_BURST_FRAMES];
	int count = dpdk_burst(&loop->port, queue, frames);
	an_s64 now_ns = count ? dpdk_now_ns(loop) : 0;

	for (int i = 0; i < count; i++) {
		struct airnet_frame row = {.queue = (an_u16)queue};
		an_u8 *to;

		row.captured_bytes = row.wire_bytes = frames[i].bytes;
		dpdk_stamp(loop, &frames[i], now_ns, &row);
		to = relay_write(&loop->relay, &row);
		if (to && frames[i].segments == 1)
			memcpy(to, frames[i].data, frames[i].bytes);
		else if (to)
			dpdk_copy(&frames[i], to);
	}
	if (count) {
		relay_publish(&loop->relay);
		dpdk_free(frames, count);
	}
	return count;
}

/* Whether nobody holds the other end of the pipe any more. */
static inline int dpdk_is_orphan(const struct dpdk_loop *loop)
{
	struct pollfd polled = {.fd = loop->life_fd};

	return poll(&polled, 1, 0) > 0;
}

/* Say that frames come, and bring them. Returns when nobody reads any more. */
static inline void dpdk_run(struct dpdk_loop *loop)
{
	struct relay_shared *shared = loop->relay.shared;
	struct timespec nap = {.tv_nsec = loop->nap_us * 1000ll};
	an_s64 busy_ns = dpdk_now_ns(loop);

	dpdk_find_sockets(loop);
	__atomic_store_n(&shared->state, RELAY_RUNNING, __ATOMIC_RELEASE);
	relay_wake(&loop->relay);
	for (an_u64 pass = 0;; pass++) {
		int count = 0, rests = 0;

		for (unsigned int queue = 0; queue < loop->port.queues; queue++)
			count += dpdk_move(loop, queue);
		if (__atomic_load_n(&shared->asked, __ATOMIC_RELAXED) !=
		    shared->answered)
			dpdk_tell(loop);
		if (count)
			busy_ns = 0;
		else if (!busy_ns)
			busy_ns = dpdk_now_ns(loop);
		else
			rests = loop->nap_us &&
				dpdk_now_ns(loop) - busy_ns > DPDK_SPIN_NS;
		if (rests)
			nanosleep(&nap, NULL);
		if ((rests || pass % DPDK_PASSES == 0) && dpdk_is_orphan(loop))
			break;
	}
	dpdk_tell(loop);
	__atomic_store_n(&shared->state, RELAY_ENDED, __ATOMIC_RELEASE);
}

#endif
