/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which tags a message has, in which order, as a number: a function of its bytes alone,
 * the same on every path. A tag that was there adds nothing, so that groups may repeat
 * as often as they like. It is asked for where no layout is known that has it already,
 * and only of orders; no field waits for the one before but for three cycles.
 */
#ifndef AIRNET_FIXSUM_H
#define AIRNET_FIXSUM_H

#include "fixwalk.h"

#define FIX_SENSES 1024 /* hashes of tags that are told apart */
#define FIX_SENSE_SHIFT 54 /* leaves a number below FIX_SENSES */
/* Bits that the sum turns by a tag: odd, so that of 64 tags none counts alike. */
#define FIX_SENSE_TURN 5

/* Which hashes the message has had: those with its mark. So none is cleared for each
 * message, and what one tag writes is not what the next one loads. */
struct fix_senses {
	an_u8 marks[FIX_SENSES];
	an_u8 mark; /* of the message; 0 before the first */
};

/* Sum up the fields behind MsgType of a message of plain tags, each of FIX_SHORT_TAG
 * digits or fewer; never 0. */
FIX_APART an_u32 fix_layout_sum(struct fix_senses *senses, const struct fix_walk *walk)
{
	const an_u16 *place = walk->places + FIX_FIRST;
	const an_u16 *last = walk->places + walk->count - 1;
	const an_u8 *body = walk->body;
	an_u64 sum = 0, more, word, hash;
	an_u8 *mark, own;

	if (++senses->mark == 0) {
		memset(senses->marks, 0, sizeof(senses->marks));
		senses->mark = 1;
	}
	own = senses->mark;
	for (; place < last; place++) {
		word = fix_word(body + *place);
		/* The tag with its '=', which has no high bit. */
		hash = (word & (fix_first_zero(word ^ FIX_EACH('=')) - 1)) *
		       FIX_KEY_FACTOR;
		more = (sum << FIX_SENSE_TURN | sum >> (64 - FIX_SENSE_TURN)) ^ hash;
		mark = &senses->marks[hash >> FIX_SENSE_SHIFT];
		sum = *mark == own ? sum : more;
		*mark = own;
	}
	return (an_u32)(sum ^ sum >> 32) | 1;
}

#endif
