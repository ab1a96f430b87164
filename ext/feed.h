/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Market data by multicast, in step with the books: MoldUDP64 1.00 packets of messages
 * as in Nasdaq TotalView-ITCH 5.0, on two groups. Every update of a book is one
 * message, in the order in which the book changed.
 */
#ifndef AIRNET_FEED_H
#define AIRNET_FEED_H

#include "line_notes.h"

#define FEED_HEADER_BYTES 20
#define FEED_MESSAGE_BYTES 46 /* the longest, with its length */
#define FEED_DAY_NS (86400 * WORLD_SECOND_NS)

enum {
	FEED_FLUSH = WORLD_LINE | LINE_EVENT_FEED, /* who: feed */
	FEED_LATER,
	FEED_BEAT,
};

static inline const struct feed_row *feed_row(const struct world *w, an_u32 number)
{
	return (const struct feed_row *)w->rows[ROWS_FEED].at + number;
}

static inline an_u8 *feed_put(an_u8 *out, an_u64 value, int bytes)
{
	for (int at = bytes - 1; at >= 0; at--, value >>= 8)
		out[at] = (an_u8)value;
	return out + bytes;
}

static inline an_u8 *feed_stock(const struct world *w, an_u8 *out, an_u32 symbol)
{
	const an_u8 *name = w->lines.names[symbol];

	memset(out, ' ', 8);
	memcpy(out, name, name[WIRE_NAME_BYTES - 1]);
	return out + 8;
}

/* Type, stock locate, tracking number, nanoseconds since midnight. */
static inline an_u8 *feed_begin_message(an_u8 *out, char type, an_u32 symbol,
					an_s64 now_ns)
{
	*out++ = (an_u8)type;
	out = feed_put(out, symbol + 1, 2);
	out = feed_put(out, 0, 2);
	return feed_put(out, (an_u64)(now_ns % FEED_DAY_NS), 6);
}

/* One update as an ITCH message behind its length; the end. */
static inline an_u8 *feed_message(const struct world *w, const struct book_update *u,
				  an_u64 match, an_u8 *out)
{
	static const char letters[] = "?AXDEH", states[] = "?TQH";
	char type = letters[u->kind];
	an_u8 *at = out + 2;

	if (u->kind == UPDATE_TRADE && !u->order)
		type = 'P';
	at = feed_begin_message(at, type, u->symbol, w->now_ns);
	if (type != 'H')
		at = feed_put(at, u->order, 8);
	if (type == 'A' || type == 'P')
		*at++ = u->side == '1' ? 'B' : 'S';
	if (type != 'H' && type != 'D')
		at = feed_put(at, u->quantity, 4);
	if (type == 'A' || type == 'P' || type == 'H')
		at = feed_stock(w, at, u->symbol);
	if (type == 'A' || type == 'P')
		at = feed_put(at, (an_u64)u->price * 100, 4); /* four decimals */
	if (type == 'E' || type == 'P')
		at = feed_put(at, match, 8);
	if (type == 'H') {
		*at++ = (an_u8)states[u->quantity & 3];
		memcpy(at, "     ", 5); /* reserved, reason */
		at += 5;
	}
	feed_put(out, (an_u64)(at - out - 2), 2);
	return at;
}

/* Put a packet of a group on the wire. */
static inline void feed_put_packet(struct world *w, struct feed *f, int group,
				   const struct feed_packet *p)
{
	if (w->mode == WORLD_ROWS && seen_group(w, &f->paths[group], &f->headers[group],
						cursor_over(p->payload, p->bytes)))
		return;
	wire_put_udp(w, &f->paths[group], p->payload, p->bytes);
}

static inline void feed_later(struct world *w, an_u32 number)
{
	struct feed *f = &w->lines.feeds[number];
	struct feed_packet *late;

	if (f->waiting == FEED_LATE) {
		feed_put_packet(w, f, 1, &f->packet);
		return;
	}
	late = &f->late[(f->first + f->waiting++) % FEED_LATE];
	memcpy(late->payload, f->packet.payload, f->packet.bytes);
	late->bytes = f->packet.bytes;
	agenda_add(&w->agenda, w->now_ns + feed_row(w, number)->b_delay_ns, FEED_LATER,
		   number, 0);
}

