/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exact interventional Shapley values of an ensemble's margin, for one row against
 * named reference rows: the mean over the references of the Shapley values of the game
 * in which a coalition's features have the row's values and all others the reference's
 * (Lundberg and others, Nature Machine Intelligence 2, 2020).
 *
 * A leaf is met in that game by the coalitions that hold all features which only the
 * row satisfies, `a` of them, and none of those which only the reference does, `b`. Of
 * the leaf's weight each of the first has (a-1)! b! / (a+b)!, each of the others
 * -a! (b-1)! / (a+b)!. What both satisfy has none, and a feature that neither satisfies
 * makes the leaf unreachable.
 */
#ifndef AIRNET_SHAPLEY_H
#define AIRNET_SHAPLEY_H

#include "trees_build.h"

#define SHAPLEY_REFERENCES 256
#define SHAPLEY_HAS_MOST 1
#define SHAPLEY_HAS_LEAST 2

/* What the way to a leaf asks of one feature: at most `most`, not at most `least`. */
struct shapley_bound {
	float most;
	float least;
	an_u16 column;
	an_u16 has;
};

/* References that satisfy the same bounds of a leaf. */
struct shapley_alike {
	an_u32 satisfied;
	an_u32 count;
};

struct shapley_leaf {
	double weight;
	an_u32 bound;
	an_u32 alike;
	an_u16 bounds;
	an_u16 sets;
	an_u16 target;
};

struct shapley {
	struct shapley_leaf *leaves;
	struct shapley_bound *bounds;
	struct shapley_alike *alike;
	an_u32 leaf_count;
	an_u32 references;
	double parts[TREES_LEAVES + 1]
		    [TREES_LEAVES + 1]; /* [a][b]: (a-1)! b! / (a+b)! */
};

static inline void shapley_free(struct shapley *s)
{
	free(s->leaves);
	free(s->bounds);
	free(s->alike);
	memset(s, 0, sizeof(*s));
}

/* (a-1)! b! / (a+b)! = 1 / (a C(a+b, b)); the binomials are exact in a double. */
static inline void shapley_fill_parts(struct shapley *s)
{
	int a, b;

	for (a = 1; a <= TREES_LEAVES; a++) {
		double ways = 1;

		for (b = 0; a + b <= TREES_LEAVES; b++) {
			s->parts[a][b] = 1 / (a * ways);
			ways = ways * (a + b + 1) / (b + 1);
		}
	}
}

static inline int shapley_holds(const struct shapley_bound *bound, float value)
{
	if (bound->has & SHAPLEY_HAS_MOST && !(value <= bound->most))
		return 0;
	return !(bound->has & SHAPLEY_HAS_LEAST && value <= bound->least);
}

static inline an_u32 shapley_satisfied(const struct shapley *s,
				       const struct shapley_leaf *leaf,
				       const float *row)
{
	const struct shapley_bound *bound = s->bounds + leaf->bound;
	an_u32 satisfied = 0, i;

	for (i = 0; i < leaf->bounds; i++, bound++)
		satisfied |= (an_u32)shapley_holds(bound, row[bound->column]) << i;
	return satisfied;
}

/* The way from a leaf up to the root, as bounds, one a feature. */
static inline void shapley_lay_bounds(struct shapley *s, struct shapley_leaf *leaf,
				      const struct trees_node *nodes,
				      const an_u8 *parents, an_u32 node)
{
	struct shapley_bound *first = s->bounds + leaf->bound, *bound;

	for (; node; node = parents[node]) {
		const struct trees_node *parent = nodes + parents[node];
		float threshold = parent->threshold;

		for (bound = first; bound < first + leaf->bounds; bound++)
			if (bound->column == parent->column)
				break;
		if (bound == first + leaf->bounds) {
			*bound = (struct shapley_bound){.column =
								(an_u16)parent->column};
			leaf->bounds++;
		}
		if (parent->yes == node) {
			if (!(bound->has & SHAPLEY_HAS_MOST) || threshold < bound->most)
				bound->most = threshold;
			bound->has |= SHAPLEY_HAS_MOST;
		} else {
			if (!(bound->has & SHAPLEY_HAS_LEAST) ||
			    threshold > bound->least)
				bound->least = threshold;
			bound->has |= SHAPLEY_HAS_LEAST;
		}
	}
}

