/* SPDX-License-Identifier: Apache-2.0 */
/* The lines: FIX sessions over TCP between traders and the venue, and the rest of what
 * is on the wire: market data, background, anybody's frames. */
#ifndef AIRNET_LINE_H
#define AIRNET_LINE_H

#include "feed.h"
#include "line_begin.h"
#include "line_forge.h"
#include "murmur.h"

static inline int line_begin(struct world *w, const char **why)
{
	struct lines *l = &w->lines;
	const struct dialect_row *dialects = w->rows[ROWS_DIALECT].at;
	const char *wrong = line_wrong(w);

	if (wrong) {
		*why = wrong;
		return -1;
	}
	l->count = w->rows[ROWS_LINE].count;
	l->host_count = w->rows[ROWS_HOST].count;
	if (line_take(w) || intake_begin(w))
		return -1;
	l->chance = chance_of(w->seed, WORLD_LINE, 1u << 30);
	for (an_u32 i = 0; i < l->host_count; i++) {
		l->hosts[i].chance = chance_of(w->seed, WORLD_LINE, (1u << 29) + i);
		l->hosts[i].identification = world_host(w, i)->identification;
	}
	for (an_u32 i = 0; i < w->rows[ROWS_DIALECT].count; i++)
		for (int type = 0; type < WIRE_TYPE_COUNT; type++)
			wire_make(&dialects[i], &wire_bodies[type],
				  &l->plans[i * WIRE_TYPE_COUNT + (an_u32)type]);
	line_names(w, w->rows[ROWS_SYMBOL].count ? w->rows[ROWS_SYMBOL].count : 1);
	for (an_u32 i = 0; i < l->count; i++)
		line_make(w, i);
	line_troubles(w);
	line_mark_forged(w);
	return feed_begin(w, why) || murmur_begin(w, why) ? -1 : 0;
}

static inline void line_end(struct world *w)
{
	struct lines *l = &w->lines;

	intake_end(w);
	free(l->line);
	free(l->hosts);
	free(l->plans);
	zeros_give(l->notes);
	zeros_give(l->held);
	free(l->names);
	free(l->name_keys);
	free(l->truth);
	free(l->feeds);
	free(l->late);
	free(l->shells);
	memset(l, 0, sizeof(*l));
}

static inline an_u32 line_figures(const struct world *w, struct figure *out)
{
	const struct line_counts *c = &w->lines.counts;
	const struct figure figures[] = {
		{"lines", w->lines.count},
		{"messages", (an_s64)c->messages},
		{"segments", (an_s64)c->segments},
		{"acknowledgements", (an_s64)c->acknowledgements},
		{"retransmissions", (an_s64)c->retransmissions},
		{"segments_lost", (an_s64)c->lost},
		{"connects", (an_s64)c->connects},
		{"logons", (an_s64)c->logons},
		{"logouts", (an_s64)c->logouts},
		{"resets", (an_s64)c->resets},
		{"timeouts", (an_s64)c->timeouts},
		{"resend_requests", (an_s64)c->resend_requests},
		{"resent", (an_s64)c->resent},
		{"gap_fills", (an_s64)c->gap_fills},
		{"messages_refused", (an_s64)c->refused},
		{"feed_messages", (an_s64)c->feed_messages},
		{"feed_packets", (an_s64)c->feed_packets},
		{"feed_gaps", (an_s64)c->feed_gaps},
		{"murmurs", (an_s64)c->murmurs},
		{"bytes_held_over", (an_s64)c->held_over},
		{"host_crowded", (an_s64)c->crowded},
		{"host_crowded_syns", (an_s64)c->crowded_syns},
		{"host_overrun", (an_s64)c->overrun},
		{"host_half_open", (an_s64)c->half_open},
		{"host_cookies", (an_s64)c->cookies},
		{"host_syns_refused", (an_s64)c->syns_refused},
	};

	memcpy(out, figures, sizeof(figures));
	return sizeof(figures) / sizeof(figures[0]);
}

