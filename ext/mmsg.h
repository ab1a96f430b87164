/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches from an AF_PACKET socket with recvmmsg(2). One system call a batch, the
 * whole frame whatever its length (TPACKET_V2 would cut frames that offloads have
 * merged, TPACKET_V3 would delay them by its block timer).
 * Source: packet(7), include/uapi/linux/if_packet.h.
 */
#ifndef AIRNET_MMSG_H
#define AIRNET_MMSG_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "airnet.h"

#define MMSG_FRAMES_MAX 256
/* 64 KiB of merged segments, its headers, and room for a VLAN tag put back. */
#define MMSG_FRAME_BYTES (65536 + 128)
#define MMSG_TAG_BYTES 4
#define MMSG_CONTROL_BYTES 256
#define MMSG_MAC_BYTES 12 /* two addresses stand before the tag */

struct mmsg {
	int fd;
	int link;
	uint8_t *memory; /* MMSG_FRAMES_MAX * MMSG_FRAME_BYTES */
	struct mmsghdr headers[MMSG_FRAMES_MAX];
	struct iovec vectors[MMSG_FRAMES_MAX];
	uint64_t control[MMSG_FRAMES_MAX][MMSG_CONTROL_BYTES / 8];
};

static inline struct mmsg *mmsg_new(void)
{
	return calloc(1, sizeof(struct mmsg));
}

static inline void mmsg_prepare(struct mmsg *batch, int i)
{
	struct msghdr *header = &batch->headers[i].msg_hdr;

	batch->vectors[i].iov_base =
		batch->memory + (size_t)i * MMSG_FRAME_BYTES + MMSG_TAG_BYTES;
	batch->vectors[i].iov_len = MMSG_FRAME_BYTES - MMSG_TAG_BYTES;
	memset(header, 0, sizeof(*header));
	header->msg_iov = &batch->vectors[i];
	header->msg_iovlen = 1;
	header->msg_control = batch->control[i];
	header->msg_controllen = MMSG_CONTROL_BYTES;
}

/* The kernel takes VLAN tags out of the frame: put one back where it stood. */
static inline void mmsg_put_tag(struct mmsg *batch, struct airnet_frame *row,
				const struct tpacket_auxdata *extra)
{
	uint16_t type = extra->tp_status & TP_STATUS_VLAN_TPID_VALID
				? extra->tp_vlan_tpid
				: 0x8100;
	uint8_t *bytes = batch->memory + row->offset - MMSG_TAG_BYTES;

	if (row->captured_bytes < MMSG_MAC_BYTES || row->link != AIRNET_LINK_ETHERNET)
		return;
	memmove(bytes, bytes + MMSG_TAG_BYTES, MMSG_MAC_BYTES);
	bytes[12] = (uint8_t)(type >> 8);
	bytes[13] = (uint8_t)type;
	bytes[14] = (uint8_t)(extra->tp_vlan_tci >> 8);
	bytes[15] = (uint8_t)extra->tp_vlan_tci;
	row->offset -= MMSG_TAG_BYTES;
	row->captured_bytes += MMSG_TAG_BYTES;
	row->wire_bytes += MMSG_TAG_BYTES;
}

static inline void mmsg_row(struct mmsg *batch, int i, struct airnet_frame *row)
{
	struct msghdr *header = &batch->headers[i].msg_hdr;
	uint32_t bytes = batch->headers[i].msg_len; /* on the wire: MSG_TRUNC */
	uint32_t room = MMSG_FRAME_BYTES - MMSG_TAG_BYTES;
	struct cmsghdr *item;

	memset(row, 0, sizeof(*row));
	row->offset = (uint64_t)i * MMSG_FRAME_BYTES + MMSG_TAG_BYTES;
	row->wire_bytes = bytes;
	row->captured_bytes = bytes < room ? bytes : room;
	row->link = (uint16_t)batch->link;
	row->clock = AIRNET_CLOCK_KERNEL;
	for (item = CMSG_FIRSTHDR(header); item; item = CMSG_NXTHDR(header, item)) {
		if (item->cmsg_level == SOL_SOCKET &&
		    item->cmsg_type == SCM_TIMESTAMPNS) {
			struct timespec stamp;

			memcpy(&stamp, CMSG_DATA(item), sizeof(stamp));
			row->time_ns = (uint64_t)stamp.tv_sec * 1000000000u +
				       (uint64_t)stamp.tv_nsec;
		} else if (item->cmsg_level == SOL_PACKET &&
			   item->cmsg_type == PACKET_AUXDATA) {
			struct tpacket_auxdata extra;

			memcpy(&extra, CMSG_DATA(item), sizeof(extra));
			if (extra.tp_status & TP_STATUS_VLAN_VALID)
				mmsg_put_tag(batch, row, &extra);
		}
	}
}

/* Rows or -errno; waits up to wait_ms when nothing is there. */
static inline int mmsg_poll(struct mmsg *batch, struct airnet_frame *rows, int limit,
			    int wait_ms)
{
	struct pollfd polled = {.fd = batch->fd, .events = POLLIN};
	int count;

	for (int i = 0; i < limit; i++)
		mmsg_prepare(batch, i);
	count = recvmmsg(batch->fd, batch->headers, (unsigned int)limit,
			 MSG_DONTWAIT | MSG_TRUNC, NULL);
	if (count < 0 && errno == EAGAIN && wait_ms) {
		count = poll(&polled, 1, wait_ms);
		if (count <= 0)
			return count < 0 && errno != EINTR ? -errno : 0;
		count = recvmmsg(batch->fd, batch->headers, (unsigned int)limit,
				 MSG_DONTWAIT | MSG_TRUNC, NULL);
	}
	if (count < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	for (int i = 0; i < count; i++)
		mmsg_row(batch, i, &rows[i]);
	return count;
}

#endif
