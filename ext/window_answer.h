/* SPDX-License-Identifier: Apache-2.0 */
/* What a venue is asked and answers, one event at a time: latencies, their baselines,
 * and what waits. */
#ifndef AIRNET_WINDOW_ANSWER_H
#define AIRNET_WINDOW_ANSWER_H

#include "window_venue.h"

static inline uint32_t window_wait_add(struct window_wait *wait, uint64_t ns)
{
	uint32_t us = ns / 1000 > WINDOW_LIMIT ? WINDOW_LIMIT : (uint32_t)(ns / 1000);

	wait->sum_us += us;
	wait->count++;
	wait->worst_us = us > wait->worst_us ? us : wait->worst_us;
	wait->last_us = us;
	wait->is_known = 1;
	return us;
}

/* A batch is full: has the floor risen, and if not, what is usual? */
static inline void window_floor_batch(struct window_floor *f, uint64_t now_ns)
{
	uint64_t n = f->batches + 1 < WINDOW_BATCHES ? f->batches + 1 : WINDOW_BATCHES;
	uint64_t least16 = (uint64_t)f->batch_least_us * 16;
	uint64_t apart =
		least16 > f->floor16 ? least16 - f->floor16 : f->floor16 - least16;
	int is_risen = f->batches >= WINDOW_LEARN_BATCHES && least16 > f->floor16 &&
		       apart > 4 * f->spread16 + WINDOW_RISEN_US16;

	f->least_us = f->batch_least_us;
	f->risen = is_risen ? f->risen + 1 : 0;
	if (!is_risen)
		f->risen_ns = 0;
	else if (!f->risen_ns)
		f->risen_ns = f->batch_ns;
	if (!is_risen || now_ns - f->risen_ns > WINDOW_RISEN_NS) {
		if (f->batches)
			f->spread16 = (f->spread16 * (n - 1) + apart) / n;
		f->floor16 = (f->floor16 * (n - 1) + least16) / n;
		f->mean16 = (f->mean16 * (n - 1) + f->batch_us) / n; /* of 16: Q4 */
		f->batches++;
	}
	f->batch_count = 0;
	f->batch_us = 0;
}

/* An order was acknowledged after `ns`; returns it in us. */
static inline uint32_t window_venue_ack(const struct window_state *w,
					struct window_venue *v, uint64_t ns)
{
	struct window_floor *f = &v->floor;
	uint32_t us = window_wait_add(&v->waits[WAIT_ACK], ns);

	window_trouble_ack(&v->trouble, us, f->floor16 / 16, f->batches);
	if (!f->batch_count) {
		f->batch_ns = w->now_ns;
		f->batch_least_us = us;
	}
	f->batch_us += us;
	f->batch_least_us = us < f->batch_least_us ? us : f->batch_least_us;
	if (++f->batch_count == WINDOW_BATCH)
		window_floor_batch(f, w->now_ns);
	return us;
}

/* An order, a cancel or a replace: it waits for an answer. */
static inline void window_venue_asked(const struct window_state *w,
				      struct window_venue *v)
{
	if (!v->asked_ns)
		v->asked_ns = w->now_ns;
	v->unanswered++;
}

/* A report or a reject. */
static inline void window_venue_answer(const struct window_state *w,
				       struct window_venue *v, struct window_session *s,
				       int is_reject)
{
	v->heard = 1;
	v->health.answers++;
	v->asked_ns = 0;
	v->unanswered = 0;
	v->answered_ns = w->now_ns;
	v->health.sessions_answered += s->answered != w->venue_epoch;
	s->answered = w->venue_epoch;
	if (!is_reject)
		return;
	v->health.rejects++;
	v->health.sessions_rejected += s->rejected != w->venue_epoch;
	s->rejected = w->venue_epoch;
}

static inline void window_logon_asked(const struct window_state *w,
				      struct window_venue *v, struct window_session *s)
{
	v->health.logons++;
	if (s->logon_ns)
		return;
	s->logon_ns = w->now_ns;
	v->logons_waiting++;
	if (!v->logon_asked_ns)
		v->logon_asked_ns = w->now_ns;
}

/* Nobody waits for the answer to this Logon any more. */
static inline void window_logon_over(const struct window_state *w,
				     struct window_venue *v, struct window_session *s)
{
	if (!s->logon_ns)
		return;
	s->logon_ns = 0;
	v->logons_waiting--;
	v->logon_asked_ns = v->logons_waiting ? w->now_ns : 0;
}

