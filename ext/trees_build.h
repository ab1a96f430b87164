/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a checked ensemble to the layouts that are scored. Runs once, when a model is
 * loaded; nothing is allocated afterwards.
 */
#ifndef AIRNET_TREES_BUILD_H
#define AIRNET_TREES_BUILD_H

#include "trees_check.h"

#define TREES_CACHE_LINE 64

static inline void *trees_room(size_t count, size_t size)
{
	size_t bytes = count * size + TREES_CACHE_LINE;
	void *room;

	bytes -= bytes % TREES_CACHE_LINE;
	room = aligned_alloc(TREES_CACHE_LINE, bytes);
	if (room)
		memset(room, 0, bytes);
	return room;
}

static inline void trees_free(struct trees *t)
{
	free(t->ones);
	free(t->limits);
	free(t->nexts);
	free(t->asked);
	free(t->values);
	free(t->roots);
	free(t->group);
	free(t->pair);
	free(t->thresholds);
	free(t->keeps);
	free(t->columns);
	free(t->leaves);
	memset(t, 0, sizeof(*t));
}

/* Trees of a class together, and those with as many nodes: a group's slots are those
 * of its largest tree. The file's order beyond that: the layout is a function of it. */
static inline int trees_by_class(const void *left, const void *right)
{
	const struct trees_one *a = left, *b = right;

	if (a->target != b->target)
		return a->target < b->target ? -1 : 1;
	if (a->nodes != b->nodes)
		return a->nodes > b->nodes ? -1 : 1;
	return a->first < b->first ? -1 : a->first > b->first;
}

/* Trees of a depth fly together: a flight takes as long as its deepest. */
static inline int trees_by_depth(const void *left, const void *right)
{
	const struct trees_root *a = left, *b = right;

	if (a->depth != b->depth)
		return a->depth > b->depth ? -1 : 1;
	return a->step < b->step ? -1 : a->step > b->step;
}

