/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values byte by byte, for the decoders that have no reader for them: the same numbers
 * as ext/fixvalue.h gives, for values that are well formed.
 */
#ifndef SCALAR_H
#define SCALAR_H

#include "peer.h"

#define SCALAR_SOH 1
#define SCALAR_TRAILER 7
#define SCALAR_DECIMALS 8
#define SCALAR_TAGS 1000 /* tags below have a place in scalar_slots */
#define SCALAR_LENGTH 0xff /* the place of a length field */

extern an_u8 scalar_slots[SCALAR_TAGS];

static inline an_u64 scalar_unsigned(const an_u8 *at, const an_u8 *end)
{
	an_u64 number = 0;

	while (at != end && *at >= '0' && *at <= '9')
		number = number * 10 + *at++ - '0';
	return number;
}

static inline an_s64 scalar_decimal(const an_u8 *at, const an_u8 *end)
{
	int is_negative = at != end && *at == '-', decimals = -1;
	an_s64 number = 0;

	for (at += is_negative; at != end; at++) {
		if (*at == '.') {
			decimals = 0;
			continue;
		}
		if (decimals == SCALAR_DECIMALS)
			break;
		decimals += decimals >= 0;
		number = number * 10 + *at - '0';
	}
	for (decimals = decimals < 0 ? 0 : decimals; decimals < SCALAR_DECIMALS;
	     decimals++)
		number *= 10;
	return is_negative ? -number : number;
}

/* Days from 1970-01-01; the year begins in March. */
static inline an_s64 scalar_days(int year, int month, int day)
{
	an_s64 y = year - (month <= 2), m = month > 2 ? month - 3 : month + 9;

	return y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1 -
	       719468;
}

static inline an_u64 scalar_time(const an_u8 *at, const an_u8 *end)
{
	int year = (int)scalar_unsigned(at, at + 4);
	int month = (int)scalar_unsigned(at + 4, at + 6);
	int day = (int)scalar_unsigned(at + 6, at + 8);
	an_u64 seconds = scalar_unsigned(at + 9, at + 11) * 3600 +
			 scalar_unsigned(at + 12, at + 14) * 60 +
			 scalar_unsigned(at + 15, at + 17);
	an_u64 fraction = 0;
	int n;

	for (at += 18, n = 0; n < 9; n++)
		fraction = fraction * 10 + (at < end ? (an_u64)(*at++ - '0') : 0);
	seconds += (an_u64)scalar_days(year, month, day) * 86400;
	return seconds * 1000000000 + fraction;
}

static inline an_u64 scalar_key(const an_u8 *at, const an_u8 *end)
{
	an_u64 key = 0x9e3779b97f4a7c15ULL * ((an_u64)(end - at) + 1), word;
	int n;

	while (at != end) {
		word = 0;
		for (n = 0; n < 64 && at != end; n += 8)
			word |= (an_u64)*at++ << n;
		key = (key ^ word) * 0xff51afd7ed558ccdULL;
		key ^= key >> 32;
	}
	return key ? key : 1;
}

/* Put the value of one slot into a row. */
static inline void scalar_take(struct peer_row *out, int slot, const an_u8 *at,
			       const an_u8 *end)
{
	struct airnet_message *row = &out->row;

	switch (slot) {
	case FIX_SENDER_COMP_ID:
		out->sender = at;
		out->sender_end = end;
		break;
	case FIX_TARGET_COMP_ID:
		out->target = at;
		out->target_end = end;
		break;
	case FIX_MSG_SEQ_NUM:
		row->sequence = scalar_unsigned(at, end);
		break;
	case FIX_SENDING_TIME:
		row->sending_ns = scalar_time(at, end);
		break;
	case FIX_POSS_DUP_FLAG:
		row->flags |= *at == 'Y' ? AIRNET_MESSAGE_POSS_DUP : 0;
		break;
	case FIX_POSS_RESEND:
		row->flags |= *at == 'Y' ? AIRNET_MESSAGE_POSS_RESEND : 0;
		break;
	case FIX_CL_ORD_ID:
		row->order_key = scalar_key(at, end);
		break;
	case FIX_ORIG_CL_ORD_ID:
		row->original_key = scalar_key(at, end);
		break;
	case FIX_SYMBOL:
		row->symbol_key = scalar_key(at, end);
		break;
	case FIX_SIDE:
		row->side = *at;
		break;
	case FIX_ORDER_QTY:
	case FIX_LAST_QTY:
		if ((slot == FIX_LAST_QTY) != (row->type == '8'))
			break;
		row->quantity = scalar_decimal(at, end);
		row->flags |= AIRNET_MESSAGE_HAS_QUANTITY;
		break;
	case FIX_PRICE:
	case FIX_LAST_PX:
		if ((slot == FIX_LAST_PX) != (row->type == '8'))
			break;
		row->price = scalar_decimal(at, end);
		row->flags |= AIRNET_MESSAGE_HAS_PRICE;
		break;
	case FIX_ORD_TYPE:
		if (row->type != '8' && end - at == 1 && *at == '2')
			row->flags |= AIRNET_MESSAGE_LIMIT;
		break;
	case FIX_ORD_STATUS:
		row->order_status = *at;
		break;
	case FIX_EXEC_TYPE:
		row->exec_type = *at;
		break;
	case FIX_MSG_TYPE:
		for (; at != end; at++)
			row->type = row->type << 8 | *at;
		break;
	}
}

/* The slot of a tag, FIX_NO_SLOT for most. */
static inline int scalar_slot(unsigned tag)
{
	int slot = tag < SCALAR_TAGS ? scalar_slots[tag] : FIX_NO_SLOT;

	return slot < FIX_SPANS ? slot : FIX_NO_SLOT;
}

#endif
