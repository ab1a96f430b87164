/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Score a row on any processor: eight trees are walked at once, so that their cache
 * misses and compares overlap, and each as deep as the deepest of the eight, so that
 * no branch depends on the row.
 */
#ifndef AIRNET_TREES_WALK_H
#define AIRNET_TREES_WALK_H

#include "trees.h"

#define TREES_COLUMN_MASK ((1U << TREES_COLUMN_BITS) - 1)

/* One step of one tree. NaN is at most nothing, so it goes to `no`, as in ONNX. */
static inline an_u32 trees_next(const struct trees_step *step, const float *row)
{
	return (step->next >> TREES_COLUMN_BITS) +
	       !(row[step->next & TREES_COLUMN_MASK] <= step->threshold);
}

static inline void trees_walk(const struct trees *t, const float *given, float *out)
{
	float row[TREES_COLUMNS + 1], sums[TREES_CLASSES] = {0};
	const struct trees_root *root = t->roots;
	an_u32 flight, i, depth;

	memcpy(row, given, sizeof(*row) * TREES_COLUMNS);
	row[TREES_COLUMNS] = 0;
	for (flight = 0; flight < t->flights; flight++, root += TREES_FLIGHT) {
		an_u32 at[TREES_FLIGHT];

#pragma GCC unroll 8
		for (i = 0; i < TREES_FLIGHT; i++)
			at[i] = root[i].step;
		for (depth = root->depth; depth; depth--)
#pragma GCC unroll 8
			for (i = 0; i < TREES_FLIGHT; i++)
				at[i] = trees_next(t->steps + at[i], row);
#pragma GCC unroll 8
		for (i = 0; i < TREES_FLIGHT; i++)
			sums[root[i].target] += t->values[at[i]];
	}
	memcpy(out, sums, sizeof(*out) * t->classes);
}

#endif
