/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segments in a line's stream that its ends did not send, for strikes. A forged message
 * has the numbers that fit, TCP's and FIX's; the client, who knows nothing of it, then
 * uses both again: the mirror sees different bytes at one place, and the gateway takes
 * the client's message of that number for an old one.
 */
#ifndef AIRNET_LINE_FORGE_H
#define AIRNET_LINE_FORGE_H

#include "line_trouble.h"

static inline void line_forge(struct world *w, an_u32 line, int direction, an_u32 host,
			      const struct note *n, an_u32 sequence)
{
	struct line_side *s = &w->lines.line[line].sides[direction];
	struct wire_path path = s->path;
	const struct host_row *forger = world_host(w, host);
	struct wire_segment segment;
	an_u8 *end = wire_message(&s->voice, n, w->lines.text, &w->lines.clock);

	path.host = host;
	memcpy(path.bytes + 6, forger->mac, 6);
	path.bytes[path.ip_at + (path.is_v6 ? 7 : 8)] = forger->ttl;
	memset(&segment, 0, sizeof(segment));
	segment.payload = w->lines.text;
	segment.payload_bytes = (an_u16)(end - w->lines.text);
	segment.sequence = sequence ? sequence - segment.payload_bytes : s->sequence;
	segment.acknowledged = s->acknowledged;
	segment.echo = s->echo;
	segment.flags = AIRNET_TCP_PSH | AIRNET_TCP_ACK;
	wire_put_tcp(w, &path, &segment, w->now_ns);
}

static inline void line_inject(struct world *w, an_u32 line, int direction, an_u32 host,
			       const struct app *a, an_s64 now_ns)
{
	struct line *l = &w->lines.line[line];
	struct line_side *s = &l->sides[direction];
	struct note n;

	if (!s->is_alive || !l->sides[!direction].is_in || wire_type(a->type) < 0)
		return;
	memset(&n, 0, sizeof(n));
	n.app = *a;
	n.said_ns = now_ns - l->sides[direction].latency_ns[LINE_QUANTILES / 2];
	n.number = s->number;
	line_forge(w, line, direction, host, &n, 0);
	w->lines.truth[line][direction][wire_type(a->type)]++;
	if (!line_is_blocked(l, direction, now_ns))
		session_receive(w, line, direction, &n, now_ns);
}

static inline void line_repeat(struct world *w, an_u32 line, int direction, an_u32 host,
			       an_s64 now_ns)
{
	struct line_side *s = &w->lines.line[line].sides[direction];
	const struct note *n = line_note(s, s->passed - 1);

	if (s->is_alive && s->passed != s->floor && n->end)
		line_forge(w, line, direction, host, n, n->end);
}

/* A Logon under any name; its bytes. */
static inline an_u32 wire_logon(struct world *w, const struct wire_stranger *s,
				an_s64 now_ns, an_u8 *out)
{
	const struct line_row *row = world_line(w, s->line);
	const struct dialect_row *d =
		(const struct dialect_row *)w->rows[ROWS_DIALECT].at + row->dialect;
	struct wire_voice v = w->lines.line[s->line].sides[0].voice;
	an_u8 comps[2][LINE_COMP_BYTES];
	struct note n;

	memcpy(comps[0], row->client_comp, LINE_COMP_BYTES);
	memcpy(comps[1], row->gateway_comp, LINE_COMP_BYTES);
	for (int i = 0; i < 2; i++) {
		const char *name = i ? s->target : s->sender;

		if (name && *name) {
			memset(comps[i], 0, LINE_COMP_BYTES);
			memcpy(comps[i], name, strnlen(name, LINE_COMP_BYTES));
		}
	}
	line_header(&v, d, comps[0], comps[1], 0);
	v.password = s->password;
	memset(&n, 0, sizeof(n));
	n.app.type = 'A';
	n.app.quantity = row->heartbeat_ms / 1000;
	n.app.reason = 0xffff;
	n.said_ns = now_ns;
	n.number = s->number;
	return (an_u32)(wire_message(&v, &n, out, &w->lines.clock) - out);
}

#endif