/* Which bounds of a leaf each reference satisfies. */
static inline void shapley_lay_alike(struct shapley *s, struct shapley_leaf *leaf,
				     const float *references)
{
	struct shapley_alike *first = s->alike + leaf->alike, *alike;
	an_u32 i;

	for (i = 0; i < s->references; i++, references += TREES_COLUMNS) {
		an_u32 satisfied = shapley_satisfied(s, leaf, references);

		for (alike = first; alike < first + leaf->sets; alike++)
			if (alike->satisfied == satisfied)
				break;
		if (alike == first + leaf->sets) {
			*alike = (struct shapley_alike){.satisfied = satisfied};
			leaf->sets++;
		}
		alike->count++;
	}
}

/* The leaves of one tree; return where bounds go on. */
static inline void shapley_lay_tree(struct shapley *s, const struct trees_input *in,
				    const struct trees_one *one,
				    const float *references, an_u32 *bound)
{
	const struct trees_node *nodes = in->nodes + one->first;
	const struct trees_weight *weight = in->weights + one->first_weight;
	an_u8 parents[TREES_NODES] = {0};
	an_u32 i;

	for (i = 0; i < one->nodes; i++) {
		struct shapley_leaf *leaf = s->leaves + s->leaf_count;

		if (!nodes[i].is_leaf) {
			parents[nodes[i].yes] = parents[nodes[i].no] = (an_u8)i;
			continue;
		}
		*leaf = (struct shapley_leaf){.weight = (weight++)->value,
					      .bound = *bound,
					      .alike = s->leaf_count * s->references,
					      .target = one->target};
		shapley_lay_bounds(s, leaf, nodes, parents, i);
		shapley_lay_alike(s, leaf, references);
		*bound += leaf->bounds;
		s->leaf_count++;
	}
}

/* Fill an empty `s` from an ensemble and float[count][64] reference rows. The caller
 * frees it whatever comes of it. */
static inline enum trees_reason shapley_build(struct shapley *s,
					      const struct trees_input *in,
					      const float *references, an_u32 count,
					      an_u32 *where)
{
	struct trees_one *ones = trees_room(TREES_MAX, sizeof(*ones));
	enum trees_reason reason = TREES_MEMORY;
	an_u32 i, trees, bound = 0;

	if (ones)
		reason = trees_check(in, ones, where);
	if (!reason) {
		size_t leaves = in->weight_count;

		s->references = count;
		s->leaves = trees_room(leaves, sizeof(*s->leaves));
		s->bounds = trees_room(leaves * TREES_LEAVES, sizeof(*s->bounds));
		s->alike = trees_room(leaves * count, sizeof(*s->alike));
		if (!s->leaves || !s->bounds || !s->alike)
			reason = TREES_MEMORY;
	}
	trees = reason ? 0 : *where;
	shapley_fill_parts(s);
	for (i = 0; i < trees; i++)
		shapley_lay_tree(s, in, ones + i, references, &bound);
	free(ones);
	return reason;
}

/* Add one leaf's parts to those of each feature. */
static inline void shapley_add(const struct shapley *s, const struct shapley_leaf *leaf,
			       an_u32 satisfied, double weight, double *out)
{
	const struct shapley_bound *bounds = s->bounds + leaf->bound;
	const struct shapley_alike *alike = s->alike + leaf->alike;
	const an_u32 all = leaf->bounds == 32 ? ~0U : (1U << leaf->bounds) - 1;
	an_u32 i;

	for (i = 0; i < leaf->sets; i++, alike++) {
		an_u32 own = satisfied & ~alike->satisfied;
		an_u32 other = alike->satisfied & ~satisfied;
		int a = __builtin_popcount(own), b = __builtin_popcount(other);
		double gain = s->parts[a][b] * weight * alike->count;
		double loss = s->parts[b][a] * weight * alike->count;

		if ((satisfied | alike->satisfied) != all)
			continue;
		for (; own; own &= own - 1)
			out[bounds[__builtin_ctz(own)].column] += gain;
		for (; other; other &= other - 1)
			out[bounds[__builtin_ctz(other)].column] -= loss;
	}
}

/* Values of the features for the sum of the margins, each times its coefficient. */
static inline void shapley_explain(const struct shapley *s, const float *row,
				   const double *coefficients, double *out)
{
	an_u32 i;

	memset(out, 0, sizeof(*out) * TREES_COLUMNS);
	for (i = 0; i < s->leaf_count; i++) {
		const struct shapley_leaf *leaf = s->leaves + i;
		double weight = leaf->weight * coefficients[leaf->target];

		if (weight == 0)
			continue;
		shapley_add(s, leaf, shapley_satisfied(s, leaf, row), weight, out);
	}
	for (i = 0; i < TREES_COLUMNS; i++)
		out[i] /= s->references;
}

#endif
