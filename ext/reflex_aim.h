/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the orders foreseen holds of windows that closed: reflex.h says what for. */
#ifndef AIRNET_REFLEX_AIM_H
#define AIRNET_REFLEX_AIM_H

#include "reflex.h"

static inline an_u32 reflex_place(const an_u8 *address)
{
	an_u64 words[2];

	memcpy(words, address, sizeof(words));
	return (an_u32)((words[0] ^ words[1]) * 0x9e3779b97f4a7c15ull >> 48) %
	       REFLEX_PLACES;
}

/* Where an address is among those never named, or would be. */
static inline an_u8 *reflex_spared_at(const struct reflex *r, const an_u8 *address)
{
	static const an_u8 nothing[16];
	an_u32 at = reflex_place(address);

	while (memcmp(r->spared[at], nothing, 16) != 0 &&
	       memcmp(r->spared[at], address, 16) != 0)
		at = (at + 1) % REFLEX_PLACES;
	return r->spared[at];
}

static inline int reflex_is_spared(const struct reflex *r, const an_u8 *address)
{
	an_u32 i;

	if (memcmp(reflex_spared_at(r, address), address, 16) == 0)
		return 1; /* also where the table has ::, which is nobody's */
	for (i = 0; i < r->range_count; i++)
		if (memcmp(r->ranges[i].first, address, 16) <= 0 &&
		    memcmp(address, r->ranges[i].last, 16) <= 0)
			return 1;
	return 0;
}

/* The number of the first rule that a gateway's row breaks; rule_count: none. */
static inline an_u32 reflex_broken(const struct reflex *r, const float *row)
{
	an_u32 i, j;

	for (i = 0; i < r->rule_count; i++) {
		const struct screen_limit *limit = r->limits + r->rules[i].first;

		for (j = 0; j < r->rules[i].count; j++, limit++)
			if (!(row[limit->column] >= limit->least &&
			      row[limit->column] <= limit->most))
				break;
		if (j == r->rules[i].count)
			return i;
	}
	return r->rule_count;
}

static inline const struct reflex_arm *reflex_arm_of(const struct reflex *r,
						     const an_u8 *gateway)
{
	an_u32 i;

	for (i = 0; i < r->arm_count; i++)
		if (memcmp(r->arms[i].gateway, gateway, 16) == 0)
			return r->arms + i;
	return NULL;
}

/* What is said of a row: the marks, and whether r->opinion is one. */
static inline an_u32 reflex_ask(struct reflex *r, an_u32 kind, const float *row,
				int *speaks)
{
	an_u32 mark;

	*speaks = 0;
	if (kind >= SCREEN_KINDS)
		return 0;
	if (!r->screen.trees[kind])
		return screen_fired(&r->screen, kind, SCREEN_FACT, row);
	r->screen.opinions = &r->opinion;
	r->screen.spoken = 0;
	mark = screen_mark(&r->screen, kind, row, 0);
	*speaks = (int)r->screen.spoken;
	return mark == (SCREEN_SUSPECT | SCREEN_EXCUSED) ? 0 : mark;
}

/* Whether nothing is said of the windows in front: else the judge knows more than it
 * did when it foresaw. */
static inline int reflex_is_first(struct reflex *r, const struct reflex_batch *b,
				  an_u32 place)
{
	int speaks;
	an_u32 i;

	if (place > REFLEX_BEFORE)
		return 0;
	for (i = 0; i < place; i++)
		if (reflex_ask(r, b->windows[i].kind,
			       b->rows + (size_t)i * TREES_COLUMNS, &speaks))
			return 0;
	return 1;
}

/* Whether a flooded gateway's Verdict names this source: 1, 0, or -1 where only the
 * second opinion knows. */
static inline int reflex_names(struct reflex *r, const struct airnet_window *window,
			       const float *row)
{
	const struct reflex_terms *t = &r->terms;
	const struct opinion *said = &r->opinion;
	int speaks, is_fact, is_heavy, is_asked;

	is_fact = !!(reflex_ask(r, REFLEX_SOURCE, row, &speaks) & SCREEN_FACT);
	if ((!is_fact && !speaks) || window->known || row[t->registered] != 0)
		return 0;
	is_heavy = row[t->share] >= REFLEX_ACCOMPLICE_SHARE &&
		   row[t->packets] >= REFLEX_ACCOMPLICE_PACKETS;
	if (is_fact)
		return row[t->share] >= REFLEX_NAMED_SHARE;
	is_asked = !said->abstains && t->containable >> said->cause & 1;
	if (!said->abstains && said->cause == t->flood &&
	    said->probability_ppm >= REFLEX_NAMED_PPM)
		is_heavy = row[t->share] >= REFLEX_NAMED_SHARE;
	return is_heavy && is_asked ? -1 : is_heavy;
}

