/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What a rule of guard.h says of one frame now; for programs that hold frames back.
 */
#ifndef AIRNET_RATE_H
#define AIRNET_RATE_H

#include "guard.h"

enum verdict { NOTHING, CONFORMS, REFUSED };

/* How often two CPUs may meet over one rule before its frame is refused. */
#define TRIES 8

/* What the rule says of a frame now; an ended rule says nothing. */
static __always_inline enum verdict rule_says(struct airnet_guard_rule *rule, __u64 now)
{
	__u64 interval, slack;

	if (!rule || now >= rule->until_ns)
		return NOTHING;
	interval = rule->interval_ns;
	slack = rule->slack_ns;
	for (int i = 0; interval && i < TRIES; i++) {
		__u64 next = rule->next_ns, from = next > now ? next : now;

		if (next > now + slack)
			break;
		if (__sync_val_compare_and_swap(&rule->next_ns, next,
						from + interval) != next)
			continue;
		__sync_fetch_and_add(&rule->passed, 1);
		return CONFORMS;
	}
	__sync_fetch_and_add(&rule->refused, 1);
	return REFUSED;
}

#endif
