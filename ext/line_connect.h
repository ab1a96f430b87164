/* SPDX-License-Identifier: Apache-2.0 */
/* A line's connections: how they begin, are lost, and end. */
#ifndef AIRNET_LINE_CONNECT_H
#define AIRNET_LINE_CONNECT_H

#include "line_session.h"

#define LINE_SYN_NS WORLD_SECOND_NS /* first SYN retry, then doubled */
#define LINE_SYNS_MAX 7 /* Linux: tcp_syn_retries 6 */
#define LINE_PATIENCE_NS (10 * WORLD_SECOND_NS) /* for the answer to a Logon */

static inline void line_ports(struct world *w, struct line *l, an_u32 line)
{
	const struct line_row *row = world_line(w, line);
	const struct host_row *host = world_host(w, row->client);
	struct host_state *state = &w->lines.hosts[row->client];
	an_u16 port = row->client_port;
	struct wire_ends ends;

	if (l->is_known || !port) {
		an_u32 count = host->port_count ? host->port_count : 28232;

		port = host->port_first ? host->port_first : 32768;
		port = (an_u16)(port + state->ports++ % count);
	}
	l->is_known = 1;
	memset(&ends, 0, sizeof(ends));
	ends.source = row->client;
	ends.target = l->gateway;
	ends.source_port = port;
	ends.target_port = row->gateway_port;
	wire_path(w, &ends, WIRE_TCP, &l->sides[0].path);
	ends.source = l->gateway;
	ends.target = row->client;
	ends.source_port = row->gateway_port;
	ends.target_port = port;
	wire_path(w, &ends, WIRE_TCP, &l->sides[1].path);
	l->sides[1].path.direction = AIRNET_DIRECTION_DOWN;
	seen_path(&l->sides[0].path, &l->sides[0].header);
	seen_path(&l->sides[1].path, &l->sides[1].header);
	l->session = AIRNET_NONE;
	l->sides[0].reach_ns = host->reach_ns;
	l->sides[1].reach_ns = world_host(w, l->gateway)->reach_ns;
}

/* Send, or send again, the SYN. */
static inline void line_syn(struct world *w, an_u32 line, an_s64 now_ns)
{
	struct line *l = &w->lines.line[line];
	an_s64 wait_ns;

	if (l->phase != LINE_OPENING)
		return;
	if (l->syns == LINE_SYNS_MAX) {
		line_lost(w, line, AIRNET_DIRECTION_UP, now_ns);
		return;
	}
	line_bare(w, l, AIRNET_DIRECTION_UP, AIRNET_TCP_SYN, now_ns);
	line_later(w, line, LINE_EVENT_SYN, 0, now_ns + (LINE_SYN_NS << l->syns));
	l->syns++;
	if (line_is_blocked(l, AIRNET_DIRECTION_UP, now_ns) ||
	    line_is_policed(w, l, AIRNET_DIRECTION_UP, now_ns))
		return;
	wait_ns = intake_syn(w, l->gateway);
	if (wait_ns >= 0)
		line_later(w, line, LINE_EVENT_SYN_ACK, 0,
			   now_ns + wait_ns + l->sides[1].reach_ns);
}

/* The client connects. */
static inline void line_connect(struct world *w, an_u32 line, an_s64 now_ns)
{
	struct line *l = &w->lines.line[line];

	if (l->phase != LINE_CLOSED || !l->is_wanted)
		return;
	line_ports(w, l, line);
	for (int side = 0; side < 2; side++) {
		struct line_side *s = &l->sides[side];

		s->sequence = (an_u32)chance_u64(&l->chance);
		s->acknowledged = s->echo = 0;
		s->arriving_count = 0;
		s->due_ns = s->timer_ns = WORLD_NEVER_NS;
		s->held_bytes = s->sent_bytes = s->missing_bytes = 0;
		s->is_resending = s->is_unanswered = s->duplicates = 0;
		s->is_recovering = 0;
		s->window = LINE_IN_FLIGHT;
		s->threshold = LINE_WINDOW_MAX;
		s->resend_ns = 0;
		s->rto_ns = LINE_RTO_NS;
		s->tested_ns = s->last_due_ns = s->last_said_ns = 0;
		s->gap_until = 0;
	}
	l->phase = LINE_OPENING;
	l->syns = 0;
	w->lines.counts.connects++;
	line_syn(w, line, now_ns);
}

static inline void line_syn_ack(struct world *w, an_u32 line, an_s64 now_ns)
{
	struct line *l = &w->lines.line[line];
	struct line_side *client = &l->sides[0], *gateway = &l->sides[1];

	if (l->phase != LINE_OPENING)
		return;
	gateway->acknowledged = client->sequence + 1;
	gateway->echo = line_stamp(w, client, now_ns - gateway->reach_ns);
	line_bare(w, l, AIRNET_DIRECTION_DOWN, AIRNET_TCP_SYN | AIRNET_TCP_ACK, now_ns);
	if (line_is_blocked(l, AIRNET_DIRECTION_DOWN, now_ns))
		return;
	client->echo = line_stamp(w, gateway, now_ns);
	line_later(w, line, LINE_EVENT_ESTABLISHED, 0,
		   now_ns + line_reach(l, AIRNET_DIRECTION_UP, now_ns));
}

