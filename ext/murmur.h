/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Background: what is always on a network. An exchange is a function of its row and
 * number: the events of its answers carry no more.
 */
#ifndef AIRNET_MURMUR_H
#define AIRNET_MURMUR_H

#include "shell.h"

/* event.kind: the step of an exchange; value: its number. */
#define MURMUR_ASKS (WORLD_LINE | LINE_EVENT_MURMUR)
#define MURMUR_STEP 1

/* Asked so rarely is never: 30 years, and no overflow. */
#define MURMUR_NEVER_NS 1000000000000000000LL
#define MURMUR_ANSWER_NS 150000 /* a server's time, least */

static inline const struct murmur_row *murmur_row(const struct world *w, an_u32 number)
{
	return (const struct murmur_row *)w->rows[ROWS_MURMUR].at + number;
}

/* One exchange at work: its chance, and what the next frame will be. */
struct murmur {
	struct chance chance;
	const struct murmur_row *row;
	an_u64 number;
	int step;
	struct wire_datagram datagram;
	an_u8 payload[512];
};

/* Who sends to whom: an even step asks, an odd one answers. */
static inline void murmur_ends(struct world *w, struct murmur *m, an_u16 client_port,
			       an_u16 server_port)
{
	struct wire_ends *e = &m->datagram.ends;
	int answers = m->step & 1;

	e->source = answers ? m->row->b : m->row->a;
	e->target = answers ? m->row->a : m->row->b;
	e->source_port = answers ? server_port : client_port;
	e->target_port = answers ? client_port : server_port;
}

/* RFC 5905: 48 bytes; modes 3 and 4. The stamps count from 1900. */
static inline void murmur_ntp(struct world *w, struct murmur *m)
{
	an_u64 seconds = (an_u64)(w->now_ns / WORLD_SECOND_NS) + 2208988800u;
	an_u8 *at = m->payload;

	murmur_ends(w, m, (an_u16)(32768 + chance_below(&m->chance, 28000)), 123);
	memset(at, 0, 48);
	at[0] = m->step & 1 ? 0x24 : 0x23;
	at[1] = m->step & 1 ? 2 : 0;
	at[2] = 6;
	at[3] = 0xe9;
	if (m->step & 1) {
		memcpy(at + 12, "\x0a\x00\x00\x01", 4);
		for (int i = 16; i <= 32; i += 8)
			feed_put(at + i, seconds, 4);
	}
	feed_put(at + 40, seconds, 4);
	feed_put(at + 44, chance_u64(&m->chance), 4);
	m->datagram.payload_bytes = 48;
}

/* IEEE 1588-2008: Sync and Follow_Up from `a`, Delay_Req from `b`, Delay_Resp. */
static inline void murmur_ptp(struct world *w, struct murmur *m)
{
	static const an_u8 types[4] = {0x0, 0x8, 0x1, 0x9};
	static const an_u8 controls[4] = {0, 2, 1, 3};
	static const an_u8 group[16] = {0, 0, 0,    0,	  0,   0, 0, 0,
					0, 0, 0xff, 0xff, 224, 0, 1, 129};
	struct wire_ends *e = &m->datagram.ends;
	an_u32 bytes = m->step == 3 ? 54 : 44;
	an_u8 *at = m->payload;

	e->source = e->target = m->step == 2 ? m->row->b : m->row->a;
	e->source_port = e->target_port = m->step & 1 ? 320 : 319;
	memcpy(e->to, group, 16);
	memset(at, 0, bytes);
	at[0] = types[m->step];
	at[1] = 2;
	feed_put(at + 2, bytes, 2);
	at[6] = m->step == 0 ? 0x02 : 0; /* two-step */
	memcpy(at + 20, world_host(w, e->source)->mac, 3);
	memcpy(at + 23, "\xff\xfe", 2);
	memcpy(at + 25, world_host(w, e->source)->mac + 3, 3);
	feed_put(at + 28, 1, 2);
	feed_put(at + 30, m->number, 2);
	at[32] = controls[m->step];
	at[33] = m->step == 2 ? 0x7f : 0;
	feed_put(at + 34, (an_u64)(w->now_ns / WORLD_SECOND_NS), 6);
	feed_put(at + 40, (an_u64)(w->now_ns % WORLD_SECOND_NS), 4);
	m->datagram.payload_bytes = (an_u16)bytes;
}

/* RFC 792, RFC 4443: echo and its reply, 56 bytes of data. */
static inline void murmur_icmp(struct world *w, struct murmur *m)
{
	int is_v6 = !wire_is_v4(world_host(w, m->row->a)->address);
	an_u16 type = m->step & 1 ? (is_v6 ? 129 : 0) : (is_v6 ? 128 : 8);

	murmur_ends(w, m, 0, 0);
	m->datagram.ends.source_port = type;
	m->datagram.ends.target_port = 0;
	m->datagram.protocol = is_v6 ? WIRE_ICMP6 : WIRE_ICMP;
	feed_put(m->payload, 0x1000u + m->row->a, 2);
	feed_put(m->payload + 2, m->number + 1, 2);
	for (an_u32 i = 0; i < 56; i++)
		m->payload[4 + i] = (an_u8)(i < 16 ? m->number >> (i & 7) : i);
	m->datagram.payload_bytes = 60;
}

