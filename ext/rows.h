/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What score asks of the few rows that it looks at one by one: whose turn it is, and
 * which bins their values fall into. airnet.score.drift says what for.
 */
#ifndef AIRNET_ROWS_H
#define AIRNET_ROWS_H

#include "prelude.h"

#define ROWS_COLUMNS 64
#define ROWS_EDGES 9 /* ascending, infinity behind the last that is meant */
#define ROWS_BINS (ROWS_EDGES + 2) /* one more than edges, and what is missing */
#define ROWS_WHOLE 9223372036854775808.0 /* 2^63, beyond what an integer here has */

/* A value's bin is how many edges lie below it; NaN, which is missing, has the last. */
static inline an_s64 rows_bin(const double *edges, double value)
{
	an_s64 bin = 0;
	int i;

	if (value != value)
		return ROWS_BINS - 1;
	for (i = 0; i < ROWS_EDGES; i++)
		bin += edges[i] < value;
	return bin;
}

/* The bins of a row's first columns, and of its lead behind them. */
static inline void rows_place(const double *table, an_u32 columns, const float *row,
			      double lead, an_s64 *out)
{
	an_u32 i;

	for (i = 0; i < columns; i++)
		out[i] = rows_bin(table + i * ROWS_EDGES, (double)row[i]);
	out[columns] = rows_bin(table + columns * ROWS_EDGES, lead);
}

/* One more in each of these bins. */
static inline void rows_count(an_s64 *counts, an_u32 columns, const an_s64 *bins)
{
	an_u32 i;

	for (i = 0; i < columns; i++)
		counts[i * ROWS_BINS + bins[i]]++;
}

#endif
