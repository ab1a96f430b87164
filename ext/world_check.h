/* SPDX-License-Identifier: Apache-2.0 */
/* Are a world's rows ones that can be played? Asked before anything is built. */
#ifndef AIRNET_WORLD_CHECK_H
#define AIRNET_WORLD_CHECK_H

#include "world_bounds.h"

/* Bytes of one row of a table. */
static inline size_t world_row_bytes(int table)
{
	switch (table) {
	case ROWS_VENUE:
		return sizeof(struct venue_row);
	case ROWS_SYMBOL:
		return sizeof(struct symbol_row);
	case ROWS_AGENT:
		return sizeof(struct agent_row);
	case ROWS_NEWS:
		return sizeof(struct news_row);
	case ROWS_FAULT:
		return sizeof(struct fault_row);
	case ROWS_HOST:
		return sizeof(struct host_row);
	case ROWS_LINE:
		return sizeof(struct line_row);
	case ROWS_DIALECT:
		return sizeof(struct dialect_row);
	case ROWS_FEED:
		return sizeof(struct feed_row);
	case ROWS_MURMUR:
		return sizeof(struct murmur_row);
	case ROWS_TROUBLE:
		return sizeof(struct trouble_row);
	case ROWS_STRIKE:
		return sizeof(struct strike_row);
	case ROWS_SENSOR:
		return sizeof(struct sensor_row);
	default:
		return 0;
	}
}

static inline int world_object(struct world *w, int table, an_u32 row,
			       const struct bound *b)
{
	snprintf(w->why, sizeof(w->why), "row %u of %s: %s must be %.16g..%.16g", row,
		 world_tables[table].name, b->field, b->least, b->most);
	return -1;
}

/* Does a header name each field it must have once, and no other? */
static inline int world_has_header(const struct dialect_row *d)
{
	static const an_u8 tags[6] = {34, 49, 52, 56, 50, 57};

	for (int tag = 0; tag < 6; tag++) {
		int count = 0;

		for (int i = 0; i < 6; i++)
			count += d->header[i] == tags[tag];
		if (count > 1 || (tag < 4 && !count))
			return 0;
	}
	for (int i = 0; i < 6; i++)
		if (d->header[i] && !memchr(tags, d->header[i], sizeof(tags)))
			return 0;
	return 1;
}

static inline int world_objects_to_dialects(struct world *w)
{
	const struct dialect_row *rows = w->rows[ROWS_DIALECT].at;

	for (an_u32 i = 0; i < w->rows[ROWS_DIALECT].count; i++) {
		if (world_has_header(&rows[i]) && rows[i].time_digits % 3 == 0)
			continue;
		snprintf(w->why, sizeof(w->why),
			 "row %u of dialect: header must have 34, 49, 52 and 56 once, "
			 "50 and 57 at most; time_digits must be 0, 3, 6 or 9",
			 i);
		return -1;
	}
	return 0;
}

/* 0, or -1 and w->why says which row is wrong. NaN is in no range. */
static inline int world_objects(struct world *w)
{
	for (int table = 0; table < WORLD_TABLES; table++) {
		if (w->rows[table].count <= world_tables[table].most)
			continue;
		snprintf(w->why, sizeof(w->why), "%s has more than %u rows",
			 world_tables[table].name, world_tables[table].most);
		return -1;
	}
	if (w->end_ns > BOUND_END_NS) {
		snprintf(w->why, sizeof(w->why), "end_ns must be before the year 2116");
		return -1;
	}
	for (size_t i = 0; i < sizeof(world_bounds) / sizeof(world_bounds[0]); i++) {
		const struct bound *b = &world_bounds[i];
		const an_u8 *at = w->rows[b->table].at;
		size_t bytes = world_row_bytes(b->table);

		for (an_u32 row = 0; row < w->rows[b->table].count; row++) {
			double value = bound_value(b, at + row * bytes);

			if (!(value >= b->least && value <= b->most))
				return world_object(w, b->table, row, b);
		}
	}
	return world_objects_to_dialects(w);
}

#endif
