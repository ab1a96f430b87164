/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether an ensemble from a file is one of ours, or why not. Nothing is believed: a
 * tree must be a tree, its children behind their parent, and its sums exact.
 */
#ifndef AIRNET_TREES_CHECK_H
#define AIRNET_TREES_CHECK_H

#include "trees.h"

/* The parents of each node of a tree: each child once, behind its parent. */
static inline enum trees_reason trees_check_shape(const struct trees_node *nodes,
						  an_u32 count)
{
	an_u8 parents[TREES_NODES] = {0};
	an_u32 i;

	for (i = 0; i < count; i++) {
		if (nodes[i].node != i)
			return TREES_ORDER;
		if (nodes[i].is_leaf)
			continue;
		if (nodes[i].column >= TREES_COLUMNS)
			return TREES_COLUMN;
		if (nodes[i].threshold != nodes[i].threshold)
			return TREES_NUMBER;
		if (nodes[i].yes <= i || nodes[i].yes >= count || nodes[i].no <= i ||
		    nodes[i].no >= count)
			return TREES_SHAPE;
		parents[nodes[i].yes]++;
		parents[nodes[i].no]++;
	}
	for (i = 1; i < count; i++)
		if (parents[i] != 1)
			return TREES_SHAPE;
	return TREES_GOOD;
}

/* The weights of a tree: one a leaf, in the order of the leaves, of one class. */
static inline enum trees_reason trees_check_weights(const struct trees_input *in,
						    struct trees_one *one)
{
	const struct trees_node *nodes = in->nodes + one->first;
	const struct trees_weight *weight = in->weights + one->first_weight;
	const struct trees_weight *end = in->weights + in->weight_count;
	an_u32 i;

	for (i = 0; i < one->nodes; i++) {
		if (!nodes[i].is_leaf)
			continue;
		if (weight == end || weight->tree != nodes[i].tree ||
		    weight->node != nodes[i].node)
			return TREES_WEIGHT_ORDER;
		if (weight->target >= in->classes ||
		    (one->leaves && weight->target != one->target))
			return TREES_CLASS;
		if (!trees_is_finite(weight->value))
			return TREES_NUMBER;
		one->target = (an_u16)weight->target;
		one->leaves++;
		weight++;
	}
	return TREES_GOOD;
}

/* Whether float32 sums of a class's weights are exact, whichever leaves are met. */
static inline enum trees_reason trees_check_sums(const struct trees_input *in,
						 const struct trees_one *ones,
						 an_u32 count)
{
	double most[TREES_CLASSES] = {0};
	int grid[TREES_CLASSES];
	an_u32 i, j;

	for (i = 0; i < in->classes; i++)
		grid[i] = 128;
	for (i = 0; i < count; i++) {
		const struct trees_weight *weight = in->weights + ones[i].first_weight;
		double largest = 0;

		for (j = 0; j < ones[i].leaves; j++) {
			double size = weight[j].value;

			if (size == 0)
				continue;
			if (trees_grid(weight[j].value) < grid[ones[i].target])
				grid[ones[i].target] = trees_grid(weight[j].value);
			size = size < 0 ? -size : size;
			largest = size > largest ? size : largest;
		}
		most[ones[i].target] += largest;
	}
	for (i = 0; i < in->classes; i++)
		if (most[i] > trees_power(grid[i] + TREES_EXACT_BITS))
			return TREES_ROUNDS;
	return TREES_GOOD;
}

/* Check the input; fill `ones`, of TREES_MAX. `*count` is how many trees there are, or
 * at which of them the check ended. */
static inline enum trees_reason trees_check(const struct trees_input *in,
					    struct trees_one *ones, an_u32 *count)
{
	an_u32 at = 0, weights = 0, end;
	enum trees_reason reason;

	*count = 0;
	if (!in->node_count || !in->classes || in->classes > TREES_CLASSES)
		return TREES_COUNT;
	while (at < in->node_count) {
		struct trees_one *one = ones + *count;

		if (*count == TREES_MAX)
			return TREES_COUNT;
		if (in->nodes[at].tree != *count)
			return TREES_ORDER;
		end = at;
		while (end < in->node_count && in->nodes[end].tree == *count)
			end++;
		if (end - at > TREES_NODES)
			return TREES_BIG;
		*one = (struct trees_one){.first = at, .first_weight = weights};
		one->nodes = (an_u16)(end - at);
		reason = trees_check_shape(in->nodes + at, end - at);
		if (!reason)
			reason = trees_check_weights(in, one);
		if (reason)
			return reason;
		weights += one->leaves;
		at = end;
		++*count;
	}
	if (weights != in->weight_count)
		return TREES_WEIGHT_ORDER;
	return trees_check_sums(in, ones, *count);
}

#endif
