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
#define FIX_HEAD_LEAST (FIX_BEGIN_MAX + 8) /* for words */
#define FIX_MORE (-1)

struct fix_head {
	an_u32 head_bytes; /* of 8 and 9 with their <SOH> */
	an_u32 body_bytes;
	an_u8 version; /* as airnet_session.version */
	an_u8 has_two_blocks; /* to read from where it begins */
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

/* As fix_head, of any version and length; where there are FIX_HEAD_LEAST bytes. */
static inline int fix_head_any(struct cursor bytes, struct fix_head *head)
{
	an_u64 word, soh, digits;
	an_u32 begin, n;

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

/* What the eight bytes behind "8=FIX.4." are without those of a length of three digits
 * or two: the minor version first, the digits fifth. */
#define FIX_HEAD_3 0x013030303d390130ULL /* "0<SOH>9=000<SOH>" */
#define FIX_HEAD_2 0x000130303d390130ULL /* one byte less */
/* A byte below 0x80 with this more is one that may stand there: 0 to 4, 0 or 0 to 9. */
#define FIX_HEAD_SLACK_3 0x7f7676767f7f7f7bULL
#define FIX_HEAD_SLACK_2 0x007f76767f7f7f7bULL

/* What fix_head returns for a length that is `most` or less: 0, but where the limit is
 * lower, as when fuzzing. */
#define FIX_LENGTH_REASON(most, bytes) \
	(AIRNET_FIX_BYTES_MAX < (most) && (bytes) > AIRNET_FIX_BYTES_MAX \
		 ? AIRNET_MALFORMED_TOO_LONG \
		 : 0)

/* Read 8 and 9. Returns 0, FIX_MORE, or why the bytes are no message. How many digits
 * there are is foreseen by branches: where the next message begins waits for them. */
static inline int fix_head(struct cursor bytes, struct fix_head *head)
{
	an_u64 word, left;

	head->has_two_blocks = cursor_left(&bytes) >= 2 * FIX_BLOCK;
	if (cursor_left(&bytes) < FIX_HEAD_LEAST)
		return fix_head_slow(bytes, head);
	if (memcmp(bytes.at, "8=FIX.4.", 8) != 0)
		return fix_head_any(bytes, head);
	word = fix_word(bytes.at + 8);
	head->version = (an_u8)(40 + (word & 7));
	left = word ^ FIX_HEAD_3;
	if (!(((left + FIX_HEAD_SLACK_3) | left) & FIX_HIGH)) {
		head->head_bytes = 16;
		head->body_bytes = (an_u32)(bytes.at[12] * 100 + bytes.at[13] * 10 +
					    bytes.at[14] - '0' * 111);
		return FIX_LENGTH_REASON(999, head->body_bytes);
	}
	left = (word & ~0ULL >> 8) ^ FIX_HEAD_2;
	if (!(((left + FIX_HEAD_SLACK_2) | left) & FIX_HIGH)) {
		head->head_bytes = 15;
		head->body_bytes =
			(an_u32)(bytes.at[12] * 10 + bytes.at[13] - '0' * 11);
		return FIX_LENGTH_REASON(99, head->body_bytes);
	}
	return fix_head_any(bytes, head);
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

/* Numbers as three digits and <SOH>. */
#define FIX_TEXT(n) (0x01303030U + (n) / 100 + ((n) / 10 % 10 << 8) + ((n) % 10 << 16))
#define FIX_TEXTS_4(n) \
	FIX_TEXT(n), FIX_TEXT((n) + 1), FIX_TEXT((n) + 2), FIX_TEXT((n) + 3)
#define FIX_TEXTS_16(n) \
	FIX_TEXTS_4(n), FIX_TEXTS_4((n) + 4), FIX_TEXTS_4((n) + 8), \
		FIX_TEXTS_4((n) + 12)
#define FIX_TEXTS_64(n) \
	FIX_TEXTS_16(n), FIX_TEXTS_16((n) + 16), FIX_TEXTS_16((n) + 32), \
		FIX_TEXTS_16((n) + 48)
static const an_u32 fix_texts[256] = {
	FIX_TEXTS_64(0),
	FIX_TEXTS_64(64),
	FIX_TEXTS_64(128),
	FIX_TEXTS_64(192),
};

/* Whether a trailer that fix_is_framed has seen states the sum. */
static inline int fix_sum_is(const an_u8 *trailer, an_u32 sum)
{
	an_u32 text;

	memcpy(&text, trailer + 3, 4);
	return text == fix_texts[sum & 0xff];
}

#endif
