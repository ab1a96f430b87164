/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attacks without a connection: floods, replies nobody asked for, scans, tunnels.
 * Shot n of a row and all that is drawn for it come from one stream of its own.
 */
#ifndef AIRNET_STRIKE_SHOT_H
#define AIRNET_STRIKE_SHOT_H

#include "strike_payload.h"

#define STRIKE_UDP_PROTOCOL 17
#define STRIKE_ICMP_PROTOCOL 1

static inline const struct strike_row *strike_at(const struct world *w, an_u32 row)
{
	return (const struct strike_row *)w->rows[ROWS_STRIKE].at + row;
}

/* Does the switch let a packet of these ends through? Count it. */
static inline int strike_lets(struct world *w, const struct wire_ends *e)
{
	static const an_u8 zero[16];
	const an_u8 *from = e->spoof;

	if (!memcmp(from, zero, 16))
		from = world_host(w, e->source)->address;
	if (switch_passes(w, from, e->target, e->target_port)) {
		w->strikes.counts.sent++;
		return 1;
	}
	w->strikes.counts.blocked++;
	return 0;
}

static inline void strike_tcp(struct world *w, an_u32 row, const struct wire_segment *s)
{
	w->sensor.mark = strike_at(w, row)->incident;
	wire_tcp(w, s, w->now_ns);
	w->sensor.mark = 0;
}

static inline void strike_udp(struct world *w, an_u32 row,
			      const struct wire_datagram *d)
{
	w->sensor.mark = strike_at(w, row)->incident;
	wire_udp(w, d, w->now_ns);
	w->sensor.mark = 0;
}

/* How long a host takes to answer what passed the mirror now. */
static inline an_s64 strike_reach_ns(const struct world *w, an_u32 host,
				     struct chance *c)
{
	double least = world_host(w, host)->reach_ns;

	return (an_s64)(least * (1 + 0.2 * chance_exponential(c))) + 1000;
}

static inline an_u16 strike_port(const struct world *w, an_u32 host, struct chance *c)
{
	const struct host_row *h = world_host(w, host);

	return (an_u16)(h->port_first +
			chance_below(c, h->port_count + !h->port_count));
}

/* A made-up address: 11.0.0.0 to 222.255.255.255. */
static inline void strike_spoof(struct chance *c, an_u8 *address)
{
	memset(address, 0, 10);
	memset(address + 10, 0xff, 2);
	address[12] = (an_u8)(11 + chance_below(c, 212));
	for (int i = 13; i < 16; i++)
		address[i] = (an_u8)chance_below(c, 256);
}

static inline an_u16 strike_scan_port(struct chance *c)
{
	static const an_u16 usual[] = {21,  22,	 23,   25,   53,   80,	 111,  135,
				       139, 443, 445,  1433, 3306, 3389, 5432, 5900,
				       502, 623, 6379, 8080, 8443, 9200, 9878, 5001};

	if (chance_is(c, 0.4))
		return usual[chance_below(c, sizeof(usual) / sizeof(usual[0]))];
	return (an_u16)(1 + chance_below(c, 10000));
}

/* Everything about shot `number` of a row. */
static inline void strike_shot(const struct world *w, an_u32 row, an_u64 number,
			       struct strike_shot *s)
{
	static const an_u16 services[] = {0, 53, 123, 11211};
	const struct strike_row *r = strike_at(w, row);
	struct chance c = chance_of(w->seed, WORLD_STRIKE + 1 + row, number);
	double lot = chance_unit(&c);
	an_u32 most;

	memset(s, 0, sizeof(*s));
	s->source = r->source + (an_u32)(number % (r->sources ? r->sources : 1));
	s->target = r->target + chance_below(&c, r->targets ? r->targets : 1);
	s->port = r->port;
	if (lot < r->borrow && r->lines) {
		an_u32 line = r->line + chance_below(&c, r->lines);

		s->is_borrowed = 1;
		s->source = world_line(w, line)->client;
	} else if (lot < r->borrow + r->spoof) {
		strike_spoof(&c, s->spoof);
	}
	s->source_port = strike_port(w, s->source, &c);
	if (r->kind == STRIKE_SCAN)
		s->port = strike_scan_port(&c);
	if (r->kind == STRIKE_AMPLIFY)
		s->source_port = services[r->service & 3];
	s->sequence = (an_u32)chance_u64(&c);
	s->acknowledged = (an_u32)chance_u64(&c);
	s->bytes = r->bytes_min;
	if (r->bytes_max > r->bytes_min)
		s->bytes += chance_below(&c, r->bytes_max - r->bytes_min + 1);
	most = r->kind == STRIKE_TUNNEL ? STRIKE_NAME_LETTERS : STRIKE_PAYLOAD_BYTES;
	if (s->bytes > most)
		s->bytes = most;
	s->is_answered = chance_is(&c, r->answers);
	s->chance = c;
}

