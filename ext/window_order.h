/* SPDX-License-Identifier: Apache-2.0 */
/* One message into its session's slot: kinds, repetition, duplicates, answers. */
#ifndef AIRNET_WINDOW_ORDER_H
#define AIRNET_WINDOW_ORDER_H

#include "window_answer.h"
#include "window_price.h"
#include "window_session.h"

/* Bring close what a message about this order will need. It decides nothing.
 * always_inline: as for window_source_ahead. */
static inline __attribute__((always_inline)) void
window_order_ahead(const struct window_session *s, const struct airnet_message *m)
{
	uint64_t hash = window_mix(m->order_key);
	uint32_t slot = (uint32_t)(hash >> 32) % WINDOW_PENDING;

	__builtin_prefetch(s->keys[hash % WINDOW_KEY_SETS], 1);
	__builtin_prefetch(&s->pending_key[slot], 1);
	__builtin_prefetch(&s->pending_ns[slot], 1);
	__builtin_prefetch(s->key_ns[hash % WINDOW_KEY_SETS], 1);
}

/* True when this ClOrdID was used lately; remembers it. */
static inline int window_key_seen(struct window_session *s, uint64_t key, uint64_t hash,
				  uint64_t now_ns)
{
	uint32_t set = (uint32_t)(hash % WINDOW_KEY_SETS);

	for (int i = 0; i < WINDOW_KEY_WAYS; i++)
		if (s->keys[set][i] == key)
			return 1;
	s->keys[set][s->key_at[set]] = key;
	s->key_ns[set][s->key_at[set]] = now_ns;
	s->key_at[set] = (uint8_t)((s->key_at[set] + 1) % WINDOW_KEY_WAYS);
	return 0;
}

static inline void window_pending_add(const struct window_state *w,
				      struct window_session *s, struct window_venue *v,
				      const struct airnet_message *m, uint64_t like)
{
	uint32_t slot = (uint32_t)(window_mix(m->order_key) >> 32) % WINDOW_PENDING;

	if (!s->pending_key[slot]) {
		s->outstanding++;
		v->outstanding += !s->closed;
	}
	s->pending_key[slot] = m->order_key;
	s->pending_ns[slot] = w->now_ns;
	s->pending_like[slot] = (uint32_t)(like >> 32);
}

/* An order was refused: as one like it was before? */
static inline void window_refused(struct window_session *s, uint32_t word)
{
	if (window_among(s->refused_like, WINDOW_REFUSED, word)) {
		s->current[C_RETRY]++;
		return;
	}
	s->refused_like[s->refused_at] = word;
	s->refused_at = (uint8_t)((s->refused_at + 1) % WINDOW_REFUSED);
}

/* The first report for an order: how long it took. True when it was waited for. */
static inline int window_pending_take(const struct window_state *w,
				      struct window_session *s, struct window_venue *v,
				      uint64_t key, int is_reject)
{
	uint32_t slot = (uint32_t)(window_mix(key) >> 32) % WINDOW_PENDING;
	uint64_t latency_us;

	if (!key || s->pending_key[slot] != key)
		return 0;
	latency_us = window_venue_ack(w, v, w->now_ns - s->pending_ns[slot]);
	s->pending_key[slot] = 0;
	s->outstanding--;
	v->outstanding -= !s->closed;
	s->ack_slow_us16 = s->ack_slow_us16
				   ? (s->ack_slow_us16 * 63 + latency_us * 16) / 64
				   : latency_us * 16;
	s->current[C_ACKS]++;
	s->current[C_ACK_US] += latency_us;
	if (is_reject)
		window_refused(s, s->pending_like[slot]);
	return 1;
}

/* Which tags it has, and in which order: one more of this window's layouts. */
static inline void window_layout(struct window_session *s,
				 const struct airnet_message *m)
{
	uint32_t bit = m->layout - 1u;

	if (bit < AIRNET_LAYOUTS)
		s->layouts[bit / 64] |= 1ull << bit % 64;
}

/* An order message: new, cancel, replace or quote, from the client. */
static inline void window_order(struct window_state *w, struct window_session *s,
				struct window_venue *v, const struct airnet_message *m)
{
	static const uint8_t counted[] = {[AIRNET_KIND_NEW] = C_NEW,
					  [AIRNET_KIND_CANCEL] = C_CANCEL,
					  [AIRNET_KIND_REPLACE] = C_REPLACE,
					  [AIRNET_KIND_QUOTE] = C_QUOTE};
	int again = m->flags & (AIRNET_MESSAGE_POSS_DUP | AIRNET_MESSAGE_POSS_RESEND);
	uint64_t orders, hash = window_mix(m->order_key), like = window_like(m);

	if (!s->first_order_ns)
		s->first_order_ns = w->now_ns;
	if (!s->window_first_ns)
		s->window_first_ns = w->now_ns;
	s->current[counted[m->kind]]++;
	s->window_orders++;
	v->health.orders++;
	if (m->kind != AIRNET_KIND_QUOTE) /* most are answered only when asked for */
		window_venue_asked(w, v);
	if (m->kind != AIRNET_KIND_NEW && m->original_key)
		window_age(s, m->original_key, w->now_ns);
	if (m->order_key && window_key_seen(s, m->order_key, hash, w->now_ns) &&
	    m->kind == AIRNET_KIND_NEW && !again)
		s->current[C_DUPLICATE]++;
	if (!again) {
		window_layout(s, m);
		s->current[C_SENT] += window_sent(m->kind);
		s->current[C_VOLUME] +=
			window_sent(m->kind) * window_units(m->quantity);
		window_price_order(w, s, m);
	}
	window_echo(s, like, m->kind, w->now_ns);
	window_symbol_order(w, s, m->symbol_key);
	if (m->kind == AIRNET_KIND_REPLACE)
		window_chain(s, m, w->now_ns);
	if (m->kind == AIRNET_KIND_NEW) {
		v->health.news++;
		window_repetition(s, m, like);
		window_size(s, window_units(m->quantity));
		if (m->order_key)
			window_pending_add(w, s, v, m, like);
	}
	if (!s->in_market)
		return;
	if (s->market_current < s->clip) {
		s->market_current++;
		w->market_current++;
	}
	orders = window_orders_of(s->current);
	if (!s->elevated && s->elevated_at && orders >= s->elevated_at) {
		s->elevated = 1;
		w->elevated++;
		w->hot += !s->hot;
		s->hot = WINDOW_HOT_SLOTS;
	}
}

