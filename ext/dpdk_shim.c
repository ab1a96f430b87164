/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include <rte_mempool.h>
#include <rte_version.h>

#include "dpdk_shim.h"

#define DESCRIPTORS 2048
/* Buffers for every descriptor twice (af_xdp fills two rings), and some in hand. */
#define BUFFERS_A_QUEUE (4 * DESCRIPTORS)
#define CACHE_BUFFERS 256

static struct rte_mempool *pool;

const char *dpdk_version(void)
{
	return rte_version();
}

int dpdk_init(int count, char **arguments)
{
	return rte_eal_init(count, arguments) < 0 ? -(rte_errno ? rte_errno : EIO) : 0;
}

static int failed(struct dpdk_port *port, const char *what, int status)
{
	int reason = status < 0 ? -status : EIO;

	snprintf(port->problem, sizeof(port->problem), "%s: %s", what,
		 rte_strerror(reason));
	return -reason;
}

/*
 * The key 6d5a repeated hashes both directions of a session alike (Woo and Park,
 * "Scalable TCP Session Monitoring with Symmetric Receive-side Scaling", 2012).
 */
static an_u8 key[64];

/*
 * Receive queues only. Some drivers (af_xdp) insist on as many to transmit: those get
 * them, and nobody uses them.
 */
static int configure(struct dpdk_port *port, const struct rte_eth_dev_info *info)
{
	struct rte_eth_conf conf;
	an_u64 wanted = RTE_ETH_RX_OFFLOAD_SCATTER | RTE_ETH_RX_OFFLOAD_TIMESTAMP;
	an_u16 transmit = 0;
	int status;

	memset(&conf, 0, sizeof(conf));
	conf.rxmode.offloads = wanted & info->rx_offload_capa;
	if (port->queues > 1 && info->flow_type_rss_offloads) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		for (size_t i = 0; i < sizeof(key); i++)
			key[i] = i & 1 ? 0x5a : 0x6d;
		if (info->hash_key_size <= sizeof(key)) {
			conf.rx_adv_conf.rss_conf.rss_key = key;
			conf.rx_adv_conf.rss_conf.rss_key_len = info->hash_key_size;
		}
		conf.rx_adv_conf.rss_conf.rss_hf =
			info->flow_type_rss_offloads &
			(RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP);
	}
	status = rte_eth_dev_configure(port->id, port->queues, 0, &conf);
	if (status < 0) {
		transmit = port->queues;
		status = rte_eth_dev_configure(port->id, port->queues, transmit, &conf);
	}
	for (an_u16 queue = 0; status >= 0 && queue < transmit; queue++)
		status = rte_eth_tx_queue_setup(port->id, queue, DESCRIPTORS,
						SOCKET_ID_ANY, NULL);
	return status < 0 ? failed(port, "configuring the port", status) : 0;
}

static int receive_queues(struct dpdk_port *port)
{
	an_u16 receive = DESCRIPTORS, transmit = DESCRIPTORS;
	int status = rte_eth_dev_adjust_nb_rx_tx_desc(port->id, &receive, &transmit);

	for (an_u16 queue = 0; status >= 0 && queue < port->queues; queue++)
		status = rte_eth_rx_queue_setup(port->id, queue, receive, SOCKET_ID_ANY,
						NULL, pool);
	return status < 0 ? failed(port, "setting up a receive queue", status) : 0;
}

