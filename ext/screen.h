/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which windows anybody has to look at. Most are plainly normal: the model is sure of
 * it, and no hard rule fires; nothing is said of them, so nothing need be made of them.
 * Of venues, hosts, feeds and the sensor rules alone speak.
 * The tests are those of airnet.score.model (plain) and airnet.score.rules, on the
 * same floats; what is marked is judged there, from the beginning.
 */
#ifndef AIRNET_SCREEN_H
#define AIRNET_SCREEN_H

#include "opinion.h"
#include "trees_walk.h"
#include "trees_wide.h"

#define SCREEN_MODELS 3 /* kinds of windows that a model speaks of, from 1 */
#define SCREEN_KINDS 9 /* 0 is none; of those from 4 on rules alone speak */
#define SCREEN_SOURCE 3

#define SCREEN_SUSPECT 1 /* not plainly normal by the model */
#define SCREEN_FACT 2 /* a hard rule fires */
#define SCREEN_EXCUSED 4 /* a rule says that it is normal, whatever the model says */
#define SCREEN_SHADOW 8 /* the turn of the reference */

/* A feature within bounds; numpy dtype LIMIT. */
struct screen_limit {
	an_u32 column;
	float least;
	float most;
};

/* Limits that must all hold, for windows of a kind; numpy dtype RULE. */
struct screen_rule {
	an_u32 kind;
	an_u32 mark;
	an_u32 first;
	an_u32 count;
};

struct screen {
	const struct trees *trees[SCREEN_KINDS];
	float slack[SCREEN_KINDS];
	an_u64 filled[SCREEN_KINDS]; /* columns, in which NaN is `fill` to the model */
	float fill[SCREEN_KINDS];
	struct opinion_voice voices[SCREEN_KINDS];
	const struct screen_rule *rules;
	const struct screen_limit *limits;
	an_u32 rule_count;
	an_u32 shadow_every;
	an_u64 seen; /* windows scored */
	an_u64 heard; /* windows that speak for themselves: not a source's */
	struct opinion *opinions; /* of the last look; NULL = not wanted */
	an_u32 spoken; /* how many they are, at most one a window */
	an_u32 marked; /* every mark that some window of the last look has */
};

static inline void trees_score(const struct trees *t, const float *row, float *out)
{
	if (t->is_wide)
		trees_wide(t, row, out);
	else
		trees_walk(t, row, out);
}

/* The row as the model was trained on it: itself, or `copy`. */
static inline const float *screen_fill(const struct screen *s, an_u32 kind,
				       const float *row, float *copy)
{
	const float *out = row;
	an_u64 left;

	for (left = s->filled[kind]; left; left &= left - 1) {
		int column = __builtin_ctzll(left);

		if (row[column] == row[column])
			continue;
		if (out == row)
			memcpy(copy, row, TREES_COLUMNS * sizeof(*copy));
		copy[column] = s->fill[kind];
		out = copy;
	}
	return out;
}

static inline int screen_is_plain(const struct trees *t, const float *margins,
				  float slack)
{
	float most;
	an_u32 i;

	most = margins[1];
	for (i = 2; i < t->classes; i++)
		most = margins[i] > most ? margins[i] : most;
	return margins[0] - most >= slack;
}

/* The marks of the rules for this kind that fire, of those in `wanted`. */
static inline an_u32 screen_fired(const struct screen *s, an_u32 kind, an_u32 wanted,
				  const float *row)
{
	an_u32 marks = 0, i, j;

	for (i = 0; i < s->rule_count; i++) {
		const struct screen_rule *rule = s->rules + i;
		const struct screen_limit *limit = s->limits + rule->first;

		if (rule->kind != kind || !(rule->mark & wanted))
			continue;
		for (j = 0; j < rule->count; j++, limit++)
			if (!(row[limit->column] >= limit->least &&
			      row[limit->column] <= limit->most))
				break;
		if (j == rule->count)
			marks |= rule->mark;
	}
	return marks;
}

/* The marks of a window that a model speaks of; what it says, unless a rule did. */
static inline an_u32 screen_mark(struct screen *s, an_u32 kind, const float *row,
				 an_u32 place)
{
	const struct trees *t = s->trees[kind];
	float copy[TREES_COLUMNS], margins[TREES_CLASSES];
	an_u32 mark = screen_fired(s, kind, SCREEN_FACT, row);

	trees_score(t, screen_fill(s, kind, row, copy), margins);
	if (screen_is_plain(t, margins, s->slack[kind]))
		return mark;
	mark |= SCREEN_SUSPECT | screen_fired(s, kind, SCREEN_EXCUSED, row);
	if (mark == SCREEN_SUSPECT && s->opinions && s->voices[kind].temperature > 0) {
		struct opinion *out = s->opinions + s->spoken;

		out->place = place;
		out->kind = kind;
		s->spoken += (an_u32)opinion_of(s->voices + kind, margins, t->classes,
						row, out);
	}
	return mark;
}

/* Mark windows[count] with their rows; return how many must be looked at. */
static inline an_u32 screen_look(struct screen *s, const struct airnet_window *windows,
				 const float *rows, an_u32 count, an_u8 *marks)
{
	an_u32 found = 0, i;

	s->spoken = s->marked = 0;
	for (i = 0; i < count; i++, rows += TREES_COLUMNS) {
		an_u32 kind = windows[i].kind, mark = 0;

		s->heard += kind != SCREEN_SOURCE;
		marks[i] = 0;
		if (kind >= SCREEN_KINDS)
			continue;
		if (s->trees[kind]) {
			if (++s->seen % s->shadow_every == 0)
				mark = SCREEN_SHADOW;
			mark |= screen_mark(s, kind, rows, i);
		} else {
			mark = screen_fired(s, kind, SCREEN_FACT, rows);
		}
		if (mark == (SCREEN_SUSPECT | SCREEN_EXCUSED))
			continue;
		marks[i] = (an_u8)mark;
		s->marked |= mark;
		found += mark != 0;
	}
	return found;
}

#endif
