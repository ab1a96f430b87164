/* SPDX-License-Identifier: Apache-2.0 */
/* The world's life: begin, run, end. */
#ifndef AIRNET_TWIN_RUN_H
#define AIRNET_TWIN_RUN_H

#include "coast.h"

#define WORLD_KIND_BITS 0xf000u

/* Events that may wait at once. */
#define WORLD_EVENTS_MAX (1u << 20)

/* Build a world whose seed, times, mode, rows and output are set; 0, or -1 and why. */
static inline int world_begin(struct world *w, const char **why)
{
	*why = w->why;
	if (world_objects(w))
		return -1;
	*why = "memory is short";
	w->now_ns = w->start_ns;
	if (agenda_open(&w->agenda, w->start_ns, WORLD_EVENTS_MAX))
		return -1;
	sensor_begin(&w->sensor, w->seed, w->rows[ROWS_SENSOR].at,
		     w->rows[ROWS_SENSOR].count);
	if (line_begin(w, why) || market_begin(w, why) || strike_begin(w, why))
		return -1;
	return 0;
}

/* Also after a world_begin that failed: each part knows what it took. Whose rows are
 * written into (sensor_output, world_attach) may be gone by now: frames that wait in
 * the mirror to be late are never seen. */
static inline void world_end(struct world *w)
{
	strike_end(w);
	market_end(w);
	line_end(w);
	agenda_close(&w->agenda);
}

static inline const an_u64 *world_truth(const struct world *w)
{
	return &w->lines.truth[0][0][0];
}

/* A symbol's name, its length in the last byte; NULL = there is none. */
static inline const an_u8 *world_name(const struct world *w, an_u32 symbol)
{
	an_u32 count = w->rows[ROWS_SYMBOL].count;

	return symbol < (count ? count : 1) ? w->lines.names[symbol] : NULL;
}

/* Say whose rows a world in mode WORLD_ROWS writes, and where. */
static inline void world_attach(struct world *w, struct decoder *d,
				struct airnet_header *headers, an_u32 header_count,
				struct airnet_message *messages, an_u32 message_count)
{
	w->out.decoder = d;
	w->out.headers = headers;
	w->out.header_limit = header_count;
	w->out.messages = messages;
	w->out.message_limit = message_count;
}

/* What came out has been read: begin anew. */
static inline void world_empty(struct world *w)
{
	sensor_empty(&w->sensor);
	w->out.header_count = w->out.message_count = 0;
	if (w->out.decoder)
		packets_release(&w->out.decoder->packets);
}

static inline int world_is_full(const struct world *w)
{
	const struct world_output *out = &w->out;

	if (w->mode == WORLD_ROWS)
		return out->header_limit - out->header_count < WORLD_ROWS_SPARE ||
		       out->message_limit - out->message_count <
			       WORLD_ROWS_SPARE + ROWS_PER_FRAME;
	return w->mode == WORLD_WIRE && sensor_is_full(&w->sensor);
}

/* Handle every event before until_ns; WORLD_REACHED, or why not. */
static inline int world_run(struct world *w, an_s64 until_ns)
{
	struct agenda *a = &w->agenda;

	while (agenda_has(a, until_ns)) {
		struct event e;

		if (world_is_full(w))
			return WORLD_FULL;
		e = agenda_take(a);
		w->now_ns = e.time_ns;
		switch (e.kind & WORLD_KIND_BITS) {
		case WORLD_MARKET:
			market_event(w, &e);
			break;
		case WORLD_LINE:
			line_event(w, &e);
			break;
		case WORLD_STRIKE:
			strike_event(w, &e);
			break;
		}
	}
	if (w->now_ns < until_ns)
		w->now_ns = until_ns;
	return a->refused || w->sensor.counts.overrun ? WORLD_VOID : WORLD_REACHED;
}

/* A coast_run: what came out has been read, run on. */
static void world_coast(void *of, an_s64 until_ns, struct coast_batch *batch)
{
	struct world *w = of;
	an_u64 before = w->sensor.counts.passed_bytes;

	world_empty(w);
	batch->ended = world_run(w, until_ns);
	batch->headers = w->out.header_count;
	batch->messages = w->out.message_count;
	batch->bytes = w->sensor.counts.passed_bytes - before;
}

#endif