static inline void line_established(struct world *w, an_u32 line, an_s64 now_ns)
{
	struct line *l = &w->lines.line[line];
	struct line_side *client = &l->sides[0], *gateway = &l->sides[1];

	if (l->phase != LINE_OPENING)
		return;
	l->phase = LINE_OPENED;
	client->sequence++;
	gateway->sequence++;
	client->acknowledged = gateway->sequence;
	client->is_alive = gateway->is_alive = 1;
	client->heard_ns = client->said_ns = now_ns;
	gateway->heard_ns = gateway->said_ns = now_ns;
	line_bare(w, l, AIRNET_DIRECTION_UP, AIRNET_TCP_ACK, now_ns);
	line_later(w, line, LINE_EVENT_LOGON, 0,
		   now_ns + 50000 + chance_below(&l->chance, 400000));
}

static inline void line_forget(struct line_side *s)
{
	s->passed = s->flown = s->heard = s->counted = s->said;
}

/* Both ends are gone: come back later, if that is meant. */
static inline void line_closed(struct world *w, an_u32 line, an_s64 now_ns)
{
	struct line *l = &w->lines.line[line];
	const struct line_row *row = world_line(w, line);
	an_s64 first_ns = (an_s64)row->retry_first_ms * 1000000;
	an_s64 last_ns = (an_s64)row->retry_last_ms * 1000000, wait_ns;

	l->generation++;
	l->phase = LINE_CLOSED;
	l->is_flushing = 0;
	line_forget(&l->sides[0]);
	line_forget(&l->sides[1]);
	if (!l->is_wanted || row->flags & LINE_NEVER_RETURNS)
		return;
	l->retry_ns = l->retry_ns ? 2 * l->retry_ns : first_ns;
	if (l->retry_ns > last_ns)
		l->retry_ns = last_ns;
	wait_ns = l->retry_ns / 2 +
		  (an_s64)(chance_unit(&l->chance) * (double)l->retry_ns);
	line_later(w, line, LINE_EVENT_CONNECT, 0, now_ns + wait_ns);
}

/* One end is gone, or learns that the other is. */
static inline void line_lost(struct world *w, an_u32 line, int side, an_s64 now_ns)
{
	struct line *l = &w->lines.line[line];
	struct line_side *s = &l->sides[side];
	int was_in = s->is_in;

	s->is_alive = s->is_in = 0;
	s->held_bytes = s->sent_bytes = s->missing_bytes = 0;
	s->arriving_count = 0;
	s->due_ns = WORLD_NEVER_NS;
	if (!l->sides[!side].is_alive)
		line_closed(w, line, now_ns);
	if (!was_in)
		return;
	if (side == AIRNET_DIRECTION_DOWN)
		venue_state(w, line, LINE_IS_DOWN, now_ns);
	else
		trader_state(w, line, LINE_IS_DOWN, now_ns);
}

/* A side cuts the connection. */
static inline void line_drop(struct world *w, an_u32 line, int side, an_s64 now_ns)
{
	struct line *l = &w->lines.line[line];

	if (!l->sides[side].is_alive)
		return;
	w->lines.counts.resets++;
	line_catch_up(&l->sides[side], now_ns);
	line_bare(w, l, side, AIRNET_TCP_RST | AIRNET_TCP_ACK, now_ns);
	if (!line_is_blocked(l, side, now_ns) && l->sides[!side].is_alive)
		line_lost(w, line, !side, now_ns);
	line_lost(w, line, side, now_ns);
}

/* A side closes in order, after what it has said has arrived. */
static inline void line_fin(struct world *w, an_u32 line, int side, an_s64 after_ns)
{
	struct line *l = &w->lines.line[line];
	an_s64 wait_ns = after_ns + 2 * line_reach(l, 0, w->now_ns) +
			 l->sides[1].reach_ns +
			 l->sides[side].latency_ns[LINE_QUANTILES];

	line_later(w, line, LINE_EVENT_FIN, side, w->now_ns + wait_ns);
}

static inline void line_fin_event(struct world *w, an_u32 line, int side, an_u32 kind,
				  an_s64 now_ns)
{
	struct line *l = &w->lines.line[line];
	struct line_side *s = &l->sides[side], *other = &l->sides[!side];

	if (!s->is_alive)
		return;
	if (line_is_blocked(l, side, now_ns) || s->held_bytes) {
		line_drop(w, line, side, now_ns);
		return;
	}
	line_catch_up(s, now_ns);
	s->due_ns = WORLD_NEVER_NS;
	if (kind == LINE_EVENT_FIN_LAST) {
		line_bare(w, l, side, AIRNET_TCP_ACK, now_ns);
		line_lost(w, line, !side, now_ns);
		line_lost(w, line, side, now_ns);
		return;
	}
	l->phase = LINE_CLOSING;
	line_bare(w, l, side, AIRNET_TCP_FIN | AIRNET_TCP_ACK, now_ns);
	s->sequence++;
	other->acknowledged = s->sequence;
	other->echo = line_stamp(w, s, now_ns);
	other->arriving_count = 0;
	other->due_ns = WORLD_NEVER_NS;
	line_later(w, line,
		   kind == LINE_EVENT_FIN ? LINE_EVENT_FIN_BACK : LINE_EVENT_FIN_LAST,
		   !side, now_ns + line_reach(l, !side, now_ns));
}

#endif
