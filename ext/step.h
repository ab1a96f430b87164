/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AF_XDP, or a file's rows, to feature rows in one call: what a frame that comes alone
 * waits for is then the work on it, not the calls between the stages. The rows are
 * those of the stages one after the other: this only calls them.
 */
#ifndef AIRNET_STEP_H
#define AIRNET_STEP_H

#include <sched.h>
#include <time.h>

#include "coast.h"
#include "decode.h"
#include "window_step.h"
#include "xskpoll.h"

/* What is told of windows that closed, before anybody else; ext/reflex_fire.h. */
typedef void (*step_told)(void *, const struct airnet_window *, const float *, an_u32);

struct step {
	struct xsk *sockets;
	int socket_count;
	int is_idle; /* frames are let go unread: what a bench compares with */
	int64_t epoch_ns;
	struct cursor buffer;
	struct decoder *decoder;
	struct window_state *windows;
	struct airnet_message *rows; /* AIRNET_MESSAGES_MAX of them */
	struct airnet_frame *frames;
	struct airnet_header *headers;
	an_u32 frame_limit;
	an_u32 frame_count; /* of the batch that is worked on */
	an_u32 decoded;
	an_u32 header_count; /* of the last decode */
	an_u32 followed; /* of those, through features */
	an_u32 late_limit; /* how many waits there is room for, 0 = not wanted */
	an_u32 late_count;
	an_u32 pad;
	an_u32 *late_ns; /* of each frame: from its stamp to its rows */
	an_u64 taken; /* since the start */
	an_u64 bytes;
	an_u64 now_ns; /* the latest header's time */
	step_told told; /* NULL = nobody */
	void *told_place;
	an_u64 spin_ns; /* looking without a pause, before sleeping */
	int64_t owed_ns; /* of sleep, at counted_ns, CLOCK_MONOTONIC */
	int64_t counted_ns;
};

static inline int64_t step_clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Note how late the frames of this batch are, where that is wanted. */
static inline void step_late(struct step *s)
{
	an_u64 now_ns;

	if (s->late_count >= s->late_limit)
		return;
	now_ns = (an_u64)(step_clock_ns() + s->epoch_ns);
	for (an_u32 i = 0; i < s->frame_count && s->late_count < s->late_limit; i++)
		s->late_ns[s->late_count++] = (an_u32)(now_ns - s->frames[i].time_ns);
}

/* Decode the next frames of the batch. */
static inline void step_decode(struct step *s)
{
	s->decoder->rows = s->rows;
	s->header_count =
		decode_batch(s->decoder, s->frames + s->decoded,
			     s->frame_count - s->decoded, s->buffer, s->headers);
	s->decoded += s->header_count;
	s->followed = 0;
	for (an_u32 i = 0; i < s->header_count; i++)
		if (s->headers[i].time_ns > s->now_ns)
			s->now_ns = s->headers[i].time_ns;
}

/* Go on with the batch; 1 when windows closed: read them and call again. 0: done. */
static inline int step_advance(struct step *s)
{
	struct window_state *w = s->windows;

	while (!s->is_idle) {
		if (s->followed == s->header_count && s->decoded == s->frame_count)
			break;
		if (s->followed == s->header_count)
			step_decode(s);
		w->row_count = 0;
		s->followed += (an_u32)window_update(
			w, s->headers + s->followed, s->header_count - s->followed,
			s->decoder->rows, s->decoder->row_count);
		if (!w->row_count)
			continue;
		if (s->told)
			s->told(s->told_place, w->windows, w->rows, w->row_count);
		return 1;
	}
	step_late(s);
	return 0;
}

/* A batch of `count` frames lies in s->frames; the last one is done with. */
static inline void step_give(struct step *s, an_u32 count)
{
	s->decoded = s->header_count = s->followed = 0;
	s->frame_count = count;
	s->taken += count;
	if (!s->is_idle)
		s->windows->row_count = 0;
	for (an_u32 i = 0; i < count; i++)
		s->bytes += s->frames[i].wire_bytes;
}

/* The rows of a batch of `headers` frames, `bytes` of them on the wire, lie in
 * s->headers and s->rows already; the last one is done with. */
static inline void step_follow(struct step *s, an_u32 headers, an_u32 messages,
			       an_u64 bytes)
{
	s->decoded = s->frame_count = s->header_count = headers;
	s->followed = 0;
	s->decoder->rows = s->rows;
	s->decoder->row_count = messages;
	s->windows->row_count = 0;
	s->taken += headers;
	s->bytes += bytes;
	for (an_u32 i = 0; i < headers; i++)
		if (s->headers[i].time_ns > s->now_ns)
			s->now_ns = s->headers[i].time_ns;
}

