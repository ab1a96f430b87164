/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why bytes, or messages, are missing. What the receiver acknowledged although we did
 * not see it was lost by the mirror or by us: capture loss. What the receiver asked for
 * again, and got, was lost or late in the network: by duplicate acknowledgements (RFC
 * 5681 section 2) or selective ones (RFC 2018 section 3). A jump of MsgSeqNum(34) with
 * no byte missing was made by the sender. Of other holes nothing is known.
 */
#ifndef AIRNET_HOLES_H
#define AIRNET_HOLES_H

#include "handshake.h"

#define HOLE_ASKS 2 /* the first may be the acknowledgement of what came before */

/* Holes turn out to be the capture's; this frame shows it. */
static inline void holes_lost(struct stream *s, an_u32 count, an_u64 bytes)
{
	an_u64 total = s->header->lost_bytes + bytes;

	s->counts.capture_losses += count;
	s->counts.capture_loss_bytes += bytes;
	s->header->stream_flags |= AIRNET_STREAM_LOST;
	s->header->lost_bytes = total > UINT32_MAX ? UINT32_MAX : (an_u32)total;
}

/* A hole up to `end` is given up: it was received when that is acknowledged, now or
 * later. */
static inline void holes_skip(struct stream *s, struct side *side, an_u32 end)
{
	an_s64 n = sequence_distance(end, side->next);

	if (n <= 0)
		return;
	if (side->has_acknowledged && sequence_distance(side->acknowledged, end) >= 0) {
		holes_lost(s, 1, (an_u64)n);
		return;
	}
	if (!side->unproved)
		side->unproved_bytes = 0;
	side->unproved++;
	side->unproved_bytes += (an_u64)n;
	side->unproved_end = end;
}

/* Holes that were given up before their acknowledgement came. */
static inline void holes_prove(struct stream *s, struct side *side, an_u32 acknowledged)
{
	if (sequence_distance(acknowledged, side->next) > FLOW_WINDOW ||
	    sequence_distance(acknowledged, side->unproved_end) < 0)
		return;
	holes_lost(s, side->unproved, side->unproved_bytes);
	side->unproved = 0;
}

/* The receiver lacks what lies before `until`. */
static inline void holes_want(struct side *side, an_u32 until)
{
	if (!side->has_wanted || sequence_distance(until, side->wanted_until) > 0)
		side->wanted_until = until;
	side->has_wanted = 1;
}

/* What an acknowledgement says while there is a hole: a block received behind it, or
 * the same number again. */
static inline void holes_ask(const struct stream *s, struct side *side,
			     const struct segment *segment)
{
	an_s64 ahead = sequence_distance(segment->acknowledged, side->next);
	struct cursor options = segment->options, blocks;
	an_u32 left, right;
	int is_selective = 0;
	an_u8 kind;

	if (ahead > 0)
		return;
	while (!option_next(&options, &kind, &blocks)) {
		if (kind != TCP_OPTION_SACK)
			continue;
		while (!cursor_u32(&blocks, &left) && !cursor_u32(&blocks, &right)) {
			ahead = sequence_distance(left, side->next);
			if (ahead <= 0 || ahead > FLOW_WINDOW)
				continue;
			holes_want(side, left);
			is_selective = 1;
		}
	}
	if (is_selective || segment->acknowledged != side->next ||
	    s->header->payload_bytes || s->header->tcp_flags & AIRNET_TCP_FIN)
		return;
	if (side->asks < HOLE_ASKS && ++side->asks == HOLE_ASKS)
		holes_want(side, s->held[side->held].sequence);
}

/* `n` bytes came that were missing. */
static inline void holes_refill(struct stream *s, const struct side *side,
				an_u32 sequence, size_t n)
{
	an_s64 wanted = sequence_distance(side->wanted_until, sequence);

	if (side->has_wanted && wanted > 0)
		s->counts.network_loss_bytes += wanted < (an_s64)n ? (an_u64)wanted : n;
}

/* The last that was missing of a hole, from `sequence` on, came. */
static inline void holes_close(struct stream *s, const struct side *side,
			       an_u32 sequence)
{
	if (side->has_wanted && sequence_distance(side->wanted_until, sequence) > 0)
		s->counts.network_losses++;
}

/* Follow the numbers of a direction's messages. Those that a gap fill replaces are not
 * missing, nor does a message sent again say what comes next. */
static inline void holes_number(struct stream *s, struct side *side,
				const struct airnet_message *row)
{
	if (!row->sequence || row->flags & AIRNET_MESSAGE_POSS_DUP)
		return;
	if (side->number && row->sequence > side->number) {
		s->counts.application_gaps++;
		s->counts.application_gap_messages += row->sequence - side->number;
	}
	side->number = row->sequence + 1;
}

#endif
