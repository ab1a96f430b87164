/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A port whose frames a test chooses: DPDK's net_ring, filled by this program, read by
 * the loop that the product runs. Arguments: the descriptors of memory, wake and life,
 * a kind of stamp ("none", "near", "far"), how many frames, and what moves the
 * monotonic clock to the epoch.
 *
 * Frame i has i % 1500 + 1 bytes of value i, in 1 to 5 buffers; each 100th is too
 * long.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include <rte_ring.h>

#include "dpdk_loop.h"

static char *words[] = {
	"ring_port", "--no-telemetry", "--no-shconf",  "--no-huge",	  "-m",
	"128",	     "--no-pci",       "--lcores=0@0", "--vdev=net_ring0"};
static struct dpdk_loop loop;

static void fill(struct rte_mbuf *buffer, unsigned int bytes, int value)
{
	memset(rte_pktmbuf_append(buffer, (uint16_t)bytes), value, bytes);
}

static void chain(struct rte_mempool *pool, struct rte_mbuf *head, unsigned int bytes,
		  int value)
{
	unsigned int segments = bytes > 5 ? 1 + (unsigned int)value % 5 : 1;
	unsigned int piece = bytes / segments;

	fill(head, bytes - piece * (segments - 1), value);
	for (unsigned int i = 1; i < segments; i++) {
		struct rte_mbuf *next = rte_pktmbuf_alloc(pool);

		fill(next, piece, value);
		rte_pktmbuf_chain(head, next);
	}
}

static void too_long(struct rte_mempool *pool, struct rte_mbuf *head)
{
	for (int i = 0; i < 35; i++) {
		struct rte_mbuf *next = i ? rte_pktmbuf_alloc(pool) : head;

		fill(next, 1900, i);
		if (i)
			rte_pktmbuf_chain(head, next);
	}
}

int main(int count, char **arguments)
{
	struct stat about;
	struct rte_mempool *pool;
	struct rte_ring *ring;
	const char *stamp = arguments[4];
	int frames = count == 7 ? atoi(arguments[5]) : 0;
	int memory = atoi(arguments[1]);

	if (!frames || fstat(memory, &about) ||
	    dpdk_init(sizeof(words) / sizeof(*words), words))
		return 1;
	relay_map(&loop.relay,
		  mmap(NULL, (size_t)about.st_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		       memory, 0),
		  (an_u64)about.st_size);
	loop.relay.wake_fd = atoi(arguments[2]);
	loop.life_fd = atoi(arguments[3]);
	loop.epoch_ns = atoll(arguments[6]);
	loop.stamp_ns = 1;
	loop.stamp_clock = AIRNET_CLOCK_NIC;
	loop.nap_us = 50;
	if (dpdk_open(&loop.port, 1) || dpdk_start(&loop.port, 1)) {
		fprintf(stderr, "%s\n", loop.port.problem);
		return 1;
	}
	pool = rte_mempool_lookup("airnet");
	ring = rte_ring_lookup("ETH_RXTX0_net_ring0");
	if (!pool || !ring)
		return 2;
	for (int i = 0; i < frames; i++) {
		struct rte_mbuf *head = rte_pktmbuf_alloc(pool);

		if (i % 100 == 99)
			too_long(pool, head);
		else
			chain(pool, head, (unsigned int)i % 1500 + 1, i & 0xff);
		if (strcmp(stamp, "none")) {
			*RTE_MBUF_DYNFIELD(head, loop.port.offset,
					   rte_mbuf_timestamp_t *) =
				(an_u64)(!strcmp(stamp, "near") ? dpdk_now_ns(&loop)
								: 1000) +
				(an_u64)i;
			head->ol_flags |= loop.port.flag;
		}
		if (rte_ring_enqueue(ring, head))
			return 3;
	}
	dpdk_run(&loop);
	dpdk_stop(&loop.port);
	return 0;
}
