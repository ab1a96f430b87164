/* SPDX-License-Identifier: Apache-2.0 */
/* How sessions end: cut by the gateway, unasked and many at once; or by clients
 * to whom it says nothing any more. */
#ifndef AIRNET_WINDOW_PARTING_H
#define AIRNET_WINDOW_PARTING_H

#include "window_trouble.h"

#define CUT_NS 300000000ull /* sessions that are cut within it are cut at once */
#define CUT_SEEN_NS 1000000000ull /* rows say so for so long */
#define UNHEARD_NS 10000000000ull /* an epoch: this one and the last are counted */
#define SPOKEN_MIN_NS 500000000ull /* heartbeats closer together have no interval */

/* Sessions that a venue cut, since the first of them. */
struct window_cut {
	uint64_t first_ns, hosts; /* 0 = none yet; a bit for each host */
	uint32_t count, held; /* of so many that it held */
};

/* Sessions whose clients nobody answered, by epoch. */
struct window_silences {
	uint64_t epoch, hosts_now, hosts_before;
	uint32_t now, before;
};

/* Whether the gateway owes a word: both ends have the same interval (FIX 4.4 volume 2,
 * HeartBtInt), and half of one more has passed. */
static inline int window_is_unheard(const struct window_unheard *u, uint64_t now_ns)
{
	uint64_t run_ns = u->last_ns - u->first_ns;

	return u->count > 1 && run_ns >= SPOKEN_MIN_NS &&
	       2 * (now_ns - u->heard_ns) * (u->count - 1) >= 3 * run_ns;
}

/* A message of either end; whether its client spoke to nobody. */
static inline int window_unheard_message(struct window_unheard *u,
					 const struct airnet_message *m,
					 uint64_t now_ns)
{
	u->logged_out |= m->kind == AIRNET_KIND_LOGOUT;
	if (m->direction != AIRNET_DIRECTION_UP) {
		u->heard_ns = now_ns;
		u->count = 0;
		u->counted = 0;
		return 0;
	}
	if (m->kind != AIRNET_KIND_HEARTBEAT && m->kind != AIRNET_KIND_TEST_REQUEST)
		return 0;
	if (!u->count++)
		u->first_ns = now_ns;
	u->last_ns = now_ns;
	return window_is_unheard(u, now_ns);
}

static inline void window_cut_add(struct window_cut *c, uint64_t host, uint32_t held,
				  uint64_t now_ns)
{
	if (!c->first_ns || now_ns - c->first_ns > CUT_NS) {
		memset(c, 0, sizeof *c);
		c->first_ns = now_ns;
		c->held = held;
	}
	c->count++;
	c->hosts |= host;
}

/* What was counted in this epoch and the last. */
static inline void window_silences_roll(struct window_silences *g, uint64_t at_ns)
{
	uint64_t epoch = at_ns / UNHEARD_NS;

	if (g->epoch == epoch)
		return;
	g->before = g->epoch + 1 == epoch ? g->now : 0;
	g->hosts_before = g->epoch + 1 == epoch ? g->hosts_now : 0;
	g->now = 0;
	g->hosts_now = 0;
	g->epoch = epoch;
}

static inline void window_silences_add(struct window_silences *g, uint64_t host,
				       uint64_t now_ns)
{
	window_silences_roll(g, now_ns);
	g->now++;
	g->hosts_now |= host;
}

static inline void window_parting_row(const struct window_cut *c,
				      struct window_silences *g, uint64_t at_ns,
				      float *row)
{
	int is_seen = c->first_ns && at_ns - c->first_ns <= CUT_SEEN_NS;
	uint32_t held = c->held > c->count ? c->held : c->count;

	window_silences_roll(g, at_ns);
	window_put(row, V_sessions_cut, is_seen ? c->count : 0);
	window_put(row, V_cut_share, is_seen ? window_share(c->count, held) : 0);
	window_put(row, V_cut_hosts,
		   is_seen ? (uint64_t)__builtin_popcountll(c->hosts) : 0);
	window_put(row, V_sessions_unheard, (uint64_t)g->now + g->before);
	window_put(row, V_unheard_hosts,
		   (uint64_t)__builtin_popcountll(g->hosts_now | g->hosts_before));
}

#endif
