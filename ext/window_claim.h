/* SPDX-License-Identifier: Apache-2.0 */
/* Who logs on under whose CompID. A CompID logs on once (FIX 4.4 volume 2); a standby
 * does when the first machine is gone. */
#ifndef AIRNET_WINDOW_CLAIM_H
#define AIRNET_WINDOW_CLAIM_H

#include "window_odd_venue.h"
#include "window_trace.h"

#define TRACE_PROOFS 3 /* messages of a CompID's holder after another's Logon */
#define CLAIM_OUSTED_NS 1000000000ull /* from a Logon until the holder is out */
#define CLAIM_MOVES_NS 3600000000000ull /* moves next door: this hour and the last */
#define NEWCOMER_SINCE_NS 8000000000ull /* of the capture: who trades has been seen */
#define NEWCOMER_APART_NS 5000000000ull /* those who begin together are a morning */
#define MET_ANSWERED 1 /* what a gateway said to who logged on: a message */
#define MET_CONTESTING 2 /* it let it in under a CompID that another host has */

/* Where a CompID's holder is kept, or would be; NULL when there is no room. */
static inline struct window_comp *window_comp_at(struct window_state *w, uint32_t key)
{
	uint64_t place = window_mix(key + w->seed[0]) % WINDOW_COMPS;

	for (int i = 0; i < WINDOW_PROBES; i++) {
		struct window_comp *c = &w->comps[place];

		if (!c->key || c->key == key)
			return c;
		place = (place + 1) % WINDOW_COMPS;
	}
	return NULL;
}

/* Whether the session that has this CompID is one of another address, and still up. */
static inline struct window_session *window_holder(struct window_state *w,
						   const struct window_comp *c,
						   const uint8_t *address)
{
	struct window_session *s;

	if (!c || !c->key || window_is_address(c->address, address))
		return NULL;
	s = &w->sessions[c->session];
	if (s->comp != c->key || s->closed || !s->established)
		return NULL;
	return window_is_address(s->client, c->address) ? s : NULL;
}

/* How long it waits between Logons: a person or a program that guesses, or a flood. */
static inline void window_logon_gap(const struct window_state *w, struct window_host *x)
{
	uint64_t gap_us = (w->now_ns - x->logon_ns) / 1000;

	gap_us = gap_us < WINDOW_LIMIT ? gap_us + 1 : WINDOW_LIMIT;
	if (x->logon_gap_us)
		x->logon_gap_us = (uint32_t)((3ull * x->logon_gap_us + gap_us) / 4);
	else if (x->logon_ns)
		x->logon_gap_us = (uint32_t)gap_us;
	x->logon_ns = w->now_ns;
}

/* Another Logon was refused; how many hosts were in this epoch. */
static inline void window_refusal(struct window_state *w, struct window_host *x)
{
	struct window_deeds *y = window_host_touch(w, x);

	if (w->refused_epoch != x->epoch)
		w->refused_hosts = 0;
	w->refused_epoch = x->epoch;
	w->refused_hosts += !y->refusals++;
}

/* A client logs on. Under a CompID that another host has, and goes on to use, that is
 * no fail-over: it counts when the other one has spoken. */
static __attribute__((noinline)) void window_claim(struct window_state *w,
						   struct window_session *s,
						   const struct airnet_header *h,
						   const struct airnet_message *m)
{
	struct window_session *holder;
	struct window_comp *c;
	struct window_host *x;

	s->comp = m->comp_key;
	if (m->kind != AIRNET_KIND_LOGON || m->direction != AIRNET_DIRECTION_UP)
		return;
	x = window_client(w, h);
	if (!x)
		return;
	window_logon_gap(w, x);
	x->now.logons++;
	x->now.comps |= window_bit(m->comp_key);
	s->asking = s->asked = 1;
	s->own_host = (uint32_t)(x - w->hosts);
	s->own_generation = x->generation;
	c = window_comp_at(w, m->comp_key);
	s->is_own = c && c->key && window_is_address(c->address, h->source);
	holder = window_holder(w, c, h->source);
	s->contesting = holder != NULL;
	if (!holder)
		return;
	x->now.claims++;
	holder->contested = TRACE_PROOFS;
	holder->rival = s->own_host;
	holder->rival_generation = s->own_generation;
}

/* Whether a CompID that is let in was another's before, who is gone. */
static inline int window_displaces(struct window_state *w,
				   const struct window_session *s,
				   const struct window_host *x)
{
	const struct window_comp *c = window_comp_at(w, s->comp);
	const struct window_known *self = window_known_at(w, x->address, 0);

	return !s->contesting && c && c->key && !(self && self->registered);
}

/* It was, and lived next door: a standby, or where addresses are lent, anybody; of a
 * site where that happens often it says nothing. Elsewhere, it is nobody's standby. */
static inline void window_displace(struct window_state *w, struct window_session *s,
				   struct window_host *x)
{
	const struct window_comp *c = window_comp_at(w, s->comp);
	uint64_t epoch = w->now_ns / CLAIM_MOVES_NS;