/* RFC 3416 in BER: GetRequest of sysUpTime, its Response. */
static inline void murmur_snmp(struct world *w, struct murmur *m)
{
	static const an_u8 ask[] =
		"\x30\x29\x02\x01\x01\x04\x06public\xa0\x1c\x02\x04"
		"....\x02\x01\x00\x02\x01\x00\x30\x0e\x30\x0c\x06\x08"
		"\x2b\x06\x01\x02\x01\x01\x03\x00\x05\x00";
	an_u32 bytes = sizeof(ask) - 1;
	an_u8 *at = m->payload;

	murmur_ends(w, m, (an_u16)(32768 + chance_below(&m->chance, 28000)), 161);
	memcpy(at, ask, bytes);
	feed_put(at + 17, 0x40000000u | (chance_u64(&m->chance) & 0x3fffffff), 4);
	if (m->step & 1) {
		at[1] += 4;
		at[13] = 0xa2;
		at[14] += 4;
		at[28] += 4;
		at[30] += 4;
		memcpy(at + bytes - 2, "\x43\x04", 2);
		feed_put(at + bytes,
			 0x10000000u | ((an_u64)w->now_ns / 10000000 & 0xfffffff), 4);
		bytes += 4;
	}
	m->datagram.payload_bytes = (an_u16)bytes;
}

/* RFC 1035: a question of an address and its answer. */
static inline void murmur_dns(struct world *w, struct murmur *m)
{
	an_u32 name = chance_below(&m->chance, 40);
	an_u8 *at = m->payload;

	murmur_ends(w, m, (an_u16)(32768 + chance_below(&m->chance, 28000)), 53);
	at = feed_put(at, chance_u64(&m->chance), 2);
	at = feed_put(at, m->step & 1 ? 0x8580 : 0x0100, 2);
	at = feed_put(at, 1, 2);
	at = feed_put(at, m->step & 1, 2);
	at = feed_put(at, 0, 4);
	memcpy(at, "\x06host", 5);
	text_fixed(at + 5, name, 2);
	memcpy(at + 7, "\x07trading\x07invalid", 17);
	at = feed_put(at + 24 - 1, 0x0000010001, 5);
	if (m->step & 1) {
		at = feed_put(at, 0xc00c00010001, 6);
		at = feed_put(at, 300, 4);
		at = feed_put(at, 4, 2);
		at = feed_put(at, 0x0a000000u + name, 4);
	}
	m->datagram.payload_bytes = (an_u16)(at - m->payload);
}

/* How many frames an exchange has, and the wait before the next one. */
static inline int murmur_steps(an_u32 kind)
{
	return kind == MURMUR_PTP ? 4 : 2;
}

static inline an_s64 murmur_wait_ns(struct world *w, struct murmur *m)
{
	an_u32 host = m->step & 1 ? m->row->a : m->row->b;

	return MURMUR_ANSWER_NS + world_host(w, host)->reach_ns +
	       chance_below(&m->chance, MURMUR_ANSWER_NS);
}

/* One frame of an exchange. */
static inline void murmur_send(struct world *w, an_u32 row, an_u64 number, int step)
{
	struct murmur m;

	memset(&m.datagram, 0, sizeof(m.datagram));
	m.chance = chance_of(w->seed, WORLD_LINE + 1 + row, number);
	m.row = murmur_row(w, row);
	m.number = number;
	m.step = step;
	m.datagram.protocol = WIRE_UDP;
	m.datagram.direction = step & 1 ? AIRNET_DIRECTION_DOWN : AIRNET_DIRECTION_UP;
	m.datagram.payload = m.payload;
	switch (m.row->kind) {
	case MURMUR_NTP:
		murmur_ntp(w, &m);
		break;
	case MURMUR_PTP:
		murmur_ptp(w, &m);
		break;
	case MURMUR_ICMP:
		murmur_icmp(w, &m);
		break;
	case MURMUR_SNMP:
		murmur_snmp(w, &m);
		break;
	default:
		murmur_dns(w, &m);
	}
	w->lines.counts.murmurs++;
	wire_udp(w, &m.datagram, w->now_ns);
	if (step + 1 < murmur_steps(m.row->kind))
		agenda_add(&w->agenda, w->now_ns + murmur_wait_ns(w, &m),
			   MURMUR_ASKS + MURMUR_STEP * (an_u32)(step + 1), row, number);
}

static inline void murmur_next(struct world *w, an_u32 row, an_u64 number)
{
	const struct murmur_row *r = murmur_row(w, row);
	struct chance c = chance_of(w->seed, WORLD_LINE + 1 + row, ~number);
	double gap = (1 - r->jitter) + r->jitter * chance_exponential(&c);
	an_s64 gap_ns = MURMUR_NEVER_NS;

	if (!(r->rate > 0))
		return;
	if (gap * 1e9 < r->rate * (double)MURMUR_NEVER_NS)
		gap_ns = (an_s64)(gap * 1e9 / r->rate);
	agenda_add(&w->agenda, w->now_ns + 1 + gap_ns, MURMUR_ASKS, row, number);
}

static inline void murmur_event(struct world *w, const struct event *e)
{
	int step = (int)(e->kind - MURMUR_ASKS);

	if (!step)
		murmur_next(w, e->who, e->value + 1);
	if (murmur_row(w, e->who)->kind == MURMUR_SSH)
		shell_step(w, e->who, e->value, step);
	else
		murmur_send(w, e->who, e->value, step);
}

static inline int murmur_begin(struct world *w, const char **why)
{
	an_u32 count = w->rows[ROWS_MURMUR].count;

	w->lines.shells = calloc(count + 1u, sizeof(*w->lines.shells));
	if (!w->lines.shells)
		return -1;
	for (an_u32 i = 0; i < count; i++) {
		const struct murmur_row *r = murmur_row(w, i);

		if (r->a >= w->rows[ROWS_HOST].count ||
		    r->b >= w->rows[ROWS_HOST].count || r->kind >= MURMUR_KINDS) {
			*why = "a murmur's host is no row of HOST, or its kind is none";
			return -1;
		}
		murmur_next(w, i, 0);
	}
	return 0;
}

#endif
