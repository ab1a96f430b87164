/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FIX values as integers, eight digits at a time (SWAR): each reader takes the whole
 * value or returns -1 and leaves *out alone. Types: FIX 4.4 Volume 1, "Data types".
 *
 * Words are loaded so that they end where the value ends. A value of n bytes lies in a
 * message behind at least "8=FIX<SOH>9=1<SOH>" and its own tag, so that FIX_BEFORE
 * bytes before it are the message's too.
 */
#ifndef AIRNET_FIXVALUE_H
#define AIRNET_FIXVALUE_H

#include "cursor.h"

#define FIX_INLINE static inline __attribute__((always_inline))
/* Not inlined, so that what calls it stays short. */
#define FIX_APART static __attribute__((noinline, unused))

#define FIX_SCALE 100000000 /* prices and quantities are value * 1e8 */
#define FIX_SCALE_DIGITS 8
#define FIX_DIGITS_MAX 18 /* of a sequence number or length: fits 64 bits */
#define FIX_S64_MAX 0x7fffffffffffffffLL
#define FIX_BEFORE 12
#define FIX_AFTER 8 /* <SOH> and the trailer */

#define FIX_EACH(byte) (0x0101010101010101ULL * (byte))
#define FIX_HIGH FIX_EACH(0x80)

static const an_u64 fix_tens[9] = {
	1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000,
};

static inline int fix_digit(an_u8 byte)
{
	return (an_u8)(byte - '0') <= 9;
}

static inline an_u64 fix_word(const an_u8 *at)
{
	an_u64 word;

	memcpy(&word, at, 8);
	return word;
}

/* The last n bytes before `end`, 1 to 8, in the high bytes of a word; zeros below. */
static inline an_u64 fix_tail(const an_u8 *end, size_t n)
{
	int shift = 64 - 8 * (int)n;

	return fix_word(end - 8) >> shift << shift;
}

/* As fix_tail, digits as 0 to 9. */
static inline an_u64 fix_digits(const an_u8 *end, size_t n)
{
	int shift = 64 - 8 * (int)n;

	return (fix_word(end - 8) ^ FIX_EACH('0')) >> shift << shift;
}

/* Nonzero when any byte is no digit. */
static inline an_u64 fix_not_digits(an_u64 digits)
{
	return ((digits + FIX_EACH(0x76)) | digits) & FIX_HIGH;
}

/* 0x80 in the lowest zero byte; bytes above it may be marked too. */
static inline an_u64 fix_first_zero(an_u64 word)
{
	return (word - FIX_EACH(1)) & ~word & FIX_HIGH;
}

/* The number that eight digits are: pairs, then fours, then all. */
static inline an_u64 fix_number(an_u64 digits)
{
	digits = digits * 10 + (digits >> 8);
	return (((digits & 0x000000ff000000ffULL) * 0x000f424000000064ULL) +
		((digits >> 16 & 0x000000ff000000ffULL) * 0x0000271000000001ULL)) >>
	       32;
}

/* As fix_unsigned, of more than eight bytes. */
FIX_APART int fix_long_unsigned(struct cursor value, an_u64 *out)
{
	size_t n = cursor_left(&value);
	an_u64 number = 0, digits, bad = 0, scale = 1;

	if (n > FIX_DIGITS_MAX)
		return -1;
	for (; n > 8; n -= 8) {
		digits = fix_digits(value.end, 8);
		bad |= fix_not_digits(digits);
		number += fix_number(digits) * scale;
		scale *= FIX_SCALE;
		value.end -= 8;
	}
	digits = fix_digits(value.end, n);
	if (bad | fix_not_digits(digits))
		return -1;
	*out = number + fix_number(digits) * scale;
	return 0;
}

/* int, SeqNum, Length: digits only; leading zeros are allowed. */
FIX_INLINE int fix_unsigned(struct cursor value, an_u64 *out)
{
	size_t n = cursor_left(&value);
	an_u64 digits;

	if (n == 0)
		return -1;
	if (__builtin_expect(n > 8, 0))
		return fix_long_unsigned(value, out);
	digits = fix_digits(value.end, n);
	if (fix_not_digits(digits))
		return -1;
	*out = fix_number(digits);
	return 0;
}

/* A number of any length without its sign, as fix_decimal. */
static inline int fix_long_decimal(struct cursor value, an_s64 *out)
{
	int decimals = -1, digits = 0, is_saturated = 0;
	an_s64 number = 0;

	for (; value.at != value.end; value.at++) {
		if (*value.at == '.' && decimals < 0) {
			decimals = 0;
			continue;
		}
		if (!fix_digit(*value.at))
			return -1;
		digits = 1;
		if (decimals == FIX_SCALE_DIGITS)
			continue;
		decimals += decimals >= 0;
		is_saturated |= __builtin_mul_overflow(number, 10, &number);
		is_saturated |=
			__builtin_add_overflow(number, *value.at - '0', &number);
	}
	if (!digits)
		return -1;
	for (decimals = decimals < 0 ? 0 : decimals; decimals < FIX_SCALE_DIGITS;
	     decimals++)
		is_saturated |= __builtin_mul_overflow(number, 10, &number);
	*out = is_saturated ? FIX_S64_MAX : number;
	return 0;
}

