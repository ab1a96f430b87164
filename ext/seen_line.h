/* SPDX-License-Identifier: Apache-2.0 */
/* Ordinary segments of lines as the decoder's rows; see seen.h. */
#ifndef AIRNET_SEEN_LINE_H
#define AIRNET_SEEN_LINE_H

#include "seen.h"

/* The decoder's flow of a line, or NULL when it has none, or another one by now. */
static inline struct stream *seen_flow(const struct world *w, const struct line *l,
				       an_u32 *index)
{
	struct decoder *d = w->out.decoder;

	if (l->session == AIRNET_NONE || l->is_forged ||
	    d->sessions[l->session].number != l->session_number)
		return NULL;
	*index = l->session % FLOW_SESSIONS;
	return &d->shards[l->session / FLOW_SESSIONS];
}

/* Is the decoder where the next ordinary segment of a side finds it? */
static inline int seen_is_ordinary(const struct stream *s, an_u32 index, int side,
				   const struct line_side *sender)
{
	const struct flow *f = &s->flows[index];
	const struct side *own = &f->sides[side], *other = &f->sides[!side];

	return own->is_known && own->next == sender->sequence &&
	       own->held == AIRNET_NONE && own->carry == AIRNET_NONE &&
	       !own->carry_bytes && !own->is_lost && !own->is_done && !own->has_fin &&
	       (own->checked == SUMS_GOOD || own->checked == SUMS_NEVER) &&
	       other->is_known && other->held == AIRNET_NONE && !other->unproved &&
	       sequence_distance(sender->acknowledged, other->next) <= 0 && f->named &&
	       s->sessions[index].version &&
	       s->sessions[index].state != AIRNET_SESSION_CLOSED;
}

/* The header of an ordinary segment; the decoder's state moves on with it. */
static inline struct airnet_header *seen_header(struct world *w, struct stream *s,
						an_u32 index, int side, an_u64 time_ns)
{
	struct world_output *out = &w->out;
	struct decoder *d = out->decoder;
	struct line_side *sender = &w->lines.line[w->lines.seen].sides[side];
	struct airnet_header *h = &out->headers[out->header_count++];
	struct side *other = &s->flows[index].sides[!side];

	*h = sender->header;
	h->time_ns = time_ns;
	h->frame_count = d->frame_count++;
	h->session = s->session_base + index;
	h->message_index = out->message_count;
	h->direction = (an_u8)side;
	d->now_ns = h->time_ns > d->now_ns ? h->time_ns : d->now_ns;
	d->frames[AIRNET_FRAME_OK]++;
	s->header = h;
	s->time_ns = h->time_ns;
	s->now_ns = d->now_ns;
	s->sessions[index].last_ns = h->time_ns;
	other->window = sender->path.window;
	other->has_window = 1;
	side_take(other, sender->acknowledged);
	h->sequence = sender->sequence;
	h->tcp_words = sender->path.has_stamps ? 8 : 5;
	return h;
}

/* A bare acknowledgement; SEEN_*. */
static inline int seen_bare(struct world *w, an_u32 line, int side)
{
	struct line *l = &w->lines.line[line];
	struct line_side *sender = &l->sides[side];
	an_u32 index = 0, options = sender->path.has_stamps ? 12 : 0;
	struct stream *s = seen_flow(w, l, &index);
	an_u64 time_ns;
	int fate;

	if (!s || !seen_is_ordinary(s, index, side, sender))
		return SEEN_AS_FRAME;
	if (seen_is_full(w, 0))
		return SEEN_NOT;
	fate = seen_fate(w, seen_bytes(&sender->path, 20 + options),
			 sender->path.direction, &time_ns);
	if (fate != SEEN_AS_ROWS)
		return fate;
	w->lines.seen = line;
	seen_header(w, s, index, side, time_ns)->tcp_flags = AIRNET_TCP_ACK;
	table_touch(s, index);
	return SEEN_AS_ROWS;
}

/* fix_key of a ClOrdID, as it would be written. */
static inline an_u64 seen_key(struct world *w, const struct wire_voice *v, an_u64 id,
			      an_s64 said_ns)
{
	an_u8 room[96];
	an_u8 *end = wire_id(v, room + 16, id, &w->lines.clock, said_ns);

	return fix_key(cursor_over(room + 16, (size_t)(end - room - 16)));
}

/* What is left of a time that is written with so many digits. */
static inline an_u64 seen_time(an_s64 time_ns, int digits)
{
	an_s64 unit = digits == 0   ? WORLD_SECOND_NS
		      : digits == 3 ? 1000000
		      : digits == 6 ? 1000
				    : 1;

	return (an_u64)(time_ns - time_ns % unit);
}

/* Where a voice keeps an order's layout; -1 for what is no order. */
static inline int seen_layout_place(const struct app *a)
{
	int has_price = a->price != 0;

	switch (a->type) {
	case 'D':
		return has_price;
	case 'F':
		return 2 + has_price;
	case 'G':
		return 4 + has_price;
	default:
		return -1;
	}
}