/* Send the packet, on both groups; it begins anew behind it. */
static inline void feed_send(struct world *w, an_u32 number)
{
	struct feed *f = &w->lines.feeds[number];
	const struct feed_row *row = feed_row(w, number);
	an_u8 *at = f->packet.payload;

	memcpy(at, row->session, 10);
	feed_put(at + 10, f->number, 8);
	feed_put(at + 18, f->count, 2);
	f->number += f->count;
	f->sent_ns = w->now_ns;
	if (row->gap_ns && w->now_ns >= row->gap_ns && !f->is_gapped) {
		f->is_gapped = 1;
		f->gaps = row->gap_packets;
	}
	if (f->gaps && f->count) {
		f->gaps--;
		w->lines.counts.feed_gaps++;
	} else if (w->mode != WORLD_BLIND) {
		w->lines.counts.feed_packets++;
		feed_put_packet(w, f, 0, &f->packet);
		feed_later(w, number);
	}
	f->count = 0;
	f->packet.bytes = FEED_HEADER_BYTES;
}

static inline int feed_is_stale(const struct feed_row *row, an_s64 now_ns)
{
	return row->stale_ns && now_ns >= row->stale_ns && now_ns < row->stale_until_ns;
}

static inline void feed_add(struct world *w, an_u32 number, const struct book_update *u)
{
	struct feed *f = &w->lines.feeds[number];
	const struct feed_row *row = feed_row(w, number);
	an_u8 *at = f->packet.payload + f->packet.bytes;

	if (u->symbol < row->symbol || feed_is_stale(row, w->now_ns) ||
	    (row->symbols && u->symbol >= row->symbol + row->symbols))
		return;
	at = feed_message(w, u, f->number + f->count, at);
	f->packet.bytes = (an_u32)(at - f->packet.payload);
	f->count++;
	w->lines.counts.feed_messages++;
	if (f->packet.bytes + FEED_MESSAGE_BYTES > FEED_PACKET_BYTES ||
	    f->count == row->messages_max) {
		feed_send(w, number);
	} else if (!f->is_flushing) {
		f->is_flushing = 1;
		agenda_add(&w->agenda, w->now_ns + row->gather_ns, FEED_FLUSH, number,
			   0);
	}
}

static inline void feed_say(struct world *w, const struct book_update *u, an_s64 now_ns)
{
	for (an_u32 i = 0; i < w->rows[ROWS_FEED].count; i++)
		feed_add(w, i, u);
}

static inline void feed_event(struct world *w, const struct event *e)
{
	struct feed *f = &w->lines.feeds[e->who];
	an_s64 beat_ns = (an_s64)feed_row(w, e->who)->heartbeat_ms * 1000000;

	switch (e->kind) {
	case FEED_FLUSH:
		f->is_flushing = 0;
		if (f->count)
			feed_send(w, e->who);
		break;
	case FEED_LATER:
		if (!f->waiting)
			break;
		feed_put_packet(w, f, 1, &f->late[f->first]);
		f->first = (f->first + 1) % FEED_LATE;
		f->waiting--;
		break;
	default:
		/* MoldUDP64: a heartbeat tells the next number when all is quiet. */
		if (e->time_ns - f->sent_ns >= beat_ns && !f->count)
			feed_send(w, e->who);
		agenda_add(&w->agenda, e->time_ns + beat_ns, FEED_BEAT, e->who, 0);
	}
}

static inline int feed_begin(struct world *w, const char **why)
{
	an_u32 count = w->rows[ROWS_FEED].count;

	w->lines.feeds = calloc(count + 1u, sizeof(*w->lines.feeds));
	w->lines.late = calloc(count * FEED_LATE + 1u, sizeof(*w->lines.late));
	if (!w->lines.feeds || !w->lines.late)
		return -1;
	for (an_u32 i = 0; i < count; i++) {
		const struct feed_row *row = feed_row(w, i);
		struct feed *f = &w->lines.feeds[i];
		struct wire_ends ends;

		if (row->host >= w->rows[ROWS_HOST].count) {
			*why = "a feed's host is no row of HOST";
			return -1;
		}
		memset(&ends, 0, sizeof(ends));
		ends.source = ends.target = row->host;
		ends.source_port = ends.target_port = row->port_a;
		memcpy(ends.to, row->group_a, 16);
		wire_path(w, &ends, WIRE_UDP, &f->paths[0]);
		ends.source_port = ends.target_port = row->port_b;
		memcpy(ends.to, row->group_b, 16);
		wire_path(w, &ends, WIRE_UDP, &f->paths[1]);
		f->paths[0].direction = f->paths[1].direction = AIRNET_DIRECTION_DOWN;
		seen_path(&f->paths[0], &f->headers[0]);
		seen_path(&f->paths[1], &f->headers[1]);
		f->late = w->lines.late + i * FEED_LATE;
		f->number = row->number;
		f->packet.bytes = FEED_HEADER_BYTES;
		if (row->heartbeat_ms)
			agenda_add(&w->agenda, w->start_ns, FEED_BEAT, i, 0);
	}
	return 0;
}

#endif
