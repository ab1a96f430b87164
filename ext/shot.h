/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A shot of the fast lane: bytes made beforehand, what is told late put into them, and
 * written to every switch at once. Few instructions on few lines of memory: who fires
 * has slept, and everything comes from memory, not from a cache.
 * The bytes and whose turn it is to write: controller/lane.py, controller/channel.py.
 */
#ifndef AIRNET_SHOT_H
#define AIRNET_SHOT_H

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "airnet.h"

#define SHOT_HOLES_MAX 256
#define SHOT_SWITCHES_MAX 252 /* SCM_MAX_FD, less the descriptor of the turn */
#define SHOT_DATA_MAX 65536

/* What fills a hole, and how many bytes it is (OpenFlow 1.3.5, 7.3.4.1). */
enum shot_kind { SHOT_COOKIE, SHOT_SECONDS, SHOT_XID, SHOT_SOURCE };

struct shot_hole {
	an_u32 at;
	an_u32 kind;
};

struct shot {
	an_u8 *bytes; /* data, then end */
	an_u32 data_bytes, end_bytes; /* end is a barrier */
	an_u32 hole_count, address_bytes, seconds_max;
	an_u64 mark;
	struct shot_hole holes[SHOT_HOLES_MAX];
};

/* What is told late. */
struct shot_order {
	an_u64 decision;
	an_u32 slot, xid;
	an_u32 seconds;
};

struct shot_loan {
	volatile an_u8 *halves; /* not 0: a message is half written */
	int turn;
	an_u32 number, count;
	int switches[SHOT_SWITCHES_MAX];
};

/* A client's word to the lane of what it has written itself: firing.WROTE. */
struct shot_wrote {
	an_u8 bytes[34];
};

static inline void shot_put(an_u8 *at, an_u64 value, int count)
{
	while (count--) {
		at[count] = (an_u8)value;
		value >>= 8;
	}
}

static inline int shot_width(const struct shot *shot, an_u32 kind)
{
	if (kind == SHOT_SOURCE)
		return (int)shot->address_bytes;
	if (kind == SHOT_COOKIE)
		return 8;
	return kind == SHOT_SECONDS ? 2 : 4;
}

/* Fill the data for one source, of 16 bytes as in airnet.h; without one for nobody. */
static inline void shot_fill(const struct shot *shot, an_u8 *data,
			     const struct shot_order *order, const an_u8 *source)
{
	an_u32 seconds =
		order->seconds < shot->seconds_max ? order->seconds : shot->seconds_max;
	an_u32 i;

	for (i = 0; i < shot->hole_count; i++) {
		an_u8 *at = data + shot->holes[i].at;

		if (shot->holes[i].kind == SHOT_COOKIE)
			shot_put(at, shot->mark | order->decision, 8);
		else if (shot->holes[i].kind == SHOT_SECONDS)
			shot_put(at, seconds, 2);
		else if (shot->holes[i].kind == SHOT_XID)
			shot_put(at, order->xid, 4);
		else if (source)
			memcpy(at, source + 16 - shot->address_bytes,
			       shot->address_bytes);
	}
}

/* The xid of the barrier at the end. */
static inline void shot_end(an_u8 *end, const struct shot_order *order)
{
	shot_put(end + 4, order->xid, 4);
}

/* Whose turn it is: a record lock, which the kernel takes from the dead. 0: ours. */
static inline int shot_turn(const struct shot_loan *loan, short kind)
{
	struct flock lock = {.l_type = kind, .l_whence = SEEK_SET};

	return fcntl(loan->turn, F_SETLK, &lock);
}

/* Write all of it to one switch; 0: done. */
static inline int shot_send(int fd, const an_u8 *data, size_t count)
{
	ssize_t sent = write(fd, data, count);

	if (sent == (ssize_t)count)
		return 0;
	/* Half a message is there: nobody can go on after it, so the switch shall come
	 * again, and the lane hears of it. */
	if (sent >= 0)
		shutdown(fd, SHUT_RDWR);
	return -1;
}

/* Write to every switch now, if it is nobody's turn; 0: all took all of it. */
static inline int shot_write(const struct shot_loan *loan, const an_u8 *data,
			     size_t count)
{
	int status = 0;
	an_u32 i;

	if (!loan->count || shot_turn(loan, F_WRLCK))
		return -1;
	if (*loan->halves)
		status = -1; /* left by a lane that was killed */
	for (i = 0; i < loan->count && !*loan->halves; i++)
		status |= shot_send(loan->switches[i], data, count);
	shot_turn(loan, F_UNLCK);
	return status;
}

/* Tell the lane what was written, and when; 0: told. */
static inline int shot_tell(const struct shot_loan *loan, int lane,
			    const struct shot_order *order, an_u64 sent_ns)
{
	struct shot_wrote told;

	memcpy(told.bytes, "WROT", 4);
	shot_put(told.bytes + 4, order->slot, 4);
	shot_put(told.bytes + 8, order->decision, 8);
	shot_put(told.bytes + 16, order->seconds, 2);
	shot_put(told.bytes + 18, order->xid, 4);
	shot_put(told.bytes + 22, loan->number, 4);
	shot_put(told.bytes + 26, sent_ns, 8);
	return send(lane, told.bytes, sizeof(told.bytes), MSG_DONTWAIT | MSG_NOSIGNAL) <
	       0;
}

/* 0: not written, the lane is to do it; 1: written; 2: written, the lane is gone. */
static inline int shot_fire(struct shot *shot, const struct shot_loan *loan,
			    const struct shot_order *order, int lane)
{
	struct timespec now;

	shot_fill(shot, shot->bytes, order, NULL);
	shot_end(shot->bytes + shot->data_bytes, order);
	if (shot_write(loan, shot->bytes, shot->data_bytes + shot->end_bytes))
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return 1 + shot_tell(loan, lane, order,
			     (an_u64)now.tv_sec * 1000000000u + (an_u64)now.tv_nsec);
}

#endif
