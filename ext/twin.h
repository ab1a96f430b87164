/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The twin: one world of a market, its lines, its attackers and the mirror that sees
 * them. Each part PART has three headers: PART_rows.h (what is configured),
 * PART_state.h (struct PART, what it remembers) and PART.h (its functions, which
 * know struct world).
 *
 * A function in the list below is called by other parts; time never goes back: every
 * part calls with the time of the event that is being handled.
 */
#ifndef AIRNET_TWIN_H
#define AIRNET_TWIN_H

#include "line_rows.h"
#include "market_rows.h"
#include "sensor_state.h"
#include "strike_rows.h"
#include "world.h"

#include "market_state.h"
#include "strike_state.h"
#include "line_state.h"

/* Rows of configuration, by World's keyword. */
enum {
	ROWS_VENUE,
	ROWS_SYMBOL,
	ROWS_AGENT,
	ROWS_NEWS,
	ROWS_FAULT,
	ROWS_HOST,
	ROWS_LINE,
	ROWS_DIALECT,
	ROWS_FEED,
	ROWS_MURMUR,
	ROWS_TROUBLE,
	ROWS_STRIKE,
	ROWS_SENSOR,
	WORLD_TABLES
};

/* What comes out of a world. */
#define WORLD_WIRE 0 /* frames, as the mirror sees them */
#define WORLD_ROWS 1 /* the decoder's rows, without the bytes */
#define WORLD_BLIND 2 /* nothing: only what happens */

/* Why world_run came back. */
#define WORLD_REACHED 0 /* the time it was to run until */
#define WORLD_FULL 1 /* the output must be read first */
#define WORLD_VOID 2 /* the world was built too small: no result counts */

struct world_rows {
	const void *at;
	an_u32 count;
	an_u32 pad;
};

/* Where the decoder's rows go in mode WORLD_ROWS; frames go through the sensor. */
struct world_output {
	struct airnet_header *headers;
	struct airnet_message *messages;
	struct decoder *decoder; /* whose rows they are, and whose state they move */
	an_u32 header_limit;
	an_u32 header_count;
	an_u32 message_limit;
	an_u32 message_count;
};

/* Rows that world_run keeps room for: what one event may put out. */
#define WORLD_ROWS_SPARE 1024

struct world {
	struct agenda agenda;
	an_s64 now_ns;
	an_s64 start_ns;
	an_s64 end_ns;
	an_u64 seed;
	int mode; /* WORLD_WIRE, ... */
	int pad;
	struct world_rows rows[WORLD_TABLES];
	struct world_output out;
	struct market market;
	struct lines lines;
	struct strikes strikes;
	struct sensor sensor;
	char why[160]; /* it cannot be built */
};

/* A number with a name, for Python. */
struct figure {
	const char *name;
	an_s64 value;
};
#define FIGURES_MAX 64

static inline const struct host_row *world_host(const struct world *w, an_u32 host)
{
	return (const struct host_row *)w->rows[ROWS_HOST].at + host;
}

static inline const struct line_row *world_line(const struct world *w, an_u32 line)
{
	return (const struct line_row *)w->rows[ROWS_LINE].at + line;
}

/* ---- what each part gives the others ---- */

/* begin: take memory and schedule the first events; 0, or -1 when memory is short or
 * rows contradict each other (then *why says which). end: give memory back. figures:
 * fill at most FIGURES_MAX and return how many. */
#define TWIN_PART(part) \
	static inline int part##_begin(struct world *w, const char **why); \
	static inline void part##_end(struct world *w); \
	static inline an_u32 part##_figures(const struct world *w, \
					    struct figure *out); \
	static inline void part##_event(struct world *w, const struct event *e)

TWIN_PART(market);
TWIN_PART(line);
TWIN_PART(strike);

/* The state of a line, for both ends. */
#define LINE_IS_DOWN 0
#define LINE_IS_LOGGED_ON 1

/* market: a message has come; a line is logged on or lost. */
static inline void venue_hear(struct world *w, an_u32 line, const struct app *a,
			      an_s64 now_ns);
static inline void trader_hear(struct world *w, an_u32 line, const struct app *a,
			       an_s64 now_ns);
