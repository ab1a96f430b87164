/* SPDX-License-Identifier: Apache-2.0 */
/* One frame: of a session, with its messages, or of none. */
#ifndef AIRNET_WINDOW_FRAME_H
#define AIRNET_WINDOW_FRAME_H

#include "window_host_row.h"
#include "window_loss.h"
#include "window_packet.h"
#include "window_renew.h"
#include "window_unasked.h"

/* The Logons among a client's messages, well-formed or not to the gateway's liking. */
static inline void window_logons(struct window_state *w, struct window_target *t,
				 const struct airnet_header *h,
				 const struct airnet_message *messages, uint32_t count)
{
	uint32_t logons = 0;
	struct window_source *e;

	for (uint32_t i = 0; i < count; i++)
		logons += messages[i].kind == AIRNET_KIND_LOGON;
	if (__builtin_expect(!logons, 1))
		return;
	t->tally.logon += logons;
	t->slot_logons += logons;
	e = window_source_find(w, t, h->source);
	if (!e)
		return;
	window_source_touch(t, e);
	e->tally.logon += logons;
	e->logons += logons;
}

/* A new session: whoever speaks FIX is no unknown peer. */
static __attribute__((noinline)) void window_open(struct window_state *w,
						  struct window_session *s,
						  struct window_target *t,
						  const struct airnet_header *h)
{
	int up = h->direction == AIRNET_DIRECTION_UP;
	const uint8_t *gateway = up ? h->target : h->source;
	uint64_t hash = window_hash(w->seed, gateway);

	window_unread_over(w, s);
	window_renew(w, s, t);
	s->agreed = (h->stream_flags & AIRNET_STREAM_AGREED) != 0;
	s->begun = s->agreed;
	s->mute = 0;
	window_service(w, gateway, hash, 0, 0)->learned = 1;
	window_odd_venue_open(w, up ? h->source : h->target, gateway, hash);
}

/* Who holds the session now, and whether it is over. */
static inline void window_end_frame(struct window_state *w, struct window_session *s,
				    struct window_venue *v, struct window_target *t,
				    const struct airnet_header *h)
{
	int was_established = s->established;

	if (__builtin_expect(s->agreed, 0))
		window_unread_frame(w, s, v, h);
	if (s->asking && h->stream_flags & AIRNET_STREAM_CLOSED)
		window_claim_answered(w, s, v, 0, 1);
	if (s->contested && h->stream_flags & AIRNET_STREAM_CLOSED && !s->closed &&
	    !window_is_reset(h))
		window_ousted(w, s);
	window_establish(w, s, v, t, h);
	if (!was_established && s->established)
		window_lawful(w, s, window_known_at(w, s->client, 0), h->session,
			      h->direction == AIRNET_DIRECTION_UP ? h->target
								  : h->source);
}

/* A frame of a known session: its messages, its handshake, its share of the traffic. */
static inline void window_session_frame(struct window_state *w,
					const struct airnet_header *h,
					const struct airnet_message *messages,
					uint32_t count)
{
	struct window_session *s = &w->sessions[h->session];
	int up = h->direction == AIRNET_DIRECTION_UP;
	struct window_target *t =
		window_target_near(w, up ? h->target : h->source, &s->target);
	struct window_source *e = NULL;
	struct window_venue *v;

	if (h->stream_flags & AIRNET_STREAM_OPENED)
		window_open(w, s, t, h);
	v = window_venue_of(w, s, up ? h->target : h->source,
			    up ? h->target_port : h->source_port);
	if (!s->listed) {
		s->listed = 1;
		s->open_ns = w->now_ns;
		w->active_sessions[w->active_session_count++] = h->session;
	}
	if (h->stream_flags & AIRNET_STREAM_RETRANSMIT)
		s->active = 1;
	window_venue_frame(w, v, s, h);
	if (h->payload_bytes)
		window_trace(w, s, h);
	window_loss(w, s, h);
	if (h->stream_flags & AIRNET_STREAM_RETRANSMIT)
		window_venue_again(v, s, up);
	for (uint32_t i = 0; i < count; i++) {
		window_message(w, h->session, v, &messages[i]);
		if (__builtin_expect(s->contested | s->asking | messages[i].comp_key |
					     (messages[i].kind == AIRNET_KIND_LOGOUT),
				     0))
			window_claim_message(w, s, v, h, &messages[i]);
		if (s->window_orders >= WINDOW_ORDERS_MAX)
			window_session_close(
				w, h->session, w->now_ns,
				(WINDOW_SLOT_NS - w->now_ns % WINDOW_SLOT_NS) / 1000);
	}
	window_said(w, s, v, h, messages, count);
	if (!up && window_is_syn_ack(h))
		window_venue_syn_ack(w, v, window_hash(w->seed, h->target),
				     h->target_port);
	if (t) {
		window_target_touch(w, t);
		t->tally.session++;
		if (up && count)
			window_logons(w, t, h, messages, count);
		if (up && window_is_syn(h)) {
			window_flood_packet(w, t, h, window_hash(w->seed, h->source));
		} else if (t->pending) {
			e = window_source_find(w, t, up ? h->source : h->target);
			if (e)
				window_source_touch(t, e);
			if (e && up)
				window_completes(t, e, h);
			t->tally.syn_ack += window_is_syn_ack(h);
			if (e)
				e->tally.syn_ack += window_is_syn_ack(h);
		}
	}
	window_end_frame(w, s, v, t, h);
}

/* What was read, what is a part of a datagram, and who hides behind more headers than
 * decode follows: those addresses are known, and such frames make floods as well. */
static inline int window_is_counted(const struct airnet_header *h)
{
	static const uint8_t nobody[16];

	if (__builtin_expect(h->reason == AIRNET_FRAME_OK, 1))
		return 1;
	return h->reason == AIRNET_FRAME_FRAGMENT ||
	       (h->reason == AIRNET_FRAME_DEPTH &&
		memcmp(h->target, nobody, sizeof(nobody)) != 0);
}

static inline void window_packet(struct window_state *w, const struct airnet_header *h,
				 const struct airnet_message *messages, uint32_t count)
{
	struct window_target *t;
	uint64_t hash;

	if (!window_is_counted(h))
		return;
	if (h->session < AIRNET_SESSIONS_MAX) {
		window_session_frame(w, h, messages, count);
		return;
	}
	if (window_is_multicast(h->target)) {
		w->counters.multicast++;
		return;
	}
	hash = window_hash(w->seed, h->source);
	window_host_frame(w, h, hash);
	if (window_reply(w, h, hash))
		return;
	t = window_target_near(w, h->target, &w->last_target);
	if (!t)
		return;
	window_target_touch(w, t);
	window_flood_packet(w, t, h, hash);
}

#endif