/* Events of a connection: void when it is another one's. */
static inline void line_own_event(struct world *w, const struct event *e)
{
	struct line *l = &w->lines.line[e->who];
	an_u32 line = e->who, kind = e->kind & 0xfff;
	int side = (int)(e->value & 1);

	switch (kind) {
	case LINE_EVENT_UP:
		line_pass(w, line, AIRNET_DIRECTION_UP, e->time_ns);
		break;
	case LINE_EVENT_DOWN:
		line_read(w, line, AIRNET_DIRECTION_DOWN, e->time_ns);
		break;
	case LINE_EVENT_FLUSH:
		l->is_flushing = 0;
		line_pass(w, line, AIRNET_DIRECTION_DOWN, e->time_ns);
		break;
	case LINE_EVENT_ACK:
		line_ack_event(w, line, side, e->time_ns);
		break;
	case LINE_EVENT_RTO:
		line_rto_event(w, line, side, e->time_ns);
		break;
	case LINE_EVENT_FAST:
		line_fast_event(w, line, side);
		break;
	case LINE_EVENT_TAKEN:
		line_read(w, line, AIRNET_DIRECTION_UP, e->time_ns);
		break;
	case LINE_EVENT_BEAT:
		session_beat(w, line, side, e->time_ns);
		break;
	case LINE_EVENT_CONNECT:
		line_connect(w, line, e->time_ns);
		break;
	case LINE_EVENT_SYN:
		line_syn(w, line, e->time_ns);
		break;
	case LINE_EVENT_SYN_ACK:
		line_syn_ack(w, line, e->time_ns);
		break;
	case LINE_EVENT_ESTABLISHED:
		line_established(w, line, e->time_ns);
		break;
	case LINE_EVENT_LOGON:
		line_logon(w, line, e->time_ns);
		break;
	case LINE_EVENT_WELCOME:
		line_welcome(w, line, e->time_ns);
		break;
	case LINE_EVENT_PATIENCE:
		if (l->phase == LINE_OPENED)
			line_drop(w, line, AIRNET_DIRECTION_UP, e->time_ns);
		break;
	default:
		line_fin_event(w, line, side, kind, e->time_ns);
	}
}

static inline void line_event(struct world *w, const struct event *e)
{
	an_u32 kind = e->kind & 0xfff;

	if (kind >= LINE_EVENT_TROUBLE)
		line_trouble_event(w, e);
	else if (kind >= LINE_EVENT_MURMUR)
		murmur_event(w, e);
	else if (kind >= LINE_EVENT_FEED)
		feed_event(w, e);
	else if (kind == LINE_EVENT_CLOSE)
		line_finish(w, e->who, e->time_ns);
	else if (kind < LINE_EVENT_CLOSE &&
		 e->value >> 1 == w->lines.line[e->who].generation)
		line_own_event(w, e);
}

static inline int line_is_logged_on(const struct world *w, an_u32 line)
{
	const struct line *l = &w->lines.line[line];

	return l->phase == LINE_LOGGED_ON && l->sides[AIRNET_DIRECTION_UP].is_in;
}

/* The direct answer to "is anything of it still on its way?": what its client has said
 * and its gateway has not heard, when it should have. */
static inline an_s64 line_waiting(const struct world *w, an_u32 line, an_u32 *count)
{
	const struct line_side *s = &w->lines.line[line].sides[AIRNET_DIRECTION_UP];
	an_s64 late_ns = 0;

	for (an_u32 at = s->heard; at != s->said; at++) {
		const struct note *n = &s->notes[at % LINE_NOTES];
		an_s64 since_ns = w->now_ns - n->due_ns;

		if (!line_is_order(&n->app) || since_ns < VENUE_PROMISE_NS)
			continue;
		late_ns += since_ns;
		++*count;
	}
	return late_ns;
}

static inline int line_say(struct world *w, an_u32 line, int direction,
			   const struct app *a, an_s64 now_ns)
{
	struct line *l = &w->lines.line[line];
	struct line_side *s = &l->sides[direction];
	an_u32 coalesce_ns = world_line(w, line)->coalesce_ns;
	struct note *n;

	if (wire_type(a->type) < 0)
		return -1;
	if (direction == AIRNET_DIRECTION_UP &&
	    (!s->is_in || l->phase != LINE_LOGGED_ON))
		return -1;
	if (!line_has_room(s, LINE_NOTES_SPARE)) {
		w->lines.counts.refused++;
		return -1;
	}
	n = line_put(w, line, direction, a, 0);
	n->reference = s->expected - 1;
	if (direction == AIRNET_DIRECTION_UP)
		return 0;
	if (!s->is_in) { /* numbered, for the resend that the client will ask for */
		n->flags = NOTE_SKIPPED;
		line_forget(s);
	} else if (coalesce_ns) {
		line_flush_after(w, line, coalesce_ns);
	} else {
		line_pass(w, line, direction, now_ns);
	}
	return 0;
}

#endif