static inline void venue_state(struct world *w, an_u32 line, int state, an_s64 now_ns);
static inline void trader_state(struct world *w, an_u32 line, int state, an_s64 now_ns);
/* market: containment at the venue. */
static inline void venue_throttle(struct world *w, an_u32 line, an_u32 per_second,
				  an_u32 burst, an_s64 until_ns);
static inline void venue_cancel_all(struct world *w, an_u32 line, an_s64 now_ns);
static inline void venue_disable(struct world *w, an_u32 line, an_s64 now_ns);
static inline void venue_enable(struct world *w, an_u32 line, an_s64 now_ns);
/* market: what a line did so far; what must be zero in every world. */
static inline an_u32 market_harm(const struct world *w, an_u32 line,
				 struct figure *out);
static inline an_u32 market_book(const struct world *w, an_u32 symbol,
				 struct figure *out);
static inline an_u32 market_conserved(const struct world *w, struct figure *out);

/* line: say a message to the other end; 0, or -1 when the line cannot take it (not
 * logged on, or its send buffer is full). direction: AIRNET_DIRECTION_*. */
static inline int line_say(struct world *w, an_u32 line, int direction,
			   const struct app *a, an_s64 now_ns);
/* line: open a closed line now; close it as `how` says (LINE_LOGS_OUT, ...). */
static inline void line_open(struct world *w, an_u32 line, an_s64 now_ns);
static inline void line_close(struct world *w, an_u32 line, int how, an_s64 now_ns);
static inline int line_is_logged_on(const struct world *w, an_u32 line);
/* line: how late what its client said already is that the gateway has not heard. */
static inline an_s64 line_waiting(const struct world *w, an_u32 line, an_u32 *count);
/* line: containment; `directions` has bit 1 << side of each that is meant. */
#define LINE_BLOCK_DROP \
	1 /* frames that would pass the switch vanish after the mirror */
#define LINE_BLOCK_RESET 2 /* both ends get a RST, then frames vanish */
#define LINE_BLOCK_LOGOUT 3 /* the gateway logs the session out and refuses Logons */
#define LINE_BLOCK_NONE 0
static inline void line_block(struct world *w, an_u32 line, int form, int directions,
			      an_s64 until_ns);
static inline void line_delay(struct world *w, an_u32 line, an_s64 extra_ns,
			      an_s64 until_ns);

/* line, for strikes: put a segment into the line's stream that neither end sent. It
 * carries `a` in the line's dialect with numbers that fit; `host` sends it. */
static inline void line_inject(struct world *w, an_u32 line, int direction, an_u32 host,
			       const struct app *a, an_s64 now_ns);
/* line, for strikes: send the line's last data segment once more; from `host`. */
static inline void line_repeat(struct world *w, an_u32 line, int direction, an_u32 host,
			       an_s64 now_ns);

/* feed: something changed in a book (struct book_update, market_rows.h). */
static inline void feed_say(struct world *w, const struct book_update *u,
			    an_s64 now_ns);

/* wire: one frame of anybody's, past the mirror now (wire_state.h). */
static inline void wire_tcp(struct world *w, const struct wire_segment *s,
			    an_s64 now_ns);
static inline void wire_udp(struct world *w, const struct wire_datagram *d,
			    an_s64 now_ns);
/* wire: a Logon under any CompID as a line would write it; bytes written. */
static inline an_u32 wire_logon(struct world *w, const struct wire_stranger *s,
				an_s64 now_ns, an_u8 *out);

/* sensor: room for a frame, then that it has passed the switch now. direction:
 * AIRNET_DIRECTION_*. */
static inline an_u8 *sensor_room(struct world *w, an_u32 bytes);
static inline void sensor_seen(struct world *w, an_u32 bytes, an_u32 direction);
/* switch: does it let a frame pass? (what stands on it: ext/switch.h) */
static inline int switch_passes(struct world *w, const an_u8 *source, an_u32 target,
				an_u16 port);

#include "market.h"
#include "intake.h"
#include "switch.h"
#include "strike.h"
#include "sensor.h"
#include "line.h"
#include "world_check.h"
#include "twin_run.h"

#endif
