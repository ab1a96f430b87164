/* SPDX-License-Identifier: Apache-2.0 */
/* What targets answer, as hosts do: SYN-ACK, RST, ICMP unreachable, a DNS reply. */
#ifndef AIRNET_STRIKE_ANSWER_H
#define AIRNET_STRIKE_ANSWER_H

#include "strike_shot.h"

static inline an_u32 strike_stamp(const struct world *w, an_u32 host)
{
	return world_host(w, host)->stamp_start + (an_u32)((an_u64)w->now_ns / 1000000);
}

/* The IPv4 header and eight bytes of a datagram, as its receiver quotes it
 * (RFC 792, destination unreachable); 32 bytes with the unused word. */
static inline void strike_quote(const struct world *w, const struct strike_shot *s,
				const struct wire_datagram *d, an_u32 bytes, an_u8 *at)
{
	const an_u8 *from = d->ends.to, *to = world_host(w, s->target)->address;
	static const an_u8 zero[16];
	an_u32 sum = 0;

	if (!memcmp(from, zero, 16))
		from = world_host(w, s->source)->address;
	memset(at, 0, 32);
	at[4] = 0x45;
	strike_put16(at + 6, 28 + bytes);
	at[10] = 0x40;
	at[12] = world_host(w, s->source)->ttl;
	at[13] = STRIKE_UDP_PROTOCOL;
	memcpy(at + 16, from + 12, 4);
	memcpy(at + 20, to + 12, 4);
	for (int i = 4; i < 24; i += 2)
		sum += (an_u32)at[i] << 8 | at[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	strike_put16(at + 14, ~sum & 0xffff);
	strike_put16(at + 24, s->source_port);
	strike_put16(at + 26, s->port);
	strike_put16(at + 28, 8 + bytes);
}

static inline void strike_unreachable(struct world *w, an_u32 row,
				      struct strike_shot *s)
{
	an_u8 payload[32], sent[STRIKE_PAYLOAD_BYTES + 512];
	an_u32 bytes = strike_datagram(strike_at(w, row), s, sent);
	struct wire_datagram d = {.payload_bytes = sizeof(payload),
				  .protocol = STRIKE_ICMP_PROTOCOL,
				  .direction = AIRNET_DIRECTION_DOWN,
				  .payload = payload};

	strike_back(s, &d.ends);
	strike_quote(w, s, &d, bytes, payload);
	d.ends.source_port = 3; /* type and code: port unreachable */
	d.ends.target_port = 3;
	strike_udp(w, row, &d);
}

static inline void strike_resolve(struct world *w, an_u32 row, struct strike_shot *s)
{
	an_u8 payload[STRIKE_PAYLOAD_BYTES + 512];
	struct wire_datagram d = {.protocol = STRIKE_UDP_PROTOCOL,
				  .direction = AIRNET_DIRECTION_DOWN,
				  .payload = payload};

	strike_back(s, &d.ends);
	d.payload_bytes = (an_u16)strike_dns_reply(&s->chance, payload, s->bytes, 1);
	strike_udp(w, row, &d);
}

/* A SYN is taken by who listens there, and refused by who does not. */
static inline void strike_answer_tcp(struct world *w, an_u32 row, an_u64 number,
				     struct strike_shot *s)
{
	const struct strike_row *r = strike_at(w, row);
	struct wire_segment g = {.direction = AIRNET_DIRECTION_DOWN};
	int is_brief = s->is_borrowed || r->kind == STRIKE_SCAN;

	strike_back(s, &g.ends);
	g.echo = strike_stamp(w, s->source);
	if (r->kind == STRIKE_ACK) {
		g.sequence = s->acknowledged;
		g.flags = AIRNET_TCP_RST;
	} else if (r->kind == STRIKE_SCAN && !strike_listens(w, s->target, s->port)) {
		g.acknowledged = s->sequence + 1;
		g.flags = AIRNET_TCP_RST | AIRNET_TCP_ACK;
	} else {
		if (!intake_opens(w, s->target, is_brief))
			return;
		g.sequence = s->acknowledged;
		g.acknowledged = s->sequence + 1;
		g.flags = AIRNET_TCP_SYN | AIRNET_TCP_ACK;
	}
	strike_tcp(w, row, &g);
	if ((g.flags & AIRNET_TCP_SYN) && is_brief)
		agenda_add(&w->agenda,
			   w->now_ns + strike_reach_ns(w, s->source, &s->chance),
			   STRIKE_EVENT_RETORT, row, number);
}

static inline void strike_answer(struct world *w, an_u32 row, an_u64 number)
{
	const struct strike_row *r = strike_at(w, row);
	struct strike_shot s;

	strike_shot(w, row, number, &s);
	w->strikes.counts.answers++;
	switch (r->kind) {
	case STRIKE_UDP:
	case STRIKE_AMPLIFY:
		strike_unreachable(w, row, &s);
		break;
	case STRIKE_TUNNEL:
		strike_resolve(w, row, &s);
		break;
	default:
		strike_answer_tcp(w, row, number, &s);
	}
}

/* A SYN-ACK has come to a host that never asked (its address was borrowed), or to a
 * scanner that only wanted to know: it resets (RFC 9293 section 3.10.7.1). */
static inline void strike_retort(struct world *w, an_u32 row, an_u64 number)
{
	struct wire_segment g = {.flags = AIRNET_TCP_RST};
	struct strike_shot s;

	strike_shot(w, row, number, &s);
	strike_ends(&s, &g.ends);
	g.sequence = s.sequence + 1;
	if (!strike_lets(w, &g.ends)) {
		intake_reset(w, s.target, 1);
		return;
	}
	intake_reset(w, s.target, !intake_takes(w, s.target));
	w->strikes.counts.retorts++;
	strike_tcp(w, row, &g);
}

#endif