static inline void window_logon_answered(const struct window_state *w,
					 struct window_venue *v,
					 struct window_session *s)
{
	uint32_t us;

	if (!s->logon_ns)
		return;
	us = window_wait_add(&v->waits[WAIT_LOGON], w->now_ns - s->logon_ns);
	v->logon_recent_us =
		v->logons_answered ? (v->logon_recent_us * 3 + us) / 4 : us;
	v->logons_answered++;
	window_trouble_logon(&v->trouble, us);
	window_logon_over(w, v, s);
}

/* A client's SYN. One sent again counts from the first. `hash` is the client's. */
static inline void window_venue_syn(struct window_state *w, struct window_venue *v,
				    uint64_t hash, uint16_t port)
{
	uint64_t key = (hash + port) * WINDOW_GOLDEN | 1;
	struct window_syn *syn = &v->syns[key >> 58];

	window_venue_touch(w, v);
	v->health.syns++;
	if (syn->key == key && w->now_ns - syn->sent_ns < WINDOW_SYN_NS)
		return;
	syn->key = key;
	syn->sent_ns = w->now_ns;
}

/* A SYN-ACK to the client of this hash and port. */
static inline void window_venue_syn_ack(struct window_state *w, struct window_venue *v,
					uint64_t hash, uint16_t port)
{
	uint64_t key = (hash + port) * WINDOW_GOLDEN | 1;
	struct window_syn *syn = &v->syns[key >> 58];

	window_venue_touch(w, v);
	if (syn->key != key)
		return;
	syn->key = 0;
	if (w->now_ns - syn->sent_ns < WINDOW_SYN_NS)
		window_wait_add(&v->waits[WAIT_HANDSHAKE], w->now_ns - syn->sent_ns);
}

/* A frame of a session, whatever is in it. What the gateway sends next after data is
 * taken as TCP's acknowledgement of it, unless the data was sent again (Karn and
 * Partridge 1987). */
static inline void window_venue_frame(struct window_state *w, struct window_venue *v,
				      struct window_session *s,
				      const struct airnet_header *h)
{
	window_venue_touch(w, v);
	window_trouble_frame(&v->trouble, h->session, h->stream_flags);
	s->spoke = 1;
	if (h->direction == AIRNET_DIRECTION_UP) {
		if (h->payload_bytes && !s->data_ns)
			s->data_ns = w->now_ns;
	} else if (s->data_ns) {
		window_wait_add(&v->waits[WAIT_TCP], w->now_ns - s->data_ns);
		s->data_ns = 0;
	}
}

/* A segment sent again. */
static inline void window_venue_again(struct window_venue *v, struct window_session *s,
				      int up)
{
	if (up)
		s->data_ns = 0;
	else
		v->health.retransmits++;
}

/* A session's host, as one of 64. */
static inline uint64_t window_host_bit(const struct window_state *w,
				       const struct window_session *s)
{
	return 1ull << (window_hash(w->seed, s->client) >> 58);
}

/* Nobody answers a session's client: once, until the gateway says something. */
static __attribute__((noinline)) void window_unheard(const struct window_state *w,
						     struct window_session *s,
						     struct window_venue *v)
{
	if (!s->established || s->unheard.parted || s->unheard.counted)
		return;
	s->unheard.counted = 1;
	window_silences_add(&v->silences, window_host_bit(w, s), w->now_ns);
}

/* The first FIN or RST of a session that held: who ends it, and why? */
static __attribute__((noinline)) void window_part(const struct window_state *w,
						  struct window_session *s,
						  struct window_venue *v,
						  const struct airnet_header *h)
{
	int up = h->direction == AIRNET_DIRECTION_UP;

	if (up && window_is_unheard(&s->unheard, w->now_ns))
		window_unheard(w, s, v);
	s->unheard.parted = 1;
	if (!up && !s->unheard.logged_out)
		window_cut_add(&v->cut, window_host_bit(w, s), v->sessions, w->now_ns);
}

/* Both ends have spoken. */
static inline void window_venue_join(struct window_venue *v)
{
	v->sessions++;
	v->used = 1;
}

/* A session is over, or its row another's: nothing of it waits any more. */
static inline void window_venue_leave(struct window_state *w, struct window_session *s)
{
	struct window_venue *v = &w->venues[s->venue];

	if (s->closed || !s->venue_generation || s->venue_generation != v->generation)
		return;
	v->sessions -= s->established;
	v->outstanding -= s->outstanding;
	window_logon_over(w, v, s);
}

#endif
