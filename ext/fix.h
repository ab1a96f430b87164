/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frame of a FIX message (FIX 4.4 Volume 2, "Message format"): 8, 9 and 35 first,
 * 10 last; 9 counts the bytes between.
 */
#ifndef AIRNET_FIX_H
#define AIRNET_FIX_H

#include "fixscan.h"

#define FIX_BEGIN "8=FIX"
#define FIX_BEGIN_BYTES 5
#define FIX_BEGIN_MAX 13 /* "8=FIXT.1.1<SOH>9=" */
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

/* As fix_head, byte by byte: for what is short, rare or wrong. */
static inline int fix_head_slow(struct cursor bytes, struct fix_head *head)
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

/* The bytes up to the digits of 9 of a version we know; 0 for another. */
static inline an_u32 fix_begin(const an_u8 *at, an_u8 *version)
{
	if (memcmp(at, "8=FIX.4.", 8) == 0 && memcmp(at + 9, "\0019=", 3) == 0 &&
	    at[8] >= '0' && at[8] <= '4') {
		*version = 40 + at[8] - '0';
		return 12;
	}
	*version = 50;
	return memcmp(at, "8=FIXT.1.1\0019=", 13) == 0 ? 13 : 0;
}

/* Read 8 and 9. Returns 0, FIX_MORE, or why the bytes are no message. */
static inline int fix_head(struct cursor bytes, struct fix_head *head)
{
	an_u64 word, soh, digits;
	an_u32 begin, n;

	if (cursor_left(&bytes) < FIX_BEGIN_MAX + 8)
		return fix_head_slow(bytes, head);
	begin = fix_begin(bytes.at, &head->version);
	word = fix_word(bytes.at + begin);
	soh = fix_first_zero(word ^ FIX_EACH(FIX_SOH));
	n = soh ? (an_u32)__builtin_ctzll(soh) >> 3 : 0;
	if (begin == 0 || n == 0)
		return fix_head_slow(bytes, head);
	digits = (word ^ FIX_EACH('0')) << (64 - 8 * n);
	head->body_bytes = (an_u32)fix_number(digits);
	if (fix_not_digits(digits) || head->body_bytes > AIRNET_FIX_BYTES_MAX)
		return fix_head_slow(bytes, head);
	head->head_bytes = begin + n + 1;
	return 0;
}

static inline an_u32 fix_total(const struct fix_head *head)
{
	return head->head_bytes + head->body_bytes + FIX_TRAILER_BYTES;
}

/* Whether the whole message ends in <SOH>10=ddd<SOH> where BodyLength says. */
static inline int fix_is_framed(const an_u8 *bytes, const struct fix_head *head)
{
	const an_u8 *at = bytes + head->head_bytes + head->body_bytes;
	an_u64 end = fix_word(at - 1) ^ 0x013030303d303101ULL;

	/* "<SOH>10=000<SOH>" leaves digits: below 0x80 with 0x76 more. */
	return !(((end + 0x0076767600000000ULL) & 0x0080808000000000ULL) |
		 (end & 0xfff0f0f0ffffffffULL));
}

/* The three digits of a trailer that fix_is_framed has seen. */
static inline an_u32 fix_stated_sum(const an_u8 *trailer)
{
	return (an_u32)((trailer[3] - '0') * 100 + (trailer[4] - '0') * 10 +
			trailer[5] - '0');
}

#endif
