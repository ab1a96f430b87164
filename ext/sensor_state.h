/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mirror's memory: where its frames go, what is wrong with it, what it counted.
 * ext/sensor.h is what everybody calls; this knows no world.
 */
#ifndef AIRNET_SENSOR_STATE_H
#define AIRNET_SENSOR_STATE_H

#include "strike_rows.h"
#include "world.h"

#define SENSOR_FRAME_BYTES 2048 /* no frame of the twin is longer: MTU 1500 and tags */
#define SENSOR_HELD 8 /* frames that wait to be late, at most */
/* What one event may write before the caller has to empty the output. */
#define SENSOR_SLACK_FRAMES 1024
#define SENSOR_SLACK_BYTES (SENSOR_SLACK_FRAMES * 1024)
#define SENSOR_ROWS_MAX 64
#define SENSOR_RUN_MAX 1e6 /* frames */
/* A mark is an incident's number, or this and the line whose algorithm failed. */
#define SENSOR_MARK_LINE 0x80000000u

struct sensor_counts {
	an_u64 passed; /* frames on the switch, mirrored or not */
	an_u64 passed_bytes;
	an_u64 written; /* in the capture: passed - lost - missing + twice */
	an_u64 lost; /* by bursts of loss and by an overflowing mirror port */
	an_u64 missing; /* of a direction that is not mirrored */
	an_u64 twice;
	an_u64 late; /* written after a frame that passed later */
	an_u64 overrun; /* no room in the output: the run is void */
};

/* What the mirror does to one frame. */
struct sensor_fate {
	an_s64 stamp_ns;
	an_u32 copies; /* 0 = it is not in the capture */
	an_u32 behind; /* frames that go first */
};

struct sensor_held {
	an_u64 due; /* written once this many frames have passed */
	an_u32 bytes;
	an_u32 mark;
	an_u8 frame[SENSOR_FRAME_BYTES];
};

struct sensor {
	/* the output; `marks` has whose each frame is, 0 = nobody's */
	struct airnet_frame *frames;
	an_u32 *marks;
	an_u8 *buffer;
	an_u64 used_bytes;
	an_u64 limit_bytes;
	an_u32 count;
	an_u32 limit;
	/* what is wrong */
	const struct sensor_row *rows;
	an_u32 row_count;
	an_u32 held_count;
	an_s64 next_ns; /* nothing is wrong before; set to re-read the rows */
	struct chance chance;
	an_u32 burst[SENSOR_ROWS_MAX]; /* frames left of a loss, by row */
	double queue_bytes[SENSOR_ROWS_MAX]; /* that wait in the mirror port, by row */
	an_s64 drained_ns[SENSOR_ROWS_MAX];
	an_s64 last_ns; /* when the last frame had left the mirror port */
	an_u32 mark; /* of what is written now; the writer sets and clears it */
	an_u32 is_decided; /* `fate` is of the frame that is made next */
	struct sensor_fate fate;
	struct sensor_counts counts;
	struct sensor_held held[SENSOR_HELD];
	an_u8 spill[SENSOR_FRAME_BYTES]; /* where a frame goes that has no room */
};

static inline void sensor_begin(struct sensor *s, an_u64 seed,
				const struct sensor_row *rows, an_u32 count)
{
	memset(s, 0, sizeof(*s));
	s->rows = rows;
	s->row_count = count < SENSOR_ROWS_MAX ? count : SENSOR_ROWS_MAX;
	s->chance = chance_of(seed, WORLD_STRIKE, 0xffff);
	s->next_ns = WORLD_NEVER_NS;
	for (an_u32 i = 0; i < s->row_count; i++)
		if (rows[i].onset_ns < s->next_ns)
			s->next_ns = rows[i].onset_ns;
}

static inline void sensor_output(struct sensor *s, struct airnet_frame *frames,
				 an_u32 *marks, an_u32 limit, an_u8 *buffer,
				 an_u64 bytes)
{
	s->frames = frames;
	s->marks = marks;
	s->limit = limit;
	s->buffer = buffer;
	s->limit_bytes = bytes;
	s->count = 0;
	s->used_bytes = 0;
}

/* Begin the output anew: what was written has been read. */
static inline void sensor_empty(struct sensor *s)
{
	s->count = 0;
	s->used_bytes = 0;
}

static inline int sensor_is_full(const struct sensor *s)
{
	return s->count + SENSOR_SLACK_FRAMES > s->limit ||
	       s->used_bytes + SENSOR_SLACK_BYTES > s->limit_bytes;
}

/* How strong a row is now, 0..1, by its ramp. */
static inline double strike_strength(an_s64 now_ns, an_s64 onset_ns, an_s64 offset_ns,
				     an_s64 ramp_ns)
{
	if (now_ns < onset_ns || now_ns >= offset_ns)
		return 0;
	if (now_ns - onset_ns >= ramp_ns)
		return 1;
	return (double)(now_ns - onset_ns + 1) / (double)ramp_ns;
}

#endif