static inline float trees_beyond(void)
{
	an_u32 bits = 0x7f800000;
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* A leaf waits at itself, on a column that is always 0. */
static inline void trees_lay_leaf(struct trees *t, an_u32 at)
{
	t->limits[at] = trees_beyond();
	t->nexts[at] = at;
	t->asked[at] = TREES_COLUMNS;
}

/* The steps of one tree. */
static inline void trees_lay_steps(struct trees *t, const struct trees_input *in,
				   const struct trees_one *one, an_u32 base)
{
	const struct trees_node *nodes = in->nodes + one->first;
	const struct trees_weight *weight = in->weights + one->first_weight;
	struct trees_plan plan;
	int i;

	trees_plan_of(&plan, nodes, one->nodes);
	for (i = 0; i < one->nodes; i++) {
		an_u32 at = base + plan.step[i];

		if (nodes[i].is_leaf) {
			trees_lay_leaf(t, at);
			t->values[at] = (weight++)->value;
			continue;
		}
		t->limits[at] = nodes[i].threshold;
		t->nexts[at] = base + plan.step[nodes[i].yes];
		t->asked[at] = (an_u8)nodes[i].column;
	}
}

static inline void trees_lay_walk(struct trees *t, const struct trees_input *in)
{
	an_u32 i, base = 0;

	for (i = 0; i < t->tree_count; i++) {
		const struct trees_one *one = t->ones + i;

		trees_lay_steps(t, in, one, base);
		t->roots[i] = (struct trees_root){base, one->depth, one->target};
		base += one->nodes;
	}
	qsort(t->roots, t->tree_count, sizeof(*t->roots), trees_by_depth);
	/* A last flight that is not full goes round a leaf that weighs nothing. */
	trees_lay_leaf(t, base);
	for (; i < t->flights * TREES_FLIGHT; i++)
		t->roots[i] = (struct trees_root){base, 0, 0};
}

/* One tree's nodes in one lane, columns below 32 first; return how many those are. */
static inline an_u16 trees_lay_lane(struct trees *t, const struct trees_input *in,
				    const struct trees_one *one,
				    const struct trees_group *group, int lane)
{
	const struct trees_node *nodes = in->nodes + one->first;
	const struct trees_weight *weight = in->weights + one->first_weight;
	float *leaves = t->leaves + group->leaf + lane * TREES_LEAVES;
	struct trees_plan plan;
	an_u32 slot = group->slot;
	an_u16 low = 0;
	int i, pass;

	trees_plan_of(&plan, nodes, one->nodes);
	for (i = 0; i < one->nodes; i++)
		if (nodes[i].is_leaf)
			leaves[plan.place[i]] = (weight++)->value;
	for (pass = 0; pass < 2; pass++) {
		for (i = 0; i < one->nodes; i++) {
			an_u32 at = slot * TREES_LANES + lane;
			an_u64 below;

			if (nodes[i].is_leaf || nodes[i].column / 32 != (an_u32)pass)
				continue;
			below = (1ULL << plan.leaves[nodes[i].yes]) - 1;
			below <<= TREES_LEAVES - plan.place[i] -
				  plan.leaves[nodes[i].yes];
			t->thresholds[at] = nodes[i].threshold;
			t->columns[at] = (an_u8)nodes[i].column;
			t->keeps[at] = ~(an_u32)below;
			slot++;
		}
		if (!pass)
			low = (an_u16)(slot - group->slot);
	}
	return low;
}

/* A slot in which a tree has no node: it keeps every leaf. */
static inline void trees_lay_empty(struct trees *t, const struct trees_group *group)
{
	an_u32 i, end = (group->slot + group->slots) * TREES_LANES;

	for (i = group->slot * TREES_LANES; i < end; i++) {
		t->thresholds[i] = trees_beyond();
		t->columns[i] = TREES_COLUMNS - 1;
		t->keeps[i] = ~0U;
	}
}

static inline void trees_lay_wide(struct trees *t, const struct trees_input *in)
{
	an_u32 slot = 0, pair = 0, g, i;

	for (g = 0; g < t->groups; g++) {
		struct trees_group *group = t->group + g;
		an_u32 end = (g + 1) * TREES_LANES, first = g * TREES_LANES;

		end = end < t->tree_count ? end : t->tree_count;
		*group = (struct trees_group){.slot = slot, .pair = pair};
		group->leaf = g * TREES_LANES * TREES_LEAVES;
		for (i = first; i < end; i++)
			if (t->ones[i].nodes / 2 > group->slots)
				group->slots = t->ones[i].nodes / 2;
		group->low = group->slots;
		trees_lay_empty(t, group);
		for (i = first; i < end; i++) {
			int lane = (int)(i - first);
			an_u16 low = trees_lay_lane(t, in, t->ones + i, group, lane);

			group->low = low < group->low ? low : group->low;
			group->mixed = low > group->mixed ? low : group->mixed;
			if (!group->pairs ||
			    t->pair[pair - 1].target != t->ones[i].target) {
				t->pair[pair++].target = t->ones[i].target;
				group->pairs++;
			}
			t->pair[pair - 1].lanes |= (an_u16)(1U << lane);
		}
		slot += group->slots;
	}
}

static inline int trees_take_room(struct trees *t)
{
	size_t lanes;

	t->flights = (t->tree_count + TREES_FLIGHT - 1) / TREES_FLIGHT;
	t->groups = (t->tree_count + TREES_LANES - 1) / TREES_LANES;
	lanes = (size_t)t->slots * TREES_LANES;
	t->limits = trees_room(t->step_count + 1, sizeof(*t->limits));
	t->nexts = trees_room(t->step_count + 1, sizeof(*t->nexts));
	t->asked = trees_room(t->step_count + 1, sizeof(*t->asked));
	t->values = trees_room(t->step_count + 1, sizeof(*t->values));
	t->roots = trees_room((size_t)t->flights * TREES_FLIGHT, sizeof(*t->roots));
	t->group = trees_room(t->groups, sizeof(*t->group));
	t->pair = trees_room(t->groups + t->classes, sizeof(*t->pair));
	t->thresholds = trees_room(lanes, sizeof(*t->thresholds));
	t->keeps = trees_room(lanes, sizeof(*t->keeps));
	t->columns = trees_room(lanes, sizeof(*t->columns));
	t->leaves = trees_room((size_t)t->groups * TREES_LANES * TREES_LEAVES,
			       sizeof(*t->leaves));
	return t->limits && t->nexts && t->asked && t->values && t->roots && t->group &&
	       t->pair && t->thresholds && t->keeps && t->columns && t->leaves;
}

/* Fill an empty `t`; `*where` is the tree at which a reason was found. The caller frees
 * it whatever comes of it. */
static inline enum trees_reason trees_build(struct trees *t,
					    const struct trees_input *in, an_u32 *where)
{
	enum trees_reason reason;
	struct trees_plan plan;
	an_u32 i, largest = 0;

	t->ones = trees_room(TREES_MAX, sizeof(*t->ones));
	if (!t->ones)
		return TREES_MEMORY;
	reason = trees_check(in, t->ones, where);
	if (reason)
		return reason;
	t->tree_count = *where;
	t->classes = in->classes;
	t->step_count = in->node_count;
	for (i = 0; i < t->tree_count; i++) {
		struct trees_one *one = t->ones + i;
		int node;

		trees_plan_of(&plan, in->nodes + one->first, one->nodes);
		for (node = 0; node < one->nodes; node++)
			if (plan.depth[node] > one->depth)
				one->depth = plan.depth[node];
	}
	qsort(t->ones, t->tree_count, sizeof(*t->ones), trees_by_class);
	for (i = 0; i < t->tree_count; i++) {
		if (i % TREES_LANES == 0)
			largest = 0;
		if (t->ones[i].nodes / 2U > largest) {
			t->slots += t->ones[i].nodes / 2U - largest;
			largest = t->ones[i].nodes / 2U;
		}
	}
	if (!trees_take_room(t))
		return TREES_MEMORY;
	trees_lay_walk(t, in);
	trees_lay_wide(t, in);
	return TREES_GOOD;
}

#endif
