/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The capture clock beside the senders' clocks: SendingTime(52) of both ends. A step or
 * a drift of ours moves everybody's delay alike and both ways; a slower path or venue
 * moves one way, and a sender's own clock one session.
 */
#ifndef AIRNET_WINDOW_CLOCK_H
#define AIRNET_WINDOW_CLOCK_H

#include "window_witness.h"

/* A message's delay. Whole seconds are a stamp too coarse to tell anything. Once there
 * are enough, only a lesser one can matter. */
static inline void window_clock_say(struct window_clock *c,
				    const struct airnet_message *m, uint64_t time_ns)
{
	int64_t delay_ns = (int64_t)(time_ns - m->sending_ns);
	int is_again =
		m->flags & (AIRNET_MESSAGE_POSS_DUP | AIRNET_MESSAGE_POSS_RESEND);

	if (c->said >= CLOCK_SAID && delay_ns >= c->least_ns)
		return;
	if (!m->sending_ns || m->malformed || is_again ||
	    m->sending_ns % 1000000000u == 0)
		return;
	if (!c->said || delay_ns < c->least_ns)
		c->least_ns = delay_ns;
	c->said++;
}

/* A delay that is as usual: follow it as fast as clocks drift. */
static inline void window_clock_follow(struct window_clock *c, int64_t shift_ns)
{
	int64_t size_ns = shift_ns < 0 ? -shift_ns : shift_ns;

	c->shifted = 0;
	c->noise_ns += (size_ns - c->noise_ns) / 8;
	if (shift_ns > CLOCK_SLEW_NS)
		shift_ns = CLOCK_SLEW_NS;
	if (shift_ns < -CLOCK_SLEW_NS)
		shift_ns = -CLOCK_SLEW_NS;
	c->base_ns += shift_ns;
}

/* Note whether a clock is where it was. */
static inline void window_clock_judge(struct window_clocks *all, struct window_clock *c,
				      int way, int64_t shift_ns)
{
	int64_t size_ns = shift_ns < 0 ? -shift_ns : shift_ns;

	all->judged[way]++;
	if (size_ns <= CLOCK_SHIFT_NS || size_ns <= CLOCK_NOISE * c->noise_ns) {
		window_clock_follow(c, shift_ns);
		return;
	}
	c->shifted++;
	if (c->shifted > 1 || size_ns > CLOCK_STEP_NS) {
		all->ahead[way] += shift_ns > 0;
		all->behind[way] += shift_ns < 0;
		if (!all->shift_ns || (uint64_t)size_ns < all->shift_ns)
			all->shift_ns = (uint64_t)size_ns;
	}
	if (c->shifted < CLOCK_RELEARN)
		return;
	c->shifted = 0;
	c->base_ns = c->least_ns;
}

/* End of an epoch for one way of a session. */
static inline void window_clock_end(struct window_clocks *all, struct window_clock *c,
				    int way)
{
	if (c->said < CLOCK_SAID)
		return;
	c->said = 0;
	if (c->epochs >= CLOCK_LEARN) {
		window_clock_judge(all, c, way, c->least_ns - c->base_ns);
		return;
	}
	if (!c->epochs++ || c->least_ns < c->base_ns)
		c->base_ns = c->least_ns;
	c->noise_ns = CLOCK_STEP_NS / CLOCK_NOISE;
}

/* End of a slot; every fifth ends an epoch. */
static inline void window_clock_tick(struct window_state *w, uint32_t slot)
{
	struct window_clocks *all = &w->mirror->clocks;

	if (slot % CLOCK_SLOTS)
		return;
	memset(all, 0, sizeof *all);
	for (uint32_t i = 0; i < w->active_session_count; i++) {
		struct window_witness *t = &w->witnesses[w->active_sessions[i]];

		window_clock_end(all, &t->clocks[0], 0);
		window_clock_end(all, &t->clocks[1], 1);
	}
}

#endif
