/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A relay carries frames from the process that receives them to the one that reads
 * them: one writer, one reader, one piece of shared memory of fixed size.
 *
 * The memory is a page of struct relay_shared and then a ring of bytes, a power of two.
 * A record is its head, the frame, and zero to seven bytes to the next multiple of
 * eight; it never wraps: where it does not fit before the end, a record of kind PAD
 * fills the rest. `head` and `tail` count bytes ever written and given back. The writer
 * never overwrites: a frame that finds no room is counted and left out. The reader
 * believes no length that it has not checked against `head`.
 */
#ifndef AIRNET_RELAY_H
#define AIRNET_RELAY_H

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "airnet.h"

#define RELAY_SHARED_BYTES 4096u
#define RELAY_DATA_BYTES_MIN (256u << 10) /* so that two of the longest frames fit */
#define RELAY_FRAME_BYTES_MAX 65535u
#define RELAY_TEXT_BYTES 256u
#define RELAY_LINE_BYTES 64 /* writer and reader do not write one cache line */
#define RELAY_PAD 0
#define RELAY_FRAME 1

/* What the writer counts; the order is the reader's contract (relay.pyx). */
enum relay_count {
	RELAY_RECEIVED, /* told by the device: given to the writer */
	RELAY_MISSED, /* told by the device: lost for want of a buffer */
	RELAY_ERRORS, /* told by the device: received broken */
	RELAY_NO_BUFFER, /* told by the device: lost because no buffer could be had */
	RELAY_SOCKET_SEEN, /* told by the kernel of the device's AF_PACKET sockets */
	RELAY_SOCKET_FULL, /* told by the kernel of the device's sockets: lost */
	RELAY_TAKEN, /* frames the writer got in its hands */
	RELAY_WRITTEN, /* frames that went into the ring */
	RELAY_FULL, /* left out: the ring was full */
	RELAY_OVERSIZE, /* left out: longer than RELAY_FRAME_BYTES_MAX */
	RELAY_COUNTS
};

enum relay_state { RELAY_STARTING, RELAY_RUNNING, RELAY_ENDED, RELAY_FAILED };

struct relay_shared {
	an_u64 head;
	an_u64 counts[RELAY_COUNTS] __attribute__((aligned(RELAY_LINE_BYTES)));
	an_u32 state; /* enum relay_state */
	an_u32 answered; /* the last `asked` that counts are not older than */
	char text[RELAY_TEXT_BYTES]; /* why it failed */
	an_u64 tail __attribute__((aligned(RELAY_LINE_BYTES)));
	an_u32 is_waiting; /* the reader sleeps until wake_fd is written */
	an_u32 asked;
};

_Static_assert(sizeof(struct relay_shared) <= RELAY_SHARED_BYTES, "one page");

struct relay_record {
	an_u32 record_bytes; /* with this head, a multiple of eight */
	an_u16 queue;
	an_u8 clock;
	an_u8 kind; /* these eight bytes are all that a PAD has */
	an_u64 time_ns;
	an_u32 captured_bytes;
	an_u32 wire_bytes;
};

_Static_assert(sizeof(struct relay_record) == 24, "heads keep frames aligned");

/* One side's view: `data` of `size` bytes follow the page. */
struct relay {
	struct relay_shared *shared;
	an_u8 *data;
	an_u64 size;
	an_u64 at; /* writer: bytes written, not all published; reader: bytes read */
	an_u64 other; /* writer: the tail last seen */
	an_u64 delivered;
	int wake_fd;
	int peer_fd; /* reader: readable once the writer's process is gone */
};

static inline void relay_map(struct relay *relay, an_u8 *memory, an_u64 bytes)
{
	memset(relay, 0, sizeof(*relay));
	relay->shared = (struct relay_shared *)memory;
	relay->data = memory + RELAY_SHARED_BYTES;
	relay->size = bytes - RELAY_SHARED_BYTES;
	relay->wake_fd = relay->peer_fd = -1;
}

static inline void relay_count(struct relay *relay, enum relay_count which, an_u64 more)
{
	an_u64 *count = &relay->shared->counts[which];

	/* One writer: a plain addition, stored whole. */
	__atomic_store_n(count, *count + more, __ATOMIC_RELAXED);
}

/* Room for `bytes` in one piece, or NULL; relay->at is moved to where they start. */
static inline an_u8 *relay_room(struct relay *relay, an_u64 bytes)
{
	an_u64 place = relay->at & (relay->size - 1);
	an_u64 pad = place + bytes > relay->size ? relay->size - place : 0;

	if (relay->at + pad + bytes - relay->other > relay->size) {
		relay->other = __atomic_load_n(&relay->shared->tail, __ATOMIC_ACQUIRE);
		if (relay->at + pad + bytes - relay->other > relay->size)
			return NULL;
	}
	if (pad) {
		struct relay_record *record = (void *)(relay->data + place);

		record->record_bytes = (an_u32)pad;
		record->queue = 0;
		record->clock = 0;
		record->kind = RELAY_PAD;
		relay->at += pad;
		place = 0;
	}
	return relay->data + place;
}

/*
 * Start a record of row->captured_bytes: where to copy the frame's bytes, or NULL when
 * it is left out, and counted. The record is there once relay_publish was called.
 */