int dpdk_open(struct dpdk_port *port, unsigned int queues)
{
	struct rte_eth_dev_info info;
	int status;

	if (rte_eth_dev_count_avail() != 1) {
		snprintf(port->problem, sizeof(port->problem),
			 "%u ports were found, one is needed",
			 rte_eth_dev_count_avail());
		return -ENODEV;
	}
	port->id = (an_u16)rte_eth_find_next(0);
	port->queues = (an_u16)queues;
	status = rte_eth_dev_info_get(port->id, &info);
	if (status < 0)
		return failed(port, "asking the port what it is", status);
	snprintf(port->driver, sizeof(port->driver), "%s", info.driver_name);
	if (queues > info.max_rx_queues) {
		snprintf(port->problem, sizeof(port->problem),
			 "%u queues asked, %s has %u", queues, port->driver,
			 info.max_rx_queues);
		return -EINVAL;
	}
	/* The field exists before the driver looks for it. */
	status = rte_mbuf_dyn_rx_timestamp_register(&port->offset, &port->flag);
	if (status < 0)
		port->offset = -1;
	/* One less than a power of two wastes no memory. */
	pool = rte_pktmbuf_pool_create("airnet", queues * BUFFERS_A_QUEUE - 1,
				       CACHE_BUFFERS, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       SOCKET_ID_ANY);
	if (!pool)
		return failed(port, "making the buffer pool", -rte_errno);
	status = configure(port, &info);
	return status < 0 ? status : receive_queues(port);
}

int dpdk_start(struct dpdk_port *port, int is_promiscuous)
{
	int status = rte_eth_stats_reset(port->id);

	if (status == -ENOTSUP)
		status = 0;
	if (status >= 0)
		status = rte_eth_dev_start(port->id);
	if (status < 0)
		return failed(port, "starting the port", status);
	/* A port without the notion receives everything anyway. */
	if (is_promiscuous)
		status = rte_eth_promiscuous_enable(port->id);
	if (status < 0 && status != -ENOTSUP)
		return failed(port, "promiscuous mode", status);
	return 0;
}

int dpdk_burst(const struct dpdk_port *port, unsigned int queue,
	       struct dpdk_frame *frames)
{
	struct rte_mbuf *buffers[DPDK_BURST_FRAMES];
	an_u16 count =
		rte_eth_rx_burst(port->id, (an_u16)queue, buffers, DPDK_BURST_FRAMES);

	for (an_u16 i = 0; i < count; i++) {
		struct rte_mbuf *buffer = buffers[i];

		frames[i].data = rte_pktmbuf_mtod(buffer, const an_u8 *);
		frames[i].buffer = buffer;
		frames[i].bytes = rte_pktmbuf_pkt_len(buffer);
		frames[i].segments = buffer->nb_segs;
		frames[i].stamp = 0;
		if (port->offset >= 0 && buffer->ol_flags & port->flag)
			frames[i].stamp = *RTE_MBUF_DYNFIELD(buffer, port->offset,
							     rte_mbuf_timestamp_t *);
	}
	return count;
}

void dpdk_copy(const struct dpdk_frame *frame, an_u8 *to)
{
	const struct rte_mbuf *segment = frame->buffer;
	an_u32 left = frame->bytes;

	for (; segment && left; segment = segment->next) {
		an_u32 bytes = RTE_MIN(left, (an_u32)rte_pktmbuf_data_len(segment));

		memcpy(to, rte_pktmbuf_mtod(segment, const an_u8 *), bytes);
		to += bytes;
		left -= bytes;
	}
	/* A driver that says more than its segments hold: never stale bytes. */
	memset(to, 0, left);
}

void dpdk_free(struct dpdk_frame *frames, int count)
{
	for (int i = 0; i < count; i++)
		rte_pktmbuf_free(frames[i].buffer);
}

int dpdk_counts(const struct dpdk_port *port, struct dpdk_counts *counts)
{
	struct rte_eth_stats stats;
	int status = rte_eth_stats_get(port->id, &stats);

	if (status < 0)
		return status;
	counts->received = stats.ipackets;
	counts->missed = stats.imissed;
	counts->errors = stats.ierrors;
	counts->no_buffer = stats.rx_nombuf;
	return 0;
}

void dpdk_stop(struct dpdk_port *port)
{
	rte_eth_dev_stop(port->id);
	rte_eth_dev_close(port->id);
	rte_eal_cleanup();
}
