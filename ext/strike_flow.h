/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attacks over connections of their own: Logons of strangers, guessed passwords, slow
 * drips, carried-out data, calls home. Both ends' segments are made here; every number
 * in them is right, whatever they say.
 */
#ifndef AIRNET_STRIKE_FLOW_H
#define AIRNET_STRIKE_FLOW_H

#include "strike_answer.h"

#define STRIKE_SEGMENT_BYTES 1400 /* of carried-out data; below any MSS */
#define STRIKE_BURST_MAX 8 /* segments at once */
#define STRIKE_DRIP_NS 1000000 /* between two drips, least */

/* strike_flow.stage: what the next event does. */
enum {
	STRIKE_OPENS, /* SYN */
	STRIKE_TAKES, /* SYN-ACK */
	STRIKE_HANDS, /* ACK, and soon the first payload */
	STRIKE_SAYS, /* payload up */
	STRIKE_HEARS, /* what comes back: ACK, a response, or the end */
	STRIKE_ENDS, /* FIN down */
	STRIKE_AGREES, /* FIN up */
	STRIKE_IS_DONE, /* last ACK down */
};

static inline void strike_free(struct strikes *s, struct strike_flow *f)
{
	f->is_used = 0;
	f->generation++;
	s->flow_hint = (an_u32)(f - s->flows);
}

static inline void strike_later(struct world *w, struct strike_flow *f, an_u8 stage,
				an_s64 after_ns)
{
	f->stage = stage;
	agenda_add(&w->agenda, w->now_ns + (after_ns > 1 ? after_ns : 1),
		   STRIKE_EVENT_FLOW, (an_u32)(f - w->strikes.flows), f->generation);
}

/* A free flow, or NULL; the hint makes this short. */
static inline struct strike_flow *strike_find(struct strikes *s)
{
	for (an_u32 i = 0; i < STRIKE_FLOWS_MAX; i++) {
		an_u32 at = (s->flow_hint + i) % STRIKE_FLOWS_MAX;

		if (!s->flows[at].is_used) {
			s->flow_hint = at + 1;
			return &s->flows[at];
		}
	}
	return NULL;
}

/* The ephemeral port of a connection: one after the other, as kernels hand them out. */
static inline an_u16 strike_next_port(const struct world *w, an_u32 host, an_u32 row,
				      an_u64 number)
{
	const struct host_row *h = world_host(w, host);
	an_u64 first = chance_mix(w->seed ^ ((an_u64)host << 32) ^ row);

	return (an_u16)(h->port_first +
			(first + number) % (h->port_count + !h->port_count));
}

/* Begin attempt `number` of a row. */
static inline void strike_open(struct world *w, an_u32 row, an_u64 number)
{
	struct strike_flow *f = strike_find(&w->strikes);
	struct strike_shot s;
	an_u32 generation;

	if (!f) {
		w->strikes.counts.flows_refused++;
		return;
	}
	strike_shot(w, row, number, &s);
	generation = f->generation;
	memset(f, 0, sizeof(*f));
	f->generation = generation;
	f->chance = s.chance;
	f->number = number;
	f->row = row;
	f->source = s.source;
	f->target = s.target;
	f->next[0] = s.sequence;
	f->next[1] = s.acknowledged;
	f->source_port = strike_next_port(w, s.source, row, number);
	f->port = s.port;
	f->is_used = 1;
	w->strikes.counts.flows++;
	strike_later(w, f, STRIKE_OPENS, 1);
}