/* What the decoder says of an order's layout; asked once by writing the order. */
static inline an_u8 seen_layout(struct world *w, struct stream *s, struct wire_voice *v,
				const struct note *n)
{
	an_u8 room[WIRE_MESSAGE_BYTES + 2 * FIX_BLOCK] = {0}, *end;
	int place = seen_layout_place(&n->app);
	struct airnet_message row;
	struct fix_names names;
	struct fix_head head;

	if (place < 0 || v->layouts[place])
		return place < 0 ? 0 : v->layouts[place];
	memset(&row, 0, sizeof(row));
	end = wire_message(v, n, room, &w->lines.clock);
	if (!fix_head(cursor_over(room, (size_t)(end - room)), &head))
		fix_read(&s->fix, room, &head, &row, &names);
	v->layouts[place] = row.layout;
	return row.layout;
}

/* The row of one plain message. */
static inline void seen_message(struct world *w, const struct wire_voice *v,
				const struct note *n, an_u32 bytes,
				struct airnet_message *m)
{
	const struct app *a = &n->app;
	int has_terms = a->type != '9', has_price = has_terms && a->type != 'F';

	m->sequence = n->number;
	m->order_key = seen_key(w, v, a->id, n->said_ns);
	if (a->type != 'D' && (a->original || a->type != '8'))
		m->original_key = seen_key(w, v, a->original, n->said_ns);
	m->sending_ns = seen_time(n->said_ns, v->digits);
	m->bytes = bytes;
	m->type = (an_u8)a->type;
	m->kind = fix_kind(m->type);
	if (has_terms) {
		m->symbol_key = w->lines.name_keys[a->symbol];
		m->side = (an_u8)a->side;
		m->quantity =
			(an_s64)(a->type == '8' ? a->last : a->quantity) * 100000000;
		m->flags = AIRNET_MESSAGE_HAS_QUANTITY;
	}
	if (a->type == '8' || (has_price && a->price)) {
		m->price = (a->type == '8' ? a->last_price : a->price) * 1000000;
		m->flags |= AIRNET_MESSAGE_HAS_PRICE;
	}
	if (has_price && a->type != '8' && a->order_type == '2')
		m->flags |= AIRNET_MESSAGE_LIMIT;
	if (a->type == '8')
		m->exec_type = (an_u8)a->executed;
	if (a->type == '8' || a->type == '9')
		m->order_status = (an_u8)a->status;
}

/* A segment of plain messages, those of a side from `passed` on, with their sizes;
 * SEEN_*. */
static inline int seen_plain(struct world *w, an_u32 line, int side,
			     const an_u32 *sizes, an_u32 count)
{
	struct line *l = &w->lines.line[line];
	struct line_side *sender = &l->sides[side];
	an_u32 index = 0, total = 0, options = sender->path.has_stamps ? 12 : 0;
	struct stream *s = seen_flow(w, l, &index);
	struct fix_names nobody = {{NULL, NULL}, {NULL, NULL}};
	const struct note *note;
	struct airnet_header *h;
	struct side *own;
	an_u64 time_ns;
	int fate;

	if (!s || !seen_is_ordinary(s, index, side, sender))
		return SEEN_AS_FRAME;
	if (seen_is_full(w, count))
		return SEEN_NOT;
	for (an_u32 i = 0; i < count; i++)
		total += sizes[i];
	fate = seen_fate(w, seen_bytes(&sender->path, 20 + options + total),
			 sender->path.direction, &time_ns);
	if (fate != SEEN_AS_ROWS)
		return fate;
	w->lines.seen = line;
	h = seen_header(w, s, index, side, time_ns);
	h->payload_bytes = total;
	h->tcp_flags = AIRNET_TCP_PSH | AIRNET_TCP_ACK;
	h->message_count = (an_u16)count;
	own = &s->flows[index].sides[side];
	own->recent_bytes = 0;
	side_advance(own, total);
	own->need_bytes = 0;
	own->follows_soh = 1;
	for (an_u32 i = 0; i < count; i++) {
		struct airnet_message *m = &w->out.messages[w->out.message_count++];

		memset(m, 0, sizeof(*m));
		m->time_ns = h->time_ns;
		m->frame_count = h->frame_count;
		m->session = h->session;
		m->direction = (an_u8)side;
		note = &sender->notes[(sender->passed + i) % LINE_NOTES];
		seen_message(w, &sender->voice, note, sizes[i], m);
		m->layout = seen_layout(w, s, &sender->voice, note);
		session_take(s, index, side, m, &nobody);
	}
	table_touch(s, index);
	return SEEN_AS_ROWS;
}

/* Which session a frame of a line's was of. */
static inline void seen_learn(struct world *w, struct line *l)
{
	const struct world_output *out = &w->out;
	const struct airnet_header *h;

	if (!out->header_count)
		return;
	h = &out->headers[out->header_count - 1];
	if (h->session == AIRNET_NONE)
		return;
	l->session = h->session;
	l->session_number = out->decoder->sessions[h->session].number;
}

#endif
