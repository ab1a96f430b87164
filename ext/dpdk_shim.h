/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DPDK behind nine plain C functions. dpdk_shim.c alone is compiled with DPDK's flags:
 * it forces an instruction set and its own configuration header on whoever includes
 * its headers, and its receive path is inline. Nothing here can transmit.
 */
#ifndef AIRNET_DPDK_SHIM_H
#define AIRNET_DPDK_SHIM_H

#include "airnet.h"

#define DPDK_BURST_FRAMES 64
#define DPDK_TEXT_BYTES 192

struct dpdk_port {
	an_u16 id;
	an_u16 queues;
	int offset; /* of the receive stamp in a buffer, -1 when there is none */
	an_u64 flag; /* which a buffer with a stamp has */
	char driver[32];
	char problem[DPDK_TEXT_BYTES];
};

/* A received frame; valid until dpdk_free. */
struct dpdk_frame {
	const an_u8 *data; /* of its first segment */
	void *buffer;
	an_u64 stamp; /* the driver's, 0 = none */
	an_u32 bytes; /* of all segments */
	an_u32 segments;
};

/* As rte_eth_stats has them. */
struct dpdk_counts {
	an_u64 received, missed, errors, no_buffer;
};

const char *dpdk_version(void);
/* Start the environment, once a process. 0 or -errno. */
int dpdk_init(int count, char **arguments);
/* Configure the only port there is. 0 or -errno and port->problem. */
int dpdk_open(struct dpdk_port *port, unsigned int queues);
int dpdk_start(struct dpdk_port *port, int is_promiscuous);
int dpdk_burst(const struct dpdk_port *port, unsigned int queue,
	       struct dpdk_frame *frames);
/* The frame in one piece; `to` has room for frame->bytes. */
void dpdk_copy(const struct dpdk_frame *frame, an_u8 *to);
void dpdk_free(struct dpdk_frame *frames, int count);
int dpdk_counts(const struct dpdk_port *port, struct dpdk_counts *counts);
void dpdk_stop(struct dpdk_port *port);

#endif
