/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which TCP checksums are to be believed. A host that leaves them to its card shows
 * wrong ones to whoever captures on it; so a direction is checked only once its first
 * payloads were all good, and whole. From then on a segment that a receiver would drop
 * is left out, wherever it lies: who injects one is not heard.
 */
#ifndef AIRNET_SUMS_H
#define AIRNET_SUMS_H

#include "hold.h"

#define SUMS_GOOD 8 /* payloads; then the direction is checked */
#define SUMS_NEVER 0xff

/* One of the first payloads of a direction. */
PACKET_RARE void sums_sample(const struct stream *s, struct side *side,
			     const struct segment *segment)
{
	if (packet_tcp_checksum_ok(s->header, segment) == 1)
		side->checked++;
	else
		side->checked = SUMS_NEVER;
}

/* A checksum is wrong: whether to leave the segment out. When the receiver has what was
 * left out, and it has not come again, it is the checksum that was wrong, and no longer
 * looked at. */
PACKET_RARE int sums_leave_out(struct stream *s, struct side *side,
			       const struct segment *segment)
{
	an_u32 bytes = s->header->payload_bytes;

	if (side->has_bad && side->has_acknowledged &&
	    sequence_distance(side->acknowledged, side->bad_end) >= 0 &&
	    sequence_distance(side->bad_end, side->next) > 0) {
		side->checked = SUMS_NEVER;
		return 0;
	}
	if (bytes) {
		side->has_bad = 1;
		side->bad_end = segment->sequence + bytes;
	}
	s->counts.bad_checksums++;
	return 1;
}

/* Whether to leave a segment out. */
static inline int sums_are_bad(struct stream *s, struct side *side,
			       const struct segment *segment)
{
	return side->checked == SUMS_GOOD &&
	       !packet_tcp_checksum_ok(s->header, segment) &&
	       sums_leave_out(s, side, segment);
}

#endif
