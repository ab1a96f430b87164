/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fields of one framed FIX message -> one airnet_message. First occurrences win;
 * whatever is wrong is one reason: checksum before type, field, duplicate and value.
 */
#ifndef AIRNET_FIXMESSAGE_H
#define AIRNET_FIXMESSAGE_H

#include "fix.h"

#define FIX_TYPE(a, b) ((an_u32)(a) | (an_u32)(b) << 8)

struct fix_reading {
	struct airnet_message *row;
	struct fix_names *names;
	an_u64 seen; /* bit per tag we read */
	an_u8 is_order; /* a type in which order tags stand outside groups */
	an_u8 has_bad_value;
	an_u8 has_duplicate;
};

/* MsgType, FIX 4.4 Volume 6, field 35, folded to what features count. */
static inline an_u8 fix_kind(an_u32 type)
{
	switch (type) {
	case 'D':
	case 'E':
	case FIX_TYPE('A', 'B'):
		return AIRNET_KIND_NEW;
	case 'F':
	case 'q':
		return AIRNET_KIND_CANCEL;
	case 'G':
	case FIX_TYPE('A', 'C'):
		return AIRNET_KIND_REPLACE;
	case 'S':
	case 'i':
		return AIRNET_KIND_QUOTE;
	case '8':
		return AIRNET_KIND_REPORT;
	case '9':
		return AIRNET_KIND_CANCEL_REJECT;
	case '3':
	case 'j':
		return AIRNET_KIND_REJECT;
	case 'A':
		return AIRNET_KIND_LOGON;
	case '5':
		return AIRNET_KIND_LOGOUT;
	case '0':
		return AIRNET_KIND_HEARTBEAT;
	case '1':
		return AIRNET_KIND_TEST_REQUEST;
	case '2':
		return AIRNET_KIND_RESEND_REQUEST;
	case '4':
		return AIRNET_KIND_SEQUENCE_RESET;
	case 'V':
	case 'W':
	case 'X':
	case 'Y':
		return AIRNET_KIND_MARKET_DATA;
	default:
		return AIRNET_KIND_OTHER;
	}
}

/* MsgType's bytes, first in the low byte, up to four. */
static inline an_u32 fix_type(struct cursor value)
{
	an_u32 type = 0;
	int shift;

	for (shift = 0; shift < 32 && value.at != value.end; shift += 8)
		type |= (an_u32)*value.at++ << shift;
	return type;
}

/* Whether this is the first `tag` of the message. Order tags may repeat in the groups
 * of other message types. */
static inline int fix_is_first(struct fix_reading *reading, int tag, int is_header)
{
	an_u64 bit = 1ULL << (tag == FIX_EXEC_TYPE     ? 0
			      : tag == FIX_POSS_RESEND ? 1
						       : tag);

	if (!(reading->seen & bit)) {
		reading->seen |= bit;
		return 1;
	}
	reading->has_duplicate |= is_header || reading->is_order;
	return 0;
}

static inline void fix_flag(struct fix_reading *reading, struct cursor value,
			    an_u16 flag)
{
	if (cursor_left(&value) == 1 && *value.at == 'Y')
		reading->row->flags |= flag;
	else if (cursor_left(&value) != 1 || *value.at != 'N')
		reading->has_bad_value = 1;
}

static inline void fix_char(struct fix_reading *reading, struct cursor value,
			    an_u8 *out)
{
	if (cursor_left(&value) == 1)
		*out = *value.at;
	else
		reading->has_bad_value = 1;
}

static inline void fix_amount(struct fix_reading *reading, struct cursor value,
			      an_s64 *out, an_u16 flag)
{
	if (fix_decimal(value, out))
		reading->has_bad_value = 1;
	else
		reading->row->flags |= flag;
}

/* Read a field of the standard header; 0 when `tag` is none of those. */
static inline int fix_header_field(struct fix_reading *reading, int tag,
				   struct cursor value)
{
	switch (tag) {
	case FIX_MSG_SEQ_NUM:
	case FIX_POSS_DUP_FLAG:
	case FIX_SENDER_COMP_ID:
	case FIX_SENDING_TIME:
	case FIX_TARGET_COMP_ID:
	case FIX_POSS_RESEND:
	case FIX_BEGIN_STRING:
	case FIX_BODY_LENGTH:
	case FIX_CHECK_SUM:
	case FIX_MSG_TYPE:
		break;
	default:
		return 0;
	}
	if (!fix_is_first(reading, tag, 1))
		return 1;
	if (tag == FIX_MSG_SEQ_NUM)
		reading->has_bad_value |=
			fix_unsigned(value, &reading->row->sequence) != 0;
	else if (tag == FIX_SENDING_TIME)
		reading->has_bad_value |=
			fix_time(value, &reading->row->sending_ns) != 0;
	else if (tag == FIX_POSS_DUP_FLAG)
		fix_flag(reading, value, AIRNET_MESSAGE_POSS_DUP);
	else if (tag == FIX_POSS_RESEND)
		fix_flag(reading, value, AIRNET_MESSAGE_POSS_RESEND);
	else if (tag == FIX_SENDER_COMP_ID)
		reading->names->sender = value;
	else if (tag == FIX_TARGET_COMP_ID)
		reading->names->target = value;
	return 1;
}

