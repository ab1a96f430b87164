/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fields of one framed FIX message -> one airnet_message. First occurrences win;
 * whatever is wrong is one reason: checksum before type, field, duplicate and value.
 */
#ifndef AIRNET_FIX_MESSAGE_H
#define AIRNET_FIX_MESSAGE_H

#include "fixhabit.h"
#include "fixkind.h"

/* CompIDs of a message, as its sender writes them; empty when absent. */
struct fix_names {
	struct cursor sender;
	struct cursor target;
};

/* A framed message, and where its row goes. */
struct fix_message {
	const an_u8 *bytes;
	const struct fix_head *head;
	struct airnet_message *row; /* all zero */
	struct fix_names *names;
};

/* Where the values of a message are: in `spans` where a path has made those, or by
 * fields and places. */
struct fix_reading {
	const struct fix_fields *fields;
	an_u32 seen; /* of fields */
	const struct fix_span *spans;
	const an_u16 *places;
	an_u32 count; /* of places */
	const an_u8 *body;
	an_u32 sum; /* of the message's bytes, in the low eight bits */
	struct airnet_message *row;
	an_u32 has_bad_value;
};

FIX_INLINE int fix_has(const struct fix_reading *reading, enum fix_slot slot)
{
	return (reading->seen & FIX_BIT(slot)) != 0;
}

/* The value of a slot that the message has. */
FIX_INLINE struct cursor fix_value(const struct fix_reading *reading,
				   enum fix_slot slot)
{
	struct cursor value = {reading->body, reading->body};
	const an_u16 *pair;

	if (reading->spans) {
		value.at += reading->spans[slot].start;
		value.end += reading->spans[slot].end;
		return value;
	}
	/* Two loads: what stored the places may have stored each apart. */
	pair = reading->places - FIX_ABSENT + reading->fields->at[slot];
	value.at += pair[0] + fix_leads[slot];
	value.end += (an_u16)(pair[1] - 1);
	return value;
}

/* MsgType's bytes, first in the low byte, up to four; it is the first field. Most have
 * one, and where it lies need not be waited for. */
FIX_INLINE void fix_read_type(struct fix_reading *reading)
{
	const an_u8 *at = reading->body + 3;
	struct cursor value;
	an_u32 type = *at;
	size_t n;

	if (__builtin_expect(at[1] == FIX_SOH && type != FIX_SOH, 1)) {
		reading->row->type = type;
		reading->row->kind = fix_kinds[type];
		return;
	}
	value = fix_value(reading, FIX_MSG_TYPE);
	n = cursor_left(&value);
	memcpy(&type, at, 4);
	type = n < 4 ? type & ((1U << 8 * n) - 1) : type;
	reading->row->type = type;
	reading->row->kind = fix_kind(type);
}

FIX_INLINE void fix_flag(struct fix_reading *reading, enum fix_slot slot, an_u8 flag)
{
	struct cursor value = fix_value(reading, slot);

	if (cursor_left(&value) == 1 && *value.at == 'Y')
		reading->row->flags |= flag;
	else if (cursor_left(&value) != 1 || *value.at != 'N')
		reading->has_bad_value = 1;
}

FIX_INLINE void fix_char(struct fix_reading *reading, enum fix_slot slot, an_u8 *out)
{
	struct cursor value = fix_value(reading, slot);

	if (cursor_left(&value) == 1)
		*out = *value.at;
	else
		reading->has_bad_value = 1;
}

FIX_INLINE void fix_amount(struct fix_reading *reading, enum fix_slot slot, an_s64 *out,
			   an_u8 flag)
{
	if (fix_decimal(fix_value(reading, slot), out))
		reading->has_bad_value = 1;
	else
		reading->row->flags |= flag;
}

/* A limit order waits for nothing, as a stop does, and is filled at its price or a
 * better one. Values of 40: FIX 4.4 volume 6. */
FIX_INLINE void fix_limit(struct fix_reading *reading)
{
	struct cursor value = fix_value(reading, FIX_ORD_TYPE);

	if (cursor_left(&value) == 1 && *value.at == '2')
		reading->row->flags |= AIRNET_MESSAGE_LIMIT;
}

/* Flags that few messages have. */
#define FIX_FLAG_SLOTS (FIX_BIT(FIX_POSS_DUP_FLAG) | FIX_BIT(FIX_POSS_RESEND))

FIX_INLINE void fix_read_header(struct fix_reading *reading, struct fix_day *day,
				struct fix_names *names)
{
	const struct fix_names none = {{NULL, NULL}, {NULL, NULL}};
	struct airnet_message *row = reading->row;

	names->sender = fix_has(reading, FIX_SENDER_COMP_ID)
				? fix_value(reading, FIX_SENDER_COMP_ID)
				: none.sender;
	names->target = fix_has(reading, FIX_TARGET_COMP_ID)
				? fix_value(reading, FIX_TARGET_COMP_ID)
				: none.target;
	if (fix_has(reading, FIX_MSG_SEQ_NUM) &&
	    fix_unsigned(fix_value(reading, FIX_MSG_SEQ_NUM), &row->sequence))
		reading->has_bad_value = 1;
	if (fix_has(reading, FIX_SENDING_TIME) &&
	    fix_time(day, fix_value(reading, FIX_SENDING_TIME), &row->sending_ns))
		reading->has_bad_value = 1;
	if (__builtin_expect(!(reading->seen & FIX_FLAG_SLOTS), 1))
		return;
	if (fix_has(reading, FIX_POSS_DUP_FLAG))
		fix_flag(reading, FIX_POSS_DUP_FLAG, AIRNET_MESSAGE_POSS_DUP);
	if (fix_has(reading, FIX_POSS_RESEND))
		fix_flag(reading, FIX_POSS_RESEND, AIRNET_MESSAGE_POSS_RESEND);
}

