/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mirror, as the traffic itself bears witness to it: what is remembered of it and
 * of each session. Nothing here believes one session alone: who holds one can forge
 * what it shows, and rules ask for several clients.
 */
#ifndef AIRNET_WINDOW_WITNESS_H
#define AIRNET_WINDOW_WITNESS_H

#include "window_columns_mirror.h"
#include "window_key.h"

#define MIRROR_LATELY 10 /* slots: what a session showed within a second counts */
#define MIRROR_ALONE 3 /* slots without one direction while the other goes on */
#define MIRROR_BACK_NS \
	2000000ull /* a stamp so far behind is a clock's, not a queue's */
#define MIRROR_ODD_NS 20000ull /* beyond four times what was usual */
#define MIRROR_HOT 655 /* Q16 1 %: above that and four baselines it is not learned */

#define CLOCK_SLOTS 5 /* of an epoch: half a second */
#define CLOCK_SAID 3 /* messages of which the least delay counts */
#define CLOCK_LEARN 4 /* epochs */
#define CLOCK_NOISE 6 /* times a delay's usual deviation is a shift, and at least: */
#define CLOCK_SHIFT_NS 500000ll
#define CLOCK_STEP_NS 2000000ll /* at once; less must last for another epoch */
#define CLOCK_RELEARN 6 /* epochs: what lasts longer is how it is */
/* Two hosts' clocks drift apart by so much: 50 ppm, within what RFC 5905 section 7.3
 * calls the tolerance of a disciplined one (PHI, 15 ppm, for each) with room. */
#define CLOCK_SLEW_NS 25000ll

enum { SIGN_TWICE, SIGN_LOST, SIGN_UNSEEN, SIGNS };

/* The least delay from SendingTime(52) to the mirror, one way of a session. */
struct window_clock {
	int64_t base_ns, least_ns, noise_ns;
	uint32_t said, epochs, shifted;
};

/* What one session shows. */
struct window_witness {
	uint8_t client[16];
	uint32_t seen_slot[2]; /* by direction, 0 = never */
	uint32_t sign_slot[SIGNS];
	uint8_t signs; /* a bit each */
	struct window_clock clocks[2];
};

/* A part of a whole: lately, and usually. */
struct window_part {
	uint64_t part_fast, whole_fast, base; /* Q16 */
	uint32_t part, whole, slots, frozen;
};

/* How the senders' clocks look in the last epoch, by direction. */
struct window_clocks {
	uint32_t judged[2], ahead[2], behind[2];
	uint64_t shift_ns; /* the least of those that agree */
};

struct window_mirror {
	uint64_t first_ns, open_ns, reports;
	uint64_t doubt_ns; /* when bytes were last missing, or not seen so far */
	uint64_t frames_fast, frames_base; /* Q16, as below */
	uint64_t lost_fast, lost_slow, data_slow; /* 1 s, 10 s, 10 s */
	uint64_t unseen_slots, unseen_slots_base; /* of all slots, 2 s and 30 s */
	uint64_t lost_bytes, back_ns, back_past_ns; /* the latter two at most */
	struct window_part parts[SIGNS]; /* SIGN_LOST's is of stamps that go back */
	uint32_t slots, twice_down, lost, lost_down, retransmits, out_of_order;
	uint32_t odd_back, far_back, evidence;
	struct window_clocks clocks;
};

#define MIRROR_BACK SIGN_LOST

/* Bytes that are missing, or were not seen so far, lately; Q16. */
static inline uint64_t window_mirror_doubt(const struct window_mirror *m)
{
	const struct window_part *unseen = &m->parts[SIGN_UNSEEN];

	return m->lost_fast + unseen->part_fast +
	       (((uint64_t)m->lost + unseen->part) << 16) / 10;
}

/* What the witnesses show together. */
struct window_witnesses {
	uint32_t active, one_way, clients[SIGNS];
};

static inline void window_part_roll(struct window_part *p)
{
	uint64_t share = p->whole ? ((uint64_t)p->part << 16) / p->whole : 0;
	int is_hot = p->slots >= WINDOW_LEARN_SLOTS && share > 4 * p->base + MIRROR_HOT;

	p->part_fast = (p->part_fast * 9 + ((uint64_t)p->part << 16)) / 10;
	p->whole_fast = (p->whole_fast * 9 + ((uint64_t)p->whole << 16)) / 10;
	if (p->whole && is_hot && p->frozen < WINDOW_FROZEN_SLOTS) {
		p->frozen++;
	} else if (p->whole) {
		p->frozen = 0;
		p->slots += p->slots < WINDOW_BASE_SLOTS;
		p->base = (p->base * (p->slots - 1) + share) / p->slots;
	}
	p->part = p->whole = 0;
}

/* The part lately, in thousandths of the whole. */
static inline uint64_t window_part_recent(const struct window_part *p)
{
	return window_share(p->part_fast + ((uint64_t)p->part << 16) / 10,
			    p->whole_fast + ((uint64_t)p->whole << 16) / 10);
}

static inline int window_is_lately(uint32_t slot, uint32_t then)
{
	return slot - then < MIRROR_LATELY;
}

/* Add what one session shows at `slot`; `clients` has a bit for each client. */
static inline void window_witness_add(const struct window_witness *t, uint32_t slot,
				      struct window_witnesses *all, uint64_t *clients)
{
	uint64_t bit = 1ull << (window_plain_hash(t->client) >> 58);
	uint32_t last, other, way;

	if (!t->seen_slot[0] || !t->seen_slot[1])
		return;
	way = slot - t->seen_slot[1] < slot - t->seen_slot[0];
	last = slot - t->seen_slot[way];
	other = slot - t->seen_slot[!way];
	if (last >= MIRROR_LATELY)
		return;
	all->active++;
	for (int i = 0; i < SIGNS; i++)
		if (t->signs >> i & 1 && window_is_lately(slot, t->sign_slot[i]))
			clients[i] |= bit;
	all->one_way += t->signs >> SIGN_UNSEEN & 1 &&
			window_is_lately(slot, t->sign_slot[SIGN_UNSEEN]) &&
			other - last >= MIRROR_ALONE;
}

static inline struct window_witnesses window_witnesses_of(const struct window_state *w,
							  uint32_t slot)
{
	struct window_witnesses all = {0};
	uint64_t clients[SIGNS] = {0};

	for (uint32_t i = 0; i < w->active_session_count; i++)
		window_witness_add(&w->witnesses[w->active_sessions[i]], slot, &all,
				   clients);
	for (int i = 0; i < SIGNS; i++)
		all.clients[i] = (uint32_t)__builtin_popcountll(clients[i]);
	return all;
}

#endif
