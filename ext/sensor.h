/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mirror: every frame that passes the venue's switch is written here, once, by
 * sensor_room and sensor_seen; what is wrong with the mirror happens in between.
 * Includers have `struct world` complete (ext/twin.h).
 */
#ifndef AIRNET_SENSOR_H
#define AIRNET_SENSOR_H

#include "sensor_state.h"

/* The mirror port passes 25 Gbit/s; 24 bytes are preamble, check sequence and gap
 * (IEEE 802.3). */
#define SENSOR_WIRE_NS(bytes) ((((an_s64)(bytes) + 24) * 8) / 25)

/* Where the next frame's bytes go: room for SENSOR_FRAME_BYTES. */
static inline an_u8 *sensor_place(struct sensor *s)
{
	if (s->count == s->limit || s->used_bytes + SENSOR_FRAME_BYTES > s->limit_bytes)
		return s->spill;
	return s->buffer + s->used_bytes;
}

/* Make what lies in the place a row. */
static inline void sensor_write(struct sensor *s, an_u32 bytes, an_s64 stamp_ns,
				an_u32 mark)
{
	struct airnet_frame *row = &s->frames[s->count];

	if (s->count == s->limit ||
	    s->used_bytes + SENSOR_FRAME_BYTES > s->limit_bytes) {
		s->counts.overrun++;
		return;
	}
	memset(row, 0, sizeof(*row));
	row->time_ns = (an_u64)stamp_ns;
	row->offset = s->used_bytes;
	row->captured_bytes = bytes;
	row->wire_bytes = bytes;
	row->link = AIRNET_LINK_ETHERNET;
	row->clock = AIRNET_CLOCK_FILE;
	s->marks[s->count++] = mark;
	s->used_bytes += (bytes + 7u) & ~7u;
	s->counts.written++;
}

/* A row's number of frames, 1 to SENSOR_RUN_MAX; NaN is 1. */
static inline double sensor_run(const struct sensor_row *r)
{
	if (!(r->run_frames > 1))
		return 1;
	return r->run_frames < SENSOR_RUN_MAX ? r->run_frames : SENSOR_RUN_MAX;
}

static inline int sensor_loses(struct sensor *s, an_u32 number, double strength)
{
	const struct sensor_row *r = &s->rows[number];
	double run = sensor_run(r);

	if (s->burst[number]) {
		s->burst[number]--;
		return 1;
	}
	if (!chance_is(&s->chance, r->rate * strength / run))
		return 0;
	if (run > 1)
		s->burst[number] = (an_u32)(chance_exponential(&s->chance) * (run - 1));
	return 1;
}

/* A mirror port of r->rate bytes a second with room for amount_ns of them. */
static inline int sensor_overflows(struct sensor *s, an_u32 number, an_u32 bytes,
				   an_s64 now_ns)
{
	const struct sensor_row *r = &s->rows[number];
	double *queue = &s->queue_bytes[number];
	double room = r->rate * (double)r->amount_ns * 1e-9;

	*queue -= (double)(now_ns - s->drained_ns[number]) * 1e-9 * r->rate;
	s->drained_ns[number] = now_ns;
	if (*queue < 0)
		*queue = 0;
	if (*queue + bytes > room)
		return 1;
	*queue += bytes;
	return 0;
}

static inline void sensor_apply(struct sensor *s, an_u32 number, an_u32 bytes,
				an_u32 direction, struct sensor_fate *fate)
{
	const struct sensor_row *r = &s->rows[number];
	an_s64 now_ns = s->last_ns;
	double strength =
		strike_strength(now_ns, r->onset_ns, r->offset_ns, r->ramp_ns);

	if (strength == 0 || (r->direction != SENSOR_BOTH && r->direction != direction))
		return;
	switch (r->kind) {
	case SENSOR_LOSS:
		fate->copies *= !sensor_loses(s, number, strength);
		break;
	case SENSOR_OVERFLOW:
		fate->copies *= !sensor_overflows(s, number, bytes, now_ns);
		break;
	case SENSOR_DUPLICATE:
		fate->copies +=
			fate->copies && chance_is(&s->chance, r->rate * strength);
		break;
	case SENSOR_STEP:
		fate->stamp_ns += (an_s64)((double)r->amount_ns * strength);
		break;
	case SENSOR_JITTER:
		fate->stamp_ns +=
			(an_s64)(chance_unit(&s->chance) * (double)r->amount_ns);
		break;
	case SENSOR_DRIFT:
		fate->stamp_ns +=
			(an_s64)((double)(now_ns - r->onset_ns) * 1e-9 * r->rate);
		break;
	case SENSOR_REORDER:
		if (chance_is(&s->chance, r->rate * strength))
			fate->behind =
				1 + chance_below(&s->chance, (an_u32)sensor_run(r) + 1);
		break;
	}
}