	if (!window_is_near(c->address, x->address)) {
		window_host_touch(w, x)->displaced++;
		s->contesting = 1;
		return;
	}
	if (w->move_epoch != epoch) {
		w->moves_before = w->move_epoch + 1 == epoch ? w->moves : 0;
		w->moves = 0;
		w->move_epoch = epoch;
	}
	w->moves++;
	window_host_touch(w, x)->moved++;
}

/* A gateway lets it in under a CompID that another host has, and may go on to use. */
static inline void window_let_in(struct window_state *w, const struct window_session *s,
				 struct window_host *x)
{
	if (!s->contesting)
		return;
	x->met = MET_CONTESTING;
	if (x->now.contested)
		window_host_alarm(w, x);
}

/* A host that no list has and that never held a session is let in. Under a name that
 * nobody had, that is somebody's first day, or nobody's. */
static inline void window_newcomer(struct window_state *w,
				   const struct window_session *s,
				   struct window_host *x)
{
	const struct window_comp *c = window_comp_at(w, s->comp);
	uint64_t before_ns = w->newcomer_ns;

	if (window_is_familiar(window_known_at(w, x->address, 0)))
		return;
	w->newcomer_ns = w->now_ns;
	if (!c || c->key || w->now_ns - w->start_ns < NEWCOMER_SINCE_NS ||
	    (before_ns && w->now_ns - before_ns < NEWCOMER_APART_NS))
		return;
	window_host_touch(w, x)->newcomers++;
	window_host_alarm(w, x);
}

/* The gateway said something to who waits for an answer to its Logon, or hung up. */
static __attribute__((noinline)) void
window_claim_answered(struct window_state *w, struct window_session *s,
		      const struct window_venue *v, int is_met, int is_refused)
{
	struct window_host *x = &w->hosts[s->own_host];

	s->asking = 0;
	if (x->generation != s->own_generation)
		return;
	if (is_met && x->met < MET_ANSWERED)
		x->met = MET_ANSWERED;
	if (is_met && !is_refused) {
		window_odd_venue_answered(w, x, v->address);
		window_let_in(w, s, x);
		window_newcomer(w, s, x);
	}
	if (s->is_own)
		return;
	if (is_refused) {
		window_refusal(w, x);
		x->venue_sessions = v->sessions;
	} else if (window_displaces(w, s, x)) {
		window_displace(w, s, x);
	} else {
		return;
	}
	window_host_alarm(w, x);
}

/* A session ends as both ends wish, right after another host has logged on under its
 * name: the machine that had the name is well, and was put out. */
static __attribute__((noinline)) void window_ousted(struct window_state *w,
						    struct window_session *s)
{
	struct window_host *x = &w->hosts[s->rival];

	s->contested = 0;
	if (x->generation != s->rival_generation ||
	    w->now_ns - x->logon_ns > CLAIM_OUSTED_NS)
		return;
	window_host_touch(w, x)->ousted++;
	window_host_alarm(w, x);
}

/* Whoever logs out, and is answered, was logged on before we looked. */
static inline void window_claim_over(struct window_state *w, struct window_session *s,
				     const struct airnet_header *h)
{
	struct window_comp *c = window_comp_at(w, s->comp);

	if (s->asked || s->established || s->closed || !(s->heard & 1) || !c ||
	    c->key || w->comp_count == WINDOW_COMPS_MAX)
		return;
	w->comp_count++;
	c->key = s->comp;
	c->session = h->session;
	memcpy(c->address, h->target, 16);
}

/* A session speaks under whose CompID another host has logged on meanwhile. */
static inline void window_contest(struct window_state *w, struct window_session *s)
{
	struct window_host *x = &w->hosts[s->rival];

	s->contested--;
	if (x->generation != s->rival_generation)
		return;
	window_host_touch(w, x)->contested++;
	window_host_alarm(w, x);
}

/* What a message says of who is who; rare but for the tests. */
static __attribute__((noinline)) void
window_claim_message(struct window_state *w, struct window_session *s,
		     const struct window_venue *v, const struct airnet_header *h,
		     const struct airnet_message *m)
{
	int up = m->direction == AIRNET_DIRECTION_UP;

	if (m->malformed)
		return;
	if (s->contested && up && m->kind != AIRNET_KIND_LOGOUT)
		window_contest(w, s);
	if (s->asking && !up)
		window_claim_answered(w, s, v, 1, m->kind != AIRNET_KIND_LOGON);
	if (m->comp_key)
		window_claim(w, s, h, m);
	if (s->comp && !up && m->kind == AIRNET_KIND_LOGOUT)
		window_claim_over(w, s, h);
}

/* Both ends of a session have spoken: it is lawful unless its name is another's. */
static __attribute__((noinline)) void
window_lawful(struct window_state *w, struct window_session *s,
	      struct window_known *client, uint32_t index, const uint8_t *gateway)
{
	struct window_comp *c = s->comp ? window_comp_at(w, s->comp) : NULL;

	if (s->contesting || window_holder(w, c, s->client))
		return;
	client->lawful = 1;
	client->path = s->traces[AIRNET_DIRECTION_UP].usual;
	window_network_add(w, s->client);
	window_network_add(w, gateway);
	if (!c || (!c->key && w->comp_count == WINDOW_COMPS_MAX))
		return;
	w->comp_count += !c->key;
	c->key = s->comp;
	c->session = index;
	memcpy(c->address, s->client, 16);
}

#endif