static inline void fix_order_field(struct fix_reading *reading, int tag,
				   struct cursor value)
{
	struct airnet_message *row = reading->row;
	int quantity_tag = row->type == '8' ? FIX_LAST_QTY : FIX_ORDER_QTY;

	switch (tag) {
	case FIX_ORDER_QTY:
	case FIX_LAST_QTY:
		if (tag == quantity_tag && fix_is_first(reading, tag, 0))
			fix_amount(reading, value, &row->quantity,
				   AIRNET_MESSAGE_HAS_QUANTITY);
		break;
	case FIX_PRICE:
		if (fix_is_first(reading, tag, 0))
			fix_amount(reading, value, &row->price,
				   AIRNET_MESSAGE_HAS_PRICE);
		break;
	case FIX_CL_ORD_ID:
		if (fix_is_first(reading, tag, 0))
			row->order_key = fix_key(value);
		break;
	case FIX_ORIG_CL_ORD_ID:
		if (fix_is_first(reading, tag, 0))
			row->original_key = fix_key(value);
		break;
	case FIX_SYMBOL:
		if (fix_is_first(reading, tag, 0))
			row->symbol_key = fix_key(value);
		break;
	case FIX_SIDE:
		if (fix_is_first(reading, tag, 0))
			fix_char(reading, value, &row->side);
		break;
	case FIX_ORD_STATUS:
		if (fix_is_first(reading, tag, 0))
			fix_char(reading, value, &row->order_status);
		break;
	case FIX_EXEC_TYPE:
		if (fix_is_first(reading, tag, 0))
			fix_char(reading, value, &row->exec_type);
		break;
	}
}

/* The three digits of a trailer that fix_is_framed has seen. */
static inline int fix_stated_sum(const an_u8 *trailer)
{
	return (trailer[3] - '0') * 100 + (trailer[4] - '0') * 10 + trailer[5] - '0';
}

/* Read a framed message into `row`, which is all zero, and the CompIDs, which point
 * into `bytes`. */
static inline void fix_read(const an_u8 *bytes, const struct fix_head *head,
			    struct airnet_message *row, struct fix_names *names)
{
	struct fix_reading reading = {.row = row, .names = names};
	struct fix_walk walk = {cursor_over(bytes + head->head_bytes, head->body_bytes),
				0, 0};
	an_u32 summed = head->head_bytes + head->body_bytes;
	struct cursor value = walk.left;
	int has_bad_field, has_bad_type, tag;

	memset(names, 0, sizeof(*names));
	reading.seen = 1ULL << FIX_BEGIN_STRING | 1ULL << FIX_BODY_LENGTH |
		       1ULL << FIX_CHECK_SUM | 1ULL << FIX_MSG_TYPE;
	tag = fix_next(&walk, &value);
	has_bad_field = tag == 0;
	has_bad_type = tag != FIX_MSG_TYPE;
	if (tag == FIX_MSG_TYPE) {
		row->type = fix_type(value);
		row->kind = fix_kind(row->type);
		reading.is_order = row->type == 'D' || row->type == 'F' ||
				   row->type == 'G' || row->type == '8';
		tag = fix_next(&walk, &value);
	}
	for (; tag >= 0; tag = fix_next(&walk, &value)) {
		has_bad_field |= tag == 0;
		if (!fix_header_field(&reading, tag, value))
			fix_order_field(&reading, tag, value);
	}
	row->bytes = fix_total(head);
	if (fix_stated_sum(bytes + summed) != fix_sum(bytes, summed))
		row->malformed = AIRNET_MALFORMED_CHECKSUM;
	else if (has_bad_type)
		row->malformed = AIRNET_MALFORMED_TYPE;
	else if (has_bad_field)
		row->malformed = AIRNET_MALFORMED_FIELD;
	else if (reading.has_duplicate)
		row->malformed = AIRNET_MALFORMED_DUPLICATE;
	else if (reading.has_bad_value)
		row->malformed = AIRNET_MALFORMED_VALUE;
}

#endif