static inline void strike_ends(const struct strike_shot *s, struct wire_ends *e)
{
	memset(e, 0, sizeof(*e));
	e->source = s->source;
	e->target = s->target;
	e->source_port = s->source_port;
	e->target_port = s->port;
	memcpy(e->spoof, s->spoof, 16);
}

/* The way back: to the address the shot came from, behind whoever sent it. */
static inline void strike_back(const struct strike_shot *s, struct wire_ends *e)
{
	memset(e, 0, sizeof(*e));
	e->source = s->target;
	e->target = s->source;
	e->source_port = s->port;
	e->target_port = s->source_port;
	memcpy(e->to, s->spoof, 16);
}

/* What a shot by UDP carries; its bytes. */
static inline an_u32 strike_datagram(const struct strike_row *r, struct strike_shot *s,
				     an_u8 *payload)
{
	if (r->kind == STRIKE_TUNNEL)
		return strike_dns_query(&s->chance, payload, s->bytes);
	if (r->kind == STRIKE_AMPLIFY && r->service == STRIKE_DNS)
		return strike_dns_reply(&s->chance, payload, 8, s->bytes / 220);
	if (r->kind == STRIKE_AMPLIFY && r->service == STRIKE_NTP)
		return strike_monlist(&s->chance, payload);
	if (r->kind == STRIKE_AMPLIFY)
		return strike_memcached(&s->chance, payload, s->bytes);
	strike_fill(&s->chance, payload, s->bytes);
	return s->bytes;
}

static inline void strike_send_udp(struct world *w, an_u32 row, struct strike_shot *s,
				   const struct wire_ends *e)
{
	const struct strike_row *r = strike_at(w, row);
	an_u8 payload[STRIKE_PAYLOAD_BYTES + 512];
	struct wire_datagram d = {*e, 0, STRIKE_UDP_PROTOCOL, 0, 0, payload};

	d.payload_bytes = (an_u16)strike_datagram(r, s, payload);
	strike_udp(w, row, &d);
}

/* Fire a shot: its packet passes the mirror now, and is answered later. */
static inline void strike_fire(struct world *w, an_u32 row, an_u64 number)
{
	const struct strike_row *r = strike_at(w, row);
	struct wire_segment segment;
	struct strike_shot s;
	struct wire_ends e;

	strike_shot(w, row, number, &s);
	strike_ends(&s, &e);
	if (s.target == s.source || !strike_lets(w, &e))
		return;
	if (!intake_takes(w, s.target))
		s.is_answered = 0;
	if (r->kind == STRIKE_SYN || r->kind == STRIKE_ACK || r->kind == STRIKE_SCAN) {
		memset(&segment, 0, sizeof(segment));
		segment.ends = e;
		segment.sequence = s.sequence;
		segment.flags = AIRNET_TCP_SYN;
		if (r->kind == STRIKE_ACK) {
			segment.flags = AIRNET_TCP_ACK;
			segment.acknowledged = s.acknowledged;
		}
		strike_tcp(w, row, &segment);
	} else {
		strike_send_udp(w, row, &s, &e);
	}
	if (s.is_answered)
		agenda_add(&w->agenda,
			   w->now_ns + strike_reach_ns(w, s.target, &s.chance),
			   STRIKE_EVENT_ANSWER, row, number);
}

/* Does a host listen on a TCP port? Gateways on theirs, some machines on ssh. */
static inline int strike_listens(const struct world *w, an_u32 host, an_u16 port)
{
	if (port == 22)
		return chance_mix(w->seed ^ host) % 4 == 0;
	for (an_u32 i = 0; i < w->rows[ROWS_LINE].count; i++) {
		const struct line_row *l = world_line(w, i);

		if (l->gateway == host && l->gateway_port == port)
			return 1;
	}
	return 0;
}

#endif
