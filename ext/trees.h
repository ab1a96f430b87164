/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ensembles of decision trees as ONNX has them (ai.onnx.ml TreeEnsembleRegressor with
 * BRANCH_LEQ and SUM), checked and laid out for two ways of scoring: trees_walk.h and
 * trees_wide.h. A row goes to the `yes` child where its feature is at most the
 * threshold; what is not a number goes to `no`.
 *
 * Taken are ensembles whose sums are exact in float32, in any order: the weights of a
 * class are multiples of one power of two, and no sum of them can reach 2^24 of it. So
 * every way gives the same bits as the operator's definition.
 */
#ifndef AIRNET_TREES_H
#define AIRNET_TREES_H

#include <stdlib.h>
#include <string.h>

#include "airnet.h"

#define TREES_COLUMNS 64
#define TREES_LEAVES 32 /* a tree; one bit each in trees_wide.h */
#define TREES_NODES (2 * TREES_LEAVES - 1)
#define TREES_CLASSES 16
#define TREES_MAX 8192
#define TREES_FLIGHT 12
#define TREES_LANES 16
#define TREES_EXACT_BITS 24

enum trees_reason {
	TREES_GOOD,
	TREES_COUNT,
	TREES_ORDER,
	TREES_SHAPE,
	TREES_COLUMN,
	TREES_BIG,
	TREES_WEIGHT_ORDER,
	TREES_CLASS,
	TREES_NUMBER,
	TREES_ROUNDS,
	TREES_MEMORY,
	TREES_REASONS,
};

/* A node and a leaf's weight, as the file has them; numpy dtypes NODE and WEIGHT. */
struct trees_node {
	an_u32 tree;
	an_u32 node;
	an_u32 column;
	an_u32 yes;
	an_u32 no;
	an_u32 is_leaf;
	float threshold;
};

struct trees_weight {
	an_u32 tree;
	an_u32 node;
	an_u32 target;
	float value;
};

struct trees_input {
	const struct trees_node *nodes;
	const struct trees_weight *weights;
	an_u32 node_count;
	an_u32 weight_count;
	an_u32 classes;
};

/* One tree of the input. */
struct trees_one {
	an_u32 first; /* of its nodes, and of its weights */
	an_u32 first_weight;
	an_u16 nodes;
	an_u16 leaves;
	an_u16 depth;
	an_u16 target;
};

struct trees_root {
	an_u32 step;
	an_u16 depth;
	an_u16 target;
};

/* Sixteen trees of trees_wide.h. */
struct trees_group {
	an_u32 slot; /* the first of its slots: a node of each tree */
	an_u16 low; /* so many with columns below 32, ... */
	an_u16 mixed; /* ... up to here either, ... */
	an_u16 slots; /* ... up to here above */
	an_u16 pairs;
	an_u32 pair;
	an_u32 leaf; /* the first of its leaves, TREES_LEAVES a tree */
};

/* Which of a group's trees speak of a class. */
struct trees_pair {
	an_u16 target;
	an_u16 lanes;
};

struct trees {
	an_u32 tree_count;
	an_u32 classes;
	an_u32 step_count;
	an_u32 flights;
	an_u32 groups;
	an_u32 slots;
	an_u32 is_wide;
	struct trees_one *ones; /* in the order of trees_wide.h */
	/* By step, a node of trees_walk.h. Children lie side by side, the `yes`
	 * one first, which is a step's next; a leaf is its own next. In arrays of
	 * their own: a load each, and no shift. */
	float *limits;
	an_u32 *nexts;
	an_u8 *asked; /* columns */
	float *values; /* a leaf's weight */
	struct trees_root *roots;
	struct trees_group *group;
	struct trees_pair *pair;
	float *thresholds; /* by slot and tree */
	an_u32 *keeps;
	an_u8 *columns;
	float *leaves;
};

/* Where things of one tree are; by node. */
struct trees_plan {
	an_u8 leaves[TREES_NODES]; /* below it */
	an_u8 place[TREES_NODES]; /* of its first leaf */
	an_u8 depth[TREES_NODES];
	an_u8 step[TREES_NODES];
};

static inline an_u32 trees_bits(float value)
{
	an_u32 bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static inline int trees_is_finite(float value)
{
	return (trees_bits(value) >> 23 & 0xff) != 0xff;
}

/* The power of two that a weight other than 0 is an odd multiple of. */
static inline int trees_grid(float value)
{
	an_u32 bits = trees_bits(value), exponent = bits >> 23 & 0xff;
	an_u32 fraction = bits & 0x7fffff;

	if (exponent)
		fraction |= 0x800000;
	else
		exponent = 1;
	return (int)exponent - 150 + __builtin_ctz(fraction);
}

static inline double trees_power(int exponent)
{
	an_u64 bits = (an_u64)(1023 + exponent) << 52;
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* Find leaves, depths and places below the nodes of a tree that was checked. */
static inline void trees_plan_of(struct trees_plan *plan,
				 const struct trees_node *nodes, int count)
{
	int i, free_step = 1;

	for (i = count - 1; i >= 0; i--)
		plan->leaves[i] = nodes[i].is_leaf
					  ? 1
					  : (an_u8)(plan->leaves[nodes[i].yes] +
						    plan->leaves[nodes[i].no]);
	plan->place[0] = plan->depth[0] = plan->step[0] = 0;
	for (i = 0; i < count; i++) {
		an_u32 yes = nodes[i].yes, no = nodes[i].no;

		if (nodes[i].is_leaf)
			continue;
		plan->depth[yes] = plan->depth[no] = (an_u8)(plan->depth[i] + 1);
		plan->place[yes] = plan->place[i];
		plan->place[no] = (an_u8)(plan->place[i] + plan->leaves[yes]);
		plan->step[yes] = (an_u8)free_step++;
		plan->step[no] = (an_u8)free_step++;
	}
}

#endif
