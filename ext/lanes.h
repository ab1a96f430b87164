/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batch over lanes: the calling thread reads headers in the order of frames and gives
 * each segment to the lane that runs its shard, then runs its own lane. What comes out
 * does not depend on the number of lanes: a shard sees its own segments, in the order
 * of frames, whoever runs it.
 *
 * A lane whose region of rows is full stops. The batch is then handed out up to the
 * first frame that is not decoded, and the rest when it is asked for again.
 */
#ifndef AIRNET_LANES_H
#define AIRNET_LANES_H

#include "lane.h"

#define LANES_FRAMES_MIN 64 /* fewer are done at once: waking a thread takes longer */
#define LANES_PUBLISH 16 /* frames read between two looks of the lanes */

/* Which lane runs each shard, by the number of lanes less one. The calling thread has
 * the headers to read as well, and features after that: it takes fewer. */
static const an_u8 lanes_shards[LANES_MAX][SHARDS] = {
	{0, 0, 0, 0},
	{0, 1, 1, 1},
	{0, 1, 1, 2},
	{1, 1, 2, 3},
};

struct lanes {
	struct decoder *decoder;
	an_u32 count;
	an_u32 batch; /* number of the present one */
	/* The present batch. */
	const struct airnet_frame *frames;
	struct airnet_header *headers;
	an_u32 read; /* frames whose headers are read */
	an_u32 taken; /* frames handed out */
	struct work work[AIRNET_FRAMES_MAX];
	struct lane lane[LANES_MAX];
};

/* What a call hands out: headers [first, last), and how many rows they may point to. */
struct lanes_answer {
	an_u32 first;
	an_u32 last;
	an_u32 row_count;
};

static inline void lanes_end(struct lanes *l)
{
	an_u32 i;

	for (i = 1; i < l->count; i++)
		lane_end(&l->lane[i]);
	l->count = 1;
}

/* `l` is all zero. Returns an errno; `cpus` has a processor for each lane, negative
 * where any will do. */
static inline int lanes_begin(struct lanes *l, struct decoder *d, an_u32 count,
			      const int *cpus)
{
	an_u32 i;
	int error = 0;

	l->decoder = d;
	for (i = 0; i < count; i++) {
		l->lane[i].decoder = d;
		l->lane[i].work = l->work;
		l->lane[i].number = i;
		l->lane[i].first_row = i * AIRNET_MESSAGES_MAX;
	}
	for (l->count = 1; l->count < count && !error; l->count++)
		error = lane_start(&l->lane[l->count], cpus[l->count]);
	if (error)
		lanes_end(l);
	return error;
}

static inline void lanes_publish(struct lanes *l, an_u32 is_closed)
{
	an_u32 i;

	for (i = 0; i < l->count; i++)
		lane_publish(&l->lane[i], is_closed);
}

/* Read the headers of a batch and give the segments out. */
static inline void lanes_read(struct lanes *l, an_u32 n, struct cursor buffer)
{
	struct decoder *d = l->decoder;
	const an_u8 *shards = lanes_shards[l->count - 1];
	size_t size = cursor_left(&buffer);
	an_u32 i;

	for (i = 0; i < n && packets_have_room(&d->packets); i++) {
		struct cursor bytes = decode_bytes(&l->frames[i], buffer.at, size);
		struct work *work = &l->work[i];
		struct flow_key key;
		struct lane *lane;

		if (decode_headers(d, &l->frames[i], bytes, &l->headers[i], work)) {
			flow_key_of(&l->headers[i], &key);
			work->hash = flow_hash(&key, d->seed);
			lane = &l->lane[shards[FLOW_SHARD(work->hash)]];
			lane->list[lane->filled++] = i;
		}
		if (i % LANES_PUBLISH == LANES_PUBLISH - 1)
			lanes_publish(l, 0);
	}
	l->read = i;
	lanes_publish(l, 1);
}

/* Hand out headers up to the first that is not decoded. */
static inline struct lanes_answer lanes_answer(struct lanes *l)
{
	struct lanes_answer answer = {.first = l->taken, .last = l->read};
	an_u32 i;

	for (i = 0; i < l->count; i++) {
		const struct lane *lane = &l->lane[i];

		if (lane->next < lane->filled && lane->list[lane->next] < answer.last)
			answer.last = lane->list[lane->next];
	}
	for (i = answer.first; i < answer.last; i++)
		decode_number(l->decoder, &l->headers[i]);
	l->taken = answer.last;
	answer.row_count = l->count * AIRNET_MESSAGES_MAX;
	return answer;
}

static inline struct lanes_answer lanes_batch(struct lanes *l, an_u32 n,
					      struct cursor buffer)
{
	struct airnet_message *rows = l->decoder->rows;
	an_u32 i;

	packets_release(&l->decoder->packets);
	l->batch++;
	l->taken = 0;
	for (i = 0; i < l->count; i++)
		lane_begin(&l->lane[i], rows, l->batch);
	lanes_read(l, n, buffer);
	lane_take(&l->lane[0], l->lane[0].filled);
	for (i = 1; i < l->count; i++)
		gate_wait(&l->lane[i].done, l->batch - 1);
	return lanes_answer(l);
}

/* Go on with a batch that was handed out in part: lanes all of whose rows were handed
 * out have room again. Their threads wait; this one takes what is left. */
static inline struct lanes_answer lanes_rest(struct lanes *l)
{
	an_u32 i;

	for (i = 0; i < l->count; i++) {
		struct lane *lane = &l->lane[i];

		if (lane->next == lane->filled || lane->list[lane->next] != l->taken)
			continue;
		lane->row_count = lane->first_row;
		lane_take(lane, lane->filled);
	}
	return lanes_answer(l);
}

/* Whether a part of the last batch was not handed out. */
static inline int lanes_have_rest(const struct lanes *l)
{
	return l->taken < l->read;
}

static inline struct lanes_answer lanes_decode(struct lanes *l,
					       const struct airnet_frame *frames,
					       an_u32 n, struct cursor buffer,
					       struct airnet_header *headers)
{
	struct lanes_answer answer = {.first = 0};

	if (lanes_have_rest(l))
		return lanes_rest(l);
	l->frames = frames;
	l->headers = headers;
	if (l->count > 1 && n >= LANES_FRAMES_MIN)
		return lanes_batch(l, n, buffer);
	answer.last = decode_batch(l->decoder, frames, n, buffer, headers);
	answer.row_count = l->decoder->row_count;
	return answer;
}

#endif
