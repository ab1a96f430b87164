/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Score a row on any processor: a dozen trees are walked at once, so that their cache
 * misses and compares overlap, and each as deep as the deepest of them, so that
 * no branch depends on the row.
 */
#ifndef AIRNET_TREES_WALK_H
#define AIRNET_TREES_WALK_H

#include "trees.h"

/* What any processor copies at once. For memcpy gcc would have a string instruction,
 * which takes longer to start than the row takes to copy. */
typedef float trees_four __attribute__((vector_size(16), aligned(4), may_alias));

/* One step of one tree. NaN is at most nothing, so it goes to `no`, as in ONNX. */
static inline size_t trees_next(const struct trees *t, const float *row, size_t at)
{
	return t->nexts[at] + !(row[t->asked[at]] <= t->limits[at]);
}

static inline void trees_walk(const struct trees *t, const float *given, float *out)
{
	float row[TREES_COLUMNS + 1], sums[TREES_CLASSES] = {0};
	const struct trees_root *root = t->roots;
	an_u32 flight, i, depth;

	for (i = 0; i < TREES_COLUMNS; i += 4)
		*(trees_four *)(row + i) = *(const trees_four *)(given + i);
	row[TREES_COLUMNS] = 0;
	for (flight = 0; flight < t->flights; flight++, root += TREES_FLIGHT) {
		size_t at[TREES_FLIGHT];

#pragma GCC unroll 12
		for (i = 0; i < TREES_FLIGHT; i++)
			at[i] = root[i].step;
		for (depth = root->depth; depth; depth--)
#pragma GCC unroll 12
			for (i = 0; i < TREES_FLIGHT; i++)
				at[i] = trees_next(t, row, at[i]);
#pragma GCC unroll 12
		for (i = 0; i < TREES_FLIGHT; i++)
			sums[root[i].target] += t->values[at[i]];
	}
	memcpy(out, sums, sizeof(*out) * t->classes);
}

#endif