/* Part of an order was executed. Sides: FIX 4.4 volume 6, field 54. */
static inline void window_fill(struct window_session *s, const struct airnet_message *m)
{
	int is_bought = m->side == '1' || m->side == '3';

	s->unfilled = 0;
	s->current[is_bought ? C_BOUGHT : C_SOLD] += window_units(m->quantity);
}

/* An ExecutionReport. Values of 150 and 39: FIX 4.4 volume 6, fields 150 and 39. */
static inline void window_report(struct window_state *w, struct window_session *s,
				 struct window_venue *v, const struct airnet_message *m)
{
	uint8_t type = m->exec_type ? m->exec_type : m->order_status;
	int refused = type == '8', fill = type == 'F' || type == '1' || type == '2';
	int waited = window_pending_take(w, s, v, m->order_key, refused);

	window_venue_answer(w, v, s, refused);
	window_answered(s, refused);
	s->current[C_ANSWER]++;
	s->current[C_REFUSED] += (uint64_t)refused;
	s->current[C_REPORT]++;
	s->current[C_FILL] += (uint64_t)fill;
	s->current[C_REJECT] += (uint64_t)refused;
	if (fill) {
		window_fill(s, m);
		window_price_fill(w, s, m);
	}
	if (type == '0' || (fill && waited))
		s->accepted_ns = w->now_ns;
}

static inline void window_sequence(struct window_session *s, struct window_venue *v,
				   const struct airnet_message *m)
{
	uint64_t *last = &s->sequence[m->direction & 1];

	if (!m->sequence || m->flags & AIRNET_MESSAGE_POSS_DUP)
		return;
	if (m->kind == AIRNET_KIND_LOGON || m->kind == AIRNET_KIND_SEQUENCE_RESET) {
		*last = m->sequence;
		return;
	}
	if (*last && m->sequence > *last + 1) {
		s->current[C_GAP]++;
		v->health.gaps++;
	}
	if (m->sequence > *last)
		*last = m->sequence;
}

/* What shows that this end takes part: from the gateway, only what it would not say to
 * a client it refuses (a Logout or a Reject it would). */
static inline int window_speaks(const struct airnet_message *m)
{
	if (m->direction == AIRNET_DIRECTION_UP)
		return 1;
	return m->kind == AIRNET_KIND_LOGON || m->kind == AIRNET_KIND_REPORT ||
	       m->kind == AIRNET_KIND_HEARTBEAT;
}

/* What is neither an order nor a report. */
static inline void window_other(struct window_state *w, struct window_session *s,
				struct window_venue *v, const struct airnet_message *m)
{
	int up = m->direction == AIRNET_DIRECTION_UP;

	v->heard |= !up;
	if (m->kind == AIRNET_KIND_REJECT ||
	    (!up && m->kind == AIRNET_KIND_CANCEL_REJECT)) {
		s->current[C_REJECT]++;
		if (m->kind == AIRNET_KIND_REJECT && !up)
			window_answered(s, 1);
		if (!up) {
			window_venue_answer(w, v, s, 1);
			s->current[C_ANSWER]++;
			s->current[C_REFUSED]++;
		}
	} else if (m->kind == AIRNET_KIND_LOGON) {
		if (up && m->original_key)
			s->version = (uint16_t)(m->original_key >> 48) | 1;
		if (!up)
			window_logon_answered(w, v, s);
		else if (!s->closed)
			window_logon_asked(w, v, s);
	} else if (m->kind == AIRNET_KIND_LOGOUT && !up) {
		window_logon_over(w, v, s);
	} else if (m->kind == AIRNET_KIND_RESEND_REQUEST) {
		s->current[C_RESEND]++;
		v->health.resends++;
	}
}

/* Every message of a session, in frame order. */
static inline __attribute__((always_inline)) void
window_message(struct window_state *w, uint32_t index, struct window_venue *v,
	       const struct airnet_message *m)
{
	struct window_session *s = &w->sessions[index];
	int up = m->direction == AIRNET_DIRECTION_UP;

	s->active = 1;
	if (m->malformed)
		return;
	s->heard |= (uint8_t)(window_speaks(m) << (m->direction & 1));
	if (__builtin_expect(window_unheard_message(&s->unheard, m, w->now_ns), 0))
		window_unheard(w, s, v);
	window_sequence(s, v, m);
	s->current[C_POSS_DUP] += up && m->flags & AIRNET_MESSAGE_POSS_DUP;
	s->current[C_UP] += (uint64_t)up;
	s->messages += (uint64_t)up;
	if (up && m->kind >= AIRNET_KIND_NEW && m->kind <= AIRNET_KIND_QUOTE)
		window_order(w, s, v, m);
	else if (!up && m->kind == AIRNET_KIND_REPORT)
		window_report(w, s, v, m);
	else
		window_other(w, s, v, m);
}

#endif