static inline an_u8 *relay_write(struct relay *relay, const struct airnet_frame *row)
{
	an_u64 bytes = (sizeof(struct relay_record) + row->captured_bytes + 7) & ~7ull;
	struct relay_record *record;

	relay_count(relay, RELAY_TAKEN, 1);
	if (row->captured_bytes > RELAY_FRAME_BYTES_MAX) {
		relay_count(relay, RELAY_OVERSIZE, 1);
		return NULL;
	}
	record = (void *)relay_room(relay, bytes);
	if (!record) {
		relay_count(relay, RELAY_FULL, 1);
		return NULL;
	}
	record->record_bytes = (an_u32)bytes;
	record->queue = row->queue;
	record->clock = row->clock;
	record->kind = RELAY_FRAME;
	record->time_ns = row->time_ns;
	record->captured_bytes = row->captured_bytes;
	record->wire_bytes = row->wire_bytes;
	relay->at += bytes;
	relay_count(relay, RELAY_WRITTEN, 1);
	return (an_u8 *)(record + 1);
}

static inline void relay_wake(struct relay *relay)
{
	an_u64 one = 1;

	/* An eventfd takes 2^64 - 2 of these before it refuses one. */
	if (write(relay->wake_fd, &one, sizeof(one)) < 0)
		return;
}

/* Show what was written to the reader, and wake it if it sleeps. */
static inline void relay_publish(struct relay *relay)
{
	struct relay_shared *shared = relay->shared;

	__atomic_store_n(&shared->head, relay->at, __ATOMIC_RELEASE);
	/* Either the reader sees the new head, or we see that it is waiting. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&shared->is_waiting, __ATOMIC_RELAXED) &&
	    __atomic_exchange_n(&shared->is_waiting, 0, __ATOMIC_ACQ_REL))
		relay_wake(relay);
}

/* The next frame into `row`: 1, or 0 when there is none, or -EBADMSG. */
static inline int relay_take(struct relay *relay, an_u64 head, struct airnet_frame *row)
{
	while (relay->at != head) {
		an_u64 place = relay->at & (relay->size - 1), left = head - relay->at;
		const struct relay_record *record = (const void *)(relay->data + place);
		an_u64 bytes = record->record_bytes;

		if (left > relay->size || bytes < 8 || bytes & 7 || bytes > left ||
		    bytes > relay->size - place)
			return -EBADMSG;
		if (record->kind == RELAY_PAD) {
			relay->at += bytes;
			continue;
		}
		if (bytes < sizeof(*record) ||
		    record->captured_bytes > bytes - sizeof(*record))
			return -EBADMSG;
		memset(row, 0, sizeof(*row));
		row->time_ns = record->time_ns;
		row->offset = place + sizeof(*record);
		row->captured_bytes = record->captured_bytes;
		row->wire_bytes = record->wire_bytes;
		row->queue = record->queue;
		row->link = AIRNET_LINK_ETHERNET;
		row->clock = record->clock;
		relay->at += bytes;
		relay->delivered++;
		return 1;
	}
	return 0;
}

/* Wait for a head beyond relay->at. 1, 0 after wait_ms, -EPIPE: the writer is gone. */
static inline int relay_wait(struct relay *relay, int wait_ms, an_u64 *head)
{
	struct relay_shared *shared = relay->shared;
	struct pollfd polled[2] = {{.fd = relay->wake_fd, .events = POLLIN},
				   {.fd = relay->peer_fd, .events = POLLIN}};
	an_u64 count;
	int ready;

	__atomic_store_n(&shared->is_waiting, 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	*head = __atomic_load_n(&shared->head, __ATOMIC_ACQUIRE);
	if (*head != relay->at)
		wait_ms = 0;
	ready = poll(polled, 2, wait_ms);
	__atomic_store_n(&shared->is_waiting, 0, __ATOMIC_RELAXED);
	if (ready < 0)
		return errno == EINTR ? 0 : -errno;
	if (polled[0].revents && read(relay->wake_fd, &count, sizeof(count)) < 0 &&
	    errno != EAGAIN)
		return -errno;
	*head = __atomic_load_n(&shared->head, __ATOMIC_ACQUIRE);
	if (*head != relay->at)
		return 1;
	if (polled[1].revents)
		return -EPIPE;
	return polled[0].revents ? -EAGAIN : 0;
}

/*
 * Fill up to `limit` rows, waiting up to wait_ms when nothing is there; the bytes of
 * the previous call's rows are given back. Rows, -EPIPE once everything was read and
 * the writer is gone, or -EBADMSG.
 */
static inline int relay_poll(struct relay *relay, struct airnet_frame *rows, int limit,
			     int wait_ms)
{
	struct relay_shared *shared = relay->shared;
	an_u64 head = __atomic_load_n(&shared->head, __ATOMIC_ACQUIRE);
	int filled = 0;

	__atomic_store_n(&shared->tail, relay->at, __ATOMIC_RELEASE);
	if (head == relay->at) {
		int status = relay_wait(relay, wait_ms, &head);

		/* A wake-up may be about what the last call took: it comes once. */
		if (status == -EAGAIN)
			status = relay_wait(relay, wait_ms, &head);
		if (status <= 0)
			return status == -EAGAIN ? 0 : status;
	}
	while (filled < limit) {
		int status = relay_take(relay, head, &rows[filled]);

		if (status < 0)
			return status;
		if (!status)
			break;
		filled++;
	}
	return filled;
}

#endif
