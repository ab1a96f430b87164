/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many bytes of a side may be unacknowledged, and when they are sent again: slow
 * start, congestion avoidance, one cut a loss (RFC 5681 section 3.1). What an idle line
 * writes at once is not held back by it: the window counts while bytes wait.
 */
#ifndef AIRNET_LINE_WINDOW_H
#define AIRNET_LINE_WINDOW_H

#include "line_tcp.h"

/* What became of a segment of data behind the mirror. */
#define LINE_FATE_LOST 1
#define LINE_FATE_UNANSWERED 2 /* it arrives, its acknowledgement does not */

/* What became of bytes just sent, up to `sent_bytes`. */
static inline void line_note_fate(struct line_side *s, int fate, an_s64 now_ns)
{
	if (fate && !s->missing_bytes && !s->is_unanswered)
		s->resend_ns = now_ns + s->rto_ns;
	if (fate == LINE_FATE_LOST)
		s->missing_bytes = s->sent_bytes;
	else if (fate)
		s->is_unanswered = 1;
	else if (!s->missing_bytes)
		s->is_unanswered = 0; /* acknowledgements are cumulative */
}

/* Wait for what acknowledges the bytes sent, or until they are sent again. */
static inline void line_await(struct world *w, an_u32 line, int side)
{
	struct line *l = &w->lines.line[line];
	struct line_side *s = &l->sides[side];
	an_s64 back_ns = w->now_ns + line_reach(l, !side, w->now_ns) + 1000;

	if (s->held_bytes)
		line_arm_rto(w, line, side,
			     s->missing_bytes || s->is_unanswered ? s->resend_ns
								  : back_ns);
}

/* A loss: the window is cut once for it, to half after duplicate acknowledgements, to
 * one segment after a timeout (RFC 5681 section 3.1, RFC 6582). */
static inline void line_shrink(struct line_side *s, an_u32 room, int is_timeout)
{
	an_u32 half = s->sent_bytes / room / 2;

	if (s->is_recovering)
		return;
	s->is_recovering = 1;
	s->threshold = half > 2 ? half : 2;
	s->window = is_timeout ? 1 : s->threshold;
}

/* So many bytes are acknowledged: slow start, then one segment a round trip. */
static inline void line_grow(struct line_side *s, an_u32 room, an_u32 bytes)
{
	an_u32 segments = (bytes + room - 1) / room;

	s->window += s->window < s->threshold ? segments
					      : (segments + s->window - 1) / s->window;
	if (s->window > LINE_WINDOW_MAX)
		s->window = LINE_WINDOW_MAX;
}

#endif