/* The bytes of `digits`, two words with the end of the number in `high`, without the
 * '.' at byte `place` of the sixteen. */
static inline void fix_close_up(an_u64 *low, an_u64 *high, int place)
{
	int shift = place % 8 * 8;
	an_u64 *word = place < 8 ? low : high;
	an_u64 below = *word & ((1ULL << shift) - 1);

	*word = (*word >> 8 >> shift << shift << 8) | below << 8;
	if (place >= 8) {
		*high |= *low >> 56;
		*low <<= 8;
	}
}

/* As fix_decimal, of 9 bytes or more without a sign. */
static inline int fix_wide_decimal(struct cursor value, an_s64 *out)
{
	size_t n = cursor_left(&value);
	an_u64 low, high, dot, dot_low;
	int decimals = 0, place;
	an_s64 number;

	if (n > 16)
		return fix_long_decimal(value, out);
	high = fix_digits(value.end, 8);
	low = fix_digits(value.end - 8, n - 8);
	dot = fix_first_zero(high ^ FIX_EACH('.' ^ '0'));
	dot_low = fix_first_zero(low ^ FIX_EACH('.' ^ '0'));
	if (dot | dot_low) {
		place = dot_low ? __builtin_ctzll(dot_low) >> 3
				: 8 + (__builtin_ctzll(dot) >> 3);
		decimals = 15 - place;
		fix_close_up(&low, &high, place);
		if (decimals > FIX_SCALE_DIGITS)
			return fix_long_decimal(value, out);
	}
	if (fix_not_digits(high) | fix_not_digits(low))
		return -1;
	number = (an_s64)fix_number(high) + (an_s64)fix_number(low) * FIX_SCALE;
	if (__builtin_mul_overflow(
		    number, (an_s64)fix_tens[FIX_SCALE_DIGITS - decimals], &number))
		number = FIX_S64_MAX;
	*out = number;
	return 0;
}

/* As fix_decimal, of 1 to 8 bytes without a sign: below 10**8, times 10**8 at most. */
static inline int fix_short_decimal(struct cursor value, an_s64 *out)
{
	size_t n = cursor_left(&value);
	an_u64 digits = fix_digits(value.end, n), below;
	an_u64 dot = fix_first_zero(digits ^ FIX_EACH('.' ^ '0'));
	an_u64 scale = FIX_SCALE;

	if (dot) {
		/* The lowest mark is in the first '.': bits below its byte. */
		below = ((dot & (0 - dot)) >> 7) - 1;
		scale = fix_tens[1 + ((unsigned)__builtin_ctzll(dot) >> 3)];
		digits = (digits & below) << 8 | (digits & ~(below << 8 | 0xff));
		if (n == 1)
			return -1;
	}
	if (fix_not_digits(digits))
		return -1;
	*out = (an_s64)(fix_number(digits) * scale);
	return 0;
}

/* float, Price, Qty: [-]digits[.digits]; no sign +, no exponent. More than eight
 * decimals are cut, values beyond 64 bits saturate. */
static inline int fix_decimal(struct cursor value, an_s64 *out)
{
	int is_negative = value.at != value.end && *value.at == '-', is_bad;
	an_s64 number;
	size_t n;

	value.at += is_negative;
	n = cursor_left(&value);
	if (n == 0)
		return -1;
	is_bad = n <= 8 ? fix_short_decimal(value, &number)
			: fix_wide_decimal(value, &number);
	if (is_bad)
		return -1;
	*out = is_negative ? -number : number;
	return 0;
}

#define FIX_KEY_START 0x9e3779b97f4a7c15ULL
#define FIX_KEY_FACTOR 0xff51afd7ed558ccdULL

/*
 * The 64-bit key of an identifier; never 0, which means absent. Bytes are taken as
 * little-endian words, the last one padded with zeros; the length is in the start
 * value. The multiplier is the first constant of MurmurHash3's 64-bit finalizer; the
 * start value's is 2**64 / golden ratio. Each step is a bijection of the state.
 */
static inline an_u64 fix_key_step(an_u64 key, an_u64 word)
{
	key = (key ^ word) * FIX_KEY_FACTOR;
	return key ^ key >> 32;
}

/* Keeps the compiler from computing a value only where it is used, by a branch. */
#define FIX_TAKEN(value) __asm__("" : "+r"(value))

/* How many words an identifier has cannot be foreseen: up to three are mixed without a
 * branch on it. FIX_AFTER bytes behind the value are the message's too. */
FIX_INLINE an_u64 fix_key(struct cursor value)
{
	size_t n = cursor_left(&value), rest = n;
	an_u64 key = FIX_KEY_START * (n + 1), next;
	const an_u8 *second;

	if (n == 0)
		return key;
	for (; __builtin_expect(rest > 24, 0); rest -= 8, value.at += 8)
		key = fix_key_step(key, fix_word(value.at));
	next = fix_key_step(key, fix_word(value.at));
	FIX_TAKEN(next);
	key = rest > 8 ? next : key;
	second = rest > 16 ? value.at + 8 : value.at;
	next = fix_key_step(key, fix_word(second));
	FIX_TAKEN(next);
	key = rest > 16 ? next : key;
	key = fix_key_step(key, fix_word(value.end - 8) >> (-8 * n & 63));
	return key ? key : 1;
}

#endif
