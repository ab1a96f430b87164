/* SPDX-License-Identifier: Apache-2.0 */
/* The lines: FIX sessions over TCP, between traders and the venue. */
#ifndef AIRNET_LINE_H
#define AIRNET_LINE_H

static inline int line_begin(struct world *w, const char **why)
{
	w->lines.count = w->rows[ROWS_LINE].count;
	return 0;
}

static inline void line_end(struct world *w)
{
}

static inline an_u32 line_figures(const struct world *w, struct figure *out)
{
	out[0].name = "lines";
	out[0].value = w->lines.count;
	return 1;
}

static inline void line_event(struct world *w, const struct event *e)
{
}

static inline int line_say(struct world *w, an_u32 line, int direction,
			   const struct app *a, an_s64 now_ns)
{
	return 0;
}

static inline void line_open(struct world *w, an_u32 line, an_s64 now_ns)
{
}

static inline void line_close(struct world *w, an_u32 line, int how, an_s64 now_ns)
{
}

static inline int line_is_logged_on(const struct world *w, an_u32 line)
{
	return 1;
}

static inline void line_block(struct world *w, an_u32 line, int form, int directions,
			      an_s64 until_ns)
{
}

static inline void line_delay(struct world *w, an_u32 line, an_s64 extra_ns,
			      an_s64 until_ns)
{
}

static inline void line_inject(struct world *w, an_u32 line, int direction, an_u32 host,
			       const struct app *a, an_s64 now_ns)
{
}

static inline void line_repeat(struct world *w, an_u32 line, int direction, an_u32 host,
			       an_s64 now_ns)
{
}

static inline void feed_say(struct world *w, const struct book_update *u, an_s64 now_ns)
{
}

static inline void wire_tcp(struct world *w, const struct wire_segment *s,
			    an_s64 now_ns)
{
}

static inline void wire_udp(struct world *w, const struct wire_datagram *d,
			    an_s64 now_ns)
{
}

static inline an_u32 wire_logon(struct world *w, const struct wire_stranger *s,
				an_s64 now_ns, an_u8 *out)
{
	return 0;
}

#endif
