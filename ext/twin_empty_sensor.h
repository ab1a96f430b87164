/* SPDX-License-Identifier: Apache-2.0 */
/* A mirror without faults: every frame is seen, at once. */
#ifndef AIRNET_TWIN_EMPTY_SENSOR_H
#define AIRNET_TWIN_EMPTY_SENSOR_H

static inline int sensor_begin(struct world *w, const char **why)
{
	return 0;
}

static inline void sensor_end(struct world *w)
{
}

static inline an_u32 sensor_figures(const struct world *w, struct figure *out)
{
	return 0;
}

static inline void sensor_event(struct world *w, const struct event *e)
{
}

static inline an_u8 *sensor_room(struct world *w, an_u32 bytes)
{
	struct world_output *out = &w->out;

	if (out->frame_count == out->frame_limit ||
	    out->byte_limit - out->byte_count < bytes) {
		out->lost++;
		return NULL;
	}
	return out->bytes + out->byte_count;
}

static inline void sensor_seen(struct world *w, an_u32 bytes, an_s64 time_ns,
			       int direction)
{
	struct world_output *out = &w->out;
	struct airnet_frame *f = &out->frames[out->frame_count++];

	memset(f, 0, sizeof(*f));
	f->time_ns = (an_u64)time_ns;
	f->offset = out->byte_count;
	f->captured_bytes = f->wire_bytes = bytes;
	f->link = AIRNET_LINK_ETHERNET;
	f->clock = AIRNET_CLOCK_FILE;
	out->byte_count += bytes;
}

#endif