/* One segment of a flow; 0 when it did not arrive, which ends the flow. */
static inline int strike_segment(struct world *w, struct strike_flow *f, int direction,
				 an_u8 flags, const an_u8 *payload, an_u32 bytes)
{
	int up = direction == AIRNET_DIRECTION_UP, is_lost;
	struct wire_segment g = {.payload_bytes = (an_u16)bytes,
				 .flags = flags,
				 .direction = (an_u8)direction,
				 .payload = payload};

	g.ends.source = up ? f->source : f->target;
	g.ends.target = up ? f->target : f->source;
	g.ends.source_port = up ? f->source_port : f->port;
	g.ends.target_port = up ? f->port : f->source_port;
	if (up && !strike_lets(w, &g.ends)) {
		strike_free(&w->strikes, f);
		return 0;
	}
	is_lost = up && !intake_takes(w, f->target);
	g.sequence = f->next[direction];
	g.acknowledged = flags & AIRNET_TCP_ACK ? f->next[!direction] : 0;
	g.echo = flags & AIRNET_TCP_ACK ? f->stamp[!direction] : 0;
	f->stamp[direction] = strike_stamp(w, g.ends.source);
	f->next[direction] += bytes + !!(flags & (AIRNET_TCP_SYN | AIRNET_TCP_FIN));
	strike_tcp(w, f->row, &g);
	if (is_lost) /* whoever floods does not try again */
		strike_free(&w->strikes, f);
	return !is_lost;
}

/* A Logon under a stranger's name, or a guess at a password; its bytes. */
static inline an_u32 strike_logon(struct world *w, struct strike_flow *f, an_u8 *out)
{
	const struct strike_row *r = strike_at(w, f->row);
	char sender[16] = "CLIENT", password[24];
	an_u32 line = r->line == AIRNET_NONE ? 0 : r->line;
	struct wire_stranger s = {.line = line, .number = 1};

	strike_digits(password, chance_below(&f->chance, 100000000));
	if (r->kind == STRIKE_BRUTE) {
		s.password = password;
	} else {
		strike_digits(sender + 6, f->number % 100000);
		s.sender = sender;
	}
	w->strikes.counts.logons++;
	return wire_logon(w, &s, w->now_ns, out);
}

/* How a flow goes on after its payload. */
static inline void strike_said(struct world *w, struct strike_flow *f)
{
	const struct strike_row *r = strike_at(w, f->row);
	an_s64 after = strike_reach_ns(w, f->target, &f->chance);

	if (r->kind == STRIKE_LOGON || r->kind == STRIKE_BRUTE) {
		intake_logon(w, f->target);
		after += world_line(w, r->line == AIRNET_NONE ? 0 : r->line)->logon_ns;
	}
	strike_later(w, f, STRIKE_HEARS, after);
}

/* Carry out as many segments as the rate has saved up, a few at once. */
static inline void strike_carry(struct world *w, struct strike_flow *f)
{
	const struct strike_row *r = strike_at(w, f->row);
	double gap = STRIKE_SEGMENT_BYTES * 1e9 / (r->rate > 1 ? r->rate : 1);
	an_u8 payload[STRIKE_SEGMENT_BYTES + 8];
	int count = 0;

	if (!f->due_ns)
		f->due_ns = w->now_ns;
	do {
		strike_record(&f->chance, payload, STRIKE_SEGMENT_BYTES - 5);
		if (!strike_segment(w, f, AIRNET_DIRECTION_UP,
				    AIRNET_TCP_ACK | AIRNET_TCP_PSH, payload,
				    STRIKE_SEGMENT_BYTES))
			return;
		f->due_ns += (an_s64)(gap *
				      (1 + r->jitter * (chance_exponential(&f->chance) -
							1)));
	} while (f->due_ns <= w->now_ns && ++count < STRIKE_BURST_MAX);
	strike_said(w, f);
}