FIX_INLINE void fix_read_order(struct fix_reading *reading)
{
	struct airnet_message *row = reading->row;

	if (!(reading->seen & FIX_TERM_SLOTS))
		return;
	if (fix_has(reading, FIX_CL_ORD_ID))
		row->order_key = fix_key(fix_value(reading, FIX_CL_ORD_ID));
	if (fix_has(reading, FIX_ORIG_CL_ORD_ID))
		row->original_key = fix_key(fix_value(reading, FIX_ORIG_CL_ORD_ID));
	if (fix_has(reading, FIX_SYMBOL))
		row->symbol_key = fix_key(fix_value(reading, FIX_SYMBOL));
	if (fix_has(reading, FIX_SIDE))
		fix_char(reading, FIX_SIDE, &row->side);
	if (row->type == '8' && fix_has(reading, FIX_LAST_QTY))
		fix_amount(reading, FIX_LAST_QTY, &row->quantity,
			   AIRNET_MESSAGE_HAS_QUANTITY);
	if (row->type != '8' && fix_has(reading, FIX_ORDER_QTY))
		fix_amount(reading, FIX_ORDER_QTY, &row->quantity,
			   AIRNET_MESSAGE_HAS_QUANTITY);
	if (row->type == '8' && fix_has(reading, FIX_LAST_PX))
		fix_amount(reading, FIX_LAST_PX, &row->price, AIRNET_MESSAGE_HAS_PRICE);
	if (row->type != '8' && fix_has(reading, FIX_PRICE))
		fix_amount(reading, FIX_PRICE, &row->price, AIRNET_MESSAGE_HAS_PRICE);
	if (row->type != '8' && fix_has(reading, FIX_ORD_TYPE))
		fix_limit(reading);
	if (fix_has(reading, FIX_ORD_STATUS))
		fix_char(reading, FIX_ORD_STATUS, &row->order_status);
	if (fix_has(reading, FIX_EXEC_TYPE))
		fix_char(reading, FIX_EXEC_TYPE, &row->exec_type);
}

/* Which repeated slots are wrong. Order tags may repeat in the groups of other message
 * types, and each type has a quantity that is not read. */
FIX_INLINE an_u32 fix_once(an_u32 type)
{
	an_u32 slots = FIX_HEADER_SLOTS;

	if (type == 'D' || type == 'F' || type == 'G')
		slots |= FIX_ORDER_SLOTS & ~FIX_BIT(FIX_LAST_QTY);
	if (type == '8')
		slots |= (FIX_ORDER_SLOTS | FIX_BIT(FIX_LAST_PX)) &
			 ~(FIX_BIT(FIX_ORDER_QTY) | FIX_BIT(FIX_PRICE));
	return slots;
}

FIX_INLINE an_u8 fix_reason(const struct fix_reading *reading, int is_summed)
{
	const struct fix_fields *fields = reading->fields;

	if (!is_summed)
		return AIRNET_MALFORMED_CHECKSUM;
	if (fields->has_bad_type)
		return AIRNET_MALFORMED_TYPE;
	if (fields->has_bad_field)
		return AIRNET_MALFORMED_FIELD;
	if (fields->repeated && fields->repeated & fix_once(reading->row->type))
		return AIRNET_MALFORMED_DUPLICATE;
	return reading->has_bad_value ? AIRNET_MALFORMED_VALUE : AIRNET_MALFORMED_NO;
}

FIX_INLINE struct fix_walk fix_walk_of(const struct fix_message *message,
				       const struct fix_scan *scan)
{
	struct fix_walk walk = {
		message->bytes + message->head->head_bytes,
		scan->places,
		scan->count,
	};

	return walk;
}

/* An order's layout as rows carry it; of anything else 0. Only a message that was
 * walked may not have it yet, and that has places. */
FIX_INLINE an_u8 fix_layout_of(struct fix_reader *reader,
			       const struct fix_reading *reading)
{
	const struct airnet_message *row = reading->row;
	struct fix_walk walk = {reading->body, reading->places, reading->count};
	an_u32 layout = reading->fields->layout;
	an_u64 sum;

	if ((an_u8)(row->kind - AIRNET_KIND_NEW) >
		    AIRNET_KIND_QUOTE - AIRNET_KIND_NEW ||
	    row->malformed)
		return 0;
	if (!layout && !reading->fields->is_special)
		layout = fix_layout_sum(&reader->senses, &walk);
	sum = ((an_u64)row->type << 32 ^ layout) * FIX_KEY_FACTOR;
	return (an_u8)(1 + ((sum ^ sum >> 32) * FIX_KEY_START >> 57));
}

/* Read a message into its row and names. */
FIX_INLINE void fix_read_fields(struct fix_reader *reader, struct fix_reading *reading,
				const struct fix_message *message)
{
	const struct fix_head *head = message->head;
	const an_u8 *trailer = message->bytes + head->head_bytes + head->body_bytes;
	struct airnet_message *row = message->row;

	reading->body = message->bytes + head->head_bytes;
	reading->row = row;
	reading->seen = reading->fields->seen;
	reading->has_bad_value = 0;
	if (!reading->fields->has_bad_type)
		fix_read_type(reading);
	fix_read_header(reading, &reader->day, message->names);
	fix_read_order(reading);
	row->bytes = fix_total(head);
	row->malformed = fix_reason(reading, fix_sum_is(trailer, reading->sum));
	row->layout = fix_layout_of(reader, reading);
	if (__builtin_expect(row->kind == AIRNET_KIND_LOGON, 0))
		row->original_key =
			fix_version_key((struct cursor){reading->body - 1, trailer});
}

#endif
