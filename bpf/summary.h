/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The verdict of select.h, the summary of what was not taken, the sketch of floods. */
#ifndef AIRNET_SUMMARY_H
#define AIRNET_SUMMARY_H

#include "select.h"

SELECT_INLINE int select_is_watched(const struct airnet_select *select,
				    const an_u64 address[2])
{
	an_u64 slot = select_mix(address[0], address[1], 0);

	for (int i = 0; i < SELECT_PROBES; i++) {
		const an_u64 *found =
			select->addresses[(slot + i) & (SELECT_SLOTS - 1)];

		if (!found[0] && !found[1])
			return 0;
		if (found[0] == address[0] && found[1] == address[1])
			return 1;
	}
	return 0;
}

SELECT_INLINE int select_is_decoded(const struct airnet_select *select, an_u16 port)
{
	return (int)(select->ports[(port >> 6) & 1023] >> (port & 63) & 1);
}

/* Whether the frame is taken. */
SELECT_INLINE int select_wants(const struct airnet_select *select,
			       const struct select_fields *fields)
{
	if (select->mode == SELECT_ALL || fields->is_opaque)
		return 1;
	if (!fields->is_ip)
		return 0;
	if (fields->protocol == SELECT_TCP &&
	    (select_is_decoded(select, fields->source_port) ||
	     select_is_decoded(select, fields->target_port)))
		return 1;
	return select_is_watched(select, fields->source) ||
	       select_is_watched(select, fields->target);
}

/* Count a frame that was not taken. */
SELECT_INLINE void summary_add(struct airnet_summary *summary,
			       const struct select_fields *fields, an_u64 bytes)
{
	an_u64 key = 1ull << 40 | (an_u64)fields->ethertype << 24 |
		     (an_u64)fields->protocol << 16 | fields->target_port;
	an_u64 slot = select_mix(key, 0, 0);
	struct airnet_summary_row *row = &summary->rows[SUMMARY_SLOTS];

	for (int i = 0; i < SUMMARY_PROBES; i++) {
		struct airnet_summary_row *found =
			&summary->rows[(slot + i) & (SUMMARY_SLOTS - 1)];

		if (found->key == key || !found->key) {
			row = found;
			row->key = key;
			break;
		}
	}
	row->frames++;
	row->bytes += bytes;
}

/* Which kind of flood the frame may be a part of, or SKETCH_KINDS. */
SELECT_INLINE an_u32 sketch_kind(const struct select_fields *fields)
{
	int is_syn = (fields->tcp_flags & (AIRNET_TCP_SYN | AIRNET_TCP_ACK)) ==
		     AIRNET_TCP_SYN;

	if (!fields->is_ip)
		return SKETCH_KINDS;
	if (fields->protocol == SELECT_TCP && is_syn)
		return SKETCH_SYN;
	if (fields->protocol == SELECT_UDP)
		return SKETCH_UDP;
	/* ICMP, ICMPv6. */
	if (fields->protocol == 1 || fields->protocol == 58)
		return SKETCH_ICMP;
	return SKETCH_KINDS;
}

/* The column of an address in one row: ten bits of its hash. */
SELECT_INLINE an_u32 sketch_column(an_u64 hash, int row)
{
	return (an_u32)(hash >> (16 * row)) & (SKETCH_COLUMNS - 1);
}

SELECT_INLINE void sketch_add(struct airnet_sketch *sketch,
			      const struct airnet_select *select,
			      const struct select_fields *fields)
{
	an_u32 kind = sketch_kind(fields);
	an_u64 hash;

	if (kind >= SKETCH_KINDS)
		return;
	hash = select_mix(fields->target[0], fields->target[1], select->seed);
	sketch->totals[kind]++;
	for (int row = 0; row < SKETCH_ROWS; row++)
		sketch->cells[kind][row][sketch_column(hash, row)]++;
}

#endif
