/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lane: who runs some of the shards. It takes the segments of a list in the order of
 * frames and writes their headers, and their rows into a region of its own. The list
 * has one writer and one reader and is never longer than a batch, so neither waits for
 * room. Lane 0 is the calling thread; the others have threads of their own.
 */
#ifndef AIRNET_LANE_H
#define AIRNET_LANE_H

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>

#include "decode.h"
#include "gate.h"

#define LANES_MAX SHARDS
#define LANE_AHEAD 4 /* segments fetched into the cache before they are taken */
#define LANE_LOOKS 200 /* at an empty list, before others may have the processor */
#define LANE_STACK (256 * 1024)

struct lane {
	/* Set before the thread starts. */
	struct decoder *decoder;
	struct work *work; /* of the batch; the list holds indices of it */
	an_u32 first_row; /* of its region, AIRNET_MESSAGES_MAX rows */
	an_u32 number;
	int has_thread;
	pthread_t thread;
	an_u8 apart[64]; /* so that the two sides write to different cache lines */
	/* Written by the calling thread. */
	struct airnet_message *rows; /* all regions */
	struct gate start; /* the number of the batch */
	an_u32 is_ending;
	an_u32 is_closed; /* no more comes in this batch */
	an_u32 tail; /* as far as `list` is filled, for the reader */
	an_u32 filled; /* as the writer knows it */
	an_u32 list[AIRNET_FRAMES_MAX];
	an_u8 apart_too[64];
	/* Written by the lane. */
	struct gate done; /* the number of the batch */
	an_u32 next; /* first of the list that is not taken */
	an_u32 row_count; /* where the next row goes */
};

static inline int lane_has_room(const struct lane *lane)
{
	return lane->row_count + ROWS_PER_FRAME <=
	       lane->first_row + AIRNET_MESSAGES_MAX;
}

/* Fetch what a segment will need. */
static inline void lane_fetch(const struct lane *lane, an_u32 index)
{
	const struct work *work = &lane->work[index];
	const struct stream *s = &lane->decoder->shards[FLOW_SHARD(work->hash)];

	__builtin_prefetch(work->header, 1);
	__builtin_prefetch(work->segment.payload.at);
	__builtin_prefetch(work->segment.payload.at + 64);
	__builtin_prefetch(&s->slots[FLOW_PLACE(work->hash) % FLOW_SLOTS]);
}

/* Take segments up to `until` while each one's rows are sure to fit. */
static inline void lane_take(struct lane *lane, an_u32 until)
{
	for (; lane->next < until && lane_has_room(lane); lane->next++) {
		struct work *work = &lane->work[lane->list[lane->next]];
		struct opening opening = {.handshake = NULL};

		if (lane->next + LANE_AHEAD < until)
			lane_fetch(lane, lane->list[lane->next + LANE_AHEAD]);
		opening.is_from_low = flow_key_of(work->header, &opening.key);
		lane->row_count = decode_shard(lane->decoder, work, &opening,
					       lane->rows, lane->row_count);
	}
}

/* Take the list while it is being filled. */
static inline void lane_follow(struct lane *lane)
{
	an_u32 looks = 0, is_closed, tail;

	for (;;) {
		is_closed = __atomic_load_n(&lane->is_closed, __ATOMIC_ACQUIRE);
		tail = __atomic_load_n(&lane->tail, __ATOMIC_ACQUIRE);
		if (lane->next == tail && is_closed)
			return;
		if (lane->next == tail) {
			gate_pause();
			if (++looks % LANE_LOOKS == 0)
				sched_yield();
			continue;
		}
		looks = 0;
		lane_take(lane, tail);
		if (lane->next < tail)
			return;
	}
}

static void *lane_run(void *argument)
{
	struct lane *lane = argument;
	an_u32 batch = 0;

	for (;;) {
		batch = gate_wait(&lane->start, batch);
		if (lane->is_ending)
			return NULL;
		lane_follow(lane);
		gate_raise(&lane->done, batch);
	}
}

/* Begin a batch. The lane's thread waits at the gate. */
static inline void lane_begin(struct lane *lane, struct airnet_message *rows,
			      an_u32 batch)
{
	lane->rows = rows;
	lane->row_count = lane->first_row;
	lane->next = 0;
	lane->filled = 0;
	lane->tail = 0;
	lane->is_closed = 0;
	if (lane->has_thread)
		gate_raise(&lane->start, batch);
}

/* Let the lane see what its list holds. */
static inline void lane_publish(struct lane *lane, an_u32 is_closed)
{
	if (lane->tail != lane->filled)
		__atomic_store_n(&lane->tail, lane->filled, __ATOMIC_RELEASE);
	if (is_closed)
		__atomic_store_n(&lane->is_closed, 1, __ATOMIC_RELEASE);
}

/* Start the lane's thread, on processor `cpu` unless that is negative; returns an
 * errno. Signals go to the threads that were there before. */
static inline int lane_start(struct lane *lane, int cpu)
{
	char name[16]; /* TASK_COMM_LEN */
	sigset_t all, before;
	pthread_attr_t how;
	cpu_set_t cpus;
	int error = pthread_attr_init(&how);

	if (error)
		return error;
	error = pthread_attr_setstacksize(&how, LANE_STACK);
	CPU_ZERO(&cpus);
	if (cpu >= 0 && cpu < CPU_SETSIZE)
		CPU_SET(cpu, &cpus);
	if (!error && cpu >= 0)
		error = pthread_attr_setaffinity_np(&how, sizeof(cpus), &cpus);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (!error)
		error = pthread_create(&lane->thread, &how, lane_run, lane);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&how);
	if (error)
		return error;
	lane->has_thread = 1;
	snprintf(name, sizeof(name), "airnet-lane%u", lane->number % 100);
	pthread_setname_np(lane->thread, name);
	return 0;
}

static inline void lane_end(struct lane *lane)
{
	if (!lane->has_thread)
		return;
	lane->is_ending = 1;
	gate_raise(&lane->start, lane->start.value + 1);
	pthread_join(lane->thread, NULL);
	lane->has_thread = 0;
}

#endif
