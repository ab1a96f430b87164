/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a model says of a row that is not plainly normal, from its margins: the Cause,
 * how sure, and the feature that stands for it. airnet.score.opinion says the same
 * slowly, a row at a time; to a share of a millionth, and in the same order of sums.
 */
#ifndef AIRNET_OPINION_H
#define AIRNET_OPINION_H

#include <math.h>

#include "trees.h"

#define OPINION_PPM 1000000
#define OPINION_READY 3 /* what must be at least so much, or too little is known */

/* numpy dtype OPINION: of the window at `place`, of this kind. */
struct opinion {
	an_u32 place;
	an_u32 kind;
	an_u32 cause; /* a class of the model: the one, if it abstains, it leans to */
	an_u32 abstains;
	an_u32 probability_ppm; /* of the likeliest class */
	int measured; /* the feature that stands for the cause; 0 = missing */
};

/* How a model speaks. */
struct opinion_voice {
	double temperature; /* divides margins; 0 = it is not asked */
	an_u32 columns[TREES_CLASSES]; /* by class, which feature stands for it */
	int lead_ppm; /* two classes closer than this: it abstains */
	an_u32 has_ready; /* what follows is looked at */
	an_u32 ready_column[OPINION_READY]; /* of these, the last says: no market */
	float ready_least[OPINION_READY];
	an_u32 rate_column;
	float rate_least; /* not ready and below it: nothing is said */
};

static inline int opinion_measure(float value)
{
	/* What is missing, and what no feature can be, is 0. */
	if (!(value > -(float)(1 << 24) && value < (float)(1 << 24)))
		return 0;
	return (int)value;
}

/* Softmax of margins over the temperature, in parts per million. */
static inline void opinion_chances(const struct opinion_voice *v, const float *margins,
				   an_u32 classes, int *out)
{
	double parts[TREES_CLASSES], top, whole = 0;
	an_u32 i;

	for (i = 0; i < classes; i++)
		parts[i] = (double)margins[i] / v->temperature;
	top = parts[0];
	for (i = 1; i < classes; i++)
		top = parts[i] > top ? parts[i] : top;
	for (i = 0; i < classes; i++) {
		parts[i] = exp(parts[i] - top);
		whole += parts[i];
	}
	for (i = 0; i < classes; i++)
		out[i] = (int)nearbyint(parts[i] / whole * OPINION_PPM);
}

/* The place of the first of the largest, `but` one that does not count. */
static inline an_u32 opinion_most(const int *chances, an_u32 classes, an_u32 but)
{
	an_u32 found = but == 0, i;

	for (i = found + 1; i < classes; i++)
		if (i != but && chances[i] > chances[found])
			found = i;
	return found;
}

/* Whether the baseline means anything yet, and there is a market to compare with. 0:
 * say nothing; 1: abstain; 2: speak. */
static inline int opinion_ready(const struct opinion_voice *v, const float *row)
{
	int known = row[v->ready_column[0]] >= v->ready_least[0] &&
		    row[v->ready_column[1]] >= v->ready_least[1];

	if (!v->has_ready)
		return 2;
	if (known && row[v->ready_column[2]] >= v->ready_least[2])
		return 2;
	return known || !(row[v->rate_column] < v->rate_least);
}

/* What is said of a row with these margins; 0 = nothing. */
static inline int opinion_of(const struct opinion_voice *v, const float *margins,
			     an_u32 classes, const float *row, struct opinion *out)
{
	int chances[TREES_CLASSES] = {0}, ready;
	an_u32 top, second;

	opinion_chances(v, margins, classes, chances);
	top = opinion_most(chances, classes, classes);
	second = opinion_most(chances, classes, top);
	out->abstains = chances[top] - chances[second] < v->lead_ppm;
	if (!top && (!out->abstains || chances[0] * 2 >= OPINION_PPM))
		return 0;
	ready = opinion_ready(v, row);
	if (!ready)
		return 0;
	/* Torn between normal and something, it is the something that matters. */
	out->cause = top ? top : second;
	out->abstains |= ready == 1;
	out->probability_ppm = (an_u32)chances[top];
	out->measured = opinion_measure(row[v->columns[out->cause]]);
	return 1;
}

#endif