/* Is the frame of a direction that the mirror misses now? */
static inline int sensor_misses(const struct sensor *s, an_u32 direction)
{
	for (an_u32 i = 0; i < s->row_count; i++) {
		const struct sensor_row *r = &s->rows[i];

		if (r->kind == SENSOR_ONE_WAY && r->direction == direction &&
		    s->last_ns >= r->onset_ns && s->last_ns < r->offset_ns)
			return 1;
	}
	return 0;
}

static inline void sensor_hold(struct sensor *s, an_u32 bytes, an_u32 behind)
{
	struct sensor_held *h = &s->held[s->held_count++];

	h->due = s->counts.passed + behind;
	h->bytes = bytes;
	h->mark = s->mark;
	memcpy(h->frame, sensor_place(s), bytes);
	s->counts.late++;
}

/* Write the held frames that enough others have overtaken. */
static inline void sensor_let_go(struct sensor *s, an_s64 stamp_ns, an_u64 passed)
{
	for (an_u32 i = 0; i < s->held_count;) {
		struct sensor_held *h = &s->held[i];

		if (h->due > passed) {
			i++;
			continue;
		}
		memcpy(sensor_place(s), h->frame, h->bytes);
		sensor_write(s, h->bytes, stamp_ns, h->mark);
		if (i != --s->held_count)
			memcpy(h, &s->held[s->held_count], sizeof(*h));
	}
}

/* Decide, once, what the mirror does to a frame of `bytes` that passes the switch at
 * w->now_ns; it need not be made yet. */
static inline const struct sensor_fate *sensor_decide(struct world *w, an_u32 bytes,
						      an_u32 direction)
{
	struct sensor *s = &w->sensor;
	struct sensor_fate *fate = &s->fate;
	an_s64 free_ns = s->last_ns + SENSOR_WIRE_NS(bytes);

	s->last_ns = w->now_ns > free_ns ? w->now_ns : free_ns;
	s->counts.passed++;
	s->counts.passed_bytes += bytes;
	fate->stamp_ns = s->last_ns;
	fate->copies = 1;
	fate->behind = 0;
	if (s->last_ns < s->next_ns)
		return fate;
	if (sensor_misses(s, direction)) {
		s->counts.missing++;
		fate->copies = 0;
		return fate;
	}
	for (an_u32 i = 0; i < s->row_count; i++)
		sensor_apply(s, i, bytes, direction, fate);
	if (!fate->copies)
		s->counts.lost++;
	return fate;
}

/* Do to the frame in the room what was decided. */
static inline void sensor_pass(struct sensor *s, an_u32 bytes)
{
	const struct sensor_fate fate = s->fate;
	const an_u8 *frame = sensor_place(s);

	if (fate.behind && fate.copies && s->held_count < SENSOR_HELD)
		sensor_hold(s, bytes, fate.behind);
	else if (fate.copies)
		sensor_write(s, bytes, fate.stamp_ns, s->mark);
	for (an_u32 i = 1; i < fate.copies; i++) {
		memcpy(sensor_place(s), frame, bytes);
		sensor_write(s, bytes, fate.stamp_ns + SENSOR_WIRE_NS(bytes), s->mark);
		s->counts.twice++;
	}
	if (s->held_count)
		sensor_let_go(s, fate.stamp_ns, s->counts.passed);
}

/* Where the next mirrored frame is to be written: `bytes` and more are free there. It
 * stays the same place until sensor_seen. */
static inline an_u8 *sensor_room(struct world *w, an_u32 bytes)
{
	(void)bytes;
	return sensor_place(&w->sensor);
}

/* The frame in the room has passed the switch at w->now_ns. */
static inline void sensor_seen(struct world *w, an_u32 bytes, an_u32 direction)
{
	struct sensor *s = &w->sensor;

	if (!s->is_decided)
		sensor_decide(w, bytes, direction);
	s->is_decided = 0;
	sensor_pass(s, bytes);
}

#endif