static inline void strike_say(struct world *w, struct strike_flow *f)
{
	const struct strike_row *r = strike_at(w, f->row);
	an_u8 payload[STRIKE_PAYLOAD_BYTES + 512];
	an_u32 bytes = r->bytes_min;

	if (w->now_ns >= r->offset_ns) {
		strike_later(w, f, STRIKE_ENDS, 1000);
		return;
	}
	if (r->kind == STRIKE_EXFILTRATE) {
		strike_carry(w, f);
		return;
	}
	if (r->bytes_max > bytes)
		bytes += chance_below(&f->chance, r->bytes_max - bytes + 1);
	if (bytes > STRIKE_SAY_BYTES)
		bytes = STRIKE_SAY_BYTES;
	if (r->kind == STRIKE_LOGON || r->kind == STRIKE_BRUTE)
		bytes = strike_logon(w, f, payload);
	else if (r->kind == STRIKE_DRIP)
		memset(payload, '8', bytes);
	else
		bytes = strike_record(&f->chance, payload, bytes);
	if (strike_segment(w, f, AIRNET_DIRECTION_UP, AIRNET_TCP_ACK | AIRNET_TCP_PSH,
			   payload, bytes))
		strike_said(w, f);
}

/* What the target does with a payload. */
static inline void strike_hear(struct world *w, struct strike_flow *f)
{
	const struct strike_row *r = strike_at(w, f->row);
	an_u8 payload[600], flags = AIRNET_TCP_ACK;
	an_s64 wait = f->due_ns - w->now_ns;
	an_u32 bytes = 0;

	if (r->kind == STRIKE_BEACON) {
		bytes = strike_record(&f->chance, payload,
				      40 + chance_below(&f->chance, 400));
		flags |= AIRNET_TCP_PSH;
	}
	strike_segment(w, f, AIRNET_DIRECTION_DOWN, flags, payload, bytes);
	if (r->kind == STRIKE_EXFILTRATE)
		strike_later(w, f, STRIKE_SAYS,
			     wait > 0 ? wait
				      : strike_reach_ns(w, f->source, &f->chance));
	else if (r->kind == STRIKE_DRIP)
		strike_later(w, f, STRIKE_SAYS,
			     STRIKE_DRIP_NS +
				     (an_s64)((double)r->period_ns *
					      (0.5 + chance_unit(&f->chance))));
	else
		strike_later(w, f, STRIKE_ENDS, 20000);
}

/* One step of a connection. */
static inline void strike_step(struct world *w, struct strike_flow *f)
{
	int up = AIRNET_DIRECTION_UP, down = AIRNET_DIRECTION_DOWN;
	an_s64 there = strike_reach_ns(w, f->target, &f->chance);
	an_s64 back = strike_reach_ns(w, f->source, &f->chance);

	switch (f->stage) {
	case STRIKE_OPENS:
		if (strike_segment(w, f, up, AIRNET_TCP_SYN, NULL, 0))
			strike_later(w, f, STRIKE_TAKES, there);
		break;
	case STRIKE_TAKES:
		if (!intake_listens(w, f->target)) {
			strike_free(&w->strikes, f);
			break;
		}
		strike_segment(w, f, down, AIRNET_TCP_SYN | AIRNET_TCP_ACK, NULL, 0);
		strike_later(w, f, STRIKE_HANDS, back);
		break;
	case STRIKE_HANDS:
		if (strike_segment(w, f, up, AIRNET_TCP_ACK, NULL, 0))
			strike_later(w, f, STRIKE_SAYS, 20000 + back / 10);
		break;
	case STRIKE_SAYS:
		strike_say(w, f);
		break;
	case STRIKE_HEARS:
		strike_hear(w, f);
		break;
	case STRIKE_ENDS:
		strike_segment(w, f, down, AIRNET_TCP_FIN | AIRNET_TCP_ACK, NULL, 0);
		strike_later(w, f, STRIKE_AGREES, back);
		break;
	case STRIKE_AGREES:
		if (strike_segment(w, f, up, AIRNET_TCP_FIN | AIRNET_TCP_ACK, NULL, 0))
			strike_later(w, f, STRIKE_IS_DONE, there);
		break;
	default:
		strike_segment(w, f, down, AIRNET_TCP_ACK, NULL, 0);
		strike_free(&w->strikes, f);
	}
}

static inline void strike_go_on(struct world *w, const struct event *e)
{
	struct strike_flow *f = &w->strikes.flows[e->who];

	if (f->is_used && f->generation == (an_u32)e->value)
		strike_step(w, f);
}

#endif