static inline int step_is_empty(const struct step *s)
{
	for (int i = 0; i < s->socket_count; i++)
		if (xsk_waiting(&s->sockets[i]))
			return 0;
	return 1;
}

/* While it looks for frames it sleeps a share of the time: who never does, at a
 * real-time priority, is held up for 50 ms of each second (sched(7), real-time group
 * scheduling). Whoever runs meanwhile leaves cold caches, so it is done when there is
 * time for it, by step_nap, and in step_watch only when too much is owed.
 */
#define STEP_NAP_SHARE 12
#define STEP_OWED_NS 1500000 /* so much and no more, however long it is */

/* Count what sleep is owed by now. */
static inline int64_t step_owe(struct step *s, int64_t now_ns)
{
	int64_t awake_ns = now_ns - s->counted_ns;

	s->counted_ns = now_ns;
	s->owed_ns += awake_ns / STEP_NAP_SHARE;
	if (s->owed_ns > STEP_OWED_NS)
		s->owed_ns = STEP_OWED_NS;
	return s->owed_ns;
}

/* Sleep what is owed, if it is `least_ns`, until frames come; 1: none are there. */
static inline int step_nap(struct step *s, int64_t least_ns)
{
	int64_t now_ns = step_clock_ns(), owed_ns = step_owe(s, now_ns);

	if (owed_ns >= least_ns && step_is_empty(s)) {
		xsk_nap(s->sockets, s->socket_count, owed_ns);
		s->counted_ns = step_clock_ns();
		s->owed_ns = owed_ns - (s->counted_ns - now_ns);
	}
	return step_is_empty(s);
}

#define STEP_TARGETS 64 /* that are looked at, of those with an open window */

/* The most flood-like packets that an open window of a gateway has. */
static inline an_u32 step_stirs(const struct step *s)
{
	const struct window_state *w = s->windows;
	an_u32 most = 0;

	for (an_u32 i = 0; i < w->active_target_count && i < STEP_TARGETS; i++) {
		an_u32 packets = w->targets[w->active_targets[i]].tally.packets;

		most = packets > most ? packets : most;
	}
	return most;
}

/* Look for frames for a while, giving way to whoever else may run here. */
static inline void step_watch(struct step *s)
{
	int64_t end_ns;

	step_nap(s, STEP_OWED_NS);
	end_ns = step_clock_ns() + (int64_t)s->spin_ns;
	while (step_is_empty(s) && step_clock_ns() < end_ns)
		sched_yield();
}

/* Take a batch; the last one is done with. Frames or -errno. */
static inline int step_poll(struct step *s, int wait_ms)
{
	int count;

	step_give(s, 0);
	if (!s->socket_count || s->sockets[0].fd < 0)
		return -EBADF;
	if (s->spin_ns && wait_ms) {
		step_watch(s);
		wait_ms = 0; /* it has waited as long as it may */
	}
	count = xsk_poll(s->sockets, s->socket_count, s->frames, (int)s->frame_limit,
			 wait_ms, s->epoch_ns);
	if (count > 0)
		step_give(s, (an_u32)count);
	return count;
}

/* Take what comes for spin_ns, looking without a pause, until windows close: 1. When
 * the time is over 0, or -errno. The last batch is done with. */
static inline int step_spin(struct step *s, int64_t spin_ns)
{
	int64_t end_ns = step_clock_ns() + spin_ns;
	int status;

	do {
		while (step_is_empty(s) && step_clock_ns() < end_ns)
			;
		status = step_poll(s, 0);
		if (status < 0)
			return status;
		if (step_advance(s))
			return 1;
	} while (step_clock_ns() < end_ns);
	return 0;
}

/* Run a world from c->now_ns on, slice by slice, until windows close: 1; advance until
 * that says 0, then the slice goes on if batch.ended is 1. Or until the limit: 0. */
static inline int step_coast(struct step *s, coast_run run, void *world,
			     struct coast *c)
{
	while (c->now_ns < c->limit_ns) {
		struct coast_batch *b = &c->batch;

		c->until_ns = coast_next(c);
		do {
			run(world, c->until_ns, b);
			step_follow(s, b->headers, b->messages, b->bytes);
			if (!b->headers)
				continue;
			c->seen += b->headers;
			c->last_ns = (an_s64)s->headers[b->headers - 1].time_ns;
			if (step_advance(s))
				return 1;
		} while (b->ended == 1);
		if (b->ended)
			return 0;
		c->now_ns = c->until_ns;
	}
	return 0;
}

#endif
