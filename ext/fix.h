/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One FIX message: its frame (FIX 4.4 Volume 2, "Message format": 8, 9 and 35 first,
 * 10 last, 9 counts the bytes between), and its fields as one airnet_message.
 */
#ifndef AIRNET_FIX_H
#define AIRNET_FIX_H

#include "fixtags.h"
#include "fixvalue.h"

#define FIX_SOH 1
#define FIX_BEGIN "8=FIX"
#define FIX_BEGIN_BYTES 5
#define FIX_VERSION_BYTES 16 /* longest value of 8 we take for one */
#define FIX_HEAD_BYTES 29 /* longest "8=...<SOH>9=1234567<SOH>" */
#define FIX_TRAILER_BYTES 7 /* "10=123<SOH>" */
#define FIX_MESSAGE_BYTES (FIX_HEAD_BYTES + AIRNET_FIX_BYTES_MAX + FIX_TRAILER_BYTES)
#define FIX_MORE (-1)

struct fix_head {
	an_u32 head_bytes; /* of 8 and 9 with their <SOH> */
	an_u32 body_bytes;
	an_u8 version; /* as airnet_session.version */
};

/* CompIDs of a message, as its sender writes them; empty when absent. */
struct fix_names {
	struct cursor sender;
	struct cursor target;
};

static inline an_u8 fix_version(struct cursor value)
{
	if (cursor_left(&value) == 7 && memcmp(value.at, "FIX.4.", 6) == 0)
		return value.at[6] >= '0' && value.at[6] <= '4' ? 40 + value.at[6] - '0'
								: 0;
	return cursor_left(&value) == 8 && memcmp(value.at, "FIXT.1.1", 8) == 0 ? 50
										: 0;
}

/* Digits of tag 9, 1 to 7 of them; returns as fix_head does. */
static inline int fix_body_length(struct cursor *left, an_u32 *out)
{
	an_u32 number = 0;
	int digits;

	for (digits = 0; left->at != left->end; digits++) {
		an_u8 byte = *left->at++;

		if (byte == FIX_SOH && digits > 0) {
			*out = number;
			return number > AIRNET_FIX_BYTES_MAX ? AIRNET_MALFORMED_TOO_LONG
							     : 0;
		}
		if (!fix_digit(byte))
			return AIRNET_MALFORMED_BODY_LENGTH;
		if (digits == 7)
			return AIRNET_MALFORMED_TOO_LONG;
		number = number * 10 + byte - '0';
	}
	return FIX_MORE;
}

/* Read 8 and 9. Returns 0, FIX_MORE, or why the bytes are no message. */
static inline int fix_head(struct cursor bytes, struct fix_head *head)
{
	const an_u8 *start = bytes.at;
	struct cursor value = {start + 2, start + 2};
	int reason;

	if (!cursor_agrees(&bytes, FIX_BEGIN, FIX_BEGIN_BYTES))
		return AIRNET_MALFORMED_GARBAGE;
	if (cursor_left(&bytes) <= FIX_BEGIN_BYTES)
		return FIX_MORE;
	bytes.at += FIX_BEGIN_BYTES;
	while (bytes.at != bytes.end && *bytes.at != FIX_SOH) {
		if (bytes.at - value.at >= FIX_VERSION_BYTES)
			return AIRNET_MALFORMED_GARBAGE;
		bytes.at++;
	}
	value.end = bytes.at;
	if (bytes.at == bytes.end)
		return FIX_MORE;
	bytes.at++;
	if (!cursor_agrees(&bytes, "9=", 2))
		return AIRNET_MALFORMED_BODY_LENGTH;
	if (cursor_skip(&bytes, 2))
		return FIX_MORE;
	reason = fix_body_length(&bytes, &head->body_bytes);
	head->head_bytes = (an_u32)(bytes.at - start);
	head->version = fix_version(value);
	return reason;
}

static inline an_u32 fix_total(const struct fix_head *head)
{
	return head->head_bytes + head->body_bytes + FIX_TRAILER_BYTES;
}

/* Whether the whole message ends in <SOH>10=ddd<SOH> where BodyLength says. */
static inline int fix_is_framed(const an_u8 *bytes, const struct fix_head *head)
{
	const an_u8 *at = bytes + head->head_bytes + head->body_bytes;

	return at[-1] == FIX_SOH && memcmp(at, "10=", 3) == 0 && fix_digit(at[3]) &&
	       fix_digit(at[4]) && fix_digit(at[5]) && at[6] == FIX_SOH;
}

/* Sum of bytes modulo 256, eight at a time in four 16-bit lanes: 64 rounds of two
 * bytes stay below 2**16. */
static inline an_u8 fix_sum(const an_u8 *at, an_u32 n)
{
	const an_u64 lanes = 0x00ff00ff00ff00ffULL;
	an_u64 word, sum = 0;
	an_u32 total = 0, i = 0, round;

	while (n - i >= 8) {
		sum = 0;
		for (round = 0; round < 64 && n - i >= 8; round++, i += 8) {
			memcpy(&word, at + i, 8);
			sum += (word & lanes) + (word >> 8 & lanes);
		}
		total += (an_u32)((sum & 0xffff) + (sum >> 16 & 0xffff) +
				  (sum >> 32 & 0xffff) + (sum >> 48));
	}
	for (; i < n; i++)
		total += at[i];
	return (an_u8)total;
}

struct fix_walk {
	struct cursor left;
	an_u32 data_tag; /* the field that must follow a length, 0 = none */
	an_u64 data_bytes;
};

/* The next field's tag and value; 0 for one that is not tag=value; -1 at the end.
 * The body ends in <SOH>. */
static inline int fix_next(struct fix_walk *walk, struct cursor *value)
{
	struct cursor *left = &walk->left;
	const an_u8 *start = left->at;
	an_u32 tag = 0, data_tag = walk->data_tag;

	if (left->at == left->end)
		return -1;
	while (fix_digit(*left->at) && left->at - start < 9)
		tag = tag * 10 + *left->at++ - '0';
	walk->data_tag = 0;
	if (*start == '0' || left->at == start || *left->at != '=') {
		if (cursor_until(left, FIX_SOH, value))
			left->at = left->end;
		return 0;
	}
	left->at++;
	if (data_tag && tag == data_tag && walk->data_bytes < cursor_left(left) &&
	    left->at[walk->data_bytes] == FIX_SOH) {
		*value = cursor_over(left->at, walk->data_bytes);
		left->at += walk->data_bytes + 1;
	} else if (cursor_until(left, FIX_SOH, value)) {
		left->at = left->end;
		return 0;
	}
	if (value->at == value->end)
		return 0;
	walk->data_tag = fix_data_tag(tag);
	if (walk->data_tag && fix_unsigned(*value, &walk->data_bytes))
		walk->data_tag = 0;
	return (int)tag;
}

#endif