/* Name one more; 0: there is no room, or it may not be named. */
static inline int reflex_name(const struct reflex *r, struct reflex_shot *shot,
			      const an_u8 *address, an_u32 most)
{
	an_u32 i;

	if (reflex_is_spared(r, address))
		return 0;
	for (i = 0; i < shot->source_count; i++)
		if (memcmp(shot->sources[i], address, 16) == 0)
			return 1;
	if (shot->source_count >= most || shot->source_count >= REFLEX_TARGETS)
		return 0;
	memcpy(shot->sources[shot->source_count++], address, 16);
	return 1;
}

/* Everybody that the order would name; 0: it is not sure who that is. */
static inline int reflex_sources(struct reflex *r, const struct reflex_batch *b,
				 const struct reflex_arm *arm, int is_alive,
				 struct reflex_shot *shot)
{
	an_u32 i;
	int named;

	for (i = shot->place + 1; i < b->count; i++) {
		if (b->windows[i].kind != REFLEX_SOURCE)
			break;
		named = reflex_names(r, b->windows + i,
				     b->rows + (size_t)i * TREES_COLUMNS);
		if (named < 0)
			return 0;
		if (named &&
		    !reflex_name(r, shot, b->windows[i].address, arm->targets_max))
			return 0;
	}
	if (shot->source_count > arm->few)
		return 0;
	for (i = 0; is_alive && i < arm->source_count; i++)
		if (!reflex_name(r, shot, arm->sources[i], arm->targets_max))
			return 0;
	return 1;
}

/* What holds of the window at shot->place, which broke shot->rule; REFLEX_REASONS: it
 * is in the shot. */
static inline enum reflex_why reflex_aim(struct reflex *r, const struct reflex_batch *b,
					 struct reflex_shot *shot)
{
	const struct airnet_window *window = b->windows + shot->place;
	const float *row = b->rows + (size_t)shot->place * TREES_COLUMNS;
	const struct reflex_arm *arm = reflex_arm_of(r, window->address);
	const struct reflex_order *order;
	an_u32 enough;
	int is_alive;

	if (!arm || window->close_ns < arm->from_ns || window->close_ns > arm->until_ns)
		return REFLEX_UNARMED;
	is_alive = window->close_ns <= arm->streak_until_ns;
	enough = arm->at_once | (is_alive ? arm->follows : 0);
	if (!(enough >> shot->rule & 1))
		return REFLEX_TOO_FEW;
	if (!reflex_is_first(r, b, shot->place))
		return REFLEX_NOT_FIRST;
	shot->port = is_alive && arm->streak_port != window->port ? 0 : window->port;
	if (arm->port && shot->port != arm->port)
		return REFLEX_OTHER_PORT;
	if (!(row[r->terms.sources] > (float)arm->few) &&
	    (row[r->terms.known] > REFLEX_KNOWN_SHARE ||
	     !reflex_sources(r, b, arm, is_alive, shot)))
		return REFLEX_UNSURE;
	shot->action = shot->source_count ? REFLEX_DROP : REFLEX_LIMIT;
	if (!(arm->actions & shot->action))
		return REFLEX_OTHERWISE;
	order = shot->action == REFLEX_DROP ? &arm->drop : &arm->limit;
	shot->number = order->number;
	shot->close_ns = window->close_ns;
	shot->ttl_ns = order->ttl_ns;
	shot->text_bytes = order->text_bytes;
	memcpy(shot->gateway, window->address, 16);
	return REFLEX_REASONS;
}

/* That window is the judge's, for this reason. */
static inline void reflex_leave(struct reflex *r, an_u64 close_ns, enum reflex_why why)
{
	r->declined[why]++;
	r->left.close_ns = close_ns;
	r->left.why = why;
}

/* Whether something was foreseen of the first window of a gateway that breaks a rule:
 * 1, it is in the shot. -1: that window is left to the judge. 0: none breaks one. */
static inline int reflex_look(struct reflex *r, const struct reflex_batch *b,
			      struct reflex_shot *shot)
{
	enum reflex_why why;
	an_u32 i;

	for (i = 0; i < b->count; i++) {
		if (b->windows[i].kind != REFLEX_GATEWAY)
			continue;
		if (!r->gateways_left)
			return 0;
		r->gateways_left--;
		memset(shot, 0, sizeof(*shot));
		shot->place = i;
		shot->rule = reflex_broken(r, b->rows + (size_t)i * TREES_COLUMNS);
		if (shot->rule == r->rule_count)
			continue;
		why = reflex_aim(r, b, shot);
		if (why == REFLEX_REASONS)
			return 1;
		/* The next one is for a judge who has seen this one. */
		reflex_leave(r, b->windows[i].close_ns, why);
		return -1;
	}
	return 0;
}

#endif
